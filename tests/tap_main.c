/* SPDX-License-Identifier: EUPL-1.2 */
#include "tap.h"

#include <stdarg.h>
#include <unistd.h>

static struct tap_test *first, **last = &first;
static int checks, failures;
static const char *skip_reason;
static char folder[64];

void
tap_register(struct tap_test *t)
{
	*last = t;
	last = &t->next;
}

void
tap_check(bool ok, const char *file, int line, const char *format, ...)
{
	checks++;
	if (ok)
		return;
	failures++;
	va_list args;
	va_start(args, format);
	printf("# %s:%d: ", file, line);
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

void
tap_skip(const char *reason)
{
	skip_reason = reason;
}

bool
tap_skipped(void)
{
	return skip_reason;
}

const char *
tap_folder(void)
{
	static int number;
	static char path[96];
	if (!folder[0]) {
		snprintf(folder, sizeof folder, "/tmp/khien-test-XXXXXX");
		if (!mkdtemp(folder))
			abort();
	}
	snprintf(path, sizeof path, "%s/%d", folder, number++);
	char command[128];
	snprintf(command, sizeof command, "mkdir -p %s", path);
	if (system(command))
		abort();
	return path;
}

static const char *
joined(const char *root, const char *path)
{
	static char whole[4][1024];
	static unsigned next;
	char *to = whole[next++ % 4];
	snprintf(to, sizeof whole[0], "%s/%s", root, path);
	return to;
}

const char *
tap_shared(const char *path)
{
	const char *root = getenv("KHIEN_SHARED");
	const char *whole = joined(root ? root : TAP_SOURCE "/../shared", path);
	return access(whole, R_OK) == 0 ? whole : NULL;
}

const char *
tap_source(const char *path)
{
	return joined(TAP_SOURCE, path);
}

bool
tap_read(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "rb");
	char part[65536];
	if (!f)
		return false;
	for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
		buf_add(b, str_from(part, n));
	bool ok = !ferror(f);
	fclose(f);
	return ok;
}

static int
run_one(struct tap_test *t, int number)
{
	checks = failures = 0;
	skip_reason = NULL;
	t->run();
	if (!skip_reason && checks == 0)
		tap_check(false, t->name, 0, "the test checked nothing");
	printf("%sok %d - %s", failures ? "not " : "", number, t->name);
	if (skip_reason && !failures)
		printf(" # SKIP %s", skip_reason);
	printf("\n");
	fflush(stdout);
	return failures > 0;
}

int
main(int argc, char **argv)
{
	int number = 0, failed = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct tap_test *t = first; t; t = t->next)
		if (argc < 2 || strstr(t->name, argv[1]))
			failed += run_one(t, ++number);
	printf("1..%d\n", number);
	if (folder[0]) {
		char command[128];
		snprintf(command, sizeof command, "rm -rf %s", folder);
		if (system(command))
			return 2;
	}
	return failed > 0;
}
