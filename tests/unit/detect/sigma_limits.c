/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a matcher meets only after long, or in odd places: more kinds of events than it keeps plans for, caches that fill up,
 * values that stop repeating and begin again, values that end where memory does. What must fire is told by how the events
 * were made.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "corpus.h"
#include "detect/sieve.h"
#include "detect/sigma_internal.h"
#include "random.h"
#include "slow.h"
#include "tap.h"

#define WORDS 20u

/* ---- rules and events ---- */

static struct rules *
rules_of(const char *map, const struct buf *text)
{
	struct rules *r = rules_new();
	struct faults faults = {0};
	struct fault fault = {0};
	CHECK_INT(rules_add_map(r, str_z(map), STR("map"), &fault), 0);
	rules_add(r, buf_str(text), STR("r"), corpus_count_fault, &faults);
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK_INT(faults.count, 0);
	return r;
}

static void
add_rule(struct buf *b, uint32_t number, const char *source, const char *detection)
{
	buf_addf(b, "%stitle: t\nid: r%u\nlogsource: {%s}\ndetection:\n%s", number ? "---\n" : "", number, source, detection);
}

static void
windows_event(struct event *e, struct arena *arena, const struct names *names, const char *code)
{
	event_begin(e, arena, NULL);
	e->decoder = DECODER_EVTX;
	e->channel = STR("x");
	e->code = str_z(code);
	event_put(e, names, STR("EventID"), e->code, FIELD_NUMBER, false);
}

/* ---- plans ---- */

TEST(more_kinds_of_events_than_plans)
{
	enum { KINDS = 400, EVENTS = 6000 };
	struct buf text = BUF_INIT;
	char detection[128], code[16];
	uint32_t wrong = 0, fired = 0;
	for (uint32_t i = 0; i < KINDS; i++) {
		snprintf(detection, sizeof detection, "  s: {EventID: %u, A|contains: abc, B|endswith: x}\n  condition: s\n", i);
		add_rule(&text, i, "product: windows", detection);
	}
	struct rules *r = rules_of("sources:\n- {product: windows, when: {channel: x}}\n", &text);
	struct matcher *m = matcher_new(r);
	random_start(400);
	for (uint32_t i = 0; i < EVENTS; i++) {
		struct arena arena;
		struct event e;
		struct finding *finding = NULL;
		uint32_t kind = pick(KINDS + 10), n;
		bool a = pick(2), b = pick(2);
		arena_init(&arena, 4096, 1 << 20);
		snprintf(code, sizeof code, "%u", kind);
		windows_event(&e, &arena, rules_names(r), code);
		event_put(&e, rules_names(r), STR("A"), a ? STR("an abc") : STR("an abd"), FIELD_TEXT, false);
		event_put(&e, rules_names(r), STR("B"), b ? STR("X") : STR("Y"), FIELD_TEXT, false);
		n = matcher_match(m, &e, &arena, &finding);
		wrong += n != (a && b && kind < KINDS) || (n && rules_index(finding->rule) != kind);
		fired += n;
		arena_release(&arena);
	}
	CHECK_INT(wrong, 0);
	CHECK(fired > EVENTS / 8);
	CHECK(matcher_bytes(m) < (size_t)100 << 20);
	matcher_free(m);
	rules_free(r);
	buf_release(&text);
}

/* A log source may come from many places at once, and each has names of its own; of too many the map is refused. */
TEST(a_source_of_many_rows)
{
	enum { ROWS = SOURCE_MAX_ROWS };
	struct buf map = BUF_INIT, text = BUF_INIT;
	struct fault fault = {0};
	char name[16];
	uint32_t fired = 0, agreed = 0;
	buf_add(&map, STR("sources:\n"));
	for (uint32_t i = 0; i < ROWS; i++)
		buf_addf(&map, "- {category: c, when: {channel: x}, rename: {A: F%u}}\n", i);
	add_rule(&text, 0, "category: c", "  s: {A: yes}\n  condition: s\n");
	struct rules *r = rules_of(map.p, &text);
	struct matcher *m = matcher_new(r);
	struct slow *slow = slow_new(r);
	for (uint32_t i = 0; i < ROWS; i++) {
		struct arena arena;
		struct event e;
		struct finding *finding;
		arena_init(&arena, 4096, 1 << 20);
		snprintf(name, sizeof name, "F%u", i);
		windows_event(&e, &arena, rules_names(r), "1");
		event_put(&e, rules_names(r), str_z(name), STR("yes"), FIELD_TEXT, false);
		bool fires = matcher_match(m, &e, &arena, &finding) == 1;
		fired += fires;
		agreed += fires == slow_match(slow, 0, &e);
		arena_release(&arena);
	}
	CHECK_INT(fired, ROWS);
	CHECK_INT(agreed, ROWS);
	slow_free(slow);
	matcher_free(m);
	rules_free(r);
	buf_add(&map, STR("- {category: c, when: {channel: y}}\n"));
	r = rules_new();
	CHECK_INT(rules_add_map(r, buf_str(&map), STR("map"), &fault), E_LIMIT);
	CHECK_INT(fault.line, ROWS + 2);
	rules_free(r);
	buf_release(&map);
	buf_release(&text);
}

/* ---- caches ---- */

#define MORE 10u
#define FLOOD_RULES ((2 + MORE) * WORDS)

struct flood {
	struct rules *r;
	struct matcher *m;
	uint32_t codes, wrong, fired, bytes;
	char a[1100], b[1100], code[16];
	uint32_t a_words, b_words; /* as bits */
	bool more;                 /* fields */
};

static const char *const more[MORE] = {"C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9"};
static const char *const words[WORDS] = {"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo",
	"lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango"};

/* Rules 0 .. WORDS - 1: the word in A; WORDS ..: in A and not in B; 2 * WORDS ..: in one of MORE fields that say what B does;
 * then one for each code. */
static void
flood_begin(struct flood *f, uint32_t codes, uint32_t bytes)
{
	struct buf text = BUF_INIT;
	char detection[160];
	for (uint32_t i = 0; i < FLOOD_RULES + codes; i++) {
		const char *w = words[i % WORDS];
		if (i < WORDS)
			snprintf(detection, sizeof detection, "  s: {A|contains: %s}\n  condition: s\n", w);
		else if (i < 2 * WORDS)
			snprintf(detection, sizeof detection, "  s: {A|contains: %s}\n  t: {B|contains: %s}\n  condition: s and not t\n", w, w);
		else if (i < FLOOD_RULES)
			snprintf(detection, sizeof detection, "  s: {C%u|contains: %s}\n  condition: s\n", i / WORDS - 2, w);
		else
			snprintf(detection, sizeof detection, "  s: {EventID: %u, A: nothing}\n  condition: s\n", i - FLOOD_RULES);
		add_rule(&text, i, "product: windows", detection);
	}
	*f = (struct flood){.codes = codes, .bytes = bytes};
	f->r = rules_of("sources:\n- {product: windows, when: {channel: x}}\n", &text);
	f->m = matcher_new(f->r);
	buf_release(&text);
}

static uint32_t
flood_value(const struct flood *f, char *out, uint32_t number)
{
	uint32_t n = (uint32_t)snprintf(out, 32, "%u", number), set = pick(1u << WORDS) & pick(1u << WORDS);
	for (uint32_t i = 0; i < WORDS; i++)
		if (set >> i & 1)
			n += (uint32_t)snprintf(out + n, 32, " %s", words[i]);
	while (n < f->bytes)
		out[n++] = '.';
	out[n] = '\0';
	return set;
}

static void
flood_event(struct flood *f)
{
	struct arena arena;
	struct event e;
	struct finding *finding = NULL;
	uint32_t at = 0;
	arena_init(&arena, 64 << 10, 1 << 20);
	windows_event(&e, &arena, rules_names(f->r), f->code);
	event_put(&e, rules_names(f->r), STR("A"), str_z(f->a), FIELD_TEXT, false);
	event_put(&e, rules_names(f->r), STR("B"), str_z(f->b), FIELD_TEXT, false);
	for (uint32_t i = 0; f->more && i < MORE; i++)
		event_put(&e, rules_names(f->r), str_z(more[i]), str_z(f->b), FIELD_TEXT, false);
	uint32_t n = matcher_match(f->m, &e, &arena, &finding);
	for (uint32_t i = 0; i < FLOOD_RULES; i++) {
		bool a = f->a_words >> i % WORDS & 1, b = f->b_words >> i % WORDS & 1;
		bool want = i < WORDS ? a : i < 2 * WORDS ? a && !b : f->more && b;
		bool fired = at < n && rules_index(finding[at].rule) == i;
		at += fired;
		f->wrong += fired != want;
	}
	f->wrong += at != n;
	f->fired += n;
	arena_release(&arena);
}

/* `a_every`, `b_every`: events after which another value comes. */
static void
flood_events(struct flood *f, uint32_t events, uint32_t a_every, uint32_t b_every, uint32_t values)
{
	for (uint32_t i = 0; i < events; i++) {
		if (i % a_every == 0)
			snprintf(f->code, sizeof f->code, "%u", pick(f->codes));
		if (i % a_every == 0)
			f->a_words = flood_value(f, f->a, values ? pick(values) : i);
		if (i % b_every == 0)
			f->b_words = flood_value(f, f->b, values ? pick(values) : i);
		flood_event(f);
	}
}

static void
flood_end(struct flood *f)
{
	CHECK_INT(f->wrong, 0);
	CHECK(f->fired > 1000);
	CHECK(matcher_bytes(f->m) < (size_t)100 << 20);
	matcher_free(f->m);
	rules_free(f->r);
}

TEST(caches_fill_up)
{
	static const struct {
		uint32_t codes, bytes, events, every; /* the last: values too long to be kept, whose classes are */
	} row[] = {{1, 900, 45000, 2}, {1, 60, 100000, 2}, {1, 20, 200000, 2}, {6, 900, 110000, 2}, {1, 1060, 16000, 1}};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct flood f;
		random_start(i);
		flood_begin(&f, row[i].codes, row[i].bytes);
		f.more = row[i].every == 1;
		flood_events(&f, row[i].events, 2 * row[i].every, row[i].every, 0);
		flood_end(&f);
	}
}

TEST(values_stop_repeating_and_begin_again)
{
	struct flood f;
	random_start(3);
	flood_begin(&f, 1, 30);
	for (uint32_t i = 0; i < 3; i++) {
		flood_events(&f, 2000, 4, 2, 0);
		flood_events(&f, 10000, 1, 1, 0);
		flood_events(&f, 3000, 1, 1, 3);
	}
	flood_end(&f);
}

/* ---- ends of memory ---- */

/* A piece of memory between two pages that nobody may touch. */
struct fenced {
	char *p;
	size_t n, page;
};

static struct fenced
fence(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK(mprotect(p, page, PROT_NONE) == 0 && mprotect(p + 2 * page, page, PROT_NONE) == 0);
	return (struct fenced){p + page, page, page};
}

static void
unfence(struct fenced *f)
{
	munmap(f->p - f->page, 3 * f->page);
}

/* A value of n bytes at the front or at the end of it, with a word at its own front, end, or nowhere. */
static struct str
fenced_value(const struct fenced *f, size_t n, bool at_end, const char *word, uint32_t where)
{
	char *p = at_end ? f->p + f->n - n : f->p;
	size_t length = strlen(word);
	memset(p, 'x', n);
	if (where && n >= length)
		memcpy(where == 1 ? p : p + n - length, word, length);
	return str_from(p, n);
}

#define EDGES 200u

TEST(values_that_end_where_memory_does)
{
	struct buf text = BUF_INIT;
	struct fenced f = fence();
	uint32_t wrong = 0;
	add_rule(&text, 0, "product: windows", "  s: {A|contains: needle, B: null}\n  condition: s\n");
	add_rule(&text, 1, "product: windows", "  s: {A|re: 'ne{2}dle'}\n  condition: s\n");
	add_rule(&text, 2, "product: windows", "  s: {A: '*n?e*dle*'}\n  condition: s\n");
	add_rule(&text, 3, "product: windows", "  s: {A|startswith: needle}\n  condition: s\n");
	add_rule(&text, 4, "product: windows", "  s: {A|endswith: needle}\n  condition: s\n");
	add_rule(&text, 5, "product: windows", "  s: [needle]\n  condition: s\n");
	struct rules *r = rules_of("sources:\n- {product: windows, when: {channel: x}}\n", &text);
	struct matcher *m = matcher_new(r), *hasty = matcher_new(r);
	matcher_forget(hasty);
	for (uint32_t n = 6; n < EDGES; n++)
		for (uint32_t k = 0; k < 12; k++) {
			struct arena arena;
			struct event e;
			struct finding *finding = NULL;
			uint32_t where = k / 2 % 3, want = where == 0 ? 0 : n == 6 ? 6 : 5;
			struct str value = fenced_value(&f, n, k % 2, "NeeDle", where);
			if (where) /* expressions tell cases apart */
				memcpy((char *)(uintptr_t)value.p + (where == 1 ? 0 : n - 6), "needle", k < 6 ? 6 : 0);
			want -= where && k >= 6;
			arena_init(&arena, 4096, 1 << 20);
			windows_event(&e, &arena, rules_names(r), "1");
			event_put(&e, rules_names(r), STR("A"), value, FIELD_TEXT, false);
			wrong += matcher_match(m, &e, &arena, &finding) != want;
			wrong += matcher_match(hasty, &e, &arena, &finding) != want;
			arena_release(&arena);
		}
	CHECK_INT(wrong, 0);
	matcher_free(m);
	matcher_free(hasty);
	rules_free(r);
	buf_release(&text);
	unfence(&f);
}

TEST(lines_that_end_where_memory_does)
{
	static const struct str word[] = {STR_INIT("needle"), STR_INIT("dl")};
	struct fenced f = fence();
	struct arena arena;
	uint32_t wrong = 0;
	arena_init(&arena, 4096, 1 << 20);
	for (uint32_t count = 1; count <= COUNT(word); count++) {
		const struct sieve *s = sieve_new(&arena, word, count);
		for (uint32_t n = 0; n < EDGES; n++)
			for (uint32_t k = 0; k < 6; k++)
				for (enum sieve_path path = SIEVE_PORTABLE; path < SIEVE_PATHS; path++)
					wrong += sieve_path_works(path) &&
					    sieve_finds_on(path, s, fenced_value(&f, n, k % 2, "nEEdle", k / 2)) != (k / 2 && n >= 6);
	}
	CHECK_INT(wrong, 0);
	arena_release(&arena);
	unfence(&f);
}
