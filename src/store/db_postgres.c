/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * PostgreSQL by libpq. One connection a handle, blocking; each query is a prepared statement of it. Rows are taken one at
 * a time; when another statement wants the connection meanwhile, the rest of them is kept in memory.
 *
 * Values travel as text, but for texts and blobs that we send: those as they are, so that their length counts and not
 * their first NUL. Numbers are declared 64 bits wide, whatever the server would guess.
 */
#include "store/db_private.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"

#define KEPT_MAX (256u << 20)
#define OWN_TRIES 50 /* a fifth of a second each */
#define OLDEST 130000

/* From PostgreSQL's catalogue; they never change. */
enum { TYPE_BOOL = 16, TYPE_BYTES = 17, TYPE_INT8 = 20, TYPE_TEXT = 25 };

struct postgres {
	PGconn *connection;
	struct cursor *live; /* whose rows are still on their way */
	int64_t changed;
	long long key; /* of the locks: one Khien a schema */
	unsigned names;
	_Atomic bool lost; /* the owner of a spare asks too */
};

/* One prepared statement and the rows it is giving. */
struct cursor {
	char name[16]; /* "" until prepared */
	char types[DB_PARAMETERS + 1];
	PGresult *row;
	struct buf kept; /* rows: for each column its length (-1 = NULL) and bytes */
	size_t at, row_at;
	int error; /* how the rows that were kept ended */
	bool ended;
};

static struct postgres *
postgres_of(const struct db *db)
{
	return db->own;
}

/* --- errors --- */

/* SQLSTATE, by class or whole; the first that fits. PostgreSQL's manual, appendix A. */
static int
error_from_state(struct str state)
{
	static const struct {
		struct str prefix;
		int error;
	} row[] = {
		{STR_INIT("23505"), E_EXISTS}, {STR_INIT("23"), E_CONFLICT}, {STR_INIT("40"), E_BUSY}, {STR_INIT("55P03"), E_BUSY},
		{STR_INIT("53100"), E_FULL}, {STR_INIT("53300"), E_BUSY}, {STR_INIT("57P03"), E_BUSY}, {STR_INIT("28"), E_DENIED},
		{STR_INIT("42501"), E_DENIED}, {STR_INIT("25006"), E_DENIED}, {STR_INIT("22"), E_INVALID}, {STR_INIT("XX00"), E_CORRUPT},
	};
	for (size_t i = 0; i < COUNT(row); i++)
		if (str_starts(state, row[i].prefix))
			return row[i].error;
	return E_IO;
}

static int
note_lost(struct postgres *p, int error)
{
	if (PQstatus(p->connection) == CONNECTION_BAD)
		p->lost = true;
	return p->lost ? E_IO : error;
}

static int
error_of(struct postgres *p, const PGresult *result)
{
	if (!result)
		return note_lost(p, E_IO);
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
		return 0;
	default:
		return note_lost(p, error_from_state(str_z(PQresultErrorField(result, PG_DIAG_SQLSTATE))));
	}
}

/* --- rows --- */

static struct cursor *
cursor_of(const struct db_rows *rows)
{
	return rows->own;
}

static unsigned
hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* "\x6162" -> "ab", in its place. */
static size_t
unhex(char *p, size_t n)
{
	size_t to = 0;
	for (size_t i = 2; i + 1 < n; i += 2)
		p[to++] = (char)(hex_digit(p[i]) << 4 | hex_digit(p[i + 1]));
	return to;
}

/* The row that has just come, with booleans and blobs as SQLite would give them. */
static void
take_row(struct cursor *c)
{
	for (int i = 0; i < PQnfields(c->row); i++) {
		char *value = PQgetvalue(c->row, 0, i);
		if (PQgetisnull(c->row, 0, i))
			continue;
		if (PQftype(c->row, i) == TYPE_BOOL)
			value[0] = value[0] == 't' ? '1' : '0';
		else if (PQftype(c->row, i) == TYPE_BYTES)
			unhex(value, (size_t)PQgetlength(c->row, 0, i));
	}
}

static bool
row_cell(const struct cursor *c, int column, struct str *ret)
{
	if (PQgetisnull(c->row, 0, column))
		return false;
	size_t n = (size_t)PQgetlength(c->row, 0, column);
	*ret = str_from(PQgetvalue(c->row, 0, column), PQftype(c->row, column) == TYPE_BYTES ? (n - 2) / 2 : n);
	return true;
}

static bool
kept_cell(const struct cursor *c, int column, struct str *ret)
{
	size_t at = c->row_at;
	int32_t n;
	for (int i = 0;; i++) {
		memcpy(&n, c->kept.p + at, sizeof n);
		at += sizeof n;
		if (i == column)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	*ret = str_from(c->kept.p + at, n > 0 ? (size_t)n : 0);
	return n >= 0;
}

/* False for NULL. */
static bool
cell(const struct db_rows *rows, int column, struct str *ret)
{
	const struct cursor *c = cursor_of(rows);
	*ret = STR("");
	if (!c->row || column >= PQnfields(c->row))
		return false;
	return c->kept.n ? kept_cell(c, column, ret) : row_cell(c, column, ret);
}

static void
keep_row(struct cursor *c)
{
	for (int i = 0; i < PQnfields(c->row); i++) {
		struct str value = STR("");
		int32_t n = row_cell(c, i, &value) ? (int32_t)value.n : -1;
		buf_add(&c->kept, str_from((const char *)&n, sizeof n));
		buf_add(&c->kept, value);
	}
}

/* The next result of the cursor whose rows are on their way: 1 = a row. */
static int
receive(struct postgres *p, struct cursor *c)
{
	PGresult *result = PQgetResult(p->connection);
	if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
		PQclear(c->row);
		c->row = result;
		take_row(c);
		return 1;
	}
	int error = error_of(p, result);
	int64_t n = 0;
	if (!error && str_to_i64(str_z(PQcmdTuples(result)), &n))
		p->changed = n;
	PQclear(result);
	while ((result = PQgetResult(p->connection)))
		PQclear(result);
	c->ended = true;
	p->live = NULL;
	return error;
}

/* Somebody else wants the connection. The row its owner looks at stays where it is: it is kept as the first. */
static void
keep_rest(struct postgres *p)
{
	struct cursor *c = p->live;
	int more = 1;
	if (!c)
		return;
	c->kept.max = KEPT_MAX;
	if (c->row)
		keep_row(c);
	c->row_at = 0;
	c->at = c->kept.n;
	while ((more = receive(p, c)) > 0)
		if (!c->kept.over)
			keep_row(c);
	c->error = c->kept.over ? E_LIMIT : more;
}

static int
next_kept(struct cursor *c)
{
	int32_t n;
	if (c->at >= c->kept.n)
		return c->error;
	c->row_at = c->at;
	for (int i = 0; i < PQnfields(c->row); i++) {
		memcpy(&n, c->kept.p + c->at, sizeof n);
		c->at += sizeof n + (n > 0 ? (size_t)n : 0);
	}
	return 1;
}

static int
next(struct db_rows *rows)
{
	struct cursor *c = cursor_of(rows);
	if (!c->ended)
		return receive(postgres_of(rows->db), c);
	return next_kept(c);
}

static int
end(struct db_rows *rows)
{
	struct postgres *p = postgres_of(rows->db);
	struct cursor *c = cursor_of(rows);
	int error = c->ended ? c->error : 1;
	while (error > 0)
		error = receive(p, c);
	PQclear(c->row);
	c->row = NULL;
	buf_release(&c->kept);
	c->at = c->row_at = 0;
	c->error = 0;
	return error;
}

static int64_t
number(struct db_rows *rows, int column)
{
	struct str value;
	char text[24];
	if (!cell(rows, column, &value) || value.n >= sizeof text)
		return 0;
	memcpy(text, value.p, value.n);
	text[value.n] = 0;
	return strtoll(text, NULL, 10);
}

static struct str
text(struct db_rows *rows, int column)
{
	struct str value;
	cell(rows, column, &value);
	return value;
}

static char
kind(struct db_rows *rows, int column)
{
	struct str value;
	if (!cell(rows, column, &value))
		return 'n';
	switch (PQftype(cursor_of(rows)->row, column)) {
	case TYPE_BYTES:
		return 'b';
	case TYPE_INT8:
	case TYPE_BOOL:
		return 'i';
	default:
		return 's';
	}
}

static int
columns(struct db_rows *rows)
{
	return cursor_of(rows)->row ? PQnfields(cursor_of(rows)->row) : 0;
}

/* --- statements --- */

static int
run_text(struct postgres *p, const char *sql)
{
	if (p->lost)
		return E_IO;
	keep_rest(p);
	PGresult *result = PQexec(p->connection, sql);
	int error = error_of(p, result);
	PQclear(result);
	return error;
}

static int
script(struct db *db, const char *sql)
{
	return run_text(postgres_of(db), sql);
}

static int
begin(struct db *db)
{
	char sql[96];
	struct postgres *p = postgres_of(db);
	snprintf(sql, sizeof sql, "BEGIN; SELECT pg_advisory_xact_lock(%lld)", p->key);
	int error = run_text(p, sql);
	if (error && !p->lost)
		(void)!run_text(p, "ROLLBACK");
	return error;
}

/* What the statement was prepared for fits what comes now. A NULL fits everything. */
static bool
types_fit(const struct cursor *c, const char *types)
{
	for (size_t i = 0; types && types[i]; i++)
		if (types[i] != 'n' && types[i] != c->types[i])
			return false;
	return true;
}

static int
prepare_named(struct postgres *p, struct cursor *c, const char *sql)
{
	Oid types[DB_PARAMETERS] = {0};
	int count = (int)strlen(c->types);
	for (int i = 0; i < count; i++)
		types[i] = c->types[i] == 'i' ? TYPE_INT8 : c->types[i] == 's' ? TYPE_TEXT : c->types[i] == 'b' ? TYPE_BYTES : 0;
	snprintf(c->name, sizeof c->name, "q%u", p->names++);
	PGresult *result = PQprepare(p->connection, c->name, sql, count, types);
	int error = error_of(p, result);
	PQclear(result);
	if (error)
		c->name[0] = 0;
	return error;
}

static void
deallocate(struct postgres *p, struct cursor *c)
{
	char sql[48];
	if (!c->name[0] || p->lost || !p->connection)
		return;
	snprintf(sql, sizeof sql, "DEALLOCATE %s", c->name);
	(void)!run_text(p, sql);
	c->name[0] = 0;
}

static int
prepare(struct db_rows *rows, const char *types)
{
	struct postgres *p = postgres_of(rows->db);
	struct cursor *c = rows->own ? rows->own : MEM_NEW(struct cursor);
	rows->own = c;
	if (p->lost)
		return E_IO;
	if (c->name[0] && types_fit(c, types))
		return 0;
	keep_rest(p);
	deallocate(p, c);
	for (size_t i = 0; types && types[i]; i++)
		if (types[i] != 'n' || !c->types[i])
			c->types[i] = types[i];
	return prepare_named(p, c, rows->sql);
}

static void
forget(struct db_rows *rows)
{
	struct cursor *c = cursor_of(rows);
	if (!c)
		return;
	if (rows->once) /* the others go with the connection */
		deallocate(postgres_of(rows->db), c);
	PQclear(c->row);
	buf_release(&c->kept);
	mem_free(c);
	rows->own = NULL;
}

static int
start(struct db_rows *rows, const struct db_value *values, int count)
{
	struct postgres *p = postgres_of(rows->db);
	struct cursor *c = cursor_of(rows);
	const char *value[DB_PARAMETERS];
	int length[DB_PARAMETERS], binary[DB_PARAMETERS];
	char numbers[DB_PARAMETERS][24];
	keep_rest(p);
	for (int i = 0; i < count; i++) {
		const struct db_value *v = &values[i];
		if (v->text.n > INT32_MAX)
			return E_LIMIT;
		snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)v->number);
		value[i] = v->type == 'n' ? NULL : v->type == 'i' ? numbers[i] : v->text.p;
		length[i] = (int)v->text.n;
		binary[i] = v->type != 'i';
	}
	if (!PQsendQueryPrepared(p->connection, c->name, count, value, length, binary, 0))
		return note_lost(p, E_IO);
	PQsetSingleRowMode(p->connection);
	c->ended = false;
	p->live = c;
	return 0;
}

static int64_t
changed(struct db *db)
{
	return postgres_of(db)->changed;
}

static bool
lost(struct db *db)
{
	return postgres_of(db)->lost;
}

static const char *
reason(struct db *db)
{
	return PQerrorMessage(postgres_of(db)->connection);
}

/* --- connection --- */

static void
hear_notice(void *user, const PGresult *result)
{
}

/* The server's first line, which holds no secret: "connection to server at ... failed: FATAL: ..." */
static int
tell_refusal(struct db *db, struct fault *f)
{
	struct str rest = str_z(PQerrorMessage(postgres_of(db)->connection)), line = STR("");
	str_split(&rest, '\n', &line);
	bool denied = str_find(line, STR("password")) >= 0 || str_find(line, STR("authentication")) >= 0;
	return fault_set(f, denied ? E_DENIED : E_IO, "database_connect", line, 0, 0);
}

/* One number by a statement of the moment; `fallback` when there is none. */
static int
ask_number(struct postgres *p, const char *sql, long long *ret)
{
	PGresult *result = PQexec(p->connection, sql);
	int error = error_of(p, result);
	if (!error && PQntuples(result) > 0)
		*ret = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	return error;
}

/* Somebody may have set these for the role or the database to what our promises cannot bear. */
static int
settle(struct db *db, struct fault *f)
{
	struct postgres *p = postgres_of(db);
	const char *encoding = PQparameterStatus(p->connection, "server_encoding");
	char number[24];
	snprintf(number, sizeof number, "%d", PQserverVersion(p->connection));
	if (PQserverVersion(p->connection) < OLDEST)
		return fault_set(f, E_UNSUPPORTED, "database_old", str_z(number), 0, 0);
	if (!str_eq(str_z(encoding), STR("UTF8")))
		return fault_set(f, E_UNSUPPORTED, "database_encoding", str_z(encoding), 0, 0);
	TRY(run_text(p, "SET lock_timeout = 2000; SET statement_timeout = 0; SET client_min_messages = warning; "
			"SET default_transaction_isolation = 'read committed'; SET bytea_output = hex; "
			"SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"));
	return ask_number(p, "SELECT hashtextextended('khien ' || current_schema(), 0)", &p->key);
}

static int
connect_as(struct db *db, const char *attributes, struct fault *f)
{
	/* Before the address: what it may say otherwise. After it: what it may not. A server that vanishes without a word
	 * is given up after the time that a stalled core may take. */
	static const char *const names[] = {"connect_timeout", "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
	    "application_name", "target_session_attrs", "gssencmode", "dbname", "client_encoding", NULL};
	const char *values[] = {"5", "15000", "10", "3", "khien", attributes, "disable", db->where, "UTF8", NULL};
	struct postgres *p = db->own = MEM_NEW(struct postgres);
	p->connection = PQconnectdbParams(names, values, 1);
	if (PQstatus(p->connection) != CONNECTION_OK)
		return tell_refusal(db, f);
	PQsetNoticeReceiver(p->connection, hear_notice, NULL);
	return settle(db, f);
}

static int
connect_to(struct db *db, struct fault *f)
{
	return connect_as(db, "read-write", f);
}

/* A standby will do. */
static int
connect_to_read(struct db *db, struct fault *f)
{
	TRY(connect_as(db, "any", f));
	return run_text(postgres_of(db), "SET default_transaction_read_only = on");
}

static void
disconnect(struct db *db)
{
	struct postgres *p = postgres_of(db);
	if (!p)
		return;
	PQfinish(p->connection);
	mem_free(p);
	db->own = NULL;
}

/* A lock of the session: it goes with the connection, and so only after what the connection was still doing. */
static int
own_alone(struct db *db)
{
	char sql[80];
	const struct timespec pause = {0, 200000000};
	struct postgres *p = postgres_of(db);
	long long got = 0;
	snprintf(sql, sizeof sql, "SELECT CAST(pg_try_advisory_lock(%lld) AS INT)", p->key ^ 1);
	TRY(ask_number(p, sql, &got));
	for (int i = 0; i < OWN_TRIES && !got; i++) {
		nanosleep(&pause, NULL);
		TRY(ask_number(p, sql, &got));
	}
	return got ? 0 : E_BUSY;
}

/* Texts compare as bytes whatever the database was made with; a CAST says TEXT alone. */
static const struct db_word words[] = {
	{STR_INIT("{ID}"), STR_INIT("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY")},
	{STR_INIT("{INT}"), STR_INIT("BIGINT")},
	{STR_INIT("{BLOB}"), STR_INIT("BYTEA")},
	{STR_INIT("{STRICT}"), STR_INIT("")},
	{STR_INIT(" AS TEXT"), STR_INIT(" AS TEXT")},
	{STR_INIT(" TEXT"), STR_INIT(" TEXT COLLATE \"C\"")},
};

const struct db_engine db_postgres = {
	.open = connect_to,
	.open_read = connect_to_read,
	.close = disconnect,
	.script = script,
	.begin = begin,
	.prepare = prepare,
	.forget = forget,
	.start = start,
	.next = next,
	.end = end,
	.number = number,
	.text = text,
	.kind = kind,
	.columns = columns,
	.changed = changed,
	.lost = lost,
	.reason = reason,
	.own_alone = own_alone,
	.words = words,
	.word_count = COUNT(words),
};
