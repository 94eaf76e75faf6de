/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/memory.h"
#include "host/clock.h"
#include "register/internal.h"
#include "register/law.h"

#define REGISTRY_DEPTH 64
#define TABLE_KEY UINT64_C(0x9e3779b97f4a7c15) /* with the key 0 hash64_nocase() gives one number for all short texts */
#define REGISTRY_BYTES (256u << 20) /* two hundred thousand systems and more */

/* name, domain or id -> system or organisation; open addressing */
struct entry {
	struct str name;
	const void *value;
};

struct table {
	struct entry *slot;
	uint32_t mask;
};

struct network {
	struct prefix prefix;
	const struct system *system;
};

struct registry {
	struct arena arena;
	struct organisation *organisation;
	struct system *system;
	uint32_t organisations, systems;
	struct table hosts, domains, ids, organisation_ids;
	struct network *network; /* open addressing by prefix; a slot without a system is free */
	uint32_t network_mask;
	uint8_t length[129];     /* lengths of prefix that occur, longest first */
	uint32_t lengths;
	bool occurs[129];
};

static struct entry *
table_slot(const struct table *t, struct str name)
{
	uint32_t at = (uint32_t)hash64_nocase(name, TABLE_KEY) & t->mask;
	while (t->slot[at].value && !str_eq_nocase(t->slot[at].name, name))
		at = (at + 1) & t->mask;
	return &t->slot[at];
}

static uint32_t
mask_for(uint32_t entries)
{
	uint32_t mask = 15;
	while (mask < entries * 2)
		mask = mask * 2 + 1;
	return mask;
}

static void
table_new(struct table *t, uint32_t entries)
{
	t->mask = mask_for(entries);
	t->slot = mem_calloc(t->mask + 1, sizeof *t->slot);
}

/* The first to register a name keeps it. */
static void
table_put(struct table *t, struct str name, const void *value)
{
	struct entry *e = table_slot(t, name);
	if (!e->value)
		*e = (struct entry){name, value};
}

static struct network *
network_slot(const struct registry *r, const struct prefix *p)
{
	uint64_t h = hash64(str_from((const char *)p->address, sizeof p->address), p->bits);
	uint32_t at = (uint32_t)h & r->network_mask;
	while (r->network[at].system &&
	    (r->network[at].prefix.bits != p->bits || memcmp(r->network[at].prefix.address, p->address, 16)))
		at = (at + 1) & r->network_mask;
	return &r->network[at];
}

static void
network_put(struct registry *r, const struct prefix *p, const struct system *s)
{
	struct network *n = network_slot(r, p);
	if (!n->system)
		*n = (struct network){*p, s};
	r->occurs[p->bits] = true;
}

static struct str
copy(struct registry *r, struct str s)
{
	struct str kept = {0};
	return arena_copy(&r->arena, s, &kept) ? kept : (struct str){0};
}

static struct contact
contact_at(struct registry *r, struct db_rows *rows, int column)
{
	return (struct contact){copy(r, db_text(rows, column)), copy(r, db_text(rows, column + 1)),
	    copy(r, db_text(rows, column + 2))};
}

/* Once all of them stand where they stay. */
static int
load_parents(struct registry *r, struct db *db)
{
	struct db_rows *rows;
	int more;
	table_new(&r->organisation_ids, r->organisations);
	for (uint32_t i = 0; i < r->organisations; i++)
		table_put(&r->organisation_ids, r->organisation[i].id, &r->organisation[i]);
	TRY(db_query(db, &rows, Q_ORGANISATION_PARENTS, ""));
	while ((more = db_next(rows)) > 0) {
		struct organisation *o = (struct organisation *)registry_organisation(r, db_text(rows, 0));
		if (o)
			o->parent = registry_organisation(r, db_text(rows, 1));
	}
	db_end(rows);
	return more;
}

static bool
contact_known(const struct contact *c)
{
	return c->name.n || c->phone.n || c->email.n;
}

/* Whom to call today: the first of its people, else who stands in its row, else whom its parent names. */
static int
load_contacts(struct registry *r, struct db *db, struct str today)
{
	struct db_rows *rows;
	const struct organisation *last = NULL;
	int more;
	TRY(db_query(db, &rows, Q_CONTACT_VALID, "s", today));
	while ((more = db_next(rows)) > 0) {
		struct organisation *o = (struct organisation *)registry_organisation(r, db_text(rows, 0));
		if (o && o != last)
			o->contact = contact_at(r, rows, 1);
		last = o;
	}
	db_end(rows);
	for (uint32_t i = 0; i < r->organisations; i++) {
		const struct organisation *o = &r->organisation[i];
		for (int depth = 0; o && !contact_known(&o->contact) && depth < REGISTRY_DEPTH; depth++)
			o = o->parent;
		if (o)
			r->organisation[i].contact = o->contact;
	}
	return more;
}

static int
load_organisations(struct registry *r, struct db *db)
{
	struct db_rows *rows;
	uint32_t cap = 0;
	int more;
	TRY(db_query(db, &rows, Q_ORGANISATION_ALL, ""));
	while ((more = db_next(rows)) > 0) {
		MEM_GROW(r->organisation, r->organisations, cap);
		r->organisation[r->organisations++] = (struct organisation){
		    .id = copy(r, db_text(rows, 0)),
		    .name = copy(r, db_text(rows, 1)),
		    .kind = copy(r, db_text(rows, 2)),
		    .contact = contact_at(r, rows, 3),
		    .demonstration = db_i64(rows, 6) != 0,
		    .from_day = copy(r, db_text(rows, 7)),
		    .until_day = copy(r, db_text(rows, 8)),
		    .version = db_i64(rows, 9),
		};
	}
	db_end(rows);
	return more < 0 ? more : load_parents(r, db);
}

static int
load_systems(struct registry *r, struct db *db)
{
	struct db_rows *rows;
	uint32_t cap = 0;
	int more;
	TRY(db_query(db, &rows, Q_SYSTEM_ALL, ""));
	while ((more = db_next(rows)) > 0) {
		struct organisation *owner = (struct organisation *)registry_organisation(r, db_text(rows, 1));
		assert(owner); /* a foreign key of the schema */
		owner->systems++;
		struct contact own = contact_at(r, rows, 4);
		MEM_GROW(r->system, r->systems, cap);
		r->system[r->systems++] = (struct system){
		    .id = copy(r, db_text(rows, 0)),
		    .organisation = owner,
		    .name = copy(r, db_text(rows, 2)),
		    .level = (int)db_i64(rows, 3),
		    .contact = contact_known(&own) ? own : owner->contact,
		    .demonstration = db_i64(rows, 7) != 0,
		};
	}
	db_end(rows);
	return more;
}

static void
add_place(struct registry *r, struct system *s, struct str kind, struct str value)
{
	bool host = str_eq(kind, STR("host")), domain = str_eq(kind, STR("domain"));
	const struct str **list = host ? &s->host : domain ? &s->domain : &s->network;
	uint32_t *count = host ? &s->hosts : domain ? &s->domains : &s->networks;
	/* Places come sorted by system and kind, so a list grows in one piece at the end of the arena's run. */
	struct str *grown = arena_alloc(&r->arena, (*count + 1) * sizeof *grown);
	if (!grown)
		return;
	if (*count)
		memcpy(grown, *list, *count * sizeof *grown);
	grown[(*count)++] = value;
	*list = grown;
	if (host || domain) {
		table_put(host ? &r->hosts : &r->domains, value, s);
		return;
	}
	struct prefix p;
	if (prefix_parse(value, &p))
		network_put(r, &p, s);
}

/* How many of a kind there are: the tables never grow, and a full one would be searched for ever. */
static int
size_places(struct registry *r, struct db *db)
{
	struct db_rows *rows;
	uint32_t hosts = 0, domains = 0, networks = 0;
	int more;
	TRY(db_query(db, &rows, Q_SYSTEM_PLACE_COUNTS, ""));
	while ((more = db_next(rows)) > 0) {
		struct str kind = db_text(rows, 0);
		uint32_t *n = str_eq(kind, STR("host")) ? &hosts : str_eq(kind, STR("domain")) ? &domains : &networks;
		*n += (uint32_t)db_i64(rows, 1);
	}
	db_end(rows);
	table_new(&r->hosts, hosts);
	table_new(&r->domains, domains);
	r->network_mask = mask_for(networks);
	r->network = mem_calloc(r->network_mask + 1, sizeof *r->network);
	return more;
}

static int
load_places(struct registry *r, struct db *db, struct str today)
{
	struct db_rows *rows;
	struct system *s = NULL; /* they come sorted by system */
	int more;
	TRY(db_query(db, &rows, Q_SYSTEM_PLACE_ALL, "s", today));
	while ((more = db_next(rows)) > 0) {
		if (!s || !str_eq(s->id, db_text(rows, 0)))
			s = (struct system *)registry_system(r, db_text(rows, 0));
		assert(s);
		add_place(r, s, db_text(rows, 1), copy(r, db_text(rows, 2)));
	}
	db_end(rows);
	for (int bits = 128; bits >= 0; bits--)
		if (r->occurs[bits])
			r->length[r->lengths++] = (uint8_t)bits;
	return more;
}

static int
load_all(struct registry *r, struct db *db, struct str today)
{
	TRY(load_organisations(r, db));
	TRY(load_contacts(r, db, today));
	TRY(load_systems(r, db));
	TRY(size_places(r, db));
	table_new(&r->ids, r->systems);
	for (uint32_t i = 0; i < r->systems; i++)
		table_put(&r->ids, r->system[i].id, &r->system[i]);
	TRY(load_places(r, db, today));
	return r->arena.over ? E_LIMIT : 0;
}

int
registry_load_at(struct db *db, struct str today, struct registry **ret)
{
	struct registry *r = MEM_NEW(struct registry);
	arena_init(&r->arena, 64 << 10, REGISTRY_BYTES);
	int error = load_all(r, db, today);
	if (error) {
		registry_free(r);
		return error;
	}
	*ret = r;
	return 0;
}

struct str
registry_today(int64_t now_ms, char day[REGISTRY_DAY])
{
	struct buf text = BUF_INIT_MAX(64);
	law_day_write(law_day_at(now_ms), &text);
	size_t n = text.n < REGISTRY_DAY - 1 ? text.n : REGISTRY_DAY - 1;
	memcpy(day, text.p, n);
	day[n] = '\0';
	buf_release(&text);
	return str_from(day, n);
}

int
registry_load(struct db *db, struct registry **ret)
{
	char day[REGISTRY_DAY];
	return registry_load_at(db, registry_today(clock_now_ms(), day), ret);
}

void
registry_free(struct registry *r)
{
	if (!r)
		return;
	mem_free(r->hosts.slot);
	mem_free(r->domains.slot);
	mem_free(r->ids.slot);
	mem_free(r->organisation_ids.slot);
	mem_free(r->network);
	mem_free(r->organisation);
	mem_free(r->system);
	arena_release(&r->arena);
	mem_free(r);
}

const struct organisation *
registry_organisations(const struct registry *r, uint32_t *ret_count)
{
	*ret_count = r->organisations;
	return r->organisation;
}

const struct system *
registry_systems(const struct registry *r, uint32_t *ret_count)
{
	*ret_count = r->systems;
	return r->system;
}

const struct organisation *
registry_organisation(const struct registry *r, struct str id)
{
	const struct organisation *o = id.n ? table_slot(&r->organisation_ids, id)->value : NULL;
	return o && str_eq(o->id, id) ? o : NULL;
}

bool
registry_within(const struct registry *r, struct str organisation, struct str ancestor)
{
	const struct organisation *o = registry_organisation(r, organisation);
	if (!ancestor.n)
		return true;
	for (int depth = 0; o && depth < REGISTRY_DEPTH; depth++, o = o->parent) /* a ring of parents would have no end */
		if (str_eq(o->id, ancestor))
			return true;
	return false;
}

const struct system *
registry_system(const struct registry *r, struct str id)
{
	return table_slot(&r->ids, id)->value;
}

const struct system *
registry_by_host(const struct registry *r, struct str host)
{
	ptrdiff_t dot = str_find_char(host, '.');
	const struct system *s = host.n ? table_slot(&r->hosts, host)->value : NULL;
	if (!s && dot > 0)
		s = table_slot(&r->hosts, str_cut(host, 0, (size_t)dot))->value;
	return s;
}

const struct system *
registry_by_bytes(const struct registry *r, const uint8_t bytes[16])
{
	for (uint32_t i = 0; i < r->lengths; i++) {
		struct prefix p;
		prefix_cut(bytes, r->length[i], &p);
		const struct system *s = network_slot(r, &p)->system;
		if (s)
			return s;
	}
	return NULL;
}

const struct system *
registry_by_address(const struct registry *r, struct str address)
{
	uint8_t bytes[16];
	return registry_read_address(address, bytes) ? registry_by_bytes(r, bytes) : NULL;
}

const struct system *
registry_by_domain(const struct registry *r, struct str domain)
{
	while (domain.n) {
		const struct system *s = table_slot(&r->domains, domain)->value;
		ptrdiff_t dot = str_find_char(domain, '.');
		if (s || dot < 0)
			return s;
		domain = str_skip(domain, (size_t)dot + 1);
	}
	return NULL;
}
