/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_DESK_H
#define WEB_DESK_H

/*
 * What the API may see of core: the stores, the register, the rules and a few numbers. Core owns all of it and fills
 * the struct at its start; API handlers run on core's thread, and only what archive.h calls thread-safe is used from
 * pool threads.
 */

#include "alert/alert.h"
#include "detect/correlate.h"
#include "detect/flow.h"
#include "detect/sigma.h"
#include "host/options.h"
#include "host/pool.h"
#include "inspect/inspect.h"
#include "store/archive.h"
#include "web/message.h"
#include "web/reports.h"
#include "share/warning.h"
#include "web/failures.h"
#include "web/ticket.h"
#include "web/vault.h"

struct api_call;

/* A witness of the record, as core_witness.c knows it. Texts are the desk's. */
struct desk_witness {
	struct str name, url, key;
	uint64_t size;      /* entries under its last cosignature */
	int64_t time_ms;    /* and when it gave it; 0: never */
	int64_t failing_ms; /* since when it gives none; 0: it does */
	struct str error;   /* of the last try, while failing */
	struct str fault;   /* "fork": it refuses our tree; "ahead": it has seen more than we have; "key": its key cannot be read */
	uint64_t seen, missing; /* "ahead": how many entries it has seen, and how many of them are not here */
};

struct desk {
	const struct options *options;
	struct db *db;
	struct archive *archive;
	bool exceptions_moved;      /* the database holds others than are in force; they are read when the register is */
	struct registry *registry;  /* who changes what it was made of touches it, and it is renewed before the next message is heard */
	struct law *law;            /* the rules in force; never NULL */
	struct rules *rules;        /* what judges: findings name rules of this set */
	struct rules *rules_next;   /* read already, judges as soon as a worker has it; NULL = no change is under way */
	const char *rules_shipped, *rules_desk; /* folders that tell where a rule comes from; NULL = there is none */
	unsigned content_faults;    /* of law, kinds and warning lists, when the desk started: what they say is left out */
	int rules_error;            /* why what the desk decided about rules is not in force yet (E_FULL ...), or 0 */
	struct coverage *coverage;  /* what really arrives */
	const struct attack *attack; /* names of tactics and techniques */
	struct rules_stats rules_stats; /* of the newer one */
	const struct correlator *correlator; /* core feeds it, swaps it with the rules; NULL: no rule asks for it */
	const struct flow *flow;    /* core feeds it */
	const struct warning_lists *warning_lists; /* NULL only when memory is short at the start */
	uint32_t indicators;        /* in the image that the worker asks */
	struct pool *pool;
	struct pool *importer;      /* one thread: imports take minutes, and people search meanwhile */
	struct inspect *inspect;    /* files handed in, and sweeps */
	struct throttle *throttle;
	struct tickets *tickets;    /* between two steps of a sign-in */
	struct failures *failures;  /* sign-ins that failed, not yet written */
	struct vault *vault;        /* what seals the secrets of authenticator apps */
	struct report_book *reports;
	int64_t started_ms;
	int supervisor;             /* its process, for the sum of memory */
	bool demonstration;         /* the player runs or its data are here */
	int stalled;                /* why core can apply nothing just now (E_FULL ...), or 0 */
	uint64_t events;            /* applied since the start */
	uint64_t unparsed, failed, truncated;
	uint64_t findings, findings_over;
	uint64_t suppressed;        /* findings that exceptions took away since the start */
	struct lost {
		uint64_t kernel_drops, refused, oversized, quarantined;
	} lost_before;              /* lost before today began (local time); today is the rest */
	int64_t today;              /* its number since 1970 */
	struct desk_state {         /* what correlations and flows remember, on disk */
		uint64_t block, bytes, failed, refused;
		int64_t written_ms;     /* 0: never */
		int64_t made_ms, wrote_ms; /* how long core stood still for it, and how long the disk took */
	} state;
	double events_per_second;   /* over the last ten seconds */
	struct personal_readings {
		uint64_t key[256];
		int64_t at_ms[256];
		uint32_t next;
	} readings;                 /* of a moment ago (web/personal.h) */
	struct api_call *open_call; /* the call whose transaction is open (web/recorded.h); only compared */
	struct recorder *recorder;  /* store/record.h; NULL when the record on disk cannot be believed */
	bool record_broken;
	const char *record_fault;   /* why: fault.* of content/lang */
	int64_t record_put_back;    /* entries that the database had lost at the start */
	struct desk_witness *witness; /* those who cosign the record */
	uint32_t witnesses;
	/* What the API asks of core. */
	void (*respond)(void *core, const struct api_response *r);
	/* Ask the organisation's directory, which ends in proof_directory(). False: it cannot be asked now. NULL: there is none. */
	bool (*directory_ask)(void *core, struct api_call *c, struct str login, struct str password);
	void (*session_over)(void *core, struct str id); /* of this session or API key (empty: of any) no live stream goes on */
	int (*end_demonstration)(void *core);
	void (*alert_changed)(void *core, int64_t id); /* tell the live stream */
	void (*lookback_changed)(void *core, int64_t id); /* a job came or was stopped */
	void (*lookback_told)(void *core, int64_t id); /* tell the live stream how far it is */
	void (*indicators_told)(void *core); /* tell the live stream that others are in use now */
	/* Have a file read as a table by the look-back role; then call->tabled. */
	void (*table_read)(void *core, struct api_call *call, struct str bytes);
	/* Have the text of rules checked by the look-back role, which ends the call. */
	void (*rules_check)(void *core, struct api_call *call, struct str text);
	/* The database holds other rules, switches or exceptions: publish and read them; `then` when that is done. */
	void (*rules_changed)(void *core, void (*then)(void *user, int error), void *user);
	void *core;
};

/* The newest rule set: what people see. */
static inline const struct rules *
desk_rules(const struct desk *d)
{
	return d->rules_next ? d->rules_next : d->rules;
}

#endif
