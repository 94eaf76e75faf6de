/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/memory.h"
#include "register/internal.h"

#define REGISTRY_DEPTH 64
#define REGISTRY_BYTES (256u << 20) /* two hundred thousand systems and more */

/* name or domain -> system, open addressing */
struct entry {
	struct str name;
	const struct system *system;
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
	struct table hosts, domains, ids;
	struct network *network; /* longest prefix first */
	uint32_t networks, network_cap;
};

static struct entry *
table_slot(const struct table *t, struct str name)
{
	uint32_t at = (uint32_t)hash64_nocase(name, 0) & t->mask;
	while (t->slot[at].system && !str_eq_nocase(t->slot[at].name, name))
		at = (at + 1) & t->mask;
	return &t->slot[at];
}

static void
table_new(struct table *t, uint32_t entries)
{
	t->mask = 15;
	while (t->mask < entries * 2)
		t->mask = t->mask * 2 + 1;
	t->slot = mem_calloc(t->mask + 1, sizeof *t->slot);
}

/* The first to register a name keeps it. */
static void
table_put(struct table *t, struct str name, const struct system *s)
{
	struct entry *e = table_slot(t, name);
	if (!e->system)
		*e = (struct entry){name, s};
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
	uint32_t at = 0;
	int more;
	TRY(db_query(db, &rows, Q_ORGANISATION_ALL, ""));
	while ((more = db_next(rows)) > 0 && at < r->organisations)
		r->organisation[at++].parent = registry_organisation(r, db_text(rows, 7));
	db_end(rows);
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
		    .from_day = copy(r, db_text(rows, 8)),
		    .until_day = copy(r, db_text(rows, 9)),
		    .version = db_i64(rows, 10),
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
		struct organisation *owner = NULL;
		for (uint32_t i = 0; i < r->organisations && !owner; i++)
			if (str_eq(r->organisation[i].id, db_text(rows, 1)))
				owner = &r->organisation[i];
		assert(owner); /* a foreign key of the schema */
		owner->systems++;
		struct contact own = contact_at(r, rows, 4);
		MEM_GROW(r->system, r->systems, cap);
		r->system[r->systems++] = (struct system){
		    .id = copy(r, db_text(rows, 0)),
		    .organisation = owner,
		    .name = copy(r, db_text(rows, 2)),
		    .level = (int)db_i64(rows, 3),
		    .contact = own.name.n || own.phone.n || own.email.n ? own : owner->contact,
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
	struct network n = {.system = s};
	if (!prefix_parse(value, &n.prefix))
		return;
	MEM_GROW(r->network, r->networks, r->network_cap);
	r->network[r->networks++] = n;
}

/* How many of a kind there are: the tables never grow, and a full one would be searched for ever. */
static int
count_places(struct db *db, uint32_t *ret_hosts, uint32_t *ret_domains)
{
	struct db_rows *rows;
	int more;
	TRY(db_query(db, &rows, Q_SYSTEM_PLACE_ALL, ""));
	while ((more = db_next(rows)) > 0) {
		*ret_hosts += str_eq(db_text(rows, 1), STR("host"));
		*ret_domains += str_eq(db_text(rows, 1), STR("domain"));
	}
	db_end(rows);
	return more;
}

static int
load_places(struct registry *r, struct db *db)
{
	struct db_rows *rows;
	int more;
	TRY(db_query(db, &rows, Q_SYSTEM_PLACE_ALL, ""));
	while ((more = db_next(rows)) > 0) {
		struct system *s = (struct system *)registry_system(r, db_text(rows, 0));
		assert(s);
		add_place(r, s, db_text(rows, 1), copy(r, db_text(rows, 2)));
	}
	db_end(rows);
	return more;
}

static int
longest_first(const void *a, const void *b)
{
	return (int)((const struct network *)b)->prefix.bits - (int)((const struct network *)a)->prefix.bits;
}

static int
load_all(struct registry *r, struct db *db)
{
	uint32_t hosts = 0, domains = 0;
	TRY(load_organisations(r, db));
	TRY(load_systems(r, db));
	TRY(count_places(db, &hosts, &domains));
	table_new(&r->ids, r->systems);
	table_new(&r->hosts, hosts);
	table_new(&r->domains, domains);
	for (uint32_t i = 0; i < r->systems; i++)
		table_put(&r->ids, r->system[i].id, &r->system[i]);
	TRY(load_places(r, db));
	if (r->networks)
		qsort(r->network, r->networks, sizeof *r->network, longest_first);
	return r->arena.over ? E_LIMIT : 0;
}

int
registry_load(struct db *db, struct registry **ret)
{
	struct registry *r = MEM_NEW(struct registry);
	arena_init(&r->arena, 64 << 10, REGISTRY_BYTES);
	int error = load_all(r, db);
	if (error) {
		registry_free(r);
		return error;
	}
	*ret = r;
	return 0;
}

void
registry_free(struct registry *r)
{
	if (!r)
		return;
	mem_free(r->hosts.slot);
	mem_free(r->domains.slot);
	mem_free(r->ids.slot);
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
	for (uint32_t i = 0; i < r->organisations; i++)
		if (str_eq(r->organisation[i].id, id))
			return &r->organisation[i];
	return NULL;
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
	return table_slot(&r->ids, id)->system;
}

const struct system *
registry_by_host(const struct registry *r, struct str host)
{
	ptrdiff_t dot = str_find_char(host, '.');
	const struct system *s = host.n ? table_slot(&r->hosts, host)->system : NULL;
	if (!s && dot > 0)
		s = table_slot(&r->hosts, str_cut(host, 0, (size_t)dot))->system;
	return s;
}

const struct system *
registry_by_bytes(const struct registry *r, const uint8_t bytes[16])
{
	for (uint32_t i = 0; i < r->networks; i++)
		if (prefix_holds(&r->network[i].prefix, bytes))
			return r->network[i].system;
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
		const struct system *s = table_slot(&r->domains, domain)->system;
		ptrdiff_t dot = str_find_char(domain, '.');
		if (s || dot < 0)
			return s;
		domain = str_skip(domain, (size_t)dot + 1);
	}
	return NULL;
}
