/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/ioc.h"

#include <assert.h>

#include "base/memory.h"
#include "detect/ioc_image.h"

const uint8_t ioc_section_size[IOC_SECTIONS] = {
	8, 4, 8, 4, 8, 4, 8, 4, 8, 4, 8, 4, 8, 4, 8, 4, 8, 4, 8, 4,
	[IOC_V4] = sizeof(struct ioc_v4),
	[IOC_V4_DIRECTORY] = 4,
	[IOC_V6] = sizeof(struct ioc_v6),
	[IOC_RUN] = sizeof(struct ioc_run),
	[IOC_TRAIT] = sizeof(struct ioc_trait),
};

struct table {
	const uint64_t *bloom, *fingerprint;
	const uint32_t *directory, *number;
	uint32_t words, buckets, count;
};

struct ioc {
	uint64_t key, generation;
	uint32_t count, labels_min, labels_max;
	struct table table[IOC_TABLES];
	const struct ioc_v4 *v4;
	const uint32_t *v4_directory;
	const struct ioc_v6 *v6;
	const struct ioc_run *run;
	const struct ioc_trait *trait;
	uint32_t v4s, v6s, runs, traits;
};

static const char *const kind_names[] = {
#define X(id, name) name,
	IOC_KIND_TABLE(X)
#undef X
};

const char *
ioc_kind_name(enum ioc_kind kind)
{
	assert(kind < IOC_KINDS);
	return kind_names[kind];
}

bool
ioc_kind_from_name(struct str name, enum ioc_kind *ret)
{
	for (size_t i = 0; i < COUNT(kind_names); i++)
		if (str_eq(name, str_z(kind_names[i]))) {
			*ret = (enum ioc_kind)i;
			return true;
		}
	return false;
}

/* --- opening --- */

/* The section lies in the image, behind the header and in line; counts stay below what 32 bits hold. */
static bool
section_is_inside(const struct ioc_header *h, unsigned s)
{
	uint64_t at = h->section[s].at, count = h->section[s].count;
	return at >= sizeof *h && at % 8 == 0 && at <= h->bytes && count <= UINT32_MAX - 1 &&
	    count * ioc_section_size[s] <= h->bytes - at;
}

static bool
directory_rises(const uint32_t *directory, uint32_t buckets, uint32_t count)
{
	if (directory[0] != 0 || directory[buckets] != count)
		return false;
	for (uint32_t i = 0; i < buckets; i++)
		if (directory[i] > directory[i + 1])
			return false;
	return true;
}

static bool
open_table(struct ioc *ioc, const struct ioc_header *h, unsigned which)
{
	const char *base = (const char *)h;
	struct table *t = &ioc->table[which];
	uint64_t at[IOC_PARTS], count[IOC_PARTS];
	for (unsigned part = 0; part < IOC_PARTS; part++) {
		at[part] = h->section[ioc_section_of(which, part)].at;
		count[part] = h->section[ioc_section_of(which, part)].count;
	}
	t->bloom = (const void *)(base + at[IOC_BLOOM]);
	t->directory = (const void *)(base + at[IOC_DIRECTORY]);
	t->fingerprint = (const void *)(base + at[IOC_FINGERPRINT]);
	t->number = (const void *)(base + at[IOC_NUMBER]);
	t->words = (uint32_t)count[IOC_BLOOM];
	t->count = (uint32_t)count[IOC_FINGERPRINT];
	if (count[IOC_NUMBER] != t->count)
		return false;
	if (!t->count)
		return !t->words && !count[IOC_DIRECTORY];
	if (!t->words || count[IOC_DIRECTORY] < 2)
		return false;
	t->buckets = (uint32_t)count[IOC_DIRECTORY] - 1;
	return directory_rises(t->directory, t->buckets, t->count);
}

static bool
v4_holds(const struct ioc_v4 *n, uint32_t address)
{
	return n->bits == 0 || (n->start ^ address) >> (32 - n->bits) == 0;
}

static bool
v6_holds(const struct ioc_v6 *n, const uint8_t address[16])
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;
	return memcmp(n->start, address, whole) == 0 &&
	    (rest == 0 || ((n->start[whole] ^ address[whole]) & (0xff00 >> rest) & 0xff) == 0);
}

/* Sorted, and every parent before its child and around it. */
static bool
v4_is_whole(const struct ioc *ioc)
{
	for (uint32_t i = 0; i < ioc->v4s; i++) {
		const struct ioc_v4 *n = &ioc->v4[i];
		if (n->bits > 32 || (i && n->start < ioc->v4[i - 1].start))
			return false;
		if (n->parent != IOC_NONE && (n->parent >= i || !v4_holds(&ioc->v4[n->parent], n->start)))
			return false;
	}
	return !ioc->v4s || directory_rises(ioc->v4_directory, IOC_V4_FIRST, ioc->v4s);
}

static bool
v6_is_whole(const struct ioc *ioc)
{
	for (uint32_t i = 0; i < ioc->v6s; i++) {
		const struct ioc_v6 *n = &ioc->v6[i];
		if (n->bits > 128 || (i && memcmp(n->start, ioc->v6[i - 1].start, 16) < 0))
			return false;
		if (n->parent != IOC_NONE && (n->parent >= i || !v6_holds(&ioc->v6[n->parent], n->start)))
			return false;
	}
	return true;
}

static bool
runs_are_whole(const struct ioc *ioc)
{
	for (uint32_t i = 0; i < ioc->runs; i++)
		if (ioc->run[i].trait >= ioc->traits || (i && ioc->run[i].first <= ioc->run[i - 1].first))
			return false;
	return ioc->runs > 0 || ioc->count == 0;
}

static int
check_header(struct str image)
{
	const struct ioc_header *h = (const void *)image.p;
	if (image.n < sizeof h->magic)
		return E_TRUNCATED;
	if ((h->magic ^ IOC_MAGIC) & ~(UINT64_C(0xffff) << 48))
		return E_CORRUPT;
	if (h->magic != IOC_MAGIC)
		return E_UNSUPPORTED;
	if (image.n < sizeof *h || image.n < h->bytes)
		return E_TRUNCATED;
	if (image.n != h->bytes || crc32c(0, str_skip(image, IOC_CRC_FROM)) != h->crc)
		return E_CORRUPT;
	for (unsigned s = 0; s < IOC_SECTIONS; s++)
		if (!section_is_inside(h, s))
			return E_CORRUPT;
	return 0;
}

int
ioc_open(struct str image, struct ioc **ret)
{
	const struct ioc_header *h = (const void *)image.p;
	assert((uintptr_t)image.p % 8 == 0);
	TRY(check_header(image));
	struct ioc *ioc = MEM_NEW(struct ioc);
	bool whole = true;
	ioc->key = h->key;
	ioc->generation = h->generation;
	ioc->count = h->count;
	ioc->labels_min = h->labels_min;
	ioc->labels_max = h->labels_max;
	for (unsigned t = 0; t < IOC_TABLES; t++)
		whole = whole && open_table(ioc, h, t);
	ioc->v4 = (const void *)(image.p + h->section[IOC_V4].at);
	ioc->v4_directory = (const void *)(image.p + h->section[IOC_V4_DIRECTORY].at);
	ioc->v6 = (const void *)(image.p + h->section[IOC_V6].at);
	ioc->run = (const void *)(image.p + h->section[IOC_RUN].at);
	ioc->trait = (const void *)(image.p + h->section[IOC_TRAIT].at);
	ioc->v4s = (uint32_t)h->section[IOC_V4].count;
	ioc->v6s = (uint32_t)h->section[IOC_V6].count;
	ioc->runs = (uint32_t)h->section[IOC_RUN].count;
	ioc->traits = (uint32_t)h->section[IOC_TRAIT].count;
	whole = whole && h->section[IOC_V4_DIRECTORY].count == (ioc->v4s ? IOC_V4_FIRST + 1 : 0) && v4_is_whole(ioc) &&
	    v6_is_whole(ioc) && runs_are_whole(ioc);
	if (!whole) {
		mem_free(ioc);
		return E_CORRUPT;
	}
	*ret = ioc;
	return 0;
}

void
ioc_close(struct ioc *ioc)
{
	mem_free(ioc);
}

uint64_t
ioc_generation(const struct ioc *ioc)
{
	return ioc->generation;
}

uint32_t
ioc_count(const struct ioc *ioc)
{
	return ioc->count;
}

static unsigned
table_of(enum ioc_kind kind)
{
	static const unsigned table[] = {[IOC_IP] = IOC_TABLE_IP, [IOC_CIDR] = IOC_TABLE_IP, [IOC_DOMAIN] = IOC_TABLE_DOMAIN,
		[IOC_URL] = IOC_TABLE_URL, [IOC_HASH] = IOC_TABLE_HASH, [IOC_MAIL] = IOC_TABLE_MAIL};
	return table[kind];
}

bool
ioc_has(const struct ioc *ioc, enum ioc_kind kind)
{
	bool networks = ioc->v4s || ioc->v6s;
	return (kind != IOC_CIDR && ioc->table[table_of(kind)].count) || (kind <= IOC_CIDR && networks);
}

/* --- asking --- */

/* Is the indicator of that number valid then? Only hits come here. */
static bool
valid_at(const struct ioc *ioc, uint32_t number, struct ioc_when when, struct ioc_hit *ret)
{
	uint32_t low = 0, high = ioc->runs;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (ioc->run[middle].first <= number)
			low = middle;
		else
			high = middle;
	}
	if (low == high || ioc->run[low].first > number)
		return false; /* an image that was made by hand */
	const struct ioc_trait *t = &ioc->trait[ioc->run[low].trait];
	if (when.last_ms < t->from_ms || when.first_ms >= t->until_ms)
		return false;
	ret->number = number;
	ret->confidence = (uint8_t)(t->confidence > 100 ? 100 : t->confidence);
	return true;
}

static bool
find_key(const struct ioc *ioc, unsigned which, struct str key_bytes, struct ioc_when when, struct ioc_hit *ret)
{
	const struct table *t = &ioc->table[which];
	if (!t->count)
		return false;
	uint64_t fingerprint = ioc_fingerprint(key_bytes, ioc->key, which), mask = ioc_bloom_mask(fingerprint);
	if ((t->bloom[ioc_bloom_word(fingerprint, t->words)] & mask) != mask)
		return false;
	uint32_t bucket = ioc_spread(ioc_where(key_bytes, ioc->key), t->buckets);
	for (uint32_t i = t->directory[bucket]; i < t->directory[bucket + 1]; i++)
		if (t->fingerprint[i] == fingerprint && valid_at(ioc, t->number[i], when, ret))
			return true;
	return false;
}

/* The last network that begins at or before the address; then outwards. Networks nest or are apart, so every one that
 * holds the address is around that one or is it. */
static bool
find_v4(const struct ioc *ioc, uint32_t address, struct ioc_when when, struct ioc_hit *ret)
{
	uint32_t low = ioc->v4_directory[address >> 16], high = ioc->v4_directory[(address >> 16) + 1];
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (ioc->v4[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (uint32_t at = low ? low - 1 : IOC_NONE; at != IOC_NONE; at = ioc->v4[at].parent)
		if (v4_holds(&ioc->v4[at], address) && valid_at(ioc, ioc->v4[at].number, when, ret))
			return true;
	return false;
}

static bool
find_v6(const struct ioc *ioc, const uint8_t address[16], struct ioc_when when, struct ioc_hit *ret)
{
	uint32_t low = 0, high = ioc->v6s;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (memcmp(ioc->v6[middle].start, address, 16) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (uint32_t at = low ? low - 1 : IOC_NONE; at != IOC_NONE; at = ioc->v6[at].parent)
		if (v6_holds(&ioc->v6[at], address) && valid_at(ioc, ioc->v6[at].number, when, ret))
			return true;
	return false;
}

bool
ioc_find_address_when(const struct ioc *ioc, const uint8_t address[16], struct ioc_when when, struct ioc_hit *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (find_key(ioc, IOC_TABLE_IP, str_from((const char *)address, 16), when, ret))
		return true;
	if (memcmp(address, mapped, sizeof mapped) != 0)
		return ioc->v6s && find_v6(ioc, address, when, ret);
	uint32_t v4 = (uint32_t)address[12] << 24 | (uint32_t)address[13] << 16 | (uint32_t)address[14] << 8 | address[15];
	return ioc->v4s && find_v4(ioc, v4, when, ret);
}

static bool
find_domain(const struct ioc *ioc, struct str name, struct ioc_when when, struct ioc_hit *ret)
{
	uint32_t labels = 1;
	for (size_t i = 0; i < name.n; i++)
		labels += name.p[i] == '.';
	for (; labels >= ioc->labels_min; labels--) {
		if (labels <= ioc->labels_max && find_key(ioc, IOC_TABLE_DOMAIN, name, when, ret)) {
			ret->value = name;
			return true;
		}
		ptrdiff_t dot = str_find_char(name, '.');
		if (dot < 0)
			break;
		name = str_skip(name, (size_t)dot + 1);
	}
	return false;
}

bool
ioc_find_when(const struct ioc *ioc, enum ioc_kind kind, struct str value, struct ioc_when when, struct ioc_hit *ret)
{
	uint8_t address[16];
	struct ioc_hit hit = {.value = value};
	bool found;
	assert(kind < IOC_KINDS);
	if (kind == IOC_CIDR)
		return false;
	if (kind == IOC_IP)
		found = ioc_address(value, address) && ioc_find_address_when(ioc, address, when, &hit);
	else if (kind == IOC_DOMAIN)
		found = ioc->table[IOC_TABLE_DOMAIN].count && find_domain(ioc, value, when, &hit);
	else
		found = find_key(ioc, table_of(kind), value, when, &hit);
	if (found)
		*ret = hit;
	return found;
}
