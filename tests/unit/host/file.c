/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/file.h"

#include <stdio.h>

#include "tap.h"

TEST(a_file_is_read_up_to_its_bound_and_not_beyond)
{
	static const size_t sizes[] = {0, 1, 4096, 65535, 65536, 65537, 200000};
	char path[160];
	snprintf(path, sizeof path, "%s/a", tap_folder());
	for (size_t i = 0; i < COUNT(sizes); i++) {
		FILE *file = fopen(path, "w");
		for (size_t n = 0; n < sizes[i]; n++)
			fputc('x', file);
		fclose(file);
		struct buf whole = BUF_INIT, exact = BUF_INIT_MAX(sizes[i] ? sizes[i] : 1), small = BUF_INIT_MAX(sizes[i] - 1);
		CHECK_INT(file_read(path, &whole), 0);
		CHECK_INT(whole.n, sizes[i]);
		CHECK_INT(file_read(path, &exact), 0);
		CHECK_INT(exact.n, sizes[i]);
		if (sizes[i] > 1)
			CHECK_INT(file_read(path, &small), E_LIMIT);
		buf_release(&whole);
		buf_release(&exact);
		buf_release(&small);
	}
	struct buf none = BUF_INIT;
	CHECK_INT(file_read("/nonexistent", &none), E_NOT_FOUND);
	CHECK_INT(file_read("/", &none), E_INVALID);
}
