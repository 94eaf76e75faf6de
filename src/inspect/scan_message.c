/* SPDX-License-Identifier: EUPL-1.2 */
#include "inspect/scan_message.h"

const char *
scan_outcome_name(enum scan_outcome outcome)
{
	static const char *const names[SCAN_OUTCOMES] = {"done", "slow", "unreadable", "memory", "failed", "crashed"};
	return outcome < SCAN_OUTCOMES ? names[outcome] : "failed";
}

void
scan_request_put(struct buf *out, const struct scan_request *r)
{
	wire_put_u64(out, r->ticket);
	wire_put_u64(out, r->max_bytes);
	wire_put_u32(out, r->timeout_s);
	wire_put_str(out, r->name);
}

int
scan_request_take(struct str message, struct scan_request *ret)
{
	struct wire w = {message, false};
	struct scan_request r = {.ticket = wire_u64(&w), .max_bytes = wire_u64(&w), .timeout_s = wire_u32(&w)};
	r.name = wire_str(&w);
	if (w.bad || w.rest.n)
		return E_CORRUPT;
	*ret = r;
	return 0;
}

static void
match_put(struct buf *out, const struct yara_match *m)
{
	const struct str text[] = {m->rule, m->space, m->title, m->title_vi, m->reference, m->tags};
	for (size_t i = 0; i < COUNT(text); i++)
		wire_put_str(out, text[i]);
	wire_put_u8(out, (uint8_t)m->level);
	wire_put_u8(out, (uint8_t)m->hits);
	for (uint32_t i = 0; i < m->hits; i++) {
		wire_put_str(out, m->hit[i].name);
		wire_put_u64(out, m->hit[i].offset);
		wire_put_u32(out, m->hit[i].length);
		wire_put_str(out, m->hit[i].bytes);
	}
}

void
scan_answer_put(struct buf *out, const struct scan_answer *a)
{
	wire_put_u64(out, a->ticket);
	wire_put_u8(out, (uint8_t)a->outcome);
	wire_put_u64(out, a->bytes);
	wire_put_u8(out, a->partial);
	buf_add(out, str_from((const char *)a->sha256, sizeof a->sha256));
	wire_put_u32(out, a->found.over);
	wire_put_u8(out, (uint8_t)a->found.matches);
	for (uint32_t i = 0; i < a->found.matches; i++)
		match_put(out, &a->found.match[i]);
}

static int
match_take(struct wire *w, struct arena *arena, struct yara_match *m)
{
	struct str *const text[] = {&m->rule, &m->space, &m->title, &m->title_vi, &m->reference, &m->tags};
	for (size_t i = 0; i < COUNT(text); i++)
		*text[i] = wire_str(w);
	unsigned level = wire_u8(w), hits = wire_u8(w);
	if (w->bad || level >= LEVEL_COUNT || hits > YARA_HITS_MAX)
		return E_CORRUPT;
	m->level = (enum level)level;
	m->hits = hits;
	m->hit = arena_calloc(arena, hits, sizeof *m->hit);
	for (unsigned i = 0; i < hits && m->hit; i++) {
		m->hit[i].name = wire_str(w);
		m->hit[i].offset = wire_u64(w);
		m->hit[i].length = wire_u32(w);
		m->hit[i].bytes = wire_str(w);
	}
	return m->hit ? 0 : E_LIMIT;
}

int
scan_answer_take(struct str message, struct arena *arena, struct scan_answer *ret)
{
	struct wire w = {message, false};
	struct scan_answer a = {.ticket = wire_u64(&w)};
	unsigned outcome = wire_u8(&w);
	a.bytes = wire_u64(&w);
	a.partial = wire_u8(&w) != 0;
	struct str digest = wire_bytes(&w, sizeof a.sha256);
	a.found.over = wire_u32(&w);
	a.found.matches = wire_u8(&w);
	if (w.bad || outcome >= SCAN_CRASHED || a.found.matches > YARA_MATCHES_MAX)
		return E_CORRUPT;
	memcpy(a.sha256, digest.p, sizeof a.sha256);
	a.outcome = (enum scan_outcome)outcome;
	a.found.match = arena_calloc(arena, a.found.matches, sizeof *a.found.match);
	if (!a.found.match)
		return E_LIMIT;
	for (uint32_t i = 0; i < a.found.matches; i++)
		TRY(match_take(&w, arena, &a.found.match[i]));
	if (w.bad || w.rest.n)
		return E_CORRUPT;
	*ret = a;
	return 0;
}

void
scan_rules_put(struct buf *out, const struct scan_rules *r)
{
	wire_put_u32(out, r->stats.files);
	wire_put_u32(out, r->stats.refused);
	wire_put_u32(out, r->stats.rules);
	wire_put_u32(out, r->ms);
	wire_put_u8(out, (uint8_t)r->faults);
	for (uint32_t i = 0; i < r->faults; i++) {
		wire_put_str(out, str_z(r->fault[i].file));
		wire_put_u32(out, r->fault[i].line);
		wire_put_str(out, str_z(r->fault[i].what));
		wire_put_str(out, str_z(r->fault[i].arg));
	}
}

/* Keys of sentences are static in a fault: one of those that a fault of rules may have. */
static const char *
fault_key(struct str what)
{
	static const char *const keys[] = {"yara_rule", "yara_module", "yara_slow", "yara_text", "yara_too_big",
		"yara_memory", "rule_file"};
	for (size_t i = 0; i < COUNT(keys); i++)
		if (str_eq(str_z(keys[i]), what))
			return keys[i];
	return keys[0];
}

int
scan_rules_take(struct str message, struct arena *arena, struct scan_rules *ret)
{
	struct wire w = {message, false};
	struct scan_rules r = {.stats = {.files = wire_u32(&w), .refused = wire_u32(&w), .rules = wire_u32(&w)}};
	r.ms = wire_u32(&w);
	r.faults = wire_u8(&w);
	if (w.bad || r.faults > SCAN_FAULTS_MAX)
		return E_CORRUPT;
	r.fault = arena_calloc(arena, r.faults, sizeof *r.fault);
	if (!r.fault)
		return E_LIMIT;
	for (uint32_t i = 0; i < r.faults; i++) {
		struct str file = wire_str(&w);
		uint32_t line = wire_u32(&w);
		const char *what = fault_key(wire_str(&w));
		fault_set(&r.fault[i], E_INVALID, what, wire_str(&w), line, 0);
		fault_in_file(&r.fault[i], file);
	}
	if (w.bad || w.rest.n)
		return E_CORRUPT;
	*ret = r;
	return 0;
}
