/* SPDX-License-Identifier: EUPL-1.2 */
/* The register in memory: read whole, kept up with what was touched, asked. */
#include <assert.h>

#include "base/memory.h"
#include "host/clock.h"
#include "register/law.h"
#include "register/registry_held.h"

#define REGISTRY_DEPTH 64
#define REGISTRY_BYTES (256u << 20) /* two hundred thousand systems and more */
#define ORGANISATION_BYTES (64u << 20)

static bool
contact_known(const struct contact *c)
{
	return c->name.n || c->phone.n || c->email.n;
}

/* --- organisations --- */

/* A row of the database, before anybody points to it. */
struct fresh {
	struct organisation organisation;
	struct str parent;
};

static struct contact
contact_at(struct arena *a, struct db_rows *rows, int column)
{
	struct contact c = {0};
	struct str *text[] = {&c.name, &c.phone, &c.email};
	for (int i = 0; i < 3; i++)
		if (!arena_copy(a, db_text(rows, column + i), text[i]))
			break; /* counted by the arena */
	return c;
}

static int
read_organisations(struct db *db, struct arena *a, struct fresh **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	uint32_t count = 0, cap = 0;
	int more;
	TRY(db_query(db, &rows, Q_ORGANISATION_ALL, ""));
	while ((more = db_next(rows)) > 0) {
		MEM_GROW(*ret, count, cap);
		(*ret)[count++] = (struct fresh){
		    .organisation = {
			.id = db_text_kept(rows, 0, a),
			.name = db_text_kept(rows, 1, a),
			.name_fold = db_text_kept(rows, 2, a),
			.kind = db_text_kept(rows, 3, a),
			.contact = contact_at(a, rows, 4),
			.demonstration = db_i64(rows, 7) != 0,
			.from_day = db_text_kept(rows, 8, a),
			.until_day = db_text_kept(rows, 9, a),
			.version = db_i64(rows, 10),
		    },
		    .parent = db_text_kept(rows, 11, a),
		};
	}
	db_end(rows);
	*ret_count = count;
	return more;
}

/* Whom to call today: the first of its people, else who stands in its row. Both lists come sorted by organisation. */
static int
read_contacts(struct db *db, struct str today, struct arena *a, struct fresh *list, uint32_t count)
{
	struct db_rows *rows;
	struct fresh *at = list, *last = NULL;
	int more;
	TRY(db_query(db, &rows, Q_CONTACT_VALID, "s", today));
	while ((more = db_next(rows)) > 0) {
		while (at < list + count && str_cmp(at->organisation.id, db_text(rows, 0)) < 0)
			at++;
		if (at == list + count || at == last || !str_eq(at->organisation.id, db_text(rows, 0)))
			continue;
		at->organisation.contact = contact_at(a, rows, 1);
		last = at;
	}
	db_end(rows);
	return more;
}

static struct agency *
agency_of(const struct registry *r, struct str id)
{
	return (struct agency *)claims_find(&r->agency_ids, id);
}

/* Nobody points to an organisation that is not in the list any more? */
static bool
all_are_there(const struct registry *r, const struct fresh *list, uint32_t count)
{
	uint32_t known = 0;
	for (uint32_t i = 0; i < count; i++)
		known += agency_of(r, list[i].organisation.id) != NULL;
	return known == r->agencies;
}

static void
adopt(struct registry *r, const struct fresh *f)
{
	struct agency *a = agency_of(r, f->organisation.id);
	bool known = a != NULL;
	if (!known) {
		a = MEM_NEW(struct agency);
		a->organisation.number = r->agencies;
		MEM_GROW(r->agency, r->agencies, r->agencies_cap);
		r->agency[r->agencies++] = a;
	}
	uint32_t number = a->organisation.number, systems = a->organisation.systems;
	a->organisation = f->organisation;
	a->organisation.number = number;
	a->organisation.systems = systems;
	a->id.name = a->id.id = a->organisation.id;
	a->id.owner = a;
	if (!known)
		claims_add(&r->agency_ids, &a->id);
}

/* Who names nobody to call is reached through his parent. */
static void
inherit_contact(struct organisation *o)
{
	const struct organisation *up = o;
	for (int depth = 0; up && !contact_known(&up->contact) && depth < REGISTRY_DEPTH; depth++)
		up = up->parent;
	if (up)
		o->contact = up->contact;
}

static void
adopt_all(struct registry *r, const struct fresh *list, uint32_t count, struct arena *texts)
{
	for (uint32_t i = 0; i < count; i++)
		adopt(r, &list[i]);
	for (uint32_t i = 0; i < count; i++)
		agency_of(r, list[i].organisation.id)->organisation.parent = registry_organisation(r, list[i].parent);
	for (uint32_t i = 0; i < r->agencies; i++)
		inherit_contact(&r->agency[i]->organisation);
	arena_release(&r->texts);
	r->texts = *texts;
	r->organisations_touched = false;
}

/* E_CONFLICT: one is gone, and everything has to be read. */
static int
load_organisations(struct registry *r, struct db *db)
{
	struct arena texts;
	struct fresh *list = NULL;
	uint32_t count = 0;
	arena_init(&texts, 64 << 10, ORGANISATION_BYTES);
	int error = read_organisations(db, &texts, &list, &count);
	if (!error)
		error = read_contacts(db, str_z(r->today), &texts, list, count);
	if (!error && texts.over)
		error = E_LIMIT;
	if (!error && !all_are_there(r, list, count))
		error = E_CONFLICT;
	if (error)
		arena_release(&texts);
	else
		adopt_all(r, list, count, &texts);
	mem_free(list);
	return error;
}

/* --- all systems --- */

static struct held *
held_of(const struct registry *r, struct str id)
{
	return (struct held *)registry_system(r, id);
}

static int
load_rows(struct registry *r, struct db *db)
{
	struct db_rows *rows;
	struct held *h;
	int more;
	TRY(db_query(db, &rows, Q_SYSTEM_ALL, ""));
	while ((more = db_next(rows)) > 0 && (more = held_read(r, rows, &h)) == 0) {
		MEM_GROW(r->by_name, r->systems, r->by_name_cap);
		r->by_name[r->systems++] = &h->system;
		claims_add(&r->ids, &h->id);
	}
	db_end(rows);
	return more;
}

/* They come sorted by system; in memory they lie in the order of the lists, which a search walks from end to end. */
static int
load_places(struct registry *r, struct db *db)
{
	struct db_rows *rows;
	struct held *h = NULL;
	struct place_list list = {.text = BUF_INIT_MAX(REGISTRY_BYTES)};
	int more;
	TRY(db_query(db, &rows, Q_SYSTEM_PLACE_ALL, ""));
	while ((more = db_next(rows)) > 0) {
		if (!h || !str_eq(h->system.id, db_text(rows, 0))) {
			h = held_of(r, db_text(rows, 0));
			assert(h && !h->place_count); /* a foreign key of the schema */
			h->first_place = list.count;
		}
		h->place_count++;
		place_list_add(&list, db_text(rows, 1), db_text(rows, 2));
	}
	db_end(rows);
	if (list.text.over)
		more = E_LIMIT;
	for (uint32_t i = 0; i < r->systems && !more; i++)
		held_take_places((struct held *)r->by_name[i], &list, str_z(r->today));
	place_list_release(&list);
	return more;
}

static int
load_ends(struct registry *r, struct db *db)
{
	struct db_rows *rows;
	int more;
	TRY(db_query(db, &rows, Q_SYSTEM_ENDS_ALL, ""));
	while ((more = db_next(rows)) > 0)
		held_take_end(held_of(r, db_text(rows, 0)), rows);
	db_end(rows);
	return more;
}

/* Sorted by name already, so that each level is one pass. */
static void
list_by_level(struct registry *r)
{
	uint32_t n = 0;
	if (!r->systems)
		return;
	r->by_level_cap = r->systems;
	r->by_level = mem_calloc(r->systems, sizeof *r->by_level);
	for (int level = 5; level >= 1; level--)
		for (uint32_t i = 0; i < r->systems; i++)
			if (r->by_name[i]->level == level)
				r->by_level[n++] = r->by_name[i];
	assert(n == r->systems);
}

static int
load_systems(struct registry *r, struct db *db)
{
	TRY(load_rows(r, db));
	TRY(load_places(r, db));
	TRY(load_ends(r, db));
	list_by_level(r);
	for (uint32_t i = 0; i < r->systems; i++)
		held_enter(r, (struct held *)r->by_name[i]);
	return r->bytes > REGISTRY_BYTES ? E_LIMIT : 0;
}

/* --- whole --- */

static struct registry *
registry_new(struct str today)
{
	struct registry *r = MEM_NEW(struct registry);
	memcpy(r->today, today.p, today.n < REGISTRY_DAY ? today.n : REGISTRY_DAY - 1);
	arena_init(&r->texts, 4 << 10, ORGANISATION_BYTES);
	claims_init(&r->agency_ids, true);
	claims_init(&r->ids, true);
	claims_init(&r->hosts, false);
	claims_init(&r->domains, false);
	claims_init(&r->networks, true);
	return r;
}

static int
load(struct db *db, struct str today, bool systems, struct registry **ret)
{
	struct registry *r = registry_new(today);
	int error = load_organisations(r, db);
	if (!error && systems)
		error = load_systems(r, db);
	if (error) {
		registry_free(r);
		return error;
	}
	*ret = r;
	return 0;
}

int
registry_load_at(struct db *db, struct str today, struct registry **ret)
{
	return load(db, today, true, ret);
}

int
registry_load_organisations(struct db *db, struct str today, struct registry **ret)
{
	return load(db, today, false, ret);
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
	for (uint32_t i = 0; i < r->systems; i++)
		held_free((struct held *)r->by_name[i]);
	for (uint32_t i = 0; i < r->agencies; i++)
		mem_free(r->agency[i]);
	struct claims *tables[] = {&r->agency_ids, &r->ids, &r->hosts, &r->domains, &r->networks};
	for (size_t i = 0; i < COUNT(tables); i++)
		claims_release(tables[i]);
	mem_free(r->agency);
	mem_free(r->by_name);
	mem_free(r->by_level);
	arena_release(&r->texts);
	mem_free(r);
}

/* --- what was touched --- */

void
registry_touch_all(struct registry *r)
{
	r->all_touched = true;
}

void
registry_touch_organisations(struct registry *r)
{
	r->organisations_touched = true;
}

void
registry_touch_system(struct registry *r, struct str id)
{
	for (uint32_t i = 0; i < r->touches; i++)
		if (str_eq(str_z(r->touched[i]), id))
			return;
	if (r->touches == REGISTRY_TOUCHED || id.n > REGISTER_ID_MAX) {
		r->all_touched = true;
		return;
	}
	char *at = r->touched[r->touches++];
	memcpy(at, id.p, id.n);
	at[id.n] = '\0';
}

static void
list_insert(const struct system ***list, uint32_t count, uint32_t *cap, const struct system *s, bool by_level)
{
	uint32_t at = system_position(*list, count, s, by_level);
	MEM_GROW(*list, count, *cap);
	memmove(*list + at + 1, *list + at, (count - at) * sizeof **list);
	(*list)[at] = s;
}

static void
list_remove(const struct system **list, uint32_t count, const struct system *s, bool by_level)
{
	uint32_t at = system_position(list, count, s, by_level);
	assert(at < count && list[at] == s);
	memmove(list + at, list + at + 1, (count - at - 1) * sizeof *list);
}

static void
take_out(struct registry *r, struct held *h)
{
	list_remove(r->by_name, r->systems, &h->system, false);
	list_remove(r->by_level, r->systems, &h->system, true);
	r->systems--;
	claims_remove(&r->ids, &h->id);
	held_leave(r, h);
	held_free(h);
}

static void
put_in(struct registry *r, struct held *h)
{
	list_insert(&r->by_name, r->systems, &r->by_name_cap, &h->system, false);
	list_insert(&r->by_level, r->systems, &r->by_level_cap, &h->system, true);
	r->systems++;
	claims_add(&r->ids, &h->id);
	held_enter(r, h);
}

static int
read_places(const struct registry *r, struct db *db, struct held *h)
{
	struct place_list list = {.text = BUF_INIT_MAX(64 << 20)};
	struct db_rows *rows;
	int more;
	TRY(db_query(db, &rows, Q_SYSTEM_PLACE_ONE, "s", h->system.id));
	for (; (more = db_next(rows)) > 0; h->place_count++)
		place_list_add(&list, db_text(rows, 1), db_text(rows, 2));
	db_end(rows);
	if (!more)
		held_take_places(h, &list, str_z(r->today));
	place_list_release(&list);
	return more;
}

static int
read_ends(struct db *db, struct held *h)
{
	struct db_rows *rows;
	int more;
	TRY(db_query(db, &rows, Q_SYSTEM_ENDS_ONE, "s", h->system.id));
	while ((more = db_next(rows)) > 0)
		held_take_end(h, rows);
	db_end(rows);
	return more;
}

/* NULL when it is gone. */
static int
read_one(const struct registry *r, struct db *db, struct str id, struct held **ret)
{
	struct db_rows *rows;
	struct held *h = NULL;
	TRY(db_query(db, &rows, Q_SYSTEM_ONE, "s", id));
	int error = db_next(rows);
	if (error > 0)
		error = held_read(r, rows, &h);
	db_end(rows);
	if (!error && h)
		error = read_places(r, db, h);
	if (!error && h)
		error = read_ends(db, h);
	if (error)
		held_free(h);
	else
		*ret = h;
	return error;
}

static int
renew_system(struct registry *r, struct db *db, struct str id)
{
	struct held *fresh = NULL, *was = held_of(r, id);
	TRY(read_one(r, db, id, &fresh));
	if (was)
		take_out(r, was);
	if (fresh)
		put_in(r, fresh);
	r->changes++;
	return r->bytes > REGISTRY_BYTES ? E_LIMIT : 0;
}

static int
renew_parts(struct registry *r, struct db *db)
{
	if (r->organisations_touched)
		TRY(load_organisations(r, db));
	for (; r->touches; r->touches--)
		TRY(renew_system(r, db, str_z(r->touched[r->touches - 1])));
	return 0;
}

int
registry_renew(struct registry **r, struct db *db, struct str today)
{
	struct registry *fresh;
	bool whole = (*r)->all_touched || !str_eq(str_z((*r)->today), today);
	int error = whole ? 0 : renew_parts(*r, db);
	if (!whole && error != E_CONFLICT && error != E_NOT_FOUND) /* then what stands here fits no longer together */
		return error;
	TRY(registry_load_at(db, today, &fresh));
	fresh->changes = (*r)->changes + 1;
	registry_free(*r);
	*r = fresh;
	return 0;
}

uint64_t
registry_changes(const struct registry *r)
{
	return r->changes;
}

/* --- asking --- */

uint32_t
registry_organisations(const struct registry *r)
{
	return r->agencies;
}

const struct organisation *
registry_organisation_at(const struct registry *r, uint32_t number)
{
	assert(number < r->agencies);
	return &r->agency[number]->organisation;
}

const struct system *const *
registry_systems(const struct registry *r, uint32_t *ret_count)
{
	*ret_count = r->systems;
	return r->by_name;
}

const struct organisation *
registry_organisation(const struct registry *r, struct str id)
{
	const struct agency *a = agency_of(r, id);
	return a ? &a->organisation : NULL;
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
	return claims_find(&r->ids, id);
}

const struct contact *
system_contact(const struct system *s)
{
	return contact_known(&s->contact) ? &s->contact : &s->organisation->contact;
}

const struct system *
registry_by_host(const struct registry *r, struct str host)
{
	ptrdiff_t dot = str_find_char(host, '.');
	const struct system *s = host.n ? claims_find(&r->hosts, host) : NULL;
	if (!s && dot > 0)
		s = claims_find(&r->hosts, str_cut(host, 0, (size_t)dot));
	return s;
}

const struct system *
registry_by_bytes(const struct registry *r, const uint8_t bytes[16])
{
	for (uint32_t i = 0; i < r->lengths; i++) {
		struct prefix p;
		prefix_cut(bytes, r->length[i], &p);
		const struct system *s = claims_find(&r->networks, prefix_name(&p));
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
		const struct system *s = claims_find(&r->domains, domain);
		ptrdiff_t dot = str_find_char(domain, '.');
		if (s || dot < 0)
			return s;
		domain = str_skip(domain, (size_t)dot + 1);
	}
	return NULL;
}
