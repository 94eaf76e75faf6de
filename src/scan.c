/* SPDX-License-Identifier: EUPL-1.2 */
#include "scan.h"

#include <errno.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/lang.h"
#include "base/memory.h"
#include "decode/decode.h"
#include "detect/correlate.h"
#include "detect/flow.h"
#include "detect/ioc_event.h"
#include "host/clock.h"
#include "host/file.h"
#include "rules_files.h"
#include "scan_indicators.h"
#include "scan_input.h"
#include "scan_text.h"

#define EVENT_BYTES (64u << 20)    /* one record's events: a 1 MB line or a 64 KB chunk */
#define CORRELATE_BYTES (64u << 20)
#define OUTPUT_STEP (256u << 10)
#define KEPT_BYTES (16u << 20)
#define FEEDS_MAX 16
#define DAMAGED_SAID 100           /* records of a file that are named */

struct scan {
	enum lang lang;
	bool json;
	struct rules *rules;
	struct decoder *decoder;
	struct core_set want; /* core fields that anybody here looks at */
	struct matcher *matcher;
	struct correlator *correlator;
	struct flow *flow;
	const char *feed[FEEDS_MAX]; /* --indicators */
	uint32_t feeds;
	struct scan_indicators *indicators; /* NULL without --indicators */
	struct scan_input input;
	struct arena arena;
	struct buf out, line;
	struct str *rule_json; /* by rules_index(): how findings of a rule begin; empty until there is one */
	struct arena kept;     /* those texts */
	int64_t started_ms;
	uint64_t files, events, failed, findings;
	uint64_t unreadable;
	bool rules_unreadable;
	const char *path;  /* file being read */
	bool named;        /* above its findings, for people */
	uint64_t damaged;  /* its records that could not be read */
};

static void
flush(struct scan *s)
{
	for (struct str rest = buf_str(&s->out); rest.n;) {
		ssize_t n = write(STDOUT_FILENO, rest.p, rest.n);
		if (n < 0 && errno != EINTR)
			break; /* nobody reads any more */
		rest = str_skip(rest, n > 0 ? (size_t)n : 0);
	}
	buf_clear(&s->out);
}

static void
say_fault(void *user, const struct fault *f)
{
	struct scan *s = user;
	struct buf text = BUF_INIT;
	lang_fault(&text, s->lang, f);
	fprintf(stderr, "%s\n", text.p);
	buf_release(&text);
}

/* Who mistypes a folder of rules must not be told that nothing was found; a rule that is refused is counted elsewhere. */
static void
on_rule_fault(void *user, const struct fault *f)
{
	struct scan *s = user;
	say_fault(s, f);
	s->rules_unreadable |= f->what && strcmp(f->what, "rule_file") == 0;
}

static void
on_unreadable(void *user, const char *path, int error)
{
	struct scan *s = user;
	struct fault f = {.code = error};
	fault_in_file(&f, str_z(path));
	say_fault(s, &f);
	s->unreadable++;
}

/* --- output --- */

static void
put_fields(struct scan *s, const struct finding *f)
{
	for (uint32_t i = 0; i < f->matched_count; i++) {
		bool again = false; /* a name once: JSON readers keep the last of two */
		for (uint32_t j = 0; j < i; j++)
			again |= str_eq(f->matched[j].name, f->matched[i].name);
		if (again)
			continue;
		if (s->out.p[s->out.n - 1] != '{')
			buf_add_char(&s->out, ',');
		buf_add_json_string(&s->out, f->matched[i].name.n ? f->matched[i].name : STR("keywords"));
		buf_add_char(&s->out, ':');
		buf_add_json_string(&s->out, f->matched[i].value);
	}
}

/* A rule is told in the same words each time: they are written once. */
static struct str
rule_json(struct scan *s, const struct rule_info *rule)
{
	struct str *kept = &s->rule_json[rules_index(rule)];
	struct buf *out = &s->line;
	if (kept->n)
		return *kept;
	buf_clear(out);
	buf_add(out, STR("{\"rule\":{\"id\":"));
	buf_add_json_string(out, rule->id);
	buf_add(out, STR(",\"title\":"));
	buf_add_json_string(out, rule->title);
	buf_add(out, STR(",\"level\":\""));
	buf_add(out, str_z(level_name(rule->level)));
	buf_add(out, STR("\",\"author\":"));
	buf_add_json_string(out, rule->author);
	buf_add(out, STR(",\"file\":"));
	buf_add_json_string(out, rule->file);
	buf_add(out, STR("},\"event\":{\"file\":"));
	if (!arena_copy(&s->kept, buf_str(out), kept))
		return buf_str(out);
	return *kept;
}

static void
put_json(struct scan *s, const struct finding *f, uint64_t record)
{
	struct buf *out = &s->out;
	buf_add(out, rule_json(s, f->rule));
	buf_add_json_string(out, str_z(s->path));
	buf_add(out, STR(",\"record\":"));
	buf_add_u64(out, record);
	buf_add(out, STR(",\"time\":"));
	if (f->event->time_ms == TIME_NONE) {
		buf_add(out, STR("null"));
	} else {
		buf_add_char(out, '"');
		time_format(out, f->event->time_ms, 0);
		buf_add_char(out, '"');
	}
	buf_add(out, STR("},\"fields\":{"));
	put_fields(s, f);
	buf_add(out, STR("}}\n"));
}

static void
put_text(struct scan *s, const struct finding *f, uint64_t record)
{
	if (!s->named)
		scan_text_file(&s->out, str_z(s->path));
	s->named = true;
	scan_text_finding(&s->out, s->lang, f, record);
}

static void
put_finding(struct scan *s, const struct finding *f, uint64_t record)
{
	s->findings++;
	if (s->json)
		put_json(s, f, record);
	else
		put_text(s, f, record);
	if (s->out.n > OUTPUT_STEP)
		flush(s);
}

/* --- reading --- */

/* And what it brings about. */
static void
take_finding(struct scan *s, const struct finding *f, uint64_t record)
{
	struct finding *more = NULL;
	if (!f->rule->silent)
		put_finding(s, f, record);
	uint32_t n = s->correlator ? correlator_feed(s->correlator, f, &s->arena, &more) : 0;
	for (uint32_t i = 0; i < n; i++)
		if (!more[i].rule->silent)
			put_finding(s, &more[i], record);
}

static void
scan_event(struct scan *s, struct event *e, uint64_t record)
{
	struct finding *list = NULL;
	uint32_t n = matcher_match(s->matcher, e, &s->arena, &list);
	scan_indicators_match(s->indicators, e, &s->arena, &list, &n);
	s->events++;
	for (uint32_t i = 0; i < n; i++)
		take_finding(s, &list[i], record);
	n = flow_feed(s->flow, e, &s->arena, &list);
	for (uint32_t i = 0; i < n; i++)
		take_finding(s, &list[i], record);
}

static void
say_damaged(struct scan *s, const char *what, uint64_t record, uint64_t count)
{
	char number[24];
	struct fault f = {0};
	snprintf(number, sizeof number, "%llu", (unsigned long long)count);
	fault_in_file(&f, str_z(s->path));
	(void)fault_set(&f, E_CORRUPT, what, str_z(number), record > UINT32_MAX ? UINT32_MAX : (uint32_t)record, 0);
	say_fault(s, &f);
}

/* Records that cannot be read are told by their number; of a file that holds nothing else not each. */
static void
count_damaged(struct scan *s, uint64_t from, uint64_t to)
{
	for (; from < to; from++, s->damaged++)
		if (s->damaged < DAMAGED_SAID)
			say_damaged(s, "scan_record", from + 1, 1);
}

/* The events of a chunk whose first record is number `first`, from 0; how many records it has. */
static uint64_t
scan_chunk(struct scan *s, const struct decode_result *result, uint64_t first)
{
	uint64_t next = first, end = first + result->count + result->failed;
	for (uint32_t i = 0; i < result->count; i++) {
		uint64_t here = first + result->event[i].place;
		count_damaged(s, next, here);
		next = here + 1;
		scan_event(s, &result->event[i], next);
	}
	count_damaged(s, next, end);
	return end - first;
}

static void
scan_records(struct scan *s, struct scan_input *in)
{
	struct raw raw;
	struct decode_result result;
	uint64_t number = 0;
	while (scan_next(in, &raw)) {
		bool full;
		do {
			arena_clear(&s->arena);
			result = (struct decode_result){0};
			full = decode(s->decoder, &raw, &s->arena, &result) < 0;
		} while (result.cut && scan_more(in, &raw));
		if (raw.form == RAW_EVTX_CHUNK) {
			number += scan_chunk(s, &result, number);
			continue;
		}
		if (full) { /* what fitted is looked at */
			say_damaged(s, "scan_record_long", in->number, 1);
			s->failed++;
		}
		for (uint32_t i = 0; i < result.count; i++)
			scan_event(s, &result.event[i], in->number);
	}
	if (s->damaged > DAMAGED_SAID)
		say_damaged(s, "scan_records", 0, s->damaged - DAMAGED_SAID);
	if (scan_lost(in))
		say_damaged(s, "scan_chunks", 0, scan_lost(in));
	s->failed += s->damaged + scan_lost(in);
	s->damaged = 0;
}

static int
scan_file(void *user, const char *path)
{
	struct scan *s = user;
	struct scan_input *in = &s->input;
	int error = scan_open(in, path);
	s->path = path;
	s->named = false;
	if (error) {
		on_unreadable(s, path, error);
		(void)scan_close(in);
		return 0;
	}
	s->files++;
	decoder_begin_file(s->decoder);
	scan_records(s, in);
	error = scan_close(in);
	if (error)
		on_unreadable(s, path, error);
	return 0;
}

static void
put_summary(struct scan *s)
{
	struct rules_stats stats = rules_stats(s->rules);
	double seconds = (double)(clock_monotonic_ms() - s->started_ms) / 1000;
	if (s->json) {
		buf_addf(&s->out,
		    "{\"summary\":{\"files\":%llu,\"events\":%llu,\"failed\":%llu,\"rules\":%u,\"refused\":%u,"
		    "\"findings\":%llu,\"seconds\":%.3f}}\n",
		    (unsigned long long)s->files, (unsigned long long)s->events,
		    (unsigned long long)(s->failed + s->unreadable), stats.rules, stats.refused,
		    (unsigned long long)s->findings, seconds);
	} else {
		char number[6][24];
		const unsigned long long value[5] = {s->files, s->events, s->failed + s->unreadable,
			stats.rules, s->findings};
		struct str args[6];
		for (int i = 0; i < 5; i++)
			snprintf(number[i], sizeof number[i], "%llu", value[i]);
		snprintf(number[5], sizeof number[5], "%.2f", seconds);
		for (int i = 0; i < 6; i++)
			args[i] = str_z(number[i]);
		if (s->findings)
			buf_add_char(&s->out, '\n');
		lang_format(&s->out, s->lang, STR("cli.scan_summary"), args, 6);
		buf_add_char(&s->out, '\n');
	}
	flush(s);
}

/* --- command line --- */

static int
usage(struct scan *s)
{
	struct str text = lang_text(s->lang, STR("cli.scan_usage"));
	fprintf(stderr, "%.*s\n", STR_ARG(text));
	return 1;
}

static int
scan_paths(struct scan *s, char **paths)
{
	s->decoder = decoder_new(rules_names(s->rules));
	s->matcher = matcher_new(s->rules);
	if (rules_stats(s->rules).correlations)
		s->correlator = correlator_new(s->rules, CORRELATE_BYTES);
	s->flow = flow_new(s->rules, &(struct flow_options){.zone = TIME_ZONE_VIETNAM});
	s->want = *names_asked(rules_names(s->rules));
	flow_wants(&s->want);
	if (s->correlator)
		correlator_wants(s->correlator, &s->want);
	if (s->indicators)
		ioc_event_wants(&s->want);
	decoder_want(s->decoder, &s->want);
	arena_init(&s->arena, 1 << 20, EVENT_BYTES);
	arena_init(&s->kept, 64 << 10, KEPT_BYTES);
	s->rule_json = mem_calloc(rules_count(s->rules), sizeof *s->rule_json);
	for (; *paths; paths++) {
		if (strcmp(*paths, "-") == 0)
			scan_file(s, *paths);
		else if (access(*paths, F_OK) != 0)
			on_unreadable(s, *paths, error_from_errno(errno));
		else if (file_walk(*paths, scan_file, on_unreadable, s) < 0)
			on_unreadable(s, *paths, E_IO);
	}
	put_summary(s);
	flow_free(s->flow);
	correlator_free(s->correlator);
	matcher_free(s->matcher);
	decoder_free(s->decoder);
	scan_release(&s->input);
	arena_release(&s->arena);
	arena_release(&s->kept);
	mem_free(s->rule_json);
	buf_release(&s->line);
	return s->unreadable || s->rules_unreadable || s->failed ? 2 : 0;
}

static bool
read_arguments(struct scan *s, struct rules_files *files, char **argv, char ***ret_paths)
{
	for (argv++; *argv && argv[0][0] == '-' && argv[0][1]; argv++) {
		struct str option = str_z(*argv);
		if (str_eq(option, STR("--json"))) {
			s->json = true;
			continue;
		}
		if (str_eq(option, STR("--"))) {
			argv++;
			break;
		}
		if (!argv[1])
			return false;
		argv++;
		if (str_eq(option, STR("--rules")) && files->count < OPTIONS_MAX_RULES)
			files->directory[files->count++] = *argv;
		else if (str_eq(option, STR("--indicators")) && s->feeds < FEEDS_MAX)
			s->feed[s->feeds++] = *argv;
		else if (str_eq(option, STR("--map")))
			files->map = *argv;
		else if (str_eq(option, STR("--placeholders")))
			files->placeholders = *argv;
		else
			return false;
	}
	*ret_paths = argv;
	return *argv;
}

static int
read_feeds(struct scan *s)
{
	int error = 0;
	s->indicators = s->feeds ? scan_indicators_new(say_fault, s) : NULL;
	for (uint32_t i = 0; i < s->feeds && !error; i++) {
		error = scan_indicators_read(s->indicators, s->feed[i]);
		if (error)
			on_unreadable(s, s->feed[i], error);
	}
	return !error && s->feeds ? scan_indicators_finish(s->indicators, s->rules) : error;
}

int
scan_command(int argc, char **argv)
{
	const char *lang = getenv("LANG");
	struct scan s = {.lang = lang_from_tag(str_z(lang ? lang : "")), .started_ms = clock_monotonic_ms()};
	struct rules_files files = {.on_fault = on_rule_fault, .user = &s};
	struct fault fault = {0};
	uint8_t digest[32];
	char **paths;
	if (!read_arguments(&s, &files, argv, &paths))
		return usage(&s);
	if (!files.count && rules_default_directory())
		files.directory[files.count++] = rules_default_directory();
	if (rules_files_load(&files, &s.rules, digest, &fault) < 0) {
		say_fault(&s, &fault);
		return 1;
	}
	if (!s.feeds && !rules_stats(s.rules).rules) {
		fault_set(&fault, E_NOT_FOUND, "rule_folders_empty", (struct str){0}, 0, 0);
		say_fault(&s, &fault);
	}
	int code = read_feeds(&s) < 0 ? 1 : scan_paths(&s, paths);
	scan_indicators_free(s.indicators);
	rules_free(s.rules);
	buf_release(&s.out);
	return code;
}
