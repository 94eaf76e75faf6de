/* SPDX-License-Identifier: EUPL-1.2 */
#include "archive_world.h"

#include "base/memory.h"

/*
 * Events by hand: JSON-like lines in which most values stand, some only escaped, some not at all; core fields that
 * repeat native ones; a binary record now and then. The oracle is the list of what was appended and search_matches().
 */

static uint64_t random_state;

uint32_t
random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % n);
}

static const struct names *
no_names(void)
{
	static struct names *names;
	if (!names)
		names = names_new();
	return names;
}

void
world_open(struct world *w)
{
	struct archive_options o = {&w->io, str_z(w->folder), 0};
	struct fault f = {0};
	w->archive = NULL;
	CHECK_INT(archive_open(&o, &w->archive, &f), 0);
	if (!w->archive)
		abort();
}

void
world_begin(struct world *w, uint64_t seed)
{
	*w = (struct world){.io = store_io_disk, .now_ms = DAY0};
	static char folder[256];
	snprintf(folder, sizeof folder, "%s/archive", tap_folder());
	w->folder = folder;
	random_state = seed;
	arena_init(&w->arena, 1 << 20, 1u << 30);
	world_open(w);
}

void
world_end(struct world *w)
{
	if (w->archive)
		archive_close(w->archive);
	arena_release(&w->arena);
	for (uint32_t i = 0; i < w->batches; i++)
		buf_release(&w->batch[i]);
	mem_free(w->batch);
	mem_free(w->known);
}

static struct str
keep(struct world *w, const struct buf *b)
{
	struct str s = {0};
	if (!arena_copy(&w->arena, buf_str(b), &s))
		abort();
	return s;
}

static const char *const hosts[] = {"web01", "web02", "DC-1", "kho", "Kho-2"};
static const char *const users[] = {"root", "Administrator", "an.nguyen", "", "svc\\backup", "b\xc3\xacnh"};
static const char *const verbs[] = {"Failed password", "Accepted key", "Connection closed", "C:\\Windows\\u.exe"};

/* Escapes \ and " only, so that some values stand in the text in another form than their own. */
static void
add_quoted(struct buf *b, const char *name, struct str value)
{
	buf_addf(b, "\"%s\":", name);
	buf_add_json_string(b, value);
	buf_add_char(b, ',');
}

struct draft {
	struct buf line, command, guid, user, host, port;
};

static void
draft_line(struct draft *d, uint32_t kind)
{
	struct buf *all[] = {&d->line, &d->command, &d->guid, &d->user, &d->host, &d->port};
	for (size_t i = 0; i < COUNT(all); i++)
		buf_clear(all[i]);
	buf_addf(&d->host, "%s", hosts[random_below(COUNT(hosts))]);
	buf_addf(&d->user, "%s", users[random_below(COUNT(users))]);
	buf_addf(&d->guid, "{%08x-%04x}", random_below(1u << 31), random_below(65536));
	buf_addf(&d->port, "%u", 1024 + random_below(60000));
	buf_addf(&d->command, "%s for \"%s\" try %u", verbs[random_below(COUNT(verbs))], d->user.p ? d->user.p : "",
	    random_below(100000));
	if (kind == 0) {
		buf_addf(&d->line, "<13>%s sshd: %s from 198.51.100.%u port %s", d->host.p, d->command.p,
		    random_below(200), d->port.p);
		return;
	}
	buf_add_char(&d->line, '{');
	add_quoted(&d->line, "Host", buf_str(&d->host));
	add_quoted(&d->line, "User", buf_str(&d->user));
	add_quoted(&d->line, "Guid", buf_str(&d->guid));
	add_quoted(&d->line, "Command", buf_str(&d->command));
	buf_addf(&d->line, "\"Port\":%s}", d->port.p);
}

static void
fill_event(struct world *w, struct event *e, const struct draft *d, uint32_t kind)
{
	const struct names *n = no_names();
	struct str user = keep(w, &d->user), host = keep(w, &d->host), command = keep(w, &d->command);
	if (kind) {
		event_put(e, n, STR("Host"), host, FIELD_TEXT, false);
		event_put(e, n, STR("User"), user, FIELD_TEXT, false);
		event_put(e, n, STR("Guid"), keep(w, &d->guid), FIELD_TEXT, false);
		event_put(e, n, STR("Command"), command, FIELD_TEXT, false);
		event_put(e, n, STR("Port"), keep(w, &d->port), FIELD_NUMBER, false);
	}
	event_put_core(e, F_HOST_NAME, host);
	event_put_core(e, F_USER_NAME, user);
	event_put_core(e, F_SOURCE_PORT, keep(w, &d->port));
	if (random_below(3))
		event_put_core(e, F_MESSAGE, command);
	if (random_below(4) == 0) {
		struct buf ip = BUF_INIT;
		for (uint32_t k = 0; k < 2; k++) {
			buf_clear(&ip);
			buf_addf(&ip, "203.0.113.%u", random_below(30));
			event_put_core(e, F_SOURCE_IP, keep(w, &ip));
		}
		buf_release(&ip);
	}
	if (random_below(50) == 0)
		event_put(e, n, STR("User.Name"), STR("Some\x00""thing"), FIELD_NULL, false);
}

static void
remember(struct world *w, const struct event *e, const struct raw *raw, uint64_t batch, uint64_t id)
{
	struct event copy = *e;
	MEM_GROW(w->known, w->count, w->cap);
	struct known *k = &w->known[w->count++];
	*k = (struct known){.id = id, .raw = *raw, .batch = batch, .raw_index = e->raw_index, .decoder = e->decoder};
	k->time_ms = e->time_ms == TIME_NONE ? raw->received_ms : e->time_ms;
	for (uint32_t i = 0; i < copy.field_count; i++)
		event_value(&copy, &copy.field[i]);
	k->text = event_text(&copy);
	k->field = copy.field;
	k->field_count = copy.field_count;
}

static struct raw
draft_raw(struct world *w, struct str bytes, uint32_t form)
{
	struct raw raw = {.bytes = bytes, .form = (uint8_t)form, .transport = (uint8_t)random_below(3),
	    .source = random_below(4), .received_ms = w->now_ms, .port = (uint16_t)(514 + random_below(2))};
	raw.peer[15] = (uint8_t)random_below(3);
	return raw;
}

int
append_batch(struct world *w, uint32_t lines)
{
	static struct draft d;
	struct raw raw[64];
	uint32_t kind[64], n = 1 + random_below(lines);
	MEM_GROW(w->batch, w->batches, w->batch_cap);
	struct buf *batch = &w->batch[w->batches++];
	struct event event[64];
	*batch = BUF_INIT;
	for (uint32_t i = 0; i < n; i++) {
		kind[i] = random_below(8) ? random_below(2) : 2;
		draft_line(&d, kind[i]);
		w->now_ms += random_below(2000);
		raw[i] = draft_raw(w, keep(w, &d.line), kind[i] == 2 ? RAW_EVTX_CHUNK : RAW_LINE);
		batch_put(batch, &raw[i]);
		event_begin(&event[i], &w->arena, &raw[i]);
		event[i].raw_index = i;
		event[i].time_ms = random_below(5) ? w->now_ms - random_below(600000) : TIME_NONE;
		event[i].decoder = random_below(DECODER_COUNT);
		fill_event(w, &event[i], &d, kind[i]);
	}
	int error = archive_begin(w->archive, w->batches, buf_str(batch));
	for (uint32_t i = 0; i < n && !error; i++) {
		uint64_t id = 0;
		error = archive_add(w->archive, &event[i], &id);
		if (!error)
			remember(w, &event[i], &raw[i], w->batches, id);
	}
	return error ? error : archive_end(w->archive);
}

void
append_events(struct world *w, uint32_t count)
{
	for (uint32_t until = w->count + count; w->count < until;)
		if (append_batch(w, 64))
			abort();
}

bool
same_event(const struct archive_event *e, const struct known *k)
{
	bool same = e->id == k->id && e->time_ms == k->time_ms && e->received_ms == k->raw.received_ms &&
	    e->block == k->batch && e->raw_index == k->raw_index && e->decoder == k->decoder &&
	    e->source == k->raw.source && e->raw_flags == k->raw.flags && str_eq(e->text, k->text) &&
	    e->field_count == k->field_count;
	for (uint32_t i = 0; same && i < k->field_count; i++)
		same = str_eq(e->field[i].name, k->field[i].name) && str_eq(e->field[i].value, k->field[i].value) &&
		    e->field[i].kind == k->field[i].kind && e->field[i].core == k->field[i].core;
	return same;
}

bool
oracle_matches(const struct known *k, const struct search *s)
{
	struct search_view v = {k->time_ms, k->text, k->field, k->field_count};
	return search_matches(s, &v);
}

static int
known_newest_first(const void *a, const void *b)
{
	const struct known *x = *(const struct known *const *)a, *y = *(const struct known *const *)b;
	if (x->time_ms != y->time_ms)
		return x->time_ms > y->time_ms ? -1 : 1;
	return x->id > y->id ? -1 : x->id < y->id;
}

void
compare_search(struct world *w, const struct search *s, uint32_t page, const char *what)
{
	const struct known **want = mem_alloc((w->count + 1) * sizeof *want);
	uint32_t wanted = 0, got = 0;
	for (uint32_t i = 0; i < w->count; i++)
		if (oracle_matches(&w->known[i], s))
			want[wanted++] = &w->known[i];
	qsort(want, wanted, sizeof *want, known_newest_first);
	struct archive_cursor cursor;
	bool same = true;
	for (bool more = true, first = true; more && same; first = false) {
		struct arena arena;
		struct archive_event *e = NULL;
		uint32_t n = 0;
		arena_init(&arena, 1 << 20, 256u << 20);
		int error = archive_search(w->archive, s, first ? NULL : &cursor, page, NULL, &arena, &e, &n);
		tap_check(!error, __FILE__, __LINE__, "%s: %s", what, error_name(error));
		for (uint32_t i = 0; i < n && same; i++, got++)
			same = got < wanted && same_event(&e[i], want[got]);
		more = !error && n == page;
		if (n)
			cursor = (struct archive_cursor){e[n - 1].time_ms, e[n - 1].id};
		arena_release(&arena);
	}
	tap_check(same && got == wanted, __FILE__, __LINE__, "%s: row %u of %u", what, got, wanted);
	mem_free(want);
}

static const char *const queries[] = {
	"", "failed", "FAILED password", "-failed", "\"password for\"", "nothing-like-it", "windows", "\"\\u.exe\"",
	"host:web01", "-host:web01", "host:WEB*", "Host:web02 User:root", "user:svc\\backup", "User:\"svc\\backup\"",
	"user:*", "-user:*", "User:*", "Guid:*", "Guid:{0*", "Guid:*ff}", "Guid:*a-1*", "message:*try*", "-message:*",
	"ip:203.0.113.7", "source.ip:203.0.113.7 host:kho", "-ip:203.0.113.7 ip:*", "Command:*Windows*",
	"Command:*\\u.exe*", "-Command:*Windows* accepted", "user.name:some*", "user.name:root", "source.port:2*",
	"b\xc3\xacnh", "user:b\xc3\xacnh", "user:B\xc3\x8cNH", "sshd", "-sshd failed host:kho", "203.0.113.9", "ip:*.2*",
	"none:*", "-none:*", "a", "-a", "try 7",
	"198.51.100.7", "-198.51.100.1 sshd", "198.51.100.250", "198.51.100",
};

void
compare_all(struct world *w)
{
	for (size_t i = 0; i < COUNT(queries); i++) {
		struct arena arena;
		struct search s;
		arena_init(&arena, 4096, 1 << 20);
		CHECK_INT(search_parse(str_z(queries[i]), &arena, &s, NULL), 0);
		compare_search(w, &s, 1 + random_below(3000), queries[i]);
		s.from_ms = DAY0 + random_below(1u << 21);
		s.to_ms = s.from_ms + random_below(1u << 22);
		compare_search(w, &s, 1 + random_below(3000), queries[i]);
		arena_release(&arena);
	}
}

void
compare_everything(struct world *w, const char *what)
{
	compare_search(w, &(struct search){.from_ms = INT64_MIN, .to_ms = INT64_MAX}, 1000, what);
}

int
replay_batch(struct world *w, uint64_t number)
{
	TRY(archive_begin(w->archive, number, buf_str(&w->batch[number - 1])));
	for (uint32_t i = 0; i < w->count; i++) {
		const struct known *k = &w->known[i];
		if (k->batch != number)
			continue;
		struct event e;
		uint64_t id = 0;
		event_begin(&e, &w->arena, &k->raw);
		e.raw_index = k->raw_index;
		e.time_ms = k->time_ms;
		e.decoder = k->decoder;
		e.field = k->field;
		e.field_count = k->field_count;
		TRY(archive_add(w->archive, &e, &id));
		CHECK_INT(id, k->id);
	}
	return archive_end(w->archive);
}
