/* SPDX-License-Identifier: EUPL-1.2 */
#include "sigma_make.h"

#include "base/json.h"
#include "random.h"
#include "tap.h"

const char make_map[] =
    "sources:\n- {product: p, when: {product: p}}\n"
    "- {product: p, category: c, when: {channel: x, EventID: [1, 2]}, rename: {A: [B, C]}}\n"
    "- {product: p, category: c, when: {channel: y, D: ab}}\n"
    "- {category: d, when: {channel: [x, y]}, rename: {B: A, D: [D, E]}}\n"
    "- {product: p, service: v, when: {EventID: 3}}\n"
    "- {product: windows, when: {product: windows}}\n"
    "- {product: windows, category: c, when: {channel: x, EventID: [1, 2]}, rename: {A: [B, C], F: A}}\n"
    "- {product: windows, category: c, when: {channel: y, EventID: 3, D: [ab, '1']}}\n"
    "- {product: windows, service: v, when: {channel: y}, rename: {A: [A, B, C, D]}}\n";

static const char *
one_of(const char *const *list, size_t count)
{
	return list[pick((uint32_t)count)];
}

#define ONE_OF(...) one_of((const char *const[]){__VA_ARGS__}, COUNT(((const char *const[]){__VA_ARGS__})))

void
make_lists(struct rules *r)
{
	static const struct str few[] = {STR_INIT("a"), STR_INIT("b*1"), STR_INIT("\xc4\x90")}, none[] = {STR_INIT("")};
	rules_add_placeholder(r, STR("few"), few, COUNT(few));
	rules_add_placeholder(r, STR("nets"), (const struct str[]){STR_INIT("10.1.0.0/16"), STR_INIT("fe80::/10")}, 2);
	rules_add_placeholder(r, STR("empty"), none, COUNT(none));
}

/* ---- values ---- */

static void
add_letters(struct buf *b, uint32_t most)
{
	for (uint32_t n = pick(most + 1); n > 0; n--)
		buf_add(b, str_z(ONE_OF("a", "b", "A", "1", "-", " ", "\xc4\x91", "\xc4\x90")));
}

/* Values that some modifier is about. Valid UTF-8. */
static const char *
odd_value(void)
{
	return ONE_OF("5", "0x5", "05", "5.0", "50e-1", "-3", "+5", " 5 ", "1e400", "5e0", ".5e1", "0x", "5a", "4688", "true", "null",
	    "10.1.2.3", "10.1.200.3", "10.2.0.0", "::ffff:10.1.2.3", "fe80::1", "FE80:0:0:0:0:0:0:2", "fec0::1", "10.1.2", "10.1.2.3 ",
	    "2026-11-22T23:05:09Z", "2026-01-01 00:00:00", "2027-01-01T05:59:60+07:00", "2026-13-01", "2026/11/22 23:05:09", "2026-11-22", "1763852709", "1763852709123456", "YWI=", "YQBiAA==", "IGFi",
	    "ab -a /b", "/a", "\xe2\x80\x93" "a", "\xe2\x80\x94" "b", "a/b", "a*b", "a?b", "a\\b", "\\\\a", "*", "\\", "%few%",
	    "\xe2\x84\xaa", "\xc5\xbf", "\xe1\xba\x9e", "\xc8\xba" "b", "\xe2\xb1\xa5" "b", "\xf0\x90\x90\x80" "a", "\xef\xbf\xbd");
}

/* As long as a step of sixteen, thirty-two or sixty-four bytes, give or take one: a word at its front, its end or within. */
static void
add_edge(struct buf *b)
{
	static const uint16_t step[] = {8, 16, 32, 36, 64, 68, 128, 1024};
	uint32_t n = step[pick(pick(8) ? COUNT(step) - 1 : COUNT(step))] + pick(3) - 1;
	const char *word = ONE_OF("ab1", "ba-a", "aab", "\xc4\x91" "a", "a*b1");
	uint32_t length = (uint32_t)strlen(word), at = pick(3) ? (pick(2) ? n - length : 0) : pick(n - length);
	for (uint32_t i = 0; i < n; i++)
		buf_add_char(b, i >= at && i < at + length ? word[i - at] : "x. "[pick(3)]);
}

void
make_value(struct buf *b)
{
	switch (pick(8)) {
	case 0:
		buf_add(b, str_z(odd_value()));
		return;
	case 1:
		add_edge(b);
		return;
	case 2:
		add_letters(b, 3);
		buf_add(b, str_z(ONE_OF("\xff", "\xc4", "\xe1\xbb", "\xc0\xaf", "\xed\xa0\x80", "\x01", "\x7f", "\n", "\"", "\\")));
		add_letters(b, 3);
		return;
	default:
		add_letters(b, 7);
	}
}

void
make_pattern(struct buf *b, uint32_t most)
{
	if (pick(6) == 0) {
		buf_add(b, str_z(odd_value()));
		return;
	}
	for (uint32_t n = pick(most + 1); n > 0; n--)
		if (pick(6) == 0)
			buf_add(b, str_z(ONE_OF("*", "?", "\\*", "\\?", "\\\\", "\\\\*", "\\", "**", "*?")));
		else
			add_letters(b, 1);
}

/* ---- rules ---- */

static char
a_field(void)
{
	return "ABCDEF"[pick(4) ? pick(4) : pick(6)];
}

static void
add_patterns(struct buf *b, uint32_t most)
{
	buf_add(b, STR("['"));
	make_pattern(b, most);
	for (uint32_t n = pick(3); n > 0; n--) {
		buf_add(b, STR("', '"));
		make_pattern(b, most - 1);
	}
	buf_add(b, STR("']"));
}

/* Texts without wildcards, for what takes no others. */
static void
add_words(struct buf *b)
{
	buf_add(b, STR("['a"));
	add_letters(b, 3);
	buf_add(b, str_z(ONE_OF("", "', 'b1", "', ' -a', '/b")));
	buf_add(b, STR("']"));
}

static const char *
an_expression(void)
{
	return ONE_OF("ab+", "(a|1).*b", "^a", "b$", "^$", "a.b", "^[^a]+$", "(?i)AB", "a\\sb", "\\bab", "x{15,}ab", "\xc4\x91.", "\\d+", "[[:alpha:]]b", "[\\w-]b", "(a[b)]|x)1", "\\(a", "((a|-)b)+1",
	    "a\\Qb", "\\x61b", "(ab)?1", "a{2}", "-a|-b", "ba-a.?$", "a.{1,70}b", "b.*a.*1.*a", "ab1", "..+a", "(?s)a.b", "(?-i)A", "a\\*b");
}

/* One item of a mapping, without the braces around it. */
static void
add_item(struct buf *b)
{
	char field = a_field();
	switch (pick(20)) {
	case 0:
		buf_addf(b, "%c%s: %s", field, ONE_OF("", "", "|neq", "|all"), ONE_OF("null", "[null, a]", "[null, '']", "''", "'*'", "'?'"));
		return;
	case 1:
		buf_addf(b, "%c|exists: %s", field, ONE_OF("true", "false"));
		return;
	case 2:
	case 3:
		buf_addf(b, "%c|re%s: ['%s'", field, ONE_OF("", "", "|i", "|m", "|s", "|i|m|s", "|all", "|neq"), an_expression());
		for (uint32_t n = pick(4) ? pick(3) : pick(9); n > 0; n--)
			buf_addf(b, ", '%s'", an_expression());
		buf_add(b, STR("]"));
		return;
	case 4:
	case 5:
		buf_addf(b, "%c|fieldref%s%s: %c", field, ONE_OF("", "", "|contains", "|startswith", "|endswith", "|contains|cased"), ONE_OF("", "", "|neq"),
		    a_field());
		return;
	case 6:
		buf_addf(b, "%c|%s: %s", field, ONE_OF("lt", "lte", "gt", "gte", "gte|neq"), ONE_OF("5", "-3", "0x5", "4.5", "[1, 50]", "4688"));
		return;
	case 7:
		buf_addf(b, "%c|%s: %s", field, ONE_OF("minute", "hour", "day", "week", "month", "year|gte", "hour|lt"), ONE_OF("5", "1", "22", "23", "[53, 11]", "2026"));
		return;
	case 8:
		buf_addf(b, "%c|cidr%s: %s", field, ONE_OF("", "", "|neq"), ONE_OF("10.1.0.0/16", "['10.1.2.3', 'fe80::/10']", "0.0.0.0/0", "'::/0'",
		    "10.1.200.0/21", "'fe80::1/127'", "'::ffff:10.1.0.0/112'"));
		return;
	case 9:
		buf_addf(b, "%c|%s: ", field, ONE_OF("windash|contains", "windash", "contains|windash|all", "windash|endswith", "windash|startswith|cased"));
		add_words(b);
		return;
	case 10:
		buf_addf(b, "%c|%s: ", field, ONE_OF("base64", "base64|contains", "base64offset|contains", "utf16le|base64offset|contains", "wide|base64",
		    "utf16be|base64", "utf16|base64|startswith", "base64offset|contains|all"));
		add_words(b);
		return;
	case 11:
		buf_addf(b, "%c|%s", field, ONE_OF("expand: '%few%'", "expand: 'b%few%*'", "expand|contains: ['%few%', '%few%%few%']", "cidr|expand: '%nets%'",
		    "expand|all: ['%few%', '*1']", "contains|expand: '%few%'", "expand: '%empty%'"));
		return;
	default:
		buf_addf(b, "%c%s: ", field, ONE_OF("", "", "|contains", "|contains", "|startswith", "|endswith", "|contains|all", "|cased", "|contains|cased",
		    "|neq", "|startswith|neq", "|endswith|cased", "|all", "|startswith|cased", "|contains|all|neq"));
		add_patterns(b, 4);
	}
}

static void
add_keywords(struct buf *b)
{
	uint32_t kind = pick(5);
	if (kind > 1) {
		buf_add(b, STR("['"));
		make_pattern(b, 3);
		buf_addf(b, "%s', 'b", ONE_OF("a", "ab1", "ba-a", "-a", "\xc4\x90"));
		make_pattern(b, 2);
		buf_add(b, STR("']"));
		return;
	}
	buf_addf(b, "{'|%s': ", kind ? ONE_OF("all", "cased", "windash", "base64offset", "all|cased") : "re");
	if (kind)
		add_words(b);
	else
		buf_addf(b, "'%s'", an_expression());
	buf_add_char(b, '}');
}

static void
add_code(struct buf *b)
{
	buf_addf(b, "%s: %s", ONE_OF("EventID", "EventID|contains", "Channel", "EventID|startswith", "Channel|endswith", "EventID|gte", "EventID|cased"),
	    ONE_OF("1", "3", "[2, 3]", "13"));
}

static void
add_selection(struct buf *b, enum world world)
{
	if (pick(world == WORLD_TEXT ? 2 : 10) == 0) {
		add_keywords(b);
		return;
	}
	bool list = pick(6) == 0;
	buf_add(b, list ? STR("[{") : STR("{"));
	if (world == WORLD_WINDOWS && pick(3) == 0)
		add_code(b);
	else
		add_item(b);
	if (list)
		buf_add(b, STR("}, {"));
	else if (pick(3) == 0)
		buf_addf(b, ", %c%c|contains: a", "EF"[pick(2)], 'G'); /* never the field of another item */
	if (list)
		add_item(b);
	buf_add(b, list ? STR("}]") : STR("}"));
}

void
make_rule(struct buf *b, enum world world, uint32_t number)
{
	const char *source = world == WORLD_WINDOWS
	    ? ONE_OF("product: windows", "product: windows, category: c", "category: d", "product: windows, service: v")
	    : ONE_OF("product: p", "product: p, category: c", "category: d", "product: p, service: v");
	buf_addf(b, "title: t\nid: r%u\nlogsource: {%s}\ndetection:\n", number, source);
	for (int i = 1; i <= 3; i++) {
		buf_addf(b, "  s%d: ", i);
		add_selection(b, world);
		buf_add_char(b, '\n');
	}
	buf_addf(b, "  condition: %s\n", ONE_OF("s1 and s2 and s3", "1 of s*", "s1 or (s2 and not s3)", "not s1 and not s2", "s3",
	    "not (s1 or s2) or s3", "(s1 or s2) and (s2 or s3)", "all of s* or not s3", "not 1 of s*", "s1 and not all of them"));
}

/* ---- events ---- */

static const struct str field_names[] = {STR_INIT("A"), STR_INIT("B"), STR_INIT("C"), STR_INIT("D"), STR_INIT("E"), STR_INIT("F"), STR_INIT("EG"),
	STR_INIT("FG")};

static struct str
name_of_field(void)
{
	return field_names[pick(3) ? pick(4) : pick(COUNT(field_names))];
}

/* As JSON of any kind; strings with their letters escaped at times. Bytes that are no UTF-8 stay: lines have them. */
static void
add_json(struct buf *b, uint32_t depth)
{
	struct buf value = BUF_INIT;
	switch (pick(12)) {
	case 0:
		buf_add(b, str_z(ONE_OF("5", "-3", "4.5e0", "4688", "50e-1", "true", "false", "null", "null", "\"\"")));
		break;
	case 1:
		buf_addf(b, "[%s]", ONE_OF("", "\"a\", \"b1\"", "null, \"ab\"", "5, [\"a\"]", "{\"A\": \"ab\"}"));
		break;
	case 2:
		buf_add(b, depth ? STR("{\"A\": ") : STR("\"a\\u0062\\u00311\\/\\\\\""));
		if (depth)
			add_json(b, depth - 1);
		buf_add(b, depth ? STR("}") : STR(""));
		break;
	case 3:
		buf_addf(b, "\"%s\"", ONE_OF("\\u0061b1", "\\u0041\\u0110", "\\ud800a", "a\\u0000b", "\\u212a\\u017f", "\\n\\tab", "ab\\u002da", "\\uD801\\uDC00" "a"));
		break;
	default:
		make_value(&value);
		buf_add_json_string(b, buf_str(&value));
	}
	buf_release(&value);
}

/* A line of JSON through its decoder; its first event. */
static bool
decode_line(enum world world, struct decoder *d, struct arena *arena, struct event *ret)
{
	struct buf line = BUF_INIT;
	struct decode_result got = {0};
	struct raw *raw = ARENA_NEW(arena, struct raw);
	if (world == WORLD_WINDOWS)
		buf_addf(&line, "{\"Channel\": \"%s\", \"EventID\": %s", ONE_OF("x", "Y", "x", "z"), ONE_OF("1", "2", "3", "\"3\"", "4", "13"));
	else
		buf_addf(&line, "{\"product\": \"%s\", \"category\": \"%s\", \"service\": \"%s\"", ONE_OF("p", "P", "q"), ONE_OF("", "c", "d"), ONE_OF("", "v"));
	for (uint32_t n = pick(9); n > 0; n--) {
		struct str name = name_of_field();
		buf_addf(&line, ", \"%.*s\": ", STR_ARG(name));
		add_json(&line, 2);
	}
	buf_add_char(&line, '}');
	*raw = (struct raw){.form = RAW_LINE};
	CHECK(arena_copy(arena, buf_str(&line), &raw->bytes));
	buf_release(&line);
	CHECK_INT(decode(d, raw, arena, &got), 0);
	if (got.count)
		*ret = got.event[0];
	return got.count > 0;
}

static void
put_values(struct event *e, struct arena *arena, const struct names *names, struct buf *all)
{
	for (uint32_t n = pick(20) ? pick(9) : 60; n > 0; n--) {
		struct buf word = BUF_INIT;
		struct str value = STR("");
		enum field_kind kind = pick(8) ? FIELD_TEXT : (enum field_kind)pick(4);
		if (kind != FIELD_NULL)
			make_value(&word);
		CHECK(arena_copy(arena, buf_str(&word), &value));
		event_put(e, names, name_of_field(), value, kind, false);
		buf_add(all, buf_str(&word));
		buf_release(&word);
	}
}

/* As no decoder would: any key, any value. Where the form is binary the values stand in one piece; or there is a line of text
 * around them, or beside them. */
static void
put_event(enum world world, struct event *e, struct arena *arena, const struct names *names)
{
	struct buf all = BUF_INIT;
	bool windows = world == WORLD_WINDOWS;
	event_begin(e, arena, NULL);
	e->product = str_z(windows ? ONE_OF("windows", "Windows", "") : ONE_OF("p", "P", "", "q"));
	e->channel = str_z(ONE_OF("x", "Y", "", "X"));
	e->code = str_z(ONE_OF("1", "2", "3", "4", ""));
	e->category = str_z(ONE_OF("", "", "c", "d"));
	e->service = str_z(ONE_OF("", "", "v"));
	if (windows && e->code.n)
		event_put(e, names, STR("EventID"), e->code, FIELD_NUMBER, false);
	if (windows && e->channel.n)
		event_put(e, names, STR("Channel"), e->channel, FIELD_TEXT, false);
	put_values(e, arena, names, &all);
	if (pick(2)) {
		e->decoder = DECODER_SYSLOG;
		for (uint32_t n = pick(4); n > 0; n--)
			make_value(&all);
		CHECK(arena_copy(arena, buf_str(&all), &e->text));
	} else {
		e->decoder = DECODER_EVTX;
		if (pick(2)) {
			for (uint32_t i = 0; i < e->field_count; i++) /* also the key's */
				buf_add(&all, e->field[i].value);
			CHECK(arena_copy(arena, buf_str(&all), &e->values));
		}
	}
	buf_release(&all);
}

void
make_event(enum world world, struct decoder *d, const struct names *names, struct arena *arena, struct event *ret)
{
	if (pick(3) == 0 && decode_line(world, d, arena, ret))
		return;
	put_event(world, ret, arena, names);
}
