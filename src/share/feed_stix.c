/* SPDX-License-Identifier: EUPL-1.2 */
/* STIX 2.1 bundles: indicator objects (4.7) and their patterns (9), as far as these compare values. */
#include "base/memory.h"
#include "share/feed_internal.h"

#define MARKINGS_MAX 256u
#define ID_MAX 96u

/* Marking definitions that say a TLP: those the specifications name, then those of this bundle. */
struct marking {
	char id[ID_MAX];
	enum tlp tlp;
};

struct stix {
	struct feed *feed;
	struct marking marking[MARKINGS_MAX];
	uint32_t markings;
};

static const struct {
	struct str id;
	enum tlp tlp;
} known_markings[] = {
	/* TLP 1: STIX 2.1, 7.2.1.4 */
	{STR_INIT("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"), TLP_CLEAR},
	{STR_INIT("marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"), TLP_GREEN},
	{STR_INIT("marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"), TLP_AMBER},
	{STR_INIT("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"), TLP_RED},
	/* TLP 2.0: the OASIS extension of 2022 */
	{STR_INIT("marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"), TLP_CLEAR},
	{STR_INIT("marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"), TLP_GREEN},
	{STR_INIT("marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"), TLP_AMBER},
	{STR_INIT("marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"), TLP_AMBER_STRICT},
	{STR_INIT("marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"), TLP_RED},
};

static struct str
text_of(struct feed *f, uint32_t object, struct str key)
{
	struct str value = {0};
	uint32_t i = json_get(&f->json, object, key);
	if (i && f->json.token[i].kind == JSON_STRING && !json_string(&f->json, i, &f->arena, &value))
		return (struct str){0};
	return value;
}

/* --- markings --- */

static void
take_marking(struct stix *s)
{
	struct feed *f = s->feed;
	struct str id = text_of(f, 0, STR("id")), name = text_of(f, 0, STR("name"));
	uint32_t definition = json_get(&f->json, 0, STR("definition"));
	enum tlp tlp;
	if (definition && f->json.token[definition].kind == JSON_OBJECT && text_of(f, definition, STR("tlp")).n)
		name = text_of(f, definition, STR("tlp"));
	if (s->markings == MARKINGS_MAX || !id.n || id.n >= ID_MAX || !tlp_from_name(name, &tlp))
		return;
	memcpy(s->marking[s->markings].id, id.p, id.n);
	s->marking[s->markings].id[id.n] = '\0';
	s->marking[s->markings++].tlp = tlp;
}

static bool
marking_tlp(const struct stix *s, struct str id, enum tlp *ret)
{
	for (size_t i = 0; i < COUNT(known_markings); i++)
		if (str_eq(known_markings[i].id, id)) {
			*ret = known_markings[i].tlp;
			return true;
		}
	for (uint32_t i = 0; i < s->markings; i++)
		if (str_eq(str_z(s->marking[i].id), id)) {
			*ret = s->marking[i].tlp;
			return true;
		}
	return false;
}

/* The strictest of those it refers to. */
static int
object_tlp(const struct stix *s)
{
	struct feed *f = s->feed;
	uint32_t list = json_get(&f->json, 0, STR("object_marking_refs"));
	int strictest = TLP_UNSAID;
	enum tlp tlp;
	if (!list || f->json.token[list].kind != JSON_ARRAY)
		return TLP_UNSAID;
	for (uint32_t i = json_first(&f->json, list); i < json_end(&f->json, list); i = json_next(&f->json, i))
		if (f->json.token[i].kind == JSON_STRING && marking_tlp(s, json_raw(&f->json, i), &tlp) && (int)tlp > strictest)
			strictest = (int)tlp;
	return strictest;
}

/* --- patterns --- */

struct pattern {
	struct str rest;
	struct arena *arena;
	struct str path, operator, value; /* of the comparison at hand */
};

static void
pattern_space(struct pattern *p)
{
	while (p->rest.n && memchr(" \t\r\n", p->rest.p[0], 4))
		p->rest = str_skip(p->rest, 1);
}

static bool
pattern_sign(struct pattern *p, char sign)
{
	pattern_space(p);
	if (!p->rest.n || p->rest.p[0] != sign)
		return false;
	p->rest = str_skip(p->rest, 1);
	return true;
}

/* Letters; empty when something else stands there. */
static struct str
pattern_word(struct pattern *p)
{
	size_t n = 0;
	pattern_space(p);
	while (n < p->rest.n && ((p->rest.p[n] | 0x20) >= 'a' && (p->rest.p[n] | 0x20) <= 'z'))
		n++;
	struct str word = str_cut(p->rest, 0, n);
	p->rest = str_skip(p->rest, n);
	return word;
}

/* 'text', with \' and \\ (9.6). */
static bool
pattern_text(struct pattern *p, struct str *ret)
{
	if (!pattern_sign(p, '\''))
		return false;
	char *out = arena_alloc(p->arena, p->rest.n);
	size_t n = 0, i = 0;
	if (!out)
		return false;
	for (; i < p->rest.n && p->rest.p[i] != '\''; i++) {
		i += p->rest.p[i] == '\\';
		if (i < p->rest.n)
			out[n++] = p->rest.p[i];
	}
	if (i >= p->rest.n)
		return false;
	p->rest = str_skip(p->rest, i + 1);
	*ret = str_from(out, n);
	return true;
}

/* file:hashes.'SHA-256' : up to a blank or an operator, quoted steps whole. */
static struct str
pattern_path(struct pattern *p)
{
	bool quoted = false;
	size_t n = 0;
	pattern_space(p);
	for (; n < p->rest.n && (quoted || !memchr(" \t\r\n=<>!]()", p->rest.p[n], 11)); n++)
		quoted ^= p->rest.p[n] == '\'';
	struct str path = str_cut(p->rest, 0, n);
	p->rest = str_skip(p->rest, n);
	return path;
}

static bool
is_hash_path(struct str path)
{
	return str_starts(path, STR("file:hashes.")) || str_ends(path, STR(".imphash"));
}

/* What a path holds, as a type of feeds; NULL = nothing of ours. *ret_guess: it may be several things. */
static const struct feed_type *
type_of_path(struct str path, bool *ret_guess)
{
	static const struct {
		struct str path, type;
	} row[] = {{STR_INIT("ipv4-addr:value"), STR_INIT("ip")}, {STR_INIT("ipv6-addr:value"), STR_INIT("ip")},
		{STR_INIT("domain-name:value"), STR_INIT("domain")}, {STR_INIT("url:value"), STR_INIT("url")},
		{STR_INIT("email-addr:value"), STR_INIT("mail")}, {STR_INIT("email-message:from_ref.value"), STR_INIT("mail")},
		{STR_INIT("email-message:sender_ref.value"), STR_INIT("mail")},
		{STR_INIT("network-traffic:dst_ref.value"), STR_INIT("")}, {STR_INIT("network-traffic:src_ref.value"), STR_INIT("")}};
	*ret_guess = false;
	if (is_hash_path(path))
		return feed_type_find(str_ends(path, STR(".imphash")) ? STR("imphash") : STR("hash"));
	for (size_t i = 0; i < COUNT(row); i++)
		if (str_eq(row[i].path, path)) {
			*ret_guess = !row[i].type.n;
			return feed_type_find(row[i].type);
		}
	return NULL;
}

/* What a walk through a pattern does with each comparison, and what it saw. */
struct walk {
	struct feed *feed;
	const struct feed_item *like; /* NULL: only looking */
	size_t at;
	bool joined_by_and, others_than_hashes;
};

static void
each_value(struct walk *w, struct pattern *p)
{
	bool guess;
	const struct feed_type *type = type_of_path(p->path, &guess);
	w->others_than_hashes |= !is_hash_path(p->path);
	if (!w->like)
		return;
	if (!type && !guess)
		feed_refuse(w->feed, w->at, "feed_pattern", p->path);
	else
		feed_give(w->feed, type, p->value, w->like, w->at);
}

/* path = 'x', path IN ('x', 'y'), path ISSUBSET 'net'. Else the word that we do not read. */
static bool
walk_comparison(struct walk *w, struct pattern *p, struct str *ret_why)
{
	p->path = pattern_path(p);
	*ret_why = p->path.n ? p->path : STR("?");
	if (!p->path.n)
		return false;
	if (pattern_sign(p, '=')) {
		if (!pattern_text(p, &p->value))
			return false;
		each_value(w, p);
		return true;
	}
	p->operator= pattern_word(p);
	*ret_why = p->operator.n ? p->operator: str_cut(p->rest, 0, 2);
	if (str_eq(p->operator, STR("ISSUBSET"))) {
		if (!pattern_text(p, &p->value))
			return false;
		each_value(w, p);
		return true;
	}
	if (!str_eq(p->operator, STR("IN")) || !pattern_sign(p, '('))
		return false;
	do {
		if (!pattern_text(p, &p->value))
			return false;
		each_value(w, p);
	} while (pattern_sign(p, ','));
	return pattern_sign(p, ')');
}

/* One observation: [ comparison OR comparison ... ] */
static bool
walk_observation(struct walk *w, struct pattern *p, struct str *ret_why)
{
	*ret_why = STR("(");
	if (!pattern_sign(p, '['))
		return false;
	for (;;) {
		if (!walk_comparison(w, p, ret_why))
			return false;
		if (pattern_sign(p, ']'))
			return true;
		*ret_why = pattern_word(p);
		if (str_eq(*ret_why, STR("AND")))
			w->joined_by_and = true;
		else if (!str_eq(*ret_why, STR("OR")))
			return false;
	}
}

static bool
walk_pattern(struct walk *w, struct str text, struct str *ret_why)
{
	struct pattern p = {.rest = text, .arena = &w->feed->arena};
	for (;;) {
		if (!walk_observation(w, &p, ret_why))
			return false;
		pattern_space(&p);
		if (!p.rest.n)
			return true;
		*ret_why = pattern_word(&p);
		if (!str_eq(*ret_why, STR("OR")))
			return false;
	}
}

/* --- objects --- */

static struct str
first_reference(struct feed *f)
{
	uint32_t list = json_get(&f->json, 0, STR("external_references"));
	if (!list || f->json.token[list].kind != JSON_ARRAY || json_first(&f->json, list) == json_end(&f->json, list) ||
	    f->json.token[list + 1].kind != JSON_OBJECT)
		return (struct str){0};
	return text_of(f, list + 1, STR("url"));
}

static void
read_time(struct feed *f, size_t at, struct str key, int64_t *ret)
{
	struct str text = text_of(f, 0, key);
	if (text.n && !feed_time(text, ret))
		feed_refuse(f, at, "feed_time", text);
}

static void
take_indicator(struct stix *s, size_t at)
{
	struct feed *f = s->feed;
	struct feed_item like = {.tlp = object_tlp(s), .confidence = -1, .from_ms = TIME_NONE, .until_ms = TIME_NONE};
	struct str pattern = text_of(f, 0, STR("pattern")), type = text_of(f, 0, STR("pattern_type")), why;
	int64_t confidence;
	if (type.n && !str_eq(type, STR("stix"))) {
		feed_refuse(f, at, "feed_pattern_type", type);
		return;
	}
	like.note = feed_clean(text_of(f, 0, STR("name")), FEED_NOTE_MAX);
	if (!like.note.n)
		like.note = feed_clean(text_of(f, 0, STR("description")), FEED_NOTE_MAX);
	like.reference = feed_clean(first_reference(f), FEED_REFERENCE_MAX);
	if (json_get_i64(&f->json, 0, STR("confidence"), &confidence) && confidence >= 0 && confidence <= 100)
		like.confidence = (int)confidence;
	(void)!json_get_bool(&f->json, 0, STR("revoked"), &like.revoked);
	read_time(f, at, STR("valid_from"), &like.from_ms);
	read_time(f, at, STR("valid_until"), &like.until_ms);
	struct walk look = {.feed = f, .at = at}, give = {.feed = f, .at = at, .like = &like};
	if (!walk_pattern(&look, pattern, &why))
		feed_refuse(f, at, "feed_pattern", why);
	else if (look.joined_by_and && look.others_than_hashes)
		feed_refuse(f, at, "feed_pattern", STR("AND"));
	else
		(void)walk_pattern(&give, pattern, &why);
}

static void
take_object(struct stix *s, size_t at)
{
	struct feed *f = s->feed;
	if (!f->json.count || f->json.token[0].kind != JSON_OBJECT)
		return;
	struct str type = text_of(f, 0, STR("type"));
	if (str_eq(type, STR("indicator")))
		take_indicator(s, at);
	else if (str_eq(type, STR("marking-definition")))
		take_marking(s);
	else
		f->counts->ignored++;
}

static int
read_objects(struct stix *s)
{
	struct feed *f = s->feed;
	bool first = true;
	size_t at;
	int more;
	if (feed_open(f, '[') != 1)
		return feed_skip(f);
	while (!f->stop && (more = feed_element(f, &first)) == 1) {
		TRY(feed_value(f, &at));
		take_object(s, at);
	}
	return f->stop ? f->stop : more < 0 ? more : 1;
}

static int
read_bundle(struct stix *s)
{
	struct feed *f = s->feed;
	struct str key;
	bool first = true;
	int more;
	if (feed_open(f, '{') != 1) {
		feed_refuse(f, f->at, "feed_json", str_cut(f->text, 0, 20));
		return E_INVALID;
	}
	while (!f->stop && (more = feed_key(f, &first, &key)) == 1)
		TRY(str_eq(key, STR("objects")) ? read_objects(s) : feed_skip(f));
	return f->stop ? f->stop : more;
}

int
feed_stix(struct feed *f)
{
	struct stix *s = MEM_NEW(struct stix);
	s->feed = f;
	int error = read_bundle(s);
	mem_free(s);
	return error;
}
