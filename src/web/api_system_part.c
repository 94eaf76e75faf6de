/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Parts of an information system: parties, levels, applications, layers, devices, licences. One handler a method for all of them: what they are
 * made of stands in part_kinds (register/inventory.h). Places have two members and no number, so they have two handlers of their own.
 */
#include "web/api_system.h"

#include "host/clock.h"

/* --- JSON --- */

static void
organisation_json(struct api_call *c, struct buf *out, const char *name, struct str id)
{
	const struct organisation *o = registry_organisation(c->desk->registry, id);
	out_named(out, name, id, o ? o->name : id);
}

static void
rule_or_null(struct buf *out, const char *name, const struct law_rule *r, law_day day)
{
	out_name(out, name);
	if (r)
		law_rule_json(out, r, day);
	else
		buf_add(out, STR("null"));
}

static void
member_json(struct api_call *c, struct buf *out, const struct member *m, const struct part_row *row, int i)
{
	switch (m->form) {
	case MEMBER_FLAG:
		out_bool(out, m->name, row->number[i] != 0);
		break;
	case MEMBER_NUMBER:
		out_i64(out, m->name, row->number[i]);
		break;
	case MEMBER_ORGANISATION:
		organisation_json(c, out, m->name, row->text[i]);
		break;
	case MEMBER_DAY:
		out_text_or_null(out, m->name, row->text[i]);
		break;
	default:
		if (str_eq(str_z(m->name), STR("facts")))
			out_raw(out, m->name, row->text[i].n ? row->text[i] : STR("{}"));
		else
			out_text(out, m->name, row->text[i]);
	}
}

/* What follows from a row. */
static void
derived_json(struct api_call *c, struct buf *out, enum part part, const struct part_row *row, struct str today)
{
	law_day day = 0;
	switch (part) {
	case PART_PARTY:
		out_bool(out, "now", party_on(row, today));
		break;
	case PART_LEVEL:
		if (!law_day_read(row->text[part_member(part, "day")], &day))
			break;
		rule_or_null(out, "rule", law_find(c->desk->law, row->text[part_member(part, "criterion")]), day);
		break;
	case PART_LAYER:
		out_text(out, "status", layer_state(row, today));
		break;
	case PART_DEVICE:
		out_text(out, "status", device_state(row));
		break;
	case PART_LICENCE:
		out_text(out, "status", licence_state(row, today));
		break;
	default:
		break;
	}
}

static void
part_json(struct api_call *c, struct buf *out, enum part part, const struct part_row *row, struct str today)
{
	const struct part_kind *k = &part_kinds[part];
	buf_add_char(out, '{');
	out_i64(out, "id", row->id);
	for (int i = 0; i < k->members; i++)
		member_json(c, out, &k->member[i], row, i);
	derived_json(c, out, part, row, today);
	buf_add_char(out, '}');
}

/* The four layers as the law names them on this day. */
static void
layer_rules_json(struct api_call *c, struct str today)
{
	static const struct str codes[] = {STR_INIT("1"), STR_INIT("2"), STR_INIT("3"), STR_INIT("4")};
	law_day day = 0;
	out_name(&c->out, "layer_rules");
	for (size_t i = 0; i < COUNT(codes); i++) {
		const struct law_rule *r = law_day_read(today, &day) ? law_entry(c->desk->law, day, STR("layer"), codes[i]) : NULL;
		buf_add_char(&c->out, i ? ',' : '[');
		if (r)
			law_rule_json(&c->out, r, day);
		else
			buf_add(&c->out, STR("null"));
	}
	buf_add_char(&c->out, ']');
}

int
system_parts_json(struct api_call *c, const struct inventory *s, struct str today)
{
	for (int part = 0; part < PART_COUNT; part++) {
		struct part_row *row;
		uint32_t count;
		TRY(part_list(c->desk->db, (enum part)part, s->id, &c->arena, &row, &count));
		out_name(&c->out, part_kinds[part].noun);
		buf_add_char(&c->out, '[');
		for (uint32_t i = 0; i < count; i++) {
			buf_add(&c->out, i ? STR(",") : STR(""));
			part_json(c, &c->out, (enum part)part, &row[i], today);
		}
		buf_add_char(&c->out, ']');
	}
	layer_rules_json(c, today);
	return 0;
}

/* --- what is sent --- */

/* "/api/v1/systems/{id}/parties/{part}" -> PART_PARTY */
static enum part
part_of_path(const struct api_call *c)
{
	struct str rest = c->pattern, word, noun = {0};
	for (int i = 0; str_split(&rest, '/', &word); i++)
		if (i == 5)
			noun = word;
	return part_of(noun);
}

static bool
take_member(struct api_call *c, const struct member *m, struct str *text, int64_t *number)
{
	struct str name = str_z(m->name);
	uint32_t at = json_get(&c->body, 0, name);
	bool flag = false;
	if (!at || m->own)
		return !at;
	if (c->body.token[at].kind == JSON_NULL) {
		*text = STR("");
		*number = 0;
		return true;
	}
	if (m->form == MEMBER_NUMBER)
		return json_get_i64(&c->body, 0, name, number);
	if (m->form != MEMBER_FLAG)
		return json_get_string(&c->body, 0, name, &c->arena, text);
	if (!json_get_bool(&c->body, 0, name, &flag))
		return false;
	*number = flag;
	return true;
}

/* NULL, or the member that is wrong. */
static const char *
take_part(struct api_call *c, enum part part, struct part_row *row)
{
	const struct part_kind *k = &part_kinds[part];
	for (int i = 0; i < k->members; i++)
		if (!take_member(c, &k->member[i], &row->text[i], &row->number[i]))
			return k->member[i].name;
	for (int i = 0; i < k->members; i++)
		if (k->member[i].form == MEMBER_ORGANISATION && row->text[i].n &&
		    !registry_organisation(c->desk->registry, row->text[i]))
			return k->member[i].name;
	return part_fault(part, row);
}

/* --- what must hold afterwards --- */

static struct str
party_text(const struct part_row *row, const char *name)
{
	return row->text[part_member(PART_PARTY, name)];
}

/* The answer names the rule, so that nobody has to believe the program. */
static void
reply_apart(struct api_call *c, const struct law_rule *rule, const struct part_row *other)
{
	buf_clear(&c->out);
	buf_add_char(&c->out, '{');
	out_problem(&c->out, STR("independence"));
	out_i64(&c->out, "status", 409);
	out_text(&c->out, "field", STR("organisation"));
	out_name(&c->out, "rule");
	law_rule_json(&c->out, rule, law_day_at(clock_now_ms()));
	out_name(&c->out, "other");
	part_json(c, &c->out, PART_PARTY, other, api_today(c));
	buf_add_char(&c->out, '}');
	c->response.type = STR("application/problem+json");
	api_reply(c, 409);
}

static bool
spans_meet(const struct part_row *a, const struct part_row *b)
{
	struct str until_a = party_text(a, "until_day"), until_b = party_text(b, "until_day");
	return (!until_a.n || str_cmp(party_text(b, "from_day"), until_a) <= 0) &&
	    (!until_b.n || str_cmp(party_text(a, "from_day"), until_b) <= 0);
}

/* One owner on each day, one today, and that is who the system belongs to. NULL, or what is wrong. */
static const char *
settle_owner(struct api_call *c, const struct inventory *s, const struct part_row *party, uint32_t count, int *ret_error)
{
	struct str today = api_today(c);
	const struct part_row *now = NULL;
	for (uint32_t i = 0; i < count; i++) {
		if (!str_eq(party_text(&party[i], "role"), STR("owner")))
			continue;
		for (uint32_t k = 0; k < i; k++)
			if (str_eq(party_text(&party[k], "role"), STR("owner")) && spans_meet(&party[i], &party[k]))
				return "owner_twice";
		if (party_on(&party[i], today))
			now = &party[i];
	}
	if (!now)
		return "owner_none";
	struct str owner = party_text(now, "organisation");
	if (str_eq(owner, s->organisation))
		return NULL;
	if (!registry_within(c->desk->registry, owner, api_scope(c)))
		return "invalid";
	*ret_error = db_run(c->desk->db, Q_INVENTORY_OWNER, "ss", s->id, owner);
	return NULL;
}

/* False: answered. */
static bool
settle_parties(struct api_call *c, const struct inventory *s)
{
	struct part_row *party;
	const struct part_row *one, *other = NULL;
	uint32_t count = 0;
	int error = part_list(c->desk->db, PART_PARTY, s->id, &c->arena, &party, &count);
	const struct law_rule *rule = error ? NULL : parties_conflict(c->desk->law, c->desk->registry, party, count, &one, &other);
	if (rule) {
		reply_apart(c, rule, other);
		return false;
	}
	const char *wrong = error ? NULL : settle_owner(c, s, party, count, &error);
	if (wrong)
		api_reply_problem(c, 422, wrong, "organisation");
	else if (error)
		api_reply_error(c, error);
	return !wrong && !error;
}

static bool
settle_level(struct api_call *c, const struct inventory *s)
{
	int error = level_settle(c->desk->db, s->id, api_today(c), &c->arena);
	return !api_failed(c, error);
}

/* After a change of a part: what follows from it, and the answer. */
static void
settle(struct api_call *c, const struct inventory *s, enum part part, int64_t id, uint16_t status)
{
	if ((part == PART_PARTY && !settle_parties(c, s)) || (part == PART_LEVEL && !settle_level(c, s)))
		return;
	int error = db_run(c->desk->db, Q_INVENTORY_TOUCH, "si", s->id, clock_now_ms());
	if (api_failed(c, error))
		return;
	buf_add_char(&c->out, '{');
	if (id)
		out_i64(&c->out, "id", id);
	out_i64(&c->out, "version", s->version + 1);
	buf_add_char(&c->out, '}');
	system_changed(c, status);
}

/* --- handlers --- */

/* Who owns it from a day on ends him who did. */
static int
add_party(struct api_call *c, const struct inventory *s, const struct part_row *row, int64_t *ret_id)
{
	struct str from = party_text(row, "from_day"), until = party_text(row, "until_day");
	if (!str_eq(party_text(row, "role"), STR("owner")) || !from.n || until.n)
		return part_add(c->desk->db, PART_PARTY, s->id, row, ret_id);
	*ret_id = 0;
	return inventory_move(c->desk->db, s->id, party_text(row, "organisation"), from, api_today(c));
}

/* The body over what the row was (id 0: nothing), and what follows from it. */
static void
write_part(struct api_call *c, const struct inventory *s, enum part part, struct part_row *row)
{
	struct db *db = c->desk->db;
	const bool fresh = !row->id;
	int64_t id = row->id;
	int error;
	const char *field = take_part(c, part, row);
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	if (part == PART_LEVEL)
		level_fill(c->desk->law, s, &c->arena, row);
	if (!fresh)
		error = part_change(db, part, s->id, row);
	else
		error = part == PART_PARTY ? add_party(c, s, row, &id) : part_add(db, part, s->id, row, &id);
	if (!api_failed(c, error))
		settle(c, s, part, id, fresh ? 201 : 200);
}

void
api_system_part_post(struct api_call *c)
{
	struct part_row row = {0};
	struct inventory s;
	if (system_open(c, false, &s))
		write_part(c, &s, part_of_path(c), &row);
}

/* The row of the path, and what it was for the record. False: answered. */
static bool
open_part(struct api_call *c, enum part part, const struct inventory *s, struct part_row *ret)
{
	struct part_row *row;
	uint32_t count = 0;
	int64_t id;
	int error = str_to_i64(c->path_part, &id) ? part_list(c->desk->db, part, s->id, &c->arena, &row, &count) : E_NOT_FOUND;
	for (uint32_t i = 0; !error && i < count; i++)
		if (row[i].id == id) {
			struct buf out = BUF_INIT_MAX(64 << 10);
			*ret = row[i];
			part_json(c, &out, part, ret, api_today(c));
			bool kept = arena_copy(&c->arena, buf_str(&out), &c->before);
			buf_release(&out);
			if (kept)
				return true;
			error = E_LIMIT;
		}
	api_reply_error(c, error ? error : E_NOT_FOUND);
	return false;
}

void
api_system_part_patch(struct api_call *c)
{
	enum part part = part_of_path(c);
	struct part_row row;
	struct inventory s;
	if (system_open(c, true, &s) && open_part(c, part, &s, &row))
		write_part(c, &s, part, &row);
}

void
api_system_part_delete(struct api_call *c)
{
	enum part part = part_of_path(c);
	struct part_row row;
	struct inventory s;
	if (!system_open(c, false, &s) || !open_part(c, part, &s, &row))
		return;
	int error = part_remove(c->desk->db, part, s.id, row.id);
	if (!api_failed(c, error))
		settle(c, &s, part, row.id, 200);
}

void
api_system_place_post(struct api_call *c)
{
	struct inventory s;
	struct str kind, value;
	if (!system_open(c, false, &s))
		return;
	if (!json_get_string(&c->body, 0, STR("kind"), &c->arena, &kind) ||
	    !json_get_string(&c->body, 0, STR("value"), &c->arena, &value)) {
		api_reply_problem(c, 422, "invalid", "value");
		return;
	}
	int error = inventory_place_add(c->desk->db, s.id, kind, str_trim(value));
	if (error == E_INVALID)
		api_reply_problem(c, 422, str_eq(kind, STR("network")) ? "place_network" : "invalid", "value");
	else if (!api_failed(c, error))
		settle(c, &s, PART_COUNT, 0, 201);
}

/* A place is named in the query: a network has a slash in it. */
void
api_system_place_delete(struct api_call *c)
{
	struct inventory s;
	if (!system_open(c, false, &s))
		return;
	struct str kind = api_query(c, STR("kind")), value = api_query(c, STR("value"));
	struct buf out = BUF_INIT_MAX(4096);
	buf_add_char(&out, '{');
	out_text(&out, "kind", kind);
	out_text(&out, "value", value);
	buf_add_char(&out, '}');
	bool kept = arena_copy(&c->arena, buf_str(&out), &c->before);
	buf_release(&out);
	int error = kept ? inventory_place_remove(c->desk->db, s.id, kind, value) : E_LIMIT;
	if (!api_failed(c, error))
		settle(c, &s, PART_COUNT, 0, 200);
}
