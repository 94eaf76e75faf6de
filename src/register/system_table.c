/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/system_table.h"

#include "base/hash.h"
#include "base/memory.h"
#include "register/internal.h"
#include "register/table_import.h"

/* Roles, exposures and kinds of place stand beside each other: their words follow from the column. */
enum column {
	ID, NAME, ORGANISATION, CLASS, LEVEL, LEVEL_DAY, LEVEL_NUMBER, SECTOR, CRITICAL, SEPARATED, FROM, UNTIL, OPERATOR,
	MONITOR, ASSESSOR, PROVIDER, INTERNET, INTERNAL, OFFLINE, NETWORKS, HOSTS, DOMAINS, NOTE, CONTACT_NAME, CONTACT_PHONE,
	CONTACT_EMAIL, COLUMNS
};

static const struct str column_name[COLUMNS] = {STR_INIT("id"), STR_INIT("name"), STR_INIT("organisation"),
	STR_INIT("class"), STR_INIT("level"), STR_INIT("level_day"), STR_INIT("level_number"), STR_INIT("sector"),
	STR_INIT("critical"), STR_INIT("separated"), STR_INIT("from_day"), STR_INIT("until_day"), STR_INIT("operator"),
	STR_INIT("monitor"), STR_INIT("assessor"), STR_INIT("provider"), STR_INIT("applications_internet"),
	STR_INIT("applications_internal"), STR_INIT("applications_none"), STR_INIT("networks"), STR_INIT("hosts"),
	STR_INIT("domains"), STR_INIT("note"), STR_INIT("contact_name"), STR_INIT("contact_phone"), STR_INIT("contact_email")};

static const struct str exposures[] = {STR_INIT("internet"), STR_INIT("internal"), STR_INIT("none")};
static const struct str places[] = {STR_INIT("network"), STR_INIT("host"), STR_INIT("domain")};

/* Members of the parts, as inventory_part.c has them. */
enum { PARTY_ROLE, PARTY_ORGANISATION, PARTY_FROM, PARTY_UNTIL };
enum { DECIDED_LEVEL, DECIDED_DAY, DECIDED_NUMBER };
enum { APPLICATION_NAME, APPLICATION_EXPOSURE = 3 };

struct named {
	const struct organisation *organisation;
	bool shared;            /* another has the same name */
};

struct import {
	struct table_import in; /* first: callbacks are given it */
	const struct system_import *wish;
	struct named *named;    /* by name, open addressing */
	uint32_t mask;
};

/* A row on its way. */
struct line {
	uint32_t row;
	bool fresh;
	bool touched;           /* a part or a place is another */
	bool parties;           /* one of its parties is */
	struct inventory was, now;
};

/* --- cells --- */

static void
fault(struct import *im, const struct line *l, int c, const char *what, struct str arg)
{
	import_fault(&im->in, l->row, column_name[c], what, arg);
}

/* One of several in a cell: they end at a semicolon or a line. */
static bool
next_of(struct str *rest, struct str *ret)
{
	while (rest->n) {
		size_t end = 0;
		while (end < rest->n && rest->p[end] != ';' && rest->p[end] != '\n')
			end++;
		*ret = str_trim(str_cut(*rest, 0, end));
		*rest = str_skip(*rest, end + (end < rest->n));
		if (ret->n)
			return true;
	}
	return false;
}

static bool
names(struct str cell, struct str one)
{
	struct str other;
	while (next_of(&cell, &other))
		if (str_eq(other, one))
			return true;
	return false;
}

/* Does the cell say the same before `one`, which is a part of it? */
static bool
earlier(struct str cell, struct str one)
{
	return names(str_cut(cell, 0, (size_t)(one.p - cell.p)), one);
}

/* What stands there, when the cell says the same but for blanks around it. */
static struct str
text_of(const struct import *im, const struct line *l, int c, struct str there)
{
	struct str text = import_wanted(&im->in, l->row, c, there);
	return str_eq(text, str_trim(there)) ? there : text;
}

static bool
flag_of(struct import *im, const struct line *l, int c, bool there)
{
	static const char *const yes[] = {"yes", "true", "1", "x", "co"}, *const no[] = {"", "no", "false", "0", "khong"};
	struct buf fold = BUF_INIT_MAX(256);
	struct str cell = import_cell(&im->in, l->row, c);
	bool flag = there, known = !import_has(&im->in, c);
	db_fold(cell, &fold); /* as Vietnamese writes it, without its accents */
	for (size_t i = 0; !known && i < COUNT(yes); i++) {
		flag = str_eq(buf_str(&fold), str_z(yes[i]));
		known = flag || str_eq(buf_str(&fold), str_z(no[i]));
	}
	buf_release(&fold);
	if (!known)
		fault(im, l, c, "system_flag", cell);
	return flag;
}

/* --- organisations by id or name --- */

static struct named *
named_slot(const struct import *im, struct str name)
{
	uint32_t at = (uint32_t)hash64(name, 0) & im->mask;
	while (im->named[at].organisation && !str_eq(im->named[at].organisation->name, name))
		at = (at + 1) & im->mask;
	return &im->named[at];
}

static void
learn_names(struct import *im)
{
	const struct registry *r = im->wish->registry;
	const uint32_t count = registry_organisations(r);
	im->mask = 63;
	while (im->mask < 2 * count)
		im->mask = im->mask * 2 + 1;
	im->named = mem_calloc(im->mask + 1, sizeof *im->named);
	for (uint32_t i = 0; i < count; i++) {
		const struct organisation *o = registry_organisation_at(r, i);
		struct named *slot = named_slot(im, o->name);
		slot->shared = slot->organisation != NULL;
		slot->organisation = o;
	}
}

/* NULL: told. */
static const struct organisation *
organisation_of(struct import *im, const struct line *l, int c, struct str text)
{
	const struct organisation *o = registry_organisation(im->wish->registry, text);
	const struct named *slot = named_slot(im, text);
	if (!o && !slot->shared)
		o = slot->organisation;
	if (!o)
		fault(im, l, c, slot->shared ? "system_organisation_twice" : "system_organisation", text);
	return o;
}

/* --- what a row says of the system itself --- */

static void
read_owner(struct import *im, struct line *l)
{
	if (!import_has(&im->in, ORGANISATION) && !l->fresh)
		return;
	struct str text = import_cell(&im->in, l->row, ORGANISATION);
	const struct organisation *o = organisation_of(im, l, ORGANISATION, text);
	if (o && !registry_within(im->wish->registry, o->id, im->wish->scope))
		fault(im, l, ORGANISATION, "register_not_yours", text);
	if (o)
		l->now.organisation = o->id;
}

/* 0: told. */
static int
level_of(struct import *im, const struct line *l, int there)
{
	struct str cell = import_cell(&im->in, l->row, LEVEL);
	int64_t level;
	if (!l->fresh && !import_has(&im->in, LEVEL))
		return there;
	if (str_to_i64(cell, &level) && level >= 1 && level <= 5)
		return (int)level;
	fault(im, l, LEVEL, "register_level", cell);
	return 0;
}

static void
tell_member(struct import *im, const struct line *l, const char *member)
{
	static const struct {
		const char *member;
		int column;
		const char *what;
	} told[] = {{"name", NAME, "system_name"}, {"class", CLASS, "system_class"}, {"sector", SECTOR, "system_sector"},
	    {"from_day", FROM, "register_day"}, {"until_day", UNTIL, "register_span"}, {"note", NOTE, "register_text"},
	    {"contact", CONTACT_NAME, "register_text"}};
	const struct str arg[] = {l->now.name, l->now.class, l->now.sector, l->now.from_day, l->now.until_day, l->now.note,
	    l->now.contact.name};
	for (size_t i = 0; i < COUNT(told); i++)
		if (strcmp(told[i].member, member) == 0)
			fault(im, l, told[i].column,
			    told[i].column == UNTIL && !register_day_ok(arg[i]) ? "register_day" : told[i].what, arg[i]);
}

static bool
same_members(const struct inventory *a, const struct inventory *b)
{
	return str_eq(a->name, b->name) && str_eq(a->class, b->class) && str_eq(a->sector, b->sector) &&
	    a->critical == b->critical && a->separated == b->separated && str_eq(a->from_day, b->from_day) &&
	    str_eq(a->until_day, b->until_day) && str_eq(a->note, b->note) && str_eq(a->contact.name, b->contact.name) &&
	    str_eq(a->contact.phone, b->contact.phone) && str_eq(a->contact.email, b->contact.email);
}

/* False: a fault was told. */
static bool
read_members(struct import *im, struct line *l)
{
	struct inventory *now = &l->now;
	const struct {
		int column;
		struct str *text;
	} text[] = {{NAME, &now->name}, {CLASS, &now->class}, {SECTOR, &now->sector}, {NOTE, &now->note},
	    {CONTACT_NAME, &now->contact.name}, {CONTACT_PHONE, &now->contact.phone}, {CONTACT_EMAIL, &now->contact.email}};
	const uint32_t faults = im->in.report->faults;
	for (size_t i = 0; i < COUNT(text); i++)
		*text[i].text = text_of(im, l, text[i].column, *text[i].text);
	now->from_day = import_day(&im->in, l->row, FROM, now->from_day);
	now->until_day = import_day(&im->in, l->row, UNTIL, now->until_day);
	now->critical = flag_of(im, l, CRITICAL, now->critical);
	now->separated = flag_of(im, l, SEPARATED, now->separated);
	read_owner(im, l);
	if (l->fresh)
		now->level = level_of(im, l, 0);
	const char *member = im->in.report->faults == faults && (l->fresh || !same_members(&l->was, now))
	    ? inventory_fault(im->wish->law, now, im->wish->today) : NULL;
	if (member)
		tell_member(im, l, member);
	return im->in.report->faults == faults;
}

static int
write_members(struct import *im, struct line *l)
{
	struct db *db = im->in.db;
	if (l->fresh)
		return inventory_insert(db, &l->now, im->wish->now_ms);
	if (!str_eq(l->was.organisation, l->now.organisation)) {
		TRY(inventory_move(db, l->now.id, l->now.organisation, im->wish->today, im->wish->today));
		l->touched = l->parties = true;
	}
	if (same_members(&l->was, &l->now))
		return 0;
	im->in.changed[l->row] = true;
	return inventory_change(db, &l->now, im->wish->now_ms);
}

/* --- parts --- */

static bool
any_column(const struct import *im, int first, int last)
{
	for (int c = first; c <= last; c++)
		if (import_has(&im->in, c))
			return true;
	return false;
}

/* What it had before this row; a new one had nothing. */
static int
list_parts(struct import *im, const struct line *l, enum part part, struct part_row **ret, uint32_t *ret_count)
{
	*ret = NULL;
	*ret_count = 0;
	return l->fresh ? 0 : part_list(im->in.db, part, l->now.id, &im->in.row, ret, ret_count);
}

/* --- the decision of its level --- */

static int
put_decision(struct import *im, struct line *l, struct part_row *decision)
{
	int64_t id;
	const char *member = part_fault(PART_LEVEL, decision);
	if (member) {
		bool day = strcmp(member, "day") == 0;
		fault(im, l, day ? LEVEL_DAY : LEVEL_NUMBER, day ? "register_day" : "register_text",
		    decision->text[day ? DECIDED_DAY : DECIDED_NUMBER]);
		return 0;
	}
	level_fill(im->wish->law, &l->now, &im->in.row, decision);
	l->touched = true;
	TRY(decision->id ? part_change(im->in.db, PART_LEVEL, l->now.id, decision)
			 : part_add(im->in.db, PART_LEVEL, l->now.id, decision, &id));
	if (l->fresh) /* it has the level of its row already */
		return 0;
	return level_settle(im->in.db, l->now.id, im->wish->today, &im->in.row);
}

/* Of the day that the row tells; where it tells none, nothing but the level that holds is right. */
static int
take_level(struct import *im, struct line *l)
{
	struct part_row *list, fresh = {0}, *decision = &fresh;
	uint32_t count;
	if (!any_column(im, LEVEL, LEVEL_NUMBER))
		return 0;
	TRY(list_parts(im, l, PART_LEVEL, &list, &count));
	const struct part_row *holds = level_on(list, count, im->wish->today);
	int level = level_of(im, l, holds ? (int)holds->number[DECIDED_LEVEL] : l->now.level);
	struct str day = import_day(&im->in, l->row, LEVEL_DAY, STR(""));
	if (!level)
		return 0;
	if (!day.n && !import_has(&im->in, LEVEL_DAY) && holds && level == holds->number[DECIDED_LEVEL])
		day = holds->text[DECIDED_DAY]; /* the number alone may be another */
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(list[i].text[DECIDED_DAY], day))
			decision = &list[i];
	struct str number = import_wanted(&im->in, l->row, LEVEL_NUMBER, decision->text[DECIDED_NUMBER]);
	if (!day.n && decision == &fresh) {
		if (number.n || level != (holds ? holds->number[DECIDED_LEVEL] : l->now.level))
			fault(im, l, LEVEL_DAY, "system_level_day", number.n ? number : import_cell(&im->in, l->row, LEVEL));
		return 0;
	}
	if (decision->number[DECIDED_LEVEL] == level && str_eq(decision->text[DECIDED_NUMBER], number))
		return 0;
	decision->number[DECIDED_LEVEL] = level;
	decision->text[DECIDED_DAY] = day;
	decision->text[DECIDED_NUMBER] = number;
	return put_decision(im, l, decision);
}

/* --- parties --- */

/* Still, or from a day to come. */
static bool
stays(const struct part_row *party, struct str role, struct str today)
{
	struct str until = party->text[PARTY_UNTIL];
	return str_eq(party->text[PARTY_ROLE], role) && (!until.n || str_cmp(until, today) >= 0);
}

static int
end_party(struct import *im, struct line *l, const struct part_row *party)
{
	struct part_row ended = *party;
	char before[REGISTRY_DAY];
	l->touched = l->parties = true;
	if (str_eq(party->text[PARTY_FROM], im->wish->today))
		return part_remove(im->in.db, PART_PARTY, l->now.id, party->id);
	ended.text[PARTY_UNTIL] = register_day_before(im->wish->today, before);
	return part_change(im->in.db, PART_PARTY, l->now.id, &ended);
}

/* Where nobody had the role, nobody knows since when this one has it. */
static int
add_party(struct import *im, struct line *l, int c, struct str organisation, bool first)
{
	int64_t id;
	struct part_row party = {.text = {column_name[c], organisation, first ? l->now.from_day : im->wish->today}};
	l->touched = l->parties = true;
	return part_add(im->in.db, PART_PARTY, l->now.id, &party, &id);
}

static int
take_role(struct import *im, struct line *l, int c, struct part_row *party, uint32_t count)
{
	const struct organisation *wanted[PART_MAX];
	const struct str today = im->wish->today;
	struct str cell = import_cell(&im->in, l->row, c), text;
	uint32_t n = 0;
	bool there[PART_MAX] = {false}, any = false;
	for (; n < PART_MAX && next_of(&cell, &text); n++) {
		wanted[n] = organisation_of(im, l, c, text);
		if (!wanted[n])
			return 0;
		for (uint32_t k = 0; k < n; k++)
			there[n] |= wanted[k] == wanted[n];
	}
	for (uint32_t i = 0; i < count; i++) {
		bool named = false;
		any |= str_eq(party[i].text[PARTY_ROLE], column_name[c]);
		if (!stays(&party[i], column_name[c], today))
			continue;
		for (uint32_t k = 0; k < n; k++)
			if (str_eq(wanted[k]->id, party[i].text[PARTY_ORGANISATION]))
				named = there[k] = true;
		if (!named && party_on(&party[i], today))
			TRY(end_party(im, l, &party[i]));
	}
	for (uint32_t k = 0; k < n; k++)
		if (!there[k])
			TRY(add_party(im, l, c, wanted[k]->id, !any));
	return 0;
}

/* Who assesses is not who operates: the row that would make it so is refused with the rule. */
static int
check_parties(struct import *im, struct line *l)
{
	struct part_row *list;
	const struct part_row *party = NULL, *other = NULL;
	struct buf arg = BUF_INIT_MAX(4096);
	uint32_t count;
	TRY(part_list(im->in.db, PART_PARTY, l->now.id, &im->in.row, &list, &count));
	const struct law_rule *rule = parties_conflict(im->wish->law, im->wish->registry, list, count, &party, &other);
	if (!rule)
		return 0;
	buf_addf(&arg, "%.*s / %.*s (%.*s %.*s)", STR_ARG(party->text[PARTY_ORGANISATION]), STR_ARG(other->text[PARTY_ORGANISATION]),
	    STR_ARG(rule->article), STR_ARG(rule->instrument->number));
	int c = table_column(&(struct table){.column = column_name, .columns = COLUMNS}, party->text[PARTY_ROLE]);
	fault(im, l, c < 0 ? ORGANISATION : c, "system_independence", buf_str(&arg));
	buf_release(&arg);
	return 0;
}

static int
take_parties(struct import *im, struct line *l)
{
	struct part_row *list = NULL;
	uint32_t count = 0;
	if (any_column(im, OPERATOR, PROVIDER))
		TRY(list_parts(im, l, PART_PARTY, &list, &count));
	for (int c = OPERATOR; c <= PROVIDER; c++)
		if (import_has(&im->in, c))
			TRY(take_role(im, l, c, list, count));
	return l->parties ? check_parties(im, l) : 0;
}

/* --- applications, by what reaches them --- */

static int
take_application(struct import *im, struct line *l, int c, struct str name, struct part_row *list, uint32_t count)
{
	struct part_row fresh = {0}, *row = &fresh;
	const struct str exposure = exposures[c - INTERNET];
	int64_t id;
	fresh.text[APPLICATION_NAME] = name;
	for (uint32_t i = 0; i < count; i++) {
		if (!str_eq(str_trim(list[i].text[APPLICATION_NAME]), name))
			continue;
		if (str_eq(list[i].text[APPLICATION_EXPOSURE], exposure))
			return 0;
		row = &list[i];
	}
	for (int other = INTERNET; other <= OFFLINE; other++)
		if (other != c && names(import_cell(&im->in, l->row, other), name)) {
			fault(im, l, c, "system_application_twice", name);
			return 0;
		}
	row->text[APPLICATION_EXPOSURE] = exposure;
	if (part_fault(PART_APPLICATION, row)) {
		fault(im, l, c, "register_text", name);
		return 0;
	}
	l->touched = true;
	return row->id ? part_change(im->in.db, PART_APPLICATION, l->now.id, row)
		       : part_add(im->in.db, PART_APPLICATION, l->now.id, row, &id);
}

static int
take_applications(struct import *im, struct line *l)
{
	struct part_row *list = NULL;
	uint32_t count = 0;
	if (any_column(im, INTERNET, OFFLINE))
		TRY(list_parts(im, l, PART_APPLICATION, &list, &count));
	for (int c = INTERNET; c <= OFFLINE; c++) {
		const struct str whole = import_cell(&im->in, l->row, c);
		struct str rest = whole, name;
		for (uint32_t n = 0; n < PART_MAX && next_of(&rest, &name); n++)
			if (!earlier(whole, name))
				TRY(take_application(im, l, c, name, list, count));
	}
	return 0;
}

/* --- places --- */

struct place {
	struct str kind, value;
};

static int
list_places(struct db *db, struct str id, struct arena *arena, struct place **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct place *list = NULL;
	uint32_t count = 0, cap = 0;
	bool kept = true;
	int more;
	TRY(db_query(db, &rows, Q_INVENTORY_PLACES, "s", id));
	while ((more = db_next(rows)) > 0 && kept) {
		if (count == cap) {
			struct place *grown = arena_calloc(arena, cap = cap ? cap * 2 : 8, sizeof *grown);
			if (grown && count)
				memcpy(grown, list, count * sizeof *list);
			kept = grown != NULL;
			list = grown;
		}
		kept = kept && arena_copy(arena, db_text(rows, 0), &list[count].kind) &&
		    arena_copy(arena, db_text(rows, 1), &list[count].value);
		count += kept;
	}
	db_end(rows);
	*ret = list;
	*ret_count = count;
	return !kept ? E_LIMIT : more < 0 ? more : 0;
}

static int
take_places(struct import *im, struct line *l, int c, const struct place *there, uint32_t count)
{
	const struct str kind = places[c - NETWORKS], whole = import_cell(&im->in, l->row, c);
	struct str rest = whole, value;
	while (next_of(&rest, &value)) {
		bool known = earlier(whole, value);
		for (uint32_t i = 0; i < count && !known; i++)
			known = str_eq(there[i].kind, kind) && str_eq(there[i].value, value);
		int error = known ? 0 : inventory_place_add(im->in.db, l->now.id, kind, value);
		if (error == E_INVALID)
			fault(im, l, c, c == NETWORKS ? "register_network" : "system_host", value);
		else
			TRY(error);
		l->touched |= !known;
	}
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(there[i].kind, kind) && !names(whole, there[i].value)) {
			l->touched = true;
			TRY(inventory_place_remove(im->in.db, l->now.id, kind, there[i].value));
		}
	return 0;
}

static int
take_all_places(struct import *im, struct line *l)
{
	struct place *there = NULL;
	uint32_t count = 0;
	if (!l->fresh)
		TRY(list_places(im->in.db, l->now.id, &im->in.row, &there, &count));
	for (int c = NETWORKS; c <= DOMAINS; c++)
		if (import_has(&im->in, c))
			TRY(take_places(im, l, c, there, count));
	return 0;
}

/* --- whole --- */

static int
take_parts(struct import *im, struct line *l)
{
	const uint32_t faults = im->in.report->faults;
	TRY(take_level(im, l));
	TRY(take_applications(im, l));
	TRY(take_all_places(im, l));
	if (im->in.report->faults == faults)
		TRY(take_parties(im, l));
	if (!l->touched || l->fresh)
		return 0;
	bool versioned = im->in.changed[l->row];
	im->in.changed[l->row] = true;
	return versioned ? 0 : db_run(im->in.db, Q_INVENTORY_TOUCH, "si", l->now.id, im->wish->now_ms);
}

static int
take_row(struct table_import *in, uint32_t row)
{
	struct import *im = (struct import *)in;
	struct line l = {.row = row};
	struct str id;
	if (!import_id(in, row, &id))
		return 0;
	int error = inventory_get(in->db, id, STR(""), &in->row, &l.was);
	if (error && error != E_NOT_FOUND)
		return error;
	l.fresh = error == E_NOT_FOUND;
	if (l.fresh)
		l.was = (struct inventory){.id = id, .facts = STR("{}")};
	l.now = l.was;
	in->added[row] = l.fresh;
	if (!l.fresh && !registry_within(im->wish->registry, l.was.organisation, im->wish->scope)) {
		import_fault(in, row, column_name[ID], "register_not_yours", id);
		return 0;
	}
	if (!read_members(im, &l))
		return 0;
	TRY(write_members(im, &l));
	return take_parts(im, &l);
}

struct systems_importing {
	struct import im;
	bool keeps;
};

int
systems_importing_new(struct db *db, const struct table *t, struct arena *arena, struct table_report *report,
    struct systems_importing **ret)
{
	struct systems_importing *i = ARENA_NEW(arena, struct systems_importing);
	if (!i)
		return E_LIMIT;
	TRY(table_import_begin(&i->im.in, db, t, column_name, COLUMNS, arena, report));
	if (t->rows > SYSTEMS_TABLE_ROWS) {
		table_report_fault(report, arena, 0, STR(""), "system_rows", STR(""));
		return E_INVALID;
	}
	*ret = i;
	return 0;
}

int
systems_importing_some(struct systems_importing *i, const struct system_import *w, int64_t until_ms)
{
	struct table_import *in = &i->im.in;
	const uint32_t from = in->next;
	i->im.wish = w;
	learn_names(&i->im);
	int error = import_some(in, take_row, until_ms);
	mem_free(i->im.named);
	if (i->keeps && (error || in->report->faults))
		table_import_back(in, from);
	return table_import_end(in, in->next, error);
}

uint32_t
systems_importing_rows(const struct systems_importing *i)
{
	return i->im.in.next;
}

void
systems_importing_keep(struct systems_importing *i)
{
	table_import_back(&i->im.in, 0);
	i->keeps = true;
}

/* --- taking away --- */

struct export {
	struct db *db;
	struct str today;
	struct arena *arena; /* of the table */
	struct arena row;
};

static void
join(struct buf *out, struct str one)
{
	if (out->n)
		buf_add(out, STR("; "));
	buf_add(out, one);
}

/* Into the table. What no reader would take is a blank in it: control characters, which old rows may have. */
static int
put(struct export *e, struct str text, struct str *cell)
{
	if (!arena_copy(e->arena, text, cell))
		return E_LIMIT;
	char *byte = (char *)cell->p;
	for (size_t i = 0; i < cell->n; i++)
		if (((unsigned char)byte[i] < ' ' && byte[i] != '\n') || byte[i] == 0x7f)
			byte[i] = ' ';
	return 0;
}

static int
put_joined(struct export *e, struct buf *text, struct str *cell)
{
	int error = text->over || text->n > TABLE_CELL_MAX ? E_LIMIT : put(e, buf_str(text), cell);
	buf_clear(text);
	return error;
}

static int
export_level(struct export *e, const struct inventory *s, struct str *cell)
{
	struct part_row *list;
	uint32_t count;
	char level[8];
	TRY(part_list(e->db, PART_LEVEL, s->id, &e->row, &list, &count));
	const struct part_row *holds = level_on(list, count, e->today);
	snprintf(level, sizeof level, "%d", holds ? (int)holds->number[DECIDED_LEVEL] : s->level);
	TRY(put(e, str_z(level), &cell[LEVEL]));
	if (!holds)
		return 0;
	TRY(put(e, holds->text[DECIDED_DAY], &cell[LEVEL_DAY]));
	return put(e, holds->text[DECIDED_NUMBER], &cell[LEVEL_NUMBER]);
}

static int
export_parties(struct export *e, struct str id, struct buf *text, struct str *cell)
{
	struct part_row *list;
	uint32_t count;
	TRY(part_list(e->db, PART_PARTY, id, &e->row, &list, &count));
	for (int c = OPERATOR; c <= PROVIDER; c++) {
		for (uint32_t i = 0; i < count; i++)
			if (str_eq(list[i].text[PARTY_ROLE], column_name[c]) && party_on(&list[i], e->today))
				join(text, list[i].text[PARTY_ORGANISATION]);
		TRY(put_joined(e, text, &cell[c]));
	}
	return 0;
}

/* A name that would be two in a cell stays out: it is not taken away on the way back. */
static int
export_applications(struct export *e, struct str id, struct buf *text, struct str *cell)
{
	struct part_row *list;
	uint32_t count;
	TRY(part_list(e->db, PART_APPLICATION, id, &e->row, &list, &count));
	for (int c = INTERNET; c <= OFFLINE; c++) {
		for (uint32_t i = 0; i < count; i++) {
			struct str name = list[i].text[APPLICATION_NAME];
			if (str_eq(list[i].text[APPLICATION_EXPOSURE], exposures[c - INTERNET]) &&
			    str_find_char(name, ';') < 0 && str_find_char(name, '\n') < 0)
				join(text, name);
		}
		TRY(put_joined(e, text, &cell[c]));
	}
	return 0;
}

static int
export_places(struct export *e, struct str id, struct buf *text, struct str *cell)
{
	struct place *list;
	uint32_t count;
	TRY(list_places(e->db, id, &e->row, &list, &count));
	for (int c = NETWORKS; c <= DOMAINS; c++) {
		for (uint32_t i = 0; i < count; i++)
			if (str_eq(list[i].kind, places[c - NETWORKS]))
				join(text, list[i].value);
		TRY(put_joined(e, text, &cell[c]));
	}
	return 0;
}

static int
export_row(struct export *e, const struct inventory *s, bool people, struct str *cell)
{
	const struct {
		int column;
		struct str text;
	} member[] = {{ID, s->id}, {NAME, s->name}, {ORGANISATION, s->organisation}, {CLASS, s->class}, {SECTOR, s->sector},
	    {CRITICAL, s->critical ? STR("yes") : STR("no")}, {SEPARATED, s->separated ? STR("yes") : STR("no")},
	    {FROM, s->from_day}, {UNTIL, s->until_day}, {NOTE, s->note}, {CONTACT_NAME, s->contact.name},
	    {CONTACT_PHONE, s->contact.phone}, {CONTACT_EMAIL, s->contact.email}};
	struct buf text = BUF_INIT_MAX(2 * TABLE_CELL_MAX);
	int error = 0;
	for (size_t i = 0; i < COUNT(member) && !error; i++)
		if (people || member[i].column < CONTACT_NAME)
			error = put(e, member[i].text, &cell[member[i].column]);
	arena_clear(&e->row);
	if (!error)
		error = export_level(e, s, cell);
	if (!error)
		error = export_parties(e, s->id, &text, cell);
	if (!error)
		error = export_applications(e, s->id, &text, cell);
	if (!error)
		error = export_places(e, s->id, &text, cell);
	buf_release(&text);
	return error;
}

int
systems_export(struct db *db, const struct registry *registry, struct registry_query *q, struct str today, bool people,
    struct arena *arena, struct table *ret)
{
	const uint32_t columns = people ? COLUMNS : CONTACT_NAME;
	struct export e = {.db = db, .today = today, .arena = arena};
	struct inventory *list;
	struct arena rows;
	uint32_t count = 0;
	int64_t total = 0;
	q->limit = SYSTEMS_TABLE_ROWS;
	arena_init(&rows, 1 << 20, 64 << 20);
	arena_init(&e.row, 16 << 10, 4 << 20);
	int error = inventory_list(db, registry, q, &rows, &list, &count, &total);
	struct str *cell = arena_calloc(arena, (size_t)count * columns + 1, sizeof *cell);
	if (!error && (total > q->limit || !cell))
		error = E_LIMIT;
	for (uint32_t i = 0; i < count && !error; i++)
		error = export_row(&e, &list[i], people, cell + (size_t)i * columns);
	arena_release(&e.row);
	arena_release(&rows);
	*ret = (struct table){column_name, cell, NULL, columns, count};
	return error;
}
