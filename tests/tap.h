/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_TAP_H
#define TEST_TAP_H

/*
 * A test program in one header: TEST(name) { ... } registers itself, tests/tap_main.c runs them all and speaks TAP 13.
 * A failed CHECK says where and what and lets the test go on; SKIP("why") ends it as skipped. A test that checks
 * nothing fails.
 */

#include "base/bytes.h"

struct tap_test {
	const char *name;
	void (*run)(void);
	struct tap_test *next;
};

void tap_register(struct tap_test *t);
void tap_check(bool ok, const char *file, int line, const char *format, ...) __attribute__((format(printf, 4, 5)));
void tap_skip(const char *reason);
bool tap_skipped(void);
/* A folder for this test alone, removed when the program ends. Static. */
const char *tap_folder(void);
/* Path of shared test data ("corpora/..."), or NULL (then SKIP). Static buffer. KHIEN_SHARED names the folder. */
const char *tap_shared(const char *path);
/* Path inside the source tree. Static buffer. */
const char *tap_source(const char *path);
/* Whole file into b; false when it cannot be read. */
bool tap_read(const char *path, struct buf *b);

#define TEST(name)                                                                                                     \
	static void test_##name(void);                                                                                 \
	static struct tap_test tap_##name = {#name, test_##name, NULL};                                                \
	[[gnu::constructor]] static void tap_register_##name(void)                                                     \
	{                                                                                                              \
		tap_register(&tap_##name);                                                                             \
	}                                                                                                              \
	static void test_##name(void)

#define CHECK(condition) tap_check((condition), __FILE__, __LINE__, "%s", #condition)
#define CHECK_INT(got, want)                                                                                           \
	do {                                                                                                           \
		long long got_ = (long long)(got), want_ = (long long)(want);                                          \
		tap_check(got_ == want_, __FILE__, __LINE__, "%s = %lld, want %lld", #got, got_, want_);               \
	} while (0)
#define CHECK_STR(got, want)                                                                                           \
	do {                                                                                                           \
		struct str got_ = (got), want_ = (want);                                                               \
		tap_check(str_eq(got_, want_), __FILE__, __LINE__, "%s = \"%.*s\", want \"%.*s\"", #got, STR_ARG(got_), \
		    STR_ARG(want_));                                                                                   \
	} while (0)
#define SKIP(reason)                                                                                                   \
	do {                                                                                                           \
		tap_skip(reason);                                                                                      \
		return;                                                                                                \
	} while (0)

#endif
