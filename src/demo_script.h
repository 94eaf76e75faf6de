/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DEMO_SCRIPT_H
#define DEMO_SCRIPT_H

/*
 * The script of the demonstration: content/demo/scenario.yaml as a stream of syslog frames in the order of their time.
 * The demonstration player; pure, one thread. Same text and same seed give the same frames, to the byte.
 *
 *	length: 3600                       seconds of the story; ordinary lines go on after it
 *	hosts:
 *	  - {name: web-xa, ip: 10.21.4.10, via: relp, group: web}       via udp, tcp or relp
 *	words:
 *	  staff: [an, binh]                {staff} in a line is one of them
 *	ordinary:                          lines of every day, at random moments
 *	  - {group: web, every: 20, program: sshd, priority: 86, line: "Accepted ..."}    on the mean every 20 s and host
 *	episodes:                          what an attacker does, second by second
 *	  - name: brute force
 *	    at: 20
 *	    host: web-xa
 *	    words: {attacker: [203.0.113.77]}        one value for the whole episode
 *	    steps:
 *	      - {after: 0, times: 30, every: 2, program: sshd, priority: 86, line: "Failed password for root from {attacker} ..."}
 *
 * `line` may be a list: ordinary lines take one by chance, steps take one after the other. {host} {ip} {pid} {port}
 * {time} (RFC 3339) {utc} ("2026-11-22 02:13:41.000") {clf} (as web servers write it) {number:1-254} {hex:8} are built
 * in. Braces around anything else stay, so that JSON needs no care.
 *
 * Every frame is RFC 5424 and carries the element [khien@0 demo="1"]: nobody shall take an invented line for a true
 * one. The collector turns that element, from a loopback peer and while the player runs, into RAW_DEMO.
 */

#include "base/error.h"

enum demo_via { DEMO_UDP, DEMO_TCP, DEMO_RELP, DEMO_VIA_COUNT };

struct demo_frame {
	int64_t at_ms;     /* since the beginning of the story */
	enum demo_via via;
	struct str bytes;  /* one syslog message, no framing; until the next call */
};

struct demo_script;

/* E_INVALID with *f; E_LIMIT. The script keeps what it needs of text. */
[[nodiscard]] int demo_script_read(struct str text, uint64_t seed, struct demo_script **ret, struct fault *f);
/* Accepts NULL. */
void demo_script_free(struct demo_script *s);
int64_t demo_script_length_ms(const struct demo_script *s);
/* The next frame that is due by until_ms (of the story); begin_ms is when the story begins, for the times in the lines. */
bool demo_script_next(struct demo_script *s, int64_t until_ms, int64_t begin_ms, struct demo_frame *ret);

#endif
