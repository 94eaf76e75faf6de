/* SPDX-License-Identifier: EUPL-1.2 */
/* Systems as rows of the database; their parts are inventory_part.c. */
#include "register/inventory.h"

#include "register/internal.h"
#include "register/organisation.h"

#define NAME_MAX_BYTES 300
#define NOTE_MAX_BYTES 4000
#define FACTS_MAX_BYTES 4000
#define TURNED_SETTING STR("register_turned")

/* --- reading --- */

static bool
keep(struct db_rows *rows, int column, struct arena *arena, struct str *ret)
{
	return arena_copy(arena, db_text(rows, column), ret);
}

static bool
read_row(struct db_rows *rows, struct arena *a, struct inventory *s)
{
	s->level = (int)db_i64(rows, 4);
	s->critical = db_i64(rows, 7) != 0;
	s->separated = db_i64(rows, 8) != 0;
	s->demonstration = db_i64(rows, 16) != 0;
	s->version = db_i64(rows, 17);
	struct {
		int column;
		struct str *to;
	} text[] = {{0, &s->id}, {1, &s->name}, {2, &s->organisation}, {3, &s->organisation_name}, {5, &s->class}, {6, &s->sector},
	    {9, &s->facts}, {10, &s->from_day}, {11, &s->until_day}, {12, &s->note}, {13, &s->contact.name},
	    {14, &s->contact.phone}, {15, &s->contact.email}, {18, &s->name_fold}};
	for (size_t i = 0; i < COUNT(text); i++)
		if (!keep(rows, text[i].column, a, text[i].to))
			return false;
	return true;
}

int
inventory_list(struct db *db, const struct registry *r, const struct registry_query *q, struct arena *arena,
    struct inventory **ret, uint32_t *ret_count, int64_t *ret_total)
{
	const struct system **found = arena_calloc(arena, q->limit + 1, sizeof *found);
	struct inventory *list = arena_calloc(arena, q->limit + 1, sizeof *list);
	uint32_t kept = 0;
	if (!found || !list)
		return E_LIMIT;
	uint32_t count = registry_find(r, q, found, ret_total);
	for (uint32_t i = 0; i < count; i++) {
		int error = inventory_get(db, found[i]->id, q->scope, arena, &list[kept]);
		if (error && error != E_NOT_FOUND)
			return error;
		kept += !error;
	}
	*ret = list;
	*ret_count = kept;
	return 0;
}

int
inventory_get(struct db *db, struct str id, struct str scope, struct arena *arena, struct inventory *ret)
{
	struct db_rows *rows;
	struct inventory s = {0};
	TRY(db_query(db, &rows, Q_INVENTORY_GET, "ss", id, scope));
	int more = db_next(rows);
	if (more > 0 && !read_row(rows, arena, &s))
		more = E_LIMIT;
	if (more > 0)
		*ret = s;
	return db_end_one(rows, more);
}

/* --- checking --- */

static bool
one_of(struct str words, struct str word)
{
	struct str one;
	while (str_split(&words, ' ', &one))
		if (str_eq(one, word))
			return true;
	return false;
}

static bool
is_text(struct str s, size_t most)
{
	return s.n <= most && str_is_utf8(s);
}

int
inventory_facts(const struct law *law, const struct inventory *s, struct arena *arena, struct law_fact *fact, uint32_t *ret_count)
{
	struct json j = {.max_tokens = 200, .max_depth = 4};
	uint32_t count = 0;
	int error = json_parse(&j, s->facts, NULL);
	if (!error && j.token[0].kind != JSON_OBJECT)
		error = E_INVALID;
	if (!error)
		error = law_facts_read(law, &j, 0, arena, fact, INVENTORY_FACTS - 2, &count);
	for (uint32_t i = 0; i < count && !error; i++) /* they borrow from the text, which stays; class and list stand beside them */
		if (str_eq(fact[i].name, STR("kind")) || str_eq(fact[i].name, STR("critical_list")))
			error = E_INVALID;
	json_release(&j);
	TRY(error);
	if (s->class.n)
		fact[count++] = (struct law_fact){.name = STR("kind"), .value = s->class};
	if (s->critical)
		fact[count++] = (struct law_fact){.name = STR("critical_list"), .value = STR("yes")};
	*ret_count = count;
	return 0;
}

static bool
facts_good(const struct law *law, const struct inventory *s)
{
	struct law_fact fact[INVENTORY_FACTS];
	struct arena arena;
	uint32_t count;
	arena_init(&arena, 4096, 64 << 10);
	int error = inventory_facts(law, s, &arena, fact, &count);
	arena_release(&arena);
	return !error;
}

static bool
sector_known(const struct law *law, struct str sector, struct str today)
{
	law_day day = 0;
	return !sector.n || !law_day_read(today, &day) || law_entry(law, day, STR("sector"), sector);
}

static bool
contact_good(const struct contact *c)
{
	return is_text(c->name, NAME_MAX_BYTES) && is_text(c->phone, 100) && is_text(c->email, 200);
}

const char *
inventory_fault(const struct law *law, const struct inventory *s, struct str today)
{
	const struct {
		const char *name;
		bool good;
	} row[] = {
	    {"id", register_id_ok(s->id)},
	    {"name", str_trim(s->name).n && is_text(s->name, NAME_MAX_BYTES)},
	    {"level", s->level >= 1 && s->level <= 5},
	    {"class", !s->class.n || one_of(STR("internal service infrastructure industrial_control other"), s->class)},
	    {"sector", sector_known(law, s->sector, today)},
	    {"facts", s->facts.n <= FACTS_MAX_BYTES && facts_good(law, s)},
	    {"from_day", register_day_ok(s->from_day)},
	    {"until_day", register_day_ok(s->until_day) && (!s->until_day.n || str_cmp(s->until_day, s->from_day) >= 0)},
	    {"note", is_text(s->note, NOTE_MAX_BYTES)},
	    {"contact", contact_good(&s->contact)},
	};
	for (size_t i = 0; i < COUNT(row); i++)
		if (!row[i].good)
			return row[i].name;
	return NULL;
}

/* --- writing --- */

static int
add_first_parts(struct db *db, const struct inventory *s)
{
	struct part_row owner = {.text = {STR("owner"), s->organisation, s->from_day, STR(""), STR("")}};
	int64_t id;
	return part_add(db, PART_PARTY, s->id, &owner, &id);
}

int
inventory_insert(struct db *db, const struct inventory *s, int64_t now_ms)
{
	struct buf fold = BUF_INIT_MAX(4096);
	db_fold(s->name, &fold);
	int error = db_run(db, Q_INVENTORY_ADD, "ssssissiisssssssi", s->id, s->organisation, s->name, buf_str(&fold), (int64_t)s->level,
	    s->class, s->sector, (int64_t)s->critical, (int64_t)s->separated, s->facts, s->from_day, s->until_day, s->note,
	    s->contact.name, s->contact.phone, s->contact.email, now_ms);
	buf_release(&fold);
	return error ? error : add_first_parts(db, s);
}

int
inventory_add(struct db *db, const struct inventory *s, int64_t now_ms)
{
	TRY(db_begin(db));
	return db_end_transaction(db, inventory_insert(db, s, now_ms));
}

int
inventory_change(struct db *db, const struct inventory *s, int64_t now_ms)
{
	struct buf fold = BUF_INIT_MAX(4096);
	db_fold(s->name, &fold);
	int error = db_run(db, Q_INVENTORY_CHANGE, "sssssiisssssssii", s->id, s->name, buf_str(&fold), s->class, s->sector,
	    (int64_t)s->critical, (int64_t)s->separated, s->facts, s->from_day, s->until_day, s->note, s->contact.name,
	    s->contact.phone, s->contact.email, now_ms, s->version);
	buf_release(&fold);
	return error ? error : db_changed(db) == 1 ? 0 : E_CONFLICT;
}

/* Rows that tell of owners of a system. */
struct owners {
	int64_t any, later, now; /* of anybody; of this one on the day or later; on the day */
};

static int
owners_of(struct db *db, struct str id, struct str organisation, struct str day, struct owners *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_INVENTORY_OWNER_KNOWN, "sss", id, organisation, day));
	int more = db_next(rows);
	*ret = (struct owners){0};
	if (more > 0)
		*ret = (struct owners){db_i64(rows, 0), db_i64(rows, 1), db_i64(rows, 2)};
	db_end(rows);
	return more < 0 ? more : 0;
}

static int
owner_of(struct db *db, struct str id, char ret[REGISTER_ID_MAX + 1])
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_INVENTORY_OWNER_OF, "s", id));
	int more = db_next(rows);
	if (more > 0)
		str_to_z(db_text(rows, 0), ret, REGISTER_ID_MAX + 1);
	return db_end_one(rows, more);
}

int
inventory_move(struct db *db, struct str id, struct str organisation, struct str day, struct str today)
{
	struct part_row owner = {.text = {STR("owner"), organisation, day, STR(""), STR("")}};
	struct owners known;
	int64_t added;
	char before[REGISTRY_DAY], has_it[REGISTER_ID_MAX + 1];
	bool to_come = str_cmp(day, today) > 0;
	if (!day.n || !register_day_ok(day))
		return E_INVALID;
	TRY(owners_of(db, id, organisation, day, &known));
	if (!known.any && to_come) {
		TRY(owner_of(db, id, has_it));
		const struct part_row now = {.text = {STR("owner"), str_z(has_it), STR(""), register_day_before(day, before), STR("")}};
		TRY(part_add(db, PART_PARTY, id, &now, &added));
	} else if (!known.any) {
		owner.text[2] = STR("");
	}
	int error = db_run(db, Q_INVENTORY_OWNER_NEVER, "sss", id, day, organisation);
	if (!error)
		error = db_run(db, Q_INVENTORY_OWNER_END, "ssss", id, day, organisation,
		    register_day_before(day, before));
	if (!error && !known.later)
		error = part_add(db, PART_PARTY, id, &owner, &added);
	return error || to_come ? error : db_run(db, Q_INVENTORY_OWNER, "ss", id, organisation);
}

int
inventory_owner_told(struct db *db, struct str id, struct str today)
{
	char owner[REGISTER_ID_MAX + 1];
	struct owners known;
	TRY(owner_of(db, id, owner));
	TRY(owners_of(db, id, str_z(owner), today, &known));
	return known.now ? 0 : inventory_move(db, id, str_z(owner), today, today);
}

/* --- what was planned --- */

/* The day until which everything that was planned is done; empty: nothing was asked yet. */
static int
turned_until(struct db *db, char ret[REGISTRY_DAY])
{
	struct db_rows *rows;
	ret[0] = '\0';
	TRY(db_query(db, &rows, Q_SETTING_GET, "s", TURNED_SETTING));
	int more = db_next(rows);
	if (more > 0)
		str_to_z(db_text(rows, 0), ret, REGISTRY_DAY);
	db_end(rows);
	return more < 0 ? more : 0;
}

/* Asked is of those of whom something was decided for a day between then and now, whichever way the clock went. */
static int
turn(struct db *db, struct str today, int64_t now_ms, uint32_t *ret_changed)
{
	char until[REGISTRY_DAY];
	TRY(turned_until(db, until));
	struct str last = str_z(until);
	bool back = str_cmp(last, today) > 0;
	if (str_eq(last, today))
		return 0;
	TRY(db_run(db, Q_INVENTORY_LEVELS_DUE, "ssis", back ? today : last, back ? last : today, now_ms, today));
	*ret_changed = (uint32_t)db_changed(db);
	TRY(db_run(db, Q_INVENTORY_OWNERS_DUE, "ssis", back ? today : last, back ? last : today, now_ms, today));
	*ret_changed += (uint32_t)db_changed(db);
	return db_run(db, Q_SETTING_SET, "ss", TURNED_SETTING, today);
}

int
inventory_turn(struct db *db, struct str today, int64_t now_ms, uint32_t *ret_changed)
{
	uint32_t changed = 0;
	TRY(db_begin(db));
	TRY(db_end_transaction(db, turn(db, today, now_ms, &changed)));
	*ret_changed = changed;
	return 0;
}

/* --- places --- */

static bool
is_host_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", ascii_lower(s.p[i])) || !s.p[i])
			return false;
	return s.n && s.n <= 253 && s.p[0] != '.' && s.p[s.n - 1] != '.';
}

int
inventory_place_add(struct db *db, struct str system, struct str kind, struct str value)
{
	struct prefix p;
	bool network = str_eq(kind, STR("network"));
	if (!network && !str_eq(kind, STR("host")) && !str_eq(kind, STR("domain")))
		return E_INVALID;
	if (network ? !prefix_parse(value, &p) : !is_host_name(value))
		return E_INVALID;
	return db_run(db, Q_INVENTORY_PLACE_ADD, "sss", system, kind, value);
}

int
inventory_place_remove(struct db *db, struct str system, struct str kind, struct str value)
{
	TRY(db_run(db, Q_INVENTORY_PLACE_REMOVE, "sss", system, kind, value));
	return db_changed(db) == 1 ? 0 : E_NOT_FOUND;
}

static bool
below_domain(struct str a, struct str b)
{
	return str_eq_nocase(a, b) || (a.n > b.n && a.p[a.n - b.n - 1] == '.' && str_eq_nocase(str_skip(a, a.n - b.n), b));
}

static bool
prefix_covers(const struct prefix *wide, const struct prefix *narrow)
{
	struct prefix cut;
	prefix_cut(narrow->address, wide->bits, &cut);
	return wide->bits <= narrow->bits && memcmp(cut.address, wide->address, sizeof cut.address) == 0;
}

bool
place_overlaps(struct str kind, struct str a, struct str b)
{
	struct prefix pa, pb;
	if (str_eq(kind, STR("host")))
		return str_eq_nocase(a, b);
	if (str_eq(kind, STR("domain")))
		return below_domain(a, b) || below_domain(b, a);
	return prefix_parse(a, &pa) && prefix_parse(b, &pb) && (prefix_covers(&pa, &pb) || prefix_covers(&pb, &pa));
}
