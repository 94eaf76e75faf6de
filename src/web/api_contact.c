/* SPDX-License-Identifier: EUPL-1.2 */
/* People of an agency who are to be called, and the yearly question whether that is still right. */
#include "web/api_register.h"
#include "web/page.h"
#include "web/personal.h"

#include "host/clock.h"
#include "register/law.h"

#define PAGE_MAX 500
#define STILL_RIGHT_DAYS 365

static const char *
contact_state(const struct contact_row *p, struct str today)
{
	return organisation_state(p->from_day, p->until_day, today);
}

/* The day a year before. */
static struct str
year_before(struct api_call *c, struct str today)
{
	struct buf text = BUF_INIT_MAX(64);
	struct str kept = {0};
	law_day day = 0;
	if (law_day_read(today, &day))
		law_day_write(day - STILL_RIGHT_DAYS, &text);
	bool copied = arena_copy(&c->arena, buf_str(&text), &kept);
	buf_release(&text);
	return copied ? kept : STR("");
}

static void
contact_json(struct buf *out, const struct contact_row *p, struct str today, bool shown)
{
	buf_add_char(out, '{');
	out_i64(out, "id", p->id);
	out_text(out, "organisation", p->organisation);
	if (p->organisation_name.n)
		out_text(out, "organisation_name", p->organisation_name);
	out_masked(out, "name", p->name, MASK_NAME, shown);
	out_text(out, "role", p->role);
	out_masked(out, "phone", p->phone, MASK_PHONE, shown);
	out_masked(out, "email", p->email, MASK_EMAIL, shown);
	out_bool(out, "masked", !shown);
	out_i64(out, "rank", p->rank);
	out_text_or_null(out, "from_day", p->from_day);
	out_text_or_null(out, "until_day", p->until_day);
	out_text(out, "confirmed_day", p->confirmed_day);
	out_text(out, "state", str_z(contact_state(p, today)));
	out_i64(out, "version", p->version);
	buf_add_char(out, '}');
}

void
contacts_json(struct api_call *c, const char *name, const struct contact_row *list, uint32_t count, struct str today)
{
	struct buf *out = &c->out;
	bool shown = count && personal_shown(c);
	out_name(out, name);
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(out, ',');
		contact_json(out, &list[i], today, shown);
	}
	buf_add_char(out, ']');
}

/* --- lists --- */

void
api_organisation_contacts(struct api_call *c)
{
	struct organisation_row o;
	struct contact_row *list;
	uint32_t count;
	if (!api_find_organisation(c, api_path_id(c), &o))
		return;
	int error = contact_list(c->desk->db, o.id, api_today(c), &c->arena, &list, &count);
	if (api_failed(c, error))
		return;
	buf_add_char(&c->out, '{');
	contacts_json(c, "items", list, count, api_today(c));
	page_end_at(&c->out, count, 0);
	api_reply(c, 200);
}

/* Those of whom nobody has said for a year that they are still the right ones. */
void
api_contacts_due(struct api_call *c)
{
	struct str today = api_today(c);
	struct contact_due q = {.scope = api_scope(c), .text = api_query(c, STR("q")), .today = today,
	    .before = year_before(c, today)};
	struct contact_row *list;
	uint32_t count;
	int64_t total = 0;
	if (!page_asked(c, 0, 100, PAGE_MAX, &q.after, &q.limit))
		return;
	int error = contact_due_list(c->desk->db, &q, &c->arena, &list, &count, &total);
	if (api_failed(c, error))
		return;
	buf_add_char(&c->out, '{');
	contacts_json(c, "items", list, count, today);
	page_end_at(&c->out, total, count == q.limit ? list[count - 1].id : 0);
	api_reply(c, 200);
}

/* --- changing --- */

/* Members that the body gives take the place of what *p has. NULL, or the one that is wrong. */
static const char *
read_contact(struct api_call *c, struct contact_row *p)
{
	const struct {
		const char *key;
		struct str *value;
	} row[] = {{"name", &p->name}, {"role", &p->role}, {"phone", &p->phone}, {"email", &p->email},
		{"from_day", &p->from_day}, {"until_day", &p->until_day}};
	const struct contact_row was = *p;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct str value;
		bool set;
		if (!api_take_text(c, row[i].key, 1000, &set, &value))
			return row[i].key;
		if (set)
			*row[i].value = str_trim(value);
	}
	p->name = unmasked(p->name, was.name, MASK_NAME);
	p->phone = unmasked(p->phone, was.phone, MASK_PHONE);
	p->email = unmasked(p->email, was.email, MASK_EMAIL);
	if (json_get(&c->body, 0, STR("rank")) && (!json_get_i64(&c->body, 0, STR("rank"), &p->rank) || p->rank < 1 ||
						      p->rank > CONTACT_RANK_MAX))
		return "rank";
	return NULL;
}

static void
answer(struct api_call *c, int error, const struct register_fault *f, const struct contact_row *p, uint16_t status)
{
	struct contact_row now;
	if (error == E_INVALID && f->what) {
		api_refuse(c, f);
		return;
	}
	if (!error)
		error = contact_get(c->desk->db, p->organisation, p->id, &c->arena, &now);
	if (api_failed(c, error))
		return;
	registry_touch_organisations(c->desk->registry);
	contact_json(&c->out, &now, api_today(c), personal_shown(c));
	api_reply(c, status);
}

void
api_contact_post(struct api_call *c)
{
	struct organisation_row o;
	struct register_fault f = {0};
	struct contact_row p = {.rank = 1, .confirmed_day = api_today(c)};
	if (!api_find_organisation(c, api_path_id(c), &o))
		return;
	p.organisation = o.id;
	const char *wrong = read_contact(c, &p);
	if (wrong) {
		api_reply_problem(c, 422, "invalid", wrong);
		return;
	}
	answer(c, contact_add(c->desk->db, &p, clock_now_ms(), &f), &f, &p, 201);
}

/* The person of the path, or the call is answered. */
static bool
find_contact(struct api_call *c, struct contact_row *ret)
{
	struct organisation_row o;
	int64_t id;
	if (!api_find_organisation(c, api_path_id(c), &o))
		return false;
	int error = str_to_i64(c->path_part, &id) ? contact_get(c->desk->db, o.id, id, &c->arena, ret) : E_NOT_FOUND;
	return !api_failed(c, error);
}

/* Who changes what is told of somebody has looked at it. */
void
api_contact_patch(struct api_call *c)
{
	struct register_fault f = {0};
	struct contact_row p;
	int64_t version;
	if (!find_contact(c, &p))
		return;
	const char *wrong = api_match_version(c, &version) ? read_contact(c, &p) : "If-Match";
	if (wrong) {
		api_reply_problem(c, 422, "invalid", wrong);
		return;
	}
	p.version = version;
	p.confirmed_day = api_today(c);
	answer(c, contact_change(c->desk->db, &p, clock_now_ms(), &f), &f, &p, 200);
}

void
api_contact_confirm(struct api_call *c)
{
	struct register_fault f = {0};
	struct contact_row p;
	if (!find_contact(c, &p))
		return;
	p.confirmed_day = api_today(c);
	answer(c, contact_change(c->desk->db, &p, clock_now_ms(), &f), &f, &p, 200);
}
