/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/literal.h"

#include "base/memory.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define HASH_SEED UINT64_C(0x9e3779b97f4a7c15)
#define HASH_STEP UINT64_C(0xff51afd7ed558ccd)
#define NONE UINT32_MAX
#define FEW 64u  /* grams */
#define FILTER_MIN 1024u
#define FILTER_MAX (1u << 19)
#define STEP 32u   /* places of a value asked at once */
#define STRIDE 4u  /* places between two questions for long literals */
#define LONG (STRIDE + 3u)
#define USUAL 512u /* literals that a gram of the usual counts as much as */
#define TAIL_MAX 16u

/* Anchored literals with one hash; the rest of the chain by `next`. */
struct anchored {
	uint64_t hash;
	uint32_t literal; /* NONE: free slot */
};

/* Positions of literals that share their rarest gram. */
struct gram {
	uint32_t bytes;
	uint32_t first; /* in place[] */
	uint32_t count; /* 0: free slot */
};

struct place {
	uint32_t literal;
	uint32_t offset; /* of the gram in it */
};

/* Kinds of literals that stand inside, by length; LONG ones are asked for at every fourth place only. */
enum { KIND_1, KIND_2, KIND_3, KIND_4, KIND_LONG, KINDS };

/* Grams of one kind. */
struct grams {
	uint32_t width;     /* 1..4 bytes */
	uint32_t stride;    /* places between two questions; each literal has so many grams here, one beside the other */
	uint32_t mask;      /* of the low bytes */
	unsigned slot_shift;
	uint32_t filter_mask;
	uint64_t *filter;
	struct gram *gram;
	uint32_t gram_mask;
	struct place *place;             /* NULL: no literals of this kind */
	bool few;                        /* so that the tables below let little through */
	uint8_t low[4][16], high[4][16]; /* buckets of grams by the two halves of the byte at each place */
};

struct literal_index {
	const struct literal *literal;
	uint32_t count;
	struct anchored *slot;
	uint32_t slot_mask;
	uint64_t *filter;    /* bits of the hashes that slots hold: nearly all questions are about others */
	unsigned filter_shift;
	uint32_t *next;      /* by literal: another with the same hash */
	uint8_t *want;       /* by length: whether there are prefixes and whole literals of it, as bits of the anchor */
	uint32_t want_n;
	uint32_t longest_prefix;
	uint32_t tails;      /* tail_length() of suffixes, as bits */
	struct grams ascii[KINDS], beyond[KINDS]; /* the latter of literals that no ASCII value contains */
	bool any_beyond;
};

static uint64_t
hash_step(uint64_t h, char c)
{
	return (h ^ (unsigned char)c) * HASH_STEP;
}

static uint64_t
hash_end(uint64_t h, enum literal_anchor anchor)
{
	h ^= h >> 29;
	return h + (uint64_t)anchor * HASH_SEED;
}

/* A suffix is found by as many of its last bytes: a power of two. */
static uint32_t
tail_length(size_t n)
{
	return n >= TAIL_MAX ? TAIL_MAX : n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : (uint32_t)n;
}

static uint64_t
hash_tail(struct str s, uint32_t tail)
{
	const char *end = s.p + s.n;
	uint64_t last = 0, before = 0;
	switch (tail) {
	case 16:
		memcpy(&before, end - 16, 8);
		[[fallthrough]];
	case 8:
		memcpy(&last, end - 8, 8);
		break;
	case 4:
		memcpy(&last, end - 4, 4);
		break;
	case 2:
		memcpy(&last, end - 2, 2);
		break;
	case 1:
		last = (unsigned char)end[-1];
		break;
	default:
		break;
	}
	uint64_t h = (last ^ HASH_SEED) * HASH_STEP;
	return (h ^ h >> 32 ^ before ^ tail) * HASH_STEP;
}

static uint64_t
hash_prefix(struct str s)
{
	uint64_t h = HASH_SEED;
	for (size_t i = 0; i < s.n; i++)
		h = hash_step(h, s.p[i]);
	return h;
}

static uint64_t
hash_anchored(enum literal_anchor anchor, struct str s)
{
	if (anchor == LITERAL_PREFIX)
		return hash_end(hash_prefix(s), anchor);
	uint64_t h = hash_tail(s, tail_length(s.n));
	return hash_end(anchor == LITERAL_WHOLE ? h + s.n : h, anchor);
}

static uint32_t
power_above(uint32_t n)
{
	uint32_t p = 8;
	while (p < n)
		p *= 2;
	return p;
}

/* ---- building: anchored ---- */

/* Which lengths are worth a look. Returns how many anchored literals there are. */
static uint32_t
survey_anchored(struct literal_index *x)
{
	uint32_t anchored = 0;
	for (uint32_t i = 0; i < x->count; i++) {
		const struct literal *l = &x->literal[i];
		uint32_t n = (uint32_t)l->text.n;
		anchored += l->anchor != LITERAL_INSIDE;
		if (l->anchor == LITERAL_SUFFIX)
			x->tails |= tail_length(n);
		if (l->anchor == LITERAL_PREFIX && n > x->longest_prefix)
			x->longest_prefix = n;
		if (l->anchor <= LITERAL_PREFIX && n >= x->want_n)
			x->want_n = n + 1;
	}
	return anchored;
}

static bool
build_anchored(struct literal_index *x, struct arena *a)
{
	uint32_t anchored = survey_anchored(x);
	x->slot_mask = power_above(anchored * 2) - 1;
	x->slot = arena_alloc(a, ((size_t)x->slot_mask + 1) * sizeof *x->slot);
	x->next = arena_alloc(a, (size_t)x->count * sizeof *x->next);
	x->want = arena_calloc(a, x->want_n, 1);
	uint32_t bits = power_above(anchored * 16 < FILTER_MIN ? FILTER_MIN : anchored * 16);
	bits = bits > FILTER_MAX ? FILTER_MAX : bits;
	x->filter_shift = (unsigned)__builtin_clzll(bits) + 1;
	x->filter = arena_calloc(a, bits / 64, sizeof *x->filter);
	if (!x->slot || !x->next || !x->want || !x->filter)
		return false;
	for (uint32_t i = 0; i <= x->slot_mask; i++)
		x->slot[i] = (struct anchored){0, NONE};
	for (uint32_t i = 0; i < x->count; i++) {
		const struct literal *l = &x->literal[i];
		if (l->anchor == LITERAL_INSIDE)
			continue;
		uint64_t h = hash_anchored(l->anchor, l->text);
		uint32_t at = (uint32_t)(h >> 32) & x->slot_mask;
		while (x->slot[at].literal != NONE && x->slot[at].hash != h)
			at = (at + 1) & x->slot_mask;
		x->next[i] = x->slot[at].literal;
		x->slot[at] = (struct anchored){h, i};
		x->filter[h >> x->filter_shift >> 6] |= UINT64_C(1) << (h >> x->filter_shift & 63);
		if (l->anchor != LITERAL_SUFFIX)
			x->want[l->text.n] |= (uint8_t)(1u << l->anchor);
	}
	return true;
}

/* ---- building: inside ---- */

static uint32_t
gram_at(const char *p, uint32_t width)
{
	uint32_t g = 0;
	memcpy(&g, p, width);
	return g;
}

static uint32_t
gram_hash(uint32_t gram)
{
	return gram * 0x9e3779b1u;
}

/* Its bit in a filter, before the mask. */
static uint32_t
gram_bit(uint32_t gram)
{
	return (uint32_t)(gram * HASH_SEED >> 40);
}

static bool
is_ascii(struct str s)
{
	uint64_t any = 0, word = 0;
	size_t at = 0;
	for (; at + sizeof word <= s.n; at += sizeof word) {
		memcpy(&word, s.p + at, sizeof word);
		any |= word;
	}
	for (; at < s.n; at++)
		any |= (unsigned char)s.p[at];
	return !(any & UINT64_C(0x8080808080808080));
}

/* How often a gram of four bytes occurs among all literals, and in what values say all day, tells how common it is: each
 * literal is looked for by its rarest. */
struct census {
	uint16_t *count;
	uint32_t mask;
};

static uint16_t *
census_of(const struct census *c, const char *p)
{
	return &c->count[gram_hash(gram_at(p, 4)) >> 8 & c->mask];
}

static void
count_grams(struct census *c, struct str s, uint32_t times)
{
	for (size_t at = 0; at + 4 <= s.n; at++) {
		uint16_t *n = census_of(c, s.p + at);
		*n = (uint16_t)(*n + times < UINT16_MAX ? *n + times : UINT16_MAX);
	}
}

static void
take_census(const struct literal_index *x, struct census *c)
{
	static const struct str usual = STR_INIT("\"c:\\windows\\system32\\ \"c:\\program files (x86)\\ common files\\ c:\\windows\\temp\\ "
		"c:\\users\\ administrator\\appdata\\local\\temp\\ \\appdata\\roaming\\microsoft\\ c:\\programdata\\ .exe\" -- .exe /c "
		".dll, .txt .log .com .local microsoft office\\root\\ windowspowershell\\v1.0\\powershell.exe\" -file .ps1\" cmd.exe /c "
		"svchost.exe -k localservice -p -s networkservice session nt authority\\system; http://www. https:// version=1.0 = 0x0000000 "
		"hklm\\software\\microsoft\\windows\\currentversion\\ system\\currentcontrolset\\services\\ /usr/bin/ /etc/ /var/log/ --config");
	for (uint32_t i = 0; i < x->count; i++)
		count_grams(c, x->literal[i].text, 1);
	count_grams(c, usual, USUAL);
}

/* Where `grams` rare ones stand beside each other. */
static uint32_t
rarest_grams(struct str s, uint32_t grams, const struct census *c)
{
	uint32_t best = 0, best_sum = UINT32_MAX, sum = 0;
	for (uint32_t at = 0; at + 4 <= s.n && at < 4096; at++) {
		sum += *census_of(c, s.p + at);
		if (at >= grams)
			sum -= *census_of(c, s.p + at - grams);
		if (at + 1 >= grams && sum < best_sum) {
			best = at + 1 - grams;
			best_sum = sum;
		}
	}
	return best;
}

static struct gram *
find_gram(const struct grams *g, uint32_t bytes)
{
	uint32_t at = gram_hash(bytes) >> g->slot_shift;
	while (g->gram[at].count && g->gram[at].bytes != bytes)
		at = (at + 1) & g->gram_mask;
	return &g->gram[at];
}

static bool
alloc_grams(struct grams *g, struct arena *a, uint32_t count)
{
	uint32_t slots = power_above(count * 2), bits = power_above(count * 32);
	bits = bits < FILTER_MIN ? FILTER_MIN : bits > FILTER_MAX ? FILTER_MAX : bits;
	g->gram_mask = slots - 1;
	g->slot_shift = (unsigned)__builtin_clz(slots) + 1;
	g->filter_mask = bits - 1;
	g->mask = g->width == 4 ? UINT32_MAX : (1u << (8 * g->width)) - 1;
	g->gram = arena_calloc(a, slots, sizeof *g->gram);
	g->filter = arena_calloc(a, bits / 64, sizeof *g->filter);
	g->place = arena_alloc(a, count * sizeof *g->place);
	return g->gram && g->filter && g->place;
}

/* Literals of one kind, and where the first gram of each stands. */
struct chosen {
	uint32_t *literal, *offset;
	uint32_t count;
};

/* Count the places of each gram, give each its run in place[], then fill the runs. */
static void
fill_grams(const struct literal_index *x, struct grams *g, const struct chosen *c)
{
	uint32_t first = 0, grams = c->count * g->stride;
	for (uint32_t i = 0; i < grams; i++) {
		const char *p = x->literal[c->literal[i / g->stride]].text.p + c->offset[i / g->stride] + i % g->stride;
		uint32_t bytes = gram_at(p, g->width), bit = gram_bit(bytes) & g->filter_mask;
		struct gram *gram = find_gram(g, bytes);
		gram->bytes = bytes;
		gram->count++;
		g->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
	}
	for (uint32_t i = 0; i <= g->gram_mask; i++) {
		g->gram[i].first = first;
		first += g->gram[i].count;
	}
	for (uint32_t i = 0; i < grams; i++) {
		uint32_t literal = c->literal[i / g->stride], offset = c->offset[i / g->stride] + i % g->stride;
		struct gram *gram = find_gram(g, gram_at(x->literal[literal].text.p + offset, g->width));
		g->place[gram->first++] = (struct place){literal, offset};
	}
	for (uint32_t i = 0; i <= g->gram_mask; i++)
		g->gram[i].first -= g->gram[i].count;
}

/* A bucket's grams begin with bytes of the same three low bits, which keeps buckets apart in the first place already. */
static void
watch_gram(struct grams *g, uint32_t bytes)
{
	uint8_t bit = (uint8_t)(1u << (bytes & 7));
	for (uint32_t i = 0; i < g->width; i++, bytes >>= 8) {
		g->low[i][bytes & 15] |= bit;
		g->high[i][bytes >> 4 & 15] |= bit;
	}
}

static void
watch_grams(struct grams *g)
{
	uint32_t grams = 0;
	for (uint32_t i = 0; i <= g->gram_mask; i++)
		grams += g->gram[i].count > 0;
	g->few = grams <= FEW && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
	for (uint32_t i = 0; g->few && i <= g->gram_mask; i++)
		if (g->gram[i].count)
			watch_gram(g, g->gram[i].bytes);
}

/* `few`: there are not many literals of four bytes and more, so that every place is asked about all of them at once. */
static unsigned
kind_of(const struct literal *l, bool few)
{
	size_t n = l->text.n;
	return n >= LONG && !few ? KIND_LONG : n >= 4 ? KIND_4 : (unsigned)n - 1;
}

static bool
build_kind(const struct literal_index *x, struct arena *a, struct grams *g, unsigned kind, const struct chosen *c)
{
	g->width = kind < KIND_4 ? kind + 1 : 4;
	g->stride = kind == KIND_LONG ? STRIDE : 1;
	if (!c->count)
		return true;
	if (!alloc_grams(g, a, c->count * g->stride))
		return false;
	fill_grams(x, g, c);
	watch_grams(g);
	return true;
}

/* One side of the literals inside, in five kinds. */
static bool
build_side(const struct literal_index *x, struct arena *a, bool ascii, const struct census *census, struct chosen *c,
    struct grams *side)
{
	uint32_t longer = 0;
	bool ok = true;
	for (uint32_t i = 0; i < x->count; i++)
		longer += x->literal[i].anchor == LITERAL_INSIDE && x->literal[i].text.n >= 4;
	for (unsigned kind = 0; kind < KINDS && ok; kind++) {
		c->count = 0;
		for (uint32_t i = 0; i < x->count; i++) {
			const struct literal *l = &x->literal[i];
			if (l->anchor != LITERAL_INSIDE || kind_of(l, longer <= FEW) != kind || is_ascii(l->text) != ascii)
				continue;
			c->literal[c->count] = i;
			c->offset[c->count++] = kind < KIND_4 ? 0 : rarest_grams(l->text, kind == KIND_LONG ? STRIDE : 1, census);
		}
		ok = build_kind(x, a, &side[kind], kind, c);
	}
	return ok;
}

static bool
build_inside(struct literal_index *x, struct arena *a)
{
	struct census census = {.mask = 0xffff};
	struct chosen c = {.literal = mem_alloc((size_t)x->count * sizeof *c.literal),
		.offset = mem_alloc((size_t)x->count * sizeof *c.offset)};
	census.count = mem_calloc((size_t)census.mask + 1, sizeof *census.count);
	take_census(x, &census);
	bool ok = build_side(x, a, true, &census, &c, x->ascii) && build_side(x, a, false, &census, &c, x->beyond);
	for (unsigned kind = 0; kind < KINDS; kind++)
		x->any_beyond |= x->beyond[kind].place != NULL;
	mem_free(census.count);
	mem_free(c.literal);
	mem_free(c.offset);
	return ok;
}

const struct literal_index *
literal_index_new(struct arena *a, const struct literal *literal, uint32_t count)
{
	struct literal_index *x = ARENA_NEW(a, struct literal_index);
	if (!x)
		return NULL;
	x->literal = literal;
	x->count = count;
	return build_anchored(x, a) && build_inside(x, a) ? x : NULL;
}

/* ---- scanning ---- */

static void
add_hit(struct literal_scan *s, uint32_t literal)
{
	if (s->stamp[literal] == s->now)
		return;
	s->stamp[literal] = s->now;
	MEM_GROW(s->hit, s->hits, s->cap);
	s->hit[s->hits++] = literal;
}

static bool
stands(const struct literal *l, enum literal_anchor anchor, struct str value)
{
	return l->anchor == anchor && (anchor == LITERAL_SUFFIX ? str_ends(value, l->text) : str_eq(value, l->text));
}

/* Of a prefix, `value` is as much as the hash is of. */
static void
look_up(const struct literal_index *x, uint64_t h, enum literal_anchor anchor, struct str value, struct literal_scan *s)
{
	h = hash_end(h, anchor);
	if (!(x->filter[h >> x->filter_shift >> 6] >> (h >> x->filter_shift & 63) & 1))
		return;
	uint32_t at = (uint32_t)(h >> 32) & x->slot_mask;
	while (x->slot[at].literal != NONE && x->slot[at].hash != h)
		at = (at + 1) & x->slot_mask;
	for (uint32_t i = x->slot[at].literal; i != NONE; i = x->next[i])
		if (stands(&x->literal[i], anchor, value))
			add_hit(s, i);
}

static void
scan_front(const struct literal_index *x, struct str value, struct literal_scan *s)
{
	uint64_t h = HASH_SEED;
	size_t stop = x->longest_prefix < value.n ? x->longest_prefix : value.n;
	for (size_t i = 0; i < stop; i++) {
		h = hash_step(h, value.p[i]);
		if (x->want[i + 1] & 1u << LITERAL_PREFIX)
			look_up(x, h, LITERAL_PREFIX, str_cut(value, 0, i + 1), s);
	}
}

static void
scan_back(const struct literal_index *x, struct str value, struct literal_scan *s)
{
	for (uint32_t tail = 1; tail <= TAIL_MAX && tail <= value.n; tail *= 2)
		if (x->tails & tail)
			look_up(x, hash_tail(value, tail), LITERAL_SUFFIX, value, s);
}

/* Most texts that share a gram differ at one of their ends. */
static bool
same_text(const char *a, const char *b, size_t n)
{
	if (n >= 4 && (gram_at(a, 4) != gram_at(b, 4) || gram_at(a + n - 4, 4) != gram_at(b + n - 4, 4)))
		return false;
	return memcmp(a, b, n) == 0;
}

[[gnu::noinline]] static void
check_gram(const struct literal_index *x, const struct grams *g, uint32_t bytes, struct str value, size_t at,
    struct literal_scan *s)
{
	const struct gram *gram = find_gram(g, bytes);
	for (uint32_t i = gram->first; i < gram->first + gram->count; i++) {
		struct place place = g->place[i];
		struct str l = x->literal[place.literal].text;
		if (place.offset <= at && value.n - (at - place.offset) >= l.n && s->stamp[place.literal] != s->now &&
		    same_text(value.p + at - place.offset, l.p, l.n))
			add_hit(s, place.literal);
	}
}

static void
check_place(const struct literal_index *x, const struct grams *g, struct str value, size_t at, struct literal_scan *s)
{
	uint32_t bytes = gram_at(value.p + at, g->width), bit = gram_bit(bytes) & g->filter_mask;
	if (g->filter[bit / 64] >> (bit % 64) & 1)
		check_gram(x, g, bytes, value, at, s);
}

#ifdef __x86_64__
/* Few grams: 32 places at once. The last step overlaps the one before it; what is found twice counts once. Returns the
 * first place that is left. */
[[gnu::target("avx2,bmi")]] static size_t
scan_few(const struct literal_index *x, const struct grams *g, struct str value, struct literal_scan *s)
{
	const __m256i half = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
	const size_t last = value.n - STEP - 4;
	for (size_t at = 0;; at = at + STEP < last ? at + STEP : last) {
		__m256i hit = _mm256_set1_epi8(-1);
		for (uint32_t i = 0; i < g->width; i++) {
			__m256i bytes = _mm256_loadu_si256((const __m256i_u *)(value.p + at + i));
			__m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i_u *)g->low[i]));
			__m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i_u *)g->high[i]));
			low = _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, half));
			high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half));
			hit = _mm256_and_si256(hit, _mm256_and_si256(low, high));
		}
		uint32_t places = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(hit, zero));
		for (; places; places &= places - 1)
			check_place(x, g, value, at + (unsigned)__builtin_ctz(places), s);
		if (at == last)
			return last + STEP;
	}
}
#endif

static void
scan_inside(const struct literal_index *x, const struct grams *g, struct str value, struct literal_scan *s)
{
	size_t at = 0;
#ifdef __x86_64__
	if (g->few && value.n >= STEP + 4 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"))
		at = scan_few(x, g, value, s);
#endif
	const uint64_t *filter = g->filter;
	const uint32_t mask = g->mask, filter_mask = g->filter_mask, stride = g->stride;
#pragma GCC unroll 4
	for (; at + 4 <= value.n; at += stride) {
		uint32_t bytes;
		memcpy(&bytes, value.p + at, 4);
		bytes &= mask;
		uint32_t bit = gram_bit(bytes) & filter_mask;
		if (filter[bit / 64] >> (bit % 64) & 1)
			check_gram(x, g, bytes, value, at, s);
	}
	for (; at + g->width <= value.n; at += stride)
		check_place(x, g, value, at, s);
}

static void
scan_side(const struct literal_index *x, const struct grams *side, struct str value, struct literal_scan *s)
{
	for (unsigned kind = 0; kind < KINDS; kind++)
		if (side[kind].place)
			scan_inside(x, &side[kind], value, s);
}

static void
begin_scan(const struct literal_index *x, struct literal_scan *s)
{
	s->hits = 0;
	if (s->stamps < x->count) {
		mem_free(s->stamp);
		s->stamps = power_above(x->count);
		s->stamp = mem_calloc(s->stamps, sizeof *s->stamp);
		s->now = 0;
	}
	if (++s->now == 0) {
		memset(s->stamp, 0, s->stamps * sizeof *s->stamp);
		s->now = 1;
	}
}

void
literal_index_scan(const struct literal_index *x, struct str value, struct literal_scan *s)
{
	begin_scan(x, s);
	if (value.n < x->want_n && x->want[value.n] & 1u << LITERAL_WHOLE)
		look_up(x, hash_tail(value, tail_length(value.n)) + value.n, LITERAL_WHOLE, value, s);
	scan_front(x, value, s);
	scan_back(x, value, s);
	scan_side(x, x->ascii, value, s);
	if (x->any_beyond && !is_ascii(value))
		scan_side(x, x->beyond, value, s);
}

void
literal_scan_release(struct literal_scan *s)
{
	mem_free(s->stamp);
	mem_free(s->hit);
	*s = (struct literal_scan){0};
}
