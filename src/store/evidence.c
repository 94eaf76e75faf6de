/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/evidence.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/time.h"

#define NOTED_SETTING STR("evidence_block")
#define TOGETHER 100u /* sealed blocks of one entry: it fits a leaf, and is not cut */
#define ENTRIES 50u   /* at once */

static int
put(struct db *db, struct str who, struct str action, struct str noun, struct str id, const struct buf *after, int64_t now_ms)
{
	struct record r = {.at_ms = now_ms, .who = who, .action = action, .noun = noun, .noun_id = id,
	    .after = after ? buf_str(after) : STR("")};
	return record_put(db, &r);
}

static int
put_number(struct db *db, struct str who, struct str action, struct str noun, int64_t id, const struct buf *after, int64_t now_ms)
{
	char number[24];
	snprintf(number, sizeof number, "%lld", (long long)id);
	return put(db, who, action, noun, str_z(number), after, now_ms);
}

/* ---- how far ---- */

static int
read_noted(struct db *db, uint64_t *ret, bool *ret_any)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_SETTING_GET, "s", NOTED_SETTING));
	int more = db_next(rows);
	*ret_any = more > 0 && str_to_u64(db_text(rows, 0), ret);
	db_end(rows);
	return more < 0 ? more : 0;
}

static int
write_noted(struct db *db, uint64_t block)
{
	char number[24];
	snprintf(number, sizeof number, "%llu", (unsigned long long)block);
	return db_run(db, Q_SETTING_SET, "ss", NOTED_SETTING, str_z(number));
}

/* The same as the record itself tells it, "FIRST-LAST" or "LAST": the database may be one of yesterday to which the log has
 * just given back its entries. */
static int
last_noted(struct db *db, uint64_t *ret, bool *ret_any)
{
	struct db_rows *rows;
	struct str id, first;
	TRY(db_query(db, &rows, Q_RECORD_EVIDENCE, ""));
	int more = db_next(rows);
	if (more > 0) {
		id = db_text(rows, 0);
		first = id;
		if (str_find(id, STR("-")) >= 0)
			str_split(&id, '-', &first);
		*ret_any = str_to_u64(id, ret);
	} else {
		*ret_any = false;
	}
	db_end(rows);
	return more < 0 ? more : 0;
}

/* One entry and how far it goes. */
static int
note(struct db *db, struct str action, struct str id, const struct buf *after, uint64_t block, int64_t now_ms)
{
	TRY(db_begin(db));
	int error = put(db, STR("khien"), action, STR("blocks"), id, after, now_ms);
	if (!error)
		error = write_noted(db, block);
	return db_end_transaction(db, error);
}

int
evidence_open(struct db *db, struct archive *a, int64_t now_ms)
{
	uint64_t noted = 0, held = archive_safe(a);
	struct buf after = BUF_INIT;
	char number[24];
	bool any;
	TRY(last_noted(db, &noted, &any));
	if (any && noted <= held)
		return write_noted(db, noted);
	snprintf(number, sizeof number, "%llu", (unsigned long long)held);
	if (any)
		buf_addf(&after, "{\"noted\":%llu,\"held\":%llu}", (unsigned long long)noted, (unsigned long long)held);
	else
		buf_addf(&after, "{\"through\":%llu}", (unsigned long long)held);
	int error = note(db, any ? STR("evidence.behind") : STR("evidence.begins"), str_z(number), &after, held, now_ms);
	buf_release(&after);
	return error;
}

/* ---- blocks ---- */

static void
add_sealed(struct buf *out, const struct archive_sealed *s)
{
	struct civil c = time_to_civil(s->day * TIME_DAY, 0);
	buf_addf(out, "[\"%04d-%02d-%02d\",%llu,%llu,%llu,%llu,%llu,\"", c.year, c.month, c.day, (unsigned long long)s->first,
	    (unsigned long long)s->last, (unsigned long long)s->blocks, (unsigned long long)s->bytes,
	    (unsigned long long)s->events);
	buf_add_hex(out, s->root.bytes, sizeof s->root.bytes);
	buf_add(out, STR("\"]"));
}

static int
note_sealed(struct db *db, const struct archive_sealed *list, uint32_t n, int64_t now_ms)
{
	struct buf after = BUF_INIT;
	char id[48];
	snprintf(id, sizeof id, "%llu-%llu", (unsigned long long)list[0].first, (unsigned long long)list[n - 1].last);
	buf_add(&after, STR("{\"sealed\":["));
	for (uint32_t i = 0; i < n; i++) {
		buf_add(&after, i ? STR(",") : STR(""));
		add_sealed(&after, &list[i]);
	}
	buf_add(&after, STR("]}"));
	int error = note(db, EVIDENCE_SEALED, str_z(id), &after, list[n - 1].last, now_ms);
	buf_release(&after);
	return error;
}

int
evidence_note(struct db *db, struct archive *a, int64_t now_ms)
{
	struct archive_sealed list[TOGETHER];
	uint64_t noted = 0;
	uint32_t n = TOGETHER;
	bool any;
	TRY(read_noted(db, &noted, &any));
	for (uint32_t i = 0; n == TOGETHER && i < ENTRIES && noted < archive_safe(a); i++) {
		TRY(archive_sealed_list(a, noted, list, TOGETHER, &n));
		if (!n)
			return 0;
		TRY(note_sealed(db, list, n, now_ms));
		noted = list[n - 1].last;
	}
	return 0;
}

int
evidence_drop(struct db *db, struct archive *a, int64_t ms, int64_t now_ms)
{
	uint64_t through = archive_sealed_before(a, ms);
	struct civil c = time_to_civil(ms, 0);
	struct buf after = BUF_INIT;
	if (!through)
		return 0;
	buf_addf(&after, "{\"through\":%llu,\"before\":\"%04d-%02d-%02d\"}", (unsigned long long)through, c.year, c.month, c.day);
	int error = put_number(db, STR("khien"), STR("evidence.dropped"), STR("blocks"), (int64_t)through, &after, now_ms);
	buf_release(&after);
	return error;
}

/* ---- files ---- */

int
evidence_file(struct db *db, int64_t id, struct str sha256, int64_t bytes, int64_t now_ms)
{
	struct buf after = BUF_INIT;
	buf_addf(&after, "{\"sha256\":\"%.*s\",\"bytes\":%lld}", STR_ARG(sha256), (long long)bytes);
	int error = put_number(db, STR("khien"), STR("evidence.file"), STR("files"), id, &after, now_ms);
	buf_release(&after);
	return error;
}

int
evidence_file_removed(struct db *db, int64_t id, struct str who, int64_t now_ms)
{
	return put_number(db, who, STR("evidence.file_removed"), STR("files"), id, NULL, now_ms);
}

int
evidence_hit(struct db *db, int64_t sweep, struct str path, struct str sha256, int64_t bytes, int64_t now_ms)
{
	struct buf after = BUF_INIT;
	buf_add(&after, STR("{\"path\":"));
	buf_add_json_string(&after, path);
	buf_addf(&after, ",\"sha256\":\"%.*s\",\"bytes\":%lld}", STR_ARG(sha256), (long long)bytes);
	int error = put_number(db, STR("khien"), STR("evidence.hit"), STR("sweeps"), sweep, &after, now_ms);
	buf_release(&after);
	return error;
}

int
evidence_sweep_removed(struct db *db, int64_t sweep, int64_t now_ms)
{
	return put_number(db, STR("khien"), STR("evidence.sweep_removed"), STR("sweeps"), sweep, NULL, now_ms);
}
