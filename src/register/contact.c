/* SPDX-License-Identifier: EUPL-1.2 */
/* People of an agency who are to be called. */
#include "register/organisation.h"

#define CONTACTS_MAX 500u /* of one organisation */
#define TEXT_MAX 200u

static bool
row_of(struct db_rows *rows, struct arena *arena, struct contact_row *c)
{
	const struct {
		int column;
		struct str *text;
	} part[] = {{1, &c->organisation}, {2, &c->name}, {3, &c->role}, {4, &c->phone}, {5, &c->email}, {7, &c->from_day},
		{8, &c->until_day}, {9, &c->confirmed_day}, {11, &c->organisation_name}};
	bool kept = true;
	for (size_t i = 0; i < COUNT(part); i++)
		kept &= arena_copy(arena, db_text(rows, part[i].column), part[i].text);
	c->id = db_i64(rows, 0);
	c->rank = db_i64(rows, 6);
	c->version = db_i64(rows, 10);
	return kept;
}

/* All rows of an open cursor, at most `max`. */
static int
take_rows(struct db_rows *rows, uint32_t max, struct arena *arena, struct contact_row **ret, uint32_t *ret_count)
{
	struct contact_row *list = arena_calloc(arena, max, sizeof *list);
	uint32_t n = 0;
	int more = list ? 0 : E_LIMIT;
	while (!more && n < max && (more = db_next(rows)) > 0)
		more = row_of(rows, arena, &list[n++]) ? 0 : E_LIMIT;
	db_end(rows);
	*ret = list;
	*ret_count = n;
	return more < 0 ? more : 0;
}

int
contact_list(struct db *db, struct str organisation, struct str today, struct arena *arena, struct contact_row **ret,
    uint32_t *ret_count)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_CONTACT_OF, "ss", organisation, today));
	return take_rows(rows, CONTACTS_MAX, arena, ret, ret_count);
}

int
contact_get(struct db *db, struct str organisation, int64_t id, struct arena *arena, struct contact_row *ret)
{
	struct db_rows *rows;
	struct contact_row *list;
	uint32_t count;
	TRY(db_query(db, &rows, Q_CONTACT_GET, "si", organisation, id));
	TRY(take_rows(rows, 1, arena, &list, &count));
	if (!count)
		return E_NOT_FOUND;
	*ret = list[0];
	return 0;
}

int
contact_due_list(struct db *db, const struct contact_due *q, struct arena *arena, struct contact_row **ret,
    uint32_t *ret_count, int64_t *ret_total)
{
	struct db_rows *rows;
	struct buf fold = BUF_INIT_MAX(4096);
	db_fold(q->text, &fold);
	int error = db_query(db, &rows, Q_CONTACT_DUE, "ssssii", q->scope, buf_str(&fold), q->today, q->before, q->after,
	    (int64_t)q->limit);
	if (!error)
		error = take_rows(rows, q->limit, arena, ret, ret_count);
	if (!error)
		error = db_number(db, ret_total, Q_CONTACT_DUE_COUNT, "ssss", q->scope, buf_str(&fold), q->today, q->before);
	buf_release(&fold);
	return error;
}

/* An address of mail has one @ between two words: more is for the mail server to say. */
static bool
mail_ok(struct str mail)
{
	ptrdiff_t at = str_find_char(mail, '@');
	return !mail.n || (at > 0 && (size_t)at + 1 < mail.n && str_find_char(mail, ' ') < 0);
}

static int
check(const struct contact_row *c, struct register_fault *f)
{
	if (!str_trim(c->name).n || !register_text_ok(c->name, TEXT_MAX))
		return register_refuse(f, "register_bad_name", "name", str_cut(c->name, 0, 80));
	if (!register_text_ok(c->role, TEXT_MAX))
		return register_refuse(f, "register_text", "role", str_cut(c->role, 0, 80));
	if (!register_text_ok(c->phone, 60))
		return register_refuse(f, "register_text", "phone", str_cut(c->phone, 0, 80));
	if (!register_text_ok(c->email, TEXT_MAX) || !mail_ok(c->email))
		return register_refuse(f, "register_mail", "email", str_cut(c->email, 0, 80));
	if (!register_day_ok(c->from_day))
		return register_refuse(f, "register_day", "from_day", c->from_day);
	if (!register_day_ok(c->until_day))
		return register_refuse(f, "register_day", "until_day", c->until_day);
	if (c->from_day.n && c->until_day.n && str_cmp(c->from_day, c->until_day) > 0)
		return register_refuse(f, "register_span", "until_day", c->until_day);
	return 0;
}

int
contact_add(struct db *db, struct contact_row *c, int64_t now_ms, struct register_fault *f)
{
	struct buf fold = BUF_INIT_MAX(4096);
	TRY(check(c, f));
	db_fold(c->name, &fold);
	int error = db_number(db, &c->id, Q_CONTACT_ADD, "ssssssisssi", c->organisation, c->name, buf_str(&fold), c->role,
	    c->phone, c->email, c->rank, c->from_day, c->until_day, c->confirmed_day, now_ms);
	buf_release(&fold);
	return error;
}

int
contact_change(struct db *db, const struct contact_row *c, int64_t now_ms, struct register_fault *f)
{
	struct buf fold = BUF_INIT_MAX(4096);
	TRY(check(c, f));
	db_fold(c->name, &fold);
	int error = db_run(db, Q_CONTACT_SET, "siisssssisssi", c->organisation, c->id, c->version, c->name, buf_str(&fold),
	    c->role, c->phone, c->email, c->rank, c->from_day, c->until_day, c->confirmed_day, now_ms);
	buf_release(&fold);
	if (!error && !db_changed(db))
		error = E_CONFLICT;
	return error;
}
