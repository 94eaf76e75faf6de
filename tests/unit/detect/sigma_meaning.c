/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What an item of a rule means (Sigma specification 2.1.0, "Modifiers"), told from how it was made and not from how it is
 * read: patterns made letter by letter, networks bit by bit, texts hidden in base64. The engine and the slow evaluator share
 * what reads rules; here it is tried. Most values fit the pattern but for a letter.
 */
#include <openssl/evp.h>

#include "corpus.h"
#include "random.h"
#include "slow.h"
#include "tap.h"

#define RULES 25u

/* ---- rules of one item, and events ---- */

static struct rules *
rules_of_items(const struct buf *item, uint32_t count)
{
	struct rules *r = corpus_rules();
	struct faults faults = {0};
	for (uint32_t i = 0; i < count; i++) {
		struct buf text = BUF_INIT;
		buf_addf(&text, "title: t\nid: r%u\nlogsource: {product: test}\ndetection:\n  s:\n    %.*s\n  condition: s\n", i, STR_ARG(buf_str(&item[i])));
		rules_add(r, buf_str(&text), STR("r"), corpus_count_fault, &faults);
		if (faults.count)
			printf("# refused: %.*s\n", STR_ARG(buf_str(&item[i])));
		buf_release(&text);
	}
	CHECK_INT(rules_finish(r, corpus_count_fault, &faults), 0);
	CHECK_INT(faults.count, 0);
	return r;
}

struct judges {
	struct rules *r;
	struct matcher *m, *hasty;
	struct slow *slow;
	uint32_t wrong, met, asked;
};

static struct judges
judges_of(const struct buf *item, uint32_t count)
{
	struct judges j = {.r = rules_of_items(item, count)};
	j.m = matcher_new(j.r);
	j.hasty = matcher_new(j.r);
	matcher_forget(j.hasty);
	j.slow = slow_new(j.r);
	return j;
}

static void
judges_release(struct judges *j)
{
	slow_free(j->slow);
	matcher_free(j->m);
	matcher_free(j->hasty);
	rules_free(j->r);
}

/* Says of the event what was expected of each rule. */
static void
judge(struct judges *j, struct event *e, const bool *want, const struct buf *item)
{
	struct finding *f = NULL, *g = NULL;
	uint32_t n = matcher_match(j->m, e, e->arena, &f), k = matcher_match(j->hasty, e, e->arena, &g), at = 0;
	j->wrong += n != k;
	for (uint32_t i = 0; i < rules_count(j->r); i++) {
		bool fired = at < n && f[at].rule == rules_info(j->r, i);
		bool wrong = fired != want[i] || (at < n && at < k && f[at].rule != g[at].rule) || slow_match(j->slow, i, e) != want[i];
		at += fired;
		j->asked++;
		j->met += fired;
		if (wrong && j->wrong++ < 5) {
			printf("# %.*s: fired %d, wanted %d\n", STR_ARG(buf_str(&item[i])), fired, want[i]);
			for (uint32_t l = 0; l < e->field_count; l++)
				printf("#   %.*s = '%.*s'\n", STR_ARG(e->field[l].name), STR_ARG(e->field[l].value));
		}
	}
}

static void
begin_event(struct event *e, struct arena *arena)
{
	event_begin(e, arena, NULL);
	e->decoder = DECODER_JSON;
	e->product = STR("test");
}

/* ---- patterns ---- */

enum { ANY, ONE, LETTERS };

/* ANY, ONE, or LETTERS and the number of a letter. */
struct pattern {
	uint8_t unit[12];
	uint32_t n;
};

/* Each letter, and the number of its lower case. */
static const struct {
	const char *text;
	uint8_t lower;
} letter[] = {{"a", 0}, {"A", 0}, {"b", 2}, {"B", 2}, {"1", 4}, {"-", 5}, {" ", 6}, {"\xc4\x91", 7}, {"\xc4\x90", 7}, {"*", 9}, {"?", 10},
	{"\\", 11}, {"/", 12}, {"\xe1\xba\x9e", 14}, {"\xc3\x9f", 14}, {"%", 15}};

#define BACKSLASH (LETTERS + 11u)

static uint8_t
random_letter(void)
{
	return (uint8_t)(LETTERS + (pick(3) ? pick(6) : pick(COUNT(letter))));
}

static struct pattern
random_pattern(void)
{
	struct pattern p = {.n = pick(7)};
	for (uint32_t i = 0; i < p.n; i++)
		p.unit[i] = pick(5) ? random_letter() : (uint8_t)pick(2);
	return p;
}

/* As a rule says it: letters that mean something take a backslash, and a backslash one when it would else mean something. */
static void
write_pattern(struct buf *b, const struct pattern *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		uint8_t u = p->unit[i], next = i + 1 < p->n ? p->unit[i + 1] : LETTERS;
		const char *text = u == ANY ? "*" : u == ONE ? "?" : letter[u - LETTERS].text;
		bool special = u >= LETTERS && (*text == '*' || *text == '?');
		bool must = u == BACKSLASH && (next < LETTERS || strchr("*?\\", *letter[next - LETTERS].text));
		if (special || must || (u == BACKSLASH && pick(2)))
			buf_add_char(b, '\\');
		buf_add(b, str_z(text));
	}
}

/* A value: letters only. Made from the pattern, so that it fits; then, mostly, something is changed. */
static struct pattern
random_value(const struct pattern *p)
{
	struct pattern v = {0};
	for (uint32_t i = pick(3) ? 2 : pick(2); i > 0; i--)
		v.unit[v.n++] = random_letter();
	v.n = pick(2) ? v.n : 0;
	for (uint32_t i = 0; i < p->n && v.n < COUNT(v.unit); i++) {
		uint32_t times = p->unit[i] == ANY ? pick(3) : 1;
		for (; times > 0 && v.n < COUNT(v.unit); times--)
			v.unit[v.n++] = p->unit[i] < LETTERS ? random_letter() : p->unit[i];
	}
	while (pick(4) == 0 && v.n < COUNT(v.unit))
		v.unit[v.n++] = random_letter();
	if (pick(2) && v.n)
		v.unit[pick(v.n)] = random_letter();
	return v;
}

static bool
fits(const uint8_t *p, uint32_t pn, const uint8_t *v, uint32_t vn, bool cased)
{
	if (!pn)
		return !vn;
	if (*p == ANY)
		return fits(p + 1, pn - 1, v, vn, cased) || (vn && fits(p, pn, v + 1, vn - 1, cased));
	if (!vn)
		return false;
	bool same = *p == ONE || *p == *v || (!cased && letter[*p - LETTERS].lower == letter[*v - LETTERS].lower);
	return same && fits(p + 1, pn - 1, v + 1, vn - 1, cased);
}

struct item {
	struct pattern pattern[3];
	uint32_t patterns;
	bool front, back, all, cased, neq;
};

static struct item
random_item(struct buf *b)
{
	static const char *const like[] = {"", "|endswith", "|startswith", "|contains"};
	uint32_t kind = pick(COUNT(like));
	struct item it = {.patterns = 1 + pick(3), .front = kind & 1, .back = kind & 2, .all = pick(4) == 0, .cased = pick(4) == 0, .neq = pick(4) == 0};
	buf_addf(b, "A%s%s%s%s: [", like[kind], it.cased ? "|cased" : "", it.all ? "|all" : "", it.neq ? "|neq" : "");
	for (uint32_t i = 0; i < it.patterns; i++) {
		buf_add(b, i ? STR(", '") : STR("'"));
		it.pattern[i] = random_pattern();
		write_pattern(b, &it.pattern[i]);
		buf_add_char(b, '\'');
	}
	buf_add_char(b, ']');
	return it;
}

static bool
pattern_fits(const struct item *it, const struct pattern *p, const struct pattern *v)
{
	uint8_t unit[16];
	uint32_t n = 0;
	if (it->front)
		unit[n++] = ANY;
	for (uint32_t i = 0; i < p->n; i++)
		unit[n++] = p->unit[i];
	if (it->back)
		unit[n++] = ANY;
	return fits(unit, n, v->unit, v->n, it->cased);
}

static bool
item_holds(const struct item *it, const struct pattern *value, uint32_t values)
{
	uint32_t held = 0;
	for (uint32_t i = 0; i < it->patterns; i++) {
		bool any = false;
		for (uint32_t k = 0; k < values; k++)
			any |= pattern_fits(it, &it->pattern[i], &value[k]);
		held += any;
	}
	return (it->all ? held == it->patterns : held > 0) != it->neq;
}

TEST(patterns)
{
	uint32_t wrong = 0, met = 0, asked = 0;
	random_start(9);
	for (uint32_t round = 0; round < 60; round++) {
		struct buf text[RULES] = {0};
		struct item item[RULES];
		for (uint32_t i = 0; i < RULES; i++) {
			text[i] = BUF_INIT;
			item[i] = random_item(&text[i]);
		}
		struct judges j = judges_of(text, RULES);
		for (uint32_t k = 0; k < 150; k++) {
			struct arena arena;
			struct event e;
			struct pattern value[2];
			bool want[RULES];
			uint32_t values = pick(8) ? 1 : pick(3);
			arena_init(&arena, 4096, 1 << 20);
			begin_event(&e, &arena);
			for (uint32_t i = 0; i < values; i++) {
				struct buf b = BUF_INIT;
				struct str s;
				const struct item *like = &item[pick(RULES)];
				value[i] = random_value(&like->pattern[pick(like->patterns)]);
				for (uint32_t l = 0; l < value[i].n; l++)
					buf_add(&b, str_z(letter[value[i].unit[l] - LETTERS].text));
				CHECK(arena_copy(&arena, buf_str(&b), &s));
				event_put(&e, rules_names(j.r), STR("A"), s, FIELD_TEXT, false);
				buf_release(&b);
			}
			if (pick(8) == 0)
				event_put(&e, rules_names(j.r), STR("A"), STR(""), FIELD_NULL, false);
			for (uint32_t i = 0; i < RULES; i++)
				want[i] = item_holds(&item[i], value, values);
			judge(&j, &e, want, text);
			arena_release(&arena);
		}
		wrong += j.wrong;
		met += j.met;
		asked += j.asked;
		judges_release(&j);
		for (uint32_t i = 0; i < RULES; i++)
			buf_release(&text[i]);
	}
	printf("# %u pairs, %u matches\n", asked, met);
	CHECK_INT(wrong, 0);
	CHECK(met > asked / 10 && met < asked / 2);
}

/* ---- networks ---- */

struct address {
	bool v6;
	uint8_t byte[16];
};

static struct address
random_address(void)
{
	struct address a = {.v6 = pick(2)};
	for (size_t i = 0; i < sizeof a.byte; i++)
		a.byte[i] = (uint8_t)(pick(3) ? pick(256) : 0);
	return a;
}

static void
write_address(struct buf *b, const struct address *a)
{
	for (int i = 0; !a->v6 && i < 4; i++)
		buf_addf(b, "%s%u", i ? "." : "", a->byte[i]);
	bool upper = pick(2);
	for (int i = 0; a->v6 && i < 8; i++)
		buf_addf(b, upper ? "%s%X" : "%s%x", i ? ":" : "", a->byte[2 * i] << 8 | a->byte[2 * i + 1]);
}

TEST(networks)
{
	struct buf text[RULES];
	uint32_t bits[RULES], wrong = 0, met = 0, asked = 0;
	struct address net[RULES];
	random_start(4);
	for (uint32_t round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < RULES; i++) {
			text[i] = BUF_INIT;
			net[i] = random_address();
			bits[i] = pick(net[i].v6 ? 129 : 33);
			buf_add(&text[i], STR("A|cidr: '"));
			write_address(&text[i], &net[i]);
			buf_addf(&text[i], "/%u'", bits[i]);
		}
		struct judges j = judges_of(text, RULES);
		for (uint32_t k = 0; k < 300; k++) {
			struct arena arena;
			struct event e;
			struct buf b = BUF_INIT;
			bool want[RULES];
			struct address a = pick(4) ? net[pick(RULES)] : random_address();
			uint32_t flip = pick(a.v6 ? 128 : 32);
			a.byte[flip / 8] ^= (uint8_t)(pick(4) ? 0x80 >> flip % 8 : 0);
			write_address(&b, &a);
			for (uint32_t i = 0; i < RULES; i++) {
				want[i] = net[i].v6 == a.v6;
				for (uint32_t bit = 0; bit < bits[i]; bit++)
					want[i] &= !((net[i].byte[bit / 8] ^ a.byte[bit / 8]) & 0x80 >> bit % 8);
			}
			arena_init(&arena, 4096, 1 << 20);
			begin_event(&e, &arena);
			event_put(&e, rules_names(j.r), STR("A"), buf_str(&b), FIELD_TEXT, false);
			judge(&j, &e, want, text);
			arena_release(&arena);
			buf_release(&b);
		}
		wrong += j.wrong;
		met += j.met;
		asked += j.asked;
		judges_release(&j);
		for (uint32_t i = 0; i < RULES; i++)
			buf_release(&text[i]);
	}
	CHECK_INT(wrong, 0);
	CHECK(met > asked / 50);
}

/* ---- base64 ---- */

/* At every place of a group, and with every rest behind it; a letter of it changed, and it is not there. */
TEST(texts_hidden_in_base64)
{
	random_start(64);
	for (uint32_t length = 3; length < 12; length++) {
		char word[16], hidden[64];
		unsigned char code[128];
		struct buf text[1] = {BUF_INIT};
		for (uint32_t i = 0; i < length; i++)
			word[i] = (char)('a' + pick(26));
		buf_addf(text, "A|base64offset|contains: '%.*s'", (int)length, word);
		struct judges j = judges_of(text, 1);
		for (uint32_t front = 0; front < 7; front++)
			for (uint32_t back = 0; back < 7; back++)
				for (uint32_t change = 0; change < length - 1; change++) {
					struct arena arena;
					struct event e;
					uint32_t n = front + length + back;
					for (uint32_t i = 0; i < n; i++)
						hidden[i] = (char)('A' + pick(26));
					memcpy(hidden + front, word, length);
					if (change)
						hidden[front + change] ^= (char)(1 + pick(31));
					int got = EVP_EncodeBlock(code, (const unsigned char *)hidden, (int)n);
					arena_init(&arena, 4096, 1 << 20);
					begin_event(&e, &arena);
					event_put(&e, rules_names(j.r), STR("A"), str_from((const char *)code, (size_t)got), FIELD_TEXT, false);
					judge(&j, &e, (const bool[]){change == 0}, text);
					arena_release(&arena);
				}
		CHECK_INT(j.wrong, 0);
		CHECK_INT(j.met, 49);
		judges_release(&j);
		buf_release(text);
	}
}
