/* SPDX-License-Identifier: EUPL-1.2 */
/* Gathering findings into alerts: memory until alert_book_write(). */
#include "alert/alert.h"

#include "base/hash.h"
#include "base/memory.h"

#define BOOK_BYTES (64u << 20)  /* of one verdict; beyond it findings are only counted (alert_book_over) */
#define GROUP_KEPT 20u          /* findings of one group kept one by one in one verdict */
#define TEXT_KEPT 4096u
#define ENTITY_BYTES 16384u /* of JSON; fields behind it do not tell groups apart */
#define DEFAULT_WINDOW_S 3600

struct kept {
	struct kept *next;
	int64_t event, time_ms;
	struct str matched, text;
};

struct slot_count {
	int64_t slot;
	int64_t count;
};

/* What one alert has told. */
struct told {
	struct told *next;
	int64_t first_ms, last_ms;
};

/* Findings of one rule about one entity in one organisation since the last write: no alert tells one what stands in the
 * log of another. */
struct group {
	struct group *next; /* in its bucket */
	const struct rule_info *rule;
	struct str entity;
	int64_t count, first_ms, last_ms;
	struct str organisation, system;
	bool demonstration;
	struct kept *kept, **last;
	uint32_t kept_count;
	struct slot_count slots[8];
	uint32_t slot_count;
	int64_t alert; /* its id, once written */
	struct told *told; /* looking back: by other alerts of the same rule and entity */
};

struct alert_book {
	struct db *db;
	struct arena arena;
	struct group *bucket[1024];
	struct group **group;
	uint32_t groups, group_cap;
	uint32_t pending;
	uint64_t over; /* findings whose group found no room */
	int64_t lookback; /* job, or 0 */
	uint64_t told;
	uint32_t opened;
	int error;     /* what others have told could not be read */
};

struct alert_book *
alert_book_new(struct db *db)
{
	struct alert_book *b = MEM_NEW(struct alert_book);
	b->db = db;
	arena_init(&b->arena, 64 << 10, BOOK_BYTES);
	return b;
}

void
alert_book_free(struct alert_book *b)
{
	if (!b)
		return;
	arena_release(&b->arena);
	mem_free(b->group);
	mem_free(b);
}

uint64_t
alert_book_over(const struct alert_book *b)
{
	return b->over;
}

uint32_t
alert_book_pending(const struct alert_book *b)
{
	return b->pending;
}

void
alert_book_look_back(struct alert_book *b, int64_t job)
{
	b->lookback = job;
}

uint64_t
alert_book_told(const struct alert_book *b)
{
	return b->told;
}

uint32_t
alert_book_opened(const struct alert_book *b)
{
	return b->opened;
}

/* Firewalls and sensors tell of other machines than the one that speaks. */
static bool
tells_of_others(const struct event *e)
{
	return e->decoder == DECODER_EVE || e->decoder == DECODER_ZEEK || e->decoder == DECODER_NETFILTER ||
	    e->decoder == DECODER_MIKROTIK || e->decoder == DECODER_KV || e->decoder == DECODER_CISCO ||
	    e->decoder == DECODER_DNS;
}

/* Who asks for a name is meant, not the name server that is asked; that one answers from port 53. */
static bool
asks_for_name(const struct event *e)
{
	const struct field *port = event_find(e, F_SOURCE_PORT);
	return event_find(e, F_DNS_QUESTION) && !(port && str_eq(port->value, STR("53")));
}

static const struct system *
system_by_address(const struct registry *r, const struct event *e)
{
	static const uint32_t target_first[] = {F_HOST_IP, F_DESTINATION_IP, F_SOURCE_IP},
	    asker_first[COUNT(target_first)] = {F_HOST_IP, F_SOURCE_IP, F_DESTINATION_IP};
	const uint32_t *address = asks_for_name(e) ? asker_first : target_first;
	const struct system *s = NULL;
	for (size_t i = 0; i < COUNT(target_first) && !s; i++) {
		const struct field *f = event_find(e, address[i]);
		s = f ? registry_by_address(r, f->value) : NULL;
	}
	return s;
}

const struct system *
alert_system_of(const struct registry *r, const struct event *e)
{
	static const uint32_t domains[] = {F_URL_DOMAIN, F_DESTINATION_DOMAIN};
	const struct system *s = tells_of_others(e) ? system_by_address(r, e) : NULL;
	const struct field *f = event_find(e, F_HOST_NAME);
	if (!s && f)
		s = registry_by_host(r, f->value);
	if (!s)
		s = system_by_address(r, e);
	for (size_t i = 0; i < COUNT(domains) && !s; i++)
		if ((f = event_find(e, domains[i])))
			s = registry_by_domain(r, f->value);
	return s;
}

const struct system *
alert_system_meant(const struct registry *r, const struct finding *f, const struct system *fallback)
{
	static const struct str addresses[] = {STR_INIT("host.ip"), STR_INIT("source.ip"), STR_INIT("destination.ip")};
	const struct system *s = NULL;
	for (uint32_t i = 0; i < f->matched_count && !s; i++) {
		const struct finding_field *m = &f->matched[i];
		for (size_t a = 0; a < COUNT(addresses) && !s; a++)
			s = str_eq(m->name, addresses[a]) ? registry_by_address(r, m->value) : NULL;
		if (!s && str_eq(m->name, STR("source.domain")))
			s = registry_by_host(r, m->value);
	}
	return s ? s : fallback;
}

static void
add_pair(struct buf *json, struct str name, struct str value)
{
	buf_add(json, json->n > 1 ? STR(",{\"name\":") : STR("{\"name\":"));
	buf_add_json_string(json, name);
	buf_add(json, STR(",\"value\":"));
	buf_add_json_string(json, value);
	buf_add_char(json, '}');
}

/* What the finding says of itself (a correlation its group, an engine whom it means) comes before the event that did it. */
static struct str
entity_value(struct str name, const struct event *e, const struct finding_field *matched, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (matched[i].value.n && str_eq(matched[i].name, name))
			return matched[i].value;
	const struct field *f = event_find_name(e, name);
	return f ? f->value : (struct str){0};
}

/* "Who" as JSON: the fields the rule names, else the machine and, when there is one, the address it came from. */
static void
entity_json(const struct rule_info *rule, const struct event *e, const struct finding_field *matched, uint32_t matched_count,
    struct buf *json)
{
	static const struct str usual[] = {STR_INIT("host.name"), STR_INIT("source.ip")};
	const struct str *name = rule->entity_count ? rule->entity : usual;
	uint32_t count = rule->entity_count ? rule->entity_count : COUNT(usual);
	buf_add_char(json, '[');
	for (uint32_t i = 0; i < count && json->n < ENTITY_BYTES; i++) {
		struct str value = entity_value(name[i], e, matched, matched_count);
		if (value.n)
			add_pair(json, name[i], str_cut(value, 0, 256));
	}
	buf_add_char(json, ']');
	if (json->over) { /* half of it would be no JSON */
		buf_clear(json);
		buf_add(json, STR("[]"));
	}
}

static void
add_told(struct alert_book *b, struct group *g)
{
	struct db_rows *rows;
	int more = db_query(b->db, &rows, Q_ALERT_TOLD, "ssis", g->rule->id, g->entity, b->lookback, g->organisation);
	if (more == 0) {
		while ((more = db_next(rows)) > 0) {
			struct told *t = ARENA_NEW(&b->arena, struct told);
			if (!t)
				break;
			*t = (struct told){g->told, db_i64(rows, 0), db_i64(rows, 1)};
			g->told = t;
		}
		db_end(rows);
	}
	if (more < 0)
		b->error = more;
}

static bool
is_told(const struct group *g, int64_t time_ms)
{
	for (const struct told *t = g->told; t; t = t->next)
		if (time_ms >= t->first_ms && time_ms <= t->last_ms)
			return true;
	return false;
}

static struct group *
group_of(struct alert_book *b, const struct rule_info *rule, struct str entity, const struct system *system)
{
	struct str organisation = system ? system->organisation->id : STR("");
	uint64_t h = hash64(entity, hash64(rule->id, hash64(organisation, 1)));
	struct group **at = &b->bucket[h % COUNT(b->bucket)];
	for (; *at; at = &(*at)->next)
		if (str_eq((*at)->rule->id, rule->id) && str_eq((*at)->entity, entity) && str_eq((*at)->organisation, organisation))
			return *at;
	struct group *g = ARENA_NEW(&b->arena, struct group);
	if (!g || !arena_copy(&b->arena, entity, &g->entity) || !arena_copy(&b->arena, organisation, &g->organisation) ||
	    (system && !arena_copy(&b->arena, system->id, &g->system)))
		return NULL;
	*at = g;
	g->rule = rule;
	g->first_ms = INT64_MAX;
	g->last_ms = INT64_MIN;
	g->last = &g->kept;
	MEM_GROW(b->group, b->groups, b->group_cap);
	b->group[b->groups++] = g;
	if (b->lookback)
		add_told(b, g);
	return g;
}

void
alert_matched_json(const struct finding_field *matched, uint32_t matched_count, struct buf *out)
{
	struct buf json = BUF_INIT_MAX(32 << 10);
	buf_add_char(&json, '[');
	for (uint32_t i = 0; i < matched_count && json.n < 16 << 10; i++)
		add_pair(&json, matched[i].name, str_cut(matched[i].value, 0, 1024));
	buf_add_char(&json, ']');
	buf_add(out, json.over ? STR("[]") : buf_str(&json)); /* half of it would be no JSON */
	buf_release(&json);
}

static void
keep_finding(struct alert_book *b, struct group *g, const struct event *e, int64_t event_id, int64_t time_ms,
    const struct finding_field *matched, uint32_t matched_count)
{
	struct kept *k = g->kept_count < GROUP_KEPT ? ARENA_NEW(&b->arena, struct kept) : NULL;
	struct buf json = BUF_INIT_MAX(32 << 10);
	if (!k)
		return;
	alert_matched_json(matched, matched_count, &json);
	*k = (struct kept){.event = event_id, .time_ms = time_ms};
	if (arena_copy(&b->arena, buf_str(&json), &k->matched) &&
	    arena_copy(&b->arena, str_cut(e->text, 0, TEXT_KEPT), &k->text)) {
		*g->last = k;
		g->last = &k->next;
		g->kept_count++;
	}
	buf_release(&json);
}

static void
count_slot(struct group *g, int64_t time_ms)
{
	int64_t slot = time_ms / ALERT_SLOT_MS;
	for (uint32_t i = 0; i < g->slot_count; i++)
		if (g->slots[i].slot == slot) {
			g->slots[i].count++;
			return;
		}
	if (g->slot_count < COUNT(g->slots))
		g->slots[g->slot_count++] = (struct slot_count){slot, 1};
}

void
alert_book_add(struct alert_book *b, const struct rule_info *rule, const struct event *e, int64_t event_id,
    int64_t time_ms, const struct finding_field *matched, uint32_t matched_count, const struct system *system,
    bool demonstration)
{
	struct buf entity = BUF_INIT_MAX(2 * ENTITY_BYTES);
	entity_json(rule, e, matched, matched_count, &entity);
	struct group *g = group_of(b, rule, buf_str(&entity), system);
	buf_release(&entity);
	b->pending++;
	if (!g) {
		b->over++;
		return;
	}
	if (is_told(g, time_ms)) {
		b->told++;
		return;
	}
	g->count++;
	g->first_ms = time_ms < g->first_ms ? time_ms : g->first_ms;
	g->last_ms = time_ms > g->last_ms ? time_ms : g->last_ms;
	g->demonstration |= demonstration;
	keep_finding(b, g, e, event_id, time_ms, matched, matched_count);
	count_slot(g, time_ms);
}

void
alert_techniques(const struct rule_info *rule, struct buf *out)
{
	buf_add_char(out, '[');
	for (uint32_t i = 0, n = 0; i < rule->tag_count; i++) {
		struct str tag = rule->tags[i];
		if (!str_starts_nocase(tag, STR("attack.t")) || tag.n < 12 || tag.p[8] < '0' || tag.p[8] > '9')
			continue;
		buf_add(out, n++ ? STR(",\"T") : STR("\"T"));
		buf_add_json(out, str_skip(tag, 8));
		buf_add_char(out, '"');
	}
	buf_add_char(out, ']');
}

static int
open_alert(struct alert_book *b, const struct group *g, int64_t now_ms, int64_t *ret_id)
{
	struct buf fold = BUF_INIT_MAX(4096), techniques = BUF_INIT_MAX(4096);
	db_fold(g->rule->title, &fold);
	buf_add_char(&fold, ' ');
	db_fold(g->rule->title_vi, &fold);
	alert_techniques(g->rule, &techniques);
	int error = db_number(b->db, ret_id, Q_ALERT_OPEN, "ssssisssiiiissii", g->rule->id, g->rule->title,
	    g->rule->title_vi, buf_str(&fold), (int64_t)g->rule->level, g->entity, g->entity, buf_str(&techniques), g->count,
	    g->first_ms, g->last_ms, now_ms, g->organisation, g->system, (int64_t)g->demonstration, b->lookback);
	buf_release(&fold);
	buf_release(&techniques);
	TRY(error);
	b->opened++;
	return db_run(b->db, Q_ALERT_HISTORY_PUT, "iissss", *ret_id, now_ms, STR("khien"), STR("opened"), STR(""), STR(""));
}

/* The open alert this group joins, or 0. */
static int
find_alert(struct alert_book *b, const struct group *g, int64_t *ret_id)
{
	struct db_rows *rows;
	int64_t window = (g->rule->window_s ? g->rule->window_s : DEFAULT_WINDOW_S) * TIME_SECOND;
	TRY(db_query(b->db, &rows, Q_ALERT_LATEST, "ssis", g->rule->id, g->entity, b->lookback, g->organisation));
	int more = db_next(rows);
	*ret_id = 0;
	if (more > 0 && db_i64(rows, 1) != ALERT_CLOSED && (b->lookback || g->first_ms - db_i64(rows, 2) <= window))
		*ret_id = db_i64(rows, 0);
	db_end(rows);
	return more < 0 ? more : 0;
}

static int
write_details(struct alert_book *b, const struct group *g, int64_t id)
{
	for (const struct kept *k = g->kept; k; k = k->next)
		TRY(db_run(b->db, Q_ALERT_FINDING_PUT, "iiissi", id, k->event, k->time_ms, k->matched, k->text,
		    (int64_t)ALERT_FINDINGS_KEPT));
	if (b->lookback)
		return 0;
	for (uint32_t i = 0; i < g->slot_count; i++)
		TRY(db_run(b->db, Q_ALERT_SLOT_PUT, "iii", id, g->slots[i].slot, g->slots[i].count));
	return db_run(b->db, Q_RULE_COUNT_PUT, "sii", g->rule->id, g->count, g->last_ms);
}

static int
write_group(struct alert_book *b, const struct group *g, int64_t now_ms, int64_t *ret_id)
{
	if (!g->count)
		return 0; /* all of it was told before */
	TRY(find_alert(b, g, ret_id));
	if (*ret_id)
		TRY(db_run(b->db, Q_ALERT_GROW, "iiii", *ret_id, g->count, g->first_ms, g->last_ms));
	else
		TRY(open_alert(b, g, now_ms, ret_id));
	return write_details(b, g, *ret_id);
}

int
alert_book_write(struct alert_book *b, int64_t now_ms)
{
	TRY(b->error);
	b->opened = 0;
	for (uint32_t i = 0; i < b->groups; i++)
		TRY(write_group(b, b->group[i], now_ms, &b->group[i]->alert));
	return 0;
}

void
alert_book_each(const struct alert_book *b, void (*each)(void *user, int64_t id), void *user)
{
	for (uint32_t i = 0; i < b->groups; i++)
		if (b->group[i]->alert)
			each(user, b->group[i]->alert);
}

void
alert_book_clear(struct alert_book *b)
{
	arena_clear(&b->arena);
	memset(b->bucket, 0, sizeof b->bucket);
	b->groups = 0;
	b->pending = 0;
	b->told = 0;
	b->opened = 0;
	b->error = 0;
}
