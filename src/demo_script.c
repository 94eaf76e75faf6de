/* SPDX-License-Identifier: EUPL-1.2 */
#include "demo_script.h"

#include "base/memory.h"
#include "base/time.h"
#include "base/yaml.h"
#include "decode/raw.h"

#define FRAME_MAX (64u << 10)

struct host {
	struct str name, ip, group;
	enum demo_via via;
};

struct word {
	struct str name;
	const struct yaml *values; /* a list of scalars, or one scalar */
};

/* One stream of lines: an ordinary line on one host, or a step of an episode. */
struct stream {
	const struct host *host;
	const struct yaml *line;  /* a scalar, or a list of them */
	struct str program;
	uint32_t priority;
	int64_t every_ms;
	int64_t left;             /* lines to come; -1 without end, at random moments */
	uint32_t sent;
	int64_t next_ms;
	uint32_t words_from, words_count; /* of the episode: in script.word, already settled to one value */
};

struct demo_script {
	struct arena arena;
	struct host *host;
	uint32_t hosts;
	struct word *word;
	uint32_t words, words_cap, common_words;
	struct stream *stream;
	uint32_t streams, streams_cap;
	int64_t length_ms;
	uint64_t random;
	struct buf frame;
};

/* SplitMix64 (Steele, Lea, Flood 2014): any seed is as good as another. */
static uint64_t
draw(struct demo_script *s)
{
	uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t
draw_below(struct demo_script *s, uint64_t n)
{
	return n ? draw(s) % n : 0;
}

/* Between half and one and a half of the mean: irregular enough to look alive, regular enough to be told from silence. */
static int64_t
draw_pause(struct demo_script *s, int64_t mean_ms)
{
	return mean_ms / 2 + (int64_t)draw_below(s, (uint64_t)mean_ms + 1);
}

/* ---- reading ---- */

/* Seconds as "20" or "0.5"; missing: fallback. */
static int
read_seconds(const struct yaml *map, struct str key, int64_t fallback_ms, int64_t *ret_ms, struct fault *f)
{
	const struct yaml *node = yaml_get(map, key);
	struct str rest = node ? node->text : (struct str){0}, whole;
	uint64_t seconds, tenths = 0;
	*ret_ms = fallback_ms;
	if (!node)
		return 0;
	if (node->kind != YAML_SCALAR || !str_split(&rest, '.', &whole) || !str_to_u64(whole, &seconds) ||
	    seconds > 1000000 || (rest.p && (rest.n != 1 || !str_to_u64(rest, &tenths))))
		return yaml_fault(node, f, E_INVALID, "demo_number", key);
	*ret_ms = (int64_t)(seconds * 1000 + tenths * 100);
	return 0;
}

static int
read_number(const struct yaml *map, struct str key, int64_t fallback, int64_t low, int64_t high, int64_t *ret,
    struct fault *f)
{
	const struct yaml *node = yaml_get(map, key);
	*ret = fallback;
	if (node && (!yaml_to_i64(node, ret) || *ret < low || *ret > high))
		return yaml_fault(node, f, E_INVALID, "demo_number", key);
	return 0;
}

/* A text that must be there. */
static int
read_text(const struct yaml *map, struct str key, struct str *ret, struct fault *f)
{
	const struct yaml *node = yaml_get(map, key);
	if (!node || node->kind != YAML_SCALAR || !node->text.n)
		return yaml_fault(node ? node : map, f, E_INVALID, "demo_missing", key);
	*ret = node->text;
	return 0;
}

static int
read_host(const struct yaml *node, struct host *h, struct fault *f)
{
	static const struct str via[DEMO_VIA_COUNT] = {STR_INIT("udp"), STR_INIT("tcp"), STR_INIT("relp")};
	struct str word;
	TRY(read_text(node, STR("name"), &h->name, f));
	TRY(read_text(node, STR("ip"), &h->ip, f));
	TRY(read_text(node, STR("via"), &word, f));
	h->group = yaml_get_text(node, STR("group"), (struct str){0});
	for (h->via = 0; h->via < DEMO_VIA_COUNT; h->via++)
		if (str_eq(via[h->via], word))
			return 0;
	return yaml_fault(node, f, E_INVALID, "demo_via", word);
}

static int
read_hosts(struct demo_script *s, const struct yaml *list, struct fault *f)
{
	s->host = arena_calloc(&s->arena, list ? list->count : 0, sizeof *s->host);
	if (!s->host)
		return E_LIMIT;
	YAML_EACH(node, list)
		TRY(read_host(node, &s->host[s->hosts++], f));
	return 0;
}

static int
read_words(struct demo_script *s, const struct yaml *map, struct fault *f)
{
	YAML_EACH(node, map) {
		if (node->kind == YAML_MAP || (node->kind == YAML_LIST && !node->count))
			return yaml_fault(node, f, E_INVALID, "demo_missing", node->key);
		YAML_EACH(value, node)
			if (value->kind != YAML_SCALAR)
				return yaml_fault(value, f, E_INVALID, "demo_missing", node->key);
		MEM_GROW(s->word, s->words, s->words_cap);
		s->word[s->words++] = (struct word){node->key, node};
	}
	return 0;
}

/* What ordinary lines and steps have in common. */
static int
read_stream(struct demo_script *s, const struct yaml *node, struct stream *stream, struct fault *f)
{
	int64_t priority;
	stream->line = yaml_get(node, STR("line"));
	if (!stream->line || stream->line->kind == YAML_MAP || (stream->line->kind == YAML_LIST && !stream->line->count))
		return yaml_fault(node, f, E_INVALID, "demo_missing", STR("line"));
	YAML_EACH(line, stream->line)
		if (line->kind != YAML_SCALAR)
			return yaml_fault(line, f, E_INVALID, "demo_missing", STR("line"));
	TRY(read_number(node, STR("priority"), 13, 0, 191, &priority, f));
	stream->priority = (uint32_t)priority;
	stream->program = yaml_get_text(node, STR("program"), STR("-"));
	return 0;
}

static void
add_stream(struct demo_script *s, const struct stream *stream)
{
	MEM_GROW(s->stream, s->streams, s->streams_cap);
	s->stream[s->streams++] = *stream;
}

static int
read_ordinary(struct demo_script *s, const struct yaml *node, struct fault *f)
{
	struct stream stream = {.left = -1};
	struct str group;
	uint32_t before = s->streams;
	TRY(read_stream(s, node, &stream, f));
	TRY(read_text(node, STR("group"), &group, f));
	TRY(read_seconds(node, STR("every"), 60000, &stream.every_ms, f));
	if (stream.every_ms < 100)
		return yaml_fault(node, f, E_INVALID, "demo_number", STR("every"));
	for (uint32_t i = 0; i < s->hosts; i++) {
		if (!str_eq(s->host[i].group, group))
			continue;
		stream.host = &s->host[i];
		stream.next_ms = (int64_t)draw_below(s, (uint64_t)stream.every_ms);
		add_stream(s, &stream);
	}
	return s->streams > before ? 0 : yaml_fault(node, f, E_INVALID, "demo_host", group);
}

static const struct host *
host_find(const struct demo_script *s, struct str name)
{
	for (uint32_t i = 0; i < s->hosts; i++)
		if (str_eq(s->host[i].name, name))
			return &s->host[i];
	return NULL;
}

/* A list of the episode is settled to one of its values before the first line. */
static void
settle_words(struct demo_script *s, uint32_t from)
{
	for (uint32_t i = from; i < s->words; i++) {
		const struct yaml *value = s->word[i].values->kind == YAML_LIST ? s->word[i].values->first : NULL;
		for (uint64_t n = value ? draw_below(s, s->word[i].values->count) : 0; n > 0 && value->next; n--)
			value = value->next;
		s->word[i].values = value ? value : s->word[i].values;
	}
}

static int
read_step(struct demo_script *s, const struct yaml *node, struct stream *stream, int64_t *at_ms, struct fault *f)
{
	int64_t after, times;
	const struct yaml *other = yaml_get(node, STR("host"));
	struct stream step = *stream;
	TRY(read_stream(s, node, &step, f));
	if (other && !(step.host = host_find(s, other->text)))
		return yaml_fault(other, f, E_INVALID, "demo_host", other->text);
	TRY(read_seconds(node, STR("after"), 1000, &after, f));
	TRY(read_seconds(node, STR("every"), 1000, &step.every_ms, f));
	int64_t lines = step.line->kind == YAML_LIST ? step.line->count : 1;
	TRY(read_number(node, STR("times"), lines, 1, 100000, &times, f));
	step.next_ms = *at_ms + after;
	step.left = times;
	*at_ms = step.next_ms + (times - 1) * step.every_ms;
	add_stream(s, &step);
	return 0;
}

static int
read_episode(struct demo_script *s, const struct yaml *node, struct fault *f)
{
	struct stream stream = {.words_from = s->words};
	struct str name;
	int64_t at_ms;
	TRY(read_text(node, STR("host"), &name, f));
	stream.host = host_find(s, name);
	if (!stream.host)
		return yaml_fault(node, f, E_INVALID, "demo_host", name);
	TRY(read_seconds(node, STR("at"), 0, &at_ms, f));
	TRY(read_words(s, yaml_get(node, STR("words")), f));
	settle_words(s, stream.words_from);
	stream.words_count = s->words - stream.words_from;
	YAML_EACH(step, yaml_get(node, STR("steps")))
		TRY(read_step(s, step, &stream, &at_ms, f));
	return 0;
}

static int
read_document(struct demo_script *s, const struct yaml *root, struct fault *f)
{
	TRY(read_seconds(root, STR("length"), 3600000, &s->length_ms, f));
	TRY(read_hosts(s, yaml_get(root, STR("hosts")), f));
	TRY(read_words(s, yaml_get(root, STR("words")), f));
	s->common_words = s->words;
	YAML_EACH(node, yaml_get(root, STR("ordinary")))
		TRY(read_ordinary(s, node, f));
	YAML_EACH(node, yaml_get(root, STR("episodes")))
		TRY(read_episode(s, node, f));
	return 0;
}

int
demo_script_read(struct str text, uint64_t seed, struct demo_script **ret, struct fault *f)
{
	struct demo_script *s = MEM_NEW(struct demo_script);
	struct yaml **documents;
	uint32_t count = 0;
	struct str copy;
	arena_init(&s->arena, 64 << 10, 32 << 20);
	s->random = seed;
	s->frame.max = FRAME_MAX;
	int error = arena_copy(&s->arena, text, &copy) ? yaml_parse(copy, &s->arena, &documents, &count, f) : E_LIMIT;
	if (!error)
		error = count ? read_document(s, documents[0], f) : fault_set(f, E_INVALID, "demo_missing", STR("hosts"), 1, 1);
	if (error) {
		demo_script_free(s);
		return error;
	}
	*ret = s;
	return 0;
}

void
demo_script_free(struct demo_script *s)
{
	if (!s)
		return;
	arena_release(&s->arena);
	buf_release(&s->frame);
	mem_free(s->word);
	mem_free(s->stream);
	mem_free(s);
}

int64_t
demo_script_length_ms(const struct demo_script *s)
{
	return s->length_ms;
}

/* ---- writing ---- */

/* {utc} and {clf}: two more ways to write a moment. */
static void
add_moment(struct buf *out, bool clf, int64_t ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c = time_to_civil(ms, clf ? TIME_ZONE_VIETNAM : 0);
	if (clf)
		buf_addf(out, "%02d/%.3s/%04d:%02d:%02d:%02d +0700", c.day, months + (c.month - 1) * 3, c.year, c.hour,
		    c.minute, c.second);
	else
		buf_addf(out, "%04d-%02d-%02d %02d:%02d:%02d.%03d", c.year, c.month, c.day, c.hour, c.minute, c.second,
		    c.milli);
}

static void
add_hex(struct demo_script *s, uint64_t digits)
{
	static const char hex[] = "0123456789abcdef";
	for (uint64_t i = 0; i < digits && i < 64; i++)
		buf_add_char(&s->frame, hex[draw_below(s, 16)]);
}

/* {number:1-254} */
static bool
add_number(struct demo_script *s, struct str range)
{
	struct str low;
	uint64_t from, to;
	if (!str_split(&range, '-', &low) || !str_to_u64(low, &from) || !str_to_u64(range, &to) || to < from)
		return false;
	buf_add_u64(&s->frame, from + draw_below(s, to - from + 1));
	return true;
}

static bool
add_word(struct demo_script *s, const struct stream *stream, struct str name)
{
	const struct yaml *values = NULL;
	for (uint32_t i = 0; i < s->common_words && !values; i++)
		values = str_eq(s->word[i].name, name) ? s->word[i].values : NULL;
	for (uint32_t i = 0; i < stream->words_count; i++)
		if (str_eq(s->word[stream->words_from + i].name, name))
			values = s->word[stream->words_from + i].values;
	if (!values)
		return false;
	if (values->kind == YAML_LIST) {
		uint64_t n = draw_below(s, values->count);
		for (values = values->first; n > 0 && values->next; n--)
			values = values->next;
	}
	buf_add(&s->frame, values->text);
	return true;
}

/* One placeholder; false when the name is none of ours. */
static bool
add_placeholder(struct demo_script *s, const struct stream *stream, struct str name, int64_t now_ms)
{
	struct str argument = name, base;
	uint64_t digits;
	if (!str_split(&argument, ':', &base))
		return false;
	if (str_eq(name, STR("host")))
		buf_add(&s->frame, stream->host->name);
	else if (str_eq(name, STR("ip")))
		buf_add(&s->frame, stream->host->ip);
	else if (str_eq(name, STR("pid")))
		buf_add_u64(&s->frame, 300 + draw_below(s, 32000));
	else if (str_eq(name, STR("port")))
		buf_add_u64(&s->frame, 32768 + draw_below(s, 28000));
	else if (str_eq(name, STR("time")))
		time_format(&s->frame, now_ms, TIME_ZONE_VIETNAM);
	else if (str_eq(name, STR("utc")) || str_eq(name, STR("clf")))
		add_moment(&s->frame, str_eq(name, STR("clf")), now_ms);
	else if (str_eq(base, STR("hex")) && str_to_u64(argument, &digits))
		add_hex(s, digits);
	else
		return str_eq(base, STR("number")) ? add_number(s, argument) : add_word(s, stream, name);
	return true;
}

/* Bytes of "{name}" or "{name:argument}" at the front; 0 when it is something else, as in JSON. */
static size_t
placeholder_length(struct str s)
{
	size_t n = 1;
	while (n < s.n && n < 48 && ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= '0' && s.p[n] <= '9') ||
	    s.p[n] == '_' || s.p[n] == ':' || s.p[n] == '-'))
		n++;
	return n > 1 && n < s.n && s.p[n] == '}' ? n + 1 : 0;
}

static void
add_line(struct demo_script *s, const struct stream *stream, struct str line, int64_t now_ms)
{
	while (line.n) {
		ptrdiff_t brace = str_find_char(line, '{');
		size_t plain = brace < 0 ? line.n : (size_t)brace;
		buf_add(&s->frame, str_cut(line, 0, plain));
		line = str_skip(line, plain);
		size_t n = line.n ? placeholder_length(line) : 0;
		if (n && add_placeholder(s, stream, str_cut(line, 1, n - 1), now_ms)) {
			line = str_skip(line, n);
		} else if (line.n) {
			buf_add_char(&s->frame, '{');
			line = str_skip(line, 1);
		}
	}
}

static struct str
line_of(struct demo_script *s, const struct stream *stream)
{
	const struct yaml *line = stream->line;
	if (line->kind != YAML_LIST)
		return line->text;
	uint64_t n = stream->left < 0 ? draw_below(s, line->count) : stream->sent % line->count;
	for (line = line->first; n > 0 && line->next; n--)
		line = line->next;
	return line->text;
}

/* RFC 5424, 6: header, our mark, the line. */
static void
write_frame(struct demo_script *s, const struct stream *stream, int64_t now_ms)
{
	buf_clear(&s->frame);
	buf_addf(&s->frame, "<%u>1 ", stream->priority);
	time_format(&s->frame, now_ms, TIME_ZONE_VIETNAM);
	buf_addf(&s->frame, " %.*s %.*s ", STR_ARG(stream->host->name), STR_ARG(stream->program));
	buf_add_u64(&s->frame, 300 + draw_below(s, 32000));
	buf_add(&s->frame, STR(" - " RAW_DEMO_MARK " "));
	add_line(s, stream, line_of(s, stream), now_ms);
}

bool
demo_script_next(struct demo_script *s, int64_t until_ms, int64_t begin_ms, struct demo_frame *ret)
{
	struct stream *first = NULL;
	for (uint32_t i = 0; i < s->streams; i++)
		if (s->stream[i].left && s->stream[i].next_ms <= until_ms && (!first || s->stream[i].next_ms < first->next_ms))
			first = &s->stream[i];
	if (!first)
		return false;
	write_frame(s, first, begin_ms + first->next_ms);
	*ret = (struct demo_frame){first->next_ms, first->host->via, buf_str(&s->frame)};
	first->sent++;
	first->left -= first->left > 0;
	first->next_ms += first->left < 0 ? draw_pause(s, first->every_ms) : first->every_ms;
	return true;
}
