/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DETECT_YARA_H
#define DETECT_YARA_H

/*
 * YARA rules over the bytes of one file. The yara role, `khien sweep`, `khien check`; one thread.
 *
 * libyara is another's code that reads hostile bytes, so it works only in a process that has given up everything else
 * (host/sandbox.h); this wrapper is what that process calls. Rules are compiled once, each file by itself first, so that
 * a faulty one is refused alone, then all that are good together, each in a namespace of its own. Includes are off.
 * Modules are those that look at nothing but the bytes being scanned: a file that imports another (cuckoo, magic,
 * console) is refused.
 *
 * Source: the YARA 4.2 manual (yara.readthedocs.io), "Writing YARA rules" and "The C API".
 */

#include "base/arena.h"
#include "base/error.h"
#include "detect/finding.h"

#define YARA_TEXT_MAX (32u << 20)  /* bytes of one rule file */
#define YARA_MATCHES_MAX 100u      /* rules told of one file; more are counted */
#define YARA_HITS_MAX 8u           /* strings told of one rule */
#define YARA_HIT_BYTES 80u         /* bytes shown of one string */

struct yara;

struct yara_stats {
	uint32_t files, refused; /* files of rules */
	uint32_t rules;          /* in those that were not refused */
};

struct yara_hit {
	struct str name;   /* "$a" */
	uint64_t offset;
	uint32_t length;
	struct str bytes;  /* the first YARA_HIT_BYTES of it */
};

struct yara_match {
	struct str rule;   /* its identifier */
	struct str space;  /* name of its file, without folder and ending */
	struct str title, title_vi; /* meta: title or description, title_vi; may be empty */
	struct str reference;
	struct str tags;   /* separated by spaces */
	enum level level;  /* meta: level or severity, as a word or a number of 0..100; else LEVEL_HIGH */
	struct yara_hit *hit;
	uint32_t hits;
};

/* What one scan found. Everything lives in the arena. */
struct yara_found {
	struct yara_match *match;
	uint32_t matches;
	uint32_t over;     /* matching rules beyond YARA_MATCHES_MAX or the arena */
};

/* Before the process is confined. E_FULL when there is no memory. */
[[nodiscard]] int yara_new(struct yara **ret);
/* Accepts NULL. */
void yara_free(struct yara *y);
/* One file of rules; the text is copied. False when it is refused: then on_fault has heard why, once for each error. */
bool yara_add(struct yara *y, struct str text, struct str file, void (*on_fault)(void *user, const struct fault *f),
    void *user);
/* After the last yara_add(): from here on yara_scan() works. E_FULL. */
[[nodiscard]] int yara_finish(struct yara *y);
struct yara_stats yara_stats(const struct yara *y);
/* `name` is what the file was called, for rules that ask (filename, filepath, extension). E_LIMIT: it took longer than
 * timeout_s; E_FULL: no memory; E_INVALID: libyara gave up for another reason. Nothing is told then. */
[[nodiscard]] int yara_scan(struct yara *y, struct str bytes, struct str name, int timeout_s, struct arena *arena,
    struct yara_found *ret);

#endif
