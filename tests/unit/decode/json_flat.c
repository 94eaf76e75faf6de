/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The short way through a line of JSON beside the long one, which is the judge: tape, layout, flatten(). Lines of the
 * corpora, lines of ours, and all of them with bytes changed; whether the short way takes a line or not, the event must
 * be the same.
 */
#include "decode/json_flat.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "decode/json_layout.h"
#include "tap.h"
#include "zst.h"

struct both {
	struct names *names;
	struct arena arena;
	struct json json;
	struct keys *keys;
	struct flat *flat;
	const struct key *member[KEYS_MEMBERS];
	uint64_t lines, taken;
};

static void
both_open(struct both *b)
{
	*b = (struct both){.names = names_new(), .flat = flat_new()};
	names_intern(b->names, STR("CommandLine"));
	names_intern(b->names, STR("EventID"));
	b->keys = keys_new(b->names, json_know_key);
	arena_init(&b->arena, 1 << 20, 64 << 20);
}

static void
both_close(struct both *b)
{
	keys_free(b->keys);
	flat_free(b->flat);
	json_release(&b->json);
	arena_release(&b->arena);
	names_free(b->names);
}

static int
decode_one(struct both *b, bool flat, const struct raw *raw, struct event *e)
{
	struct decode_context c = {.names = b->names, .arena = &b->arena, .json = &b->json,
	    .keys = flat ? b->keys : NULL, .flat = flat ? b->flat : NULL, .member = b->member, .zone = TIME_ZONE_VIETNAM};
	event_begin(e, &b->arena, raw);
	return decode_json(&c, raw->bytes, e);
}

static bool
same_field(const struct field *x, const struct field *y)
{
	return str_eq(x->name, y->name) && str_eq(x->value, y->value) && x->id == y->id && x->kind == y->kind &&
	    x->escaped == y->escaped && x->core == y->core;
}

static bool
same_event(const struct event *x, const struct event *y)
{
	const struct str a[] = {x->product, x->service, x->category, x->channel, x->code, x->provider};
	const struct str b[] = {y->product, y->service, y->category, y->channel, y->code, y->provider};
	bool same = x->field_count == y->field_count && x->decoder == y->decoder && x->confidence == y->confidence &&
	    x->time_ms == y->time_ms && x->dropped_fields == y->dropped_fields;
	for (size_t i = 0; i < COUNT(a); i++)
		same &= str_eq(a[i], b[i]);
	for (uint32_t i = 0; same && i < x->field_count; i++)
		same = same_field(&x->field[i], &y->field[i]);
	return same;
}

/* The short way is asked for every line, whatever it thinks of those before. */
static bool
compare(struct both *b, struct str line)
{
	struct raw raw = {.bytes = line, .form = RAW_LINE};
	struct event tape, flat;
	arena_clear(&b->arena);
	b->flat->wait = b->flat->misses = 0;
	int error = decode_one(b, false, &raw, &tape), other = decode_one(b, true, &raw, &flat);
	b->lines++;
	b->taken += other == 0 && b->flat->misses == 0;
	return error == other && (error || same_event(&tape, &flat));
}

static void
check_line(struct both *b, struct str line)
{
	bool same = compare(b, line);
	if (!same)
		tap_check(false, __FILE__, __LINE__, "both ways: %.*s", (int)(line.n < 2000 ? line.n : 2000), line.p);
}

static const char *const lines[] = {
	"{'EventID':1,'Channel':'Security','CommandLine':'a \\\\ b','product':'windows','category':'process_creation'}",
	"{'EventID': 4688, 'Channel': 'Security', 'Computer': 'x', 'NewProcessName': 'C:\\\\Windows\\\\a.exe'}",
	("{'EventID':4624,'SourceName':'x','SourceModuleType':'im_msvistalog','EventType':'INFO','UserID':'S-1-5-18',"
	 "'tags':['one'],'EventTime':'2020-10-23 11:17:43','Message':'a\\r\\nb\\tc \\u00e1'}"),
	"{'EventID':1,'Channel':'x','tags':['one','two'],'empty':[],'o':{},'n':null,'t':true,'f':false}",
	"{'EventID':1,'Channel':'x','product':['windows'],'category':['y']}",
	"{'product':'Windows','a':-0,'b':0,'c':1.5e+10,'d':-12,'e':0.25,'f':1E5}",
	"{'product':'windows','a':01}", "{'product':'windows','a':1.}", "{'product':'windows','a':-}",
	"{'product':'windows','a':1e}", "{'product':'windows','a':+1}", "{'product':'windows','a':.5}",
	"{'EventID':1,'EventID':2,'EventCode':3,'Channel':'a','LogName':'b','UtcTime':'2020-10-23 11:17:43.123'}",
	"{'ts':1700000000.5,'_path':'conn','uid':'C1','id.orig_h':'192.0.2.1'}",
	"{'event_type':'dns','src_ip':'192.0.2.1','flow_id':1}",
	"{'msg':'hello','level':'info','user':'an','src_ip':'192.0.2.7','time':'2026-11-22T00:00:00Z','service':'x'}",
	"{'StringInserts':['a'],'EventID':7045,'Channel':'System'}", "{'StringInserts':'a','EventID':7045}",
	"{'Event':'x','EventID':1,'Channel':'y'}", "{'Event':['System'],'EventID':1,'Channel':'y'}",
	"{}", "{ }", "{'a':1}", "{'a':1,}", "{,'a':1}", "{'a' :1}", "{'a':  1}", "{'a':1 }", "{'a':1} ", "{'a':1}}",
	"{'a':'b'", "{'a':'b", "{'a", "{", "", "}", "'a'", "[1]", "{'a'}", "{'a':}", "{'a'::1}", "{'a':1,,'b':2}",
	"{'a':'b''c':1}", "{'a':'b'\\,'c':1}", "{'a':\\'b'}", "{'a':'b\\'}", "{'a':'b\\\\'}", "{'a':'b\\\\\\'}'}",
	"{'a':'\\u12'}", "{'a':'\\u12g4'}", "{'a':'\\uD800'}", "{'a':'\\ud83d\\ude00'}", "{'a':'\\x41'}", "{'a':'\\u'}",
	"{'\\u0061':1,'EventID':1,'Channel':'x'}", "{'a':'\x7f'}", "{'a':'\x1f'}", "{'a':'\t'}", "{'a':'\n'}",
	"{'a':'\xc3\xa1 \xe1\xba\xbf'}", "{'a':'\xc3'}", "{'a':'\xed\xa0\x80'}", "{'a':'\xf4\x90\x80\x80'}", "{'a':'\x80'}",
	"{'a\xc3\xa1':'b'}", "{'a':'b'}\xc3\xa1", "{'':1}", "{'':''}", "{'a':'','Channel':'','EventID':''}",
	"{'a':truE}", "{'a':true1}", "{'a':nullx,'b':1}", "{'a':nul}", "{'a':[}", "{'a':['b'}", "{'a':['b',]}", "{'a':[['b']]}",
	"{'a':[1]}", "{'a':[ 'b']}", "{'a':'b', 'c':'d'}", "{'a':'b',  'c':'d'}",
	("{'@timestamp':'2020-10-23T11:17:43.000Z','winlog':{'channel':'Security','event_id':4688,'provider_name':'p',"
	 "'event_data':{'NewProcessName':'C:\\\\a.exe','Threat Name':'x','UtcTime':'2020-10-23 11:17:43.1','product':'y'},"
	 "'keywords':['Audit Success'],'process':{'pid':4,'thread':{'id':8}},'computer_name':'pc','user':{'identifier':'S-1'}},"
	 "'host':{'ip':['fe80::1','192.0.2.1'],'os':{},'mac':[]},'process':{'pid':7},'message':'m'}"),
	"{'winlog':{'event_data':{}},'a':1}", "{'winlog':{},'a':1}", "{'winlog':{'a':{'b':{'c':{'d':{'e':{'f':{'g':{'h':1}}}}}}}}}",
	"{'event_data':{'A':1},'winlog.event_id':5,'log_name':'System'}", "{'winlog':'x','event_data':{'EventID':5}}",
	"{'EventID':1,'Channel':'x','o':{'product':'windows','EventID':2,'host':{'name':'n'}},'product':'windows'}",
	"{'EventID':1,'Channel':'x','tags':['a','b\\n','']}", "{'EventID':1,'Channel':'x','tags':['','']}", "{'a':{'a':{'a':1}},'b':{'a':1}}",
	"{'a':{'b':1}", "{'a':{}", "{'a':{", "{'a':{}}}", "{'a':{'b':1}}}", "{'a':{'b':1},}", "{'a':[{'b':1}}", "{'a':[{'b':1},'c':2}",
	"{'a':{ 'b':1}}", "{'a':{'b':1 }}", "{'a':['b','c'}", "{'a':['b',]}", "{'a':['b' ,'c']}", "{'a':['b',  'c']}", "{'a':['b', 'c']}",
	"{'Event':{'System':{'EventID':1}}}", "{'Event':{'EventID':1},'EventID':1,'Channel':'x'}", "{'win':{'system':{'eventID':1}}}",
	"{'a23456789012345678901234567890123456789012345678901234567890123':1,'EventID':1,'Channel':'x'}",
	"{'a234567890123456789012345678901234567890123456789012345678901234567':1,'EventID':1,'Channel':'x'}",
	"{'a2345678901234567890123456789012':1,'a2345678901234567890123456789013':1,'EventID':1,'Channel':'x'}",
};

TEST(lines_of_ours_both_ways)
{
	struct both b;
	both_open(&b);
	for (int round = 0; round < 3; round++) { /* names are guessed from the second on */
		for (size_t i = 0; i < COUNT(lines); i++) {
			struct buf line = BUF_INIT;
			for (const char *p = lines[i]; *p; p++)
				buf_add_char(&line, *p == '\'' ? '"' : *p);
			check_line(&b, buf_str(&line));
			buf_release(&line);
		}
	}
	if (json_index(&b.flat->index, STR("{}")))
		CHECK(b.taken > 60);
	CHECK(b.lines == 3 * COUNT(lines));
	both_close(&b);
}

static uint64_t
next(uint64_t *seed)
{
	*seed = hash64_mix(*seed, 0x6b6869656e);
	return *seed >> 8;
}

/* One to three bytes become others, go, or come. */
static void
mutate(struct buf *line, uint64_t *seed)
{
	static const char bytes[] = "\"\\{}[],: 019-.eEutnf/\n\t\x01\x7f\x80\xc3\xff";
	for (uint64_t n = 1 + next(seed) % 3; n && line->n > 2; n--) {
		size_t at = next(seed) % line->n;
		char c = bytes[next(seed) % (sizeof bytes - 1)];
		switch (next(seed) % 3) {
		case 0:
			line->p[at] = c;
			break;
		case 1:
			memmove(line->p + at, line->p + at + 1, line->n - at - 1);
			line->n--;
			break;
		default:
			buf_add_char(line, ' ');
			memmove(line->p + at + 1, line->p + at, line->n - at - 1);
			line->p[at] = c;
			break;
		}
	}
}

/* Every `every`-th line as it is, and once more with bytes changed. */
static void
compare_corpus(const char *path, const char *name, unsigned every, unsigned least_taken)
{
	struct buf text = BUF_INIT, line = BUF_INIT;
	CHECK(read_zst(path, &text));
	struct both b;
	struct str rest = buf_str(&text), one;
	uint64_t seed = 7, number = 0;
	both_open(&b);
	while (str_split(&rest, '\n', &one)) {
		one = str_trim(one);
		if (!one.n || number++ % every)
			continue;
		check_line(&b, one);
		for (int i = 0; i < 3; i++) {
			buf_clear(&line);
			buf_add(&line, one);
			mutate(&line, &seed);
			check_line(&b, buf_str(&line));
		}
	}
	if (json_index(&b.flat->index, STR("{}")))
		tap_check(b.taken * 100 >= b.lines * least_taken, __FILE__, __LINE__, "%s: %llu of %llu the short way", name,
		    (unsigned long long)b.taken, (unsigned long long)b.lines);
	both_close(&b);
	buf_release(&text);
	buf_release(&line);
}

TEST(corpora_both_ways_and_with_bytes_changed)
{
	static const struct {
		const char *name;
		unsigned every, least_taken;
	} corpora[] = {
		{"corpora/lanes/structured_windows.ndjson.zst", 23, 30},
		{"corpora/lanes/sysmon_file_event.ndjson.zst", 23, 30},
		{"corpora/otrf-windows/psh_windows_vault_web_credentials__psh_windows_vault_web_credentials_2020-10-2819191483.json.zst", 5, 30},
		{"corpora/otrf-windows/cmd_service_mod_fax__cmd_service_mod_fax_2020-10-2120454410.json.zst", 1, 30},
		{"corpora/otrf-windows/auditpol_system_user_auditpolicy_modification__auditpol_system_user_auditpolicy_modification.json.zst", 1, 30},
	};
	if (!tap_shared("corpora/lanes"))
		SKIP("corpora are not here");
	for (size_t i = 0; i < COUNT(corpora); i++)
		compare_corpus(tap_shared(corpora[i].name), corpora[i].name, corpora[i].every, corpora[i].least_taken);
}

/* Byte by byte: what the index says about strings and escapes. */
static bool
index_is_right(enum json_index_path path, struct json_index *x, struct str text)
{
	uint32_t count = 0;
	bool second = false, good = str_is_utf8(text);
	for (size_t i = 0; i < text.n; i++) {
		good &= (unsigned char)text.p[i] >= 0x20;
		if (second) {
			good &= memchr("\"\\/bfnrtu", text.p[i], 9) != NULL;
			for (size_t k = 1; k < 5 && text.p[i] == 'u'; k++)
				good &= i + k < text.n && memchr("0123456789abcdefABCDEF", text.p[i + k], 22) != NULL;
			second = false;
			continue;
		}
		second = text.p[i] == '\\';
		count += text.p[i] == '"';
	}
	good &= !second && count <= JSON_INDEX_QUOTES;
	if (json_index_on(path, x, text) != good)
		return false;
	if (!good)
		return true;
	uint32_t n = 0;
	second = false;
	if (x->quote[x->count] != JSON_INDEX_NONE || json_index_slash(x, text.n) < text.n)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		const char *slash = memchr(text.p + i, '\\', text.n - i);
		size_t next = json_index_slash(x, i);
		if (slash ? next != (size_t)(slash - text.p) : next < text.n)
			return false;
		bool quote = !second && text.p[i] == '"';
		second = !second && text.p[i] == '\\';
		if (quote && (n >= x->count || x->quote[n++] != i))
			return false;
		if (json_index_escaped(x, i, i + 1) != (text.p[i] == '\\') || json_index_escaped(x, i, i))
			return false;
	}
	return n == x->count && json_index_escaped(x, 0, text.n) == (str_find_char(text, '\\') >= 0);
}

static void put_object(struct buf *out, uint64_t *seed, unsigned depth);

static void
put_random_value(struct buf *out, uint64_t *seed, unsigned depth)
{
	static const char *const scalars[] = {"\"Security\"", "\"C:\\\\a b\\\\c.exe\"", "4688", "0", "-1.5e3", "null", "true", "\"\"",
	    "\"2020-10-23 11:17:43.123\"", "\"2020-10-23T11:17:43Z\"", "\"windows\"", "\"-\"", "\"\\u00e1\\n\"", "\"DOM\\\\user\"", "{}", "[]"};
	uint64_t kind = next(seed) % 10;
	if (kind < 2 && depth < 11) {
		put_object(out, seed, depth + 1);
	} else if (kind == 2) {
		buf_add_char(out, '[');
		for (uint64_t n = next(seed) % 4; n; n--) {
			const char *item = scalars[next(seed) % 2 * (next(seed) % COUNT(scalars))];
			buf_addf(out, "%s%s", item, n > 1 ? "," : "");
		}
		buf_add_char(out, ']');
	} else {
		buf_addf(out, "%s", scalars[next(seed) % COUNT(scalars)]);
	}
}

static void
put_object(struct buf *out, uint64_t *seed, unsigned depth)
{
	static const char *const names[] = {"winlog", "event_data", "user_data", "channel", "event_id", "UtcTime", "product", "category",
	    "Threat Name", "@timestamp", "EventID", "Channel", "Event", "System", "process", "pid", "thread", "id", "host", "tags",
	    "computer_name", "event.code", "a\\u0062", "winlog.event_id", "winlog.event_data.x", "SourceModuleType", "User", "Image",
	    "a name of more bytes than those that are compared at once"};
	buf_add_char(out, '{');
	for (uint64_t n = 1 + next(seed) % 6; n; n--) {
		const char *name = depth == 0 && next(seed) % 4 == 0 ? "winlog" : names[next(seed) % COUNT(names)];
		buf_addf(out, "\"%s\":%s", name, next(seed) % 8 ? "" : " ");
		put_random_value(out, seed, depth);
		buf_addf(out, "%s", n == 1 ? "" : next(seed) % 8 ? "," : ", ");
	}
	buf_add_char(out, '}');
}

/* Objects in objects under all the names that mean something; every third with bytes changed. KHIEN_ROUNDS for more. */
TEST(random_objects_both_ways)
{
	const char *wanted = getenv("KHIEN_ROUNDS");
	uint64_t seed = 23, rounds = 30000;
	struct both b;
	if (wanted)
		(void)str_to_u64(str_z(wanted), &rounds);
	both_open(&b);
	for (uint64_t i = 0; i < rounds; i++) {
		struct buf line = BUF_INIT;
		put_object(&line, &seed, 0);
		if (i % 3 == 0)
			mutate(&line, &seed);
		char *exact = mem_alloc(line.n); /* so that a byte too far is seen */
		memcpy(exact, line.p, line.n);
		check_line(&b, str_from(exact, line.n));
		mem_free(exact);
		buf_release(&line);
	}
	if (json_index(&b.flat->index, STR("{}")))
		CHECK(b.taken * 4 > rounds);
	printf("# %llu of %llu the short way\n", (unsigned long long)b.taken, (unsigned long long)rounds);
	both_close(&b);
}

TEST(the_index_beside_one_made_byte_by_byte)
{
	static struct json_index x;
	static const char bytes[] = "\"\\\\abu0041nrtxyz {}:,/";
	char text[400];
	uint64_t seed = 11;
	if (!json_index(&x, STR("{}")))
		SKIP("not on this processor");
	for (unsigned round = 0; round < 200000; round++) {
		size_t n = next(&seed) % sizeof text;
		for (size_t i = 0; i < n; i++)
			text[i] = bytes[next(&seed) % (round % 2 ? sizeof bytes - 1 : 4)];
		for (size_t i = 0; i + 1 < n && round % 4; i++) /* mostly whole escapes, so that most texts are good */
			if (text[i] == '\\')
				text[++i] = "\"\\/bfnrt"[next(&seed) % 8];
		if (n && round % 8 == 5)
			memcpy(text + next(&seed) % n, "\x01", 1);
		if (n > 8 && round % 8 == 6)
			memcpy(text + next(&seed) % (n - 2), "\xe1\xba\xbf", 3);
		bool right = true;
		for (enum json_index_path path = JSON_INDEX_SSE2; path <= JSON_INDEX_AVX512; path++)
			right &= !json_index_works(path) || index_is_right(path, &x, str_from(text, n));
		if (!right) {
			tap_check(false, __FILE__, __LINE__, "%.*s", (int)n, text);
			return;
		}
	}
	CHECK(json_index(&x, STR("{\"a\":\"\\u00e1\"}")) && x.count == 4);
}

TEST(what_is_too_long_for_an_index_gets_none)
{
	static struct json_index x;
	struct buf text = BUF_INIT;
	while (text.n < JSON_INDEX_BYTES - 1)
		buf_add_char(&text, text.n % 16 ? 'a' : '"');
	bool works = json_index(&x, STR("{}"));
	CHECK(json_index(&x, buf_str(&text)) == works);
	CHECK(!works || x.count == JSON_INDEX_QUOTES);
	buf_add_char(&text, 'a');
	CHECK(!json_index(&x, buf_str(&text)));
	buf_clear(&text);
	while (text.n < JSON_INDEX_QUOTES + 1)
		buf_add_char(&text, '"');
	CHECK(!json_index(&x, buf_str(&text)));
	buf_release(&text);
}
