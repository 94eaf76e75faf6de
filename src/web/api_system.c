/* SPDX-License-Identifier: EUPL-1.2 */
/* Information systems: the register a page at a time, one of them whole, made, changed and closed. */
#include "web/api_system.h"
#include "web/page.h"
#include "web/personal.h"

#include "host/clock.h"

#define PAGE_MAX 500
#define OVERLAPS_MAX 50u

/* --- JSON --- */

static int
places_json(struct api_call *c, struct str id)
{
	static const struct {
		const char *name;
		struct str kind;
	} lists[] = {{"domains", STR_INIT("domain")}, {"hosts", STR_INIT("host")}, {"networks", STR_INIT("network")}};
	struct db_rows *rows;
	size_t at = 0;
	int more, n = 0;
	TRY(db_query(c->desk->db, &rows, Q_INVENTORY_PLACES, "s", id));
	out_name(&c->out, lists[0].name);
	buf_add_char(&c->out, '[');
	while ((more = db_next(rows)) > 0) { /* sorted by kind */
		for (; at < COUNT(lists) && !str_eq(lists[at].kind, db_text(rows, 0)); n = 0) {
			buf_add_char(&c->out, ']');
			out_name(&c->out, lists[++at].name);
			buf_add_char(&c->out, '[');
		}
		buf_add(&c->out, n++ ? STR(",") : STR(""));
		buf_add_json_string(&c->out, db_text(rows, 1));
	}
	db_end(rows);
	for (buf_add_char(&c->out, ']'); ++at < COUNT(lists);)
		out_raw(&c->out, lists[at].name, STR("[]"));
	return more < 0 ? more : 0;
}

static int
numbers_json(struct api_call *c, const struct inventory *s, struct str soon)
{
	struct db_rows *rows;
	int64_t open = 0;
	TRY(db_number(c->desk->db, &open, Q_INVENTORY_ALERTS_OPEN, "s", s->id));
	out_i64(&c->out, "alerts_open", open);
	TRY(db_query(c->desk->db, &rows, Q_INVENTORY_ENDS, "ss", s->id, soon));
	int more = db_next(rows);
	out_i64(&c->out, "ending", more > 0 ? db_i64(rows, 0) : 0);
	out_text_or_null(&c->out, "ending_day", more > 0 ? db_text(rows, 1) : STR(""));
	db_end(rows);
	return more < 0 ? more : 0;
}

static int
states_json(struct api_call *c, const struct inventory *s, struct str today)
{
	static const struct str codes[] = {STR_INIT("1"), STR_INIT("2"), STR_INIT("3"), STR_INIT("4")};
	struct part_row *layer;
	uint32_t count;
	int code = part_member(PART_LAYER, "layer");
	TRY(part_list(c->desk->db, PART_LAYER, s->id, &c->arena, &layer, &count));
	out_name(&c->out, "protection");
	for (size_t i = 0; i < COUNT(codes); i++) {
		const struct part_row *row = NULL;
		for (uint32_t k = 0; k < count; k++)
			if (str_eq(layer[k].text[code], codes[i]))
				row = &layer[k];
		buf_add_char(&c->out, i ? ',' : '[');
		buf_add_json_string(&c->out, layer_state(row, today));
	}
	buf_add_char(&c->out, ']');
	return 0;
}

static void
plain_json(struct buf *out, const struct inventory *s)
{
	buf_add_char(out, '{');
	out_text(out, "id", s->id);
	out_text(out, "name", s->name);
	out_i64(out, "level", s->level);
	out_named(out, "organisation", s->organisation, s->organisation_name);
	out_text_or_null(out, "class", s->class);
	out_text_or_null(out, "sector", s->sector);
	out_bool(out, "critical", s->critical);
	out_bool(out, "separated", s->separated);
	out_text_or_null(out, "from_day", s->from_day);
	out_text_or_null(out, "until_day", s->until_day);
	out_bool(out, "demonstration", s->demonstration);
	out_i64(out, "version", s->version);
}

/* Without the brace that ends it. */
static int
item_json(struct api_call *c, const struct inventory *s, struct str today, struct str soon)
{
	const struct system *known = registry_system(c->desk->registry, s->id);
	const struct contact *contact = known ? system_contact(known) : &s->contact;
	plain_json(&c->out, s);
	TRY(places_json(c, s->id));
	out_contact(&c->out, contact, personal_shown(c));
	TRY(numbers_json(c, s, soon));
	return states_json(c, s, today);
}

static void
law_json(struct api_call *c, const struct inventory *s, struct str date)
{
	struct law_fact fact[INVENTORY_FACTS];
	const struct law_rule *r = NULL;
	uint32_t facts;
	law_day day;
	if (law_day_read(date, &day) && inventory_facts(c->desk->law, s, &c->arena, fact, &facts) == 0)
		r = law_level(c->desk->law, day, fact, facts);
	out_name(&c->out, "law");
	buf_add_char(&c->out, '{');
	out_text(&c->out, "date", date);
	out_name(&c->out, "criterion");
	if (r)
		law_rule_json(&c->out, r, day);
	else
		buf_add(&c->out, STR("null"));
	r = s->separated || s->level == 5 ? law_entry(c->desk->law, day, STR("principle"), STR("one_way")) : NULL;
	out_bool(&c->out, "one_way", s->separated || s->level == 5);
	out_name(&c->out, "one_way_rule");
	if (r)
		law_rule_json(&c->out, r, day);
	else
		buf_add(&c->out, STR("null"));
	buf_add_char(&c->out, '}');
}

/* Other systems that tell of the same machines: whose alert would it be? */
static void
overlaps_json(struct api_call *c, struct str id)
{
	const struct registry *r = c->desk->registry;
	struct registry_overlap list[OVERLAPS_MAX];
	const struct system *own = registry_system(r, id);
	uint32_t count = own ? registry_overlaps(r, own, list, OVERLAPS_MAX) : 0;
	out_name(&c->out, "overlaps");
	buf_add_char(&c->out, '[');
	for (uint32_t i = 0; i < count; i++) {
		const struct system *o = list[i].other;
		bool seen = registry_within(r, o->organisation->id, api_scope(c));
		buf_add(&c->out, i ? STR(",{") : STR("{"));
		out_text(&c->out, "value", list[i].mine);
		out_text_or_null(&c->out, "other", seen ? list[i].theirs : STR(""));
		out_text_or_null(&c->out, "system", seen ? o->id : STR(""));
		out_text_or_null(&c->out, "name", seen ? o->name : STR(""));
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, ']');
}

/* --- list --- */

/* "level.fold.id": where the next page begins. The fold is of words and blanks, which an address must not hold bare. */
static bool
read_cursor(struct api_call *c, struct registry_query *q)
{
	struct str rest = api_query(c, STR("cursor")), part;
	int64_t level;
	if (!rest.n)
		return true;
	if (!str_split(&rest, '/', &part) || !str_to_i64(part, &level) || level < 1 || level > 5 || !str_split(&rest, '/', &q->after_id))
		return false;
	q->after_level = (int)level;
	q->after_fold = rest;
	return str_is_utf8(rest);
}

/* As names are searched: without accents. */
static bool
read_part(struct api_call *c, struct str part, struct str *ret)
{
	struct buf fold = BUF_INIT_MAX(8192);
	if (part.n > 200 || !str_is_utf8(part) || str_find_char(part, '\0') >= 0)
		return false;
	db_fold(str_trim(part), &fold);
	bool kept = arena_copy(&c->arena, buf_str(&fold), ret);
	buf_release(&fold);
	return kept;
}

/* False: it is no text. */
static bool
asked(struct api_call *c, const char *name, struct str *ret)
{
	bool set;
	*ret = c->body.count ? STR("") : api_query(c, str_z(name));
	return !c->body.count || api_take_text(c, name, 1000, &set, ret);
}

static bool
asked_number(struct str text, int64_t min, int64_t max, int64_t fallback, int64_t *ret)
{
	*ret = fallback;
	return !text.n || (str_to_i64(text, ret) && *ret >= min && *ret <= max);
}

const char *
system_query(struct api_call *c, struct registry_query *q)
{
	struct str text, text_level, text_days, sort, critical, closed;
	int64_t level, days;
	const struct {
		const char *name;
		struct str *text;
	} row[] = {{"q", &text}, {"level", &text_level}, {"organisation", &q->organisation}, {"sector", &q->sector},
	    {"critical", &critical}, {"expiring", &text_days}, {"closed", &closed}, {"sort", &sort}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (!asked(c, row[i].name, row[i].text))
			return row[i].name;
	if (!asked_number(text_level, 1, 5, 0, &level))
		return "level";
	if (!asked_number(text_days, 0, 3650, -1, &days))
		return "expiring";
	if (sort.n && !str_eq(sort, STR("name")) && !str_eq(sort, STR("level")))
		return "sort";
	if (!read_part(c, text, &q->part))
		return "q";
	q->level = (int)level;
	q->critical = str_eq(critical, STR("true"));
	q->closed = str_eq(closed, STR("true"));
	q->by_level = str_eq(sort, STR("level"));
	if (days >= 0) {
		struct buf day = BUF_INIT_MAX(16);
		law_day_write(law_day_at(clock_now_ms()) + (law_day)days, &day);
		(void)arena_copy(&c->arena, buf_str(&day), &q->ends_before);
		buf_release(&day);
	}
	return NULL;
}

static const char *
read_query(struct api_call *c, struct registry_query *q)
{
	int64_t limit;
	if (!read_cursor(c, q) || !api_query_i64(c, STR("limit"), 200, 1, PAGE_MAX, &limit))
		return "cursor";
	q->limit = (uint32_t)limit;
	return system_query(c, q);
}

/* The last day of those that end soon enough to be told in a list. */
static struct str
soon_day(struct api_call *c)
{
	struct buf day = BUF_INIT_MAX(16);
	struct str kept = {0};
	law_day_write(law_day_at(clock_now_ms()) + 90, &day);
	(void)arena_copy(&c->arena, buf_str(&day), &kept);
	buf_release(&day);
	return kept;
}

void
api_systems(struct api_call *c)
{
	struct registry_query q = {.scope = api_scope(c)};
	struct inventory *list;
	uint32_t count = 0;
	int64_t total = 0;
	const char *field = read_query(c, &q);
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	int error = inventory_list(c->desk->db, c->desk->registry, &q, &c->arena, &list, &count, &total);
	struct str soon = soon_day(c), today = api_today(c);
	page_begin(&c->out);
	for (uint32_t i = 0; i < count && !error; i++) {
		page_item(&c->out);
		error = item_json(c, &list[i], today, soon);
		buf_add_char(&c->out, '}');
	}
	if (api_failed(c, error))
		return;
	buf_add_char(&c->out, ']');
	struct buf next = BUF_INIT_MAX(8192);
	if (count == q.limit)
		buf_addf(&next, "%d/%.*s/%.*s", list[count - 1].level, STR_ARG(list[count - 1].id), STR_ARG(list[count - 1].name_fold));
	page_end(&c->out, total, buf_str(&next));
	buf_release(&next);
	api_reply(c, 200);
}

/* --- one --- */

bool
system_open(struct api_call *c, bool match, struct inventory *ret)
{
	int64_t version = 0;
	int error = inventory_get(c->desk->db, api_path_id(c), api_scope(c), &c->arena, ret);
	if (api_failed(c, error))
		return false;
	c->noun_id = ret->id;
	if (match && !api_match_version(c, &version)) {
		api_reply_problem(c, 422, "invalid", "If-Match");
		return false;
	}
	if (match && version != ret->version) {
		api_reply_error(c, E_CONFLICT);
		return false;
	}
	return true;
}

static int
whole_json(struct api_call *c, const struct inventory *s, struct str date)
{
	struct str today = api_today(c);
	TRY(item_json(c, s, today, soon_day(c)));
	if (personal_shown(c)) {
		out_name(&c->out, "own_contact");
		buf_add_char(&c->out, '{');
		out_text(&c->out, "name", s->contact.name);
		out_text(&c->out, "phone", s->contact.phone);
		out_text(&c->out, "email", s->contact.email);
		buf_add_char(&c->out, '}');
	} else {
		out_raw(&c->out, "own_contact", STR("null"));
	}
	out_text(&c->out, "note", s->note);
	out_raw(&c->out, "facts", s->facts);
	law_json(c, s, date.n ? date : today);
	overlaps_json(c, s->id);
	TRY(system_parts_json(c, s, today));
	buf_add_char(&c->out, '}');
	return 0;
}

void
api_system_get(struct api_call *c)
{
	struct inventory s;
	struct str date = api_query(c, STR("date"));
	law_day day;
	if (date.n && !law_day_read(date, &day)) {
		api_reply_problem(c, 422, "invalid", "date");
		return;
	}
	if (!system_open(c, false, &s))
		return;
	int error = whole_json(c, &s, date);
	if (!api_failed(c, error))
		api_reply(c, 200);
}

/* --- changing --- */

static bool
take_text(struct api_call *c, uint32_t object, const char *name, struct str *to)
{
	uint32_t at = json_get(&c->body, object, str_z(name));
	if (!at)
		return true;
	if (c->body.token[at].kind == JSON_NULL) {
		*to = STR("");
		return true;
	}
	return json_get_string(&c->body, object, str_z(name), &c->arena, to);
}

static bool
take_flag(struct api_call *c, const char *name, bool *to)
{
	return !json_get(&c->body, 0, str_z(name)) || json_get_bool(&c->body, 0, str_z(name), to);
}

static bool
take_contact(struct api_call *c, struct contact *to)
{
	uint32_t at = json_get(&c->body, 0, STR("contact"));
	const struct contact was = *to;
	bool good = !at || (c->body.token[at].kind == JSON_OBJECT && take_text(c, at, "name", &to->name) &&
	    take_text(c, at, "phone", &to->phone) && take_text(c, at, "email", &to->email));
	to->name = unmasked(to->name, was.name, MASK_NAME);
	to->phone = unmasked(to->phone, was.phone, MASK_PHONE);
	to->email = unmasked(to->email, was.email, MASK_EMAIL);
	return good;
}

/* What is in the body, over what was there. NULL, or the member that is wrong. */
static const char *
take_members(struct api_call *c, struct inventory *s)
{
	const struct {
		const char *name;
		struct str *to;
	} text[] = {{"name", &s->name}, {"class", &s->class}, {"sector", &s->sector}, {"from_day", &s->from_day},
	    {"until_day", &s->until_day}, {"note", &s->note}};
	for (size_t i = 0; i < COUNT(text); i++)
		if (!take_text(c, 0, text[i].name, text[i].to))
			return text[i].name;
	if (!take_flag(c, "critical", &s->critical))
		return "critical";
	if (!take_flag(c, "separated", &s->separated))
		return "separated";
	if (!take_contact(c, &s->contact))
		return "contact";
	uint32_t facts = json_get(&c->body, 0, STR("facts"));
	if (facts && c->body.token[facts].kind != JSON_OBJECT)
		return "facts";
	if (facts)
		s->facts = json_raw(&c->body, facts);
	return inventory_fault(c->desk->law, s, api_today(c));
}

static int
before_json(struct api_call *c, const struct inventory *s)
{
	struct buf out = BUF_INIT_MAX(64 << 10);
	plain_json(&out, s);
	out_text(&out, "note", s->note);
	out_contact(&out, &s->contact, true);
	out_raw(&out, "facts", s->facts);
	buf_add_char(&out, '}');
	bool kept = arena_copy(&c->arena, buf_str(&out), &c->before);
	buf_release(&out);
	return kept ? 0 : E_LIMIT;
}

void
system_changed(struct api_call *c, uint16_t status)
{
	registry_touch_system(c->desk->registry, c->noun_id);
	api_reply(c, status);
}

void
api_system_post(struct api_call *c)
{
	struct inventory s = {.facts = STR("{}")};
	int64_t level = 0;
	if (!take_text(c, 0, "id", &s.id) || !take_text(c, 0, "organisation", &s.organisation) ||
	    !json_get_i64(&c->body, 0, STR("level"), &level))
		level = 0;
	s.level = level >= 1 && level <= 5 ? (int)level : 0;
	const char *field = take_members(c, &s);
	if (!field && (!registry_organisation(c->desk->registry, s.organisation) ||
			  !registry_within(c->desk->registry, s.organisation, api_scope(c))))
		field = "organisation";
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	c->noun_id = s.id;
	int error = inventory_add(c->desk->db, &s, clock_now_ms());
	if (error == E_EXISTS) {
		api_reply_problem(c, 409, "exists", "id");
	} else if (!api_failed(c, error)) {
		buf_add_char(&c->out, '{');
		out_text(&c->out, "id", s.id);
		out_raw(&c->out, "version", STR("1}"));
		system_changed(c, 201);
	}
}

void
api_system_patch(struct api_call *c)
{
	struct inventory s;
	if (!system_open(c, true, &s))
		return;
	int error = before_json(c, &s);
	const char *field = error ? NULL : take_members(c, &s);
	if (field) {
		api_reply_problem(c, 422, "invalid", field);
		return;
	}
	if (!error)
		error = inventory_change(c->desk->db, &s, clock_now_ms());
	if (api_failed(c, error))
		return;
	buf_add_char(&c->out, '{');
	out_i64(&c->out, "version", s.version + 1);
	buf_add_char(&c->out, '}');
	system_changed(c, 200);
}

/* --- what ends soon, over all systems --- */

void
api_licences(struct api_call *c)
{
	struct str today = api_today(c), organisation = api_query(c, STR("organisation")), rest = api_query(c, STR("cursor")), id;
	struct db_rows *rows;
	int64_t days, limit, after = 0;
	struct buf until = BUF_INIT_MAX(16), next = BUF_INIT_MAX(64);
	if (!api_query_i64(c, STR("days"), 90, 0, 3650, &days) || !api_query_i64(c, STR("limit"), 200, 1, PAGE_MAX, &limit) ||
	    (str_split(&rest, '/', &id) && !str_to_i64(id, &after))) {
		api_reply_problem(c, 422, "invalid", "cursor");
		return;
	}
	law_day_write(law_day_at(clock_now_ms()) + (law_day)days, &until);
	int error = db_query(c->desk->db, &rows, Q_LICENCE_EXPIRING, "sssisis", api_scope(c), buf_str(&until), organisation, limit,
	    rest, after, today);
	int more = error, n = 0;
	page_begin(&c->out);
	while (!error && (more = db_next(rows)) > 0) {
		struct part_row row = {.text = {[5] = db_text(rows, 5)}};
		static const char *const names[] = {"id", "kind", "subject", "issuer", "number", "until_day"};
		page_item(&c->out);
		n++;
		buf_add_char(&c->out, '{');
		out_i64(&c->out, "id", db_i64(rows, 0));
		for (int i = 1; i <= 5; i++)
			out_text(&c->out, names[i], db_text(rows, i));
		out_text(&c->out, "status", licence_state(&row, today));
		out_named(&c->out, "system", db_text(rows, 6), db_text(rows, 7));
		out_named(&c->out, "organisation", db_text(rows, 8), db_text(rows, 9));
		buf_add_char(&c->out, '}');
		buf_clear(&next);
		buf_addf(&next, "%lld/%.*s", (long long)db_i64(rows, 0), STR_ARG(db_text(rows, 5)));
	}
	if (!error)
		db_end(rows);
	buf_add_char(&c->out, ']');
	page_end(&c->out, -1, n == limit ? buf_str(&next) : STR(""));
	buf_release(&until);
	buf_release(&next);
	if (!api_failed(c, more))
		api_reply(c, 200);
}
