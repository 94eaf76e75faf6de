/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/failures.h"

#include "base/memory.h"
#include "web/session.h"

#define SLOT_MS 600000

struct failure {
	char login[64], peer[64], what[96];
	int64_t slot, count, first_ms, last_ms;
};

struct failures {
	struct failure one[FAILURES_HELD]; /* the last one sums what finds no place */
	uint32_t count;
	int64_t written_ms;
};

struct failures *
failures_new(void)
{
	return MEM_NEW(struct failures);
}

void
failures_free(struct failures *f)
{
	mem_free(f);
}

/* Letters of a login alone: nothing else is a name of ours, and a table is no place for a stranger's bytes. */
static bool
is_told(struct str login, bool known)
{
	if (known)
		return true;
	for (size_t i = 0; i < login.n; i++)
		if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789._-", login.p[i], 39))
			return false;
	return login.n < PASSWORD_MIN;
}

void
failures_note(struct failures *f, struct str login, bool known, struct str peer, const char *what, int64_t now_ms)
{
	struct failure key = {.slot = now_ms / SLOT_MS, .first_ms = now_ms};
	str_to_z(is_told(login, known) ? login : STR("?"), key.login, sizeof key.login);
	str_to_z(peer, key.peer, sizeof key.peer);
	str_to_z(str_z(what), key.what, sizeof key.what);
	uint32_t i = 0;
	while (i < f->count && !(f->one[i].slot == key.slot && strcmp(f->one[i].login, key.login) == 0 &&
	    strcmp(f->one[i].peer, key.peer) == 0 && strcmp(f->one[i].what, key.what) == 0))
		i++;
	if (i >= FAILURES_HELD - 1) {
		i = FAILURES_HELD - 1;
		key = (struct failure){.what = "others", .slot = key.slot, .first_ms = now_ms};
	}
	if (i >= f->count) {
		f->one[i] = key;
		f->count = i + 1;
	}
	f->one[i].count++;
	f->one[i].last_ms = now_ms;
}

static int
write_all(struct failures *f, struct db *db)
{
	for (uint32_t i = 0; i < f->count; i++) {
		const struct failure *one = &f->one[i];
		TRY(db_run(db, Q_FAILURE_PUT, "isssiii", one->slot, str_z(one->login), str_z(one->peer), str_z(one->what), one->count,
		    one->first_ms, one->last_ms));
	}
	return db_run(db, Q_FAILURE_PRUNE, "i", (int64_t)FAILURES_ROWS);
}

int
failures_write(struct failures *f, struct db *db, int64_t now_ms)
{
	if (!f->count || (now_ms >= f->written_ms && now_ms - f->written_ms < FAILURES_WRITE_MS))
		return 0;
	f->written_ms = now_ms;
	TRY(db_begin(db));
	TRY(db_end_transaction(db, write_all(f, db)));
	f->count = 0;
	return 0;
}
