/* SPDX-License-Identifier: EUPL-1.2 */
#include "database.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool
test_database_remote(void)
{
	return getenv("KHIEN_TEST_DATABASE") != NULL;
}

struct str
test_database(const char *place)
{
	static char kept[64][512];
	static unsigned count;
	const char *server = getenv("KHIEN_TEST_DATABASE");
	char schema[64], sql[96], *to = kept[count % COUNT(kept)];
	if (count == COUNT(kept))
		abort();
	count++;
	if (!server) {
		snprintf(to, sizeof kept[0], "%s", place);
		return str_z(to);
	}
	snprintf(schema, sizeof schema, "t%d_%u", (int)getpid(), count);
	snprintf(sql, sizeof sql, "CREATE SCHEMA %s", schema);
	PGconn *connection = PQconnectdb(server);
	PGresult *result = PQexec(connection, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK) {
		fprintf(stderr, "# %s\n", PQerrorMessage(connection));
		abort();
	}
	PQclear(result);
	PQfinish(connection);
	snprintf(to, sizeof kept[0], "%s%soptions=-csearch_path%%3D%s", server, strchr(server, '?') ? "&" : "?", schema);
	return str_z(to);
}
