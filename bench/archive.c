/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bench_archive CORPORA FOLDER [EVENTS] [grep]: stores EVENTS (default 1,000,000) events of 30 days made from real
 * lines (CORPORA/otrf-windows: 40 %, loghub OpenSSH and Linux: 40 %, Apache: 20 %), then searches them. FOLDER is made.
 *
 * Lines are changed as they are repeated, so that repetition does not flatter the result: hosts (400, few of them
 * busy), clock times, IPv4 addresses and every number or part of a GUID of four digits and more that stands in fewer
 * than one line of 500 are replaced, the same way for the same word on the same host for a while. 37 events of a rare
 * user and 23 with a rare text are planted. With "grep" the plain lines are written beside and searched with grep -F
 * in the same run.
 *
 * Decoding is not counted as storing. Processor seconds are those of the calling thread, sealing and syncing included.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "decode/decode.h"
#include "store/archive.h"

#define DAYS 30
#define START INT64_C(1792713600000) /* 2026-10-23T00:00Z */
#define HOSTS 400
#define WINDOWS_BYTES (64u << 20)
#define RARE_TEXT "xk9q-7f3a"

#define SEEN (1u << 20)

struct lines {
	struct buf text;
	struct str *line;
	size_t count, cap;
	uint32_t *seen; /* how often a number was seen, by hash */
};

struct bench {
	struct lines windows, syslog, web;
	struct names *names;
	struct decoder *decoder;
	struct arena arena;
	struct archive *archive;
	FILE *plain;
	uint64_t events, wanted, raw_bytes, records;
	double decode_cpu, store_cpu, store_wall;
	uint64_t random;
};

static double
seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint32_t
random_below(struct bench *b, uint32_t n)
{
	b->random = hash64_mix(b->random, n);
	return (uint32_t)((b->random >> 32) * n >> 32);
}

/* ---- lines ---- */

static void
add_file(struct lines *l, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf bytes = BUF_INIT;
	char part[65536];
	if (!f)
		return;
	for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
		buf_add(&bytes, str_from(part, n));
	fclose(f);
	unsigned long long size = ZSTD_getFrameContentSize(bytes.p, bytes.n);
	if (!str_ends(str_z(path), STR(".zst"))) {
		buf_add(&l->text, buf_str(&bytes));
	} else if (size < (1u << 30)) {
		char *room = buf_room(&l->text, size);
		size_t n = ZSTD_decompress(room, size, bytes.p, bytes.n);
		l->text.n += ZSTD_isError(n) ? 0 : n;
	}
	buf_release(&bytes);
}

static void
split_lines(struct lines *l)
{
	struct str rest = buf_str(&l->text), line;
	while (str_split(&rest, '\n', &line)) {
		line = str_trim(line);
		if (!line.n)
			continue;
		MEM_GROW(l->line, l->count, l->cap);
		l->line[l->count++] = line;
	}
}

static void
load(struct bench *b, const char *corpora)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/otrf-windows", corpora);
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir)) && b->windows.text.n < WINDOWS_BYTES;) {
		snprintf(path, sizeof path, "%s/otrf-windows/%s", corpora, entry->d_name);
		if (str_ends(str_z(path), STR(".zst")))
			add_file(&b->windows, path);
	}
	if (dir)
		closedir(dir);
	static const char *const syslog[] = {"OpenSSH/OpenSSH_2k.log", "Linux/Linux_2k.log"};
	for (size_t i = 0; i < COUNT(syslog); i++) {
		snprintf(path, sizeof path, "%s/loghub/%s", corpora, syslog[i]);
		add_file(&b->syslog, path);
	}
	snprintf(path, sizeof path, "%s/loghub/Apache/Apache_2k.log", corpora);
	add_file(&b->web, path);
	split_lines(&b->windows);
	split_lines(&b->syslog);
	split_lines(&b->web);
}

/* ---- changing a line ---- */

struct change {
	uint64_t key; /* of this host and repetition */
	const char *host;
	struct civil now;
	const struct lines *lines;
	struct buf *out;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static bool
is_word(char c)
{
	return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* "10:45:07" becomes the time of the event. */
static size_t
change_clock(struct change *c, struct str s)
{
	bool clock = s.n >= 8 && is_digit(s.p[0]) && is_digit(s.p[1]) && s.p[2] == ':' && is_digit(s.p[3]) &&
	    is_digit(s.p[4]) && s.p[5] == ':' && is_digit(s.p[6]) && is_digit(s.p[7]);
	if (clock)
		buf_addf(c->out, "%02d:%02d:%02d", c->now.hour, c->now.minute, c->now.second);
	return clock ? 8 : 0;
}

static size_t
change_address(struct change *c, struct str s)
{
	size_t n = 0;
	int dots = 0;
	for (; n < s.n && (is_digit(s.p[n]) || (s.p[n] == '.' && n && is_digit(s.p[n - 1]))); n++)
		dots += s.p[n] == '.';
	if (dots != 3 || n < 7 || !is_digit(s.p[n - 1]))
		return 0;
	uint64_t h = hash64(str_cut(s, 0, n), c->key >> 8);
	buf_addf(c->out, "%u.%u.%u.%u", (unsigned)(100 + h % 7), (unsigned)(h >> 8 & 31), (unsigned)(h >> 16 & 255),
	    (unsigned)(h >> 24 & 255));
	return n;
}

/* Numbers and hexadecimal words of four digits and more, years left alone. */
static size_t
number_length(struct str s)
{
	size_t n = 0, digits = 0;
	for (; n < s.n && is_hex(s.p[n]); n++)
		digits += is_digit(s.p[n]);
	bool year = n == 4 && s.p[0] == '2' && s.p[1] == '0';
	return n < 4 || digits < n / 4 + 1 || (n < s.n && is_word(s.p[n])) || year ? 0 : n;
}

static uint32_t *
seen_of(const struct lines *l, struct str number)
{
	return &l->seen[hash64(number, 1) & (SEEN - 1)];
}

static void
count_numbers(struct lines *l)
{
	l->seen = mem_calloc(SEEN, sizeof *l->seen);
	for (size_t i = 0; i < l->count; i++) {
		bool inside = false;
		for (struct str s = l->line[i]; s.n;) {
			size_t n = inside ? 0 : number_length(s);
			if (n)
				++*seen_of(l, str_cut(s, 0, n));
			n = n ? n : 1;
			inside = is_word(s.p[n - 1]);
			s = str_skip(s, n);
		}
	}
}

static size_t
change_number(struct change *c, struct str s)
{
	size_t n = number_length(s);
	if (!n || *seen_of(c->lines, str_cut(s, 0, n)) > c->lines->count / 500)
		return 0;
	uint64_t h = hash64(str_cut(s, 0, n), c->key);
	for (size_t i = 0; i < n; i++, h = (i & 15) ? h >> 4 : hash64_mix(h, i)) {
		char same = s.p[i];
		buf_add_char(c->out, is_digit(same) ? (char)('0' + (i ? 0 : 1) + (h & 15) % 9) : same);
	}
	return n;
}

static size_t
change_host(struct change *c, struct str s)
{
	static const char *const names[] = {"\"Hostname\":\"", "LabSZ ", "combo "};
	if (s.p[0] != '"' && s.p[0] != 'L' && s.p[0] != 'c')
		return 0;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct str name = str_z(names[i]);
		if (!str_starts(s, name))
			continue;
		bool json = i == 0;
		ptrdiff_t end = json ? str_find_char(str_skip(s, name.n), '"') : 0;
		if (end < 0)
			return 0;
		buf_addf(c->out, json ? "\"Hostname\":\"%s.tinh.example" : "%s ", c->host);
		return name.n + (size_t)end;
	}
	return 0;
}

static void
change_line(struct change *c, struct str s)
{
	bool inside = false; /* of a word */
	while (s.n) {
		size_t n = change_host(c, s);
		if (!n && !inside && is_hex(s.p[0])) {
			n = change_clock(c, s);
			n = n ? n : change_address(c, s);
			n = n ? n : change_number(c, s);
		}
		if (!n) {
			buf_add_char(c->out, s.p[0]);
			n = 1;
		}
		inside = is_word(s.p[n - 1]);
		s = str_skip(s, n);
	}
}

/* ---- events ---- */

/* Who speaks: Windows machines through four collectors, servers for themselves. Each goes through its file of lines in
 * order, from a place of its own. */
struct speaker {
	const struct lines *lines;
	uint32_t host, source;
};

static uint32_t
skewed(struct bench *b, uint32_t n)
{
	return (uint32_t)((uint64_t)random_below(b, n) * random_below(b, n) / n);
}

static struct speaker
pick_speaker(struct bench *b)
{
	uint32_t pick = random_below(b, 100), host;
	if (pick < 40) {
		host = skewed(b, HOSTS * 2 / 5);
		return (struct speaker){&b->windows, host, host % 4};
	}
	host = pick < 80 ? HOSTS * 2 / 5 + skewed(b, HOSTS * 2 / 5) : HOSTS * 4 / 5 + skewed(b, HOSTS / 5);
	return (struct speaker){pick < 80 ? &b->syslog : &b->web, host, 4 + host};
}

static uint32_t
make_line(struct bench *b, uint64_t n, int64_t now_ms, struct buf *out)
{
	static uint64_t spoken[HOSTS];
	struct speaker who = pick_speaker(b);
	char host[32];
	snprintf(host, sizeof host, "may%03u", who.host);
	struct change c = {.host = host, .now = time_to_civil(now_ms, 0), .lines = who.lines, .out = out};
	if (b->wanted / 37 && n % (b->wanted / 37) == 5) {
		buf_addf(out, "Oct 10 %02d:%02d:%02d %s sshd[%u]: Failed password for invalid user hiem77 from "
			      "198.51.100.77 port %u ssh2", c.now.hour, c.now.minute, c.now.second, host, 1000 + random_below(b, 9000),
		    1024 + random_below(b, 60000));
		return who.source;
	}
	uint64_t line = spoken[who.host]++ + hash64_mix(who.host, 7) % who.lines->count;
	c.key = hash64_mix(who.host, line / who.lines->count);
	change_line(&c, who.lines->line[line % who.lines->count]);
	if (b->wanted / 23 && n % (b->wanted / 23) == 9)
		buf_add(out, STR(" " RARE_TEXT));
	return who.source;
}

static void
add_events(struct bench *b, const struct raw *raw, uint32_t index, struct decode_result *all, double *cpu)
{
	double start = seconds(CLOCK_THREAD_CPUTIME_ID);
	int error = decode(b->decoder, raw, &b->arena, &all[index]);
	if (error < 0)
		printf("decode: %s\n", error_name(error));
	for (uint32_t i = 0; i < all[index].count; i++) {
		all[index].event[i].raw_index = index;
		all[index].event[i].time_ms = raw->received_ms - 700;
	}
	*cpu += seconds(CLOCK_THREAD_CPUTIME_ID) - start;
}

static void
store_batch(struct bench *b, uint64_t number, struct buf *batch)
{
	static struct decode_result result[4096];
	static struct event event[4096];
	struct wire w = {buf_str(batch), false};
	struct raw *raw = arena_calloc(&b->arena, 4096, sizeof *raw);
	uint32_t n = 0, events = 0;
	for (; n < 4096 && raw && batch_take(&w, &raw[n]); n++) {
		add_events(b, &raw[n], n, result, &b->decode_cpu);
		for (uint32_t i = 0; i < result[n].count && events < COUNT(event); i++)
			event[events++] = result[n].event[i];
	}
	double cpu = seconds(CLOCK_THREAD_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
	int error = archive_begin(b->archive, number, buf_str(batch));
	uint64_t id;
	for (uint32_t i = 0; i < events && !error; i++)
		error = archive_add(b->archive, &event[i], &id);
	if (!error)
		error = archive_end(b->archive);
	b->store_cpu += seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	b->store_wall += seconds(CLOCK_MONOTONIC) - wall;
	if (error) {
		printf("store: %s\n", error_name(error));
		exit(1);
	}
	b->events += events;
	arena_clear(&b->arena);
}

static void
fill(struct bench *b)
{
	struct buf batch = BUF_INIT, line = BUF_INIT;
	uint64_t number = 1;
	for (uint64_t n = 0; n < b->wanted; n++) {
		int64_t now = START + (int64_t)((double)n / (double)b->wanted * DAYS * (double)TIME_DAY);
		buf_clear(&line);
		uint32_t source = make_line(b, n, now, &line);
		struct raw raw = {.bytes = buf_str(&line), .source = source, .received_ms = now};
		raw.peer[14] = (uint8_t)(source >> 8);
		raw.peer[15] = (uint8_t)source;
		batch_put(&batch, &raw);
		b->raw_bytes += line.n;
		if (b->plain)
			fprintf(b->plain, "%.*s\n", STR_ARG(raw.bytes));
		if (batch.n >= BATCH_TARGET || n + 1 == b->wanted) {
			store_batch(b, number++, &batch);
			buf_clear(&batch);
		}
	}
	int error = archive_seal(b->archive);
	if (error)
		printf("seal: %s\n", error_name(error));
	buf_release(&batch);
	buf_release(&line);
}

/* ---- questions ---- */

#define ROUNDS 5

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

enum question { LAST, COUNT_HOURS, COUNT_ALL, TOP };

static uint64_t
ask_once(struct bench *b, enum question q, const struct search *s, struct arena *arena)
{
	static uint64_t slots[DAYS * 24];
	struct archive_event *event;
	struct archive_top *top;
	uint32_t n = 0;
	uint64_t sum = 0;
	int error;
	if (q == LAST) {
		error = archive_search(b->archive, s, NULL, 100, NULL, arena, &event, &n);
	} else if (q == TOP) {
		error = archive_top(b->archive, s, STR("source.ip"), 20, NULL, arena, &top, &n);
	} else {
		uint32_t count = q == COUNT_HOURS ? DAYS * 24 : 1;
		error = archive_histogram(b->archive, s, (s->to_ms - s->from_ms) / count, slots, count, NULL);
		for (uint32_t i = 0; i < count; i++)
			sum += slots[i];
	}
	if (error)
		printf("question: %s\n", error_name(error));
	return q == LAST || q == TOP ? n : sum;
}

static void
ask(struct bench *b, const char *name, enum question q, const char *query, int days)
{
	double ms[ROUNDS], cpu[ROUNDS];
	uint64_t answer = 0;
	struct arena arena;
	arena_init(&arena, 1 << 20, 256u << 20);
	struct search s;
	if (search_parse(str_z(query), &arena, &s, NULL) < 0)
		return;
	s.from_ms = START;
	s.to_ms = START + days * TIME_DAY;
	for (int i = 0; i < ROUNDS; i++) {
		double start = seconds(CLOCK_MONOTONIC), busy = seconds(CLOCK_THREAD_CPUTIME_ID);
		answer = ask_once(b, q, &s, &arena);
		cpu[i] = (seconds(CLOCK_THREAD_CPUTIME_ID) - busy) * 1000;
		ms[i] = (seconds(CLOCK_MONOTONIC) - start) * 1000;
	}
	qsort(ms, ROUNDS, sizeof ms[0], compare_doubles);
	qsort(cpu, ROUNDS, sizeof cpu[0], compare_doubles);
	printf("%-34s %10.1f ms   (processor %.1f, answer %llu)\n", name, ms[ROUNDS / 2], cpu[ROUNDS / 2],
	    (unsigned long long)answer);
	arena_release(&arena);
}

static void
grep(const char *folder, const char *word)
{
	char command[1200];
	double ms[ROUNDS];
	snprintf(command, sizeof command, "LC_ALL=C grep -c -F '%s' %s/plain.log | cat >/dev/null", word, folder);
	for (int i = 0; i < ROUNDS; i++) {
		double start = seconds(CLOCK_MONOTONIC);
		if (system(command) < 0)
			return;
		ms[i] = (seconds(CLOCK_MONOTONIC) - start) * 1000;
	}
	qsort(ms, ROUNDS, sizeof ms[0], compare_doubles);
	printf("grep -c -F %-23s %10.1f ms   (best %.1f)\n", word, ms[ROUNDS / 2], ms[0]);
}

static void
ask_all(struct bench *b, const char *folder)
{
	ask(b, "last 100 of a busy host", LAST, "host:may003*", DAYS);
	ask(b, "last 100 of a rare host", LAST, "host:may290", DAYS);
	ask(b, "count per hour", COUNT_HOURS, "", DAYS);
	ask(b, "count per hour of a host", COUNT_HOURS, "host:may003*", DAYS);
	ask(b, "rare user", LAST, "user:hiem77", DAYS);
	ask(b, "rare address", LAST, "ip:198.51.100.77", DAYS);
	ask(b, "absent hash", LAST, "file.hash.md5:d7a8fbb307d7809469ca9abcb0082e4f", DAYS);
	ask(b, "rare text", LAST, RARE_TEXT, DAYS);
	ask(b, "absent text", LAST, "cdn.evil-c2.example", DAYS);
	ask(b, "address as text", LAST, "198.51.100.77", DAYS);
	ask(b, "last 100 of a common text", LAST, "\"failed password\"", DAYS);
	ask(b, "count of a common text", COUNT_ALL, "\"failed password\"", DAYS);
	ask(b, "native field, common value", COUNT_ALL, "LogonType:3", DAYS);
	ask(b, "top 20 addresses, one day", TOP, "", 1);
	ask(b, "top 20 addresses, 30 days", TOP, "", DAYS);
	if (b->plain) {
		grep(folder, RARE_TEXT);
		grep(folder, "Failed password");
	}
}

int
main(int argc, char **argv)
{
	if (argc < 3) {
		printf("usage: bench_archive CORPORA FOLDER [EVENTS] [grep]\n");
		return 2;
	}
	struct bench b = {.wanted = 1000000, .random = 1};
	if (argc > 3 && !str_to_u64(str_z(argv[3]), &b.wanted))
		return 2;
	load(&b, argv[1]);
	count_numbers(&b.windows);
	count_numbers(&b.syslog);
	count_numbers(&b.web);
	if (!b.windows.count || !b.syslog.count || !b.web.count) {
		printf("no lines under %s\n", argv[1]);
		return 2;
	}
	struct archive_options o = {&store_io_disk, str_z(argv[2]), 0};
	struct fault f = {0};
	int error = archive_open(&o, &b.archive, &f);
	if (error) {
		printf("%s: %s\n", f.arg, error_name(error));
		return 1;
	}
	char path[1200];
	snprintf(path, sizeof path, "%s/plain.log", argv[2]);
	if (argc > 4)
		b.plain = fopen(path, archive_last_block(b.archive) ? "a" : "w");
	b.names = names_new();
	b.decoder = decoder_new(b.names);
	arena_init(&b.arena, 4 << 20, 256u << 20);
	if (!archive_last_block(b.archive))
		fill(&b);
	if (b.plain)
		fflush(b.plain);
	struct archive_stats s = archive_stats(b.archive);
	double n = (double)s.events;
	printf("%.0f events, %.0f B raw each, %.1f B stored each, %.1f : 1, %llu blocks\n", n, (double)s.raw_bytes / n,
	    (double)s.bytes / n, (double)s.raw_bytes / (double)s.bytes, (unsigned long long)s.blocks);
	if (b.events)
		printf("storing: %.0f events a processor second, %.0f a second; decoding: %.0f a processor second\n",
		    n / b.store_cpu, n / b.store_wall, n / b.decode_cpu);
	ask_all(&b, argv[2]);
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("largest resident size %ld MB (lines of the corpora included)\n", usage.ru_maxrss / 1024);
	archive_close(b.archive);
	decoder_free(b.decoder);
	names_free(b.names);
	return 0;
}
