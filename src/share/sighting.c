/* SPDX-License-Identifier: EUPL-1.2 */
/* What a hit means, and counting it. Core alone. */
#include "base/hash.h"
#include "base/memory.h"
#include "share/indicator.h"

#define REMEMBERED 2048u          /* rows of indicators; a power of two */
#define BOOK_BYTES (32u << 20)    /* sightings of one verdict; beyond it they are only counted */
#define VALUE_KEPT 300u
#define SOURCES_TEXT 300u

struct known {
	uint32_t number;          /* 0 = empty */
	bool active;
	enum ioc_kind kind;
	enum tlp tlp;
	int confidence;
	uint16_t value_n, sources_n;
	char text[IOC_VALUE_MAX + SOURCES_TEXT]; /* value, then sources */
};

struct kept {
	struct kept *next;
	struct sighting sighting;
};

/* Sightings of one indicator since the last write. */
struct group {
	struct group *next;
	uint32_t number;
	int64_t count, first_ms, last_ms;
	struct kept *kept, **last;
	uint32_t kept_count;
};

struct sighting_book {
	struct db *db;
	struct known *known[REMEMBERED];
	struct arena arena;
	struct group *bucket[256];
	struct group **group;
	uint32_t groups, group_cap, pending;
	uint64_t doubted;
};

struct sighting_book *
sighting_book_new(struct db *db)
{
	struct sighting_book *b = MEM_NEW(struct sighting_book);
	b->db = db;
	arena_init(&b->arena, 16 << 10, BOOK_BYTES);
	return b;
}

void
sighting_book_free(struct sighting_book *b)
{
	if (!b)
		return;
	sighting_book_forget(b);
	arena_release(&b->arena);
	mem_free(b->group);
	mem_free(b);
}

void
sighting_book_forget(struct sighting_book *b)
{
	for (size_t i = 0; i < REMEMBERED; i++) {
		mem_free(b->known[i]);
		b->known[i] = NULL;
	}
}

uint64_t
sighting_book_doubted(const struct sighting_book *b)
{
	return b->doubted;
}

/* --- what it means --- */

/* All active rows of this value: the strictest TLP, the highest confidence, every source. */
static void
read_sources(struct sighting_book *b, struct known *k)
{
	struct db_rows *rows;
	struct str value = str_from(k->text, k->value_n);
	if (db_query(b->db, &rows, Q_INDICATOR_ALIKE, "is", (int64_t)k->kind, value) < 0)
		return;
	while (db_next(rows) > 0) {
		struct str name = db_text(rows, 1);
		enum tlp tlp = (enum tlp)db_i64(rows, 2);
		int confidence = (int)db_i64(rows, 3);
		k->tlp = tlp > k->tlp ? tlp : k->tlp;
		k->confidence = confidence > k->confidence ? confidence : k->confidence;
		size_t room = SOURCES_TEXT - k->sources_n;
		if (name.n + 2 > room)
			continue;
		char *to = k->text + k->value_n + k->sources_n;
		k->sources_n = (uint16_t)(k->sources_n + snprintf(to, room, "%s%.*s", k->sources_n ? ", " : "", STR_ARG(name)));
	}
	db_end(rows);
}

static void
read_known(struct sighting_book *b, uint32_t number, struct known *k)
{
	struct db_rows *rows;
	*k = (struct known){0}; /* not remembered while the database cannot be read */
	if (db_query(b->db, &rows, Q_INDICATOR_GET, "ii", (int64_t)number, TIME_NONE) < 0)
		return;
	int more = db_next(rows);
	k->number = more < 0 ? 0 : number;
	if (more > 0 && db_text(rows, 2).n <= IOC_VALUE_MAX) {
		struct str value = db_text(rows, 2);
		k->kind = (enum ioc_kind)db_i64(rows, 1);
		k->active = db_i64(rows, 8) == INDICATOR_ACTIVE;
		k->value_n = (uint16_t)value.n;
		if (value.n)
			memcpy(k->text, value.p, value.n);
	}
	db_end(rows);
	if (k->active)
		read_sources(b, k);
}

/* Does the indicator really say this? `text` is what the finding names: the event's own text, of lists the part. */
static bool
says(const struct known *k, struct str text)
{
	char normal[IOC_VALUE_MAX];
	uint8_t address[16], network[16];
	unsigned bits;
	struct str own = str_from(k->text, k->value_n);
	if (k->kind == IOC_CIDR) {
		if (!ioc_prefix(own, network, &bits) || !ioc_address(str_trim(text), address))
			return false;
		for (unsigned i = 0; i < bits; i++)
			if ((network[i / 8] ^ address[i / 8]) >> (7 - i % 8) & 1)
				return false;
		return true;
	}
	struct str n = str_from(normal, ioc_normalise(k->kind, text, normal));
	if (k->kind == IOC_DOMAIN)
		return n.n && ioc_domain_within(n, own);
	return n.n && str_eq(n, own);
}

bool
sighting_meaning(struct sighting_book *b, uint32_t number, struct str value, struct sighting_meaning *ret)
{
	struct known **at = &b->known[number % REMEMBERED];
	if (!*at)
		*at = MEM_NEW(struct known);
	if ((*at)->number != number)
		read_known(b, number, *at);
	const struct known *k = *at;
	if (!k->active || !says(k, value)) {
		b->doubted++;
		return false;
	}
	*ret = (struct sighting_meaning){k->kind, str_from(k->text, k->value_n), str_from(k->text + k->value_n, k->sources_n),
	    k->tlp, k->confidence};
	return true;
}

/* --- counting --- */

static struct group *
group_of(struct sighting_book *b, uint32_t number)
{
	struct group **at = &b->bucket[number % COUNT(b->bucket)];
	for (; *at; at = &(*at)->next)
		if ((*at)->number == number)
			return *at;
	struct group *g = ARENA_NEW(&b->arena, struct group);
	if (!g)
		return NULL;
	*at = g;
	g->number = number;
	g->first_ms = INT64_MAX;
	g->last_ms = INT64_MIN;
	g->last = &g->kept;
	MEM_GROW(b->group, b->groups, b->group_cap);
	b->group[b->groups++] = g;
	return g;
}

void
sighting_book_add(struct sighting_book *b, uint32_t number, const struct sighting *s)
{
	struct group *g = group_of(b, number);
	b->pending++;
	if (!g)
		return;
	g->count++;
	g->first_ms = s->time_ms < g->first_ms ? s->time_ms : g->first_ms;
	g->last_ms = s->time_ms > g->last_ms ? s->time_ms : g->last_ms;
	struct kept *k = g->kept_count < SIGHTINGS_KEPT ? ARENA_NEW(&b->arena, struct kept) : NULL;
	if (!k)
		return;
	k->sighting = (struct sighting){.event = s->event, .time_ms = s->time_ms};
	if (!arena_copy(&b->arena, s->field, &k->sighting.field) ||
	    !arena_copy(&b->arena, str_cut(s->value, 0, VALUE_KEPT), &k->sighting.value) ||
	    !arena_copy(&b->arena, s->organisation, &k->sighting.organisation) ||
	    !arena_copy(&b->arena, s->system, &k->sighting.system))
		return;
	*g->last = k;
	g->last = &k->next;
	g->kept_count++;
}

uint32_t
sighting_book_pending(const struct sighting_book *b)
{
	return b->pending;
}

static int
write_group(struct sighting_book *b, const struct group *g)
{
	TRY(db_run(b->db, Q_INDICATOR_SEEN, "iiii", (int64_t)g->number, g->count, g->first_ms, g->last_ms));
	if (db_changed(b->db) != 1)
		return 0; /* no such indicator: nothing to hang a sighting on */
	for (const struct kept *k = g->kept; k; k = k->next)
		TRY(db_run(b->db, Q_SIGHTING_PUT, "iiissss", (int64_t)g->number, k->sighting.event, k->sighting.time_ms,
		    k->sighting.field, k->sighting.value, k->sighting.organisation, k->sighting.system));
	return db_run(b->db, Q_SIGHTING_PRUNE, "ii", (int64_t)g->number, (int64_t)SIGHTINGS_KEPT);
}

int
sighting_book_write(struct sighting_book *b)
{
	for (uint32_t i = 0; i < b->groups; i++)
		TRY(write_group(b, b->group[i]));
	return 0;
}

void
sighting_book_clear(struct sighting_book *b)
{
	arena_clear(&b->arena);
	memset(b->bucket, 0, sizeof b->bucket);
	b->groups = b->pending = 0;
}

int
sighting_list(struct db *db, int64_t indicator, struct arena *arena, struct sighting **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct sighting *list = arena_calloc(arena, SIGHTINGS_KEPT, sizeof *list);
	uint32_t n = 0;
	int more = 1;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_SIGHTING_ALL, "i", indicator));
	while (n < SIGHTINGS_KEPT && (more = db_next(rows)) > 0) {
		struct sighting s = {.event = db_i64(rows, 0), .time_ms = db_i64(rows, 1)};
		if (!arena_copy(arena, db_text(rows, 2), &s.field) || !arena_copy(arena, db_text(rows, 3), &s.value) ||
		    !arena_copy(arena, db_text(rows, 4), &s.organisation) || !arena_copy(arena, db_text(rows, 5), &s.system))
			break;
		list[n++] = s;
	}
	db_end(rows);
	if (more < 0)
		return more;
	*ret = list;
	*ret_count = n;
	return 0;
}
