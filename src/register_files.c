/* SPDX-License-Identifier: EUPL-1.2 */
#include "register_files.h"

#include <limits.h>
#include <stdio.h>

#include "host/file.h"
#include "register/organisation.h"
#include "rules_files.h"

#define FILE_BYTES (1u << 20)

int
kinds_file_load(struct db *db, registry_on_fault *on_fault, void *user)
{
	struct buf text = BUF_INIT_MAX(FILE_BYTES);
	char path[PATH_MAX];
	const char *rules = rules_default_directory();
	snprintf(path, sizeof path, "%s/../register/kinds.yaml", rules ? rules : "content/rules");
	int error = file_read(path, &text);
	if (error) {
		struct fault f = {0};
		fault_set(&f, error, "kind_file", str_z(error_name(error)), 0, 0);
		fault_in_file(&f, str_z(path));
		on_fault(user, &f);
	} else {
		error = kinds_import(db, buf_str(&text), str_z(path), on_fault, user);
	}
	buf_release(&text);
	return error;
}
