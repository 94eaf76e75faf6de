/* SPDX-License-Identifier: EUPL-1.2 */
/* The register in memory after hundreds of changes is the one that is read from nothing; and its lists are what asking
 * every system one by one would give. */
#include "register/inventory.h"

#include <stdio.h>

#include "base/memory.h"
#include "database.h"
#include "register/claim.h"
#include "register/organisation.h"
#include "tap.h"

#define CHANGES 500
#define TODAY "2026-11-22"

static uint64_t dice_state = 20261122;

static uint32_t
dice(uint32_t sides)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice_state >> 33) % sides;
}

static const char *const words[] = {"C\xe1\xbb\x95ng", "\xc4\x90\xe1\xba\xaft L\xe1\xba\xaft", "thu", "Kho", "m\xc6\xb0n", "100%", "a_b", "X\xc3\xa3"};
static const char *const hosts[] = {"web", "WEB", "db.tinh.vn", "kho", "cam-1", "Cam-1", "x"};
static const char *const domains[] = {"vn", "tinh.vn", "a.tinh.vn", "A.tinh.vn", "xa.vn"};
static const char *const networks[] = {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "2001:db8::/32", "2001:db8:1::/48"};
static const char *const days[] = {"", "2026-11-21", TODAY, "2026-11-23", "2027-03-01"};
#define ONE_OF(list) str_z((list)[dice(COUNT(list))])

/* --- what a register says, as text --- */

static void
say(struct buf *out, struct str s)
{
	buf_add(out, s);
	buf_add_char(out, '|');
}

static void
say_contact(struct buf *out, const struct contact *c)
{
	say(out, c->name);
	say(out, c->phone);
	say(out, c->email);
}

static void
say_list(struct buf *out, const struct str *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		say(out, list[i]);
	buf_add_char(out, ';');
}

static void
say_organisation(struct buf *out, const struct organisation *o)
{
	const struct str text[] = {o->id, o->name, o->name_fold, o->kind, o->from_day, o->until_day, o->parent ? o->parent->id : STR("-")};
	say_list(out, text, COUNT(text));
	say_contact(out, &o->contact);
	buf_addf(out, "%u %lld %d\n", o->systems, (long long)o->version, o->demonstration);
}

static void
say_system(struct buf *out, const struct system *s)
{
	const struct str text[] = {s->id, s->name, s->name_fold, s->organisation->id, s->sector, s->until_day,
		str_z(s->licence_ends), str_z(s->layer_ends)};
	say_list(out, text, COUNT(text));
	say_contact(out, &s->contact);
	say_contact(out, system_contact(s));
	say_list(out, s->network, s->networks);
	say_list(out, s->host, s->hosts);
	say_list(out, s->domain, s->domains);
	buf_addf(out, "%d %d %d\n", s->level, s->critical, s->demonstration);
}

static void
say_owner(struct buf *out, const struct system *s)
{
	say(out, s ? s->id : STR("-"));
}

static void
say_all(struct buf *out, const struct registry *r, uint32_t organisations)
{
	uint32_t count;
	const struct system *const *all = registry_systems(r, &count);
	const struct system **found = mem_calloc(count + 1, sizeof *found);
	int64_t total;
	for (uint32_t i = 0; i < organisations; i++) {
		char id[16];
		snprintf(id, sizeof id, "o%u", i);
		say_organisation(out, registry_organisation(r, str_z(id)));
	}
	for (uint32_t i = 0; i < count; i++)
		say_system(out, all[i]);
	uint32_t told = registry_find(r, &(struct registry_query){.by_level = true, .closed = true, .limit = count}, found, &total);
	for (uint32_t i = 0; i < told; i++)
		say_owner(out, found[i]);
	for (size_t i = 0; i < COUNT(hosts); i++)
		say_owner(out, registry_by_host(r, str_z(hosts[i])));
	for (size_t i = 0; i < COUNT(domains); i++)
		say_owner(out, registry_by_domain(r, str_z(domains[i])));
	static const char *const addresses[] = {"10.1.2.3", "10.1.2.4", "10.1.9.9", "10.9.9.9", "2001:db8:1::1", "2001:db8::1", "192.0.2.1"};
	for (size_t i = 0; i < COUNT(addresses); i++)
		say_owner(out, registry_by_address(r, str_z(addresses[i])));
	for (uint32_t i = 0; i < count; i += 17) {
		struct registry_overlap met[20];
		uint32_t n = registry_overlaps(r, all[i], met, COUNT(met));
		for (uint32_t k = 0; k < n; k++)
			say_list(out, (const struct str[]){met[k].mine, met[k].theirs, met[k].other->id}, 3);
	}
	mem_free(found);
}

/* --- changes as people make them --- */

struct house {
	struct db *db;
	struct registry *r;
	struct arena arena;
	uint32_t organisations, systems;
};

static struct str
number(struct house *h, const char *letter, uint32_t n)
{
	struct buf text = BUF_INIT;
	struct str kept = {0};
	buf_addf(&text, "%s%u", letter, n);
	CHECK(arena_copy(&h->arena, buf_str(&text), &kept));
	buf_release(&text);
	return kept;
}

static struct str
name(struct house *h)
{
	struct buf text = BUF_INIT;
	struct str kept = {0};
	buf_addf(&text, "%s %s", words[dice(COUNT(words))], words[dice(COUNT(words))]);
	CHECK(arena_copy(&h->arena, buf_str(&text), &kept));
	buf_release(&text);
	return kept;
}

static struct str
any_organisation(struct house *h)
{
	return number(h, "o", dice(h->organisations));
}

static void
add_organisation(struct house *h)
{
	struct register_fault f = {0};
	const struct organisation_edit e = {.name = name(h), .kind = STR("commune"), .parent = h->organisations > 1 && dice(4) ? any_organisation(h) : STR("")};
	int error = organisation_add(h->db, number(h, "o", h->organisations), &e, STR(TODAY), 1, &f);
	h->organisations += !error;
	CHECK_INT(error, 0);
	registry_touch_organisations(h->r);
}

/* Some of it is refused, which changes nothing. */
static void
change_organisation(struct house *h)
{
	struct register_fault f = {0};
	struct contact_row c = {.organisation = any_organisation(h), .name = name(h), .phone = STR("1"), .rank = dice(3), .confirmed_day = STR(TODAY),
	    .until_day = ONE_OF(days)};
	const struct organisation_edit e = {.set_name = dice(2), .name = name(h), .set_parent = dice(2), .parent = any_organisation(h),
	    .set_until = dice(2), .until_day = ONE_OF(days)};
	if (dice(2))
		(void)!organisation_change(h->db, any_organisation(h), 0, &e, STR(TODAY), 1, &f);
	else
		(void)!contact_add(h->db, &c, 1, &f);
	registry_touch_organisations(h->r);
}

static void
add_system(struct house *h)
{
	const struct inventory s = {.id = number(h, "s", h->systems), .name = name(h), .organisation = any_organisation(h), .level = 1 + (int)dice(5),
	    .facts = STR("{}"), .sector = dice(2) ? STR("health") : STR(""), .critical = dice(2), .contact = {.phone = dice(3) ? STR("") : STR("0900")}};
	CHECK_INT(inventory_add(h->db, &s, 1), 0);
	h->systems++;
	registry_touch_system(h->r, s.id);
}

static void
change_members(struct house *h, struct str id)
{
	struct inventory s;
	CHECK_INT(inventory_get(h->db, id, STR(""), &h->arena, &s), 0);
	s.name = dice(2) ? name(h) : s.name;
	s.until_day = ONE_OF(days);
	s.critical = dice(2);
	s.contact.name = dice(2) ? name(h) : STR("");
	CHECK_INT(inventory_change(h->db, &s, 1), 0);
}

static void
change_places(struct house *h, struct str id)
{
	static const struct str kind[] = {STR_INIT("host"), STR_INIT("domain"), STR_INIT("network")};
	uint32_t which = dice(3);
	struct str value = which == 0 ? ONE_OF(hosts) : which == 1 ? ONE_OF(domains) : ONE_OF(networks);
	if (dice(3))
		(void)!inventory_place_add(h->db, id, kind[which], value);
	else
		(void)!inventory_place_remove(h->db, id, kind[which], value);
}

static void
change_parts(struct house *h, struct str id)
{
	struct part_row licence = {.text = {STR("software"), STR("x"), [5] = ONE_OF(days)}}, *row;
	struct part_row layer = {.text = {STR("1"), STR("planned"), [6] = ONE_OF(days)}};
	uint32_t count;
	int64_t added;
	enum part part = dice(2) ? PART_LICENCE : PART_LAYER;
	CHECK_INT(part_list(h->db, part, id, &h->arena, &row, &count), 0);
	if (count)
		CHECK_INT(part_remove(h->db, part, id, row[0].id), 0);
	else if (part == PART_LAYER || licence.text[5].n)
		CHECK_INT(part_add(h->db, part, id, part == PART_LAYER ? &layer : &licence, &added), 0);
}

static void
change_system(struct house *h)
{
	struct str id = number(h, "s", dice(h->systems));
	switch (dice(5)) {
	case 0:
		change_members(h, id);
		break;
	case 1:
	case 2:
		change_places(h, id);
		break;
	case 3:
		change_parts(h, id);
		break;
	default:
		CHECK_INT(inventory_move(h->db, id, any_organisation(h), STR(TODAY), STR(TODAY)), 0);
		CHECK_INT(db_run(h->db, Q_INVENTORY_LEVEL, "si", id, (int64_t)(1 + dice(5))), 0);
	}
	registry_touch_system(h->r, id);
}

static void
change(struct house *h)
{
	uint32_t what = dice(12);
	if (what == 0)
		add_organisation(h);
	else if (what == 1)
		change_organisation(h);
	else if (what < 5)
		add_system(h);
	else
		change_system(h);
	arena_clear(&h->arena);
}

static struct house
open_house(void)
{
	struct house h = {0};
	arena_init(&h.arena, 4096, 4 << 20);
	CHECK_INT(db_open(test_database(""), &h.db, NULL), 0);
	CHECK_INT(registry_load_at(h.db, STR(TODAY), &h.r), 0);
	for (int i = 0; i < 5; i++)
		add_organisation(&h);
	for (int i = 0; i < 20; i++)
		add_system(&h);
	return h;
}

static void
close_house(struct house *h)
{
	registry_free(h->r);
	arena_release(&h->arena);
	db_close(h->db);
}

static bool
is_as_read_anew(struct house *h, const char *day)
{
	struct registry *fresh;
	struct buf kept = BUF_INIT, read = BUF_INIT;
	CHECK_INT(registry_renew(&h->r, h->db, str_z(day)), 0);
	CHECK_INT(registry_load_at(h->db, str_z(day), &fresh), 0);
	say_all(&kept, h->r, h->organisations);
	say_all(&read, fresh, h->organisations);
	bool same = str_eq(buf_str(&kept), buf_str(&read)) && registry_organisations(h->r) == registry_organisations(fresh);
	buf_release(&kept);
	buf_release(&read);
	registry_free(fresh);
	return same;
}

TEST(after_any_changes_it_is_what_is_read_from_nothing)
{
	struct house h = open_house();
	for (int i = 0; i < CHANGES; i++) {
		change(&h);
		if (dice(3) && !is_as_read_anew(&h, TODAY)) { /* sometimes after several */
			tap_check(false, __FILE__, __LINE__, "after change %d", i);
			break;
		}
	}
	CHECK(is_as_read_anew(&h, TODAY));
	CHECK(is_as_read_anew(&h, "2026-11-24")); /* who is closed, whom to call */
	CHECK(h.systems > 100 && h.organisations > 20);
	close_house(&h);
}

/* --- lists --- */

static bool
has(struct str text, struct str part)
{
	struct buf fold = BUF_INIT;
	db_fold(text, &fold);
	bool yes = str_find(buf_str(&fold), part) >= 0;
	buf_release(&fold);
	return yes;
}

static bool
any_has(const struct str *list, uint32_t count, struct str part)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_find_nocase(list[i], part) >= 0)
			return true;
	return false;
}

static bool
wanted(const struct registry *r, const struct registry_query *q, const struct system *s)
{
	bool ends = (s->licence_ends[0] && str_cmp(str_z(s->licence_ends), q->ends_before) <= 0) ||
	    (s->layer_ends[0] && str_cmp(str_z(s->layer_ends), q->ends_before) <= 0);
	return registry_within(r, s->organisation->id, q->scope) && registry_within(r, s->organisation->id, q->organisation) &&
	    (!q->level || q->level == s->level) && (!q->critical || s->critical) && (!q->sector.n || str_eq(q->sector, s->sector)) &&
	    (q->closed || !s->until_day.n || str_cmp(s->until_day, STR(TODAY)) >= 0) && (!q->ends_before.n || ends) &&
	    (!q->part.n || has(s->name, q->part) || str_find(s->id, q->part) >= 0 || has(s->organisation->name, q->part) ||
		any_has(s->network, s->networks, q->part) || any_has(s->host, s->hosts, q->part) || any_has(s->domain, s->domains, q->part));
}

/* Page for page all that fit and nothing else, in order. */
static bool
pages_are_right(const struct registry *r, struct registry_query q)
{
	uint32_t count, got = 0, told, fitting = 0;
	const struct system *const *all = registry_systems(r, &count), *page[7], *last = NULL;
	int64_t total;
	bool right = true;
	for (uint32_t i = 0; i < count; i++)
		fitting += wanted(r, &q, all[i]);
	q.limit = COUNT(page);
	do {
		told = registry_find(r, &q, page, &total);
		right &= total == fitting;
		for (uint32_t i = 0; i < told; i++) {
			right &= wanted(r, &q, page[i]);
			right &= !last || (q.by_level && last->level != page[i]->level ? last->level > page[i]->level
			    : str_cmp(last->name_fold, page[i]->name_fold) < 0 ||
				(str_eq(last->name_fold, page[i]->name_fold) && str_cmp(last->id, page[i]->id) < 0));
			last = page[i];
		}
		got += told;
		if (told)
			q.after_level = last->level, q.after_fold = last->name_fold, q.after_id = last->id;
	} while (told == COUNT(page) && right);
	return right && got == fitting;
}

TEST(a_list_is_all_that_fit_and_nothing_else)
{
	static const char *const parts[] = {"", "cong", "dat lat", "%", "_", "o1", "s1", "10.1", "web", "tinh.vn", "db8", "g m", "zzz"};
	struct house h = open_house();
	for (int i = 0; i < CHANGES; i++)
		change(&h);
	CHECK_INT(registry_renew(&h.r, h.db, STR(TODAY)), 0);
	for (uint32_t i = 0; i < 400; i++) {
		const struct registry_query q = {.part = str_z(parts[i % COUNT(parts)]), .scope = dice(3) ? STR("") : any_organisation(&h),
		    .organisation = dice(3) ? STR("") : any_organisation(&h), .level = dice(3) ? 0 : 1 + (int)dice(5), .critical = !dice(3),
		    .sector = dice(3) ? STR("") : STR("health"), .ends_before = dice(3) ? STR("") : STR("2026-11-23"), .closed = false, .by_level = dice(2)};
		if (!pages_are_right(h.r, q))
			tap_check(false, __FILE__, __LINE__, "query %u, part '%.*s'", i, STR_ARG(q.part));
	}
	const struct system *page[1];
	int64_t total = -1;
	const struct registry_query nobody = {.scope = STR("nobody"), .closed = true, .limit = 1};
	CHECK_INT(registry_find(h.r, &nobody, page, &total), 0);
	CHECK_INT(total, 0);
	close_house(&h);
}

/* --- names and who claims them --- */

TEST(who_lets_go_of_a_name_leaves_it_to_the_next)
{
	enum { CLAIMS = 300, NAMES = 40 };
	static struct claim claim[CLAIMS];
	static char id[CLAIMS][8], called[NAMES][8];
	bool in[CLAIMS] = {false};
	struct claims t;
	claims_init(&t, false);
	for (int i = 0; i < NAMES; i++)
		snprintf(called[i], sizeof called[i], "n%d", i);
	for (uint32_t i = 0; i < CLAIMS; i++) {
		snprintf(id[i], sizeof id[i], "%03u", i);
		claim[i] = (struct claim){str_z(called[dice(NAMES)]), str_z(id[i]), &claim[i], NULL};
	}
	for (int step = 0; step < 5000; step++) {
		uint32_t i = dice(CLAIMS), first = CLAIMS, asked = dice(NAMES);
		if (in[i])
			claims_remove(&t, &claim[i]);
		else
			claims_add(&t, &claim[i]);
		in[i] = !in[i];
		for (uint32_t k = 0; k < CLAIMS && first == CLAIMS; k++)
			if (in[k] && str_eq(claim[k].name, str_z(called[asked])))
				first = k;
		const struct claim *has_it = claims_find(&t, str_z(called[asked]));
		if (has_it != (first < CLAIMS ? &claim[first] : NULL))
			tap_check(false, __FILE__, __LINE__, "step %d", step);
	}
	CHECK(claims_find(&t, STR("N7")) == claims_find(&t, STR("n7")));
	claims_release(&t);
}
