/* SPDX-License-Identifier: EUPL-1.2 */
/* A step at a time through JSON of any size: containers are walked, only their elements are parsed. */
#include "share/feed_internal.h"

#define ELEMENT_BYTES (32u << 20) /* one object at most */

static void
skip_space(struct feed *f)
{
	while (f->at < f->text.n && memchr(" \t\r\n", f->text.p[f->at], 4))
		f->at++;
}

static char
front(struct feed *f)
{
	skip_space(f);
	return f->at < f->text.n ? f->text.p[f->at] : '\0';
}

static int
broken(struct feed *f)
{
	if (f->events->refused)
		feed_refuse(f, f->at, "feed_json", str_cut(f->text, f->at, f->at + 20));
	return E_INVALID;
}

int
feed_open(struct feed *f, char bracket)
{
	if (front(f) != bracket)
		return 0;
	f->at++;
	return 1;
}

/* Over a comma, or over the bracket that ends. */
static int
next_member(struct feed *f, bool *first, char end)
{
	char c = front(f);
	if (c == end) {
		f->at++;
		return 0;
	}
	if (!*first) {
		if (c != ',')
			return broken(f);
		f->at++;
		(void)front(f);
	}
	*first = false;
	return 1;
}

/* Over a string; f->at stands on its quote. */
static int
skip_string(struct feed *f)
{
	for (f->at++; f->at < f->text.n; f->at++) {
		if (f->text.p[f->at] == '"') {
			f->at++;
			return 1;
		}
		f->at += f->text.p[f->at] == '\\';
	}
	f->at = f->text.n;
	return broken(f);
}

int
feed_key(struct feed *f, bool *first, struct str *ret)
{
	int more = next_member(f, first, '}');
	if (more != 1)
		return more;
	if (front(f) != '"')
		return broken(f);
	size_t begin = f->at + 1;
	TRY(skip_string(f));
	*ret = str_cut(f->text, begin, f->at - 1);
	if (front(f) != ':')
		return broken(f);
	f->at++;
	return 1;
}

int
feed_element(struct feed *f, bool *first)
{
	return next_member(f, first, ']');
}

/* Brackets are counted, not matched: what is passed over is not trusted anyway. */
int
feed_skip(struct feed *f)
{
	size_t depth = 0;
	do {
		char c = front(f);
		if (c == '"') {
			TRY(skip_string(f));
		} else if (c == '{' || c == '[') {
			depth++;
			f->at++;
		} else if (c == '}' || c == ']') {
			if (!depth)
				return broken(f);
			depth--;
			f->at++;
		} else if (c == '\0') {
			return broken(f);
		} else if (depth && (c == ',' || c == ':')) {
			f->at++;
		} else {
			size_t begin = f->at;
			while (f->at < f->text.n && !memchr(",:{}[]\" \t\r\n", f->text.p[f->at], 11))
				f->at++;
			if (f->at == begin)
				return broken(f);
		}
	} while (depth);
	return 1;
}

int
feed_value(struct feed *f, size_t *ret_at)
{
	size_t used;
	struct fault fault = {0};
	(void)front(f);
	*ret_at = f->at;
	feed_mark(f);
	arena_clear(&f->arena);
	int error = json_parse_prefix(&f->json, str_cut(f->text, f->at, f->at + ELEMENT_BYTES), &used, &fault);
	if (error == E_LIMIT) { /* one object that is too much is passed over, the rest is read */
		feed_refuse(f, f->at, "feed_too_big", STR(""));
		f->json.count = 0;
		return feed_skip(f);
	}
	if (error)
		return broken(f);
	f->at += used;
	return 1;
}
