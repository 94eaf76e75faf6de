/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BACKUP_LIST_H
#define BACKUP_LIST_H

/* What one backup is made of, as text in a repository (store/repository.h): written line by line while files are kept, read whole.
 * Commands alone. */

#include "store/repository.h"

struct backup_file {
	struct str path;      /* below the data directory; no "..", no leading slash, no control characters */
	uint32_t mode;        /* permission bits */
	uint64_t size;
	int64_t mtime_ns;
	const struct repo_id *piece; /* each but the last of REPO_PIECE bytes */
	uint32_t pieces;
};

struct backup_list {
	int64_t made_ms;
	struct str program;   /* version that wrote it */
	int schema;           /* of the database */
	uint64_t block;       /* last journal block whose findings the database holds */
	uint64_t record_size; /* entries under the newest checkpoint of the record; 0 = it had none */
	struct str record_root;
	const struct backup_file *file; /* sorted by path */
	uint32_t files;
};

/* Head, files and end, in this order. */
void backup_list_head(const struct backup_list *l, struct buf *out);
void backup_list_file(const struct backup_file *f, struct buf *out);
void backup_list_end(uint32_t files, struct buf *out);
/* Slices point into `text` and `arena`. E_INVALID, E_TRUNCATED (it does not end as it should), E_UNSUPPORTED, E_LIMIT. */
[[nodiscard]] int backup_list_read(struct str text, struct arena *arena, struct backup_list *ret);
/* NULL when there is none. */
const struct backup_file *backup_list_find(const struct backup_list *l, struct str path);

/* May this stand below a data directory? */
bool backup_path_is_good(struct str path);

#endif
