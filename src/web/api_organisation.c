/* SPDX-License-Identifier: EUPL-1.2 */
/* Organisations: the list as of a day, one of them with its names and who took over, making and changing. */
#include "web/api_register.h"
#include "web/page.h"
#include "web/personal.h"

#include "base/hash.h"
#include "host/clock.h"

#define PAGE_MAX 2000
#define TEXT_BYTES 1000u

/* --- shared with the other files of the register --- */

void
api_refuse(struct api_call *c, const struct register_fault *f)
{
	buf_clear(&c->out);
	buf_add_char(&c->out, '{');
	out_problem(&c->out, STR("invalid"));
	out_i64(&c->out, "status", 422);
	out_text(&c->out, "field", str_z(f->field));
	out_name(&c->out, "faults");
	buf_add(&c->out, STR("[{"));
	out_text(&c->out, "what", str_z(f->what));
	out_text(&c->out, "arg", f->arg);
	buf_add(&c->out, STR("}]}"));
	c->response.type = STR("application/problem+json");
	api_reply(c, 422);
}

bool
api_take_text(struct api_call *c, const char *key, size_t max, bool *ret_set, struct str *ret)
{
	uint32_t at = json_get(&c->body, 0, str_z(key));
	*ret_set = at != 0;
	*ret = (struct str){0};
	if (!at || c->body.token[at].kind == JSON_NULL)
		return true;
	return json_get_string(&c->body, 0, str_z(key), &c->arena, ret) && ret->n <= max;
}

struct str
api_today(struct api_call *c)
{
	char day[REGISTRY_DAY];
	struct str kept = {0};
	return arena_copy(&c->arena, registry_today(clock_now_ms(), day), &kept) ? kept : STR("");
}

bool
api_find_organisation(struct api_call *c, struct str id, struct organisation_row *ret)
{
	int error = organisation_get(c->desk->db, id, api_today(c), &c->arena, ret);
	if (!error && !organisation_reaches(c->desk->db, api_scope(c), id))
		error = E_NOT_FOUND;
	return !api_failed(c, error);
}

/* --- who sends, and who has fallen silent --- */

struct senders {
	struct sender {
		struct str organisation;
		uint32_t sources, silent;
	} *slot;
	uint32_t mask;
};

static struct sender *
sender_slot(const struct senders *s, struct str id)
{
	uint32_t at = (uint32_t)hash64(id, 0) & s->mask;
	while (s->slot[at].organisation.n && !str_eq(s->slot[at].organisation, id))
		at = (at + 1) & s->mask;
	return &s->slot[at];
}

/* Sources whose address is in a network of the register. */
static bool
count_senders(struct api_call *c, struct senders *ret)
{
	static const uint8_t nowhere[16];
	uint32_t place = 0, organisations = registry_organisations(c->desk->registry);
	int64_t now = clock_now_ms();
	ret->mask = 63;
	while (ret->mask < organisations * 2)
		ret->mask = ret->mask * 2 + 1;
	ret->slot = arena_calloc(&c->arena, ret->mask + 1, sizeof *ret->slot);
	if (!ret->slot)
		return false;
	for (const struct report_source *s; (s = report_book_next(c->desk->reports, &place));) {
		const struct system *system =
		    memcmp(s->peer, nowhere, sizeof nowhere) ? registry_by_bytes(c->desk->registry, s->peer) : NULL;
		struct sender *one = system ? sender_slot(ret, system->organisation->id) : NULL;
		if (!one)
			continue;
		one->organisation = system->organisation->id;
		one->sources++;
		one->silent += source_is_silent(c->desk, s, now);
	}
	return true;
}

/* --- JSON --- */

/* Without the closing brace. */
static void
organisation_members(struct api_call *c, const struct organisation_row *o, const struct senders *senders, struct str day)
{
	struct buf *out = &c->out;
	const struct organisation *live = registry_organisation(c->desk->registry, o->id);
	const struct sender *sender = sender_slot(senders, o->id);
	buf_add_char(out, '{');
	out_text(out, "id", o->id);
	out_text(out, "name", o->name);
	out_text(out, "kind", o->kind);
	bool parent = o->parent.n && organisation_reaches(c->desk->db, api_scope(c), o->parent);
	out_named(out, "parent", parent ? o->parent : STR(""), o->parent_name);
	out_text_or_null(out, "from_day", o->from_day);
	out_text_or_null(out, "until_day", o->until_day);
	out_text(out, "state", str_z(organisation_state(o->from_day, o->until_day, day)));
	out_contact(out, live ? &live->contact : &(struct contact){0}, personal_shown(c));
	out_i64(out, "systems", live ? live->systems : 0);
	out_i64(out, "alerts_open", o->alerts_open);
	out_text_or_null(out, "worst", o->worst >= 0 ? str_z(level_name((enum level)o->worst)) : STR(""));
	out_i64(out, "sources", sender->sources);
	out_i64(out, "silent", sender->silent);
	out_i64(out, "version", o->version);
	out_bool(out, "demonstration", o->demonstration);
}

static void
edges_json(struct api_call *c, const char *name, const struct organisation_edge *list, uint32_t count)
{
	struct buf *out = &c->out;
	out_name(out, name);
	buf_add_char(out, '[');
	for (uint32_t i = 0, n = 0; i < count; i++) {
		if (!organisation_reaches(c->desk->db, api_scope(c), list[i].id))
			continue;
		buf_add(out, n++ ? STR(",{") : STR("{"));
		out_text(out, "id", list[i].id);
		out_text(out, "name", list[i].name);
		out_text(out, "day", list[i].day);
		out_text(out, "kind", list[i].kind);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static int
names_json(struct api_call *c, struct str id)
{
	struct organisation_name *list;
	uint32_t count;
	TRY(organisation_names(c->desk->db, id, &c->arena, &list, &count));
	out_name(&c->out, "names");
	buf_add_char(&c->out, '[');
	for (uint32_t i = 0; i < count; i++) {
		buf_add(&c->out, i ? STR(",{") : STR("{"));
		out_text(&c->out, "name", list[i].name);
		out_text_or_null(&c->out, "from_day", list[i].from_day);
		out_text_or_null(&c->out, "until_day", list[i].until_day);
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, ']');
	return 0;
}

/* Names, people, and who took over from whom. */
static int
detail_json(struct api_call *c, const struct organisation_row *o, struct str today)
{
	struct organisation_edge *edge;
	struct contact_row *people;
	uint32_t count;
	TRY(names_json(c, o->id));
	TRY(contact_list(c->desk->db, o->id, today, &c->arena, &people, &count));
	contacts_json(c, "contacts", people, count, today);
	TRY(organisation_edges(c->desk->db, o->id, false, &c->arena, &edge, &count));
	edges_json(c, "successors", edge, count);
	TRY(organisation_edges(c->desk->db, o->id, true, &c->arena, &edge, &count));
	edges_json(c, "predecessors", edge, count);
	return 0;
}

static void
reply_one(struct api_call *c, struct str id, uint16_t status)
{
	struct organisation_row o;
	struct senders senders;
	struct str today = api_today(c);
	char tag[32];
	if (!api_find_organisation(c, id, &o))
		return;
	int error = count_senders(c, &senders) ? 0 : E_LIMIT;
	if (!error) {
		organisation_members(c, &o, &senders, today);
		error = detail_json(c, &o, today);
	}
	if (api_failed(c, error))
		return;
	buf_add_char(&c->out, '}');
	snprintf(tag, sizeof tag, "\"%lld\"", (long long)o.version);
	if (arena_copy(&c->arena, str_z(tag), &c->response.etag))
		api_reply(c, status);
	else
		api_reply_error(c, E_LIMIT);
}

/* --- list --- */

static bool
read_query(struct api_call *c, struct organisation_query *q)
{
	int64_t limit;
	*q = (struct organisation_query){.scope = api_scope(c), .text = api_query(c, STR("q")),
	    .kind = api_query(c, STR("kind")), .parent = api_query(c, STR("parent")), .day = api_query(c, STR("date")),
	    .state = api_query(c, STR("state")), .after = api_query(c, STR("cursor"))};
	if (!api_query_i64(c, STR("limit"), 200, 1, PAGE_MAX, &limit)) {
		api_reply_problem(c, 422, "invalid", "limit");
		return false;
	}
	if (!register_day_ok(q->day)) {
		api_reply_problem(c, 422, "invalid", "date");
		return false;
	}
	q->limit = (uint32_t)limit;
	if (!q->day.n)
		q->day = api_today(c);
	if (!q->state.n)
		q->state = STR("active");
	return true;
}

void
api_organisations(struct api_call *c)
{
	struct organisation_query q;
	struct organisation_row *list = NULL;
	struct senders senders;
	uint32_t count = 0;
	int64_t total = 0;
	if (!read_query(c, &q))
		return;
	int error = count_senders(c, &senders) ? 0 : E_LIMIT;
	if (!error)
		error = organisation_list(c->desk->db, &q, &c->arena, &list, &count, &total);
	if (api_failed(c, error))
		return;
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		organisation_members(c, &list[i], &senders, q.day);
		buf_add_char(&c->out, '}');
	}
	buf_add_char(&c->out, ']');
	page_end(&c->out, total, count == q.limit ? list[count - 1].id : STR(""));
	api_reply(c, 200);
}

void
api_organisation_get(struct api_call *c)
{
	reply_one(c, api_path_id(c), 200);
}

void
api_organisation_kinds(struct api_call *c)
{
	struct organisation_kind *list;
	uint32_t count;
	int error = kinds_list(c->desk->db, &c->arena, &list, &count);
	if (api_failed(c, error))
		return;
	buf_add(&c->out, STR("{\"items\":["));
	for (uint32_t i = 0; i < count; i++) {
		buf_add(&c->out, i ? STR(",{") : STR("{"));
		out_text(&c->out, "id", list[i].id);
		out_text(&c->out, "vi", list[i].vi);
		out_text(&c->out, "en", list[i].en);
		out_text(&c->out, "under", list[i].under);
		buf_add_char(&c->out, '}');
	}
	buf_add(&c->out, STR("]}"));
	api_reply(c, 200);
}

/* --- making and changing --- */

/* NULL, or the member that is wrong. */
static const char *
read_edit(struct api_call *c, struct organisation_edit *e)
{
	bool unused;
	const struct {
		const char *key;
		bool *set;
		struct str *value;
	} row[] = {{"name", &e->set_name, &e->name}, {"name_from", &unused, &e->name_from}, {"kind", &e->set_kind, &e->kind},
		{"parent", &e->set_parent, &e->parent}, {"from_day", &e->set_from, &e->from_day},
		{"until_day", &e->set_until, &e->until_day}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (!api_take_text(c, row[i].key, TEXT_BYTES, row[i].set, row[i].value))
			return row[i].key;
	return NULL;
}

/* Who reaches only a part puts nothing beside or above it. */
static bool
may_stand_below(struct api_call *c, struct str parent)
{
	return !api_scope(c).n || (parent.n && organisation_reaches(c->desk->db, api_scope(c), parent));
}

static void
answer(struct api_call *c, int error, const struct register_fault *f, struct str id, uint16_t status)
{
	if (error == E_INVALID && f->what) {
		api_refuse(c, f);
	} else if (!api_failed(c, error)) {
		registry_touch_organisations(c->desk->registry);
		reply_one(c, id, status);
	}
}

void
api_organisation_post(struct api_call *c)
{
	struct organisation_edit e = {0};
	struct register_fault f = {0};
	struct str id;
	bool set;
	const char *wrong = read_edit(c, &e);
	if (!wrong && !api_take_text(c, "id", 64, &set, &id))
		wrong = "id";
	if (wrong) {
		api_reply_problem(c, 422, "invalid", wrong);
		return;
	}
	int error = may_stand_below(c, e.parent) ? organisation_add(c->desk->db, id, &e, api_today(c), clock_now_ms(), &f)
	                                         : register_refuse(&f, "register_parent", "parent", e.parent);
	c->noun_id = id;
	answer(c, error, &f, id, 201);
}

/* What the record tells of it before. */
static int
note_before(struct api_call *c, const struct organisation_row *o)
{
	struct buf out = BUF_INIT_MAX(16 << 10);
	buf_add_char(&out, '{');
	out_text(&out, "name", o->name_now);
	out_text(&out, "kind", o->kind);
	out_text_or_null(&out, "parent", o->parent);
	out_text_or_null(&out, "from_day", o->from_day);
	out_text_or_null(&out, "until_day", o->until_day);
	buf_add_char(&out, '}');
	bool kept = arena_copy(&c->arena, buf_str(&out), &c->before);
	buf_release(&out);
	return kept ? 0 : E_LIMIT;
}

void
api_organisation_patch(struct api_call *c)
{
	struct organisation_edit e = {0};
	struct register_fault f = {0};
	struct organisation_row o;
	struct str id = api_path_id(c);
	int64_t version;
	if (!api_find_organisation(c, id, &o))
		return;
	const char *wrong = api_match_version(c, &version) ? read_edit(c, &e) : "If-Match";
	if (wrong) {
		api_reply_problem(c, 422, "invalid", wrong);
		return;
	}
	int error = note_before(c, &o);
	if (!error && e.set_parent && !str_eq(e.parent, o.parent) && !may_stand_below(c, e.parent))
		error = register_refuse(&f, "register_parent", "parent", e.parent);
	if (!error)
		error = organisation_change(c->desk->db, id, version, &e, api_today(c), clock_now_ms(), &f);
	answer(c, error, &f, id, 200);
}
