/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bench_detect MAP RULES FILE.zst|FILE ...: events in a second on one core over files of JSON lines, whole path (decode
 * and match, arena cleared every 64 KB as the worker does) and matching alone; memory and the time to load.
 *   bench_detect content/rules/map.yaml ../shared/corpora/sigma ../shared/corpora/lanes/structured_windows.ndjson.zst
 */
#include <fts.h>
#include <stdio.h>
#include <time.h>
#include <zstd.h>

#include "base/lang.h"
#include "base/memory.h"
#include "decode/decode.h"
#include "detect/sigma.h"

#define PASSES 3
#define BATCH_ARENA ((size_t)64 << 20)

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool
read_file(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "rb");
	char *room;
	size_t got;
	while (f && (room = buf_room(b, 1 << 20)) && (got = fread(room, 1, 1 << 20, f)) > 0)
		b->n += got;
	if (f)
		fclose(f);
	return f;
}

static bool
read_events(const char *path, struct buf *text)
{
	struct buf packed = BUF_INIT;
	if (!str_ends(str_z(path), STR(".zst")))
		return read_file(path, text);
	bool ok = read_file(path, &packed);
	unsigned long long n = ok ? ZSTD_getFrameContentSize(packed.p, packed.n) : 0;
	char *room = n && n < (1u << 30) ? buf_room(text, n) : NULL;
	size_t got = room ? ZSTD_decompress(room, n, packed.p, packed.n) : 0;
	text->n += room && !ZSTD_isError(got) ? got : 0;
	buf_release(&packed);
	return room && !ZSTD_isError(got);
}

static void
print_fault(void *user, const struct fault *f)
{
	struct buf line = BUF_INIT;
	lang_fault(&line, LANG_EN, f);
	printf("%.*s\n", STR_ARG(buf_str(&line)));
	buf_release(&line);
}

static void
add_rules(struct rules *r, char *folder)
{
	static const char *const paths[] = {"/regression_data", "/tests"};
	char *roots[] = {folder, NULL};
	FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	for (FTSENT *at; walk && (at = fts_read(walk));) {
		struct str path = str_z(at->fts_path);
		if (at->fts_info == FTS_D && (str_ends(path, str_z(paths[0])) || str_ends(path, str_z(paths[1]))))
			fts_set(walk, at, FTS_SKIP);
		if (at->fts_info != FTS_F || !str_ends(path, STR(".yml")))
			continue;
		struct buf text = BUF_INIT;
		if (read_file(at->fts_path, &text))
			rules_add(r, buf_str(&text), path, print_fault, NULL);
		buf_release(&text);
	}
	if (walk)
		fts_close(walk);
}

struct run {
	uint64_t events, findings;
	double decode, match, slowest;
};

static void
match_line(struct decoder *d, struct matcher *m, struct str line, struct arena *arena, struct run *run)
{
	struct raw raw = {.bytes = line, .form = RAW_LINE};
	struct decode_result got = {0};
	double start = now();
	if (decode(d, &raw, arena, &got) < 0)
		return;
	double middle = now();
	for (uint32_t i = 0; i < got.count; i++) {
		struct finding *finding;
		run->findings += matcher_match(m, &got.event[i], arena, &finding);
	}
	double end = now();
	run->decode += middle - start;
	run->match += end - middle;
	run->slowest = end - middle > run->slowest ? end - middle : run->slowest;
	run->events += got.count;
}

static void
run_file(struct decoder *d, struct matcher *m, struct str text)
{
	struct arena arena;
	arena_init(&arena, 1 << 20, BATCH_ARENA);
	for (int pass = 0; pass < PASSES; pass++) {
		struct run run = {0};
		struct str rest = text, line;
		size_t used = 0;
		while (str_split(&rest, '\n', &line)) {
			if (!line.n)
				continue;
			match_line(d, m, line, &arena, &run);
			if ((used += line.n) > BATCH_TARGET) {
				arena_clear(&arena);
				used = 0;
			}
		}
		double all = run.decode + run.match;
		printf("  %lu events, %lu findings: whole %.0f events/s, decode %.0f, match %.0f; slowest event %.1f ms; "
		       "matcher %zu KB\n", (unsigned long)run.events, (unsigned long)run.findings, (double)run.events / all,
		    (double)run.events / run.decode, (double)run.events / run.match, run.slowest * 1e3, matcher_bytes(m) >> 10);
	}
	arena_release(&arena);
}

int
main(int argc, char **argv)
{
	struct buf map = BUF_INIT;
	struct fault fault;
	if (argc < 3 || !read_file(argv[1], &map))
		return 2;
	double start = now();
	struct rules *r = rules_new();
	rules_add_placeholder(r, STR("known_cdcs"), &STR("cdc.example"), 1);
	if (rules_add_map(r, buf_str(&map), str_z(argv[1]), &fault) < 0) {
		print_fault(NULL, &fault);
		return 1;
	}
	add_rules(r, argv[2]);
	if (rules_finish(r, print_fault, NULL) < 0)
		return 1;
	struct rules_stats s = rules_stats(r);
	printf("%u files, %u rules, %u refused, %u not applicable, %zu KB, loaded in %.2f s\n", s.files, s.rules, s.refused,
	    s.not_applicable, s.bytes >> 10, now() - start);
	struct decoder *d = decoder_new(rules_names(r));
	struct matcher *m = matcher_new(r);
	for (int i = 3; i < argc; i++) {
		struct buf text = BUF_INIT;
		printf("%s\n", argv[i]);
		if (read_events(argv[i], &text))
			run_file(d, m, buf_str(&text));
		buf_release(&text);
	}
	matcher_free(m);
	decoder_free(d);
	rules_free(r);
	buf_release(&map);
	return 0;
}
