/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_TLOG_H
#define STORE_TLOG_H

/*
 * The transparency log: a list of entries that can grow and not change, kept as the static files of C2SP tlog-tiles, so
 * that a copy of the folder (on a stick, behind any web server) is the log and other people's tools read it.
 *
 *   DIR/checkpoint              the newest signed checkpoint (store/note.h)
 *   DIR/tile/L/NNN[.p/W]        256 (or W) hashes of level L
 *   DIR/tile/entries/NNN[.p/W]  256 (or W) entries, each behind its length in two bytes, big-endian
 *   DIR/cosigned/ID             the newest checkpoint that the witness with this key has cosigned
 *
 * An entry counts when a checkpoint over it is on disk: tlog_publish() writes what is behind the checkpoint first, syncs,
 * and then puts the new checkpoint in the place of the old one. A crash leaves the old checkpoint and, at worst, files
 * that no checkpoint speaks of yet; they are written again. Owned by core, one thread; reading a copy needs no lock.
 */

#include "store/io.h"
#include "store/note.h"

#define TLOG_TILE 256u
#define TLOG_ENTRY_MAX 65535u

struct tlog;

/* Opens or begins the log in `directory` (which exists). The root over the tiles must be that of the checkpoint, or
 * E_CORRUPT with f->what "tlog_root" (or "tlog_tile", "tlog_entries", f->arg the file; "tlog_checkpoint"). With a key,
 * the checkpoint must bear its signature ("tlog_signature"). io must outlive the log. */
[[nodiscard]] int tlog_open(const struct store_io *io, struct str directory, const struct note_key *key,
    struct tlog **ret, struct fault *f);
void tlog_close(struct tlog *t);

/* Entries, those not yet published included. */
uint64_t tlog_size(const struct tlog *t);
/* Entries under the newest checkpoint on disk, and its text; empty before the first. */
uint64_t tlog_published(const struct tlog *t);
struct str tlog_checkpoint(const struct tlog *t);
/* E_LIMIT when the entry is too long; E_FULL, E_IO when a full tile could not be written (the entry is not in then). */
[[nodiscard]] int tlog_append(struct tlog *t, struct str entry);
/* Durable up to here, with a checkpoint signed by `key`. E_FULL, E_IO: nothing has changed, call again. */
[[nodiscard]] int tlog_publish(struct tlog *t, const struct note_key *key, const uint8_t secret[NOTE_SECRET]);
/* A witness has cosigned `checkpoint`, one of ours, the newest or not: `lines` is what came back, whole lines, of which the
 * one of this key is taken. Kept as DIR/cosigned/ID, ID the key's, in place of an older one of fewer entries. E_NOT_FOUND:
 * no line of this key; E_CORRUPT: it is wrong, or the checkpoint is none of this tree. */
[[nodiscard]] int tlog_cosign(struct tlog *t, struct str checkpoint, struct str lines, const struct note_key *witness);
/* The newest checkpoint that a witness cosigned, kept by tlog_cosign(). E_NOT_FOUND; E_INVALID: its cosignature is wrong;
 * E_CORRUPT: it is right, and of another tree than this: the log was rewritten (*ret_size and *ret_time_s are told). */
[[nodiscard]] int tlog_cosigned(struct tlog *t, const struct note_key *witness, uint64_t *ret_size, int64_t *ret_time_s);
/* The same for a note from anywhere. */
[[nodiscard]] int tlog_cosigned_note(struct tlog *t, struct str note, const struct note_key *witness, uint64_t *ret_size,
    int64_t *ret_time_s);

/* Adds the entry. E_NOT_FOUND, E_IO, E_CORRUPT (it is not what the tree says). */
[[nodiscard]] int tlog_entry(struct tlog *t, uint64_t index, struct buf *ret);
/* For merkle_root(), merkle_inclusion(), merkle_consistency(): every whole node up to tlog_size(). */
struct merkle_nodes tlog_nodes(struct tlog *t);
/* A C2SP tlog-proof of entry `index` under the newest checkpoint. E_NOT_FOUND when it is not yet published. */
[[nodiscard]] int tlog_proof(struct tlog *t, uint64_t index, struct buf *ret);

/* The whole log read again, entry by entry: each hashed, each tile compared, the root and the signature checked.
 * `each` (may be NULL) sees every entry in order; a negative answer ends the walk and is returned. Errors as tlog_open(). */
typedef int tlog_each(void *user, uint64_t index, struct str entry);
[[nodiscard]] int tlog_verify(const struct store_io *io, struct str directory, const struct note_key *key, tlog_each *each,
    void *user, uint64_t *ret_entries, struct fault *f);

#endif
