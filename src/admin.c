/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin_database.h"
#include "admin_record.h"
#include "base/lang.h"
#include "database_place.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/log.h"
#include "register/system.h"
#include "law_files.h"
#include "register_files.h"
#include "rules_files.h"
#include "store/record.h"
#include "web/factor.h"
#include "web/key.h"
#include "web/people.h"
#include "yara_files.h"

static int
say(struct str key)
{
	struct str text = lang_text(lang_of_user(), key);
	fprintf(stderr, "%.*s\n", STR_ARG(text));
	return 1;
}

struct admin_words {
	const char *data, *database, *role, *name, *login;
	bool reset;
};

/* What is done at the console stands in the record too. */
static int
record_at_console(struct db *db, struct str action, struct str noun, const char *id, const struct buf *after)
{
	const struct record r = {.at_ms = clock_now_ms(), .who = STR("console"), .action = action, .noun = noun,
	    .noun_id = str_z(id), .after = buf_str(after)};
	return record_put(db, &r);
}

static int
record_api_key(struct db *db, const char *name, const char *role)
{
	struct buf after = BUF_INIT;
	buf_add(&after, STR("{\"name\":"));
	buf_add_json_string(&after, str_z(name));
	buf_add(&after, STR(",\"role\":"));
	buf_add_json_string(&after, str_z(role));
	buf_add_char(&after, '}');
	int error = record_at_console(db, STR("admin api-key"), STR("api_keys"), name, &after);
	buf_release(&after);
	return error;
}

/* A link for somebody, given at the console: the way back for the last administrator. */
static int
record_link(struct db *db, const char *login, bool reset)
{
	struct buf after = BUF_INIT;
	buf_add(&after, STR("{\"login\":"));
	buf_add_json_string(&after, str_z(login));
	buf_addf(&after, ",\"reset_factors\":%s}", reset ? "true" : "false");
	int error = record_at_console(db, STR("admin link"), STR("people"), login, &after);
	buf_release(&after);
	return error;
}

/* His sessions end, as with a link that another administrator gives. */
static int
link_in(struct db *db, const char *login, bool reset, char ret[SECRET_TEXT], bool *ret_directory)
{
	struct principal p;
	char stored[PASSWORD_TEXT];
	TRY(person_by_login(db, str_z(login), &p, stored));
	*ret_directory = p.directory;
	TRY(account_link(db, p.person, clock_now_ms(), ret));
	TRY(session_end_others(db, p.person, STR("")));
	if (reset)
		TRY(factors_reset(db, p.person));
	return record_link(db, login, reset);
}

static int
make_link(const struct admin_words *w)
{
	char secret[SECRET_TEXT];
	bool directory = false;
	struct fault f = {0};
	struct db *db;
	if (database_open(w->data, w->database, &db, &f) < 0) {
		log_fault(&f);
		return 1;
	}
	int error = db_begin(db);
	if (!error)
		error = link_in(db, w->login, w->reset, secret, &directory);
	error = db_end_transaction(db, error);
	db_close(db);
	if (error == E_NOT_FOUND)
		return say(STR("cli.admin_nobody"));
	if (error) {
		fault_set(&f, error, NULL, STR(""), 0, 0);
		log_fault(&f);
		return 1;
	}
	printf("/welcome?token=%s%s\n", secret, directory ? "&directory=1" : "");
	return 0;
}

static int
make_api_key(const char *data, const char *database, const char *role, const char *name)
{
	char key[SECRET_TEXT];
	const struct key_wish wish = {.name = str_z(name), .role = str_z(role)};
	struct fault f = {0};
	struct db *db;
	if (database_open(data, database, &db, &f) < 0) {
		log_fault(&f);
		return 1;
	}
	int error = db_begin(db);
	if (!error)
		error = key_make(db, &wish, clock_now_ms(), key);
	if (!error)
		error = record_api_key(db, name, role);
	error = db_end_transaction(db, error);
	db_close(db);
	if (error == E_INVALID)
		return say(STR("cli.admin_role"));
	if (error) {
		fault_set(&f, error, NULL, STR(""), 0, 0);
		log_fault(&f);
		return 1;
	}
	puts(key);
	return 0;
}

/* "--name VALUE" pairs, and --reset-factors. */
static bool
read_words(int argc, char **argv, struct admin_words *w)
{
	for (int i = 2; i < argc; i++) {
		struct str option = str_z(argv[i]);
		const char **to = str_eq(option, STR("--data")) ? &w->data
		    : str_eq(option, STR("--database"))	 ? &w->database
		    : str_eq(option, STR("--role"))		 ? &w->role
		    : str_eq(option, STR("--name"))		 ? &w->name
		    : str_eq(option, STR("--login"))	 ? &w->login
								 : NULL;
		if (str_eq(option, STR("--reset-factors")))
			w->reset = true;
		else if (!to || ++i == argc)
			return false;
		else
			*to = argv[i];
	}
	return w->data != NULL;
}

int
admin_command(int argc, char **argv)
{
	struct admin_words w = {.name = "admin"};
	struct str command = argc > 1 ? str_z(argv[1]) : STR("");
	if (str_eq(command, STR("cosign")))
		return admin_cosign(argc, argv);
	if (str_eq(command, STR("record-anew")))
		return admin_record_anew(argc, argv);
	if (str_eq(command, STR("database-copy")))
		return admin_database_copy(argc, argv);
	bool key = str_eq(command, STR("api-key")), link = str_eq(command, STR("link"));
	if ((!key && !link) || !read_words(argc, argv, &w) || (key && (!w.role || w.login || w.reset)) || (link && (!w.login || w.role)))
		return say(STR("cli.admin_usage"));
	if (link)
		return make_link(&w);
	mkdir(w.data, 0750); /* a key may be made before the first start */
	return make_api_key(w.data, w.database, w.role, w.name);
}

/* --- check --- */

static void
count_fault(void *user, const struct fault *f)
{
	int *faults = user;
	(*faults)++;
	log_fault(f);
}

static void
check_rules(const struct options *o, int *faults)
{
	struct rules_files files;
	struct rules *rules;
	struct fault f = {0};
	uint8_t digest[32];
	rules_files_from(o, &files);
	files.on_fault = count_fault;
	files.user = faults;
	if (rules_files_load(&files, &rules, digest, &f) < 0) {
		count_fault(faults, &f);
		return;
	}
	struct matcher *matcher = matcher_new(rules);
	if (matcher_dead_regexes(matcher)) {
		char number[16];
		snprintf(number, sizeof number, "%u", matcher_dead_regexes(matcher));
		fault_set(&f, E_LIMIT, "rule_regex_dead", str_z(number), 0, 0);
		count_fault(faults, &f);
	}
	matcher_free(matcher);
	struct rules_stats s = rules_stats(rules);
	struct buf out = BUF_INIT;
	char number[3][16];
	struct str args[3];
	const unsigned value[3] = {s.rules, s.refused, s.not_applicable};
	for (int i = 0; i < 3; i++) {
		snprintf(number[i], sizeof number[i], "%u", value[i]);
		args[i] = str_z(number[i]);
	}
	lang_format(&out, lang_of_user(), STR("cli.check_rules"), args, 3);
	printf("%s\n", out.p);
	buf_release(&out);
	rules_free(rules);
}

/* The law for those who judge by it; NULL when there is none. */
static struct law *
check_law(int *faults)
{
	uint32_t instruments, rows;
	char number[2][16];
	struct buf out = BUF_INIT;
	struct law *law = law_files_load(count_fault, faults);
	if (!law)
		return NULL;
	law_instruments(law, &instruments);
	law_rules(law, &rows);
	snprintf(number[0], sizeof number[0], "%u", instruments);
	snprintf(number[1], sizeof number[1], "%u", rows);
	lang_format(&out, lang_of_user(), STR("cli.check_law"), (struct str[]){str_z(number[0]), str_z(number[1])}, 2);
	printf("%s\n", out.p);
	buf_release(&out);
	return law;
}

static void
check_yara(const struct options *o, int *faults)
{
	struct yara_files files;
	struct yara *yara;
	char number[3][16];
	struct str args[3];
	yara_files_from(o, &files);
	files.on_fault = count_fault;
	files.user = faults;
	if (yara_files_load(&files, &yara) < 0)
		return;
	struct yara_stats s = yara_stats(yara);
	const unsigned value[3] = {s.rules, s.files, s.refused};
	struct buf out = BUF_INIT;
	for (int i = 0; i < 3; i++) {
		snprintf(number[i], sizeof number[i], "%u", value[i]);
		args[i] = str_z(number[i]);
	}
	lang_format(&out, lang_of_user(), STR("cli.check_yara"), args, 3);
	printf("%s\n", out.p);
	buf_release(&out);
	yara_free(yara);
}

/* The register is brought into a database of its own, which is thrown away by the caller. */
static void
check_register(const struct options *o, const struct law *law, struct db *db, int *faults)
{
	struct buf text = BUF_INIT_MAX(64u << 20);
	struct fault f = {0};
	uint32_t rows = 0;
	if (!o->register_file[0])
		return;
	int error = file_read(o->register_file, &text);
	if (error) {
		fault_set(&f, error, "register_file", str_z(error_name(error)), 0, 0);
		fault_in_file(&f, str_z(o->register_file));
		count_fault(faults, &f);
	} else {
		(void)!registry_import(db, law, buf_str(&text), str_z(o->register_file), false, clock_now_ms(),
		    count_fault, faults, &rows);
	}
	buf_release(&text);
}

/* NULL: the line is good, or the database cannot tell. */
static const char *
ldap_role_fault(const struct ldap_role_option *l, struct db *db, const struct registry *registry, struct arena *arena)
{
	switch (role_fits(db, registry, str_z(l->role), str_z(l->organisation), arena)) {
	case E_NOT_FOUND:
		return "option_ldap_no_role";
	case E_INVALID:
		return "option_ldap_no_place";
	case E_UNSUPPORTED:
		return "option_ldap_needs_place";
	default:
		return NULL;
	}
}

/* Looked up in the data folder's database, which may know more than the program came with; in `fresh`, which has what the
 * register's file says, when there is none or it does not know. */
static void
check_ldap_roles(const struct options *o, struct db *fresh, int *faults)
{
	struct db *database[] = {fresh, NULL};
	struct registry *registry[] = {NULL, NULL};
	struct buf path = BUF_INIT_MAX(4096);
	struct arena arena;
	struct fault f = {0};
	if (database_open_read(o->data, o->database, &database[1], &f) < 0)
		database[1] = NULL;
	for (int i = 0; i < 2; i++)
		if (database[i] && registry_load(database[i], &registry[i]) < 0)
			registry[i] = NULL;
	arena_init(&arena, 4096, 1u << 20);
	buf_addf(&path, "%s/khien.yaml", o->data);
	for (uint32_t i = 0; i < o->ldap_role_count; i++) {
		const struct ldap_role_option *l = &o->ldap_role[i];
		const char *what = registry[1] ? ldap_role_fault(l, database[1], registry[1], &arena) : "";
		if (what && registry[0])
			what = ldap_role_fault(l, database[0], registry[0], &arena);
		if (!what || !*what)
			continue;
		fault_set(&f, E_INVALID, what, str_z(strcmp(what, "option_ldap_no_place") == 0 ? l->organisation : l->role), l->line,
		    l->column);
		if (l->line)
			fault_in_file(&f, buf_str(&path));
		count_fault(faults, &f);
	}
	for (int i = 0; i < 2; i++)
		registry_free(registry[i]);
	db_close(database[1]);
	arena_release(&arena);
	buf_release(&path);
}

/* What stands in rows: tried in a database that is thrown away. */
static void
check_rows(const struct options *o, const struct law *law, int *faults)
{
	struct fault f = {0};
	struct db *db;
	if (!o->register_file[0] && !o->ldap_role_count)
		return;
	if (db_open(STR(""), &db, &f) < 0) {
		count_fault(faults, &f);
		return;
	}
	check_register(o, law, db, faults);
	if (o->ldap_role_count)
		check_ldap_roles(o, db, faults);
	db_close(db);
}

int
check_command(int argc, char **argv)
{
	static struct options o;
	struct fault f = {0};
	int faults = 0;
	if (options_read(&o, argc, argv, &f) < 0)
		count_fault(&faults, &f);
	check_rules(&o, &faults);
	check_yara(&o, &faults);
	struct law *law = check_law(&faults);
	(void)!kinds_file_load(NULL, count_fault, &faults);
	check_rows(&o, law, &faults);
	law_free(law);
	return faults ? 1 : 0;
}
