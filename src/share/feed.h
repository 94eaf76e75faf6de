/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SHARE_FEED_H
#define SHARE_FEED_H

/*
 * Reading what others publish as indicators: a plain list, CSV, a STIX 2.1 bundle (OASIS, stix-v2.1-os), a MISP event
 * (MISP core format). Import and scan. Pure: a text in, items out, one at a time and in the order of the text; memory
 * does not grow with it. Nothing is taken silently: what is no indicator of ours is told with its place and counted.
 *
 *   list   one value a line; what stands behind '#' is a note; lines of a hosts file too
 *   csv    comma, semicolon or tab; columns by their usual names, Vietnamese or English; without a header the first
 *          cell of a line that is a value
 *   stix   indicator objects whose pattern compares values, joined by OR (hashes of one file also by AND)
 *   misp   attributes with to_ids, also those of objects; one event, a list of them, or what a search answers
 */

#include "base/arena.h"
#include "base/time.h"
#include "detect/ioc.h"

enum feed_format { FEED_AUTO, FEED_LIST, FEED_CSV, FEED_STIX, FEED_MISP };

bool feed_format_from_name(struct str name, enum feed_format *ret); /* "auto", "list", "csv", "stix", "misp" */

/* TLP 2.0 (FIRST, August 2022); "white" of TLP 1 is read as clear. */
enum tlp { TLP_CLEAR, TLP_GREEN, TLP_AMBER, TLP_AMBER_STRICT, TLP_RED, TLP_COUNT };
#define TLP_UNSAID (-1)

const char *tlp_name(enum tlp tlp); /* "clear", "green", "amber", "amber+strict", "red" */
/* Also "TLP:AMBER" and "tlp:white", any case. */
bool tlp_from_name(struct str name, enum tlp *ret);

#define FEED_NOTE_MAX 1000u
#define FEED_REFERENCE_MAX 500u

struct feed_item {
	enum ioc_kind kind;
	struct str value;      /* normalised */
	struct str note, reference; /* UTF-8; empty when not said */
	int tlp;               /* enum tlp or TLP_UNSAID */
	int confidence;        /* 0..100, or -1 */
	int64_t from_ms, until_ms; /* TIME_NONE when not said */
	bool revoked;
	uint32_t line, column; /* where it stands, from 1 */
};

struct feed_events {
	/* Texts are valid during the call. A non-zero answer ends the reading and is returned. */
	int (*item)(void *user, const struct feed_item *item);
	/* Something that was not taken. f->what: feed_value, feed_type, feed_pattern ... */
	void (*refused)(void *user, const struct fault *f);
	void *user;
};

struct feed_counts {
	uint64_t read;     /* items given */
	uint64_t refused;
	uint64_t ignored;  /* nothing to look for: objects of other kinds, attributes without to_ids */
};

#define FEED_BYTES (1u << 30) /* of one text */

/* E_INVALID when the text ends being what it began as (broken JSON): what stood before has been given, and the fault was
 * told. E_LIMIT: more than FEED_BYTES. Or what item() answered. */
[[nodiscard]] int feed_read(struct str text, enum feed_format format, const struct feed_events *events,
    struct feed_counts *counts);

/* A moment as people and feeds write it: RFC 3339, a date alone, day/month/year, seconds since 1970. */
bool feed_time(struct str text, int64_t *ret_ms);

#endif
