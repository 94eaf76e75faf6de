/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/source.h"

#include <assert.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/time.h"
#include "collect/keep.h"

#define BUCKETS 16384u
#define NONE UINT32_MAX
#define ESTABLISHED 16u      /* messages that make a newcomer one of us */
#define NUMBERS_AHEAD 65536u /* given out between two writings of the file at most, see sources_load() */
#define FILE_MAGIC 0x3153484bu /* "KHS1" */
#define FILE_MAX (4u << 20)

/* By time of the last message; [0] newcomers, [1] established. */
struct age_list {
	uint32_t newest, oldest;
};

struct sources {
	struct source *row;      /* SOURCE_MAX of them */
	uint32_t used;           /* rows ever used; then they are reused by eviction */
	uint32_t bucket[BUCKETS];
	struct age_list age[2];
	uint32_t next_number;
	uint64_t key;
	uint64_t evicted;
	bool unsaved;
};

struct sources *
sources_new(void)
{
	struct sources *t = MEM_NEW(struct sources);
	t->row = mem_calloc(SOURCE_MAX, sizeof *t->row);
	memset(t->bucket, 0xff, sizeof t->bucket);
	t->age[0] = t->age[1] = (struct age_list){NONE, NONE};
	t->next_number = 1;
	if (getrandom(&t->key, sizeof t->key, 0) != sizeof t->key)
		t->key = (uintptr_t)t; /* only speed depends on it */
	return t;
}

void
sources_free(struct sources *t)
{
	if (!t)
		return;
	mem_free(t->row);
	mem_free(t);
}

static uint32_t *
bucket_of(struct sources *t, uint8_t transport, const uint8_t peer[16])
{
	return &t->bucket[hash64_mix(hash64(str_from((const char *)peer, 16), t->key), transport) % BUCKETS];
}

static void
age_unlink(struct sources *t, uint32_t i)
{
	struct source *s = &t->row[i];
	struct age_list *list = &t->age[s->established];
	*(s->newer == NONE ? &list->newest : &t->row[s->newer].older) = s->older;
	*(s->older == NONE ? &list->oldest : &t->row[s->older].newer) = s->newer;
}

static void
age_link(struct sources *t, uint32_t i)
{
	struct source *s = &t->row[i];
	struct age_list *list = &t->age[s->established];
	s->newer = NONE;
	s->older = list->newest;
	*(list->newest == NONE ? &list->oldest : &t->row[list->newest].newer) = i;
	list->newest = i;
}

static void
row_unhash(struct sources *t, uint32_t i)
{
	uint32_t *link = bucket_of(t, t->row[i].transport, t->row[i].peer);
	while (*link != i)
		link = &t->row[*link].next_hash;
	*link = t->row[i].next_hash;
}

static uint32_t
row_free(struct sources *t)
{
	if (t->used < SOURCE_MAX)
		return t->used++;
	uint32_t i = t->age[0].oldest != NONE ? t->age[0].oldest : t->age[1].oldest;
	assert(i != NONE);
	age_unlink(t, i);
	row_unhash(t, i);
	t->evicted++;
	return i;
}

static uint32_t
row_add(struct sources *t, const struct source *s)
{
	uint32_t i = row_free(t), *bucket = bucket_of(t, s->transport, s->peer);
	t->row[i] = *s;
	t->row[i].next_hash = *bucket;
	*bucket = i;
	age_link(t, i);
	return i;
}

struct source *
source_find(struct sources *t, uint8_t transport, const uint8_t peer[16], int64_t now_ms)
{
	for (uint32_t i = *bucket_of(t, transport, peer); i != NONE; i = t->row[i].next_hash)
		if (t->row[i].transport == transport && memcmp(t->row[i].peer, peer, 16) == 0)
			return &t->row[i];
	struct source s = {.number = t->next_number++, .transport = transport, .first_ms = now_ms, .last_ms = now_ms,
	    .changed = true, .minute = now_ms / TIME_MINUTE};
	memcpy(s.peer, peer, 16);
	t->unsaved = true;
	return &t->row[row_add(t, &s)];
}

struct source *
source_number(struct sources *t, uint32_t number)
{
	for (uint32_t i = 0; i < t->used; i++)
		if (t->row[i].number == number)
			return &t->row[i];
	return NULL;
}

/* Zero the minutes that passed in silence. */
static void
minutes_advance(struct source *s, int64_t minute)
{
	if (minute - s->minute >= (int64_t)SOURCE_MINUTES)
		memset(s->per_minute, 0, sizeof s->per_minute);
	else
		for (int64_t m = s->minute + 1; m <= minute; m++)
			s->per_minute[m % SOURCE_MINUTES] = 0;
	if (minute > s->minute)
		s->minute = minute;
}

void
source_count(struct sources *t, struct source *s, size_t n, int64_t now_ms)
{
	uint32_t i = (uint32_t)(s - t->row);
	int64_t minute = now_ms / TIME_MINUTE;
	s->received++;
	s->bytes += n;
	s->last_ms = now_ms;
	s->changed = true;
	if (minute > s->minute)
		minutes_advance(s, minute);
	s->per_minute[s->minute % SOURCE_MINUTES]++;
	if (s->newer == NONE && s->established)
		return;
	age_unlink(t, i);
	s->established = s->received >= ESTABLISHED;
	age_link(t, i);
}

void
source_minutes(const struct source *s, int64_t now_ms, uint32_t ret[SOURCE_MINUTES])
{
	struct source copy = *s;
	minutes_advance(&copy, now_ms / TIME_MINUTE);
	for (uint32_t i = 0; i < SOURCE_MINUTES; i++)
		ret[i] = copy.per_minute[(copy.minute + 1 + i) % SOURCE_MINUTES];
}

uint32_t
sources_count(const struct sources *t)
{
	return t->used;
}

uint64_t
sources_evicted(const struct sources *t)
{
	return t->evicted;
}

struct source *
sources_next(struct sources *t, uint32_t *place)
{
	return *place < t->used ? &t->row[(*place)++] : NULL;
}

bool
sources_unsaved(const struct sources *t)
{
	return t->unsaved;
}

/* ---------------------------------------------------------------------------------------------------- the file */

static void
row_write(struct buf *b, const struct source *s)
{
	wire_put_u32(b, s->number);
	wire_put_u8(b, s->transport);
	buf_add(b, str_from((const char *)s->peer, 16));
	wire_put_u64(b, s->received);
	wire_put_u64(b, s->bytes);
	wire_put_u64(b, s->oversized);
	wire_put_u64(b, s->refused);
	wire_put_u64(b, s->dropped);
	wire_put_u64(b, s->quarantined);
	wire_put_i64(b, s->first_ms);
	wire_put_i64(b, s->last_ms);
}

static void
row_read(struct wire *w, struct source *s)
{
	s->number = wire_u32(w);
	s->transport = wire_u8(w);
	struct str peer = wire_bytes(w, 16);
	if (peer.n)
		memcpy(s->peer, peer.p, 16);
	s->received = wire_u64(w);
	s->bytes = wire_u64(w);
	s->oversized = wire_u64(w);
	s->refused = wire_u64(w);
	s->dropped = wire_u64(w);
	s->quarantined = wire_u64(w);
	s->first_ms = wire_i64(w);
	s->last_ms = wire_i64(w);
	s->established = s->received >= ESTABLISHED;
	s->minute = s->last_ms / TIME_MINUTE;
}

/* Oldest first, so that loading them in order gives the same ages. */
static void
list_write(const struct sources *t, const struct age_list *list, struct buf *b)
{
	for (uint32_t i = list->oldest; i != NONE; i = t->row[i].newer)
		row_write(b, &t->row[i]);
}

int
sources_save(struct sources *t, const struct store_io *io, const char *path)
{
	struct buf b = BUF_INIT;
	wire_put_u32(&b, FILE_MAGIC);
	wire_put_u32(&b, t->next_number + NUMBERS_AHEAD);
	wire_put_u32(&b, t->used);
	wire_put_u64(&b, t->evicted);
	list_write(t, &t->age[0], &b);
	list_write(t, &t->age[1], &b);
	wire_put_u32(&b, crc32c(0, buf_str(&b)));
	int error = keep_write(io, path, buf_str(&b));
	buf_release(&b);
	if (error == 0)
		t->unsaved = false;
	return error;
}

static int
table_read(struct sources *t, struct str bytes)
{
	struct wire w = {bytes, false};
	struct wire check = {str_skip(bytes, bytes.n - (bytes.n < 4 ? bytes.n : 4)), false};
	if (bytes.n < 24 || crc32c(0, str_cut(bytes, 0, bytes.n - 4)) != wire_u32(&check) || wire_u32(&w) != FILE_MAGIC)
		return E_CORRUPT;
	t->next_number = wire_u32(&w);
	uint32_t count = wire_u32(&w);
	t->evicted = wire_u64(&w);
	if (count > SOURCE_MAX)
		return E_CORRUPT;
	for (uint32_t i = 0; i < count && !w.bad; i++) {
		struct source s = {.changed = true};
		row_read(&w, &s);
		if (!w.bad)
			row_add(t, &s);
	}
	return w.bad ? E_CORRUPT : 0;
}

int
sources_load(struct sources *t, const struct store_io *io, const char *path)
{
	assert(!t->used);
	struct buf b = BUF_INIT_MAX(FILE_MAX);
	int error = keep_read(io, path, &b);
	if (error == 0)
		error = table_read(t, buf_str(&b));
	else if (error == E_LIMIT)
		error = E_CORRUPT; /* no table of ours is that large */
	buf_release(&b);
	return error;
}
