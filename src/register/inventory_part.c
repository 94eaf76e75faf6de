/* SPDX-License-Identifier: EUPL-1.2 */
/* Parts of a system: one table of what they are made of, and what follows from them. */
#include <assert.h>

#include "register/internal.h"
#include "register/inventory.h"
#include "register/organisation.h"

#define TEXT_MAX_BYTES 2000
#define NUMBER_MAX 1000000000000
#define SOON_LAST 90 /* days */

/* The order of members is that of the columns in inventory.sql. */
const struct part_kind part_kinds[PART_COUNT] = {
	[PART_PARTY] = {"parties",
	    {{"role", MEMBER_WORD, true, false, "owner operator monitor assessor provider"},
		{"organisation", MEMBER_ORGANISATION, true, false, NULL}, {"from_day", MEMBER_DAY, false, false, NULL},
		{"until_day", MEMBER_DAY, false, false, NULL}, {"note", MEMBER_TEXT, false, false, NULL}},
	    5, Q_PARTY_LIST, Q_PARTY_REMOVE},
	[PART_LEVEL] = {"levels",
	    {{"level", MEMBER_NUMBER, true, false, NULL}, {"day", MEMBER_DAY, true, false, NULL},
		{"number", MEMBER_TEXT, false, false, NULL}, {"criterion", MEMBER_TEXT, false, true, NULL},
		{"facts", MEMBER_TEXT, false, true, NULL}, {"note", MEMBER_TEXT, false, false, NULL}},
	    6, Q_LEVEL_LIST, Q_LEVEL_REMOVE},
	[PART_APPLICATION] = {"applications",
	    {{"name", MEMBER_TEXT, true, false, NULL}, {"vendor", MEMBER_TEXT, false, false, NULL},
		{"release", MEMBER_TEXT, false, false, NULL}, {"exposure", MEMBER_WORD, true, false, "internet internal none"},
		{"note", MEMBER_TEXT, false, false, NULL}},
	    5, Q_APPLICATION_LIST, Q_APPLICATION_REMOVE},
	[PART_LAYER] = {"layers",
	    {{"layer", MEMBER_WORD, true, false, "1 2 3 4"}, {"state", MEMBER_WORD, true, false, "none planned partly in_place"},
		{"organisation", MEMBER_ORGANISATION, false, false, NULL}, {"evidence", MEMBER_TEXT, false, false, NULL},
		{"number", MEMBER_TEXT, false, false, NULL}, {"file", MEMBER_NUMBER, false, false, NULL},
		{"until_day", MEMBER_DAY, false, false, NULL}},
	    7, Q_LAYER_LIST, Q_LAYER_REMOVE},
	[PART_DEVICE] = {"devices",
	    {{"name", MEMBER_TEXT, true, false, NULL}, {"serial", MEMBER_TEXT, false, false, NULL},
		{"place", MEMBER_TEXT, false, false, NULL}, {"origin", MEMBER_WORD, true, false, "bought donated leased other"},
		{"source", MEMBER_TEXT, false, false, NULL}, {"received_day", MEMBER_DAY, false, false, NULL},
		{"in_use", MEMBER_FLAG, false, false, NULL}, {"result", MEMBER_WORD, false, false, " cleared refused"},
		{"cleared_by", MEMBER_TEXT, false, false, NULL}, {"cleared_day", MEMBER_DAY, false, false, NULL},
		{"note", MEMBER_TEXT, false, false, NULL}},
	    11, Q_DEVICE_LIST, Q_DEVICE_REMOVE},
	[PART_LICENCE] = {"licences",
	    {{"kind", MEMBER_WORD, true, false, "certificate signature software domain service other"},
		{"subject", MEMBER_TEXT, true, false, NULL}, {"issuer", MEMBER_TEXT, false, false, NULL},
		{"number", MEMBER_TEXT, false, false, NULL}, {"from_day", MEMBER_DAY, false, false, NULL},
		{"until_day", MEMBER_DAY, true, false, NULL}, {"note", MEMBER_TEXT, false, false, NULL}},
	    7, Q_LICENCE_LIST, Q_LICENCE_REMOVE},
};

enum { PARTY_ROLE, PARTY_ORGANISATION, PARTY_FROM, PARTY_UNTIL, PARTY_NOTE };
enum { LEVEL_LEVEL, LEVEL_DAY, LEVEL_NUMBER, LEVEL_CRITERION, LEVEL_FACTS, LEVEL_NOTE };
enum { LAYER_LAYER, LAYER_STATE, LAYER_ORGANISATION, LAYER_EVIDENCE, LAYER_NUMBER, LAYER_FILE, LAYER_UNTIL };
enum { DEVICE_IN_USE = 6, DEVICE_RESULT = 7 };
enum { LICENCE_UNTIL = 5 };

enum part
part_of(struct str noun)
{
	for (int part = 0; part < PART_COUNT; part++)
		if (str_eq(noun, str_z(part_kinds[part].noun)))
			return (enum part)part;
	return PART_COUNT;
}

int
part_member(enum part part, const char *name)
{
	for (int i = 0; i < part_kinds[part].members; i++)
		if (strcmp(part_kinds[part].member[i].name, name) == 0)
			return i;
	return -1;
}

static bool
is_number(const struct member *m)
{
	return m->form == MEMBER_FLAG || m->form == MEMBER_NUMBER;
}

/* --- rows --- */

static bool
read_part(struct db_rows *rows, const struct part_kind *k, struct arena *arena, struct part_row *row)
{
	row->id = db_i64(rows, 0);
	for (int i = 0; i < k->members; i++) {
		if (is_number(&k->member[i]))
			row->number[i] = db_i64(rows, i + 1);
		else if (!arena_copy(arena, db_text(rows, i + 1), &row->text[i]))
			return false;
	}
	return true;
}

int
part_list(struct db *db, enum part part, struct str system, struct arena *arena, struct part_row **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct part_row *list = NULL;
	uint32_t count = 0, cap = 0;
	int more;
	TRY(db_query(db, &rows, part_kinds[part].list, "s", system));
	while ((more = db_next(rows)) > 0) {
		if (count == cap) { /* what an arena lends it does not take back: twice as much each time */
			struct part_row *grown = cap < PART_MAX * 2 ? arena_calloc(arena, cap ? cap * 2 : 8, sizeof *grown) : NULL;
			if (!grown)
				break;
			if (count)
				memcpy(grown, list, count * sizeof *list);
			list = grown;
			cap = cap ? cap * 2 : 8;
		}
		if (!read_part(rows, &part_kinds[part], arena, &list[count++]))
			break;
	}
	db_end(rows);
	if (more < 0)
		return more;
	if (more)
		return E_LIMIT;
	*ret = list;
	*ret_count = count;
	return 0;
}

static bool
has_word(const char *words, struct str word)
{
	struct str rest = str_z(words), one;
	while (str_split(&rest, ' ', &one))
		if (str_eq(one, word))
			return true;
	return false;
}

static bool
member_good(const struct member *m, struct str text, int64_t number)
{
	law_day day;
	switch (m->form) {
	case MEMBER_FLAG:
		return number == 0 || number == 1;
	case MEMBER_NUMBER:
		return number >= m->needed && number <= NUMBER_MAX;
	case MEMBER_WORD:
		return has_word(m->words, text);
	case MEMBER_DAY:
		return text.n ? law_day_read(text, &day) : !m->needed;
	case MEMBER_ORGANISATION:
		return text.n ? register_id_ok(text) : !m->needed;
	default:
		return text.n <= TEXT_MAX_BYTES && str_is_utf8(text) && (!m->needed || str_trim(text).n > 0);
	}
}

const char *
part_fault(enum part part, const struct part_row *row)
{
	const struct part_kind *k = &part_kinds[part];
	int from = part_member(part, "from_day"), until = part_member(part, "until_day");
	for (int i = 0; i < k->members; i++)
		if (!member_good(&k->member[i], row->text[i], row->number[i]))
			return k->member[i].name;
	if (from >= 0 && until >= 0 && row->text[until].n && str_cmp(row->text[until], row->text[from]) < 0)
		return "until_day";
	if (part == PART_LEVEL && row->number[LEVEL_LEVEL] > 5)
		return "level";
	return NULL;
}

int
part_add(struct db *db, enum part part, struct str s, const struct part_row *r, int64_t *ret_id)
{
	const struct str *t = r->text;
	const int64_t *n = r->number;
	switch (part) {
	case PART_PARTY:
		return db_number(db, ret_id, Q_PARTY_ADD, "ssssss", s, t[0], t[1], t[2], t[3], t[4]);
	case PART_LEVEL:
		return db_number(db, ret_id, Q_LEVEL_ADD, "sisssss", s, n[0], t[1], t[2], t[3], t[4], t[5]);
	case PART_APPLICATION:
		return db_number(db, ret_id, Q_APPLICATION_ADD, "ssssss", s, t[0], t[1], t[2], t[3], t[4]);
	case PART_LAYER:
		return db_number(db, ret_id, Q_LAYER_ADD, "ssssssis", s, t[0], t[1], t[2], t[3], t[4], n[5], t[6]);
	case PART_DEVICE:
		return db_number(db, ret_id, Q_DEVICE_ADD, "sssssssissss", s, t[0], t[1], t[2], t[3], t[4], t[5], n[6], t[7],
		    t[8], t[9], t[10]);
	default:
		assert(part == PART_LICENCE);
		return db_number(db, ret_id, Q_LICENCE_ADD, "ssssssss", s, t[0], t[1], t[2], t[3], t[4], t[5], t[6]);
	}
}

static int
run_change(struct db *db, enum part part, struct str s, const struct part_row *r)
{
	const struct str *t = r->text;
	const int64_t *n = r->number;
	switch (part) {
	case PART_PARTY:
		return db_run(db, Q_PARTY_CHANGE, "sisssss", s, r->id, t[0], t[1], t[2], t[3], t[4]);
	case PART_LEVEL:
		return db_run(db, Q_LEVEL_CHANGE, "siisssss", s, r->id, n[0], t[1], t[2], t[3], t[4], t[5]);
	case PART_APPLICATION:
		return db_run(db, Q_APPLICATION_CHANGE, "sisssss", s, r->id, t[0], t[1], t[2], t[3], t[4]);
	case PART_LAYER:
		return db_run(db, Q_LAYER_CHANGE, "sisssssis", s, r->id, t[0], t[1], t[2], t[3], t[4], n[5], t[6]);
	case PART_DEVICE:
		return db_run(db, Q_DEVICE_CHANGE, "sissssssissss", s, r->id, t[0], t[1], t[2], t[3], t[4], t[5], n[6], t[7], t[8], t[9],
		    t[10]);
	default:
		assert(part == PART_LICENCE);
		return db_run(db, Q_LICENCE_CHANGE, "sisssssss", s, r->id, t[0], t[1], t[2], t[3], t[4], t[5], t[6]);
	}
}

int
part_change(struct db *db, enum part part, struct str system, const struct part_row *row)
{
	TRY(run_change(db, part, system, row));
	return db_changed(db) == 1 ? 0 : E_NOT_FOUND;
}

int
part_remove(struct db *db, enum part part, struct str system, int64_t id)
{
	TRY(db_run(db, part_kinds[part].remove, "si", system, id));
	return db_changed(db) == 1 ? 0 : E_NOT_FOUND;
}

/* --- who may not be the same --- */

static law_day
day_of(struct str text, law_day fallback)
{
	law_day day;
	return law_day_read(text, &day) ? day : fallback;
}

static law_day
later(law_day a, law_day b)
{
	return a > b ? a : b;
}

static law_day
earlier(law_day a, law_day b)
{
	return a < b ? a : b;
}

/* On one day at least: both hold their part and the rule is in force. */
static bool
days_meet(const struct law_rule *r, const struct part_row *a, const struct part_row *b)
{
	law_day from = later(day_of(a->text[PARTY_FROM], LAW_DAY_FIRST), day_of(b->text[PARTY_FROM], LAW_DAY_FIRST));
	law_day until = earlier(day_of(a->text[PARTY_UNTIL], LAW_DAY_LAST), day_of(b->text[PARTY_UNTIL], LAW_DAY_LAST));
	return later(from, r->from) <= earlier(until, r->until);
}

static bool
roles_meet(const struct law_rule *r, struct str a, struct str b)
{
	for (uint32_t i = 0; i < r->independence.aparts; i++)
		if (str_eq(r->independence.role, a) && str_eq(r->independence.apart[i], b))
			return true;
	return false;
}

static bool
one_line(const struct registry *registry, struct str a, struct str b)
{
	return str_eq(a, b) || registry_within(registry, a, b) || registry_within(registry, b, a);
}

const struct law_rule *
party_conflict(const struct law *law, const struct registry *registry, const struct part_row *party, const struct part_row *others,
    uint32_t count, const struct part_row **ret_other)
{
	uint32_t rules;
	const struct law_rule *rule = law_rules(law, &rules);
	for (uint32_t r = 0; r < rules; r++)
		for (uint32_t i = 0; rule[r].kind == LAW_INDEPENDENCE && i < count; i++) {
			const struct part_row *o = &others[i];
			bool apart = roles_meet(&rule[r], party->text[PARTY_ROLE], o->text[PARTY_ROLE]) ||
			    roles_meet(&rule[r], o->text[PARTY_ROLE], party->text[PARTY_ROLE]);
			if (!apart || o->id == party->id || !days_meet(&rule[r], party, o) ||
			    !one_line(registry, party->text[PARTY_ORGANISATION], o->text[PARTY_ORGANISATION]))
				continue;
			*ret_other = o;
			return &rule[r];
		}
	return NULL;
}

const struct law_rule *
parties_conflict(const struct law *law, const struct registry *registry, const struct part_row *party, uint32_t count,
    const struct part_row **ret_party, const struct part_row **ret_other)
{
	const struct law_rule *rule = NULL;
	for (uint32_t i = 0; !rule && i < count; i++) {
		rule = party_conflict(law, registry, &party[i], party, count, ret_other);
		*ret_party = &party[i];
	}
	return rule;
}

bool
party_on(const struct part_row *party, struct str day)
{
	struct str until = party->text[PARTY_UNTIL];
	return str_cmp(party->text[PARTY_FROM], day) <= 0 && (!until.n || str_cmp(until, day) >= 0);
}

/* --- decisions --- */

static void
facts_json(const struct law_fact *fact, uint32_t facts, struct buf *out)
{
	buf_add_char(out, '{');
	for (uint32_t i = 0; i < facts; i++) {
		buf_add(out, i ? STR(",") : STR(""));
		buf_add_json_string(out, fact[i].name);
		buf_add_char(out, ':');
		if (fact[i].value.n)
			buf_add_json_string(out, fact[i].value);
		else
			buf_add_i64(out, fact[i].number);
	}
	buf_add_char(out, '}');
}

void
level_fill(const struct law *law, const struct inventory *s, struct arena *arena, struct part_row *level)
{
	struct law_fact fact[INVENTORY_FACTS];
	const struct law_rule *r = NULL;
	uint32_t facts;
	law_day day;
	struct buf text = BUF_INIT_MAX(8192);
	if (law_day_read(level->text[LEVEL_DAY], &day) && inventory_facts(law, s, arena, fact, &facts) == 0) {
		r = law_level(law, day, fact, facts);
		facts_json(fact, facts, &text);
	}
	level->text[LEVEL_CRITERION] = r ? r->id : STR("");
	if (!arena_copy(arena, buf_str(&text), &level->text[LEVEL_FACTS]))
		level->text[LEVEL_FACTS] = STR("{}");
	buf_release(&text);
}

int
level_settle(struct db *db, struct str system, struct str today, struct arena *arena)
{
	struct part_row *row;
	uint32_t count;
	TRY(part_list(db, PART_LEVEL, system, arena, &row, &count));
	const struct part_row *now = level_on(row, count, today);
	return now ? db_run(db, Q_INVENTORY_LEVEL, "si", system, now->number[LEVEL_LEVEL]) : 0;
}

/* --- states --- */

const struct part_row *
level_on(const struct part_row *levels, uint32_t count, struct str day)
{
	const struct part_row *best = NULL;
	for (uint32_t i = 0; i < count; i++)
		if (str_cmp(levels[i].text[LEVEL_DAY], day) <= 0 &&
		    (!best || str_cmp(levels[i].text[LEVEL_DAY], best->text[LEVEL_DAY]) >= 0))
			best = &levels[i];
	return best;
}

struct str
layer_state(const struct part_row *layer, struct str today)
{
	if (!layer)
		return STR("none");
	struct str state = layer->text[LAYER_STATE], until = layer->text[LAYER_UNTIL];
	bool held = str_eq(state, STR("partly")) || str_eq(state, STR("in_place"));
	return held && until.n && str_cmp(until, today) < 0 ? STR("expired") : state;
}

struct str
device_state(const struct part_row *device)
{
	bool used = device->number[DEVICE_IN_USE] != 0, refused = str_eq(device->text[DEVICE_RESULT], STR("refused"));
	if (str_eq(device->text[DEVICE_RESULT], STR("cleared")))
		return STR("cleared");
	if (used)
		return refused ? STR("refused_in_use") : STR("missing");
	return refused ? STR("refused") : STR("waiting");
}

struct str
licence_state(const struct part_row *licence, struct str today)
{
	law_day now, until;
	if (!law_day_read(today, &now) || !law_day_read(licence->text[LICENCE_UNTIL], &until))
		return STR("good");
	if (until < now)
		return STR("expired");
	return until - now <= 30 ? STR("30") : until - now <= 60 ? STR("60") : until - now <= SOON_LAST ? STR("90") : STR("good");
}
