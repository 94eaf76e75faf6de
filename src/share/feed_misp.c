/* SPDX-License-Identifier: EUPL-1.2 */
/* MISP events (MISP core format, draft-dulaunoy-misp-core-format): attributes that are meant for detection. */
#include "share/feed_internal.h"

#define NEST_MAX 8
#define CONTEXT_TEXT 512u

/* What an event says for all its attributes. Tags stand behind the attributes, so an event is walked twice. */
struct context {
	int tlp, confidence;
	char info[CONTEXT_TEXT];
};

static struct str
text_of(struct feed *f, uint32_t object, struct str key)
{
	struct str value = {0};
	uint32_t i = json_get(&f->json, object, key);
	if (i && (f->json.token[i].kind == JSON_STRING || f->json.token[i].kind == JSON_NUMBER) &&
	    !json_string(&f->json, i, &f->arena, &value))
		return (struct str){0};
	return value;
}

static bool
flag_of(struct feed *f, struct str key, bool fallback)
{
	uint32_t i = json_get(&f->json, 0, key);
	if (!i)
		return fallback;
	struct str raw = json_raw(&f->json, i);
	return str_eq(raw, STR("true")) || str_eq(raw, STR("1"));
}

/* misp:confidence-level of the misp taxonomy */
static int
confidence_of(struct str tag)
{
	static const struct {
		struct str word;
		int confidence;
	} row[] = {{STR_INIT("completely-confident"), 100}, {STR_INIT("usually-confident"), 75},
		{STR_INIT("fairly-confident"), 50}, {STR_INIT("rarely-confident"), 25}, {STR_INIT("unconfident"), 0}};
	if (!str_starts(tag, STR("misp:confidence-level")))
		return -1;
	for (size_t i = 0; i < COUNT(row); i++)
		if (str_find(tag, row[i].word) >= 0)
			return row[i].confidence;
	return -1;
}

/* An array of {"name": "tlp:amber"} in f->json. The strictest TLP counts. */
static void
read_tags(struct feed *f, uint32_t list, struct context *c)
{
	enum tlp tlp;
	if (f->json.token[list].kind != JSON_ARRAY)
		return;
	for (uint32_t i = json_first(&f->json, list); i < json_end(&f->json, list); i = json_next(&f->json, i)) {
		struct str name = f->json.token[i].kind == JSON_OBJECT ? text_of(f, i, STR("name")) : (struct str){0};
		int confidence = confidence_of(name);
		if (str_starts_nocase(name, STR("tlp:")) && tlp_from_name(name, &tlp) && (int)tlp > c->tlp)
			c->tlp = (int)tlp;
		c->confidence = confidence >= 0 ? confidence : c->confidence;
	}
}

static void
take_attribute(struct feed *f, const struct context *event, size_t at)
{
	struct context c = {.tlp = TLP_UNSAID, .confidence = event->confidence};
	struct feed_item like = {.from_ms = TIME_NONE, .until_ms = TIME_NONE};
	char note[2 * CONTEXT_TEXT];
	if (!f->json.count || f->json.token[0].kind != JSON_OBJECT)
		return;
	if (!flag_of(f, STR("to_ids"), true) || flag_of(f, STR("deleted"), false)) {
		f->counts->ignored++;
		return;
	}
	struct str type = text_of(f, 0, STR("type")), value = text_of(f, 0, STR("value"));
	struct str comment = feed_clean(text_of(f, 0, STR("comment")), CONTEXT_TEXT - 1);
	const struct feed_type *known = feed_type_find(type);
	if (!known) {
		feed_refuse(f, at, "feed_type", type);
		return;
	}
	uint32_t tags = json_get(&f->json, 0, STR("Tag"));
	if (tags)
		read_tags(f, tags, &c);
	like.tlp = c.tlp == TLP_UNSAID ? event->tlp : c.tlp;
	like.confidence = c.confidence;
	snprintf(note, sizeof note, "%s%s%.*s", event->info, event->info[0] && comment.n ? ": " : "", STR_ARG(comment));
	like.note = feed_clean(str_z(note), FEED_NOTE_MAX);
	struct str until = text_of(f, 0, STR("expires"));
	if (until.n && !feed_time(until, &like.until_ms))
		feed_refuse(f, at, "feed_time", until);
	feed_give(f, known, value, &like, at);
}

static int read_event(struct feed *f, const struct context *outer, int depth);

/* An array of attributes (or of objects that hold some). */
static int
read_array(struct feed *f, const struct context *c, bool attributes, int depth)
{
	bool first = true;
	size_t at;
	int more;
	if (feed_open(f, '[') != 1)
		return feed_skip(f);
	while (!f->stop && (more = feed_element(f, &first)) == 1) {
		if (!attributes) {
			TRY(read_event(f, c, depth + 1));
			continue;
		}
		TRY(feed_value(f, &at));
		take_attribute(f, c, at);
	}
	return f->stop ? f->stop : more < 0 ? more : 1;
}

/* First walk: tags and the title. Leaves f->at where it was. */
static int
read_context(struct feed *f, struct context *c)
{
	size_t begin = f->at, at;
	struct str key;
	bool first = true;
	int more;
	while ((more = feed_key(f, &first, &key)) == 1) {
		if (!str_eq(key, STR("Tag")) && !str_eq(key, STR("info"))) {
			TRY(feed_skip(f));
			continue;
		}
		bool tags = key.p[0] == 'T';
		TRY(feed_value(f, &at));
		if (!f->json.count)
			continue;
		if (tags) {
			read_tags(f, 0, c);
		} else {
			struct str info = {0};
			if (f->json.token[0].kind == JSON_STRING && json_string(&f->json, 0, &f->arena, &info))
				str_to_z(feed_clean(info, CONTEXT_TEXT - 1), c->info, sizeof c->info);
		}
	}
	f->at = begin;
	return more;
}

/* An event, an object of one, or an envelope around them. */
static int
read_event(struct feed *f, const struct context *outer, int depth)
{
	struct context c = *outer;
	struct str key;
	bool first = true;
	int more;
	if (depth > NEST_MAX || feed_open(f, '{') != 1)
		return feed_skip(f);
	TRY(read_context(f, &c));
	while (!f->stop && (more = feed_key(f, &first, &key)) == 1) {
		if (str_eq(key, STR("Attribute"))) {
			TRY(read_array(f, &c, true, depth));
		} else if (str_eq(key, STR("Object"))) {
			TRY(read_array(f, &c, false, depth));
		} else if (str_eq(key, STR("Event"))) {
			TRY(read_event(f, &c, depth + 1));
		} else if (str_eq(key, STR("response"))) {
			size_t at = f->at;
			int open = feed_open(f, '[');
			f->at = at;
			TRY(open == 1 ? read_array(f, &c, false, depth) : read_event(f, &c, depth + 1));
		} else {
			TRY(feed_skip(f));
		}
	}
	return f->stop ? f->stop : more < 0 ? more : 1;
}

int
feed_misp(struct feed *f)
{
	const struct context none = {.tlp = TLP_UNSAID, .confidence = -1};
	size_t at = f->at;
	int array = feed_open(f, '[');
	f->at = at;
	int error = array == 1 ? read_array(f, &none, false, 0) : read_event(f, &none, 0);
	return f->stop ? f->stop : error < 0 ? error : 0;
}
