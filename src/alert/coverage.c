/* SPDX-License-Identifier: EUPL-1.2 */
#include "alert/coverage.h"

#include "base/hash.h"
#include "base/memory.h"

#define KEYS 8192u         /* kinds of events remembered; then they are looked up anew */
#define KEY_SOURCES 8u     /* of one kind of event */
#define KEY_BYTES 512u     /* of an organisation and an event key; longer ones are looked up every time */
#define ARENA_BYTES ((size_t)32 << 20)

struct pair {
	struct coverage_source seen;
	bool dirty;
};

/* A kind of event of one organisation, and what it counts for. */
struct key {
	uint64_t hash; /* 0: free */
	struct str text;
	struct pair *pair[KEY_SOURCES];
	uint32_t pairs;
};

struct name {
	struct str text;
	bool dirty;
};

struct coverage {
	struct arena arena, keys_arena;
	struct pair **pair;     /* in the order they came */
	uint32_t pairs, pair_cap;
	uint32_t *pair_slot;    /* open addressing: index + 1 */
	uint32_t pair_mask;
	struct key *key;
	uint32_t keys;
	struct name *name;      /* open addressing */
	uint32_t names, name_mask;
	bool dirty;
	uint64_t over;
	struct buf text;
};

struct coverage *
coverage_new(void)
{
	struct coverage *c = MEM_NEW(struct coverage);
	arena_init(&c->arena, 64 << 10, ARENA_BYTES);
	arena_init(&c->keys_arena, 64 << 10, ARENA_BYTES);
	c->pair_mask = 255;
	c->pair_slot = mem_calloc(c->pair_mask + 1, sizeof *c->pair_slot);
	c->key = mem_calloc(KEYS * 2, sizeof *c->key);
	c->name_mask = 2 * 32768 - 1;
	c->name = mem_calloc(c->name_mask + 1, sizeof *c->name);
	c->text = BUF_INIT_MAX(KEY_BYTES);
	return c;
}

void
coverage_free(struct coverage *c)
{
	if (!c)
		return;
	arena_release(&c->arena);
	arena_release(&c->keys_arena);
	buf_release(&c->text);
	mem_free(c->pair);
	mem_free(c->pair_slot);
	mem_free(c->key);
	mem_free(c->name);
	mem_free(c);
}

uint64_t
coverage_over(const struct coverage *c)
{
	return c->over;
}

/* ---- pairs ---- */

static uint64_t
pair_hash(struct str organisation, const struct rule_source *s)
{
	return hash64(organisation, hash64(s->product, hash64(s->category, hash64(s->service, 7))));
}

static bool
is_pair(const struct coverage_source *p, struct str organisation, const struct rule_source *s)
{
	return str_eq(p->organisation, organisation) && str_eq(p->source.product, s->product) &&
	    str_eq(p->source.category, s->category) && str_eq(p->source.service, s->service);
}

static uint32_t *
pair_slot(const struct coverage *c, struct str organisation, const struct rule_source *s)
{
	uint32_t at = (uint32_t)pair_hash(organisation, s) & c->pair_mask;
	while (c->pair_slot[at] && !is_pair(&c->pair[c->pair_slot[at] - 1]->seen, organisation, s))
		at = (at + 1) & c->pair_mask;
	return &c->pair_slot[at];
}

static void
grow_pairs(struct coverage *c)
{
	mem_free(c->pair_slot);
	c->pair_mask = c->pair_mask * 2 + 1;
	c->pair_slot = mem_calloc((size_t)c->pair_mask + 1, sizeof *c->pair_slot);
	for (uint32_t i = 0; i < c->pairs; i++)
		*pair_slot(c, c->pair[i]->seen.organisation, &c->pair[i]->seen.source) = i + 1;
}

/* NULL when there is no place for another. */
static struct pair *
pair_of(struct coverage *c, struct str organisation, const struct rule_source *s)
{
	uint32_t *slot = pair_slot(c, organisation, s);
	if (*slot)
		return c->pair[*slot - 1];
	struct pair *p = c->pairs < COVERAGE_PAIRS ? ARENA_NEW(&c->arena, struct pair) : NULL;
	if (!p || !arena_copy(&c->arena, organisation, &p->seen.organisation) ||
	    !arena_copy(&c->arena, s->product, &p->seen.source.product) ||
	    !arena_copy(&c->arena, s->category, &p->seen.source.category) ||
	    !arena_copy(&c->arena, s->service, &p->seen.source.service))
		return NULL;
	MEM_GROW(c->pair, c->pairs, c->pair_cap);
	c->pair[c->pairs++] = p;
	*slot = c->pairs;
	if (c->pairs * 2 > c->pair_mask)
		grow_pairs(c);
	return p;
}

/* ---- events ---- */

static void
clear_keys(struct coverage *c)
{
	memset(c->key, 0, KEYS * 2 * sizeof *c->key);
	c->keys = 0;
	arena_clear(&c->keys_arena);
}

void
coverage_rules_changed(struct coverage *c)
{
	clear_keys(c);
}

/* Lengths stand before the texts, so that no two kinds read alike. */
static void
build_key(struct coverage *c, const struct event *e, struct str organisation)
{
	const struct str part[] = {organisation, e->product, e->service, e->category, e->channel, e->code};
	buf_clear(&c->text);
	for (size_t i = 0; i < COUNT(part); i++) {
		uint16_t length = (uint16_t)part[i].n;
		buf_add(&c->text, str_from((const char *)&length, sizeof length));
		buf_add(&c->text, part[i]);
	}
}

static void
fill_key(struct coverage *c, struct key *key, const struct rules *r, const struct event *e, struct str organisation)
{
	uint32_t source[KEY_SOURCES];
	uint32_t n = rules_event_sources(r, e, source, KEY_SOURCES);
	for (uint32_t i = 0; i < n; i++) {
		struct rule_source s = rules_source_at(r, source[i]);
		struct pair *p = pair_of(c, organisation, &s);
		if (p)
			key->pair[key->pairs++] = p;
		else
			c->over++;
	}
}

static struct key *
find_key(struct coverage *c, uint64_t hash)
{
	uint32_t at = (uint32_t)(hash >> 32) % (KEYS * 2);
	while (c->key[at].hash && (c->key[at].hash != hash || !str_eq(c->key[at].text, buf_str(&c->text))))
		at = (at + 1) % (KEYS * 2);
	return &c->key[at];
}

void
coverage_add(struct coverage *c, const struct rules *r, const struct event *e, struct str organisation,
    int64_t received_ms)
{
	struct key own = {0}, *key = &own;
	build_key(c, e, organisation);
	if (!c->text.over) {
		uint64_t hash = hash64(buf_str(&c->text), 0x636f7672) | 1;
		key = find_key(c, hash);
		if (!key->hash && (c->keys == KEYS || c->keys_arena.held > ARENA_BYTES / 2)) {
			clear_keys(c);
			key = find_key(c, hash);
		}
		if (!key->hash && !arena_copy(&c->keys_arena, buf_str(&c->text), &own.text)) {
			key = &own;
		} else if (!key->hash) {
			*key = (struct key){.hash = hash, .text = own.text};
			c->keys++;
			fill_key(c, key, r, e, organisation);
		}
	}
	if (key == &own)
		fill_key(c, key, r, e, organisation);
	for (uint32_t i = 0; i < key->pairs; i++) {
		struct pair *p = key->pair[i];
		p->seen.events++;
		p->seen.last_ms = received_ms > p->seen.last_ms ? received_ms : p->seen.last_ms;
		p->dirty = c->dirty = true;
	}
}

/* ---- fields ---- */

static struct name *
name_slot(const struct coverage *c, struct str name)
{
	uint32_t at = (uint32_t)hash64(name, 5) & c->name_mask;
	while (c->name[at].text.n && !str_eq(c->name[at].text, name))
		at = (at + 1) & c->name_mask;
	return &c->name[at];
}

static void
put_name(struct coverage *c, struct str name, bool dirty)
{
	struct name *n = name_slot(c, name);
	if (n->text.n || !name.n)
		return;
	if (c->names == COVERAGE_FIELDS || !arena_copy(&c->arena, name, &n->text)) {
		c->over++;
		return;
	}
	n->dirty = dirty;
	c->dirty |= dirty;
	c->names++;
}

void
coverage_add_field(struct coverage *c, struct str name)
{
	put_name(c, name, true);
}

bool
coverage_has_field(const struct coverage *c, struct str name)
{
	return name_slot(c, name)->text.n > 0;
}

/* ---- the database ---- */

int
coverage_load(struct coverage *c, struct db *db)
{
	struct db_rows *rows;
	int more;
	TRY(db_query(db, &rows, Q_SOURCE_SEEN_ALL, ""));
	while ((more = db_next(rows)) > 0) {
		struct rule_source s = {db_text(rows, 1), db_text(rows, 2), db_text(rows, 3)};
		struct pair *p = pair_of(c, db_text(rows, 0), &s);
		if (!p)
			continue;
		p->seen.events = db_i64(rows, 4);
		p->seen.last_ms = db_i64(rows, 5);
	}
	db_end(rows);
	TRY(more);
	TRY(db_query(db, &rows, Q_FIELD_SEEN_ALL, ""));
	while ((more = db_next(rows)) > 0)
		put_name(c, db_text(rows, 0), false);
	db_end(rows);
	return more;
}

static int
write_dirty(struct coverage *c, struct db *db, int64_t now_ms)
{
	for (uint32_t i = 0; i < c->pairs; i++) {
		const struct coverage_source *s = &c->pair[i]->seen;
		if (c->pair[i]->dirty)
			TRY(db_run(db, Q_SOURCE_SEEN_PUT, "ssssii", s->organisation, s->source.product, s->source.category,
			    s->source.service, s->events, s->last_ms));
	}
	for (uint32_t i = 0; i <= c->name_mask; i++)
		if (c->name[i].dirty)
			TRY(db_run(db, Q_FIELD_SEEN_PUT, "si", c->name[i].text, now_ms));
	return 0;
}

int
coverage_save(struct coverage *c, struct db *db, int64_t now_ms)
{
	if (!c->dirty)
		return 0;
	TRY(db_begin(db));
	TRY(db_end_transaction(db, write_dirty(c, db, now_ms)));
	for (uint32_t i = 0; i < c->pairs; i++)
		c->pair[i]->dirty = false;
	for (uint32_t i = 0; i <= c->name_mask; i++)
		c->name[i].dirty = false;
	c->dirty = false;
	return 0;
}

/* ---- asking ---- */

const struct coverage_source *
coverage_next(const struct coverage *c, uint32_t *place)
{
	return *place < c->pairs ? &c->pair[(*place)++]->seen : NULL;
}

static bool
any_seen(const struct coverage *c, struct str organisation, const struct rule_source *s)
{
	if (organisation.n)
		return *pair_slot(c, organisation, s) != 0;
	for (uint32_t i = 0; i < c->pairs; i++)
		if (is_pair(&c->pair[i]->seen, c->pair[i]->seen.organisation, s))
			return true;
	return false;
}

void
coverage_seen(const struct coverage *c, const struct rules *r, struct str organisation, bool *seen)
{
	for (uint32_t i = 0; i < rules_sources(r); i++) {
		struct rule_source s = rules_source_at(r, i);
		seen[i] = any_seen(c, organisation, &s);
	}
}
