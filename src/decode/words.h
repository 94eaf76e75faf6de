/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_WORDS_H
#define DECODE_WORDS_H

/*
 * A fixed set of words, each with its row of a static table, found by one multiplication: decoders ask "do we know this
 * field?" thirty times for each event. Worker and scan; built before main(), read by any thread afterwards.
 *
 *	static const struct row rows[] = {{STR_INIT("EventID"), ...}, ...};
 *	WORDS(windows_words, rows)
 *	const struct row *r = words_find(&windows_words, name);
 */

#include "base/bytes.h"

#define WORDS_SLOTS 1024u /* at most a quarter of them filled */

struct words {
	const void *rows; /* each row begins with its struct str */
	size_t size;      /* of a row */
	uint16_t slot[WORDS_SLOTS]; /* row + 1, or 0 */
};

static inline uint32_t
words_slot(struct str s)
{
	uint64_t front = 0, back = 0;
	if (s.n >= 8) {
		memcpy(&front, s.p, 8);
		memcpy(&back, s.p + s.n - 8, 8);
	} else if (s.n >= 4) {
		memcpy(&front, s.p, 4);
		memcpy(&back, s.p + s.n - 4, 4);
	} else if (s.n) {
		memcpy(&front, s.p, 1);
		memcpy(&back, s.p + s.n / 2, 1);
	}
	uint64_t h = (front ^ (back << 7 | back >> 57) ^ s.n) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 54) % WORDS_SLOTS;
}

/* str_eq() without a call for the lengths that names have. */
static inline bool
words_same(struct str a, struct str b)
{
	uint64_t x[2], y[2];
	if (a.n != b.n || a.n < 8 || a.n > 16)
		return str_eq(a, b);
	memcpy(&x[0], a.p, 8);
	memcpy(&x[1], a.p + a.n - 8, 8);
	memcpy(&y[0], b.p, 8);
	memcpy(&y[1], b.p + a.n - 8, 8);
	return x[0] == y[0] && x[1] == y[1];
}

void words_build(struct words *w, const void *rows, size_t count, size_t size);

static inline const void *
words_find(const struct words *w, struct str s)
{
	for (uint32_t at = words_slot(s); w->slot[at]; at = (at + 1) % WORDS_SLOTS) {
		const char *row = (const char *)w->rows + (w->slot[at] - 1u) * w->size;
		struct str word;
		memcpy(&word, row, sizeof word);
		if (words_same(word, s))
			return row;
	}
	return NULL;
}

#define WORDS(name, table)                                                                                             \
	static struct words name;                                                                                      \
	[[gnu::constructor]] static void name##_build(void)                                                            \
	{                                                                                                              \
		words_build(&name, table, COUNT(table), sizeof *(table));                                             \
	}

#endif
