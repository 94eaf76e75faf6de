/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bench_detect [-w] MAP RULES FILE.zst|FILE ...: events in a second on one core over files of JSON lines, whole path (decode
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
	double decode, match, slowest; /* seconds; the slowest batch per event */
};

/* Lines worth BATCH_TARGET bytes: first decoded, then matched, each timed as a whole. */
static void
run_batch(struct decoder *d, struct matcher *m, struct str *rest, struct arena *arena, struct run *run)
{
	static struct decode_result got[BATCH_TARGET];
	static struct raw raw[BATCH_TARGET];
	struct str line;
	size_t used = 0, n = 0;
	double start = now();
	while (used < BATCH_TARGET && str_split(rest, '\n', &line)) {
		used += line.n + 1;
		raw[n] = (struct raw){.bytes = line, .form = RAW_LINE};
		n += line.n && decode(d, &raw[n], arena, &got[n]) == 0;
	}
	double middle = now();
	for (size_t k = 0; k < n; k++)
		for (uint32_t i = 0; i < got[k].count; i++) {
			struct finding *finding;
			run->findings += matcher_match(m, &got[k].event[i], arena, &finding);
			run->events++;
		}
	double end = now();
	run->decode += middle - start;
	run->match += end - middle;
	run->slowest = end - middle > run->slowest ? end - middle : run->slowest;
	arena_clear(arena);
}

static void
run_file(struct decoder *d, struct matcher *m, struct str text)
{
	struct arena arena;
	arena_init(&arena, 1 << 20, BATCH_ARENA);
	for (int pass = 0; pass < PASSES; pass++) {
		struct run run = {0};
		struct str rest = text;
		while (rest.n)
			run_batch(d, m, &rest, &arena, &run);
		double events = (double)run.events;
		printf("  %.0f events, %lu findings: whole %.0f events/s, decode %.0f, match %.0f; slowest batch %.1f ms; "
		       "matcher %zu KB\n", events, (unsigned long)run.findings, events / (run.decode + run.match),
		    events / run.decode, events / run.match, run.slowest * 1e3, matcher_bytes(m) >> 10);
	}
	arena_release(&arena);
}

/* What a worker does beside its first events. */
static void
warm_up(struct matcher *m)
{
	double start = now(), longest = 0;
	bool more = true;
	matcher_expect_warming(m);
	while (more) {
		double from = now();
		more = matcher_warm(m);
		longest = now() - from > longest ? now() - from : longest;
	}
	printf("warm in %.2f s, longest step %.1f ms\n", now() - start, longest * 1e3);
}

int
main(int argc, char **argv)
{
	struct buf map = BUF_INIT;
	struct fault fault;
	bool warm = argc > 1 && str_eq(str_z(argv[1]), STR("-w"));
	argc -= warm;
	argv += warm;
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
	if (warm)
		warm_up(m);
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
