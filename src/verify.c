/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/lang.h"
#include "base/memory.h"
#include "base/time.h"
#include "database_place.h"
#include "host/file.h"
#include "host/log.h"
#include "verify_evidence.h"
#include "verify_seam.h"

#define WITNESSES_MAX 16u
#define ROWS_AT_ONCE 1000

struct verify {
	const char *data, *database, *folder, *cosigned, *proof, *entry;
	struct note_key key, witness[WITNESSES_MAX];
	bool has_key;
	uint32_t witnesses;
	struct db *db;
	struct db_rows *rows; /* of the database, as far as they are read */
	struct evidence_check *evidence;
	struct seams seams;
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

int
verify_key_read(const char *text, struct note_key *ret)
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
	else if (str_eq(option, STR("--cosigned")))
		v->cosigned = value;
	else if (str_eq(option, STR("--database")))
		v->database = value;
	else if (str_eq(option, STR("--proof")))
		v->proof = value;
	else if (str_eq(option, STR("--entry")))
		v->entry = value;
	else if (str_eq(option, STR("--key"))) {
		v->has_key = verify_key_read(value, &v->key) == 0;
		return v->has_key;
	} else if (str_eq(option, STR("--witness")))
		return v->witnesses < WITNESSES_MAX && verify_key_read(value, &v->witness[v->witnesses++]) == 0;
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
	return !v->data != !v->folder && (!v->cosigned || v->witnesses) && (v->data || !v->database);
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

/* The rows come some at a time, so that no cursor keeps core from tidying its database for long. */
static int
next_row(struct verify *v, uint64_t index)
{
	int more = v->rows ? db_next(v->rows) : 0;
	if (more)
		return more;
	db_end(v->rows);
	v->rows = NULL;
	TRY(db_query(v->db, &v->rows, Q_RECORD_AFTER, "ii", (int64_t)index, (int64_t)ROWS_AT_ONCE));
	return db_next(v->rows);
}

static int
compare_entry(void *user, uint64_t index, struct str entry)
{
	struct verify *v = user;
	seams_entry(&v->seams, index + 1, entry);
	if (!v->db)
		return 0;
	int more = next_row(v, index);
	TRY(more);
	bool same = more && db_i64(v->rows, 0) == (int64_t)index + 1 && str_eq(db_text(v->rows, 1), entry);
	if (!same) {
		db_end(v->rows); /* a row may be missing: ask for the next one by its number */
		v->rows = NULL;
		if (!v->differs++)
			v->first = index + 1;
	}
	return evidence_check_entry(v->evidence, index + 1, entry);
}

static void
say_evidence(void *user, const char *key, struct str what, struct str of)
{
	struct buf out = BUF_INIT;
	struct str args[2] = {what, of};
	lang_format(&out, lang_of_user(), str_z(key), args, COUNT(args));
	printf("%.*s\n", STR_ARG(buf_str(&out)));
	buf_release(&out);
}

static int
open_data(struct verify *v, struct fault *f)
{
	if (!v->data)
		return 0;
	TRY(database_open_read(v->data, v->database, &v->db, f));
	return evidence_check_new(v->data, v->db, say_evidence, v, &v->evidence, f);
}

static void
close_data(struct verify *v)
{
	db_end(v->rows);
	evidence_check_free(v->evidence);
	seams_release(&v->seams);
	db_close(v->db);
}

/* Whether anything was wrong with it. */
static bool
end_evidence(struct verify *v)
{
	struct evidence_counts n = {0};
	if (!v->evidence || evidence_check_end(v->evidence, &n) < 0)
		return v->evidence != NULL;
	const struct {
		const char *key;
		uint64_t number;
	} row[] = {{"verify.evidence_wrong", n.wrong}, {"verify.evidence_blocks", n.blocks}, {"verify.evidence_dropped", n.dropped},
	    {"verify.evidence_before", n.before}, {"verify.evidence_newer", n.newer}, {"verify.evidence_files", n.files},
	    {"verify.evidence_hits", n.hits}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (row[i].number)
			say_number(row[i].key, row[i].number);
	return n.wrong != 0;
}

/* How far one witness vouches for it. True when it does not. */
static bool
say_witness(struct verify *v, struct tlog *log, const struct note_key *witness)
{
	struct buf note = BUF_INIT_MAX(NOTE_MAX), when = BUF_INIT;
	char numbers[2][24];
	uint64_t size = 0, all = tlog_published(log);
	int64_t time_s = 0;
	int error;
	if (v->cosigned)
		error = file_read(v->cosigned, &note) < 0 ? E_NOT_FOUND
							  : tlog_cosigned_note(log, buf_str(&note), witness, &size, &time_s);
	else
		error = tlog_cosigned(log, witness, &size, &time_s);
	const char *of_before = error == E_CORRUPT && v->cosigned ? seams_cosigned(&v->seams, log, buf_str(&note)) : NULL;
	if (of_before && str_eq(str_z(of_before), STR("verify.cosigned_before")))
		error = 0;
	time_format(&when, time_s * TIME_SECOND, 0);
	snprintf(numbers[0], sizeof numbers[0], "%llu", (unsigned long long)size);
	snprintf(numbers[1], sizeof numbers[1], "%llu", (unsigned long long)(all > size ? all - size : 0));
	struct str args[] = {str_z(witness->name), str_z(numbers[0]), buf_str(&when), str_z(numbers[1])};
	struct buf out = BUF_INIT;
	const char *key = of_before ? of_before
	    : !error ? all > size ? "verify.cosigned_to" : "verify.cosigned_all"
	    : error == E_CORRUPT ? "verify.forked"
	    : error == E_INVALID ? "verify.cosigned_wrong"
				 : "verify.no_witness";
	lang_format(&out, lang_of_user(), str_z(key), args, COUNT(args));
	printf("%.*s\n", STR_ARG(buf_str(&out)));
	buf_release(&out);
	buf_release(&note);
	buf_release(&when);
	return error != 0;
}

/* What the database remembers of its log against the one that lies here. */
static bool
is_anew(struct verify *v, struct tlog *log)
{
	struct record_log known;
	struct checkpoint c;
	if (!v->db || record_log_read(v->db, &known) == E_NOT_FOUND || checkpoint_read(tlog_checkpoint(log), &c) < 0)
		return false;
	int error = record_log_check(&known, c.origin, log);
	if (error)
		say(error == E_NOT_FOUND ? "verify.shorter" : "verify.anew", known.origin);
	return error != 0;
}

static bool
say_checkpoint(struct verify *v, const char *folder)
{
	struct tlog *log;
	struct checkpoint c;
	bool wrong = false;
	if (tlog_open(&store_io_disk, str_z(folder), NULL, &log, NULL) < 0)
		return true;
	if (checkpoint_read(tlog_checkpoint(log), &c) == 0)
		printf("%.*s", STR_ARG(c.body));
	wrong |= is_anew(v, log);
	wrong |= seams_say(&v->seams, log);
	for (uint32_t i = 0; i < v->witnesses; i++)
		wrong |= say_witness(v, log, &v->witness[i]);
	tlog_close(log);
	return wrong;
}

static int
say_result(struct verify *v, const char *folder, uint64_t entries)
{
	bool wrong = end_evidence(v);
	wrong |= say_checkpoint(v, folder);
	if (!v->has_key)
		say("verify.no_key", "");
	if (v->differs) {
		say_number("verify.differs", v->differs);
		say_number("verify.first", v->first);
		return 1;
	}
	say_number(wrong ? "verify.log_good" : "verify.good", entries);
	return wrong;
}

static int
verify_record(struct verify *v)
{
	char folder[PATH_MAX];
	struct fault f = {0};
	uint64_t entries = 0;
	snprintf(folder, sizeof folder, "%s%s", v->data ? v->data : v->folder, v->data ? "/record" : "");
	int error = open_data(v, &f), result = 2;
	if (!error) {
		error = tlog_verify(&store_io_disk, str_z(folder), v->has_key ? &v->key : NULL, compare_entry, v, &entries, &f);
		/* A part that is gone where others are is no less a change; a folder without any is a mistake of who asks. */
		bool gone = error == E_NOT_FOUND && (v->data || (f.what && !str_eq(str_z(f.what), STR("tlog_checkpoint"))));
		result = error == E_CORRUPT || gone ? 1 : 2;
	}
	if (error)
		log_fault(&f);
	else
		result = say_result(v, folder, entries);
	close_data(v);
	return result;
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
