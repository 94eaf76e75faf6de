/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The register file: YAML with organisations: and systems:, or CSV whose first line names the columns
 *   type,id,name,kind,organisation,level,networks,hosts,domains,contact_name,contact_phone,contact_email,parent,
 *   from_day,until_day
 * (lists inside a cell are separated by blanks). Both become the same rows, checked by the same code.
 */
#include "base/memory.h"
#include "base/yaml.h"
#include "register/internal.h"
#include "register/inventory.h"
#include "register/organisation.h"
#include "register/table.h"

struct row {
	bool is_system;
	struct str id, name, kind, organisation, level, parent, from_day, until_day;
	struct contact contact;
	struct str place[3][64]; /* network, host, domain */
	uint32_t places[3];
	uint32_t line;
};

static const struct str place_kind[] = {STR_INIT("network"), STR_INIT("host"), STR_INIT("domain")};

/* Who is to stand below whom, once all of them are there. */
struct below {
	struct str id, parent;
	uint32_t line;
};

/* Who got parties from this file. */
struct judged {
	struct str id;
	uint32_t line;
};

struct import {
	struct db *db;
	const struct law *law;
	struct str file;
	bool demonstration;
	int64_t now_ms;
	registry_on_fault *on_fault;
	void *user;
	uint32_t faults, rows;
	struct below *below;
	uint32_t belows, below_cap;
	struct judged *judged;
	uint32_t judgeds, judged_cap;
};

static int
refuse(struct import *im, uint32_t line, const char *what, struct str arg)
{
	struct fault f = {0};
	fault_set(&f, E_INVALID, what, arg, line, 0);
	fault_in_file(&f, im->file);
	im->faults++;
	if (im->on_fault)
		im->on_fault(im->user, &f);
	return E_INVALID;
}

/* Asked before writing: a statement that fails takes the whole transaction with it. */
static int
known(struct db *db, enum query q, struct str id)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, q, "s", id));
	int more = db_next(rows);
	db_end(rows);
	return more;
}

static int
put_organisation(struct import *im, const struct row *r)
{
	struct buf fold = BUF_INIT_MAX(4096);
	int kind = known(im->db, Q_KIND_GET, r->kind);
	if (kind <= 0)
		return kind < 0 ? kind : refuse(im, r->line, "register_kind", r->kind);
	if (!register_day_ok(r->from_day) || !register_day_ok(r->until_day))
		return refuse(im, r->line, "register_day", register_day_ok(r->from_day) ? r->until_day : r->from_day);
	if (r->parent.n) {
		MEM_GROW(im->below, im->belows, im->below_cap);
		im->below[im->belows++] = (struct below){r->id, r->parent, r->line};
	}
	db_fold(r->name, &fold);
	int error = db_run(im->db, Q_ORGANISATION_PUT, "sssssssiisss", r->id, r->name, buf_str(&fold), r->kind,
	    r->contact.name, r->contact.phone, r->contact.email, (int64_t)im->demonstration, im->now_ms, STR(""),
	    r->from_day, r->until_day);
	buf_release(&fold);
	return error;
}

/* A file that would close a ring is refused whole: nobody could be above anybody in it. */
static int
put_parents(struct import *im)
{
	char ring[65];
	for (uint32_t i = 0; i < im->belows; i++) {
		if (str_eq(im->below[i].id, im->below[i].parent))
			return refuse(im, im->below[i].line, "register_ring", im->below[i].id);
		int parent = known(im->db, Q_ORGANISATION_KNOWN, im->below[i].parent);
		TRY(parent);
		if (parent)
			TRY(db_run(im->db, Q_ORGANISATION_PARENT_TOLD, "ss", im->below[i].id, im->below[i].parent));
		else
			refuse(im, im->below[i].line, "register_parent", im->below[i].parent);
	}
	TRY(registry_reach_rebuild(im->db));
	TRY(organisation_find_ring(im->db, ring));
	for (uint32_t i = 0; ring[0] && i < im->belows; i++)
		if (str_eq(im->below[i].id, str_z(ring)))
			return refuse(im, im->below[i].line, "register_ring", str_z(ring));
	return ring[0] ? refuse(im, 0, "register_ring", str_z(ring)) : 0;
}

static int
judge(struct import *im, const struct registry *r, const struct judged *j, struct arena *arena)
{
	struct part_row *list;
	const struct part_row *party = NULL, *other = NULL;
	struct buf arg = BUF_INIT_MAX(4096);
	uint32_t count;
	TRY(part_list(im->db, PART_PARTY, j->id, arena, &list, &count));
	const struct law_rule *rule = parties_conflict(im->law, r, list, count, &party, &other);
	if (!rule)
		return 0;
	for (int i = 0; i < 2; i++) { /* role and organisation of both */
		const struct str *text = (i ? other : party)->text;
		buf_addf(&arg, i ? " / %.*s %.*s" : "%.*s %.*s", STR_ARG(text[0]), STR_ARG(text[1]));
	}
	buf_addf(&arg, " (%.*s %.*s)", STR_ARG(rule->article), STR_ARG(rule->instrument->number));
	refuse(im, j->line, "system_independence", buf_str(&arg));
	buf_release(&arg);
	return 0;
}

/* Who assesses is not who operates, as when somebody enters it: asked once it is known who stands below whom. What the
 * register has already was judged when it came, and mergers may have changed who is who since. */
static int
judge_parties(struct import *im)
{
	struct registry *r;
	struct arena arena;
	char today[REGISTRY_DAY];
	int error = 0;
	if (!im->law || !im->judgeds)
		return 0;
	TRY(registry_load_organisations(im->db, registry_today(im->now_ms, today), &r));
	arena_init(&arena, 4096, 1 << 20);
	for (uint32_t i = 0; i < im->judgeds && !error; i++) {
		arena_clear(&arena);
		error = judge(im, r, &im->judged[i], &arena);
	}
	arena_release(&arena);
	registry_free(r);
	return error;
}

static int
put_places(struct import *im, const struct row *r)
{
	TRY(db_run(im->db, Q_SYSTEM_PLACE_CLEAR, "s", r->id));
	for (int kind = 0; kind < 3; kind++)
		for (uint32_t i = 0; i < r->places[kind]; i++) {
			struct prefix p;
			if (kind == 0 && !prefix_parse(r->place[kind][i], &p))
				return refuse(im, r->line, "register_network", r->place[kind][i]);
			TRY(db_run(im->db, Q_SYSTEM_PLACE_PUT, "sss", r->id, place_kind[kind], r->place[kind][i]));
		}
	return 0;
}

static int
put_system(struct import *im, const struct row *r)
{
	struct buf fold = BUF_INIT_MAX(4096);
	int64_t level;
	if (!str_to_i64(r->level, &level) || level < 1 || level > 5)
		return refuse(im, r->line, "register_level", r->level);
	int owner = known(im->db, Q_ORGANISATION_KNOWN, r->organisation);
	if (owner <= 0)
		return owner < 0 ? owner : refuse(im, r->line, "register_owner", r->organisation);
	db_fold(r->name, &fold);
	int error = db_run(im->db, Q_SYSTEM_PUT, "ssssisssii", r->id, r->organisation, r->name, buf_str(&fold), level,
	    r->contact.name, r->contact.phone, r->contact.email, (int64_t)im->demonstration, im->now_ms);
	buf_release(&fold);
	TRY(error);
	char today[REGISTRY_DAY];
	TRY(inventory_owner_told(im->db, r->id, registry_today(im->now_ms, today)));
	return put_places(im, r);
}

static int
put_row(struct import *im, const struct row *r)
{
	if (!register_id_ok(r->id))
		return refuse(im, r->line, "register_id", r->id);
	if (!r->name.n || !str_is_utf8(r->name))
		return refuse(im, r->line, "register_name", r->id);
	int error = r->is_system ? put_system(im, r) : put_organisation(im, r);
	if (!error)
		im->rows++;
	return error == E_INVALID ? 0 : error; /* told already; look for more of them */
}

static int
add_place_text(struct import *im, struct row *r, int kind, struct str value)
{
	if (r->places[kind] == COUNT(r->place[kind]))
		return refuse(im, r->line, "register_places", r->id);
	r->place[kind][r->places[kind]++] = value;
	return 0;
}

/* Somebody whom the register names already stays as people have changed him since. */
static int
put_person(struct import *im, struct contact_row *c, uint32_t line)
{
	struct register_fault f = {0};
	struct db_rows *rows;
	TRY(db_query(im->db, &rows, Q_CONTACT_NAMED, "ss", c->organisation, c->name));
	int there = db_next(rows);
	db_end(rows);
	if (there)
		return there < 0 ? there : 0;
	int error = contact_add(im->db, c, im->now_ms, &f);
	if (error != E_INVALID)
		return error;
	refuse(im, line, f.what, f.arg); /* told; look for more of them */
	return 0;
}

static int
yaml_people(struct import *im, const struct yaml *node, struct str organisation)
{
	const struct str none = {0};
	char day[REGISTRY_DAY];
	struct str today = registry_today(im->now_ms, day);
	int64_t rank = 0;
	YAML_EACH(one, yaml_get(node, STR("contacts"))) {
		struct contact_row c = {
		    .organisation = organisation,
		    .rank = ++rank,
		    .name = yaml_get_text(one, STR("name"), none),
		    .role = yaml_get_text(one, STR("role"), none),
		    .phone = yaml_get_text(one, STR("phone"), none),
		    .email = yaml_get_text(one, STR("email"), none),
		    .from_day = yaml_get_text(one, STR("from_day"), none),
		    .until_day = yaml_get_text(one, STR("until_day"), none),
		    .confirmed_day = yaml_get_text(one, STR("confirmed_day"), today),
		};
		if (!register_day_ok(c.confirmed_day))
			refuse(im, one->line, "register_day", c.confirmed_day);
		TRY(put_person(im, &c, one->line));
	}
	return 0;
}

static int
yaml_parts(struct import *im, const struct yaml *node, struct str system)
{
	const struct yaml *at;
	bool parties = false;
	int error = inventory_take(im->db, system, node, im->now_ms, &parties, &at);
	if (!error && parties) {
		MEM_GROW(im->judged, im->judgeds, im->judged_cap);
		im->judged[im->judgeds++] = (struct judged){system, node->line};
	}
	if (error == E_INVALID)
		refuse(im, at->line, "register_part", system);
	return error == E_INVALID ? 0 : error;
}

static int
yaml_row(struct import *im, const struct yaml *node, bool is_system)
{
	static const struct str lists[] = {STR_INIT("networks"), STR_INIT("hosts"), STR_INIT("domains")};
	const struct str none = {0};
	struct row r = {.is_system = is_system, .line = node->line};
	const struct yaml *contact = yaml_get(node, STR("contact"));
	r.id = yaml_get_text(node, STR("id"), none);
	r.name = yaml_get_text(node, STR("name"), none);
	r.kind = yaml_get_text(node, STR("kind"), none);
	r.organisation = yaml_get_text(node, STR("organisation"), none);
	r.level = yaml_get_text(node, STR("level"), none);
	r.parent = yaml_get_text(node, STR("parent"), none);
	r.from_day = yaml_get_text(node, STR("from_day"), none);
	r.until_day = yaml_get_text(node, STR("until_day"), none);
	r.contact.name = yaml_get_text(contact, STR("name"), none);
	r.contact.phone = yaml_get_text(contact, STR("phone"), none);
	r.contact.email = yaml_get_text(contact, STR("email"), none);
	for (int kind = 0; kind < 3; kind++)
		YAML_EACH(place, yaml_get(node, lists[kind]))
			if (add_place_text(im, &r, kind, place->text) < 0)
				return 0;
	TRY(put_row(im, &r));
	if (im->faults)
		return 0;
	return is_system ? yaml_parts(im, node, r.id) : yaml_people(im, node, r.id);
}

/* A key that nobody reads is a mistake of the writer, not something to pass over. */
static void
check_keys(struct import *im, const struct yaml *map, const char *allowed)
{
	YAML_EACH(child, map) {
		struct str rest = str_z(allowed), key;
		bool known = false;
		while (str_split(&rest, ' ', &key))
			known |= str_eq(key, child->key);
		if (!known)
			refuse(im, child->key_line, "register_key", child->key);
	}
}

/* First the organisations of all documents, then the systems, which name them. */
static int
yaml_document(struct import *im, const struct yaml *document, bool systems)
{
	int error = 0;
	if (!systems)
		check_keys(im, document, "organisations systems");
	YAML_EACH(node, yaml_get(document, systems ? STR("systems") : STR("organisations"))) {
		check_keys(im, node, systems ? "id name organisation level networks hosts domains contact " INVENTORY_KEYS
		    : "id name kind parent from_day until_day contact contacts");
		if (!error)
			error = yaml_row(im, node, systems);
	}
	return error;
}

static int
import_yaml(struct import *im, struct str text)
{
	struct arena arena;
	struct yaml **documents;
	uint32_t count;
	struct fault f = {0};
	arena_init(&arena, 64 << 10, 256 << 20);
	int error = yaml_parse(text, &arena, &documents, &count, &f);
	if (error) {
		fault_in_file(&f, im->file);
		im->faults++;
		if (im->on_fault)
			im->on_fault(im->user, &f);
	}
	for (int pass = 0; pass < 2 && !error; pass++)
		for (uint32_t d = 0; d < count && !error; d++)
			error = yaml_document(im, documents[d], pass == 1);
	if (!error)
		error = put_parents(im);
	if (!error)
		error = judge_parties(im);
	arena_release(&arena);
	return error;
}

static const struct str csv_columns[] = {STR_INIT("type"), STR_INIT("id"), STR_INIT("name"), STR_INIT("kind"),
	STR_INIT("organisation"), STR_INIT("level"), STR_INIT("networks"), STR_INIT("hosts"), STR_INIT("domains"),
	STR_INIT("contact_name"), STR_INIT("contact_phone"), STR_INIT("contact_email"), STR_INIT("parent"),
	STR_INIT("from_day"), STR_INIT("until_day")};

static int
csv_row(struct import *im, const struct str *cell, uint32_t line)
{
	struct row r = {.line = line, .is_system = str_eq(cell[0], STR("system")), .id = cell[1], .name = cell[2],
	    .kind = cell[3], .organisation = cell[4], .level = cell[5], .contact = {cell[9], cell[10], cell[11]},
	    .parent = cell[12], .from_day = cell[13], .until_day = cell[14]};
	if (!r.is_system && !str_eq(cell[0], STR("organisation"))) {
		refuse(im, line, "register_type", cell[0]);
		return 0;
	}
	for (int kind = 0; kind < 3; kind++) {
		struct str rest = cell[6 + kind], part;
		while (str_split(&rest, ' ', &part))
			if (part.n && add_place_text(im, &r, kind, part) < 0)
				return 0;
	}
	return put_row(im, &r);
}

static int
import_csv(struct import *im, struct str text)
{
	struct table t;
	struct table_fault f = {0};
	struct arena arena;
	int column[COUNT(csv_columns)], error;
	arena_init(&arena, 64 << 10, 256 << 20);
	error = table_read(text, &arena, &t, &f);
	if (error == E_INVALID)
		refuse(im, f.row, f.what, f.arg);
	for (uint32_t i = 0; i < t.columns && !error; i++) {
		bool known = false;
		for (size_t c = 0; c < COUNT(csv_columns); c++)
			known |= str_eq(t.column[i], csv_columns[c]);
		if (!known)
			refuse(im, 1, "register_column", t.column[i]);
	}
	for (size_t c = 0; c < COUNT(csv_columns) && !error; c++)
		column[c] = table_column(&t, csv_columns[c]);
	for (uint32_t row = 0; !error && row < t.rows; row++) {
		struct str cell[COUNT(csv_columns)];
		for (size_t c = 0; c < COUNT(csv_columns); c++)
			cell[c] = table_cell(&t, row, column[c]);
		error = csv_row(im, cell, t.number[row]);
	}
	if (!error)
		error = put_parents(im);
	arena_release(&arena);
	return error;
}

int
registry_import(struct db *db, const struct law *law, struct str text, struct str file, bool demonstration, int64_t now_ms,
    registry_on_fault *on_fault, void *user, uint32_t *ret_count)
{
	struct import im = {.db = db, .law = law, .file = file, .demonstration = demonstration, .now_ms = now_ms,
	    .on_fault = on_fault, .user = user};
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_skip(text, 3);
	TRY(db_begin(db));
	int error = str_ends(file, STR(".csv")) ? import_csv(&im, text) : import_yaml(&im, text);
	if (!error && im.faults)
		error = E_INVALID;
	mem_free(im.below);
	mem_free(im.judged);
	TRY(db_end_transaction(db, error));
	*ret_count = im.rows;
	return 0;
}

int
registry_reach_rebuild(struct db *db)
{
	TRY(db_run(db, Q_ORGANISATION_REACH_CLEAR, ""));
	return db_run(db, Q_ORGANISATION_REACH_BUILD, "");
}

int
registry_forget_demonstration(struct db *db)
{
	TRY(db_run(db, Q_SYSTEM_FORGET_DEMONSTRATION, ""));
	TRY(db_run(db, Q_ORGANISATION_LEAVE_DEMONSTRATION, ""));
	TRY(db_run(db, Q_ORGANISATION_FORGET_DEMONSTRATION, ""));
	return registry_reach_rebuild(db);
}
