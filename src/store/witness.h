/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_WITNESS_H
#define STORE_WITNESS_H

/*
 * A witness of other people's logs (C2SP tlog-witness, tlog-cosignature): it has seen a log at some size, and signs a newer
 * checkpoint only when it is shown that the tree it knows is the beginning of the new one. Who rewrites his log can
 * then no longer show it to anybody who asks for the cosignature. `khien witness`, one thread; blocking.
 *
 *   DIR/witness.key   our secret, 0600
 *   DIR/ID.seen       the newest checkpoint of a log that we cosigned, with our line; ID from its origin
 *   DIR/ID.fork-N     what was refused though its log signed it: proof that the log told two stories. At most 100 of each.
 */

#include "store/io.h"
#include "store/note.h"

#define WITNESS_LOGS_MAX 1024u
#define WITNESS_BODY_MAX (NOTE_MAX + 8192u)

struct witness;

/* Our key is made at the first start, under `name` ("" = a name of its own). *f names the file. */
[[nodiscard]] int witness_open(const struct store_io *io, struct str directory, struct str name, const struct note_key *log,
    uint32_t logs, struct witness **ret, struct fault *f);
void witness_close(struct witness *w);
const struct note_key *witness_key(const struct witness *w);
/* Proofs of forks that are kept. */
uint32_t witness_forks(const struct witness *w);

/* What became of it, as HTTP statuses. */
enum witness_answer {
	WITNESS_COSIGNED = 200, /* *out: our line, durable before it is told */
	WITNESS_MALFORMED = 400,
	WITNESS_UNSIGNED = 403, /* not by the key of its log */
	WITNESS_UNKNOWN = 404,  /* no log of ours */
	WITNESS_CONFLICT = 409, /* not where we are: *out is our size and a line break */
	WITNESS_FORK = 422,     /* the proof does not hold */
	WITNESS_FAILED = 500,   /* our disk */
};

/* A body of add-checkpoint: "old N", proof, empty line, checkpoint. *ret_fork (may be NULL): it proves that the log told two stories,
 * and was kept. */
enum witness_answer witness_add(struct witness *w, struct str body, int64_t now_s, struct buf *out, bool *ret_fork);
/* A checkpoint whose log lies here: `nodes` are those of its tree. For logs that come on a stick. */
enum witness_answer witness_look(struct witness *w, struct str note, const struct merkle_nodes *nodes, int64_t now_s, struct buf *out,
    bool *ret_fork);
/* The newest checkpoint of a log that we cosigned, with our line. E_NOT_FOUND. */
[[nodiscard]] int witness_seen(const struct witness *w, uint32_t log, struct str *ret);

#endif
