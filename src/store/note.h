/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_NOTE_H
#define STORE_NOTE_H

/*
 * Signed notes, checkpoints and the cosignatures of witnesses, as text. Pure; any thread.
 *
 * Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature (Ed25519, types 0x01 and 0x04). A note is a text that
 * ends in a line break, an empty line, and signature lines "- NAME base64(key id || signature)" with a long dash. A
 * checkpoint is a note of three lines: the log's origin, the number of its leaves, the root over them.
 */

#include "store/merkle.h"

#define NOTE_MAX (64u << 10)
#define NOTE_SIGNATURES_MAX 64u
#define NOTE_NAME_MAX 200u
#define NOTE_SECRET 64u /* bytes of an Ed25519 secret key, seed and public half (RFC 8032) */

enum note_type { NOTE_ED25519 = 0x01, NOTE_COSIGNATURE = 0x04 };

struct note_key {
	char name[NOTE_NAME_MAX + 1];
	enum note_type type;
	uint32_t id;
	uint8_t public_key[32];
};

struct checkpoint {
	struct str body;   /* what is signed, with its last line break */
	struct str origin;
	uint64_t size;
	struct merkle_hash root;
	struct str signatures; /* the lines behind the empty one */
};

/* A new key for `name`: letters, digits and -_./: only. E_INVALID. */
[[nodiscard]] int note_key_new(struct str name, enum note_type type, struct note_key *ret, uint8_t ret_secret[NOTE_SECRET]);
/* The key that belongs to a secret. E_INVALID. */
[[nodiscard]] int note_key_of(struct str name, enum note_type type, const uint8_t secret[NOTE_SECRET], struct note_key *ret);
/* "NAME+1234abcd+base64": what a verifier is given. */
void note_key_text(const struct note_key *key, struct buf *out);
/* E_INVALID: not a key, its id is another's, or a type we do not know. */
[[nodiscard]] int note_key_read(struct str text, struct note_key *ret);

/* Adds the body of a checkpoint. */
void checkpoint_body(struct str origin, uint64_t size, const struct merkle_hash *root, struct buf *out);
/* Adds a signature line over `body`; time_s (seconds since 1970) is that of a cosignature and unused otherwise. */
void note_sign(struct str body, const struct note_key *key, const uint8_t secret[NOTE_SECRET], int64_t time_s, struct buf *out);
/* Reads a whole checkpoint; slices point into `note`. E_INVALID, E_LIMIT. Proves nothing yet. */
[[nodiscard]] int checkpoint_read(struct str note, struct checkpoint *ret);
/* Is there a line of this key, and is it right? 0; E_NOT_FOUND; E_CORRUPT when it is wrong. *ret_time_s (may be NULL) is
 * that of a cosignature. */
[[nodiscard]] int checkpoint_signed_by(const struct checkpoint *c, const struct note_key *key, int64_t *ret_time_s);

/* RFC 4648, section 4, with padding. */
void base64_add(struct buf *out, const uint8_t *bytes, size_t n);
/* Strict: nothing but whole groups, padding in its place, no stray bits. E_INVALID; E_LIMIT when it is more than max. */
[[nodiscard]] int base64_read(struct str text, uint8_t *to, size_t max, size_t *ret_n);

#endif
