/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_state.h"

#include <limits.h>
#include <stdio.h>

#include <sodium.h>

#include "base/memory.h"
#include "host/clock.h"
#include "host/log.h"
#include "store/statefile.h"

#define OWNER_SETTING STR("state_owner")
#define FILE_MAX ((size_t)1 << 30)
#define BYTES_A_MS 256          /* 256 KB a second, so that a small disk lives long */
#define PAUSE_MIN_MS (15 * TIME_SECOND)
#define PAUSE_MAX_MS (5 * TIME_MINUTE)
#define GIVE_UP_MS (10 * TIME_MINUTE)

struct core_state {
	char directory[PATH_MAX];
	uint8_t owner[STATEFILE_OWNER];
	uint64_t fed;          /* memory holds all blocks up to this one */
	uint64_t written;      /* the newest file is of this block; 0: there is none */
	uint64_t written_change;
	int64_t next_ms, failing_since_ms;
	bool writing;
	bool foreign_asked;    /* whether the file is of this journal */
};

/* ---- sections ---- */

static void
save_correlate(const struct core *core, struct buf *out)
{
	if (core->correlator)
		correlator_save(core->correlator, out);
}

static int
load_correlate(struct core *core, struct str bytes)
{
	return core->correlator && bytes.n ? correlator_load(core->correlator, bytes) : 0;
}

static uint64_t
change_correlate(const struct core *core)
{
	return core->correlator ? correlator_stats(core->correlator).updates : 0;
}

static void
save_flow(const struct core *core, struct buf *out)
{
	flow_save(core->flow, out);
}

static int
load_flow(struct core *core, struct str bytes)
{
	return flow_load(core->flow, bytes);
}

static uint64_t
change_flow(const struct core *core)
{
	struct flow_stats s = flow_stats(core->flow);
	return s.flows + s.questions;
}

/* `change` is another number whenever memory is another. */
static const struct {
	struct str name;
	void (*save)(const struct core *core, struct buf *out);
	int (*load)(struct core *core, struct str bytes);
	uint64_t (*change)(const struct core *core);
} row[] = {
	{STR_INIT("correlate"), save_correlate, load_correlate, change_correlate},
	{STR_INIT("flow"), save_flow, load_flow, change_flow},
};

static uint64_t
change_of(const struct core *core)
{
	uint64_t change = 0;
	for (size_t i = 0; i < COUNT(row); i++)
		change += row[i].change(core); /* both only grow */
	return change;
}

static void
save_all(const struct core *core, struct buf *out)
{
	const struct core_state *s = core->state;
	statefile_begin(out, s->owner, s->fed, clock_now_ms());
	for (size_t i = 0; i < COUNT(row); i++) {
		size_t mark = statefile_section(out, row[i].name);
		row[i].save(core, out);
		statefile_section_end(out, mark);
	}
	statefile_end(out);
}

/* ---- start ---- */

static void
refuse(struct core *core, struct str part, int error)
{
	core->desk.state.refused++;
	log_say(LOG_LEVEL_WARN, "state.refused", LOG_TEXT("part", part), LOG_TEXT("error", str_z(error_name(error))));
}

static int
read_owner(struct core *core, struct core_state *s)
{
	struct db_rows *rows;
	char hex[2 * STATEFILE_OWNER + 1];
	size_t n = 0;
	TRY(db_query(core->desk.db, &rows, Q_SETTING_GET, "s", OWNER_SETTING));
	int more = db_next(rows);
	struct str known = more > 0 ? db_text(rows, 0) : (struct str){0};
	bool ok = sodium_hex2bin(s->owner, sizeof s->owner, known.p, known.n, NULL, &n, NULL) == 0 && n == sizeof s->owner;
	db_end(rows);
	if (ok || more < 0)
		return more < 0 ? more : 0;
	randombytes_buf(s->owner, sizeof s->owner);
	sodium_bin2hex(hex, sizeof hex, s->owner, sizeof s->owner);
	return db_run(core->desk.db, Q_SETTING_SET, "ss", OWNER_SETTING, str_z(hex));
}

static void
load_sections(struct core *core, const struct statefile *file)
{
	for (size_t i = 0; i < COUNT(row); i++) {
		struct str bytes;
		if (!statefile_find(file, row[i].name, &bytes))
			continue;
		int error = row[i].load(core, bytes);
		if (error)
			refuse(core, row[i].name, error);
	}
}

static int
load_file(struct core *core, struct str bytes)
{
	struct core_state *s = core->state;
	struct statefile file;
	TRY(statefile_take(bytes, &file));
	if (memcmp(file.owner, s->owner, sizeof s->owner) != 0)
		return E_DENIED;
	load_sections(core, &file);
	s->fed = s->written = file.block;
	s->written_change = change_of(core);
	core->desk.state.block = file.block;
	core->desk.state.written_ms = file.at_ms;
	core->desk.state.bytes = bytes.n;
	return 0;
}

int
core_state_open(struct core *core)
{
	struct core_state *s = MEM_NEW(struct core_state);
	struct buf bytes = BUF_INIT_MAX(FILE_MAX);
	core->state = s;
	snprintf(s->directory, sizeof s->directory, "%s/state", core->rc->options->data);
	TRY(read_owner(core, s));
	s->fed = archive_last_block(core->desk.archive);
	int error = statefile_read(&store_io_disk, s->directory, &bytes);
	if (!error)
		error = load_file(core, buf_str(&bytes));
	if (error && error != E_NOT_FOUND)
		refuse(core, STR("file"), error);
	else if (!error)
		log_say(LOG_LEVEL_INFO, "state.loaded", LOG_NUMBER("block", (int64_t)s->fed),
		    LOG_NUMBER("bytes", (int64_t)bytes.n));
	buf_release(&bytes);
	return 0;
}

/* ---- blocks ---- */

bool
core_state_feeds(const struct core *core, uint64_t block)
{
	return block > core->state->fed;
}

void
core_state_fed(struct core *core, uint64_t block)
{
	if (block > core->state->fed)
		core->state->fed = block;
}

uint64_t
core_state_replay(const struct core *core)
{
	uint64_t stored = archive_last_block(core->desk.archive);
	return core->state->fed < stored ? core->state->fed : stored;
}

uint64_t
core_state_releases(const struct core *core)
{
	const struct core_state *s = core->state;
	bool same = s->written && change_of(core) == s->written_change; /* what came since has changed nothing */
	bool given_up = s->failing_since_ms && clock_monotonic_ms() - s->failing_since_ms > GIVE_UP_MS;
	return same || given_up ? s->fed : s->written;
}

void
core_state_known(struct core *core, uint64_t committed)
{
	struct core_state *s = core->state;
	bool first = committed && !s->foreign_asked; /* later reports may lag behind what core has applied */
	s->foreign_asked |= first;
	if (!first || s->written <= committed)
		return;
	refuse(core, STR("block"), E_CONFLICT);
	s->fed = archive_last_block(core->desk.archive);
	s->written = 0;
}

/* ---- writing ---- */

struct state_job {
	struct core *core;
	struct buf bytes;
	uint64_t block, change;
	int64_t now_ms, made_ms, wrote_ms; /* when; how long it took */
	int error;
};

static void
write_job(void *user)
{
	struct state_job *j = user;
	int64_t began = clock_monotonic_ms();
	j->error = statefile_write(&store_io_disk, j->core->state->directory, buf_str(&j->bytes));
	j->wrote_ms = clock_monotonic_ms() - began;
}

static void
note_written(struct state_job *j)
{
	struct core_state *s = j->core->state;
	struct desk_state *d = &j->core->desk.state;
	s->failing_since_ms = 0;
	s->written = j->block;
	s->written_change = j->change;
	d->block = j->block;
	d->written_ms = j->now_ms;
	d->bytes = j->bytes.n;
	d->made_ms = j->made_ms;
	d->wrote_ms = j->wrote_ms;
}

static void
note_failed(struct state_job *j)
{
	struct core_state *s = j->core->state;
	if (!s->failing_since_ms) {
		s->failing_since_ms = clock_monotonic_ms();
		log_say(LOG_LEVEL_ERROR, "state.not_written", LOG_TEXT("error", str_z(error_name(j->error))));
	}
	j->core->desk.state.failed++;
}

static void
end_job(void *user, bool cancelled)
{
	struct state_job *j = user;
	struct core_state *s = j->core->state;
	int64_t pause = (int64_t)j->bytes.n / BYTES_A_MS;
	s->writing = false;
	s->next_ms = clock_monotonic_ms() + (pause < PAUSE_MIN_MS ? PAUSE_MIN_MS : pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause);
	if (!cancelled && !j->error)
		note_written(j);
	else if (!cancelled)
		note_failed(j);
	buf_release(&j->bytes);
	mem_free(j);
}

static struct state_job *
make_job(struct core *core)
{
	struct state_job *j = MEM_NEW(struct state_job);
	int64_t began = clock_monotonic_ms();
	*j = (struct state_job){.core = core, .block = core->state->fed, .change = change_of(core), .now_ms = clock_now_ms()};
	save_all(core, &j->bytes);
	j->made_ms = clock_monotonic_ms() - began;
	return j;
}

void
core_state_tick(struct core *core, int64_t now_ms)
{
	struct core_state *s = core->state;
	int64_t monotonic = clock_monotonic_ms();
	if (s->writing || core->desk.stalled || alert_book_pending(core->book) || monotonic < s->next_ms ||
	    (s->written && change_of(core) == s->written_change))
		return;
	struct state_job *j = make_job(core);
	s->writing = true;
	if (pool_submit(core->desk.pool, write_job, end_job, j) < 0)
		end_job(j, true); /* the pool is busy: next time */
}

void
core_state_stop(struct core *core)
{
	if (core->state->written == core->state->fed)
		return;
	struct state_job *j = make_job(core);
	write_job(j);
	end_job(j, false);
}
