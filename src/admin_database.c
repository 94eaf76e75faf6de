/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin_database.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/lang.h"
#include "database_place.h"
#include "host/clock.h"
#include "host/datadir.h"
#include "host/log.h"
#include "host/options.h"
#include "store/db_move.h"
#include "store/record.h"

struct copy {
	char data[PATH_MAX];
	const char *to;
	struct db *from, *into;
	struct str where; /* as db_open() takes the place to copy to */
	bool file;
	uint64_t rows;
	int lock;
};

static bool
take_arguments(struct copy *c, int argc, char **argv)
{
	const char *data = NULL;
	for (int i = 2; i + 1 < argc; i += 2) {
		const char **to = str_eq(str_z(argv[i]), STR("--data")) ? &data : str_eq(str_z(argv[i]), STR("--to")) ? &c->to : NULL;
		if (!to)
			return false;
		*to = argv[i + 1];
	}
	snprintf(c->data, sizeof c->data, "%s", data ? data : "");
	return data && c->to && argc % 2 == 0;
}

/* What is done at the console stands in the record too: in the one that goes on. */
static int
record_copy(struct copy *c)
{
	struct buf after = BUF_INIT;
	buf_add(&after, STR("{\"to\":"));
	buf_add_json_string(&after, str_z(c->to));
	buf_addf(&after, ",\"rows\":%llu}", (unsigned long long)c->rows);
	struct record r = {.at_ms = clock_now_ms(), .who = STR("console"), .action = STR("admin database-copy"), .noun = STR("database"),
	    .after = buf_str(&after)};
	int error = db_begin(c->into);
	if (!error)
		error = record_put(c->into, &r);
	error = db_end_transaction(c->into, error);
	buf_release(&after);
	return error;
}

static int
open_both(struct copy *c, struct fault *f)
{
	TRY(datadir_open(c->data, sizeof c->data, getuid(), getgid(), &c->lock, f));
	c->file = str_eq(str_z(c->to), STR("file"));
	c->where = str_z(c->file ? c->data : c->to);
	if (!c->file)
		TRY(options_check_database(c->where, f));
	TRY(database_open(c->data, NULL, &c->from, f));
	if (db_remote(c->from) != c->file)
		return fault_set(f, E_UNSUPPORTED, "database_copy", c->where, 0, 0);
	TRY(db_open(c->where, &c->into, f));
	if (db_own(c->from) < 0 || db_own(c->into) < 0)
		return fault_set(f, E_BUSY, "database_in_use", STR(""), 0, 0);
	return 0;
}

/* The file that is no longer used keeps out of the way of a later copy back. */
static int
set_aside(const struct copy *c, struct fault *f)
{
	char now[PATH_MAX + 16], aside[PATH_MAX + 16];
	snprintf(now, sizeof now, "%s/khien.db", c->data);
	snprintf(aside, sizeof aside, "%s/khien.db.moved", c->data);
	return rename(now, aside) < 0 ? fault_set(f, error_from_errno(errno), "data_folder", str_z(now), 0, 0) : 0;
}

static int
run_copy(struct copy *c, struct fault *f)
{
	TRY(open_both(c, f));
	TRY(db_move(c->from, c->into, &c->rows, f));
	TRY(record_copy(c));
	db_close(c->from);
	c->from = NULL;
	TRY(database_remember(c->data, c->file ? STR("") : c->where, f));
	return c->file ? 0 : set_aside(c, f);
}

static void
say_done(const struct copy *c)
{
	char number[24];
	struct buf out = BUF_INIT;
	snprintf(number, sizeof number, "%llu", (unsigned long long)c->rows);
	lang_format(&out, lang_of_user(), STR("admin.database_copied"), (struct str[]){str_z(number), str_z(c->to)}, 2);
	printf("%.*s\n", STR_ARG(buf_str(&out)));
	buf_release(&out);
}

int
admin_database_copy(int argc, char **argv)
{
	static struct copy c;
	struct fault f = {0};
	c.lock = -1;
	if (!take_arguments(&c, argc, argv)) {
		struct str usage = lang_text(lang_of_user(), STR("cli.admin_usage"));
		fprintf(stderr, "%.*s\n", STR_ARG(usage));
		return 1;
	}
	int error = run_copy(&c, &f);
	if (error && !f.code)
		fault_set(&f, error, NULL, STR(""), 0, 0);
	if (error)
		log_fault(&f);
	else
		say_done(&c);
	db_close(c.from);
	db_close(c.into);
	if (c.lock >= 0)
		close(c.lock);
	return error ? 1 : 0;
}
