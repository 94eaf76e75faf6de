/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_DATABASE_H
#define TEST_DATABASE_H

/*
 * Where a test's database is: what was asked for (a folder, "" for memory), or in a run of tests/postgres_unit.py, which
 * says so in $KHIEN_TEST_DATABASE, a new schema of that server. So the same test judges both engines.
 */

#include "base/bytes.h"

/* Valid until the program ends. */
struct str test_database(const char *place);
/* Is it PostgreSQL? */
bool test_database_remote(void);

#endif
