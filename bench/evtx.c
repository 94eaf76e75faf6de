/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records per second from the bytes of event log files to events with all their native fields:
 *
 *     bench_evtx [-r ROUNDS] FILE...
 *
 * Files are read before the clock starts; each chunk gets an arena that is cleared after it, as in the worker.
 */
#include "base/memory.h"
#include "decode/evtx.h"

struct total {
	uint64_t records, failed, fields, bytes;
};

static void
read_file(const char *path, struct buf *b)
{
	char part[65536];
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(1);
	}
	for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
		buf_add(b, str_from(part, n));
	fclose(f);
}

static void
run_file(struct str bytes, struct decode_context *c, struct total *t)
{
	struct evtx_file file;
	struct str chunk;
	if (evtx_open(bytes, &file) < 0)
		return;
	while (evtx_next_chunk(&file, &chunk)) {
		struct raw raw = {.bytes = chunk, .form = RAW_EVTX_CHUNK};
		struct decode_result got;
		if (evtx_decode_chunk(c, chunk, &raw, &got) < 0)
			got.failed++;
		for (uint32_t i = 0; i < got.count; i++)
			t->fields += got.event[i].field_count;
		t->records += got.count;
		t->failed += got.failed;
		t->bytes += chunk.n;
		arena_clear(c->arena);
	}
}

static double
seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	uint64_t rounds = 5;
	int first = 1;
	if (argc > 2 && strcmp(argv[1], "-r") == 0 && str_to_u64(str_z(argv[2]), &rounds))
		first = 3;
	struct arena arena;
	arena_init(&arena, 1 << 20, 64 << 20);
	struct names *names = names_new();
	struct decode_context c = {.names = names, .arena = &arena, .templates = evtx_cache_new()};
	struct buf *file = mem_calloc((size_t)argc, sizeof *file);
	for (int i = first; i < argc; i++)
		read_file(argv[i], &file[i]);
	for (uint64_t round = 0; round < rounds; round++) {
		struct total t = {0};
		double start = seconds();
		for (int i = first; i < argc; i++)
			run_file(buf_str(&file[i]), &c, &t);
		double took = seconds() - start;
		printf("%llu records, %llu failed, %llu fields, %.1f MB: %.0f records/s, %.0f MB/s\n",
		    (unsigned long long)t.records, (unsigned long long)t.failed, (unsigned long long)t.fields,
		    (double)t.bytes / 1e6, (double)t.records / took, (double)t.bytes / 1e6 / took);
	}
	for (int i = first; i < argc; i++)
		buf_release(&file[i]);
	mem_free(file);
	evtx_cache_free(c.templates);
	names_free(names);
	arena_release(&arena);
	return 0;
}
