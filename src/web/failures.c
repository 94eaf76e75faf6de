/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/failures.h"

#include "base/memory.h"
#include "web/session.h"

#define SLOT_MS 600000

struct failure {
	char login[64], peer[64], what[96];
	int64_t slot, count, first_ms, last_ms;
};

struct shelf {
	struct failure one[FAILURES_HELD]; /* the last one sums what finds no place */
	uint32_t count;
};

struct failures {
	struct shelf shelf[FAILURE_KINDS];
	int64_t written_ms;
};

static const char *const others[FAILURE_KINDS] = {"others", "others_requests", "others_input"};

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
failures_note(struct failures *f, enum failure_kind kind, struct str login, bool known, struct str peer, const char *what, int64_t now_ms)
{
	struct failure key = {.slot = now_ms / SLOT_MS, .first_ms = now_ms};
	str_to_z(is_told(login, known) ? login : STR("?"), key.login, sizeof key.login);
	str_to_z(peer, key.peer, sizeof key.peer);
	str_to_z(str_z(what), key.what, sizeof key.what);
	struct shelf *s = &f->shelf[kind];
	uint32_t i = 0;
	while (i < s->count && !(s->one[i].slot == key.slot && strcmp(s->one[i].login, key.login) == 0 &&
	    strcmp(s->one[i].peer, key.peer) == 0 && strcmp(s->one[i].what, key.what) == 0))
		i++;
	if (i >= FAILURES_HELD - 1) {
		i = FAILURES_HELD - 1;
		key = (struct failure){.slot = key.slot, .first_ms = now_ms};
		str_to_z(str_z(others[kind]), key.what, sizeof key.what);
	}
	if (i >= s->count) {
		s->one[i] = key;
		s->count = i + 1;
	}
	s->one[i].count++;
	s->one[i].last_ms = now_ms;
}

static int
write_shelf(const struct shelf *s, int64_t kind, struct db *db)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct failure *one = &s->one[i];
		TRY(db_run(db, Q_FAILURE_PUT, "isssiiii", one->slot, str_z(one->login), str_z(one->peer), str_z(one->what), one->count,
		    one->first_ms, one->last_ms, kind));
	}
	return s->count ? db_run(db, Q_FAILURE_PRUNE, "ii", (int64_t)FAILURES_ROWS, kind) : 0;
}

int
failures_write(struct failures *f, struct db *db)
{
	uint32_t count = 0;
	int error = 0;
	for (int kind = 0; kind < FAILURE_KINDS; kind++)
		count += f->shelf[kind].count;
	if (!count)
		return 0;
	TRY(db_begin(db));
	for (int kind = 0; kind < FAILURE_KINDS && !error; kind++)
		error = write_shelf(&f->shelf[kind], kind, db);
	error = db_end_transaction(db, error);
	for (int kind = 0; kind < FAILURE_KINDS && !error; kind++)
		f->shelf[kind].count = 0;
	return error;
}

int
failures_tick(struct failures *f, struct db *db, int64_t now_ms)
{
	if (now_ms >= f->written_ms && now_ms - f->written_ms < FAILURES_WRITE_MS)
		return 0;
	f->written_ms = now_ms;
	return failures_write(f, db);
}
