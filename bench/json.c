/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bench_json FILE.zst ...: megabytes and events in a second of json_parse() on both paths and of decode_json(), over
 * files of JSON lines that are unpacked first. Medians of several passes over all of it, one thread.
 */
#include <stdio.h>
#include <time.h>
#include <zstd.h>

#include "base/json_scan.h"
#include "base/memory.h"
#include "decode/decode.h"

#define PASSES 7

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
run_decode(const struct load *load, void *state)
{
	struct json j = {0};
	struct arena arena;
	arena_init(&arena, 1 << 20, 64 << 20);
	struct decode_context c = {.names = state, .arena = &arena, .json = &j, .zone = TIME_ZONE_VIETNAM};
	uint64_t fields = 0, core = 0;
	for (size_t i = 0; i < load->count; i++) {
		struct raw raw = {.bytes = load->line[i], .form = RAW_LINE};
		struct event e;
		if (i % 32 == 0)
			arena_clear(&arena);
		event_begin(&e, &arena, &raw);
		if (decode_json(&c, raw.bytes, &e) == 0) {
			fields += e.field_count;
			for (uint32_t k = e.field_count; k && e.field[k - 1].core; k--)
				core++;
		}
	}
	printf("# %.1f fields per event, %.1f of them core\n", (double)fields / (double)load->count,
	    (double)core / (double)load->count);
	arena_release(&arena);
	json_release(&j);
}

static double
seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void
measure(const char *name, const struct load *load, run_fn *run, void *state)
{
	double took[PASSES];
	for (size_t i = 0; i < PASSES; i++) {
		double start = seconds();
		run(load, state);
		took[i] = seconds() - start;
	}
	qsort(took, PASSES, sizeof took[0], by_size);
	double median = took[PASSES / 2];
	printf("%-16s %7.0f MB/s %9.0f events/s %7.0f ns/event\n", name, (double)load->text.n / median / 1e6,
	    (double)load->count / median, median / (double)load->count * 1e9);
}

int
main(int argc, char **argv)
{
	struct load load = {0};
	struct names *names = names_new();
	enum json_path portable = JSON_PATH_PORTABLE, avx2 = JSON_PATH_AVX2;
	for (int i = 1; i < argc; i++)
		if (!add_file(&load, argv[i]))
			printf("# cannot read %s\n", argv[i]);
	split_lines(&load);
	printf("# %zu events, %zu bytes, medians of %d passes, CPU time\n", load.count, load.text.n, PASSES);
	if (load.count) {
		measure("parse portable", &load, run_parse, &portable);
		if (json_path_works(avx2))
			measure("parse avx2", &load, run_parse, &avx2);
		measure("decode_json", &load, run_decode, names);
	}
	names_free(names);
	mem_free(load.line);
	buf_release(&load.text);
	return 0;
}
