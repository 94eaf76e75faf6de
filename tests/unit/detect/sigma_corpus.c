/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The public rules and their own regression cases: every rule loads, every case fires from its EVTX bytes and from its
 * JSON, and the engine says the same as the slow evaluator about every event, in the same order, twice.
 *
 * Of the large corpora a share is looked at slowly, every event of them when KHIEN_THOROUGH is set: then the slow evaluator
 * remembers what it was asked before (slow_known.h), and judges a share from nothing. KHIEN_SHARD=2/5 takes the third fifth
 * of the events, so that several may go on at once or one after the other.
 */
#include "base/json.h"
#include "base/memory.h"
#include "corpus.h"
#include "decode/evtx.h"
#include "slow_known.h"
#include "tap.h"

static struct rules *rules;
static struct matcher *matcher, *hasty;
static struct decoder *decoder;
static struct arena arena;

static bool
ready(void)
{
	struct faults faults = {0};
	if (rules)
		return true;
	rules = corpus_sigma(&faults);
	if (!rules)
		return false;
	CHECK_INT(faults.count, 0);
	matcher = matcher_new(rules);
	hasty = matcher_new(rules);
	matcher_forget(hasty);
	decoder = decoder_new(rules_names(rules));
	arena_init(&arena, 1 << 20, (size_t)512 << 20);
	return true;
}

TEST(every_public_rule_loads)
{
	if (!ready())
		SKIP("shared/corpora/sigma is not there");
	struct rules_stats s = rules_stats(rules);
	CHECK_INT(s.rules, 3728);
	CHECK_INT(s.refused, 0);
	CHECK(s.bytes < (size_t)60 << 20);
	for (uint32_t i = 0; i < rules_count(rules); i++)
		CHECK(rules_info(rules, i)->id.n == 36 && rules_info(rules, i)->title.n && rules_info(rules, i)->author.n);
}

/* ---- regression cases ---- */

struct result {
	uint32_t cases, events, missing, differences;
	const char *folder;
	struct slow *slow;        /* judges from nothing */
	struct slow_known *known; /* remembers; NULL: not asked */
};

/* How closely an event is looked at. */
enum look { LOOK_AWAY, LOOK_UP, LOOK_SLOWLY };

/* Remembered or not, the reasons are the same. */
static void
check_same(const struct finding *a, const struct finding *b)
{
	CHECK(a->rule == b->rule);
	CHECK_INT(a->matched_count, b->matched_count);
	for (uint32_t i = 0; i < a->matched_count && i < b->matched_count; i++)
		CHECK(str_eq(a->matched[i].name, b->matched[i].name) && str_eq(a->matched[i].value, b->matched[i].value));
}

static void
judge_event(struct event *e, const struct finding *finding, uint32_t n, enum look look, struct result *result)
{
	static bool *fired, *known;
	uint32_t count = rules_count(rules);
	fired = fired ? fired : mem_alloc(count * sizeof *fired);
	known = known ? known : mem_alloc(count * sizeof *known);
	memset(fired, 0, count * sizeof *fired);
	for (uint32_t i = 0; i < n; i++)
		fired[rules_index(finding[i].rule)] = true;
	if (result->known)
		slow_known_match(result->known, e, known);
	for (uint32_t i = 0; i < count; i++) {
		if ((!result->known || fired[i] == known[i]) && (look != LOOK_SLOWLY || fired[i] == slow_match(result->slow, i, e)))
			continue;
		result->differences++;
		printf("# %s: rule %.*s fired %d\n", result->folder, STR_ARG(rules_info(rules, i)->id), fired[i]);
	}
}

/* One event: what fires, and how often the rule `id` does. */
static uint32_t
match_event(struct event *e, struct str id, enum look look, struct result *result)
{
	struct finding *finding = NULL, *again = NULL;
	uint32_t wanted = 0, n = matcher_match(matcher, e, &arena, &finding);
	for (uint32_t i = 0; i < n; i++)
		wanted += str_eq(finding[i].rule->id, id);
	if (look)
		judge_event(e, finding, n, look, result);
	CHECK_INT(matcher_match(matcher, e, &arena, &again), n);
	for (uint32_t i = 0; i < n; i++)
		CHECK(again[i].rule == finding[i].rule);
	CHECK_INT(matcher_match(hasty, e, &arena, &again), n);
	for (uint32_t i = 0; i < n; i++)
		check_same(&again[i], &finding[i]);
	result->events++;
	return wanted;
}

static uint32_t
match_raw(const struct raw *raw, struct str id, enum look look, struct result *result)
{
	struct decode_result got = {0};
	uint32_t wanted = 0;
	CHECK_INT(decode(decoder, raw, &arena, &got), 0);
	for (uint32_t i = 0; i < got.count; i++)
		wanted += match_event(&got.event[i], id, look, result);
	return wanted;
}

static uint32_t
match_json(struct str text, struct str id, struct result *result)
{
	struct json j = {0};
	uint32_t wanted = 0;
	size_t used;
	while (str_trim(text).n && json_parse_prefix(&j, text, &used, NULL) == 0) {
		bool list = j.token[0].kind == JSON_ARRAY;
		struct raw raw = {.form = RAW_LINE, .bytes = str_trim(str_cut(text, 0, used))};
		for (uint32_t i = json_first(&j, 0); list && i < json_end(&j, 0); i = json_next(&j, i)) {
			raw.bytes = json_raw(&j, i);
			wanted += match_raw(&raw, id, LOOK_SLOWLY, result);
		}
		if (!list)
			wanted += match_raw(&raw, id, LOOK_SLOWLY, result);
		text = str_skip(text, used);
	}
	json_release(&j);
	return wanted;
}

static uint32_t
match_evtx(struct str bytes, struct str id, struct result *result)
{
	struct evtx_file file;
	uint32_t wanted = 0;
	struct raw raw = {.form = RAW_EVTX_CHUNK};
	CHECK_INT(evtx_open(bytes, &file), 0);
	while (evtx_next_chunk(&file, &raw.bytes))
		wanted += match_raw(&raw, id, LOOK_SLOWLY, result);
	return wanted;
}

struct pass {
	struct result result;
	bool evtx;
};

/* info.yml names the rule and, mostly, how often it must fire. */
static void
run_case(void *user, const char *path)
{
	struct pass *pass = user;
	struct buf text = BUF_INIT, bytes = BUF_INIT;
	struct arena tree;
	struct yaml **document;
	struct fault fault;
	uint32_t documents = 0;
	char file[2048];
	arena_init(&tree, 4096, 1 << 20);
	CHECK(tap_read(path, &text));
	CHECK_INT(yaml_parse(buf_str(&text), &tree, &document, &documents, &fault), 0);
	const struct yaml *metadata = documents ? yaml_get(document[0], STR("rule_metadata")) : NULL;
	const struct yaml *test = documents ? yaml_get(document[0], STR("regression_tests_info")) : NULL;
	struct str id = metadata ? yaml_get_text(metadata->first, STR("id"), STR("")) : STR("");
	int64_t count = 1;
	if (test && test->first && id.n) {
		(void)yaml_to_i64(yaml_get(test->first, STR("match_count")), &count);
		pass->result.folder = path;
		snprintf(file, sizeof file, "%.*s%.*s.%s", (int)(strlen(path) - strlen("info.yml")), path, STR_ARG(id),
		    pass->evtx ? "evtx" : "json");
		if (!tap_read(file, &bytes)) {
			printf("# %s is not there\n", file);
		} else {
			uint32_t fired = pass->evtx ? match_evtx(buf_str(&bytes), id, &pass->result)
			                            : match_json(buf_str(&bytes), id, &pass->result);
			pass->result.cases++;
			if (fired < count)
				printf("# %s: %u of %lld\n", file, fired, (long long)count);
			pass->result.missing += fired < count;
		}
	}
	arena_clear(&arena);
	arena_release(&tree);
	buf_release(&text);
	buf_release(&bytes);
}

static void
run_cases(bool evtx)
{
	struct pass pass = {.evtx = evtx, .result = {.slow = slow_new(rules)}};
	corpus_walk(tap_shared("corpora/sigma/regression_data"), STR("/info.yml"), run_case, &pass);
	printf("# %u cases, %u events\n", pass.result.cases, pass.result.events);
	CHECK_INT(pass.result.cases, 169);
	CHECK_INT(pass.result.missing, 0);
	CHECK_INT(pass.result.differences, 0);
	slow_free(pass.result.slow);
}

TEST(regression_cases_from_json)
{
	if (!ready())
		SKIP("shared/corpora/sigma is not there");
	run_cases(false);
}

TEST(regression_cases_from_evtx)
{
	if (!ready())
		SKIP("shared/corpora/sigma is not there");
	run_cases(true);
}

/* ---- recorded attacks ---- */

#define CHECK_EVERY 500u /* remembered answers, in a thorough run */
#define SLOWLY 400u      /* and one event of so many is judged from nothing */

struct sample {
	struct result result;
	uint32_t looks;                         /* of a file or a piece of it, at most */
	uint64_t looked, slowly, number;        /* events */
	uint32_t shard, shards;                 /* of a thorough run; 0: it is an ordinary one */
};

static void
read_shard(struct sample *s)
{
	const char *text = getenv("KHIEN_SHARD");
	if (!getenv("KHIEN_THOROUGH"))
		return;
	s->shards = 1;
	if (text && sscanf(text, "%u/%u", &s->shard, &s->shards) != 2)
		s->shards = 0; /* not "N/M" */
	CHECK(s->shards && s->shard < s->shards);
}

/* All events go through the engine, so that its caches are warm. Of an ordinary run one in `every` is looked at. */
static enum look
look_at(struct sample *s, uint32_t number, uint32_t every)
{
	enum look look = !s->shards && number % every == 0 ? LOOK_SLOWLY : LOOK_AWAY;
	if (s->shards && s->number++ % s->shards == s->shard)
		look = s->looked % SLOWLY == 0 ? LOOK_SLOWLY : LOOK_UP;
	s->looked += look != LOOK_AWAY;
	s->slowly += look == LOOK_SLOWLY;
	if (s->shards && look && s->looked % 20000 == 0) {
		struct slow_counts c = slow_known_counts(s->result.known);
		printf("# %llu events, %.0f %% of their pairs judged, at %s\n", (unsigned long long)s->looked,
		    100.0 * (double)c.judged / (double)(c.events * c.rules), s->result.folder);
		fflush(stdout);
	}
	return look;
}

static void
sample_file(void *user, const char *path)
{
	struct sample *s = user;
	struct buf text = BUF_INIT;
	CHECK(corpus_unpack(path, &text));
	struct str rest = buf_str(&text), line;
	uint32_t number = 0, lines = 0, most = s->shards ? UINT32_MAX : 20000;
	s->result.folder = path;
	while (str_split(&rest, '\n', &line))
		lines++;
	lines = lines < most ? lines : most;
	rest = buf_str(&text);
	while (number < most && str_split(&rest, '\n', &line)) {
		struct raw raw = {.form = RAW_LINE, .bytes = line};
		if (!line.n)
			continue;
		match_raw(&raw, STR(""), look_at(s, number++, lines / s->looks + 1), &s->result);
		arena_clear(&arena);
	}
	buf_release(&text);
}

static void
sample_folder(const char *folder, const char *ending, uint32_t looks, void (*each)(void *user, const char *path))
{
	struct sample s = {.result.slow = slow_new(rules), .looks = looks};
	read_shard(&s);
	s.result.known = slow_known_new(rules, s.shards ? CHECK_EVERY : 1);
	corpus_walk(folder, str_z(ending), each, &s);
	struct slow_counts c = slow_known_counts(s.result.known);
	printf("# %u events, %llu of them compared, %llu from nothing: %llu pairs, %u differences\n", s.result.events,
	    (unsigned long long)s.looked, (unsigned long long)s.slowly, (unsigned long long)(s.looked * rules_count(rules)),
	    s.result.differences);
	printf("# %llu pairs judged, %llu remembered ones judged anew\n", (unsigned long long)c.judged,
	    (unsigned long long)c.checked);
	CHECK(s.slowly > 0 && c.checked > 0);
	CHECK_INT(c.wrong, 0);
	CHECK_INT(s.result.differences, 0);
	slow_free(s.result.slow);
	slow_known_free(s.result.known);
}

TEST(recorded_attacks_slow_and_fast)
{
	const char *folder = tap_shared("corpora/otrf-windows");
	if (!folder || !ready())
		SKIP("shared/corpora/otrf-windows is not there");
	sample_folder(folder, ".json.zst", 30, sample_file);
}

TEST(lanes_slow_and_fast)
{
	const char *folder = tap_shared("corpora/lanes");
	if (!folder || !ready())
		SKIP("shared/corpora/lanes is not there");
	sample_folder(folder, ".ndjson.zst", 100, sample_file);
}

/* Chunks as they are, several records each. */
static void
sample_evtx(void *user, const char *path)
{
	struct sample *s = user;
	struct buf bytes = BUF_INIT;
	struct evtx_file file;
	struct raw raw = {.form = RAW_EVTX_CHUNK};
	CHECK(tap_read(path, &bytes));
	s->result.folder = path;
	if (evtx_open(buf_str(&bytes), &file) < 0)
		bytes.n = 0;
	while (bytes.n && evtx_next_chunk(&file, &raw.bytes)) {
		struct decode_result got = {0};
		CHECK_INT(decode(decoder, &raw, &arena, &got), 0);
		for (uint32_t i = 0; i < got.count; i++)
			match_event(&got.event[i], STR(""), look_at(s, i, s->looks), &s->result);
		arena_clear(&arena);
	}
	buf_release(&bytes);
}

TEST(attack_samples_slow_and_fast)
{
	const char *folder = tap_shared("corpora/evtx-attack-samples");
	if (!folder || !ready())
		SKIP("shared/corpora/evtx-attack-samples is not there");
	sample_folder(folder, ".evtx", 20, sample_evtx);
}

TEST(release)
{
	matcher_free(matcher);
	matcher_free(hasty);
	decoder_free(decoder);
	rules_free(rules);
	CHECK(true);
}
