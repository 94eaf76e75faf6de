/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a register file says of a system beside its places: class, facts, parties, levels, layers, devices ... It is
 * taken once: what a person has changed since then, and a part of which there is a row, stays as it is.
 */
#include "base/yaml.h"
#include "register/inventory.h"
#include "register/organisation.h"

static struct str
text_of(const struct yaml *node, const char *key, struct str fallback)
{
	return yaml_get_text(node, str_z(key), fallback);
}

/* "2026-07-01", or "+30" and "-7": days from today, for a demonstration that is always of this week. */
static struct str
day_of(struct str text, struct str today, struct arena *arena)
{
	struct buf out = BUF_INIT_MAX(16);
	struct str kept = text;
	int64_t days;
	law_day now;
	bool ahead = str_starts(text, STR("+"));
	if ((!ahead && !str_starts(text, STR("-"))) || !str_to_i64(ahead ? str_skip(text, 1) : text, &days) || days > 100000 ||
	    days < -100000 || !law_day_read(today, &now))
		return text;
	law_day_write(now + (law_day)days, &out);
	if (!arena_copy(arena, buf_str(&out), &kept))
		kept = text;
	buf_release(&out);
	return kept;
}

static struct str
facts_json(const struct yaml *map, struct arena *arena)
{
	struct buf out = BUF_INIT_MAX(4000);
	struct str kept = STR("{}");
	buf_add_char(&out, '{');
	YAML_EACH(fact, map) {
		int64_t number;
		buf_add(&out, out.n > 1 ? STR(",") : STR(""));
		buf_add_json_string(&out, fact->key);
		buf_add_char(&out, ':');
		if (yaml_to_i64(fact, &number))
			buf_add_i64(&out, number);
		else
			buf_add_json_string(&out, fact->text);
	}
	buf_add_char(&out, '}');
	if (!arena_copy(arena, buf_str(&out), &kept))
		kept = STR("{}");
	buf_release(&out);
	return kept;
}

static bool
is_yes(const struct yaml *node, const char *key)
{
	return str_eq(text_of(node, key, STR("")), STR("true"));
}

static int
take_members(struct db *db, struct str system, const struct yaml *node, struct str today, int64_t now_ms, struct arena *arena)
{
	struct inventory s;
	const struct yaml *facts = yaml_get(node, STR("facts"));
	TRY(inventory_get(db, system, STR(""), arena, &s));
	if (s.version != 1)
		return 0;
	s.class = text_of(node, "class", s.class);
	s.sector = text_of(node, "sector", s.sector);
	s.critical |= is_yes(node, "critical");
	s.separated |= is_yes(node, "separated");
	s.note = text_of(node, "note", s.note);
	s.from_day = day_of(text_of(node, "from_day", s.from_day), today, arena);
	s.until_day = day_of(text_of(node, "until_day", s.until_day), today, arena);
	if (facts)
		s.facts = facts_json(facts, arena);
	return inventory_change(db, &s, now_ms);
}

/* Of parties only those beside the owner, whom the system itself names. */
static bool
is_there(enum part part, const struct part_row *row, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (part != PART_PARTY || !str_eq(row[i].text[0], STR("owner")))
			return true;
	return false;
}

/* Asked before: a statement that fails takes the transaction with it. */
static bool
organisation_known(struct db *db, struct str id)
{
	struct db_rows *rows;
	if (db_query(db, &rows, Q_ORGANISATION_KNOWN, "s", id) < 0)
		return false;
	bool known = db_next(rows) > 0;
	db_end(rows);
	return known;
}

static bool
known_member(enum part part, struct str key)
{
	for (int i = 0; i < part_kinds[part].members; i++)
		if (str_eq(key, str_z(part_kinds[part].member[i].name)))
			return true;
	return false;
}

static int
take_row(struct db *db, enum part part, struct str system, const struct yaml *node, struct str today, struct arena *arena)
{
	const struct part_kind *k = &part_kinds[part];
	struct part_row row = {0};
	int64_t id;
	YAML_EACH(member, node)
		if (!known_member(part, member->key))
			return E_INVALID;
	for (int i = 0; i < k->members; i++) {
		const struct yaml *member = yaml_get(node, str_z(k->member[i].name));
		row.text[i] = text_of(node, k->member[i].name, STR(""));
		if (k->member[i].form == MEMBER_DAY)
			row.text[i] = day_of(row.text[i], today, arena);
		else if (k->member[i].form == MEMBER_FLAG)
			row.number[i] = is_yes(node, k->member[i].name);
		else if (k->member[i].form == MEMBER_NUMBER && member && !yaml_to_i64(member, &row.number[i]))
			return E_INVALID;
		if (k->member[i].form == MEMBER_ORGANISATION && row.text[i].n && !organisation_known(db, row.text[i]))
			return E_INVALID;
	}
	if (part_fault(part, &row))
		return E_INVALID;
	return part_add(db, part, system, &row, &id);
}

static int
take_part(struct db *db, enum part part, struct str system, const struct yaml *list, struct str today, struct arena *arena,
    bool *ret_added, const struct yaml **ret_at)
{
	struct part_row *row;
	uint32_t count;
	*ret_at = list;
	TRY(part_list(db, part, system, arena, &row, &count));
	if (is_there(part, row, count))
		return 0;
	YAML_EACH(one, list) {
		*ret_added = true;
		*ret_at = one;
		TRY(take_row(db, part, system, one, today, arena));
	}
	return 0;
}

int
inventory_take(struct db *db, struct str system, const struct yaml *node, int64_t now_ms, bool *ret_parties,
    const struct yaml **ret_at)
{
	char day[REGISTRY_DAY];
	struct str today = registry_today(now_ms, day);
	struct arena arena;
	*ret_at = node;
	arena_init(&arena, 4096, 1 << 20);
	int error = take_members(db, system, node, today, now_ms, &arena);
	for (int part = 0; part < PART_COUNT && !error; part++) {
		const struct yaml *list = yaml_get(node, str_z(part_kinds[part].noun));
		bool added = false;
		if (list)
			error = take_part(db, (enum part)part, system, list, today, &arena, &added, ret_at);
		*ret_parties |= part == PART_PARTY && added;
	}
	if (!error && yaml_get(node, STR("levels")))
		error = level_settle(db, system, today, &arena);
	arena_release(&arena);
	return error;
}
