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
out_i64_or_null(struct buf *out, const char *name, int64_t value)
{
	if (value)
		out_i64(out, name, value);
	else
		out_raw(out, name, STR("null"));
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
out_named(struct buf *out, const char *name, struct str id, struct str its_name)
{
	out_name(out, name);
	if (!id.n) {
		buf_add(out, STR("null"));
		return;
	}
	buf_add_char(out, '{');
	out_text(out, "id", id);
	out_text(out, "name", its_name);
	buf_add_char(out, '}');
}

void
out_owners(struct buf *out, const struct organisation *organisation, const struct system *system)
{
	static const struct organisation nobody;
	const struct organisation *o = organisation ? organisation : &nobody;
	out_named(out, "organisation", o->id, o->name);
	out_name(out, "system");
	if (!system) {
		buf_add(out, STR("null"));
		return;
	}
	buf_add_char(out, '{');
	out_text(out, "id", system->id);
	out_text(out, "name", system->name);
	out_i64(out, "level", system->level);
	buf_add_char(out, '}');
}

/* First letters: "Nong Thi H." -> "N. T. H." */
static void
mask_name(struct str value, struct buf *out)
{
	struct str word;
	while (str_split(&value, ' ', &word)) {
		size_t n = word.n > 0;
		while (n && n < word.n && (word.p[n] & 0xc0) == 0x80)
			n++;
		if (n)
			buf_addf(out, "%s%.*s.", out->n ? " " : "", (int)n, word.p);
	}
}

/* The first two and the last three digits stay; a short one stays hidden. */
static void
mask_phone(struct str value, struct buf *out)
{
	size_t digits = 0, at = 0;
	for (size_t i = 0; i < value.n; i++)
		digits += value.p[i] >= '0' && value.p[i] <= '9';
	for (size_t i = 0; i < value.n; i++) {
		bool digit = value.p[i] >= '0' && value.p[i] <= '9';
		bool kept = !digit || (digits >= 8 && (at < 2 || at + 3 >= digits));
		at += digit;
		buf_add_char(out, kept ? value.p[i] : 'x');
	}
}

static void
mask_email(struct str value, struct buf *out)
{
	ptrdiff_t at = str_find_char(value, '@');
	if (value.n)
		buf_add(out, STR("***"));
	if (at > 0)
		buf_add(out, str_skip(value, (size_t)at));
}

static void
mask_value(struct str value, enum mask mask, struct buf *out)
{
	static void (*const masks[])(struct str value, struct buf *out) = {mask_name, mask_phone, mask_email};
	masks[mask](value, out);
}

void
out_masked(struct buf *out, const char *name, struct str value, enum mask mask, bool shown)
{
	struct buf masked = BUF_INIT_MAX(4096);
	if (!shown)
		mask_value(value, mask, &masked);
	out_text(out, name, shown ? value : buf_str(&masked));
	buf_release(&masked);
}

struct str
unmasked(struct str is, struct str was, enum mask mask)
{
	struct buf masked = BUF_INIT_MAX(4096);
	mask_value(was, mask, &masked);
	bool same = is.n && str_eq(is, buf_str(&masked));
	buf_release(&masked);
	return same ? was : is;
}

void
out_contact(struct buf *out, const struct contact *contact, bool shown)
{
	bool empty = !contact->name.n && !contact->phone.n && !contact->email.n;
	out_name(out, "contact");
	buf_add_char(out, '{');
	out_masked(out, "name", contact->name, MASK_NAME, shown);
	out_masked(out, "phone", contact->phone, MASK_PHONE, shown);
	out_masked(out, "email", contact->email, MASK_EMAIL, shown);
	out_bool(out, "masked", !shown && !empty);
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
