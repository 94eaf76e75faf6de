/* SPDX-License-Identifier: EUPL-1.2 */
/* Coverage: the ATT&CK matrix with what can really fire, for the province or one organisation. */
#include <stdlib.h>

#include "alert/coverage.h"
#include "base/hash.h"
#include "web/api_rule.h"
#include "web/attack.h"

#define NEVER_SEEN_MAX 200u
#define FIELDS_MAX 16u
#define TECHNIQUES_OF_A_RULE 32u

struct cell {
	uint32_t rules, on, live;
	int64_t fired;
};

struct never {
	struct str field;
	uint32_t rules;
};

struct matrix {
	struct api_call *call;
	struct cell *cell;        /* by technique of the table */
	struct rule_scores fired;
	bool *seen;               /* by source */
	struct never *never;      /* open addressing */
	uint32_t never_mask, nevers;
};

static bool
field_is_seen(void *user, struct str name)
{
	return coverage_has_field(user, name);
}

uint32_t
api_rule_never_seen(const struct desk *d, const struct rule_info *r, struct str *ret, uint32_t max)
{
	return d->coverage ? rules_unseen_fields(desk_rules(d), rules_index(r), field_is_seen, d->coverage, ret, max) : 0;
}

/* --- counting --- */

static void
count_never(struct matrix *m, const struct rule_info *r)
{
	struct str field[FIELDS_MAX];
	uint32_t n = api_rule_never_seen(m->call->desk, r, field, FIELDS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = (uint32_t)hash64(field[i], 3) & m->never_mask;
		while (m->never[at].field.n && !str_eq(m->never[at].field, field[i]))
			at = (at + 1) & m->never_mask;
		if (!m->never[at].field.n && m->nevers * 2 > m->never_mask)
			continue;
		m->nevers += !m->never[at].field.n;
		m->never[at].field = field[i];
		m->never[at].rules++;
	}
}

static void
count_technique(struct matrix *m, uint32_t technique, const struct rule_info *r, bool live, int64_t fired)
{
	struct cell *cell = &m->cell[technique];
	cell->rules++;
	cell->on += !r->off;
	cell->live += live;
	cell->fired += fired;
}

static void
count_rule(struct matrix *m, const struct rules *rules, const struct rule_info *r)
{
	uint32_t done[TECHNIQUES_OF_A_RULE], n = 0;
	bool live = rules_live(rules, rules_index(r), m->seen);
	struct rule_score score = rule_score_of(&m->fired, r->id);
	for (uint32_t i = 0; i < r->tag_count && n < TECHNIQUES_OF_A_RULE; i++) {
		uint32_t technique, k = 0;
		if (!attack_technique_of(m->call->desk->attack, r->tags[i], &technique))
			continue;
		while (k < n && done[k] != technique)
			k++;
		if (k < n)
			continue; /* named twice */
		done[n++] = technique;
		count_technique(m, technique, r, live, score.fired);
	}
	if (!r->off)
		count_never(m, r);
}

static int
fired_of(struct api_call *c, struct str organisation, struct rule_scores *ret)
{
	uint32_t count = rules_count(desk_rules(c->desk));
	return organisation.n ? rule_scores_of_organisation(c->desk->db, organisation, count, &c->arena, ret)
	                      : rule_scores_read(c->desk->db, 0, count, &c->arena, ret);
}

static int
fill(struct matrix *m, struct str organisation)
{
	struct api_call *c = m->call;
	const struct rules *rules = desk_rules(c->desk);
	m->never_mask = 4095;
	m->cell = arena_calloc(&c->arena, attack_techniques(c->desk->attack) + 1, sizeof *m->cell);
	m->seen = arena_calloc(&c->arena, rules_sources(rules) + 1, sizeof *m->seen);
	m->never = arena_calloc(&c->arena, m->never_mask + 1, sizeof *m->never);
	if (!m->cell || !m->seen || !m->never)
		return E_LIMIT;
	coverage_seen(c->desk->coverage, rules, organisation, m->seen);
	TRY(fired_of(c, organisation, &m->fired));
	for (uint32_t i = 0; i < rules_count(rules); i++) {
		const struct rule_info *r = rules_info(rules, i);
		if (!r->exception && !r->silent)
			count_rule(m, rules, r);
	}
	return 0;
}

/* --- as JSON --- */

static void
technique_json(struct buf *out, const struct attack *a, uint32_t technique, const struct cell *cell)
{
	struct attack_technique t = attack_technique_at(a, technique);
	buf_add_char(out, '{');
	out_text(out, "id", t.id);
	out_text(out, "name", t.name);
	out_i64(out, "rules", cell->rules);
	out_i64(out, "rules_on", cell->on);
	out_i64(out, "rules_live", cell->live);
	out_i64(out, "fired", cell->fired);
	out_text(out, "state", cell->live ? STR("live") : cell->on ? STR("unseen") : cell->rules ? STR("off") : STR("none"));
	buf_add_char(out, '}');
}

static void
tactics_json(struct buf *out, const struct matrix *m)
{
	const struct attack *a = m->call->desk->attack;
	out_name(out, "tactics");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < attack_tactics(a); i++) {
		struct attack_tactic t = attack_tactic_at(a, i);
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "id", t.id);
		out_text(out, "name", t.name);
		out_name(out, "techniques");
		buf_add_char(out, '[');
		for (uint32_t k = 0, n = 0; k < attack_techniques(a); k++) {
			if (!attack_is_of(a, k, i))
				continue;
			buf_add(out, n++ ? STR(",") : STR(""));
			technique_json(out, a, k, &m->cell[k]);
		}
		buf_add(out, STR("]}"));
	}
	buf_add_char(out, ']');
}

/* Pairs of one organisation as they are, of all joined by source. */
static void
sources_json(struct buf *out, const struct matrix *m, struct str organisation)
{
	const struct rules *rules = desk_rules(m->call->desk);
	uint32_t place, written = 0;
	out_name(out, "sources");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < rules_sources(rules); i++) {
		struct rule_source s = rules_source_at(rules, i);
		int64_t events = 0, last = 0;
		place = 0;
		for (const struct coverage_source *p; m->seen[i] && (p = coverage_next(m->call->desk->coverage, &place));) {
			if ((organisation.n && !str_eq(p->organisation, organisation)) || !str_eq(p->source.product, s.product) ||
			    !str_eq(p->source.category, s.category) || !str_eq(p->source.service, s.service))
				continue;
			events += p->events;
			last = p->last_ms > last ? p->last_ms : last;
		}
		if (!events)
			continue;
		buf_add(out, written++ ? STR(",{") : STR("{"));
		out_text_or_null(out, "product", s.product);
		out_text_or_null(out, "service", s.service);
		out_text_or_null(out, "category", s.category);
		out_i64(out, "events", events);
		out_i64(out, "last_ms", last);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static int
by_rules(const void *a, const void *b)
{
	const struct never *x = a, *y = b;
	return x->rules != y->rules ? (x->rules < y->rules ? 1 : -1) : str_cmp(x->field, y->field);
}

static void
never_json(struct buf *out, struct matrix *m)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i <= m->never_mask; i++)
		if (m->never[i].field.n)
			m->never[n++] = m->never[i];
	if (n)
		qsort(m->never, n, sizeof *m->never, by_rules);
	out_name(out, "never_seen");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < n && i < NEVER_SEEN_MAX; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "field", m->never[i].field);
		out_i64(out, "rules", m->never[i].rules);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	out_i64(out, "never_seen_total", n);
}

void
api_coverage(struct api_call *c)
{
	struct matrix m = {.call = c};
	struct str organisation = api_query(c, STR("organisation"));
	if (organisation.n && !registry_organisation(c->desk->registry, organisation)) {
		api_reply_problem(c, 422, "invalid", "organisation");
		return;
	}
	int error = fill(&m, organisation);
	if (api_failed(c, error))
		return;
	buf_add_char(&c->out, '{');
	out_text(&c->out, "attack_version", attack_version(c->desk->attack));
	tactics_json(&c->out, &m);
	sources_json(&c->out, &m, organisation);
	never_json(&c->out, &m);
	buf_add_char(&c->out, '}');
	api_reply(c, 200);
}
