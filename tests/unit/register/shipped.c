/* SPDX-License-Identifier: EUPL-1.2 */
#include "shipped.h"

#include <stdio.h>

#include "host/file.h"
#include "tap.h"

void
print_fault(void *user, const struct fault *f)
{
	printf("# %s:%u:%u %s %s\n", f->file, f->line, f->column, f->what, f->arg);
}

static int
add_file(void *user, const char *path)
{
	struct buf text = BUF_INIT_MAX(4 << 20);
	if (str_ends(str_z(path), STR(".yaml"))) {
		CHECK_INT(file_read(path, &text), 0);
		CHECK_INT(law_add(user, buf_str(&text), str_z(path), print_fault, NULL), 0);
	}
	buf_release(&text);
	return 0;
}

struct law *
shipped_law(void)
{
	struct law *law = law_new();
	CHECK_INT(file_walk(tap_source("content/law"), add_file, NULL, law), 0);
	CHECK_INT(law_finish(law, print_fault, NULL), 0);
	return law;
}
