/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SHARE_INDICATOR_H
#define SHARE_INDICATOR_H

/*
 * Indicators as the desk keeps them: value, source, TLP, confidence, validity, and how often they were seen. The
 * database is the truth; detect/ioc.h is what is made of it for the worker. The number of an indicator in an image is
 * its id here, and rows are deleted only a year after they expired and never the newest (core_retention.h), so that a
 * finding made with an older image still means the same.
 *
 * States: active -> revoked and back by hand; held: as long as a warning list (share/warning.h) stops it, it never
 * matches; and expired, which is an active one whose time is over. Every change that images depend on raises the generation.
 *
 * valid_from and valid_until are asked of the whole time between an event's claim and its receipt (detect/ioc.h): an
 * event that came before an indicator was valid does not match it live, and is found by looking back.
 *
 * All functions take the caller's database connection: core's own, or one that a pool thread or `khien import` opened.
 */

#include "share/feed.h"
#include "share/warning.h"
#include "store/db.h"

enum indicator_state { INDICATOR_ACTIVE, INDICATOR_REVOKED, INDICATOR_HELD, INDICATOR_EXPIRED };

const char *indicator_state_name(enum indicator_state state);
bool indicator_state_from_name(struct str name, enum indicator_state *ret);

struct indicator {
	int64_t id;
	enum ioc_kind kind;
	struct str value, source;
	enum tlp tlp;
	int confidence;
	int64_t from_ms, until_ms; /* TIME_NONE when open */
	enum indicator_state state; /* expired told by the clock that was given */
	struct str held_by;        /* name of the warning list */
	struct str note, reference, who;
	int64_t created_ms, version, sightings;
	int64_t first_seen_ms, last_seen_ms; /* TIME_NONE: never */
};

/* --- taking in --- */

struct indicator_import {
	struct str source;         /* 1..100 bytes; made when new */
	enum feed_format format;
	int tlp;                   /* where the feed says none; TLP_UNSAID = amber */
	int confidence;            /* the same; -1 = 50 */
	int64_t until_ms;          /* the same; TIME_NONE = open */
	struct str who;
	uint64_t cap;              /* indicators of this import at most; 0 = INDICATOR_CAP */
	/* Called between two transactions, for whoever shares the database with core; may be NULL. */
	void (*breathe)(void *user);
	void *user;
};

#define INDICATOR_CAP 5000000u
/* A good breath: whoever waits for SQLite's lock that long looks for it every 50 ms, and would miss a shorter one. */
#define INDICATOR_PAUSE_MS 60
#define INDICATOR_FAULTS 100u

struct indicator_report {
	uint64_t read, added, updated, unchanged, refused, held, ignored;
	struct fault fault[INDICATOR_FAULTS]; /* the first of those refused or held */
	uint32_t faults;
};

/* A feed into the database, in transactions of a fraction of a second: an import that is cut short is begun again and changes
 * nothing twice. E_INVALID: the text is broken at some place (told in the faults; what stood before is in). E_LIMIT:
 * more than the cap (the fault feed_cap tells). E_FULL, E_IO, E_BUSY. */
[[nodiscard]] int indicator_import(struct db *db, const struct indicator_import *import, const struct warning_lists *lists,
    struct str text, int64_t now_ms, struct indicator_report *ret);

/* One item, in the caller's transaction; `like` has source, who and the fall-backs. *ret_id: its row. E_INVALID: no name of a
 * source. */
[[nodiscard]] int indicator_add(struct db *db, const struct indicator_import *like, const struct warning_lists *lists,
    const struct feed_item *item, int64_t now_ms, int64_t *ret_id);

/* --- reading --- */

struct indicator_filter {
	struct str text;           /* part of the value; empty = any */
	int kind;                  /* enum ioc_kind, or -1 */
	struct str source;         /* empty = any */
	int state;                 /* enum indicator_state, or -1 */
	int64_t before_id;         /* cursor; INT64_MAX = from the newest */
	uint32_t limit;            /* 1..500 */
};

[[nodiscard]] int indicator_list(struct db *db, const struct indicator_filter *f, int64_t now_ms, struct arena *arena,
    struct indicator **ret, uint32_t *ret_count);
[[nodiscard]] int indicator_count(struct db *db, const struct indicator_filter *f, int64_t now_ms, int64_t *ret);
/* E_NOT_FOUND. */
[[nodiscard]] int indicator_get(struct db *db, int64_t id, int64_t now_ms, struct arena *arena, struct indicator *ret);

struct indicator_source {
	struct str name;
	int64_t imported_ms, indicators, active, sightings;
};
[[nodiscard]] int indicator_sources(struct db *db, int64_t now_ms, struct arena *arena, struct indicator_source **ret,
    uint32_t *ret_count);

/* --- changing --- */

struct indicator_update {
	int state;                 /* INDICATOR_ACTIVE, INDICATOR_REVOKED, or -1 */
	bool set_note, set_until;
	struct str note;
	int64_t until_ms;          /* TIME_NONE = open */
	int confidence;            /* or -1 */
};
/* E_CONFLICT: `version` is not the current one. E_DENIED with f->what "indicator_held": a warning list holds it. */
[[nodiscard]] int indicator_change(struct db *db, int64_t id, int64_t version, const struct indicator_update *u,
    int64_t now_ms, struct fault *f);

/* --- images --- */

/* Raised by every change that images depend on; 0 when there has never been an indicator. */
[[nodiscard]] int indicator_generation(struct db *db, int64_t *ret);

struct indicator_image {
	uint64_t key;              /* random */
	struct str source;         /* only its; empty = all */
	int64_t after_ms;          /* those whose time was over by then are left out */
	bool look_back;            /* valid_from is not looked at: what is known today is searched in what was */
};
struct indicator_image_stats {
	uint32_t indicators;
	uint32_t held;             /* newly stopped by a warning list (the lists have changed): marked and left out; the others are let go */
	int64_t next_until_ms;     /* the next one to end after after_ms; INT64_MAX = none */
};
/* The image of all active indicators into an empty buf; takes seconds for millions. E_LIMIT, E_IO. */
[[nodiscard]] int indicator_image_build(struct db *db, const struct indicator_image *wish, const struct warning_lists *lists,
    int64_t generation, struct buf *ret, struct indicator_image_stats *ret_stats);

/* --- sightings (share/sighting.c): core alone --- */

#define SIGHTINGS_KEPT 20 /* of each indicator one by one */

struct sighting {
	int64_t event, time_ms;
	struct str field, value, organisation, system;
};
[[nodiscard]] int sighting_list(struct db *db, int64_t indicator, struct arena *arena, struct sighting **ret,
    uint32_t *ret_count);

/* What a hit means: the indicator's row, looked up once and remembered until the generation changes. */
struct sighting_book;

struct sighting_book *sighting_book_new(struct db *db);
void sighting_book_free(struct sighting_book *b);
/* Indicators have changed: look again. */
void sighting_book_forget(struct sighting_book *b);

struct sighting_meaning {
	enum ioc_kind kind;
	struct str value;          /* the indicator's own */
	struct str sources;        /* all that have it, the surest first: "VNCERT, feodo" */
	enum tlp tlp;              /* the strictest of them */
	int confidence;            /* the highest */
};
/* The indicator of that number, when it is active and really says `value` (an event's text): this is where a collision
 * of fingerprints, or an indicator revoked since the image was made, ends. False then. Texts live until the next call. */
bool sighting_meaning(struct sighting_book *b, uint32_t number, struct str value, struct sighting_meaning *ret);
/* Gather; nothing is written yet. */
void sighting_book_add(struct sighting_book *b, uint32_t number, const struct sighting *s);
/* Sightings gathered and not yet written. */
uint32_t sighting_book_pending(const struct sighting_book *b);
/* In the caller's transaction; may be repeated after a rollback. Then sighting_book_clear(). */
[[nodiscard]] int sighting_book_write(struct sighting_book *b);
void sighting_book_clear(struct sighting_book *b);
/* Hits that were none after all, since the start. */
uint64_t sighting_book_doubted(const struct sighting_book *b);

#endif
