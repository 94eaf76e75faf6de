/* SPDX-License-Identifier: EUPL-1.2 */
#include "backup_repository.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/lang.h"
#include "base/memory.h"
#include "host/file.h"
#include "host/log.h"

void
backup_say(const char *key, const char *const *args, size_t count)
{
	struct buf out = BUF_INIT;
	struct str arg[4];
	assert(count <= COUNT(arg));
	for (size_t i = 0; i < count; i++)
		arg[i] = str_z(args[i]);
	lang_format(&out, lang_of_user(), str_z(key), arg, count);
	printf("%.*s\n", STR_ARG(buf_str(&out)));
	fflush(stdout);
	buf_release(&out);
}

void
backup_say_numbers(const char *key, const uint64_t *args, size_t count)
{
	char text[4][24];
	const char *arg[4];
	assert(count <= COUNT(text));
	for (size_t i = 0; i < count; i++) {
		snprintf(text[i], sizeof text[i], "%llu", (unsigned long long)args[i]);
		arg[i] = text[i];
	}
	backup_say(key, arg, count);
}

int
backup_usage(const char *key)
{
	struct str text = lang_text(lang_of_user(), str_z(key));
	fprintf(stderr, "%.*s\n", STR_ARG(text));
	return 1;
}

static const struct backup_option *
option_of(const struct backup_option *o, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(str_z(o[i].name), str_z(word)))
			return &o[i];
	return NULL;
}

bool
backup_options(const struct backup_option *o, size_t count, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const struct backup_option *one = option_of(o, count, argv[i]);
		if (!one || (one->value && i + 1 >= argc))
			return false;
		if (one->value)
			*one->value = argv[++i];
		else
			*one->flag = true;
	}
	return true;
}

int
backup_key_read(const char *text, uint8_t ret[REPO_KEY])
{
	struct buf file = BUF_INIT_MAX(1024);
	int error = repo_key_read(str_z(text), ret);
	if (error && file_read(text, &file) == 0)
		error = repo_key_read(buf_str(&file), ret);
	buf_release(&file);
	return error;
}

int
backup_list_of(struct repo *v, struct str name, struct arena *arena, struct buf *text, struct backup_list *ret,
    struct str *ret_name, struct fault *f)
{
	struct str *names;
	uint32_t count;
	TRY(repo_lists(v, arena, &names, &count));
	if (!name.n && count)
		name = names[count - 1];
	if (!name.n)
		return fault_set(f, E_NOT_FOUND, "backup_none", STR(""), 0, 0);
	int error = repo_list_get(v, name, text);
	if (!error)
		error = backup_list_read(buf_str(text), arena, ret);
	if (error)
		return fault_set(f, error, error == E_NOT_FOUND || error == E_INVALID ? "backup_unknown" : "backup_altered", name, 0, 0);
	*ret_name = name;
	return 0;
}

/* --- is all of it there? --- */

static int
by_id(const void *a, const void *b)
{
	return memcmp(a, b, REPO_ID);
}

struct pieces {
	struct repo_id *id;
	size_t count, cap;
};

static void
add_pieces(struct pieces *p, const struct backup_list *l)
{
	for (uint32_t f = 0; f < l->files; f++)
		for (uint32_t i = 0; i < l->file[f].pieces; i++) {
			MEM_GROW(p->id, p->count, p->cap);
			p->id[p->count++] = l->file[f].piece[i];
		}
}

/* Every piece once, however many backups name it. */
static uint64_t
count_bad(struct repo *v, struct pieces *p, uint64_t *ret_pieces)
{
	struct buf piece = BUF_INIT;
	uint64_t bad = 0;
	*ret_pieces = 0;
	if (p->count)
		qsort(p->id, p->count, sizeof *p->id, by_id);
	for (size_t i = 0; i < p->count; i++) {
		if (i && by_id(&p->id[i], &p->id[i - 1]) == 0)
			continue;
		++*ret_pieces;
		bad += repo_get(v, &p->id[i], &piece) < 0;
	}
	buf_release(&piece);
	return bad;
}

int
backup_check(struct repo *v, struct fault *f)
{
	struct arena arena;
	struct buf text = BUF_INIT;
	struct pieces p = {0};
	struct str *names;
	uint32_t count, bad_lists = 0;
	uint64_t pieces = 0, bad = 0;
	arena_init(&arena, 1 << 20, 2u << 30);
	int error = repo_lists(v, &arena, &names, &count);
	for (uint32_t i = 0; !error && i < count; i++) {
		struct backup_list l;
		struct str name;
		struct fault why = {0};
		if (backup_list_of(v, names[i], &arena, &text, &l, &name, &why) == 0) {
			add_pieces(&p, &l);
			continue;
		}
		log_fault(&why);
		bad_lists++;
	}
	if (!error)
		bad = count_bad(v, &p, &pieces);
	backup_say_numbers("backup.checked", (const uint64_t[]){count, bad_lists, pieces, bad}, 4);
	if (!error && (bad || bad_lists))
		error = fault_set(f, E_CORRUPT, "backup_altered", STR("--check"), 0, 0);
	mem_free(p.id);
	buf_release(&text);
	arena_release(&arena);
	return error;
}
