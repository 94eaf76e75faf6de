/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_TEXT_H
#define DECODE_TEXT_H

/*
 * Small readers that the line decoders share. Worker and scan; pure. All of them walk a slice once.
 */

#include "decode/decode.h"

static inline bool
text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
text_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The bytes before the first blank; *rest then starts at the next byte that is no blank. */
struct str text_take_word(struct str *rest);
/* `prefix` at the front: cut, true. */
bool text_take(struct str *rest, struct str prefix);
struct str text_skip_blanks(struct str s);
/* Position of the last such byte, or -1. */
ptrdiff_t text_find_last(struct str s, char c);
bool text_is_number(struct str s);
/* IPv4 dotted quad or IPv6 (RFC 4291, 2.2), without port, zone or brackets. */
bool text_is_ip(struct str s);
/* "0" .. "191"; static. */
struct str text_small_number(unsigned n);
/* Which of the three-letter names ("janfebmar...") stands at the front of s in any case, from 0; -1 for none. */
int text_three(struct str s, const char *names);
/* 1..12 of "Jan", "JAN", "jan" at the front of s, or 0. */
int text_month(struct str s);

/* "/usr/sbin/cron" and "sshd(pam_unix)" are cron and sshd. */
struct str text_program_name(struct str program);

/* ASCII letters in lower case; as it is when the arena is full. */
struct str text_lower(struct arena *arena, struct str s);

/* A name that a line may have, and where its value is wanted. */
struct text_slot {
	struct str name;
	struct str *to;
};
/* Of several values for one slot the first that is not empty counts. */
void text_note(const struct text_slot *slot, size_t count, struct str name, struct str value);

/* Native field; an empty value is left out. */
void text_add(struct decode_context *c, struct event *e, struct str name, struct str value);
/* Core field `ip` when `address` is one ("::ffff:" taken off, brackets and zone too), else core field `domain`. */
void text_add_address(struct event *e, struct str address, uint32_t ip, uint32_t domain);

#endif
