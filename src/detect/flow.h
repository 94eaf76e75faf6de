/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_FLOW_H
#define DETECT_FLOW_H

/*
 * What single connections and DNS questions do not show: scans, beacons, DNS tunnels, amplification and volume out of
 * the ordinary. Runs in core, which feeds it every event in the order of the journal, and in scan; events that tell of
 * neither a flow nor a question are passed over. Each detector speaks through an engine rule (flow.scan_horizontal,
 * flow.scan_vertical, flow.beacon, flow.dns_tunnel, flow.amplification, flow.volume; content/rules/engines/flow.yml),
 * whose khien.parameters are its thresholds; without its rule a detector rests. Lists (public suffixes, what is known to
 * be regular ...) are the lists named flow_* of content/rules/placeholders.yaml.
 *
 * Reads core fields alone: event.type connection with source, destination, bytes, packets and khien.flow_state, or
 * dns.question.name with its asker (source.ip, else host.name: Sysmon). So a source that decodes to them needs no word here. Records of one direction
 * (khien.flow_state one_way, NetFlow) are taken for an answer when their source port is the well-known one.
 *
 * Time is the event's own (its receipt when it has none or claims to come from the future), so a replay gives the same
 * answer. State is keyed and bounded; in each table the stalest key goes first, and every eviction is counted. Windows
 * move in eighths: "within five minutes" means in the latest eight panes of 37.5 seconds. One thread, no file, no clock.
 */

#include "detect/sigma.h"

struct flow;

/* Is this address (16 bytes, IPv4 mapped) one of ours? Private addresses always are. */
typedef bool flow_ours(void *user, const uint8_t address[16]);

struct flow_options {
	size_t max_bytes;  /* of all state; 0 = 64 MB */
	flow_ours *ours;   /* NULL: the private addresses alone */
	void *user;
	int zone;          /* minutes east of UTC: when it is night */
};

struct flow_stats {
	uint64_t flows, questions;  /* seen */
	uint64_t fired;
	uint64_t evicted;           /* keys given up that could still have been asked for */
	uint64_t late;              /* events older than the window of their key */
	uint64_t dropped;           /* findings for which the arena had no room */
	uint32_t keys;
	size_t bytes;
	uint32_t hosts, learning;   /* whose volume is kept, and those of them whose weeks are too few to judge by */
};

struct flow *flow_new(const struct rules *r, const struct flow_options *o);
/* Accepts NULL. */
void flow_free(struct flow *f);
/* Another rule set: thresholds and lists are read anew, what was seen stays, but for windows whose length changed. `r`
 * must outlive f or the next call. */
void flow_set_rules(struct flow *f, const struct rules *r);
/* What one event brings about; findings live in `arena`, `matched` tells the numbers and, as limit.NAME, the threshold
 * of each. Returns how many (*ret is untouched when there is none). */
uint32_t flow_feed(struct flow *f, struct event *e, struct arena *arena, struct finding **ret);
/* Adds the core fields that flow_feed() looks at. */
void flow_wants(struct core_set *ret);
struct flow_stats flow_stats(const struct flow *f);

/* All state as bytes, and back. Loading replaces what f holds; E_CORRUPT, E_UNSUPPORTED (another version): nothing has
 * changed. Windows of another length than the rules now ask for are left out. Keys beyond max_bytes are evicted. */
void flow_save(const struct flow *f, struct buf *out);
[[nodiscard]] int flow_load(struct flow *f, struct str bytes);

#endif
