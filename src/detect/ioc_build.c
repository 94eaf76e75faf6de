/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/memory.h"
#include "detect/ioc.h"
#include "detect/ioc_image.h"

#define SAME_KEPT 8u     /* entries of one value that differ in validity; more of them add nothing */
#define TRAITS_KEPT 4096u /* traits seen lately, so that imports of many share theirs */

struct key_entry {
	uint64_t fingerprint;
	uint32_t where, number;
};

struct key_list {
	struct key_entry *entry;
	uint32_t count, cap;
	uint32_t *directory, buckets; /* once settled */
};

struct ioc_builder {
	uint64_t key, generation;
	uint32_t last, count, labels_min, labels_max;
	struct key_list list[IOC_TABLES];
	struct ioc_v4 *v4;
	struct ioc_v6 *v6;
	struct ioc_run *run;
	struct ioc_trait *trait;
	bool finished;
	uint32_t v4s, v4_cap, v6s, v6_cap, runs, run_cap, traits, trait_cap;
	uint32_t seen[TRAITS_KEPT]; /* trait + 1 by hash; a miss only costs 24 bytes */
};

struct ioc_builder *
ioc_builder_new(uint64_t key, uint64_t generation)
{
	struct ioc_builder *b = MEM_NEW(struct ioc_builder);
	b->key = key;
	b->generation = generation;
	b->labels_min = UINT32_MAX;
	return b;
}

void
ioc_builder_free(struct ioc_builder *b)
{
	if (!b)
		return;
	for (unsigned t = 0; t < IOC_TABLES; t++) {
		mem_free(b->list[t].entry);
		mem_free(b->list[t].directory);
	}
	mem_free(b->v4);
	mem_free(b->v6);
	mem_free(b->run);
	mem_free(b->trait);
	mem_free(b);
}

uint32_t
ioc_builder_count(const struct ioc_builder *b)
{
	return b->count;
}

/* --- gathering --- */

static uint32_t
trait_number(struct ioc_builder *b, const struct ioc_entry *e)
{
	const struct ioc_trait t = {e->from_ms, e->until_ms, e->confidence > 100 ? 100 : e->confidence};
	uint32_t *seen = &b->seen[hash64(str_from((const char *)&t, sizeof t), 0) % TRAITS_KEPT];
	if (*seen && memcmp(&b->trait[*seen - 1], &t, sizeof t) == 0)
		return *seen - 1;
	MEM_GROW(b->trait, b->traits, b->trait_cap);
	b->trait[b->traits] = t;
	*seen = ++b->traits;
	return b->traits - 1;
}

static void
note_trait(struct ioc_builder *b, const struct ioc_entry *e)
{
	uint32_t trait = trait_number(b, e);
	if (b->runs && b->run[b->runs - 1].trait == trait)
		return;
	MEM_GROW(b->run, b->runs, b->run_cap);
	b->run[b->runs++] = (struct ioc_run){e->number, trait};
}

static void
add_key(struct ioc_builder *b, unsigned table, struct str key_bytes, uint32_t number)
{
	struct key_list *l = &b->list[table];
	MEM_GROW(l->entry, l->count, l->cap);
	l->entry[l->count++] = (struct key_entry){ioc_fingerprint(key_bytes, b->key, table), ioc_where(key_bytes, b->key),
	    number};
}

static void
add_prefix(struct ioc_builder *b, const uint8_t address[16], unsigned bits, uint32_t number)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (bits >= 96 && memcmp(address, mapped, sizeof mapped) == 0) {
		MEM_GROW(b->v4, b->v4s, b->v4_cap);
		uint32_t start = (uint32_t)address[12] << 24 | (uint32_t)address[13] << 16 | (uint32_t)address[14] << 8 |
		    address[15];
		b->v4[b->v4s++] = (struct ioc_v4){start, IOC_NONE, number, bits - 96};
		return;
	}
	MEM_GROW(b->v6, b->v6s, b->v6_cap);
	struct ioc_v6 *n = &b->v6[b->v6s++];
	*n = (struct ioc_v6){.parent = IOC_NONE, .number = number, .bits = bits};
	memcpy(n->start, address, 16);
}

static void
note_labels(struct ioc_builder *b, struct str name)
{
	uint32_t labels = 1;
	for (size_t i = 0; i < name.n; i++)
		labels += name.p[i] == '.';
	b->labels_min = labels < b->labels_min ? labels : b->labels_min;
	b->labels_max = labels > b->labels_max ? labels : b->labels_max;
}

int
ioc_builder_add(struct ioc_builder *b, const struct ioc_entry *e)
{
	char text[IOC_VALUE_MAX];
	uint8_t address[16];
	unsigned bits;
	struct str value = str_from(text, ioc_normalise(e->kind, e->value, text));
	if (!value.n || e->number <= b->last)
		return E_INVALID;
	if (b->count == IOC_MAX)
		return E_LIMIT;
	if (e->kind == IOC_CIDR && ioc_prefix(value, address, &bits)) {
		add_prefix(b, address, bits, e->number);
	} else if (e->kind == IOC_IP && ioc_address(value, address)) {
		add_key(b, IOC_TABLE_IP, str_from((const char *)address, sizeof address), e->number);
	} else if (e->kind == IOC_DOMAIN) {
		note_labels(b, value);
		add_key(b, IOC_TABLE_DOMAIN, value, e->number);
	} else {
		static const unsigned table[IOC_KINDS] = {[IOC_URL] = IOC_TABLE_URL, [IOC_HASH] = IOC_TABLE_HASH,
			[IOC_MAIL] = IOC_TABLE_MAIL};
		assert(table[e->kind]);
		add_key(b, table[e->kind], value, e->number);
	}
	note_trait(b, e);
	b->last = e->number;
	b->count++;
	return 0;
}

/* --- finishing --- */

static const struct ioc_trait *
trait_of(const struct ioc_builder *b, uint32_t number)
{
	uint32_t low = 0, high = b->runs;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (b->run[middle].first <= number)
			low = middle;
		else
			high = middle;
	}
	return &b->trait[b->run[low].trait];
}

/* Of one value the surer goes first, then the older: that is the order in which they are answered. */
static bool
goes_before(const struct ioc_builder *b, const struct key_entry *x, const struct key_entry *y)
{
	if (x->fingerprint != y->fingerprint)
		return x->fingerprint < y->fingerprint;
	uint64_t cx = trait_of(b, x->number)->confidence, cy = trait_of(b, y->number)->confidence;
	return cx != cy ? cx > cy : x->number < y->number;
}

/* Is there one that says the same already, or are there enough? (Feeds copy from each other.) */
static bool
says_nothing_new(const struct ioc_builder *b, const struct key_entry *kept, uint32_t count, const struct key_entry *x)
{
	uint32_t same = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (kept[i].fingerprint != x->fingerprint)
			continue;
		if (++same == SAME_KEPT || trait_of(b, kept[i].number) == trait_of(b, x->number))
			return true;
	}
	return false;
}

/* Sorts a bucket in place, and drops what would never be answered; returns what is left. Buckets are short. */
static uint32_t
settle_bucket(const struct ioc_builder *b, struct key_entry *e, uint32_t count)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct key_entry x = e[i];
		uint32_t at = kept;
		if (says_nothing_new(b, e, kept, &x))
			continue;
		for (; at > 0 && goes_before(b, &x, &e[at - 1]); at--)
			e[at] = e[at - 1];
		e[at] = x;
		kept++;
	}
	return kept;
}

/* Entries to their buckets (a counting sort), each bucket settled; l->directory says where each begins. */
static int
settle_table(const struct ioc_builder *b, struct key_list *l)
{
	uint32_t buckets = (l->count + IOC_BUCKET - 1) / IOC_BUCKET;
	uint32_t *place = mem_try(((size_t)buckets + 1) * sizeof *place);
	struct key_entry *sorted = mem_try((size_t)l->count * sizeof *sorted);
	if (!sorted || !place) {
		mem_free(sorted);
		mem_free(place);
		return E_LIMIT;
	}
	memset(place, 0, ((size_t)buckets + 1) * sizeof *place);
	for (uint32_t i = 0; i < l->count; i++)
		place[ioc_spread(l->entry[i].where, buckets) + 1]++;
	for (uint32_t i = 0; i < buckets; i++)
		place[i + 1] += place[i];
	for (uint32_t i = 0; i < l->count; i++)
		sorted[place[ioc_spread(l->entry[i].where, buckets)]++] = l->entry[i];
	uint32_t kept = 0, from = 0;
	for (uint32_t i = 0; i < buckets; i++) {
		uint32_t end = place[i]; /* it has walked to the end of its bucket */
		uint32_t left = settle_bucket(b, &sorted[from], end - from);
		memmove(&sorted[kept], &sorted[from], left * sizeof *sorted);
		place[i] = kept;
		kept += left;
		from = end;
	}
	place[buckets] = kept;
	mem_free(l->entry);
	l->entry = sorted;
	l->count = l->cap = kept;
	l->directory = place;
	l->buckets = buckets;
	return 0;
}

static int
by_start_v4(const void *x, const void *y)
{
	const struct ioc_v4 *a = x, *b = y;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return a->number < b->number ? 1 : -1; /* the innermost is answered first: the older of two equal ones */
}

static int
by_start_v6(const void *x, const void *y)
{
	const struct ioc_v6 *a = x, *b = y;
	int order = memcmp(a->start, b->start, 16);
	if (order)
		return order;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return a->number < b->number ? 1 : -1;
}

static bool
v6_around(const struct ioc_v6 *outer, const uint8_t address[16])
{
	unsigned whole = outer->bits / 8, rest = outer->bits % 8;
	return memcmp(outer->start, address, whole) == 0 &&
	    (rest == 0 || ((outer->start[whole] ^ address[whole]) & (0xff00 >> rest) & 0xff) == 0);
}

static bool
same_v4(const void *x, const void *y)
{
	const struct ioc_v4 *a = x, *b = y;
	return a->start == b->start && a->bits == b->bits;
}

static bool
same_v6(const void *x, const void *y)
{
	const struct ioc_v6 *a = x, *b = y;
	return a->bits == b->bits && memcmp(a->start, b->start, 16) == 0;
}

/* Of a run of equal networks in a sorted array only SAME_KEPT stay. */
static uint32_t
drop_same(void *array, uint32_t count, size_t size, bool (*same)(const void *x, const void *y))
{
	char *base = array;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (kept >= SAME_KEPT && same(base + (kept - SAME_KEPT) * size, base + i * size))
			continue;
		if (kept != i)
			memcpy(base + kept * size, base + i * size, size);
		kept++;
	}
	return kept;
}

static void
nest_networks(struct ioc_builder *b)
{
	if (b->v4s)
		qsort(b->v4, b->v4s, sizeof *b->v4, by_start_v4);
	if (b->v6s)
		qsort(b->v6, b->v6s, sizeof *b->v6, by_start_v6);
	b->v4s = drop_same(b->v4, b->v4s, sizeof *b->v4, same_v4);
	b->v6s = drop_same(b->v6, b->v6s, sizeof *b->v6, same_v6);
	for (uint32_t i = 1; i < b->v4s; i++) {
		uint32_t at = i - 1;
		while (at != IOC_NONE && b->v4[at].bits && (b->v4[at].start ^ b->v4[i].start) >> (32 - b->v4[at].bits))
			at = b->v4[at].parent;
		b->v4[i].parent = at;
	}
	for (uint32_t i = 1; i < b->v6s; i++) {
		uint32_t at = i - 1;
		while (at != IOC_NONE && !v6_around(&b->v6[at], b->v6[i].start))
			at = b->v6[at].parent;
		b->v6[i].parent = at;
	}
}

/* For each first 16 bits the place of the first network that begins there or later. */
static void
fill_v4_directory(const struct ioc_builder *b, uint32_t *directory)
{
	uint32_t at = 0;
	for (uint32_t first = 0; first <= IOC_V4_FIRST; first++) {
		while (at < b->v4s && b->v4[at].start >> 16 < first)
			at++;
		directory[first] = at;
	}
}

static void
plan_sections(const struct ioc_builder *b, struct ioc_header *h)
{
	uint64_t at = sizeof *h;
	for (unsigned t = 0; t < IOC_TABLES; t++) {
		uint32_t count = b->list[t].count;
		h->section[ioc_section_of(t, IOC_BLOOM)].count = ((uint64_t)count * IOC_BLOOM_BITS + 63) / 64;
		h->section[ioc_section_of(t, IOC_DIRECTORY)].count = count ? b->list[t].buckets + 1 : 0;
		h->section[ioc_section_of(t, IOC_FINGERPRINT)].count = count;
		h->section[ioc_section_of(t, IOC_NUMBER)].count = count;
	}
	h->section[IOC_V4].count = b->v4s;
	h->section[IOC_V4_DIRECTORY].count = b->v4s ? IOC_V4_FIRST + 1 : 0;
	h->section[IOC_V6].count = b->v6s;
	h->section[IOC_RUN].count = b->runs;
	h->section[IOC_TRAIT].count = b->traits;
	for (unsigned s = 0; s < IOC_SECTIONS; s++) {
		h->section[s].at = at;
		at += (h->section[s].count * ioc_section_size[s] + 7) & ~UINT64_C(7);
	}
	h->bytes = at;
}

static void
write_array(const struct ioc_header *h, char *image, unsigned section, const void *from)
{
	if (h->section[section].count)
		memcpy(image + h->section[section].at, from, h->section[section].count * ioc_section_size[section]);
}

static void
write_table(const struct ioc_builder *b, const struct ioc_header *h, char *image, unsigned which)
{
	const struct key_list *l = &b->list[which];
	uint64_t *bloom = (void *)(image + h->section[ioc_section_of(which, IOC_BLOOM)].at);
	uint64_t *fingerprint = (void *)(image + h->section[ioc_section_of(which, IOC_FINGERPRINT)].at);
	uint32_t *number = (void *)(image + h->section[ioc_section_of(which, IOC_NUMBER)].at);
	uint32_t words = (uint32_t)h->section[ioc_section_of(which, IOC_BLOOM)].count;
	if (!l->count)
		return;
	write_array(h, image, ioc_section_of(which, IOC_DIRECTORY), l->directory);
	for (uint32_t i = 0; i < l->count; i++) {
		uint64_t f = l->entry[i].fingerprint;
		fingerprint[i] = f;
		number[i] = l->entry[i].number;
		bloom[ioc_bloom_word(f, words)] |= ioc_bloom_mask(f);
	}
}

static void
write_image(const struct ioc_builder *b, struct ioc_header *h, char *image)
{
	memset(image, 0, h->bytes);
	for (unsigned t = 0; t < IOC_TABLES; t++)
		write_table(b, h, image, t);
	write_array(h, image, IOC_V4, b->v4);
	write_array(h, image, IOC_V6, b->v6);
	write_array(h, image, IOC_RUN, b->run);
	write_array(h, image, IOC_TRAIT, b->trait);
	if (b->v4s)
		fill_v4_directory(b, (void *)(image + h->section[IOC_V4_DIRECTORY].at));
	memcpy(image, h, sizeof *h);
	h->crc = crc32c(0, str_from(image + IOC_CRC_FROM, h->bytes - IOC_CRC_FROM));
	memcpy(image, h, sizeof *h);
}

int
ioc_builder_finish(struct ioc_builder *b, struct buf *ret)
{
	struct ioc_header h = {.magic = IOC_MAGIC, .count = b->count, .generation = b->generation, .key = b->key,
	    .labels_min = b->labels_max ? b->labels_min : 1, .labels_max = b->labels_max};
	assert(!ret->n && !b->finished);
	b->finished = true;
	for (unsigned t = 0; t < IOC_TABLES; t++)
		if (b->list[t].count)
			TRY(settle_table(b, &b->list[t]));
	nest_networks(b);
	plan_sections(b, &h);
	char *image = buf_room(ret, h.bytes);
	if (!image)
		return E_LIMIT;
	write_image(b, &h, image);
	ret->n += h.bytes;
	return 0;
}
