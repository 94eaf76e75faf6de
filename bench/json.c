/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bench_json FILE.zst|FILE ...: megabytes and events in a second of json_parse() and json_index() on all their paths and of decode(), over
 * files of JSON lines that are unpacked first. The least disturbed of several passes over all of it, one thread.
 */
#include <stdio.h>
#include <time.h>
#include <zstd.h>

#include "base/json_index.h"
#include "base/json_scan.h"
#include "base/memory.h"
#include "decode/decode.h"

#define PASSES 9

struct load {
	struct buf text;
	struct str *line;
	size_t count, cap;
};

typedef void run_fn(const struct load *load, void *state);

static bool
add_file(struct load *load, const char *path)
{
	struct buf packed = BUF_INIT;
	FILE *f = fopen(path, "rb");
	char *room;
	size_t got = 0;
	while (f && (room = buf_room(&packed, 1 << 20)) && (got = fread(room, 1, 1 << 20, f)) > 0)
		packed.n += got;
	if (f)
		fclose(f);
	unsigned long long n = packed.n ? ZSTD_getFrameContentSize(packed.p, packed.n) : 0;
	room = n && n < (1u << 30) ? buf_room(&load->text, n) : NULL;
	got = room ? ZSTD_decompress(room, n, packed.p, packed.n) : 0;
	load->text.n += room && !ZSTD_isError(got) ? got : 0;
	buf_release(&packed);
	return room && !ZSTD_isError(got);
}

static void
split_lines(struct load *load)
{
	struct str rest = buf_str(&load->text), line;
	while (str_split(&rest, '\n', &line)) {
		line = str_trim(line);
		if (!line.n)
			continue;
		MEM_GROW(load->line, load->count, load->cap);
		load->line[load->count++] = line;
	}
}

static void
run_parse(const struct load *load, void *state)
{
	enum json_path path = *(enum json_path *)state;
	struct json j = {0};
	size_t used, failed = 0;
	for (size_t i = 0; i < load->count; i++)
		failed += json_parse_on(path, &j, load->line[i], &used, NULL) < 0;
	if (failed)
		printf("# %zu lines refused\n", failed);
	json_release(&j);
}

static void
run_index(const struct load *load, void *state)
{
	static struct json_index x;
	size_t none = 0;
	for (size_t i = 0; i < load->count; i++)
		none += !json_index_on(*(enum json_index_path *)state, &x, load->line[i]);
	if (none)
		printf("# %zu lines without an index\n", none);
}

static void
run_decode(const struct load *load, void *state)
{
	struct decoder *d = decoder_new(state);
	struct decode_result got;
	struct arena arena;
	arena_init(&arena, 1 << 20, 64 << 20);
	uint64_t fields = 0, core = 0;
	for (size_t i = 0; i < load->count; i++) {
		struct raw raw = {.bytes = load->line[i], .form = RAW_LINE};
		arena_clear(&arena); /* as the worker and scan do */
		if (decode(d, &raw, &arena, &got) < 0)
			continue;
		fields += got.event->field_count;
		for (uint32_t k = got.event->field_count; k && got.event->field[k - 1].core; k--)
			core++;
	}
	printf("# %.1f fields per event, %.1f of them core\n", (double)fields / (double)load->count,
	    (double)core / (double)load->count);
	arena_release(&arena);
	decoder_free(d);
}

static double
seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
measure(const char *name, const struct load *load, run_fn *run, void *state)
{
	double least = 1e9;
	for (size_t i = 0; i < PASSES; i++) {
		double start = seconds();
		run(load, state);
		double took = seconds() - start;
		least = took < least ? took : least;
	}
	printf("%-16s %7.0f MB/s %9.0f events/s %7.0f ns/event\n", name, (double)load->text.n / least / 1e6,
	    (double)load->count / least, least / (double)load->count * 1e9);
}

int
main(int argc, char **argv)
{
	struct load load = {0};
	struct names *names = names_new();
	enum json_path portable = JSON_PATH_PORTABLE, avx2 = JSON_PATH_AVX2;
	static const char *const index_name[] = {"index sse2", "index avx2", "index avx512"};
	for (int i = 1; i < argc; i++)
		if (!add_file(&load, argv[i]))
			printf("# cannot read %s\n", argv[i]);
	split_lines(&load);
	printf("# %zu events, %zu bytes, best of %d passes, CPU time\n", load.count, load.text.n, PASSES);
	if (load.count) {
		measure("parse portable", &load, run_parse, &portable);
		if (json_path_works(avx2))
			measure("parse avx2", &load, run_parse, &avx2);
		for (enum json_index_path path = JSON_INDEX_SSE2; path <= JSON_INDEX_AVX512; path++)
			if (json_index_works(path))
				measure(index_name[path], &load, run_index, &path);
		measure("decode", &load, run_decode, names);
	}
	names_free(names);
	mem_free(load.line);
	buf_release(&load.text);
	return 0;
}
