/* SPDX-License-Identifier: EUPL-1.2 */
#include "import.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/lang.h"
#include "base/memory.h"
#include "database_place.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/log.h"
#include "rules_files.h"
#include "share/indicator.h"
#include "store/record.h"

struct import_run {
	const char *data, *database;
	struct indicator_import wish;
	struct db *db;
	struct warning_lists *lists;
	struct indicator_report *report;
	bool failed;
};

static int
usage(void)
{
	struct str text = lang_text(lang_of_user(), STR("cli.import_usage"));
	fprintf(stderr, "%.*s\n", STR_ARG(text));
	return 1;
}

static int
say(struct fault *f, const char *path)
{
	if (path)
		fault_in_file(f, str_z(path));
	log_fault(f);
	return 1;
}

static bool
read_option(struct import_run *run, struct str name, char *value)
{
	struct str text = str_z(value);
	enum tlp tlp;
	int64_t number;
	if (str_eq(name, STR("--data"))) {
		run->data = value;
	} else if (str_eq(name, STR("--database"))) {
		run->database = value;
	} else if (str_eq(name, STR("--source"))) {
		run->wish.source = text;
	} else if (str_eq(name, STR("--format"))) {
		return feed_format_from_name(text, &run->wish.format);
	} else if (str_eq(name, STR("--valid-until"))) {
		return feed_time(text, &run->wish.until_ms);
	} else if (str_eq(name, STR("--tlp"))) {
		bool known = tlp_from_name(text, &tlp);
		run->wish.tlp = known ? (int)tlp : TLP_UNSAID;
		return known;
	} else if (str_eq(name, STR("--confidence"))) {
		bool fits = str_to_i64(text, &number) && number >= 0 && number <= 100;
		run->wish.confidence = fits ? (int)number : -1;
		return fits;
	} else {
		return false;
	}
	return true;
}

/* Our own networks and domains are those of the register that the desk has; the rest stands beside the program. */
static int
open_lists(struct import_run *run, struct fault *f)
{
	struct buf text = BUF_INIT_MAX(4 << 20);
	struct registry *registry = NULL;
	const char *file = rules_beside_program("indicators/warning.yaml");
	int error = file ? file_read(file, &text) : E_NOT_FOUND;
	if (error)
		fault_set(f, error, "warning_file", STR("indicators/warning.yaml"), 0, 0);
	else
		error = registry_load(run->db, &registry);
	if (!error) {
		error = warning_lists_new(buf_str(&text), registry, &run->lists, f);
		fault_in_file(f, str_z(file));
	}
	registry_free(registry);
	buf_release(&text);
	return error;
}

/* The desk's turn at the database. */
static void
breathe(void *user)
{
	const struct timespec pause = {0, INDICATOR_PAUSE_MS * 1000000};
	nanosleep(&pause, NULL);
}

static void
put_summary(const struct import_run *run, const char *path)
{
	const struct indicator_report *r = run->report;
	const uint64_t value[] = {r->read, r->added, r->updated, r->unchanged, r->held, r->refused, r->ignored};
	char number[COUNT(value)][24];
	struct str args[COUNT(value)];
	struct buf out = BUF_INIT;
	for (uint32_t i = 0; i < r->faults; i++) {
		struct fault f = r->fault[i];
		fault_in_file(&f, str_z(path));
		log_fault(&f);
	}
	for (size_t i = 0; i < COUNT(value); i++) {
		snprintf(number[i], sizeof number[i], "%llu", (unsigned long long)value[i]);
		args[i] = str_z(number[i]);
	}
	lang_format(&out, lang_of_user(), STR("cli.import_summary"), args, COUNT(args));
	printf("%s: %s\n", path, out.p);
	fflush(stdout);
	buf_release(&out);
}

/* What is done at the console stands in the record too. */
static int
record_import(const struct import_run *run, const char *path, struct str digest)
{
	const struct indicator_report *r = run->report;
	struct buf after = BUF_INIT;
	buf_add(&after, STR("{\"name\":"));
	buf_add_json_string(&after, str_z(path));
	buf_add(&after, STR(",\"source\":"));
	buf_add_json_string(&after, run->wish.source);
	buf_addf(&after, ",\"read\":%llu,\"added\":%llu,\"held\":%llu,\"refused\":%llu,\"sha256\":\"%.*s\"}",
	    (unsigned long long)r->read, (unsigned long long)r->added, (unsigned long long)r->held,
	    (unsigned long long)r->refused, STR_ARG(digest));
	struct record entry = {.at_ms = clock_now_ms(), .who = STR("console"), .action = STR("import"), .noun = STR("indicators"),
	    .noun_id = run->wish.source, .after = buf_str(&after)};
	int error = record_put_alone(run->db, &entry);
	buf_release(&after);
	return error;
}

static void
import_file(struct import_run *run, const char *path)
{
	struct str text;
	struct fault f = {0};
	uint8_t digest[32];
	struct buf hex = BUF_INIT;
	int error = file_map(path, &text);
	if (error) {
		fault_set(&f, error, NULL, STR(""), 0, 0);
		run->failed = say(&f, path);
		return;
	}
	error = indicator_import(run->db, &run->wish, run->lists, text, clock_now_ms(), run->report);
	sha256(text, digest);
	buf_add_hex(&hex, digest, sizeof digest);
	file_unmap(text);
	if (!error || error == E_INVALID || error == E_LIMIT) {
		put_summary(run, path);
		int recorded = record_import(run, path, buf_str(&hex));
		error = error ? error : recorded;
	}
	buf_release(&hex);
	if (error) {
		run->failed = true;
		if (error != E_INVALID && error != E_LIMIT) { /* those have told their place */
			fault_set(&f, error, NULL, STR(""), 0, 0);
			say(&f, path);
		}
	}
}

static int
import_files(struct import_run *run, char **paths)
{
	struct fault f = {0};
	int error = database_open(run->data, run->database, &run->db, &f);
	if (!error)
		error = open_lists(run, &f);
	if (error) {
		if (!f.code)
			fault_set(&f, error, NULL, STR(""), 0, 0);
		log_fault(&f);
		db_close(run->db);
		return 1;
	}
	run->report = MEM_NEW(struct indicator_report);
	for (; *paths; paths++)
		import_file(run, *paths);
	mem_free(run->report);
	warning_lists_free(run->lists);
	db_close(run->db);
	return run->failed ? 2 : 0;
}

int
import_command(int argc, char **argv)
{
	struct import_run run = {.wish = {.tlp = TLP_UNSAID, .confidence = -1, .until_ms = TIME_NONE, .who = STR("console"),
	    .breathe = breathe}};
	char **at = argv + 1;
	for (; *at && at[0][0] == '-' && at[0][1]; at += 2)
		if (!at[1] || !read_option(&run, str_z(*at), at[1]))
			return usage();
	if (!*at || !run.data || !run.wish.source.n || str_trim(run.wish.source).n != run.wish.source.n)
		return usage();
	if (access(run.data, W_OK) != 0) {
		struct fault f = {0};
		fault_set(&f, E_NOT_FOUND, "data_folder", str_z(run.data), 0, 0);
		return say(&f, NULL);
	}
	return import_files(&run, at);
}
