/* SPDX-License-Identifier: EUPL-1.2 */
/* bench_database WHERE SECONDS: a case opened with its history and its row of the record, one transaction each, as fast as the
 * engine makes them last. Prints transactions per second. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/record.h"

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
open_case(struct db *db, int64_t n)
{
	struct db_rows *rows;
	char key[32];
	snprintf(key, sizeof key, "10.0.%lld", (long long)n);
	struct record r = {.at_ms = n, .who = STR("bench"), .action = STR("POST /api/v1/alerts"), .noun = STR("alerts"), .noun_id = str_z(key),
	    .after = STR("{\"state\":\"new\",\"reason\":\"what somebody typed, some eighty letters of it, for it is a case like others\"}")};
	TRY(db_begin(db));
	int error = db_query(db, &rows, Q_ALERT_OPEN, "ssssisssiiiissii", STR("rule"), STR("Brute force from one address"), STR(""),
	    STR("brute force from one address"), (int64_t)2, str_z(key), str_z(key), STR("[]"), (int64_t)1, n, n, n, STR(""), STR(""),
	    (int64_t)0, (int64_t)0);
	if (!error) {
		error = db_next(rows);
		int64_t id = error > 0 ? db_i64(rows, 0) : 0;
		db_end(rows);
		if (error > 0)
			error = db_run(db, Q_ALERT_HISTORY_PUT, "iissss", id, n, STR("khien"), STR("opened"), STR(""), STR(""));
	}
	if (!error)
		error = record_put(db, &r);
	if (!error)
		error = db_commit(db);
	if (error)
		db_rollback(db);
	return error;
}

int
main(int argc, char **argv)
{
	struct db *db;
	struct fault f = {0};
	if (argc != 3 || db_open(str_z(argv[1]), &db, &f) < 0) {
		fprintf(stderr, "bench_database WHERE SECONDS: %s %s\n", f.what ? f.what : "", f.arg);
		return 1;
	}
	double began = now(), seconds = strtod(argv[2], NULL);
	int64_t n = 0;
	while (now() - began < seconds && open_case(db, n) == 0)
		n++;
	printf("%.0f\n", (double)n / (now() - began));
	db_close(db);
	return 0;
}
