/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/lang.h"
#include "base/memory.h"
#include "base/time.h"
#include "host/file.h"
#include "host/log.h"
#include "store/record.h"

#define WITNESSES_MAX 16u

struct verify {
	const char *data, *folder, *key_text, *proof, *entry;
	struct note_key key, witness[WITNESSES_MAX];
	bool has_key;
	uint32_t witnesses;
	struct db *db;
	uint64_t differs;   /* rows of the database that are not their entry */
	uint64_t first;     /* of these, from 1 */
};

static void
say(const char *key, const char *arg)
{
	struct buf out = BUF_INIT;
	struct str args[1] = {str_z(arg)};
	lang_format(&out, lang_of_user(), str_z(key), args, COUNT(args));
	printf("%.*s\n", STR_ARG(buf_str(&out)));
	buf_release(&out);
}

static void
say_number(const char *key, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof text, "%llu", (unsigned long long)number);
	say(key, text);
}

/* ---- what is asked ---- */

/* A key is its text, or the name of a file that holds it. */
static int
read_key(const char *text, struct note_key *ret)
{
	struct buf file = BUF_INIT_MAX(4096);
	int error = note_key_read(str_z(text), ret);
	if (error && file_read(text, &file) == 0)
		error = note_key_read(buf_str(&file), ret);
	buf_release(&file);
	return error;
}

static bool
take_option(struct verify *v, const char *name, const char *value)
{
	struct str option = str_z(name);
	if (str_eq(option, STR("--data")))
		v->data = value;
	else if (str_eq(option, STR("--proof")))
		v->proof = value;
	else if (str_eq(option, STR("--entry")))
		v->entry = value;
	else if (str_eq(option, STR("--key"))) {
		v->has_key = read_key(value, &v->key) == 0;
		return v->has_key;
	} else if (str_eq(option, STR("--witness")))
		return v->witnesses < WITNESSES_MAX && read_key(value, &v->witness[v->witnesses++]) == 0;
	else
		return false;
	return true;
}

static bool
take_arguments(struct verify *v, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		bool option = str_starts(str_z(argv[i]), STR("--"));
		if (option && (i + 1 >= argc || !take_option(v, argv[i], argv[i + 1])))
			return false;
		if (!option && v->folder)
			return false;
		if (!option)
			v->folder = argv[i];
		i += option;
	}
	if (v->proof || v->entry)
		return v->proof && v->entry && v->has_key && !v->data && !v->folder;
	return !v->data != !v->folder;
}

/* ---- one proof ---- */

static int
check_proof(struct str text, struct str entry, const struct note_key *key)
{
	struct merkle_hash leaf = merkle_leaf(entry);
	struct merkle_proof proof = {.count = 0};
	struct checkpoint c;
	struct str line;
	uint64_t index = UINT64_MAX;
	size_t n;
	if (!str_split(&text, '\n', &line) || !str_eq(line, STR("c2sp.org/tlog-proof@v1")))
		return E_INVALID;
	while (str_split(&text, '\n', &line) && line.n) {
		if (str_starts(line, STR("extra ")))
			continue;
		if (str_starts(line, STR("index "))) {
			if (!str_to_u64(str_skip(line, 6), &index))
				return E_INVALID;
		} else if (proof.count == MERKLE_PROOF_MAX ||
		    base64_read(line, proof.hash[proof.count++].bytes, MERKLE_HASH, &n) < 0 || n != MERKLE_HASH) {
			return E_INVALID;
		}
	}
	TRY(checkpoint_read(text, &c));
	TRY(checkpoint_signed_by(&c, key, NULL));
	return merkle_includes(&leaf, index, c.size, &proof, &c.root) ? 0 : E_CORRUPT;
}

static int
verify_proof(struct verify *v)
{
	struct buf proof = BUF_INIT_MAX(NOTE_MAX), entry = BUF_INIT_MAX(TLOG_ENTRY_MAX);
	int error = file_read(v->proof, &proof);
	if (!error)
		error = file_read(v->entry, &entry);
	bool unread = error != 0;
	if (!error)
		error = check_proof(buf_str(&proof), buf_str(&entry), &v->key);
	say(error ? unread ? "verify.unread" : "verify.proof_wrong" : "verify.proof_right", v->proof);
	buf_release(&proof);
	buf_release(&entry);
	return unread ? 2 : error ? 1 : 0;
}

/* ---- the whole record ---- */

static int
compare_entry(void *user, uint64_t index, struct str entry)
{
	struct verify *v = user;
	struct db_rows *rows;
	if (!v->db)
		return 0;
	TRY(db_query(v->db, &rows, Q_RECORD_AFTER, "ii", (int64_t)index, (int64_t)1));
	bool same = db_next(rows) > 0 && db_i64(rows, 0) == (int64_t)index + 1 && str_eq(db_text(rows, 1), entry);
	db_end(rows);
	if (!same && !v->differs++)
		v->first = index + 1;
	return 0;
}

static void
say_checkpoint(struct verify *v, const char *folder)
{
	char path[PATH_MAX];
	struct buf text = BUF_INIT_MAX(NOTE_MAX), when = BUF_INIT;
	struct checkpoint c;
	int64_t time_s;
	snprintf(path, sizeof path, "%s/checkpoint", folder);
	if (file_read(path, &text) == 0 && checkpoint_read(buf_str(&text), &c) == 0) {
		printf("%.*s", STR_ARG(c.body));
		for (uint32_t i = 0; i < v->witnesses; i++) {
			if (checkpoint_signed_by(&c, &v->witness[i], &time_s) < 0) {
				say("verify.no_witness", v->witness[i].name);
				continue;
			}
			buf_clear(&when);
			time_format(&when, time_s * TIME_SECOND, 0);
			printf("%s ", v->witness[i].name);
			say("verify.witness", when.p);
		}
	}
	buf_release(&text);
	buf_release(&when);
}

static int
verify_record(struct verify *v)
{
	char folder[PATH_MAX];
	struct fault f = {0};
	uint64_t entries = 0;
	snprintf(folder, sizeof folder, "%s%s", v->data ? v->data : v->folder, v->data ? "/record" : "");
	if (v->data && db_open(str_z(v->data), &v->db, &f) < 0) {
		log_fault(&f);
		return 2;
	}
	int error = tlog_verify(&store_io_disk, str_z(folder), v->has_key ? &v->key : NULL, compare_entry, v, &entries, &f);
	db_close(v->db);
	if (error) {
		log_fault(&f);
		return error == E_CORRUPT ? 1 : 2;
	}
	say_checkpoint(v, folder);
	if (!v->has_key)
		say("verify.no_key", "");
	if (v->differs) {
		say_number("verify.differs", v->differs);
		say_number("verify.first", v->first);
		return 1;
	}
	say_number("verify.good", entries);
	return 0;
}

int
verify_command(int argc, char **argv)
{
	struct verify v = {0};
	if (!take_arguments(&v, argc, argv)) {
		say("cli.verify_usage", "");
		return 2;
	}
	return v.proof ? verify_proof(&v) : verify_record(&v);
}
