/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/lang.h"

#include <stdlib.h>

struct sentence {
	const char *key;
	const char *text[2]; /* by enum lang */
};

static const struct sentence sentences[] = {
#include "base/lang.inc"
};

enum lang
lang_from_tag(struct str tag)
{
	return str_starts_nocase(tag, STR("en")) ? LANG_EN : LANG_VI;
}

static int
by_key(const void *key, const void *row)
{
	return str_cmp(*(const struct str *)key, str_z(((const struct sentence *)row)->key));
}

enum lang
lang_of_user(void)
{
	const char *tag = getenv("LC_ALL");
	return lang_from_tag(str_z(tag && *tag ? tag : getenv("LANG")));
}

struct str
lang_text(enum lang lang, struct str key)
{
	const struct sentence *row = bsearch(&key, sentences, COUNT(sentences), sizeof sentences[0], by_key);
	return row ? str_z(row->text[lang]) : key;
}

void
lang_format(struct buf *out, enum lang lang, struct str key, const struct str *args, size_t nargs)
{
	struct str text = lang_text(lang, key);
	for (size_t i = 0; i < text.n; i++) {
		size_t which = i + 2 < text.n ? (size_t)(text.p[i + 1] - '0') : nargs;
		if (text.p[i] == '{' && which < nargs && text.p[i + 2] == '}') {
			buf_add(out, args[which]);
			i += 2;
		} else {
			buf_add_char(out, text.p[i]);
		}
	}
}

void
lang_fault(struct buf *out, enum lang lang, const struct fault *f)
{
	struct buf key = BUF_INIT_MAX(128);
	struct str arg = str_z(f->arg);
	if (f->file[0])
		buf_addf(out, "%s:", f->file);
	if (f->line)
		buf_addf(out, "%u:", f->line);
	if (f->column)
		buf_addf(out, "%u:", f->column);
	if (out->n && out->p[out->n - 1] == ':')
		buf_add_char(out, ' ');
	if (f->what)
		buf_addf(&key, "fault.%s", f->what);
	else
		buf_addf(&key, "error.%s", error_name(f->code));
	lang_format(out, lang, buf_str(&key), &arg, 1);
	buf_release(&key);
}
