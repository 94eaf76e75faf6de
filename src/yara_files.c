/* SPDX-License-Identifier: EUPL-1.2 */
#include "yara_files.h"

#include <stdio.h>
#include <unistd.h>

#include "host/file.h"
#include "rules_files.h"

struct load {
	const struct yara_files *files;
	struct yara *yara;
	struct buf text;
};

static void
on_unreadable(void *user, const char *path, int error)
{
	struct load *l = user;
	struct fault f = {0};
	fault_set(&f, error, "rule_file", str_z(error_name(error)), 0, 0);
	fault_in_file(&f, str_z(path));
	if (l->files->on_fault)
		l->files->on_fault(l->files->user, &f);
}

static int
add_file(void *user, const char *path)
{
	struct load *l = user;
	struct str p = str_z(path);
	if (!str_ends(p, STR(".yar")) && !str_ends(p, STR(".yara")))
		return 0;
	buf_clear(&l->text);
	int error = file_read(path, &l->text);
	if (error)
		on_unreadable(l, path, error);
	else
		yara_add(l->yara, buf_str(&l->text), p, l->files->on_fault, l->files->user);
	return 0;
}

int
yara_files_load(const struct yara_files *f, struct yara **ret)
{
	struct load l = {.files = f, .text = BUF_INIT_MAX(YARA_TEXT_MAX)};
	TRY(yara_new(&l.yara));
	for (uint32_t i = 0; i < f->count; i++)
		if (access(f->directory[i], F_OK) == 0 && file_walk(f->directory[i], add_file, on_unreadable, &l) < 0)
			on_unreadable(&l, f->directory[i], E_IO);
	buf_release(&l.text);
	int error = yara_finish(l.yara);
	if (error)
		yara_free(l.yara);
	else
		*ret = l.yara;
	return error;
}

void
yara_files_usual(struct yara_files *f)
{
	const char *usual = rules_beside_program("yara");
	if (usual && f->count < YARA_FOLDERS_MAX)
		snprintf(f->directory[f->count++], sizeof f->directory[0], "%s", usual);
}

void
yara_files_from(const struct options *o, struct yara_files *ret)
{
	*ret = (struct yara_files){0};
	yara_files_usual(ret);
	snprintf(ret->directory[ret->count++], sizeof ret->directory[0], "%s/yara", o->data);
}
