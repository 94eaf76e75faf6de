/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_DB_PRIVATE_H
#define STORE_DB_PRIVATE_H

/*
 * What db.c asks of an engine: db_sqlite.c and db_postgres.c answer with one struct db_engine each. db.c keeps what must
 * be the same on both: names of queries, types of parameters, transactions in transactions, schema steps.
 *
 * Also here, for the tests and for moving data between engines: statements that stand in no .sql file.
 */

#include <pthread.h>

#include "store/db.h"

#define DB_PARAMETERS 48

/* One parameter: type is the letter of db.h, number goes with 'i', text with 's' and 'b'. */
struct db_value {
	char type;
	int64_t number;
	struct str text;
	char *owned; /* where text lies when it had to be changed; NULL else */
};

struct db_rows {
	struct db *db;
	const char *sql;
	void *own; /* the engine's prepared statement */
	bool open;
	bool once; /* made by db_ask(), gone with db_end() */
};

/* A token of the schema steps and what the engine calls it. */
struct db_word {
	struct str token, word;
};

struct db_engine {
	int (*open)(struct db *db, struct fault *f);
	int (*open_read)(struct db *db, struct fault *f);
	void (*close)(struct db *db);
	/* Statements without parameters whose rows nobody wants. */
	int (*script)(struct db *db, const char *sql);
	/* The outermost transaction, alone among writers. */
	int (*begin)(struct db *db);
	/* `types` as in db_query(), or NULL: whatever fits. Before every start: cheap when it is prepared. */
	int (*prepare)(struct db_rows *rows, const char *types);
	void (*forget)(struct db_rows *rows);
	int (*start)(struct db_rows *rows, const struct db_value *values, int count);
	int (*next)(struct db_rows *rows);
	/* An error that comes only now (rows nobody read) is told. */
	int (*end)(struct db_rows *rows);
	int64_t (*number)(struct db_rows *rows, int column);
	struct str (*text)(struct db_rows *rows, int column);
	/* 'i', 's', 'b' or 'n' */
	char (*kind)(struct db_rows *rows, int column);
	int (*columns)(struct db_rows *rows);
	int64_t (*changed)(struct db *db);
	bool (*lost)(struct db *db);
	/* What it says of its last error, in its own words. */
	const char *(*reason)(struct db *db);
	int (*own_alone)(struct db *db);
	/* A copy of what is there, before the first step; NULL where a step is undone as a whole anyway. */
	int (*backup)(struct db *db, int version);
	const struct db_word *words;
	size_t word_count;
	bool beside_by_path; /* a second handle is opened when it is asked for; else it was connected beforehand */
};

extern const struct db_engine db_sqlite, db_postgres;
/* What SQLite's code is to us; extended ones too. */
int db_sqlite_error(int code);

#define DB_SPARES 4

struct db {
	const struct db_engine *engine;
	void *own;
	struct db_rows rows[Q_COUNT]; /* prepared at first use */
	char where[512];              /* file or address, never with a password */
	int depth;                    /* of transactions */
	int failed;                   /* the first error since the innermost of them began */
	struct db *owner;             /* whose spare this is */
	pthread_mutex_t lock;         /* of the spares */
	struct db *spare[DB_SPARES];
	bool spare_used[DB_SPARES];
};

/* As db_open(), but no further than step `version`: an older program's database, for tests. */
[[nodiscard]] int db_open_at(struct str where, int version, struct db **ret, struct fault *f);
/* The newest step this program knows. */
int db_version(void);
/* In the caller's transaction: our tables go, with all that is in them, and the steps up to `version` are taken again. */
[[nodiscard]] int db_start_over(struct db *db, int version);
/* A statement of the moment. Its cursor ends, and is forgotten, with db_end(). */
[[nodiscard]] int db_ask(struct db *db, struct db_rows **ret, const char *sql, const char *types, ...);
[[nodiscard]] int db_ask_values(struct db *db, struct db_rows **ret, const char *sql, const struct db_value *values, int count);
/* As db_number(). */
[[nodiscard]] int db_ask_number(struct db *db, const char *sql, int64_t *ret);
/* Prepare with the types that the callers give (NULL: as it is); f->arg names the query that does not fit the schema, and why. */
[[nodiscard]] int db_check_query(struct db *db, enum query q, const char *types, struct fault *f);
char db_kind(struct db_rows *rows, int column);
int db_columns(struct db_rows *rows);
[[nodiscard]] int db_script(struct db *db, const char *sql);

#endif
