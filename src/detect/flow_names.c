/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * DNS tunnels: one of our machines asks for very many different names below one registered domain, long and without
 * language in them: the names carry data out, and rare kinds of answers carry data in. Letters are folded first:
 * resolvers mix their case at random (draft-vixie-dnsext-dns0x20).
 */
#include <math.h>

#include "detect/flow_private.h"

#define NAME_MAX_BYTES 255u

enum { SUM_QUERIES, SUM_ANSWERS, SUM_BYTES, SUM_LENGTH, SUM_ENTROPY, SUM_RARE };

/* Bits a letter, in thousandths: what is even among the letters is high, language is about 2.5 to 3. */
static uint64_t
entropy_of(struct str text)
{
	uint8_t count[256] = {0};
	uint32_t letters = 0;
	double sum = 0;
	for (size_t i = 0; i < text.n; i++) {
		count[(uint8_t)text.p[i]]++;
		letters += text.p[i] != '.';
	}
	count['.'] = 0;
	for (size_t i = 0; i < text.n && letters; i++) {
		uint8_t *n = &count[(uint8_t)text.p[i]];
		if (*n > 1)
			sum += *n * log2(*n);
		*n = 0;
	}
	return letters ? (uint64_t)(1000 * (log2(letters) - sum / letters)) : 0;
}

static size_t
fold_name(struct str name, char ret[NAME_MAX_BYTES])
{
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n > NAME_MAX_BYTES)
		name = str_skip(name, name.n - NAME_MAX_BYTES); /* no name is longer; its end tells whose it is */
	for (size_t i = 0; i < name.n; i++)
		ret[i] = ascii_lower(name.p[i]);
	return name.n;
}

/* Kinds that carry more than an address and that people seldom ask for. */
static bool
is_rare(struct str type)
{
	static const struct str kinds[] = {STR_INIT("TXT"), STR_INIT("NULL"), STR_INIT("CNAME"), STR_INIT("MX"),
		STR_INIT("KEY"), STR_INIT("PRIVATE")};
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (str_eq_nocase(type, kinds[i]))
			return true;
	return false;
}

/* Means over all that was said, so that a question and its answer told apart change nothing. */
struct means {
	double names, queries, length, entropy, bytes, rare;
};

static struct means
means_of(const struct panes *p)
{
	double queries = (double)panes_sum(p, SUM_QUERIES), answers = (double)panes_sum(p, SUM_ANSWERS);
	double all = queries + answers, once = queries > answers ? queries : answers;
	return (struct means){
	    .names = panes_items(p, false),
	    .queries = once,
	    .length = (double)panes_sum(p, SUM_LENGTH) / all,
	    .entropy = (double)panes_sum(p, SUM_ENTROPY) / all / 1000,
	    .bytes = (double)panes_sum(p, SUM_BYTES) * once / all,
	    .rare = (double)panes_sum(p, SUM_RARE) / all,
	};
}

static void
tell_names(struct flow *f, const struct flow_record *r, const struct panes *p, const struct means *m, double least,
    struct str domain)
{
	const struct flow_rules *is = &f->is;
	struct flow_told t = {.f = f};
	struct str kept = {0};
	t.over = !arena_copy(f->arena, domain, &kept);
	flow_tell(&t, r->client_named ? "source.domain" : "source.ip", r->client_text);
	flow_tell(&t, "dns.question.registered_domain", kept);
	flow_tell_number(&t, "names", m->names);
	flow_tell_number(&t, "limit.names", least);
	flow_tell_number(&t, "mean_length", m->length);
	flow_tell_number(&t, "limit.mean_length", is->names_length);
	flow_tell_number(&t, "entropy_bits", m->entropy);
	flow_tell_number(&t, "limit.entropy_bits", is->names_entropy);
	flow_tell_number(&t, "queries", m->queries);
	flow_tell_number(&t, "query_bytes", m->bytes);
	flow_tell_number(&t, "limit.query_bytes", is->names_bytes);
	flow_tell_number(&t, "rare_type_percent", 100 * m->rare);
	flow_tell_number(&t, "window_s", (double)is->window_ms[KIND_NAMES] / 1000);
	if (p->truncated)
		flow_tell(&t, "truncated", STR("true"));
	flow_find(&t, is->names, r->event);
}

/* Mostly TXT and the like: half the names are enough. */
static void
judge(struct flow *f, const struct flow_record *r, struct flow_state *at, struct str domain)
{
	const struct flow_rules *is = &f->is;
	const struct panes *p = (const struct panes *)at->body;
	if (panes_items(p, false) < is->names_least / 2)
		return;
	struct means m = means_of(p);
	double least = m.rare >= is->names_rare_share ? is->names_least / 2 : is->names_least;
	if (m.names >= least && m.length >= is->names_length && m.entropy >= is->names_entropy &&
	    m.bytes >= is->names_bytes && flow_due(at, r->end, m.names))
		tell_names(f, r, p, &m, least, domain);
}

void
flow_names(struct flow *f, const struct flow_record *r)
{
	char folded[NAME_MAX_BYTES];
	struct str name = str_from(folded, fold_name(r->name, folded));
	struct str domain = flow_registered(&f->lists, name), below;
	struct flow_key key = {0};
	int64_t pane;
	size_t before;
	if (!f->is.names || !domain.n || domain.n == name.n || !r->client_ours)
		return;
	below = str_cut(name, 0, name.n - domain.n - 1);
	uint64_t hash[2] = {flow_hash(f, domain), domain.n};
	memcpy(key.a, r->client, sizeof key.a);
	memcpy(key.b, hash, sizeof key.b);
	struct flow_state *at = flow_panes(f, KIND_NAMES, &key, r->end, true, &pane, &before);
	if (!at)
		return;
	struct panes *p = (struct panes *)at->body;
	uint64_t sum[PANE_SUMS] = {
		[SUM_QUERIES] = !r->is_answer,
		[SUM_ANSWERS] = r->is_answer,
		[SUM_BYTES] = name.n,
		[SUM_LENGTH] = below.n,
		[SUM_ENTROPY] = entropy_of(below),
		[SUM_RARE] = is_rare(r->type),
	};
	panes_see(p, pane, flow_hash(f, below), false);
	panes_add(p, pane, sum);
	flow_table_settle(&f->table[KIND_NAMES], at, before);
	judge(f, r, at, domain);
}
