/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin_record.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/lang.h"
#include "base/time.h"
#include "database_place.h"
#include "host/clock.h"
#include "host/datadir.h"
#include "host/file.h"
#include "host/log.h"
#include "store/record_anew.h"
#include "verify.h"

struct asked {
	const char *data, *witness, *reason, *file;
};

static int
say(const char *key, const char *arg)
{
	struct buf out = BUF_INIT;
	struct str args[1] = {str_z(arg)};
	lang_format(&out, lang_of_user(), str_z(key), args, COUNT(args));
	fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&out)));
	buf_release(&out);
	return 1;
}

static bool
take_arguments(struct asked *a, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		struct str option = str_z(argv[i]);
		const char **to = str_eq(option, STR("--data")) ? &a->data
		    : str_eq(option, STR("--witness"))	    ? &a->witness
		    : str_eq(option, STR("--reason"))	    ? &a->reason
							    : NULL;
		if (to && i + 1 < argc)
			*to = argv[++i];
		else if (to || a->file)
			return false;
		else
			a->file = argv[i];
	}
	return a->data != NULL;
}

int
admin_cosign(int argc, char **argv)
{
	struct asked a = {0};
	struct note_key key;
	struct checkpoint c;
	struct tlog *log = NULL;
	struct fault f = {0};
	struct buf note = BUF_INIT_MAX(NOTE_MAX);
	char path[PATH_MAX];
	if (!take_arguments(&a, argc, argv) || !a.witness || !a.file || a.reason || verify_key_read(a.witness, &key) < 0)
		return say("cli.admin_usage", "");
	snprintf(path, sizeof path, "%s/record", a.data);
	int error = file_read(a.file, &note);
	if (!error)
		error = tlog_open(&store_io_disk, str_z(path), NULL, &log, &f);
	if (!error)
		error = checkpoint_read(buf_str(&note), &c);
	if (!error)
		error = tlog_cosign(log, str_cut(buf_str(&note), 0, (size_t)(c.signatures.p - note.p)), c.signatures, &key);
	if (f.code)
		log_fault(&f);
	else
		say(!error ? "admin.cosigned" : error == E_CORRUPT ? "admin.cosign_other" : "admin.cosign_refused", a.file);
	tlog_close(log);
	buf_release(&note);
	return error ? 1 : 0;
}

int
admin_record_anew(int argc, char **argv)
{
	struct asked a = {0};
	struct fault f = {0};
	struct db *db;
	char data[PATH_MAX];
	int lock;
	if (!take_arguments(&a, argc, argv) || a.witness || a.file || !a.reason || !*a.reason)
		return say("cli.admin_usage", "");
	snprintf(data, sizeof data, "%s", a.data);
	if (datadir_open(data, sizeof data, getuid(), getgid(), &lock, &f) < 0 || database_open(data, NULL, &db, &f) < 0) {
		log_fault(&f);
		return 1;
	}
	int error = record_begin_anew(db, str_z(data), STR("console"), str_z(a.reason), clock_now_ms());
	db_close(db);
	close(lock);
	say(error ? "admin.record_not_anew" : "admin.record_anew", a.data);
	return error ? 1 : 0;
}
