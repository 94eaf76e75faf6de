/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/pattern.h"

#include <assert.h>

#define CAPTURES 12

enum shape { SHAPE_TEXT, SHAPE_WORD, SHAPE_DIGITS };

static const struct capture {
	char code;
	enum shape shape;
	struct str native;
	uint32_t core; /* 0: none */
} capture_row[] = {
	{'U', SHAPE_TEXT, STR_INIT("user"), F_USER_NAME},
	{'T', SHAPE_TEXT, STR_INIT("target_user"), F_USER_TARGET_NAME},
	{'J', SHAPE_TEXT, STR_INIT(""), 0},
	{'I', SHAPE_WORD, STR_INIT("src_ip"), 0},
	{'P', SHAPE_DIGITS, STR_INIT("src_port"), F_SOURCE_PORT},
	{'D', SHAPE_WORD, STR_INIT("dst_ip"), 0},
	{'d', SHAPE_DIGITS, STR_INIT("dst_port"), F_DESTINATION_PORT},
	{'O', SHAPE_WORD, STR_INIT("protocol"), 0},
	{'H', SHAPE_WORD, STR_INIT("src_host"), F_SOURCE_DOMAIN},
	{'C', SHAPE_TEXT, STR_INIT("command"), F_PROCESS_COMMAND},
	{'u', SHAPE_WORD, STR_INIT("uid"), F_USER_ID},
	{'Y', SHAPE_WORD, STR_INIT("tty"), 0},
	{'M', SHAPE_WORD, STR_INIT("method"), 0},
	{'N', SHAPE_DIGITS, STR_INIT("count"), 0},
	{'A', SHAPE_WORD, STR_INIT("operation"), 0},
	{'B', SHAPE_TEXT, STR_INIT("by_user"), 0},
	{'G', SHAPE_TEXT, STR_INIT("group"), 0},
	{'R', SHAPE_TEXT, STR_INIT("reason"), 0},
	{'S', SHAPE_TEXT, STR_INIT("unit"), 0},
	{'V', SHAPE_WORD, STR_INIT("via"), 0},
	{'Q', SHAPE_WORD, STR_INIT("query"), F_DNS_QUESTION},
	{'K', SHAPE_WORD, STR_INIT("record_type"), F_DNS_TYPE},
	{'@', SHAPE_TEXT, STR_INIT(""), 0},
	{'_', SHAPE_TEXT, STR_INIT(""), 0},
};

struct taken {
	const struct capture *capture;
	struct str value;
};

static const struct capture *
capture_find(char code)
{
	for (size_t i = 0; i < COUNT(capture_row); i++)
		if (capture_row[i].code == code)
			return &capture_row[i];
	assert(!"a pattern names a capture that does not exist");
	return NULL;
}

/* Literal bytes at the front of a pattern, up to the next capture. */
static struct str
literal_of(const char *form)
{
	const char *end = strchrnul(form, '%');
	return str_from(form, (size_t)(end - form));
}

static ptrdiff_t
find_last(struct str text, struct str needle)
{
	while (needle.n && text.n >= needle.n) {
		ptrdiff_t hit = text_find_last(text, needle.p[needle.n - 1]);
		text.n = (size_t)(hit + 1);
		if (str_ends(text, needle))
			return (ptrdiff_t)(text.n - needle.n);
		text.n -= hit >= 0;
	}
	return -1;
}

static bool
has_shape(struct str value, enum shape shape)
{
	if (shape == SHAPE_DIGITS)
		return text_is_number(value);
	return shape == SHAPE_TEXT || (value.n && str_find_char(value, ' ') < 0);
}

/* How much of text the capture takes, or -1. */
static ptrdiff_t
capture_length(const struct capture *capture, bool greedy, struct str literal, struct str text)
{
	if (!literal.n) {
		ptrdiff_t blank = capture->shape == SHAPE_TEXT ? -1 : str_find_char(text, ' ');
		return blank < 0 ? (ptrdiff_t)text.n : blank;
	}
	return greedy ? find_last(text, literal) : str_find(text, literal);
}

/* Number of captures, or -1 when the text is another sentence. */
static int
match(const char *form, struct str text, struct taken *taken)
{
	int count = 0;
	struct str literal = literal_of(form);
	if (!text_take(&text, literal))
		return -1;
	form += literal.n;
	while (*form) {
		bool greedy = *++form == '*';
		const struct capture *capture = capture_find(*(form += greedy));
		literal = literal_of(++form);
		ptrdiff_t length = capture_length(capture, greedy, literal, text);
		if (length < 0 || !has_shape(str_cut(text, 0, (size_t)length), capture->shape))
			return -1;
		assert(count < CAPTURES);
		taken[count++] = (struct taken){capture, str_cut(text, 0, (size_t)length)};
		text = str_skip(text, (size_t)length + literal.n);
		form += literal.n;
	}
	return count;
}

static void
add_address(struct decode_context *c, struct event *e, struct str address)
{
	text_add(c, e, STR("src_ip"), address);
	text_add_address(e, address, F_SOURCE_IP, F_SOURCE_DOMAIN);
}

static void
add_taken(struct decode_context *c, struct event *e, const struct taken *t)
{
	if (t->capture->code == 'I') {
		add_address(c, e, t->value);
	} else if (t->capture->code == 'D') {
		text_add(c, e, t->capture->native, t->value);
		text_add_address(e, t->value, F_DESTINATION_IP, F_DESTINATION_DOMAIN);
	} else if (t->capture->code == 'O') {
		text_add(c, e, t->capture->native, t->value);
		event_put_core(e, F_NETWORK_TRANSPORT, text_lower(c->arena, t->value));
	} else if (t->capture->code == '@') {
		pattern_pairs(c, t->value, e);
	} else if (t->capture->code == 'J') {
		ptrdiff_t blank = text_find_last(t->value, ' ');
		struct str user = str_cut(t->value, 0, blank < 0 ? 0 : (size_t)blank);
		text_add(c, e, STR("user"), user);
		event_put_core(e, F_USER_NAME, user);
		add_address(c, e, str_skip(t->value, (size_t)(blank + 1)));
	} else if (t->capture->native.n) {
		text_add(c, e, t->capture->native, t->value);
		if (t->capture->core)
			event_put_core(e, t->capture->core, t->value);
	}
}

void
pattern_outcome(struct event *e, struct str action, enum outcome outcome)
{
	event_put_core(e, F_EVENT_ACTION, action);
	if (outcome != OUTCOME_NONE)
		event_put_core(e, F_EVENT_OUTCOME, outcome == OUTCOME_SUCCESS ? STR("success") : STR("failure"));
}

bool
pattern_decode(struct decode_context *c, const struct pattern *table, size_t count, struct str text, struct event *e)
{
	struct taken taken[CAPTURES];
	for (size_t i = 0; i < count; i++) {
		char first = table[i].form[0];
		if (first != '%' && (!text.n || first != text.p[0]))
			continue;
		int n = match(table[i].form, text, taken);
		if (n < 0)
			continue;
		for (int k = 0; k < n; k++)
			add_taken(c, e, &taken[k]);
		pattern_outcome(e, table[i].action, table[i].outcome);
		return true;
	}
	return false;
}

/* key=value at the front; false when the first word is no pair. */
static bool
take_pair(struct str *rest, struct str *ret_key, struct str *ret_value)
{
	struct str word = text_take_word(rest);
	ptrdiff_t equals = str_find_char(word, '=');
	if (equals <= 0)
		return false;
	*ret_key = str_cut(word, 0, (size_t)equals);
	*ret_value = str_skip(word, (size_t)equals + 1);
	if (!ret_value->n || ret_value->p[0] != '"')
		return true;
	struct str quoted = str_from(ret_value->p + 1, (size_t)(rest->p + rest->n - ret_value->p) - 1);
	ptrdiff_t close = str_find_char(quoted, '"');
	if (close >= 0) {
		*ret_value = str_cut(quoted, 0, (size_t)close);
		*rest = text_skip_blanks(str_skip(quoted, (size_t)close + 1));
	}
	return true;
}

void
pattern_pairs(struct decode_context *c, struct str text, struct event *e)
{
	struct str key, value;
	text = text_skip_blanks(text);
	while (text.n) {
		if (!take_pair(&text, &key, &value))
			continue;
		text_add(c, e, key, value);
		if (str_eq(key, STR("user")))
			event_put_core(e, F_USER_NAME, value);
		else if (str_eq(key, STR("rhost")))
			text_add_address(e, value, F_SOURCE_IP, F_SOURCE_DOMAIN);
	}
}
