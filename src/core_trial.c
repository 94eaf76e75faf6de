/* SPDX-License-Identifier: EUPL-1.2 */
#include "core_trial.h"

#include <assert.h>
#include <limits.h>
#include <unistd.h>

#include "base/memory.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/log.h"
#include "rules_files.h"

#define SET_BYTES ((size_t)CHANNEL_MAX - (64u << 10))
#define FILE_BYTES (4u << 20)
#define CHECKS_MAX 16u
#define CHECK_CPU_MS 3000   /* of processor time: to read rules takes milliseconds */
#define JOB_CPU_MS 10000    /* for a set of thousands, or half a megabyte of events */
#define WALL_MS 300000      /* whatever it does; on a machine that is never idle it gets little of the processor */
#define CHECK_WAIT_MS 15000 /* then a person is told to come again */

/* ---- sets ---- */

void
set_init(struct set *s)
{
	*s = (struct set){.documents = BUF_INIT_MAX(SET_BYTES), .files = BUF_INIT_MAX(1 << 20)};
}

void
set_release(struct set *s)
{
	buf_release(&s->documents);
	buf_release(&s->files);
}

static bool
set_holds(const struct set *s, struct str file)
{
	struct str rest = buf_str(&s->files), name;
	while (rest.n && str_split(&rest, '\0', &name))
		if (str_eq(name, file))
			return true;
	return false;
}

static int
set_add(struct set *s, enum trial_kind kind, struct str file, struct str text)
{
	if (s->count == SET_FILES)
		return E_LIMIT;
	trial_set_add(&s->documents, kind, file, text);
	buf_add(&s->files, file);
	buf_add_char(&s->files, '\0');
	s->count++;
	return s->documents.over || s->files.over ? E_LIMIT : 0;
}

static int
set_add_file(struct set *s, enum trial_kind kind, const char *path)
{
	struct buf text = BUF_INIT_MAX(FILE_BYTES);
	if (set_holds(s, str_z(path)))
		return 0;
	int error = file_read(path, &text);
	if (!error)
		error = set_add(s, kind, str_z(path), buf_str(&text));
	buf_release(&text);
	return error;
}

/* The name of a rule's file as a path; its end stands in the rule set, not as a C string. */
static int
set_add_named(struct set *s, enum trial_kind kind, struct str file)
{
	char path[PATH_MAX];
	if (file.n >= sizeof path)
		return E_LIMIT;
	str_to_z(file, path, sizeof path);
	return set_add_file(s, kind, path);
}

int
set_begin(struct set *s, const struct core *core, struct str text, const char *wanted)
{
	struct rules_files files;
	char path[PATH_MAX];
	struct str file;
	rules_files_from(core->rc->options, &files);
	const char *map = rules_files_map(&files, path);
	TRY(map ? set_add_file(s, TRIAL_MAP, map) : E_NOT_FOUND);
	const char *placeholders = rules_files_placeholders(&files, path);
	if (placeholders)
		TRY(set_add_file(s, TRIAL_PLACEHOLDERS, placeholders));
	TRY(text.p ? set_add(s, TRIAL_WANTED, STR("draft"), text) : set_add_file(s, TRIAL_WANTED, wanted));
	for (uint32_t i = 0; rules_filter_file(desk_rules(&core->desk), i, &file); i++)
		if (set_add_named(s, TRIAL_FILTER, file) < 0)
			log_say(LOG_LEVEL_WARN, "lookback.filter_left_out", LOG_TEXT("file", file));
	return 0;
}

int
set_want(struct set *s, struct str file)
{
	return set_add_named(s, TRIAL_WANTED, file);
}

bool
set_widen(struct set *s, const struct core *core, const struct trial_facts *facts)
{
	uint32_t before = s->count;
	for (uint32_t i = 0; i < facts->faults; i++) {
		const struct trial_fault *f = &facts->fault[i];
		const struct rule_info *info =
		    str_eq(f->what, STR("rule_reference")) ? rules_find(desk_rules(&core->desk), f->arg) : NULL;
		if (info && set_add_named(s, TRIAL_LIBRARY, info->file) < 0)
			return false;
	}
	return s->count > before;
}

void
faults_json(struct buf *out, const struct trial_facts *facts)
{
	buf_add_char(out, '[');
	uint32_t n = 0;
	for (uint32_t i = 0; i < facts->faults; i++) {
		const struct trial_fault *f = &facts->fault[i];
		if (f->kind == TRIAL_LIBRARY)
			continue; /* what was wanted has a fault of its own for it */
		buf_add(out, n++ ? STR(",{") : STR("{"));
		out_i64(out, "line", f->line);
		out_i64(out, "column", f->column);
		out_text(out, "what", f->what);
		out_text(out, "arg", f->arg);
		buf_add_char(out, '}');
	}
	if (!n && !facts->rules)
		buf_add(out, STR("{\"line\":1,\"column\":1,\"what\":\"rule_none\",\"arg\":\"\"}"));
	buf_add_char(out, ']');
}

/* ---- the line ---- */

struct check {
	struct check *next;
	struct api_call *call; /* NULL: whoever asked was sent away */
	struct set set;
	struct buf table; /* a file to be read as a table instead */
	int64_t since_ms;
	uint32_t tries;
};

enum asked { ASKED_NOTHING, ASKED_CHECK, ASKED_JOB };

struct trial_line {
	struct core *core;
	const struct line_events *events;
	void *user;
	struct channel *role;
	struct check *check, **last; /* the first is the one asked about */
	uint32_t checks;
	enum asked asked;
	int64_t asked_ms, asked_cpu_ms;
	bool ended; /* by us; its death is on the way */
	bool slow;
};

/* Processor time of the role in milliseconds, or -1. */
static int64_t
role_cpu_ms(void)
{
	char path[64];
	struct buf text = BUF_INIT_MAX(4096);
	struct str field;
	uint64_t sum = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", role_counts()->pid[ROLE_LOOKBACK]);
	bool ok = file_read(path, &text) == 0;
	const char *name_end = ok ? memrchr(text.p, ')', text.n) : NULL;
	struct str rest = name_end ? str_skip(buf_str(&text), (size_t)(name_end - text.p) + 2) : (struct str){0};
	for (int i = 3; ok && i <= 15; i++) { /* field numbers of proc(5): 3 state ... 14 utime, 15 stime */
		uint64_t ticks = 0;
		ok = str_split(&rest, ' ', &field) && (i < 14 || str_to_u64(field, &ticks));
		sum += ticks;
	}
	buf_release(&text);
	return ok ? (int64_t)(sum * 1000 / (uint64_t)sysconf(_SC_CLK_TCK)) : -1;
}

static void
check_free(struct check *c)
{
	set_release(&c->set);
	buf_release(&c->table);
	mem_free(c);
}

/* The first check is over; its call (which may be NULL) is answered by the caller. */
static struct api_call *
take_check(struct trial_line *l)
{
	struct check *c = l->check;
	struct api_call *call = c->call;
	l->check = c->next;
	if (!l->check)
		l->last = &l->check;
	l->checks--;
	check_free(c);
	return call;
}

/* It is answered, or what asked for it goes on. */
static void
end_check(struct api_call *call)
{
	if (call->checked)
		call->checked(call);
	else
		api_reply(call, 200);
}

/* An answer that is one fault of the text as a whole. */
static void
reply_fault(struct api_call *call, const char *what)
{
	const struct table_fault unreadable = {.what = "table_format"};
	if (!call)
		return;
	if (call->tabled) {
		call->tabled(call, NULL, &unreadable);
		return;
	}
	buf_addf(&call->out, "{\"faults\":[{\"line\":0,\"column\":0,\"what\":\"%s\",\"arg\":\"\"}],\"rules\":[]}", what);
	end_check(call);
}

static int
line_send(struct trial_line *l, enum asked asked, enum message type, struct str a, struct str b)
{
	int error = channel_send(l->role, type, a, b, STR(""));
	if (error && error != E_CLOSED) /* a death that we have not heard of yet: told as one over this question */
		return error;
	l->asked = asked;
	l->asked_ms = clock_monotonic_ms();
	l->asked_cpu_ms = role_cpu_ms();
	l->slow = false;
	return 0;
}

static void
ask_check(struct trial_line *l)
{
	static const struct trial_head head = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};
	struct buf b = BUF_INIT;
	trial_set_begin(&b, &head);
	int error = l->check->table.n
	    ? line_send(l, ASKED_CHECK, MSG_TABLE, buf_str(&l->check->table), STR(""))
	    : line_send(l, ASKED_CHECK, MSG_TRIAL_CHECK, buf_str(&b), buf_str(&l->check->set.documents));
	buf_release(&b);
	struct api_call *call = error ? take_check(l) : NULL;
	if (call)
		api_reply_error(call, error);
}

/* Whoever comes next. */
static void
line_go_on(struct trial_line *l)
{
	while (l->check && l->role && !l->ended && l->asked == ASKED_NOTHING)
		ask_check(l);
	if (trial_line_is_free(l))
		l->events->idle(l->user);
}

static void
rules_json(struct buf *out, const struct trial_facts *f)
{
	buf_add(out, STR(",\"rules\":["));
	for (uint32_t i = 0; i < f->rules; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "id", f->rule[i].id);
		out_text(out, "title", f->rule[i].title);
		out_text(out, "level", str_z(level_name(f->rule[i].level)));
		out_bool(out, "correlation", f->rule[i].correlation);
		buf_add_char(out, '}');
	}
	buf_add(out, STR("]}"));
}

/* False: it goes on, with more rules. */
static bool
answer_check(struct trial_line *l, struct str message)
{
	struct check *c = l->check;
	struct arena arena;
	struct trial_facts f;
	arena_init(&arena, 16 << 10, 8 << 20);
	bool read = trial_facts_read(message, &arena, &f) == 0;
	bool wider = read && set_widen(&c->set, l->core, &f);
	if (!wider) {
		struct api_call *call = take_check(l);
		if (read && call) {
			buf_add(&call->out, STR("{\"faults\":"));
			faults_json(&call->out, &f);
			rules_json(&call->out, &f);
			end_check(call);
		} else {
			reply_fault(call, "rule_check_failed");
		}
	}
	arena_release(&arena);
	return !wider;
}

/* Rows live as long as the call. */
static void
answer_table(struct trial_line *l, struct str message)
{
	struct api_call *call = take_check(l);
	struct table t;
	struct table_fault f = {.what = "table_big"};
	struct str kept;
	if (!call)
		return;
	int error = arena_copy(&call->arena, message, &kept) ? table_take(kept, &call->arena, &t, &f) : E_LIMIT;
	if (error == E_CORRUPT)
		f = (struct table_fault){.what = "table_format"};
	call->tabled(call, error ? NULL : &t, &f);
}

static void
on_message(void *user, struct channel *c, uint16_t type, struct str payload, int fd)
{
	struct trial_line *l = user;
	enum asked asked = l->asked;
	if (fd >= 0)
		close(fd);
	if (l->ended || (type != MSG_TRIAL_FACTS && type != MSG_TRIAL_FINDINGS && type != MSG_TABLE_ROWS) ||
	    asked == ASKED_NOTHING || (type == MSG_TABLE_ROWS) != (asked == ASKED_CHECK && l->check->table.n > 0))
		return;
	l->asked = ASKED_NOTHING;
	if (type == MSG_TABLE_ROWS)
		answer_table(l, payload);
	else if (asked == ASKED_CHECK)
		answer_check(l, payload);
	else if (type == MSG_TRIAL_FACTS)
		l->events->facts(l->user, payload);
	else
		l->events->findings(l->user, payload);
	line_go_on(l);
}

/* One that died over a check is asked once more: somebody else may have killed it. */
static void
lose_check(struct trial_line *l)
{
	if (l->slow)
		reply_fault(take_check(l), "rule_check_slow");
	else if (++l->check->tries > 1)
		reply_fault(take_check(l), "rule_check_failed");
}

static void
on_closed(void *user, struct channel *c)
{
	struct trial_line *l = user;
	enum asked asked = l->asked;
	channel_free(c);
	l->role = NULL;
	l->asked = ASKED_NOTHING;
	l->ended = false;
	if (asked == ASKED_CHECK)
		lose_check(l);
	l->events->ended(l->user, asked != ASKED_JOB ? LINE_INNOCENT : l->slow ? LINE_SLOW : LINE_DIED);
}

struct trial_line *
trial_line_new(struct core *core, const struct line_events *events, void *user)
{
	struct trial_line *l = MEM_NEW(struct trial_line);
	*l = (struct trial_line){.core = core, .events = events, .user = user, .last = &l->check};
	return l;
}

void
trial_line_free(struct trial_line *l)
{
	if (!l)
		return;
	while (l->check) {
		struct api_call *call = take_check(l);
		if (call)
			api_reply_error(call, E_BUSY);
	}
	channel_free(l->role);
	mem_free(l);
}

void
trial_line_peer(struct trial_line *l, int fd)
{
	static const struct channel_events events = {on_message, on_closed, NULL};
	if (l->role)
		on_closed(l, l->role);
	l->role = channel_new(l->core->rc->loop, fd, &events, l);
	line_go_on(l);
}

bool
trial_line_is_free(const struct trial_line *l)
{
	return l->role && !l->ended && l->asked == ASKED_NOTHING && !l->check;
}

int
trial_line_ask(struct trial_line *l, enum message type, struct str a, struct str b)
{
	assert(trial_line_is_free(l));
	return line_send(l, ASKED_JOB, type, a, b);
}

void
trial_line_give(struct trial_line *l, int fd)
{
	assert(trial_line_is_free(l));
	if (channel_send_fd(l->role, MSG_TRIAL_INDICATORS, STR(""), fd) < 0)
		log_say(LOG_LEVEL_WARN, "lookback.indicators_not_sent", LOG_NUMBER("fd", fd));
}

static void
end_role(struct trial_line *l, const char *event)
{
	log_say(LOG_LEVEL_WARN, event, LOG_NUMBER("ms", clock_monotonic_ms() - l->asked_ms));
	l->ended = true;
	role_end(l->core->rc, ROLE_LOOKBACK);
}

void
trial_line_distrust(struct trial_line *l)
{
	l->asked = ASKED_JOB;
	l->slow = false;
	end_role(l, "lookback.answer_broken");
}

static void
watch_time(struct trial_line *l)
{
	int64_t cpu = role_cpu_ms(), wall = clock_monotonic_ms() - l->asked_ms;
	int64_t used = cpu >= 0 && l->asked_cpu_ms >= 0 ? cpu - l->asked_cpu_ms : 0;
	l->slow = used >= (l->asked == ASKED_CHECK ? CHECK_CPU_MS : JOB_CPU_MS);
	if (!l->slow && wall < WALL_MS)
		return;
	end_role(l, "lookback.slow");
}

/* Those that wait too long, for a role that is away or busy, are sent away. */
static void
drop_late_checks(struct trial_line *l)
{
	int64_t now = clock_monotonic_ms();
	for (struct check *c = l->check; c && now - c->since_ms > CHECK_WAIT_MS; c = c->next) {
		if (c->call)
			api_reply_error(c->call, E_AGAIN);
		c->call = NULL;
	}
	while (l->check && !l->check->call && l->asked != ASKED_CHECK)
		take_check(l);
}

void
trial_line_tick(struct trial_line *l)
{
	if (l->asked != ASKED_NOTHING && !l->ended)
		watch_time(l);
	drop_late_checks(l);
	line_go_on(l);
}

/* NULL: there is no room, and the call is answered. */
static struct check *
check_new(struct trial_line *l, struct api_call *call)
{
	if (l->checks == CHECKS_MAX) {
		api_reply_error(call, E_BUSY);
		return NULL;
	}
	struct check *c = MEM_NEW(struct check);
	c->call = call;
	c->since_ms = clock_monotonic_ms();
	set_init(&c->set);
	return c;
}

static void
enter(struct trial_line *l, struct check *c, int error)
{
	struct api_call *call = c->call;
	if (error) {
		check_free(c);
		api_reply_error(call, error);
		return;
	}
	*l->last = c;
	l->last = &c->next;
	l->checks++;
	line_go_on(l);
}

void
trial_line_check(struct trial_line *l, struct api_call *call, struct str text)
{
	struct check *c = check_new(l, call);
	if (c)
		enter(l, c, set_begin(&c->set, l->core, text, NULL));
}

void
trial_line_table(struct trial_line *l, struct api_call *call, struct str bytes)
{
	struct check *c = check_new(l, call);
	if (!c)
		return;
	c->table = BUF_INIT_MAX(TABLE_BYTES_MAX);
	buf_add(&c->table, bytes);
	enter(l, c, c->table.over || !bytes.n ? E_LIMIT : 0);
}
