/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/options.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/time.h"
#include "base/yaml.h"
#include "host/address.h"
#include "host/proxy.h"

enum option_kind { OPTION_TEXT, OPTION_TEXTS, OPTION_FLAG, OPTION_NUMBER, OPTION_LISTEN, OPTION_DATABASE,
	OPTION_LDAP_ROLE };

struct option {
	const char *name;
	enum option_kind kind;
	size_t offset, size; /* of its field in struct options */
	int64_t low, high;
	const char *value;
};

static const struct option options[] = {
#define OPTION(name, kind, field, low, high, value)                                                                    \
	{name, OPTION_##kind, offsetof(struct options, field), sizeof(((struct options *)0)->field), low, high, value},
#include "host/options.def"
#undef OPTION
};

/* Where a value stands, for faults; zeros on the command line. */
struct place {
	uint32_t line, column;
};

static int
option_fault(struct fault *f, int code, const char *what, const struct option *row, struct str value, struct place at)
{
	struct buf arg = BUF_INIT_MAX(256);

	buf_addf(&arg, "%s: ", row->name);
	buf_add(&arg, str_cut(value, 0, 128));
	fault_set(f, code, what, buf_str(&arg), at.line, at.column);
	buf_release(&arg);
	return code;
}

const char *
listen_kind_name(enum listen_kind kind)
{
	for (size_t i = 0; i < COUNT(options); i++)
		if (options[i].kind == OPTION_LISTEN && options[i].low == (int64_t)kind)
			return options[i].name;
	return "";
}

static const struct option *
option_find(struct str name)
{
	for (size_t i = 0; i < COUNT(options); i++)
		if (str_eq(name, str_z(options[i].name)))
			return &options[i];
	return NULL;
}

/* A path or name into a field that also holds its terminator. */
static int
option_set_text(char *field, size_t size, const struct option *row, struct str value, struct place at, struct fault *f)
{
	if (value.n == 0)
		return option_fault(f, E_INVALID, "option_value_missing", row, value, at);
	if (value.n >= size)
		return option_fault(f, E_LIMIT, "option_too_long", row, value, at);
	if (memchr(value.p, 0, value.n))
		return option_fault(f, E_INVALID, "option_text", row, value, at);
	memset(field, 0, size);
	memcpy(field, value.p, value.n);
	return 0;
}

/* "user:secret@" before the first '/', or "password=" behind the '?'. */
static bool
holds_password(struct str address)
{
	ptrdiff_t start = str_find(address, STR("://"));
	struct str rest = str_skip(address, start < 0 ? 0 : (size_t)start + 3);
	ptrdiff_t slash = str_find_char(rest, '/'), query = str_find_char(rest, '?');
	struct str head = str_cut(rest, 0, slash < 0 ? query < 0 ? rest.n : (size_t)query : (size_t)slash);
	ptrdiff_t at = str_find_char(head, '@');
	return (at >= 0 && str_find_char(str_cut(head, 0, (size_t)at), ':') >= 0) || str_find(rest, STR("password=")) >= 0;
}

int
options_check_database(struct str address, struct fault *f)
{
	if (!str_starts(address, STR("postgresql://")) && !str_starts(address, STR("postgres://")))
		return fault_set(f, E_INVALID, "option_database", STR(""), 0, 0);
	if (holds_password(address))
		return fault_set(f, E_INVALID, "option_database_password", STR(""), 0, 0);
	return 0;
}

static int
option_set_database(struct options *o, const struct option *row, struct str value, struct place at, struct fault *f)
{
	int error = value.n ? options_check_database(value, f) : 0;
	if (error && f) {
		f->line = at.line;
		f->column = at.column;
	}
	TRY(error);
	return option_set_text(o->database, sizeof(o->database), row, value, at, f);
}

static int
option_add_listen(struct options *o, const struct option *row, struct str value, struct place at, struct fault *f)
{
	struct sockaddr_storage address;
	socklen_t length;

	if (!row->high)
		return option_fault(f, E_UNSUPPORTED, "option_not_built", row, value, at);
	if (address_parse(value, &address, &length) < 0)
		return option_fault(f, E_INVALID, "option_address", row, value, at);
	if (o->listen_count == OPTIONS_MAX_LISTEN)
		return option_fault(f, E_LIMIT, "option_too_many", row, value, at);
	struct listen_option *l = &o->listen[o->listen_count];
	TRY(option_set_text(l->address, sizeof(l->address), row, value, at, f));
	l->kind = (enum listen_kind)row->low;
	o->listen_count++;
	return 0;
}

static int
option_set_number(struct options *o, const struct option *row, struct str value, struct place at, struct fault *f)
{
	int64_t number;
	int32_t narrow;

	if (!str_to_i64(value, &number))
		return option_fault(f, E_INVALID, "option_number", row, value, at);
	if (number < row->low || number > row->high)
		return option_fault(f, E_INVALID, "option_range", row, value, at);
	/* Every number field is 32 bits wide and its bounds lie in 0..INT32_MAX or are its own sign's. */
	assert(row->size == sizeof(narrow) && row->high <= INT32_MAX);
	narrow = (int32_t)number;
	memcpy((char *)o + row->offset, &narrow, sizeof(narrow));
	return 0;
}

/* How many texts a list has so far. Every list is OPTIONS_MAX_TEXTS texts of OPTION_TEXT_BYTES. */
static uint32_t *
option_count(struct options *o, const struct option *row)
{
	assert(row->size == OPTIONS_MAX_TEXTS * OPTION_TEXT_BYTES);
	return row->offset == offsetof(struct options, rules)	? &o->rules_count
	    : row->offset == offsetof(struct options, sweep) ? &o->sweep_count
	    : row->offset == offsetof(struct options, proxy) ? &o->proxy_count
							     : &o->witness_count;
}

static int
option_add_text(struct options *o, const struct option *row, struct str value, struct place at, struct fault *f)
{
	uint32_t *count = option_count(o, row);
	char *list = (char *)o + row->offset;

	if (*count == OPTIONS_MAX_TEXTS)
		return option_fault(f, E_LIMIT, "option_too_many", row, value, at);
	TRY(option_set_text(list + *count * OPTION_TEXT_BYTES, OPTION_TEXT_BYTES, row, value, at, f));
	(*count)++;
	return 0;
}

/* "ROLE GROUP", "ROLE@ORGANISATION GROUP". A group is named in full, or * for everybody. */
static int
option_add_ldap_role(struct options *o, const struct option *row, struct str value, struct place at, struct fault *f)
{
	struct str rest = str_trim(value), place, role = {0};
	bool split = str_split(&rest, ' ', &place);

	if (o->ldap_role_count == OPTIONS_MAX_LDAP_ROLES)
		return option_fault(f, E_LIMIT, "option_too_many", row, value, at);
	rest = str_trim(rest);
	bool placed = split && str_find_char(place, '@') >= 0;
	bool named = split && str_split(&place, '@', &role) && role.n && (!placed || place.n);
	if (!named || (!str_eq(rest, STR("*")) && str_find_char(rest, '=') <= 0))
		return option_fault(f, E_INVALID, "option_ldap_role", row, value, at);
	struct ldap_role_option *l = &o->ldap_role[o->ldap_role_count];
	*l = (struct ldap_role_option){.line = at.line, .column = at.column};
	TRY(option_set_text(l->role, sizeof(l->role), row, role, at, f));
	if (placed)
		TRY(option_set_text(l->organisation, sizeof(l->organisation), row, place, at, f));
	TRY(option_set_text(l->group, sizeof(l->group), row, rest, at, f));
	o->ldap_role_count++;
	return 0;
}

/* One value of any kind but a flag. Lists grow. */
static int
option_set(struct options *o, const struct option *row, struct str value, struct place at, struct fault *f)
{
	switch (row->kind) {
	case OPTION_TEXT:
		return option_set_text((char *)o + row->offset, row->size, row, value, at, f);
	case OPTION_TEXTS:
		return option_add_text(o, row, value, at, f);
	case OPTION_LISTEN:
		return option_add_listen(o, row, value, at, f);
	case OPTION_NUMBER:
		return option_set_number(o, row, value, at, f);
	case OPTION_DATABASE:
		return option_set_database(o, row, value, at, f);
	case OPTION_LDAP_ROLE:
		return option_add_ldap_role(o, row, value, at, f);
	case OPTION_FLAG:
		break;
	}
	assert(!"a flag has no value");
	return E_INVALID;
}

static bool
is_list(const struct option *row)
{
	return row->kind == OPTION_LISTEN || row->kind == OPTION_TEXTS || row->kind == OPTION_LDAP_ROLE;
}

/* Forget what the file said about this list. */
static void
option_forget(struct options *o, const struct option *row)
{
	uint32_t kept = 0;

	if (row->kind == OPTION_TEXTS)
		*option_count(o, row) = 0;
	if (row->kind == OPTION_LDAP_ROLE)
		o->ldap_role_count = 0;
	if (row->kind != OPTION_LISTEN)
		return;
	for (uint32_t i = 0; i < o->listen_count; i++)
		if (o->listen[i].kind != (enum listen_kind)row->low)
			o->listen[kept++] = o->listen[i];
	o->listen_count = kept;
}

/* One word of the command line, "--name" or "--name=value"; *at stands on it and moves to the last word used. */
static int
options_read_word(struct options *o, int argc, char **argv, int *at, bool *seen, struct fault *f)
{
	struct str word = str_z(argv[*at]), value = {NULL, 0};
	struct place nowhere = {0, 0};

	if (!str_starts(word, STR("--")))
		return fault_set(f, E_INVALID, "option_word", word, 0, 0);
	struct str name = str_skip(word, 2);
	ptrdiff_t equals = str_find_char(name, '=');
	if (equals >= 0) {
		value = str_skip(name, (size_t)equals + 1);
		name = str_cut(name, 0, (size_t)equals);
	}
	const struct option *row = option_find(name);
	if (!row)
		return fault_set(f, E_INVALID, "option_unknown", word, 0, 0);
	bool first = !seen[row - options];
	seen[row - options] = true;
	if (!first && !is_list(row))
		return option_fault(f, E_INVALID, "option_twice", row, value, nowhere);
	if (row->kind == OPTION_FLAG) {
		if (equals >= 0)
			return option_fault(f, E_INVALID, "option_no_value", row, value, nowhere);
		*((char *)o + row->offset) = 1;
		return 0;
	}
	if (equals < 0 && *at + 1 < argc)
		value = str_z(argv[++*at]);
	if (first)
		option_forget(o, row);
	return option_set(o, row, value, nowhere, f);
}

static int
options_read_words(struct options *o, int argc, char **argv, struct fault *f)
{
	bool seen[COUNT(options)] = {false};

	for (int i = 1; i < argc; i++)
		TRY(options_read_word(o, argc, argv, &i, seen, f));
	return 0;
}

/* One "key: value" of khien.yaml. */
static int
options_read_node(struct options *o, const struct yaml *node, struct fault *f)
{
	struct place key = {node->key_line, node->key_column}, at = {node->line, node->column};
	const struct option *row = option_find(node->key);
	bool flag;

	if (!row)
		return fault_set(f, E_INVALID, "option_unknown", node->key, key.line, key.column);
	if (row->offset == offsetof(struct options, data))
		return fault_set(f, E_INVALID, "option_not_in_file", node->key, key.line, key.column);
	if (row->kind == OPTION_FLAG) {
		if (!yaml_to_bool(node, &flag))
			return option_fault(f, E_INVALID, "option_flag", row, node->text, at);
		*((char *)o + row->offset) = flag;
		return 0;
	}
	bool list = is_list(row);
	if (node->kind == YAML_SCALAR && !yaml_is_null(node))
		return option_set(o, row, node->text, at, f);
	if (node->kind != YAML_LIST || !list)
		return option_fault(f, E_INVALID, list ? "option_list" : "option_text", row, node->text, at);
	YAML_EACH(item, node) {
		struct place place = {item->line, item->column};
		if (item->kind != YAML_SCALAR || yaml_is_null(item))
			return option_fault(f, E_INVALID, "option_list", row, item->text, place);
		TRY(option_set(o, row, item->text, place, f));
	}
	return 0;
}

int
options_read_text(struct options *o, struct str text, struct fault *f)
{
	struct arena arena;
	struct yaml **documents;
	uint32_t count;

	arena_init(&arena, 64 << 10, 64 << 20);
	int error = yaml_parse(text, &arena, &documents, &count, f);
	if (!error && count > 1)
		error = yaml_fault(documents[1], f, E_INVALID, "option_file_map", STR(""));
	if (!error && count && documents[0]->kind != YAML_MAP && !yaml_is_null(documents[0]))
		error = yaml_fault(documents[0], f, E_INVALID, "option_file_map", STR(""));
	if (!error && count)
		YAML_EACH(node, documents[0])
			if (!error)
				error = options_read_node(o, node, f);
	arena_release(&arena);
	return error;
}

static int
read_file(const char *path, struct buf *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = 1;

	if (fd < 0) /* a data directory that is none is the supervisor's to tell */
		return errno == ENOTDIR ? E_NOT_FOUND : error_from_errno(errno);
	while (n > 0 && ret->n <= YAML_MAX_BYTES) {
		char *room = buf_room(ret, 64 << 10);
		assert(room);
		n = read(fd, room, 64 << 10);
		ret->n += n > 0 ? (size_t)n : 0;
	}
	int error = n < 0 ? E_IO : 0;
	close(fd);
	return error;
}

static int
options_read_file(struct options *o, const char *data, struct fault *f)
{
	struct buf path = BUF_INIT, text = BUF_INIT;

	buf_addf(&path, "%s/khien.yaml", data);
	int error = read_file(path.p, &text);
	if (error == E_NOT_FOUND) {
		error = 0;
	} else {
		if (error)
			fault_set(f, error, "option_file", buf_str(&path), 0, 0);
		else
			error = options_read_text(o, buf_str(&text), f);
		if (error && f)
			fault_in_file(f, buf_str(&path));
	}
	buf_release(&path);
	buf_release(&text);
	return error;
}

/* The rules that came with the program: beside the binary, one folder up (a build folder), or installed. */
static void
options_default_rules(struct options *o)
{
	static const char *const after[] = {"/content/rules", "/../content/rules", "/../share/khien/rules"};
	char self[200], path[sizeof(o->rules[0])];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = 0;
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = 0;
	for (size_t i = 0; slash && i < COUNT(after); i++) {
		snprintf(path, sizeof(path), "%s%s", self, after[i]);
		char plain[PATH_MAX]; /* without "..", as others spell it who ask where a rule comes from */
		if (access(path, R_OK | X_OK) < 0 || !realpath(path, plain) || strlen(plain) >= sizeof(o->rules[0]))
			continue;
		snprintf(o->rules[0], sizeof(o->rules[0]), "%s", plain);
		o->rules_count = 1;
		return;
	}
	snprintf(o->rules[0], sizeof(o->rules[0]), "%s", "/usr/share/khien/rules");
	o->rules_count = 1;
}

static void
options_default_http(struct options *o)
{
	for (uint32_t i = 0; i < o->listen_count; i++)
		if (o->listen[i].kind == LISTEN_HTTP)
			return;
	if (o->listen_count < OPTIONS_MAX_LISTEN)
		o->listen[o->listen_count++] = (struct listen_option){LISTEN_HTTP, "127.0.0.1:8080"};
}

/* As browsers write it: a scheme and a place, no path behind them. */
static int
options_check_origin(const struct options *o, struct fault *f)
{
	struct str origin = str_z(o->origin);
	bool https = str_starts(origin, STR("https://"));
	struct str place = str_skip(origin, https ? 8 : 7);

	if (!origin.n || ((https || str_starts(origin, STR("http://"))) && place.n && str_find_char(place, '/') < 0))
		return 0;
	return fault_set(f, E_INVALID, "option_origin", origin, 0, 0);
}

static void
options_default(struct options *o)
{
	*o = (struct options){.data = "data", .retention_days = 365, .keep_days = 365, .zone = TIME_ZONE_VIETNAM, .silence_minutes = 30,
	    .flow_memory = 64, .upload_max_mb = 64, .upload_quota_mb = 2048, .upload_days = 30, .backup_keep = 30,
	    .ldap_timeout = 5, .ldap_filter = "(uid={login})"};
}

int
options_read_folder(struct options *ret, const char *data, struct fault *f)
{
	struct options o;

	options_default(&o);
	TRY(options_read_file(&o, data, f));
	*ret = o;
	return 0;
}

static bool
is_this_machine(struct str place)
{
	struct str rest = place, name = {0};
	bool numeric = true;

	if (str_starts(place, STR("[::1]")))
		return place.n == 5 || place.p[5] == ':';
	str_split(&rest, ':', &name);
	for (size_t i = 0; i < name.n; i++)
		numeric &= name.p[i] == '.' || (name.p[i] >= '0' && name.p[i] <= '9');
	return str_eq(name, STR("localhost")) || (numeric && str_starts(name, STR("127.")));
}

/* Passwords go there: protected, or not at all off this machine. And who is a person's entry must be clear. */
static int
options_check_ldap(const struct options *o, struct fault *f)
{
	struct str uri = str_z(o->ldap_uri);
	bool tls = str_starts(uri, STR("ldaps://")), plain = str_starts(uri, STR("ldap://"));
	struct str host = str_skip(uri, tls ? 8 : 7);

	if (!uri.n)
		return 0;
	if ((!tls && !plain) || !host.n || str_find_char(host, '/') >= 0 || (tls && o->ldap_starttls))
		return fault_set(f, E_INVALID, "option_ldap_uri", uri, 0, 0);
	if (plain && !o->ldap_starttls && !is_this_machine(host) && !o->ldap_insecure)
		return fault_set(f, E_INVALID, "option_ldap_plain", uri, 0, 0);
	bool named = str_find(str_z(o->ldap_bind_dn), STR("{login}")) >= 0;
	bool searched = o->ldap_base[0] && o->ldap_service_dn[0] && o->ldap_password_file[0] &&
	    str_find(str_z(o->ldap_filter), STR("{login}")) >= 0;
	if (named == searched || !o->ldap_role_count)
		return fault_set(f, E_INVALID, "option_ldap_person", uri, 0, 0);
	return 0;
}

static int
options_check_proxy(const struct options *o, struct fault *f)
{
	struct network n;
	for (uint32_t i = 0; i < o->proxy_count; i++)
		if (!network_read(str_z(o->proxy[i]), &n))
			return fault_set(f, E_INVALID, "option_proxy", str_z(o->proxy[i]), 0, 0);
	return 0;
}

int
options_read(struct options *ret, int argc, char **argv, struct fault *f)
{
	struct options o, words;

	options_default(&o);
	words = o;
	/* The words first: they say where the file is. Then again over the file. */
	TRY(options_read_words(&words, argc, argv, f));
	TRY(options_read_file(&o, words.data, f));
	TRY(options_read_words(&o, argc, argv, f));
	TRY(options_check_origin(&o, f));
	TRY(options_check_ldap(&o, f));
	TRY(options_check_proxy(&o, f));
	if (o.rules_count == 0)
		options_default_rules(&o);
	options_default_http(&o);
	*ret = o;
	return 0;
}

void
options_help(struct buf *out, enum lang lang)
{
	char key[64], word[64];

	for (size_t i = 0; i < COUNT(options); i++) {
		snprintf(word, sizeof(word), "--%s %s", options[i].name, options[i].value);
		snprintf(key, sizeof(key), "option.%s", options[i].name);
		for (char *c = key; *c; c++)
			*c = *c == '-' ? '_' : *c;
		buf_addf(out, "  %-26s", word);
		buf_add(out, lang_text(lang, str_z(key)));
		buf_add_char(out, '\n');
	}
}
