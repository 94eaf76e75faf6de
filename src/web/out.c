/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/out.h"

#include "base/lang.h"

void
out_name(struct buf *out, const char *name)
{
	char last = out->n ? out->p[out->n - 1] : '{';
	if (last != '{' && last != '[')
		buf_add_char(out, ',');
	buf_add_char(out, '"');
	buf_add(out, str_z(name));
	buf_add(out, STR("\":"));
}

void
out_text(struct buf *out, const char *name, struct str value)
{
	out_name(out, name);
	buf_add_json_string(out, value);
}

void
out_text_or_null(struct buf *out, const char *name, struct str value)
{
	if (value.n)
		out_text(out, name, value);
	else
		out_raw(out, name, STR("null"));
}

void
out_i64(struct buf *out, const char *name, int64_t value)
{
	out_name(out, name);
	buf_add_i64(out, value);
}

void
out_bool(struct buf *out, const char *name, bool value)
{
	out_raw(out, name, value ? STR("true") : STR("false"));
}

void
out_raw(struct buf *out, const char *name, struct str json)
{
	out_name(out, name);
	buf_add(out, json);
}

void
out_contact(struct buf *out, const struct contact *contact)
{
	out_name(out, "contact");
	buf_add_char(out, '{');
	out_text(out, "name", contact->name);
	out_text(out, "phone", contact->phone);
	out_text(out, "email", contact->email);
	buf_add_char(out, '}');
}

void
out_list(struct buf *out, const char *name, const struct str *list, uint32_t count)
{
	out_name(out, name);
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(out, ',');
		buf_add_json_string(out, list[i]);
	}
	buf_add_char(out, ']');
}

void
out_problem(struct buf *out, struct str key)
{
	struct buf name = BUF_INIT_MAX(128);
	buf_addf(&name, "ui.problem.%.*s", STR_ARG(key));
	struct buf title = BUF_INIT_MAX(512);
	struct str some = STR("some");
	lang_format(&title, LANG_EN, buf_str(&name), &some, 1);
	out_text(out, "type", key);
	out_text(out, "title", str_eq(buf_str(&title), buf_str(&name)) ? key : buf_str(&title));
	buf_release(&title);
	buf_release(&name);
}
