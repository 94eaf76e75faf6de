/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/db_move.h"

#include "base/memory.h"
#include "store/db_private.h"

/* Names and statements, each on a line of its own. */
struct move {
	struct db *from, *to;
	struct buf tables;
	struct buf keys; /* that put the foreign keys back */
	uint64_t rows;
};

/* The first column of all rows, a line each. */
static int
ask_lines(struct db *db, const char *sql, struct buf *out)
{
	struct db_rows *rows;
	int more;
	TRY(db_ask(db, &rows, sql, ""));
	while ((more = db_next(rows)) > 0) {
		buf_add(out, db_text(rows, 0));
		buf_add_char(out, '\n');
	}
	db_end(rows);
	return more;
}

/* Every line as a statement. */
static int
run_lines(struct db *db, struct str lines)
{
	struct buf sql = BUF_INIT;
	struct str line;
	int error = 0;
	while (!error && str_split(&lines, '\n', &line)) {
		buf_clear(&sql);
		buf_add(&sql, line);
		error = line.n ? db_script(db, sql.p) : 0;
	}
	buf_release(&sql);
	return error;
}

/* --- foreign keys: tables refer to each other and to themselves, so no order of rows is right --- */

static int
take_keys_off(struct move *m)
{
	struct buf drop = BUF_INIT;
	TRY(ask_lines(m->to, "SELECT 'ALTER TABLE ' || conrelid::regclass || ' ADD CONSTRAINT ' || quote_ident(conname) || ' ' || "
			     "pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND "
			     "connamespace = current_schema()::regnamespace ORDER BY oid", &m->keys));
	int error = ask_lines(m->to, "SELECT 'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT ' || quote_ident(conname) "
				     "FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace", &drop);
	if (!error)
		error = run_lines(m->to, buf_str(&drop));
	buf_release(&drop);
	return error;
}

static int
put_keys_back(struct move *m, struct fault *f)
{
	int64_t astray = 0;
	if (db_remote(m->to))
		TRY(run_lines(m->to, buf_str(&m->keys)));
	else
		TRY(db_ask_number(m->to, "SELECT count(*) FROM pragma_foreign_key_check", &astray));
	return astray ? fault_set(f, E_CORRUPT, "database_move", STR("foreign keys"), 0, 0) : 0;
}

/* --- tables --- */

static void
take_value(struct db_rows *rows, int column, struct db_value *v)
{
	*v = (struct db_value){.type = db_kind(rows, column), .text = db_text(rows, column)};
	if (!v->text.p)
		v->text = STR("");
	if (v->type == 'i')
		v->number = db_i64(rows, column);
}

static void
put_names(struct buf *sql, struct str columns, int *ret_count)
{
	struct str name;
	*ret_count = 0;
	while (str_split(&columns, '\n', &name))
		if (name.n)
			buf_addf(sql, "%s\"%.*s\"", (*ret_count)++ ? ", " : "", STR_ARG(name));
}

static int
list_columns(struct move *m, struct str table, struct buf *out)
{
	struct buf sql = BUF_INIT;
	buf_addf(&sql, db_remote(m->from) ? "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
					    "AND table_name = '%.*s' ORDER BY ordinal_position"
					  : "SELECT name FROM pragma_table_info('%.*s') ORDER BY cid", STR_ARG(table));
	int error = ask_lines(m->from, sql.p, out);
	buf_release(&sql);
	return error;
}

static int
move_rows(struct move *m, const char *select, const char *insert, int columns)
{
	struct db_value value[DB_PARAMETERS];
	struct db_rows *rows, *put;
	int more;
	TRY(db_ask(m->from, &rows, select, ""));
	while ((more = db_next(rows)) > 0) {
		for (int i = 0; i < columns; i++)
			take_value(rows, i, &value[i]);
		more = db_ask_values(m->to, &put, insert, value, columns);
		if (more < 0)
			break;
		more = db_next(put);
		db_end(put);
		if (more < 0)
			break;
		m->rows++;
	}
	db_end(rows);
	return more;
}

static int
compare_counts(struct move *m, struct str table, struct fault *f)
{
	char sql[160];
	int64_t a = 0, b = -1;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%.*s\"", STR_ARG(table));
	TRY(db_ask_number(m->from, sql, &a));
	TRY(db_ask_number(m->to, sql, &b));
	return a == b ? 0 : fault_set(f, E_CORRUPT, "database_move", table, 0, 0);
}

/* The numbers that come next follow those that are there. */
static int
continue_numbers(struct move *m, struct str table, struct str columns)
{
	char sql[320];
	int64_t next = 0;
	if (!db_remote(m->to) || !str_starts(columns, STR("id\n")))
		return 0;
	snprintf(sql, sizeof sql, "SELECT count(pg_get_serial_sequence('\"%.*s\"', 'id'))", STR_ARG(table));
	TRY(db_ask_number(m->to, sql, &next));
	if (!next)
		return 0;
	snprintf(sql, sizeof sql, "SELECT setval(pg_get_serial_sequence('\"%.*s\"', 'id'), coalesce(max(id), 0) + 1, false) FROM \"%.*s\"",
	    STR_ARG(table), STR_ARG(table));
	return db_ask_number(m->to, sql, &next);
}

static int
move_table(struct move *m, struct str table, struct fault *f)
{
	struct buf columns = BUF_INIT, names = BUF_INIT, sql = BUF_INIT, insert = BUF_INIT;
	int count;
	int error = list_columns(m, table, &columns);
	put_names(&names, buf_str(&columns), &count);
	buf_addf(&sql, "DELETE FROM \"%.*s\"", STR_ARG(table));
	if (!error)
		error = count && count <= DB_PARAMETERS ? db_script(m->to, sql.p) : E_LIMIT;
	buf_clear(&sql);
	buf_addf(&sql, "SELECT %.*s FROM \"%.*s\"", STR_ARG(buf_str(&names)), STR_ARG(table));
	buf_addf(&insert, "INSERT INTO \"%.*s\" (%.*s) VALUES (", STR_ARG(table), STR_ARG(buf_str(&names)));
	for (int i = 0; i < count; i++)
		buf_addf(&insert, "%s$%d", i ? ", " : "", i + 1);
	buf_add_char(&insert, ')');
	if (!error)
		error = move_rows(m, sql.p, insert.p, count);
	if (!error)
		error = continue_numbers(m, table, buf_str(&columns));
	if (!error)
		error = compare_counts(m, table, f);
	buf_release(&columns);
	buf_release(&names);
	buf_release(&sql);
	buf_release(&insert);
	return error && f && !f->code ? fault_set(f, error, "database_move", table, 0, 0) : error;
}

static int
move_all(struct move *m, struct fault *f)
{
	struct str table, rest;
	if (db_remote(m->to))
		TRY(take_keys_off(m));
	/* A file has our tables alone, a server may have others beside them. */
	struct db *list = db_remote(m->from) ? m->to : m->from;
	TRY(ask_lines(list, db_remote(list) ? "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() "
					      "AND table_type = 'BASE TABLE'"
					    : "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'",
	    &m->tables));
	for (rest = buf_str(&m->tables); str_split(&rest, '\n', &table);)
		if (table.n && !str_eq(table, STR("schema_version")))
			TRY(move_table(m, table, f));
	return put_keys_back(m, f);
}

static int
is_unused(struct db *db, struct fault *f)
{
	int64_t people = 0, entries = 0;
	TRY(db_ask_number(db, "SELECT count(*) FROM person", &people));
	TRY(db_ask_number(db, "SELECT count(*) FROM record", &entries));
	return people || entries ? fault_set(f, E_EXISTS, "database_used", STR(""), 0, 0) : 0;
}

/* `step`: what `to` is made to be first; 0 = it is that already. */
static int
move_at_once(struct move *m, int step, struct fault *f)
{
	if (!db_remote(m->to)) /* outside of the transaction, where alone it can be set */
		TRY(db_script(m->to, "PRAGMA foreign_keys=OFF"));
	TRY(db_script(m->from, db_remote(m->from) ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN"));
	int error = db_begin(m->to);
	if (!error && step)
		error = db_start_over(m->to, step);
	if (!error)
		error = move_all(m, f);
	error = db_end_transaction(m->to, error);
	if (db_script(m->from, "ROLLBACK") < 0 && !error)
		error = E_IO;
	if (!db_remote(m->to) && db_script(m->to, "PRAGMA foreign_keys=ON") < 0 && !error)
		error = E_IO;
	buf_release(&m->tables);
	buf_release(&m->keys);
	return error;
}

int
db_move(struct db *from, struct db *to, uint64_t *ret_rows, struct fault *f)
{
	struct move m = {.from = from, .to = to};
	TRY(is_unused(to, f));
	TRY(move_at_once(&m, 0, f));
	*ret_rows = m.rows;
	return 0;
}

int
db_keep(struct db *from, const char *folder, struct fault *f)
{
	struct move m = {.from = from};
	int step;
	TRY(db_schema(from, &step));
	TRY(db_open_at(str_z(folder), step, &m.to, f));
	int error = move_at_once(&m, 0, f);
	if (!error) /* one file, which nobody's looking makes others beside */
		error = db_script(m.to, "PRAGMA journal_mode=DELETE");
	db_close(m.to);
	return error;
}

int
db_bring_back(struct db *from, struct db *to, uint64_t *ret_rows, struct fault *f)
{
	struct move m = {.from = from, .to = to};
	int step;
	TRY(db_schema(from, &step));
	TRY(move_at_once(&m, step, f));
	*ret_rows = m.rows;
	return 0;
}
