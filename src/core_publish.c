/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "host/file.h"
#include "store/io.h"

#define GATHER_BYTES ((size_t)160 << 20)
#define FILE_BYTES (4u << 20)
#define SWITCHES "switches.yaml" /* only when there are any */

/* ---- what the database holds ---- */

static int
add_file(struct publish *p, struct str path, struct str text)
{
	MEM_GROW(p->file, p->count, p->cap);
	struct publish_file *file = &p->file[p->count];
	if (!arena_copy(&p->arena, path, &file->path) || !arena_copy(&p->arena, text, &file->text))
		return E_LIMIT;
	p->count++;
	return 0;
}

static int
add_own_rule(void *user, const struct own_rule *rule)
{
	struct buf path = BUF_INIT_MAX(256);
	buf_add(&path, STR("rules/"));
	buf_add(&path, rule->id);
	buf_add(&path, STR(".yml"));
	int error = add_file(user, buf_str(&path), rule->text);
	buf_release(&path);
	return error;
}

/* Rules of other engines and fields that core alone knows have no filter: core judges those itself. */
static int
add_exception(struct publish *p, const struct exception *e, const struct rules *rules)
{
	struct buf path = BUF_INIT_MAX(64), text = BUF_INIT_MAX(FILE_BYTES);
	const struct rule_info *info = rules_find(rules, e->rule);
	struct rule_source source = info ? rules_source(rules, rules_index(info)) : (struct rule_source){0};
	int error = 0;
	buf_addf(&path, "filters/%lld.yml", (long long)e->id);
	if (info && !info->correlation && !info->engine.n && exception_filter(e, &source, &text))
		error = add_file(p, buf_str(&path), buf_str(&text));
	buf_release(&path);
	buf_release(&text);
	return error;
}

static int
add_switches(struct publish *p, struct db *db)
{
	struct rule_switch *list;
	struct arena arena;
	struct buf text = BUF_INIT_MAX(FILE_BYTES);
	uint32_t count;
	arena_init(&arena, 64 << 10, 16 << 20);
	int error = rulebook_switches(db, &arena, &list, &count);
	buf_add(&text, STR("switches:\n"));
	for (uint32_t i = 0; !error && i < count; i++) {
		buf_add(&text, STR("  - {id: "));
		buf_add_json_string(&text, list[i].rule);
		buf_add(&text, list[i].off ? STR(", off: true") : STR(", off: false"));
		if (!list[i].own_level)
			buf_addf(&text, ", level: %s", level_name(list[i].level));
		buf_add(&text, STR("}\n"));
	}
	if (!error && count)
		error = text.over ? E_LIMIT : add_file(p, STR(SWITCHES), buf_str(&text));
	buf_release(&text);
	arena_release(&arena);
	return error;
}

static int
by_path(const void *a, const void *b)
{
	const struct publish_file *x = a, *y = b;
	return str_cmp(x->path, y->path);
}

int
publish_gather(struct publish *p, const char *directory, struct db *db, const struct exception_book *exceptions,
    const struct rules *rules)
{
	*p = (struct publish){.directory = directory};
	arena_init(&p->arena, 64 << 10, GATHER_BYTES);
	TRY(own_rules_each(db, add_own_rule, p));
	for (uint32_t i = 0; rules && i < exception_book_count(exceptions); i++)
		TRY(add_exception(p, exception_book_at(exceptions, i), rules));
	TRY(add_switches(p, db));
	qsort(p->file, p->count, sizeof *p->file, by_path);
	return 0;
}

void
publish_release(struct publish *p)
{
	arena_release(&p->arena);
	mem_free(p->file);
	*p = (struct publish){0};
}

/* ---- as files ---- */

static bool
is_there(const char *path, struct str text)
{
	struct buf have = BUF_INIT_MAX(FILE_BYTES);
	bool same = file_read(path, &have) == 0 && str_eq(buf_str(&have), text);
	buf_release(&have);
	return same;
}

static int
write_synced(const char *path, struct str text)
{
	const struct store_io *io = &store_io_disk;
	int fd = io->open(io->user, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	TRY(fd);
	int64_t n = text.n ? io->pwrite(io->user, fd, text.p, text.n, 0) : 0;
	int error = n < 0 ? (int)n : io->sync(io->user, fd);
	io->close(io->user, fd);
	return error;
}

static int
write_file(struct publish *p, const struct publish_file *file)
{
	const struct store_io *io = &store_io_disk;
	char path[PATH_MAX], beside[PATH_MAX + 8];
	if ((size_t)snprintf(path, sizeof path, "%s/%s", p->directory, file->path.p) >= sizeof path)
		return E_LIMIT;
	if (is_there(path, file->text))
		return 0;
	snprintf(beside, sizeof beside, "%s.new", path);
	TRY(write_synced(beside, file->text));
	TRY(io->rename(io->user, beside, path));
	p->written++;
	return 0;
}

static int
remove_stale(void *user, const char *path)
{
	struct publish *p = user;
	struct publish_file key = {.path = str_skip(str_z(path), strlen(p->directory) + 1)};
	if (bsearch(&key, p->file, p->count, sizeof *p->file, by_path))
		return 0;
	TRY(store_io_disk.unlink(store_io_disk.user, path));
	p->removed++;
	return 0;
}

static int
make_folder(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? error_from_errno(errno) : 0;
}

static int
write_all(struct publish *p)
{
	static const char *const folders[] = {"rules", "filters"};
	char path[PATH_MAX];
	TRY(make_folder(p->directory));
	for (size_t i = 0; i < COUNT(folders); i++) {
		if ((size_t)snprintf(path, sizeof path, "%s/%s", p->directory, folders[i]) >= sizeof path)
			return E_LIMIT;
		TRY(make_folder(path));
	}
	for (uint32_t i = 0; i < p->count; i++)
		TRY(write_file(p, &p->file[i]));
	for (size_t i = 0; i < COUNT(folders); i++) {
		snprintf(path, sizeof path, "%s/%s", p->directory, folders[i]);
		TRY(file_walk(path, remove_stale, NULL, p));
		if (p->written || p->removed)
			TRY(store_io_disk.sync_directory(store_io_disk.user, path));
	}
	if ((size_t)snprintf(path, sizeof path, "%s/" SWITCHES, p->directory) < sizeof path && access(path, F_OK) == 0)
		TRY(remove_stale(p, path));
	return p->written || p->removed ? store_io_disk.sync_directory(store_io_disk.user, p->directory) : 0;
}

int
publish_write(struct publish *p)
{
	p->error = write_all(p);
	return p->error;
}
