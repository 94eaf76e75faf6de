/* SPDX-License-Identifier: EUPL-1.2 */
#include "law_files.h"

#include <limits.h>
#include <stdio.h>

#include "host/file.h"
#include "rules_files.h"

#define FILE_BYTES (4u << 20)

struct load {
	struct law *law;
	law_on_fault *on_fault;
	void *user;
};

static void
on_unreadable(void *user, const char *path, int error)
{
	struct load *l = user;
	struct fault f = {0};
	fault_set(&f, error, "law_file", str_z(error_name(error)), 0, 0);
	fault_in_file(&f, str_z(path));
	l->on_fault(l->user, &f);
}

static int
add_file(void *user, const char *path)
{
	struct load *l = user;
	struct buf text = BUF_INIT_MAX(FILE_BYTES);
	if (!str_ends(str_z(path), STR(".yaml")))
		return 0;
	int error = file_read(path, &text);
	if (error)
		on_unreadable(l, path, error);
	else
		law_add(l->law, buf_str(&text), str_z(path), l->on_fault, l->user);
	buf_release(&text);
	return 0;
}

struct law *
law_files_load(law_on_fault *on_fault, void *user)
{
	struct load l = {.law = law_new(), .on_fault = on_fault, .user = user};
	char path[PATH_MAX];
	const char *rules = rules_default_directory();
	snprintf(path, sizeof path, "%s/../law", rules ? rules : "");
	int error = rules ? file_walk(path, add_file, on_unreadable, &l) : E_NOT_FOUND;
	if (error) {
		on_unreadable(&l, rules ? path : "content/law", error);
		law_free(l.law);
		return NULL;
	}
	law_finish(l.law, on_fault, user);
	return l.law;
}
