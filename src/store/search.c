/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/search.h"

#include "store/text.h"

#define SEARCH_MAX_QUERY 4096u

bool
term_names(const struct term *t, struct str name)
{
	if (str_eq(t->name, STR("ip")) &&
	    (str_eq_nocase(name, STR("source.ip")) || str_eq_nocase(name, STR("destination.ip")) ||
	        str_eq_nocase(name, STR("host.ip"))))
		return true;
	return str_eq_nocase(t->name, name);
}

bool
term_fits(const struct term *t, struct str value)
{
	switch (t->kind) {
	case TERM_EQUALS:
		return str_eq_nocase(value, t->value);
	case TERM_PREFIX:
		return str_starts_nocase(value, t->value);
	case TERM_SUFFIX:
		return value.n >= t->value.n && str_eq_nocase(str_skip(value, value.n - t->value.n), t->value);
	case TERM_CONTAINS:
		return text_find(value, 0, t->value) >= 0;
	case TERM_EXISTS:
		return true;
	case TERM_TEXT:
		break;
	}
	return false;
}

static bool
term_holds(const struct term *t, const struct search_view *v)
{
	if (t->kind == TERM_TEXT)
		return text_find_word(v->text, 0, t->value) >= 0;
	for (uint32_t i = 0; i < v->field_count; i++)
		if (term_names(t, v->field[i].name) && term_fits(t, v->field[i].value))
			return true;
	return false;
}

bool
search_matches(const struct search *s, const struct search_view *v)
{
	if (v->time_ms < s->from_ms || v->time_ms >= s->to_ms)
		return false;
	for (uint32_t i = 0; i < s->term_count; i++)
		if (term_holds(&s->term[i], v) == s->term[i].negated)
			return false;
	return true;
}

struct query {
	struct str text;
	size_t at;
	struct arena *arena;
	struct fault *fault;
};

static int
query_fault(const struct query *q, int code, const char *what, size_t at)
{
	return fault_set(q->fault, code, what, str_cut(q->text, at, at + 40), 0, (uint32_t)at + 1);
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_name_char(char c)
{
	char lower = ascii_lower(c);
	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '@' || c == '-';
}

/* "quoted", with \" for a quote inside; other backslashes stand for themselves (Windows paths). */
static int
take_quoted(struct query *q, struct str *ret)
{
	size_t start = q->at++;
	char *plain = arena_alloc(q->arena, q->text.n - start);
	if (!plain)
		return query_fault(q, E_LIMIT, "search.too_long", start);
	size_t n = 0;
	for (; q->at < q->text.n && q->text.p[q->at] != '"'; q->at++) {
		if (q->text.p[q->at] == '\\' && q->at + 1 < q->text.n && q->text.p[q->at + 1] == '"')
			q->at++;
		plain[n++] = q->text.p[q->at];
	}
	if (q->at >= q->text.n)
		return query_fault(q, E_INVALID, "search.unclosed", start);
	q->at++;
	if (!n)
		return query_fault(q, E_INVALID, "search.empty", start);
	*ret = str_from(plain, n);
	return 0;
}

static int
take_word(struct query *q, struct str *ret)
{
	size_t start = q->at;
	while (q->at < q->text.n && !is_blank(q->text.p[q->at]))
		q->at++;
	if (!arena_copy(q->arena, str_cut(q->text, start, q->at), ret))
		return query_fault(q, E_LIMIT, "search.too_long", start);
	return 0;
}

/* Length of the name in front of ':' or '=', or 0 when what stands there is text: 10:30:45, https://..., C:\..., ::1 */
static size_t
name_length(const struct query *q)
{
	struct str rest = str_skip(q->text, q->at);
	size_t n = 0;
	while (n < rest.n && is_name_char(rest.p[n]))
		n++;
	if (!n || n >= rest.n || (rest.p[n] != ':' && rest.p[n] != '=') || (rest.p[0] >= '0' && rest.p[0] <= '9'))
		return 0;
	struct str value = str_skip(rest, n + 1);
	bool url = str_starts(value, STR("//"));
	bool drive = n == 1 && (str_starts(value, STR("\\")) || str_starts(value, STR("/")));
	return url || drive || str_starts(value, STR(":")) ? 0 : n;
}

static struct str
long_name(struct str name)
{
	static const struct {
		struct str brief, whole;
	} table[] = {
		{STR_INIT("host"), STR_INIT("host.name")},
		{STR_INIT("user"), STR_INIT("user.name")},
		{STR_INIT("level"), STR_INIT("khien.level")},
		{STR_INIT("ip"), STR_INIT("ip")},
	};
	for (size_t i = 0; i < COUNT(table); i++)
		if (str_eq_nocase(name, table[i].brief))
			return table[i].whole;
	return name;
}

static void
set_wildcards(struct term *t, struct str value)
{
	bool open = str_starts(value, STR("*"));
	value = str_skip(value, open ? 1 : 0);
	bool close = str_ends(value, STR("*"));
	value = str_cut(value, 0, value.n - close);
	t->value = value;
	t->kind = open && close ? TERM_CONTAINS : open ? TERM_SUFFIX : close ? TERM_PREFIX : TERM_EQUALS;
	if (!value.n)
		t->kind = TERM_EXISTS;
}

static int
take_test(struct query *q, size_t name_n, struct term *t)
{
	size_t start = q->at;
	if (!arena_copy(q->arena, long_name(str_cut(q->text, start, start + name_n)), &t->name))
		return query_fault(q, E_LIMIT, "search.too_long", start);
	q->at += name_n + 1;
	if (q->at < q->text.n && q->text.p[q->at] == '"') {
		t->kind = TERM_EQUALS;
		return take_quoted(q, &t->value);
	}
	struct str value = {0};
	TRY(take_word(q, &value));
	if (!value.n)
		return query_fault(q, E_INVALID, "search.empty", start);
	set_wildcards(t, value);
	return 0;
}

static int
take_term(struct query *q, struct term *t)
{
	*t = (struct term){.kind = TERM_TEXT};
	if (q->text.p[q->at] == '-' && q->at + 1 < q->text.n && !is_blank(q->text.p[q->at + 1])) {
		t->negated = true;
		q->at++;
	}
	if (q->text.p[q->at] == '"')
		return take_quoted(q, &t->value);
	size_t name_n = name_length(q);
	return name_n ? take_test(q, name_n, t) : take_word(q, &t->value);
}

int
search_parse(struct str query, struct arena *arena, struct search *ret, struct fault *f)
{
	struct query q = {query, 0, arena, f};
	struct search s = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};
	if (query.n > SEARCH_MAX_QUERY)
		return query_fault(&q, E_LIMIT, "search.too_long", 0);
	for (;;) {
		while (q.at < query.n && is_blank(query.p[q.at]))
			q.at++;
		if (q.at >= query.n)
			break;
		if (s.term_count == SEARCH_MAX_TERMS)
			return query_fault(&q, E_LIMIT, "search.too_many", q.at);
		TRY(take_term(&q, &s.term[s.term_count]));
		s.term_count++;
	}
	*ret = s;
	return 0;
}
