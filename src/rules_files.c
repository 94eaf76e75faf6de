/* SPDX-License-Identifier: EUPL-1.2 */
#include "rules_files.h"

#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "host/file.h"

struct load {
	const struct rules_files *files;
	struct rules *rules;
	struct buf text;
	struct buf digests; /* of each file, chained into one */
};

static bool
is_yaml(struct str path)
{
	return str_ends(path, STR(".yml")) || str_ends(path, STR(".yaml"));
}

const char *
rules_beside_program(const char *name)
{
	static _Thread_local char path[PATH_MAX]; /* core and its loader read rules at the same time */
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);
	for (int up = 0; up < 2 && n > 0; up++)
		while (n > 0 && path[--n] != '/')
			;
	if (n > 0) {
		snprintf(path + n, sizeof path - (size_t)n, "/content/%s", name);
		if (access(path, R_OK) == 0)
			return path;
	}
	snprintf(path, sizeof path, "/usr/share/khien/%s", name);
	return access(path, R_OK) == 0 ? path : NULL;
}

const char *
rules_default_directory(void)
{
	static char kept[PATH_MAX];
	const char *path = rules_beside_program("rules");
	if (!path)
		return NULL;
	snprintf(kept, sizeof kept, "%s", path);
	return kept;
}

static void
tell(struct load *l, int error, const char *what, const char *path)
{
	struct fault f = {0};
	fault_set(&f, error, what, str_z(error_name(error)), 0, 0);
	fault_in_file(&f, str_z(path));
	if (l->files->on_fault)
		l->files->on_fault(l->files->user, &f);
}

static void
on_unreadable(void *user, const char *path, int error)
{
	tell(user, error, "rule_file", path);
}

static int
read_text(struct load *l, const char *path)
{
	uint8_t digest[32];
	buf_clear(&l->text);
	TRY(file_read(path, &l->text));
	sha256(str_z(path), digest);
	buf_add(&l->digests, str_from((char *)digest, sizeof digest));
	sha256(buf_str(&l->text), digest);
	buf_add(&l->digests, str_from((char *)digest, sizeof digest));
	return 0;
}

static int
add_file(void *user, const char *path)
{
	struct load *l = user;
	struct str p = str_z(path);
	if (!is_yaml(p) || str_ends(p, STR("/map.yaml")) || str_ends(p, STR("/placeholders.yaml")))
		return 0;
	int error = read_text(l, path);
	if (error)
		tell(l, error, "rule_file", path);
	else
		rules_add(l->rules, buf_str(&l->text), p, l->files->on_fault, l->files->user);
	return 0;
}

/* NAME in the first folder, or beside the program. */
static const char *
find_beside_rules(const struct rules_files *f, const char *name, char path[PATH_MAX])
{
	char rules_name[64];
	for (uint32_t i = 0; i < f->count; i++) {
		snprintf(path, PATH_MAX, "%s/%s", f->directory[i], name);
		if (access(path, R_OK) == 0)
			return path;
	}
	snprintf(rules_name, sizeof rules_name, "rules/%s", name);
	return rules_beside_program(rules_name);
}

const char *
rules_files_map(const struct rules_files *f, char path[PATH_MAX])
{
	return f->map ? f->map : find_beside_rules(f, "map.yaml", path);
}

const char *
rules_files_placeholders(const struct rules_files *f, char path[PATH_MAX])
{
	return f->placeholders ? f->placeholders : find_beside_rules(f, "placeholders.yaml", path);
}

static int
add_map(struct load *l, struct fault *fault)
{
	char path[PATH_MAX];
	const char *map = rules_files_map(l->files, path);
	if (!map)
		return fault_set(fault, E_NOT_FOUND, "rule_map_missing", STR("map.yaml"), 0, 0);
	int error = read_text(l, map);
	if (error) {
		fault_set(fault, error, "rule_file", str_z(error_name(error)), 0, 0);
		fault_in_file(fault, str_z(map));
		return error;
	}
	return rules_add_map(l->rules, buf_str(&l->text), str_z(map), fault);
}

static int
add_placeholders(struct load *l, struct fault *fault)
{
	char path[PATH_MAX];
	const char *file = rules_files_placeholders(l->files, path);
	if (!file)
		return 0;
	TRY(read_text(l, file));
	return rules_add_placeholders(l->rules, buf_str(&l->text), str_z(file), fault);
}

/* ---- what the desk made ---- */

const char *
rules_desk_directory(const char *data)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/detect", data);
	return path;
}

static void
add_switch(struct load *l, const struct yaml *row)
{
	const struct yaml *off = yaml_get(row, STR("off")), *level = yaml_get(row, STR("level"));
	enum level own;
	bool is_off = false;
	if (off && !yaml_to_bool(off, &is_off))
		is_off = false;
	bool has_level = level && level_from_name(level->text, &own);
	rules_switch(l->rules, yaml_get_text(row, STR("id"), STR("")), is_off, has_level ? &own : NULL);
}

/* A fault in it leaves every rule as it was written: better too many alerts than none. */
static void
add_switches(struct load *l, const char *path)
{
	struct arena arena;
	struct yaml **document;
	uint32_t count = 0;
	struct fault fault = {0};
	int error = read_text(l, path);
	arena_init(&arena, 64 << 10, 64 << 20);
	if (!error)
		error = yaml_parse(buf_str(&l->text), &arena, &document, &count, &fault);
	for (uint32_t i = 0; i < count && !error; i++)
		YAML_EACH(row, yaml_get(document[i], STR("switches")))
			add_switch(l, row);
	arena_release(&arena);
	if (error)
		tell(l, error, "rule_file", path);
}

static int
add_desk_folder(struct load *l, const char *name)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s/%s", l->files->desk, name) >= sizeof path || access(path, R_OK) < 0)
		return 0;
	return file_walk(path, add_file, on_unreadable, l);
}

static int
add_desk(struct load *l)
{
	char path[PATH_MAX];
	if (!l->files->desk)
		return 0;
	rules_from_desk(l->rules);
	TRY(add_desk_folder(l, "rules"));
	TRY(add_desk_folder(l, "filters"));
	rules_count_exceptions(l->rules);
	if ((size_t)snprintf(path, sizeof path, "%s/switches.yaml", l->files->desk) < sizeof path && access(path, R_OK) == 0)
		add_switches(l, path);
	return 0;
}

static int
load_all(struct load *l, struct fault *fault)
{
	TRY(add_map(l, fault));
	TRY(add_placeholders(l, fault));
	for (uint32_t i = 0; i < l->files->count; i++)
		TRY(file_walk(l->files->directory[i], add_file, on_unreadable, l));
	TRY(add_desk(l));
	return rules_finish(l->rules, l->files->on_fault, l->files->user);
}

int
rules_files_load(const struct rules_files *f, struct rules **ret, uint8_t ret_digest[32], struct fault *fault)
{
	struct load l = {.files = f, .rules = rules_new(), .text = BUF_INIT_MAX(YAML_MAX_BYTES)};
	int error = load_all(&l, fault);
	if (error)
		rules_free(l.rules);
	else {
		sha256(buf_str(&l.digests), ret_digest);
		*ret = l.rules;
	}
	buf_release(&l.text);
	buf_release(&l.digests);
	return error;
}

void
rules_files_from(const struct options *o, struct rules_files *ret)
{
	*ret = (struct rules_files){0};
	for (uint32_t i = 0; i < o->rules_count; i++)
		ret->directory[ret->count++] = o->rules[i];
	ret->desk = rules_desk_directory(o->data);
	const char *usual = ret->count ? NULL : rules_default_directory();
	if (usual)
		ret->directory[ret->count++] = usual;
}
