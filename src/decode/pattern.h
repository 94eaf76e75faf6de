/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_PATTERN_H
#define DECODE_PATTERN_H

/*
 * Sentences that programs write, as tables: "Failed %M for %*U from %I port %P". Worker and scan; pure.
 *
 * A capture %X takes what stands before the literal that follows it, %*X what stands before the last such literal of the
 * text: a user name is chosen by the attacker, who may well call himself "root from 10.0.0.1 port 22". Nothing is ever
 * tried twice, so matching is linear. Captures of one word (addresses, numbers) refuse blanks; as the last thing of a
 * pattern they end at a blank, others take the rest. What follows a last literal is not looked at.
 *
 * capture  native field     core field
 *   %U     user             user.name
 *   %T     target_user      user.target.name
 *   %J     user, src_ip     "root 192.0.2.7": both, cut at the last blank
 *   %I     src_ip           source.ip or source.domain (one word)
 *   %P     src_port         source.port (digits)
 *   %D     dst_ip           destination.ip or destination.domain (one word)
 *   %d     dst_port         destination.port (digits)
 *   %O     protocol         network.transport (one word)
 *   %H     src_host         source.domain (one word)
 *   %C     command          process.command_line
 *   %u     uid              user.id (one word)
 *   %Y     tty              (one word)
 *   %M     method           (one word)
 *   %N     count            (digits)
 *   %A     operation        (one word)
 *   %B     by_user
 *   %G     group
 *   %R     reason
 *   %S     unit
 *   %V     via              (one word)
 *   %Q     query            dns.question.name (one word)
 *   %K     record_type      dns.question.type (one word)
 *   %@     pairs            each key=value of the rest under its own name, see pattern_pairs()
 *   %_     nothing
 */

#include "decode/text.h"

enum outcome { OUTCOME_NONE, OUTCOME_SUCCESS, OUTCOME_FAILURE };

struct pattern {
	const char *form;
	struct str action; /* event.action */
	enum outcome outcome;
};

/* Add what the first fitting pattern captures, event.action and event.outcome. False: none fits, nothing was added. */
bool pattern_decode(struct decode_context *c, const struct pattern *table, size_t count, struct str text,
    struct event *e);
/* "logname= uid=0 tty=ssh rhost=192.0.2.7  user=root": values end at a blank or stand in double quotes. Core fields for
 * user and rhost. */
void pattern_pairs(struct decode_context *c, struct str text, struct event *e);
void pattern_outcome(struct event *e, struct str action, enum outcome outcome);

#endif
