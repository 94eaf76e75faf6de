/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BACKUP_REPOSITORY_H
#define BACKUP_REPOSITORY_H

/* What `khien backup` and `khien restore` share. */

#include "backup_list.h"

/* A sentence of content/lang with its arguments, on standard output. */
void backup_say(const char *key, const char *const *args, size_t count);
void backup_say_numbers(const char *key, const uint64_t *args, size_t count); /* at most 4 */
/* On standard error; 1, the exit code. */
int backup_usage(const char *key);

/* "--name VALUE" into *value, "--name" alone sets *flag. False: there is another word, or a value is missing. */
struct backup_option {
	const char *name, **value;
	bool *flag;
};
bool backup_options(const struct backup_option *o, size_t count, int argc, char **argv);

/* A key is its text, or the name of a file that holds it. */
[[nodiscard]] int backup_key_read(const char *text, uint8_t ret[REPO_KEY]);
/* The list of that name (the newest when it is empty). Slices point into `text` and `arena`. */
[[nodiscard]] int backup_list_of(struct repo *v, struct str name, struct arena *arena, struct buf *text,
    struct backup_list *ret, struct str *ret_name, struct fault *f);
/* Every piece of every backup read again; says how many are whole. */
[[nodiscard]] int backup_check(struct repo *v, struct fault *f);

#endif
