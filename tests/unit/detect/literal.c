/* SPDX-License-Identifier: EUPL-1.2 */
/* Literals in values beside a plain search: few and many, short and long, of ASCII and beyond, at every place. */
#include "base/memory.h"
#include "detect/literal.h"
#include "random.h"
#include "tap.h"

#define ROUNDS 400
#define MAX_LITERALS 600u
#define MAX_TEXT 24u
#define MAX_VALUE 300u

/* Few letters, so that literals overlap and stand in values by chance. */
static void
random_text(char *to, uint32_t n, bool beyond)
{
	static const char letter[] = "abc\xc3\xa9";
	for (uint32_t i = 0; i < n; i++)
		to[i] = letter[pick(beyond ? 5 : 3)];
}

static bool
plainly(const struct literal *l, struct str value)
{
	switch ((enum literal_anchor)l->anchor) {
	case LITERAL_WHOLE:
		return str_eq(value, l->text);
	case LITERAL_PREFIX:
		return str_starts(value, l->text);
	case LITERAL_SUFFIX:
		return str_ends(value, l->text);
	default:
		return str_find(value, l->text) >= 0;
	}
}

/* How many literals are told wrongly or twice. */
static uint32_t
wrongly_told(const struct literal_index *x, const struct literal *l, uint32_t count, struct str value,
    struct literal_scan *s)
{
	uint8_t told[MAX_LITERALS] = {0};
	uint32_t wrong = 0;
	literal_index_scan(x, value, s);
	for (uint32_t i = 0; i < s->hits; i++)
		told[s->hit[i]]++;
	for (uint32_t i = 0; i < count; i++)
		wrong += told[i] != plainly(&l[i], value);
	return wrong;
}

TEST(each_literal_is_told_once_and_where_it_stands)
{
	static char text[MAX_LITERALS][MAX_TEXT], value[MAX_VALUE];
	struct literal l[MAX_LITERALS];
	struct literal_scan scan = {0};
	uint32_t wrong = 0, found = 0;
	random_start(UINT64_C(0x11fe2a15));
	for (int round = 0; round < ROUNDS; round++) {
		struct arena a;
		uint32_t count = round % 2 ? 1 + pick(40) : 1 + pick(MAX_LITERALS);
		arena_init(&a, 64 << 10, 16 << 20);
		for (uint32_t i = 0; i < count; i++) {
			uint32_t n = 1 + pick(MAX_TEXT);
			random_text(text[i], n, pick(4) == 0);
			l[i] = (struct literal){str_from(text[i], n), (uint8_t)(pick(3) ? LITERAL_INSIDE : pick(4))};
		}
		const struct literal_index *x = literal_index_new(&a, l, count);
		for (int k = 0; x && k < 40; k++) {
			uint32_t n = pick(MAX_VALUE), at = pick(MAX_VALUE), i = pick(count);
			random_text(value, n, k % 2);
			if (at + l[i].text.n <= n)
				memcpy(value + at, l[i].text.p, l[i].text.n);
			wrong += wrongly_told(x, l, count, str_from(value, n), &scan);
			found += scan.hits;
		}
		arena_release(&a);
	}
	literal_scan_release(&scan);
	CHECK_INT(wrong, 0);
	CHECK(found > ROUNDS);
}

TEST(a_long_literal_is_found_at_every_place)
{
	static const struct literal many[] = {
		{STR_INIT("-encodedcommand"), LITERAL_INSIDE},
		{STR_INIT("comsvcs"), LITERAL_INSIDE}, /* as short as a long one may be */
		{STR_INIT("\xf0\x9f\x90\xb1\xf0\x9f\x90\xb6"), LITERAL_INSIDE},
	};
	struct literal l[COUNT(many) + 80];
	char filler[80][8], value[140];
	struct literal_scan scan = {0};
	struct arena a;
	arena_init(&a, 64 << 10, 16 << 20);
	memcpy(l, many, sizeof many);
	for (size_t i = 0; i < COUNT(filler); i++) { /* so many that they are not looked for at every place */
		snprintf(filler[i], sizeof filler[i], "%07zu", i);
		l[COUNT(many) + i] = (struct literal){str_from(filler[i], 7), LITERAL_INSIDE};
	}
	const struct literal_index *x = literal_index_new(&a, l, COUNT(l));
	CHECK(x);
	for (size_t i = 0; x && i < COUNT(many); i++)
		for (size_t n = many[i].text.n; n <= sizeof value; n++)
			for (size_t at = 0; at + many[i].text.n <= n; at++) {
				memset(value, 'x', sizeof value);
				memcpy(value + at, many[i].text.p, many[i].text.n);
				literal_index_scan(x, str_from(value, n), &scan);
				if (scan.hits != 1 || scan.hit[0] != i)
					CHECK_STR(str_from(value, n), many[i].text);
			}
	literal_scan_release(&scan);
	arena_release(&a);
}
