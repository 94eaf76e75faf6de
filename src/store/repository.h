/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_REPOSITORY_H
#define STORE_REPOSITORY_H

/*
 * Where backups lie: a folder on a stick, a second disk, a share. Whoever has the folder and not the key reads nothing of
 * it, and whatever he changes, takes away or puts in another's place is found. The commands `backup` and `restore` alone;
 * one thread.
 *
 *   REPOSITORY/repository        what this is, and a word under the key, so that a wrong key is told at once
 *   REPOSITORY/pieces/ab/ID   at most REPO_PIECE bytes of some file; ID says what is in it, so that what has not changed since
 *                        yesterday is there already and is not written again
 *   REPOSITORY/lists/NAME     one list a backup: which files there were, and which pieces they are made of
 *
 * A stored text is zstd, then XChaCha20-Poly1305 (libsodium, crypto_aead_xchacha20poly1305_ietf) under a fresh nonce, bound
 * to its ID or NAME. ID is BLAKE2b-256 of the plain bytes under a key of its own: from names nobody learns contents.
 */

#include "base/arena.h"
#include "base/error.h"

#define REPO_KEY 32u
#define REPO_ID 32u
#define REPO_PIECE (8u << 20)
#define REPO_LIST_MAX (1u << 30)

struct repo;
struct repo_id {
	uint8_t bytes[REPO_ID];
};

/* Opens the repository in `folder`, or begins one there when `create` and the folder is empty or absent. E_NOT_FOUND (no repository),
 * E_DENIED with f->what "repo_key" (another key's), E_BUSY (somebody is at it), E_INVALID (a folder of something else),
 * E_UNSUPPORTED (of a newer program), E_IO; *f names the folder. */
[[nodiscard]] int repo_open(const char *folder, const uint8_t key[REPO_KEY], bool create, struct repo **ret,
    struct fault *f);
void repo_close(struct repo *v);

/* Keeps at most REPO_PIECE bytes. *ret_stored: bytes that were written, 0 = it was there. Durable after repo_sync(). */
[[nodiscard]] int repo_put(struct repo *v, struct str bytes, struct repo_id *ret, uint64_t *ret_stored);
/* `ret` is cleared first. E_NOT_FOUND (taken away), E_CORRUPT (not what was put). */
[[nodiscard]] int repo_get(struct repo *v, const struct repo_id *id, struct buf *ret);
/* Everything put so far survives a power cut. */
[[nodiscard]] int repo_sync(struct repo *v);

/* A list comes into being whole or not at all, and durable. Names: letters, digits, - and _. */
[[nodiscard]] int repo_list_put(struct repo *v, struct str name, struct str text);
[[nodiscard]] int repo_list_get(struct repo *v, struct str name, struct buf *ret);
[[nodiscard]] int repo_list_drop(struct repo *v, struct str name);
/* Names in byte order: by their form, oldest first. */
[[nodiscard]] int repo_lists(struct repo *v, struct arena *arena, struct str **ret, uint32_t *ret_count);
/* Takes away every piece that is not among `keep` (sorted here). */
[[nodiscard]] int repo_sweep(struct repo *v, struct repo_id *keep, size_t count, uint64_t *ret_removed);

/* A key as people keep it: seven groups of eight letters and digits, with a check in the last. */
#define REPO_KEY_TEXT 63u
void repo_key_text(const uint8_t key[REPO_KEY], char ret[REPO_KEY_TEXT]);
/* Blanks, hyphens and case do not matter. E_INVALID: mistyped. */
[[nodiscard]] int repo_key_read(struct str text, uint8_t ret[REPO_KEY]);

#endif
