/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify_seam.h"

#include <stdio.h>

#include "base/lang.h"

#define TEXTS_MAX (1u << 20)

void
seams_entry(struct seams *s, uint64_t entry, struct str text)
{
	struct record_seam seam;
	if (!s->arena.max)
		arena_init(&s->arena, 4096, TEXTS_MAX);
	int error = record_seam_read(text, &s->arena, &seam);
	if (error == E_NOT_FOUND)
		return;
	if (error || s->count == SEAMS_MAX) {
		s->over++;
		return;
	}
	s->seam[s->count].entry = entry;
	s->seam[s->count++].is = seam;
}

void
seams_release(struct seams *s)
{
	if (s->arena.max)
		arena_release(&s->arena);
}

/* A copy of a record comes from anywhere: nothing in it speaks to the terminal. */
static void
add_harmless(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		buf_add_char(out, c < 0x20 || c == 0x7f || (c == 0xc2 && i + 1 < text.n && (unsigned char)text.p[i + 1] < 0xa0) ? '?' : (char)c);
	}
}

static void
say(const char *key, const struct str *args, size_t count)
{
	struct buf out = BUF_INIT, text = BUF_INIT;
	lang_format(&out, lang_of_user(), str_z(key), args, count);
	add_harmless(&text, buf_str(&out));
	printf("%.*s\n", STR_ARG(buf_str(&text)));
	buf_release(&out);
	buf_release(&text);
}

static bool
is_beginning(struct tlog *log, uint64_t size, const struct merkle_hash *root)
{
	struct merkle_nodes nodes = tlog_nodes(log);
	struct merkle_hash ours;
	return size <= tlog_size(log) && merkle_root(&nodes, size, &ours) == 0 && merkle_equal(&ours, root);
}

static bool
say_seam(uint64_t entry, const struct record_seam *s, struct tlog *log)
{
	char number[4][24];
	const uint64_t value[4] = {entry, s->before.size, s->seen, s->missing};
	bool good = !s->known || is_beginning(log, s->before.size, &s->before.root);
	for (size_t i = 0; i < COUNT(number); i++)
		snprintf(number[i], sizeof number[i], "%llu", (unsigned long long)value[i]);
	say("verify.seam", (const struct str[]){str_z(number[0]), s->at, s->reason}, 3);
	if (s->known)
		say(good ? "verify.seam_before" : "verify.seam_other", (const struct str[]){str_z(s->before.origin), str_z(number[1])}, 2);
	if (s->witness.n)
		say("verify.seam_missing", (const struct str[]){s->witness, str_z(number[2]), str_z(number[3])}, 3);
	return !good;
}

bool
seams_say(const struct seams *s, struct tlog *log)
{
	bool wrong = s->over != 0;
	for (uint32_t i = 0; i < s->count; i++)
		wrong |= say_seam(s->seam[i].entry, &s->seam[i].is, log);
	if (s->over)
		say("verify.seams_over", NULL, 0);
	return wrong;
}

const char *
seams_cosigned(const struct seams *s, struct tlog *log, struct str note)
{
	struct checkpoint c;
	if (checkpoint_read(note, &c) < 0)
		return NULL;
	for (uint32_t i = 0; i < s->count; i++)
		if (s->seam[i].is.known && str_eq(str_z(s->seam[i].is.before.origin), c.origin))
			return is_beginning(log, c.size, &c.root) ? "verify.cosigned_before" : "verify.cosigned_lost";
	return NULL;
}
