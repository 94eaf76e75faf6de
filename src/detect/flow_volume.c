/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Amplification: a server of ours that answers the outside with many times what it is asked (reflector), or a host of
 * ours that is answered from many servers without having asked (victim). Volume: what one of our hosts sends out in an
 * hour, beside the same hour of the weeks before; and a host that is new and sends much at night.
 */
#include <math.h>

#include "detect/flow_private.h"

/* ---- amplification ---- */

enum { SUM_ASKED, SUM_ANSWERED, SUM_FLOWS };

static void
tell_amplification(struct flow *f, const struct flow_record *r, enum flow_kind kind, const struct panes *p)
{
	const struct flow_rules *is = &f->is;
	struct flow_told t = {.f = f};
	bool victim = kind == KIND_VICTIM;
	double asked = (double)panes_sum(p, SUM_ASKED), answered = (double)panes_sum(p, SUM_ANSWERED);
	flow_tell(&t, "role", victim ? STR("victim") : STR("reflector"));
	flow_tell(&t, "host.ip", victim ? r->client_text : r->server_text);
	flow_tell(&t, "peer.ip", victim ? r->server_text : r->client_text);
	flow_tell_number(&t, "service.port", r->server_port);
	flow_tell_number(&t, "asked_bytes", asked);
	flow_tell_number(&t, "answered_bytes", answered);
	flow_tell_number(&t, "limit.answered_bytes", victim ? is->victim_bytes : is->reflector_bytes);
	flow_tell_number(&t, "ratio", answered / (asked > 0 ? asked : 1));
	flow_tell_number(&t, "limit.ratio", is->ratio);
	if (victim) {
		flow_tell_number(&t, "servers", panes_items(p, false));
		flow_tell_number(&t, "limit.servers", is->victim_servers);
	}
	flow_tell_number(&t, "flows", (double)panes_sum(p, SUM_FLOWS));
	flow_tell_number(&t, "window_s", (double)is->window_ms[kind] / 1000);
	flow_find(&t, is->amplification, r->event);
}

/* The network that is answered: attackers go from address to address within it. */
static void
network_of(const uint8_t address[16], uint8_t ret[16])
{
	memset(ret, 0, 16);
	memcpy(ret, address, address[10] == 0xff && address[11] == 0xff && !address[0] ? 15 : 6); /* /24, /48 */
}

static void
feed_amplification(struct flow *f, const struct flow_record *r, enum flow_kind kind, const struct flow_key *key)
{
	const struct flow_rules *is = &f->is;
	const uint64_t sum[PANE_SUMS] = {[SUM_ASKED] = r->asked_bytes, [SUM_ANSWERED] = r->answered_bytes, [SUM_FLOWS] = 1};
	bool victim = kind == KIND_VICTIM;
	int64_t pane;
	size_t before;
	struct flow_state *at = flow_panes(f, kind, key, r->end, true, &pane, &before);
	if (!at)
		return;
	struct panes *p = (struct panes *)at->body;
	panes_add(p, pane, sum);
	if (victim)
		panes_see(p, pane, flow_hash(f, str_from((const char *)r->server, 16)), false);
	flow_table_settle(&f->table[kind], at, before);
	double answered = (double)panes_sum(p, SUM_ANSWERED);
	if (answered >= (victim ? is->victim_bytes : is->reflector_bytes) &&
	    answered >= is->ratio * (double)panes_sum(p, SUM_ASKED) &&
	    (!victim || panes_items(p, false) >= is->victim_servers) && flow_due(at, r->end, answered))
		tell_amplification(f, r, kind, p);
}

void
flow_amplification(struct flow *f, const struct flow_record *r)
{
	struct flow_key key = {.c = r->server_port};
	if (!f->is.amplification || r->transport != FLOW_UDP || r->client_ours == r->server_ours ||
	    !flow_is_amplifier(&f->lists, r->server_port))
		return;
	if (r->client_ours) {
		memcpy(key.a, r->client, sizeof key.a);
		feed_amplification(f, r, KIND_VICTIM, &key);
	} else {
		memcpy(key.a, r->server, sizeof key.a);
		network_of(r->client, key.b);
		feed_amplification(f, r, KIND_REFLECTOR, &key);
	}
}

/* ---- volume ---- */

#define PACK_STEP 1000.0 /* a thousandth of a doubling: 0.07 % */

/* Kilobytes as a logarithm; 0 = nothing. */
static uint16_t
volume_pack(uint64_t bytes)
{
	return (uint16_t)(PACK_STEP * log2(1 + (double)(bytes < UINT64_C(1) << 60 ? bytes : UINT64_C(1) << 60) / 1024) + 0.5);
}

static double
volume_unpack(uint16_t packed)
{
	return (exp2(packed / PACK_STEP) - 1) * 1024;
}

static uint16_t *
past_of(struct volume *v, int64_t hour)
{
	return &v->past[hour / WEEK_HOURS % VOLUME_WEEKS][hour % WEEK_HOURS];
}

bool
volume_has_learned(const struct flow *f, const struct volume *v)
{
	return v->hour - v->first >= (int64_t)(f->is.volume_weeks * WEEK_HOURS) + 1;
}

static void
volume_move(struct volume *v, int64_t hour)
{
	const int64_t all = VOLUME_WEEKS * WEEK_HOURS;
	if (v->hour < 0)
		v->first = v->hour = hour;
	if (hour <= v->hour) /* told late: it counts in the hour at hand */
		return;
	*past_of(v, v->hour) = volume_pack(v->bytes);
	for (int64_t at = hour - v->hour > all ? hour - all : v->hour + 1; at < hour; at++)
		*past_of(v, at) = 0;
	v->hour = hour;
	v->bytes = 0;
}

static void
sort(double *list, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		for (uint32_t at = i; at && list[at - 1] > list[at]; at--) {
			double swap = list[at];
			list[at] = list[at - 1];
			list[at - 1] = swap;
		}
}

/* Median of the same hour (moved by `shift`) of the weeks before, and the median distance from it. */
static double
usual_of(struct volume *v, int64_t shift, double *ret_spread)
{
	double list[VOLUME_WEEKS];
	uint32_t n = 0;
	for (int64_t week = 1; week < (int64_t)VOLUME_WEEKS; week++) {
		int64_t hour = v->hour - week * (int64_t)WEEK_HOURS + shift;
		if (hour > v->first && hour < v->hour)
			list[n++] = volume_unpack(*past_of(v, hour));
	}
	*ret_spread = 0;
	if (!n)
		return 0;
	sort(list, n);
	double median = list[n / 2];
	for (uint32_t i = 0; i < n; i++)
		list[i] = fabs(list[i] - median);
	sort(list, n);
	*ret_spread = list[n / 2];
	return median;
}

/* Once an hour: what may leave in it. An hour earlier or later is as usual, so a backup need not be on the minute. */
static void
set_limit(const struct flow *f, struct volume *v)
{
	const struct flow_rules *is = &f->is;
	double usual = 0, spread = 0;
	v->limit_hour = v->hour;
	v->limit = UINT64_MAX;
	if (!volume_has_learned(f, v))
		return;
	for (int64_t shift = -1; shift <= 1; shift++) {
		double its_spread, its = usual_of(v, shift, &its_spread);
		if (its >= usual) {
			usual = its;
			spread = its_spread;
		}
	}
	double limit = fmax(is->volume_bytes, fmax(is->volume_factor * usual, usual + is->volume_deviations * 1.4826 * spread));
	v->usual = (uint64_t)fmin(usual, 1e18); /* state that was read may hold anything */
	v->limit = (uint64_t)fmin(limit, 1e18);
}

static bool
is_night(const struct flow *f, int64_t time)
{
	double hour = (double)time_to_civil(time, f->options.zone).hour;
	const struct flow_rules *is = &f->is;
	return is->night_from > is->night_to ? hour >= is->night_from || hour < is->night_to
					     : hour >= is->night_from && hour < is->night_to;
}

static void
tell_volume(struct flow *f, const struct flow_record *r, const struct volume *v, struct str host, bool night)
{
	const struct flow_rules *is = &f->is;
	struct flow_told t = {.f = f};
	flow_tell(&t, "reason", night ? STR("new_host_at_night") : STR("above_usual"));
	flow_tell(&t, "host.ip", host);
	flow_tell_number(&t, "bytes_out", (double)v->bytes);
	flow_tell_number(&t, "limit.bytes_out", night ? is->night_bytes : (double)v->limit);
	if (night) {
		flow_tell_number(&t, "known_for_hours", (double)(v->hour - v->first));
		flow_tell_number(&t, "limit.known_for_hours", is->new_days * 24);
	} else {
		flow_tell_number(&t, "usual_bytes_out", (double)v->usual);
		flow_tell_number(&t, "weeks", floor((double)(v->hour - v->first) / WEEK_HOURS));
	}
	flow_tell_number(&t, "hour_of_week", (double)((v->hour + f->options.zone / 60 + 3 * 24) % WEEK_HOURS));
	flow_find(&t, is->volume, r->event);
}

/* New, though we have been looking for longer than that. */
static bool
is_new(const struct flow *f, const struct volume *v)
{
	double days = f->is.new_days * (double)TIME_DAY;
	return (double)(v->first * TIME_HOUR - f->begun) >= days && (double)(v->hour - v->first) * (double)TIME_HOUR < days;
}

void
flow_volume(struct flow *f, const struct flow_record *r)
{
	const struct flow_rules *is = &f->is;
	const struct flow_key key = flow_key_of(KIND_VOLUME, r);
	if (!is->volume || r->client_ours == r->server_ours || flow_multicast(r->server))
		return;
	struct flow_state *at = flow_table_get(&f->table[KIND_VOLUME], &key, r->end);
	struct volume *v = (struct volume *)at->body;
	struct str host = r->client_ours ? r->client_text : r->server_text;
	volume_move(v, r->end / TIME_HOUR);
	v->bytes += r->client_ours ? r->asked_bytes : r->answered_bytes;
	bool much = (double)v->bytes >= is->volume_bytes, night = (double)v->bytes >= is->night_bytes;
	if (!much && !night)
		return;
	if (v->limit_hour != v->hour)
		set_limit(f, v);
	if (at->fired >= v->hour * TIME_HOUR)
		return; /* told in this hour */
	night = night && is_new(f, v) && is_night(f, r->end);
	if (v->bytes < v->limit && !night)
		return;
	at->fired = v->hour * TIME_HOUR;
	tell_volume(f, r, v, host, v->bytes < v->limit);
}
