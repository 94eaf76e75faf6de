/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Beacons: one of our machines calls the same service outside at even intervals. The period is the median of the
 * intervals between the latest starts, the jitter the median distance from it over the period: one missed or late call
 * changes neither. Bursts with pauses between them are told apart by how many intervals are of the period at all. What many of our machines call (updates, time, a page's own refresh) is no beacon.
 */
#include "base/memory.h"
#include "detect/flow_private.h"

#define PART_MS (5 * TIME_SECOND)

struct rhythm {
	int64_t period, jitter_ms, span;
	double jitter, even;
};

static void
sort(int64_t *list, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		int64_t it = list[i];
		uint32_t at = i;
		for (; at && list[at - 1] > it; at--)
			list[at] = list[at - 1];
		list[at] = it;
	}
}

static struct rhythm
measure(const struct beacon *b)
{
	int64_t gap[BEATS];
	uint32_t n = b->n - 1;
	struct rhythm r = {.span = b->start[n] - b->start[0]};
	for (uint32_t i = 0; i < n; i++)
		gap[i] = b->start[i + 1] - b->start[i];
	sort(gap, n);
	r.period = gap[n / 2];
	for (uint32_t i = 0; i < n; i++)
		gap[i] = gap[i] > r.period ? gap[i] - r.period : r.period - gap[i];
	sort(gap, n);
	r.jitter_ms = gap[n / 2];
	uint32_t even = 0;
	while (even < n && gap[even] <= r.period / 2)
		even++;
	r.even = (double)even / n;
	r.jitter = r.period ? (double)r.jitter_ms / (double)r.period : 1;
	return r;
}

void
beacon_release(void *body)
{
	mem_free(((struct beacon *)body)->start);
}

size_t
beacon_more(const void *body)
{
	const struct beacon *b = body;
	return b->cap * sizeof *b->start;
}

bool
beacon_add(struct beacon *b, int64_t start, int64_t merge)
{
	uint32_t at = b->n;
	while (at && b->start[at - 1] > start)
		at--;
	if ((at && start - b->start[at - 1] <= merge) || (at < b->n && b->start[at] - start <= merge))
		return false;
	if (b->n == BEATS) {
		if (!at--)
			return false;
		memmove(b->start, b->start + 1, at * sizeof *b->start);
	} else {
		if (b->n == b->cap) {
			b->cap = b->cap ? b->cap * 2 : 2;
			b->start = mem_realloc(b->start, b->cap * sizeof *b->start);
		}
		memmove(b->start + at + 1, b->start + at, (b->n - at) * sizeof *b->start);
		b->n++;
	}
	b->start[at] = start;
	b->added++;
	return true;
}

/* Do many of our machines call that service within a day? More than twice as many as it takes are not kept. */
static bool
is_popular(struct flow *f, const struct flow_record *r)
{
	const struct flow_key key = flow_key_of(KIND_PEERS, r);
	int64_t pane;
	size_t before;
	struct flow_state *at = flow_panes(f, KIND_PEERS, &key, r->end, true, &pane, &before);
	if (!at)
		return false;
	struct panes *p = (struct panes *)at->body;
	uint64_t who = flow_hash(f, str_from((const char *)r->client, 16));
	if (panes_items(p, false) < 2 * f->is.beacon_popular || panes_know(p, who))
		panes_see(p, pane, who, false);
	flow_table_settle(&f->table[KIND_PEERS], at, before);
	return panes_items(p, false) >= f->is.beacon_popular;
}

static void
tell_beacon(struct flow *f, const struct flow_record *r, const struct beacon *b, const struct rhythm *rhythm)
{
	struct flow_told t = {.f = f};
	flow_tell(&t, "source.ip", r->client_text);
	flow_tell(&t, "destination.ip", r->server_text);
	flow_tell_number(&t, "destination.port", r->server_port);
	flow_tell_number(&t, "period_s", (double)rhythm->period / 1000);
	flow_tell_number(&t, "jitter_percent", 100 * rhythm->jitter);
	flow_tell_number(&t, "limit.jitter_percent", 100 * f->is.beacon_jitter);
	flow_tell_number(&t, "even_percent", 100 * rhythm->even);
	flow_tell_number(&t, "limit.even_percent", 100 * f->is.beacon_even);
	flow_tell_number(&t, "connections", b->added);
	flow_tell_number(&t, "limit.connections", f->is.beacon_count);
	flow_tell_number(&t, "span_s", (double)(b->start[b->n - 1] - b->first) / 1000);
	flow_tell_number(&t, "source.bytes", (double)b->bytes_out);
	flow_tell_number(&t, "destination.bytes", (double)b->bytes_in);
	flow_find(&t, f->is.beacon, r->event);
}

/* A long connection that is told in parts, as NetFlow's timeouts do: the caller's port stays. Over UDP it may stay for
 * other calls too, so there a part must begin where the last one ended. */
static bool
is_part(const struct beacon *b, const struct flow_record *r)
{
	return r->client_port && r->client_port == b->port && (r->transport == FLOW_TCP || r->start - b->end <= PART_MS);
}

void
flow_beacon(struct flow *f, const struct flow_record *r)
{
	const struct flow_rules *is = &f->is;
	const struct flow_key key = flow_key_of(KIND_BEACON, r);
	if (!is->beacon || !r->client_ours || r->server_ours || flow_multicast(r->server) || flow_is_regular(&f->lists, r))
		return;
	bool popular = is_popular(f, r);
	struct flow_state *at = flow_table_get(&f->table[KIND_BEACON], &key, r->end);
	struct beacon *b = (struct beacon *)at->body;
	size_t before = beacon_more(b);
	b->flows++;
	b->bytes_out += r->asked_bytes;
	b->bytes_in += r->answered_bytes;
	bool part = is_part(b, r);
	b->port = r->client_port;
	b->end = r->end;
	if (part || !beacon_add(b, r->start, is->beacon_merge))
		return;
	flow_table_settle(&f->table[KIND_BEACON], at, before);
	if (b->added == 1)
		b->first = r->start;
	/* Every fourth is often enough. */
	if (popular || b->n < is->beacon_count || (b->added - (uint32_t)is->beacon_count) % 4)
		return;
	struct rhythm rhythm = measure(b);
	if (rhythm.jitter <= is->beacon_jitter && rhythm.even >= is->beacon_even && rhythm.period >= is->beacon_period_least &&
	    rhythm.period <= is->beacon_period_most && rhythm.span >= is->beacon_span &&
	    flow_due(at, r->end, b->added))
		tell_beacon(f, r, b, &rhythm);
}
