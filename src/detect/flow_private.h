/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_FLOW_PRIVATE_H
#define DETECT_FLOW_PRIVATE_H

/* Shared by detect/flow*.c alone. */

#include "detect/flow.h"
#include "detect/flow_table.h"

#define FLOW_TIME_FAR (INT64_C(1) << 50) /* in ms: beyond any calendar, and safe to reckon with */

/* ---- what an event says ---- */

enum flow_transport { FLOW_TCP, FLOW_UDP, FLOW_ICMP, FLOW_OTHER };
enum flow_answer { FLOW_UNTOLD, FLOW_ANSWERED, FLOW_UNANSWERED, FLOW_REFUSED };

/* A flow or a question, told from the side that asked. */
struct flow_record {
	struct event *event;
	uint8_t client[16], server[16];
	bool client_ours, server_ours;
	bool client_named;                   /* by the name of the machine, for want of an address */
	struct str client_text, server_text; /* the addresses as written */
	uint16_t client_port, server_port;
	enum flow_transport transport;
	enum flow_answer answer;
	bool one_way;
	uint64_t asked_bytes, answered_bytes, asked_packets, answered_packets;
	int64_t start, end;
	struct str name, type;               /* of a question; then nothing above but addresses, ports and end counts */
	bool is_answer;
};

/* False: the event is neither. */
bool flow_read(const struct flow *f, struct event *e, struct flow_record *ret);
/* "192.0.2.1", "2001:db8::1" as 16 bytes. */
bool flow_address(struct str text, uint8_t ret[16]);
bool flow_private(const uint8_t address[16]);
/* A group, or everybody. */
bool flow_multicast(const uint8_t address[16]);

/* ---- lists ---- */

struct flow_words {
	struct str *word; /* open addressing; p == NULL: free */
	uint32_t cap;
};

struct flow_prefix {
	uint8_t address[16];
	unsigned bits;
};

struct flow_lists {
	struct flow_words suffixes;  /* "com.vn": names below it are registered */
	struct flow_words domains;   /* names below it are long by trade: antivirus by DNS, ip6.arpa ... */
	uint32_t *regular, regulars; /* transport << 16 | port */
	uint32_t *amplifier, amplifiers; /* UDP ports */
	struct flow_prefix *regular_hosts;
	uint32_t regular_host_count;
};

void flow_lists_read(struct flow_lists *l, const struct rules *r);
void flow_lists_release(struct flow_lists *l);
bool flow_is_regular(const struct flow_lists *l, const struct flow_record *r);
bool flow_is_amplifier(const struct flow_lists *l, uint16_t port);
/* The registered domain at the end of a name in lower case ("a.b.gov.vn" -> "b.gov.vn"), or empty: a public suffix
 * itself, one label, or a name of the list `domains`. */
struct str flow_registered(const struct flow_lists *l, struct str name);

/* ---- detectors ---- */

enum flow_kind {
	KIND_HOSTS,     /* source, port: which hosts */
	KIND_PORTS,     /* source, destination: which ports */
	KIND_BEACON,    /* source, destination, port: when */
	KIND_PEERS,     /* destination, port: whose, so that what everybody talks to is no beacon */
	KIND_NAMES,     /* asker, domain: which names */
	KIND_REFLECTOR, /* our server, port, their network: bytes */
	KIND_VICTIM,    /* our host, port: bytes, from which servers */
	KIND_VOLUME,    /* our host: bytes out, by the hour of the week */
	KIND_COUNT
};

struct flow_rules {
	const struct rule_info *hosts, *ports, *beacon, *names, *amplification, *volume; /* NULL: rests */
	int64_t window_ms[KIND_COUNT];  /* of those with panes */
	double hosts_least, hosts_least_outside, hosts_share;
	double ports_least, ports_least_outside, ports_share;
	uint64_t tiny_packets;
	double beacon_count, beacon_jitter, beacon_even;
	int64_t beacon_period_least, beacon_period_most, beacon_span, beacon_merge;
	double beacon_popular;
	double names_least, names_length, names_entropy, names_bytes, names_rare_share;
	double ratio, reflector_bytes, victim_bytes, victim_servers;
	double volume_weeks, volume_factor, volume_deviations, volume_bytes;
	double night_from, night_to, night_bytes, new_days;
};

/* Start times in order, of the latest connections. Most services are called but a few times: the list grows. */
#define BEATS 32u
struct beacon {
	int64_t *start;
	uint32_t n, cap, added;
	uint16_t port;      /* the caller's, of the latest record */
	int64_t end;        /* of that record */
	uint64_t flows, bytes_out, bytes_in;
	int64_t first;
};

/* For struct flow_table; and a start into its place by time. False: it belongs to the call beside it (no further than
 * `merge`), or is older than all that is kept. */
void beacon_release(void *body);
size_t beacon_more(const void *body);
bool beacon_add(struct beacon *b, int64_t start, int64_t merge);

#define VOLUME_WEEKS 5u
#define WEEK_HOURS 168u
struct volume {
	int64_t first;      /* hour since 1970 */
	int64_t hour;       /* at hand */
	uint64_t bytes;     /* in it */
	uint64_t limit;     /* of it, once `limit_hour` is it; UINT64_MAX: learning */
	int64_t limit_hour;
	uint64_t usual;
	uint16_t past[VOLUME_WEEKS][WEEK_HOURS]; /* logarithms: volume_pack() */
};

#define FLOW_OUT_MAX 8u

struct flow {
	const struct rules *rules;
	struct flow_options options;
	struct flow_rules is;
	struct flow_lists lists;
	struct core_set wants;      /* flow_wants() */
	struct flow_table table[KIND_COUNT];
	int64_t begun;              /* time of the first flow ever: nobody is new before */
	struct flow_stats stats;
	struct arena *arena;        /* of the event at hand */
	struct finding out[FLOW_OUT_MAX];
	uint32_t outs;
};

void flow_tables_open(struct flow *f);
void flow_scan(struct flow *f, const struct flow_record *r);
void flow_beacon(struct flow *f, const struct flow_record *r);
void flow_names(struct flow *f, const struct flow_record *r);
void flow_amplification(struct flow *f, const struct flow_record *r);
void flow_volume(struct flow *f, const struct flow_record *r);
/* Enough weeks to judge by? */
bool volume_has_learned(const struct flow *f, const struct volume *v);

/* ---- what is common ---- */

/* transport << 16 | port */
uint32_t flow_service(enum flow_transport transport, uint16_t port);
/* What a kind asks for, of a flow. */
struct flow_key flow_key_of(enum flow_kind kind, const struct flow_record *r);
/* The state of `key` with its panes moved to that time; NULL (and counted) when that is too late. `make`: if there is
 * none, there will be. *ret_before for flow_settle(). */
struct flow_state *flow_panes(struct flow *f, enum flow_kind kind, const struct flow_key *key, int64_t time, bool make,
    int64_t *ret_pane, size_t *ret_before);
uint64_t flow_hash(const struct flow *f, struct str bytes);
/* A finding about `value` is due: the first, or an hour after the last, or the value has doubled. */
bool flow_due(struct flow_state *at, int64_t time, double value);

/* A finding being written. */
struct flow_told {
	struct flow *f;
	struct finding_field field[16];
	uint32_t n;
	bool over;
};
void flow_tell(struct flow_told *t, const char *name, struct str value);
void flow_tell_number(struct flow_told *t, const char *name, double value);
void flow_find(struct flow_told *t, const struct rule_info *rule, struct event *e);

#endif
