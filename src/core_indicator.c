/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_indicator.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/log.h"
#include "rules_files.h"
#include "worker_role.h"

#define QUIET_MS 1000       /* without another change: then it is worth an image */
#define WAIT_MS 10000       /* or after this, when changes do not end */
#define EXPIRY_MS TIME_HOUR /* images are not made anew for each that expires: the worker judges by the event's time */
#define LATE_MS (7 * TIME_DAY) /* events come late: what ended just now is still asked for them */
#define RETRY_MS 30000
#define MATCHED_MORE 4

struct core_indicators {
	struct core *core;
	struct warning_lists *lists;
	struct sighting_book *book;
	int64_t published;      /* generation of the image that is out; 0 = none */
	int64_t seen;           /* generation last seen in the database */
	int64_t first_ms, last_ms; /* of the changes not yet imaged; 0 = none */
	int64_t built_ms, next_until_ms, retry_ms;
	bool building;
	/* of the register */
	uint64_t register_seen;
	int64_t register_first_ms, register_last_ms; /* of its changes not yet looked at; 0 = none */
	uint8_t own_digest[32];
	bool reading_own;
	bool other_lists;       /* no image has been made with the lists as they are */
};

/* What a pool thread needs to make our own list anew. */
struct own_job {
	struct core_indicators *owner;
	struct buf text;
	struct warning_own *own;
	int error;
};

/* What a pool thread needs, so that nothing of core is touched by it. */
struct image_job {
	struct core_indicators *owner;
	const struct warning_lists *lists;
	char data[256];
	int64_t generation, now_ms, took_ms;
	size_t bytes;
	struct indicator_image_stats stats;
	int error;
};

struct core_indicators *
core_indicators_open(struct core *core)
{
	struct core_indicators *c = MEM_NEW(struct core_indicators);
	struct buf text = BUF_INIT_MAX(4 << 20);
	struct fault f = {0};
	char path[PATH_MAX];
	const char *file = rules_beside_program("indicators/warning.yaml");
	c->core = core;
	c->book = sighting_book_new(core->desk.db);
	c->next_until_ms = INT64_MAX;
	int error = file ? file_read(file, &text) : E_NOT_FOUND;
	if (error)
		fault_set(&f, error, "warning_file", STR("indicators/warning.yaml"), 0, 0);
	else if ((error = warning_lists_new(buf_str(&text), core->desk.registry, &c->lists, &f)) < 0)
		fault_in_file(&f, str_z(file));
	if (error) {
		log_fault(&f);
		core->desk.content_faults++;
		if (warning_lists_new(STR(""), core->desk.registry, &c->lists, &f) < 0)
			c->lists = NULL;
	}
	core->desk.warning_lists = c->lists;
	snprintf(path, sizeof path, "%s/detect", core->rc->options->data);
	(void)!mkdir(path, 0750); /* there already, or told when the image is written */
	buf_release(&text);
	return c;
}

void
core_indicators_free(struct core_indicators *c)
{
	if (!c)
		return;
	sighting_book_free(c->book);
	warning_lists_free(c->lists);
	mem_free(c);
}

/* --- making and publishing the image --- */

static int
write_whole(const struct store_io *io, const char *path, struct str bytes)
{
	int fd = io->open(io->user, path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	TRY(fd);
	int64_t n = io->pwrite(io->user, fd, bytes.p, bytes.n, 0);
	int error = n < 0 ? (int)n : io->sync(io->user, fd);
	io->close(io->user, fd);
	return error;
}

/* In its place whole or not at all. */
static int
publish(const char *data, struct str image)
{
	const struct store_io *io = &store_io_disk;
	char path[PATH_MAX], fresh[PATH_MAX], folder[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s/" INDICATORS_FILE, data) >= sizeof path ||
	    (size_t)snprintf(fresh, sizeof fresh, "%s/" INDICATORS_FILE ".new", data) >= sizeof fresh ||
	    (size_t)snprintf(folder, sizeof folder, "%s/detect", data) >= sizeof folder)
		return E_LIMIT;
	int error = write_whole(io, fresh, image);
	if (!error)
		error = io->rename(io->user, fresh, path);
	if (error) {
		io->unlink(io->user, fresh);
		return error;
	}
	return io->sync_directory(io->user, folder);
}

static int
make_image(struct image_job *j, struct db *db)
{
	struct indicator_image wish = {.after_ms = j->now_ms - LATE_MS};
	struct buf image = BUF_INIT;
	/* Read before the rows: what changes meanwhile raises it again and is imaged next. */
	int error = indicator_generation(db, &j->generation);
	if (!error && getrandom(&wish.key, sizeof wish.key, 0) != sizeof wish.key)
		error = E_IO;
	if (!error)
		error = indicator_image_build(db, &wish, j->lists, j->generation, &image, &j->stats);
	if (!error)
		error = publish(j->data, buf_str(&image));
	j->bytes = image.n;
	buf_release(&image);
	return error;
}

static void
image_work(void *job)
{
	struct image_job *j = job;
	struct db *db = NULL;
	struct fault f = {0};
	int64_t begin = clock_monotonic_ms();
	j->error = db_beside(j->owner->core->desk.db, &db, &f);
	if (!j->error)
		j->error = make_image(j, db);
	db_close(db);
	j->took_ms = clock_monotonic_ms() - begin;
}

static void
send_image(struct core_indicators *c)
{
	char path[PATH_MAX];
	if (!c->core->worker || !c->published)
		return;
	snprintf(path, sizeof path, "%s/" INDICATORS_FILE, c->core->rc->options->data);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? E_NOT_FOUND : channel_send_fd(c->core->worker, MSG_INDICATORS, STR(""), fd);
	if (error)
		log_say(LOG_LEVEL_ERROR, "indicators.not_sent", LOG_TEXT("error", str_z(error_name(error))));
	if (fd >= 0)
		close(fd);
}

static void
image_done(void *job, bool cancelled)
{
	struct image_job *j = job;
	struct core_indicators *c = j->owner;
	c->building = false;
	if (!cancelled && j->error) {
		c->retry_ms = j->now_ms + RETRY_MS;
		c->other_lists = true;
		log_say(LOG_LEVEL_ERROR, "indicators.not_built", LOG_TEXT("error", str_z(error_name(j->error))));
	} else if (!cancelled) {
		c->published = j->generation;
		c->next_until_ms = j->stats.next_until_ms;
		c->core->desk.indicators = j->stats.indicators;
		sighting_book_forget(c->book);
		send_image(c);
		c->core->desk.indicators_told(c->core);
		log_say(LOG_LEVEL_INFO, "indicators.published", LOG_NUMBER("indicators", j->stats.indicators),
		    LOG_NUMBER("held", j->stats.held), LOG_NUMBER("generation", j->generation),
		    LOG_NUMBER("bytes", (int64_t)j->bytes), LOG_NUMBER("ms", j->took_ms));
	}
	mem_free(j);
}

static void
begin_image(struct core_indicators *c, int64_t now_ms)
{
	struct image_job *j = MEM_NEW(struct image_job);
	*j = (struct image_job){.owner = c, .lists = c->lists, .now_ms = now_ms};
	snprintf(j->data, sizeof j->data, "%s", c->core->rc->options->data);
	if (pool_submit(c->core->desk.pool, image_work, image_done, j) < 0) {
		mem_free(j); /* the pool is busy; the next tick tries again */
		return;
	}
	c->building = true;
	c->other_lists = false;
	c->built_ms = now_ms;
	c->first_ms = 0;
}

/* --- our own networks and domains --- */

static void
own_work(void *job)
{
	struct own_job *j = job;
	j->error = warning_own_new(buf_str(&j->text), &j->own);
}

static void
own_done(void *job, bool cancelled)
{
	struct own_job *j = job;
	struct core_indicators *c = j->owner;
	c->reading_own = false;
	if (!cancelled && !j->error) {
		warning_lists_take(c->lists, j->own);
		c->other_lists = true;
	} else if (j->error) {
		log_say(LOG_LEVEL_ERROR, "warning.own_not_read", LOG_TEXT("error", str_z(error_name(j->error))));
	}
	buf_release(&j->text);
	mem_free(j);
}

/* Most changes of the register leave them as they were. */
static void
read_own(struct core_indicators *c, struct own_job *j)
{
	uint8_t digest[32];
	warning_own_text(c->core->desk.registry, &j->text);
	sha256(buf_str(&j->text), digest);
	bool same = memcmp(digest, c->own_digest, sizeof digest) == 0;
	c->reading_own = !same && pool_submit(c->core->desk.pool, own_work, own_done, j) == 0;
	if (same || c->reading_own)
		c->register_first_ms = 0; /* else the pool is busy: the next tick tries again */
	memcpy(c->own_digest, digest, c->reading_own ? sizeof digest : 0);
	if (!c->reading_own)
		own_done(j, true);
}

static void
follow_register(struct core_indicators *c, int64_t now_ms)
{
	uint64_t changes = registry_changes(c->core->desk.registry);
	if (changes != c->register_seen) {
		c->register_first_ms = c->register_first_ms ? c->register_first_ms : now_ms;
		c->register_last_ms = now_ms;
		c->register_seen = changes;
	}
	bool settled = now_ms - c->register_last_ms >= QUIET_MS || now_ms - c->register_first_ms >= WAIT_MS;
	if (!c->lists || !c->register_first_ms || !settled || c->reading_own)
		return;
	struct own_job *j = MEM_NEW(struct own_job);
	j->owner = c;
	read_own(c, j);
}

void
core_indicators_tick(struct core_indicators *c, int64_t now_ms)
{
	int64_t generation;
	follow_register(c, now_ms);
	if (c->building || now_ms < c->retry_ms || indicator_generation(c->core->desk.db, &generation) < 0)
		return;
	if (generation != c->seen) {
		c->first_ms = c->first_ms ? c->first_ms : now_ms;
		c->last_ms = now_ms;
		c->seen = generation;
		sighting_book_forget(c->book); /* revoked is revoked, image or not */
	}
	bool changed = generation != c->published;
	bool settled = now_ms - c->last_ms >= QUIET_MS || (c->first_ms && now_ms - c->first_ms >= WAIT_MS);
	bool expired = c->next_until_ms <= now_ms - LATE_MS && now_ms - c->built_ms >= EXPIRY_MS;
	if ((changed && settled) || expired || (c->other_lists && c->published))
		begin_image(c, now_ms);
}

void
core_indicators_peer(struct core_indicators *c)
{
	send_image(c);
}

/* --- what a finding means --- */

static enum level
level_of(const struct finding *f, const struct sighting_meaning *m)
{
	double confidence = m->confidence;
	int level = (int)f->rule->level;
	if (confidence < rule_parameter(f->rule, STR("lower_below"), 0))
		level--;
	else if (confidence >= rule_parameter(f->rule, STR("raise_from"), 101))
		level++;
	if (str_eq(f->matched->name, STR("source.ip"))) /* it called us, not we it */
		level -= (int)rule_parameter(f->rule, STR("inbound_lower"), 0);
	return level < LEVEL_LOW ? LEVEL_LOW : level > LEVEL_CRITICAL ? LEVEL_CRITICAL : (enum level)level;
}

/* The finding's own field, then what a person wants to know of the indicator. */
static void
tell_more(struct arena *arena, struct finding *f, const struct sighting_meaning *m)
{
	struct finding_field *list = arena_calloc(arena, f->matched_count + MATCHED_MORE, sizeof *list);
	char confidence[8];
	struct str value, sources, number;
	snprintf(confidence, sizeof confidence, "%d", m->confidence);
	if (!list || !arena_copy(arena, m->value, &value) || !arena_copy(arena, m->sources, &sources) ||
	    !arena_copy(arena, str_z(confidence), &number))
		return;
	uint32_t n = f->matched_count;
	memcpy(list, f->matched, n * sizeof *list);
	list[n++] = (struct finding_field){STR("indicator.value"), value};
	list[n++] = (struct finding_field){STR("indicator.source"), sources};
	list[n++] = (struct finding_field){STR("indicator.confidence"), number};
	list[n++] = (struct finding_field){STR("indicator.tlp"), str_z(tlp_name(m->tlp))};
	f->matched = list;
	f->matched_count = n;
}

bool
core_indicators_mean(struct sighting_book *book, struct arena *arena, struct finding *f, enum level *ret_level)
{
	struct sighting_meaning m;
	if (!f->matched_count || !sighting_meaning(book, f->indicator, f->matched->value, &m))
		return false;
	*ret_level = level_of(f, &m);
	tell_more(arena, f, &m);
	return true;
}

bool
core_indicators_take(struct core_indicators *c, struct finding *f, uint64_t event, const struct system *s, bool count,
    enum level *ret_level)
{
	if (!core_indicators_mean(c->book, &c->core->arena, f, ret_level))
		return false;
	struct sighting sighting = {.event = (int64_t)event, .time_ms = event_time(f->event), .field = f->matched->name,
	    .value = f->matched->value};
	if (s) {
		sighting.system = s->id;
		sighting.organisation = s->organisation->id;
	}
	if (count)
		sighting_book_add(c->book, f->indicator, &sighting);
	return true;
}

bool
core_indicators_pending(const struct core_indicators *c)
{
	return sighting_book_pending(c->book) > 0;
}

int
core_indicators_write(struct core_indicators *c)
{
	return sighting_book_write(c->book);
}

void
core_indicators_clear(struct core_indicators *c)
{
	sighting_book_clear(c->book);
}
