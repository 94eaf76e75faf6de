/* SPDX-License-Identifier: EUPL-1.2 */
/* What an exception says, as a Sigma filter and on a finding; and its rows. */
#include "alert/exception.h"

#include <assert.h>

#include "base/json.h"
#include "base/memory.h"
#include "detect/fold.h"

/* ---- what a person wrote ---- */

/* Backslashes right before `end`. */
static size_t
backslashes_before(struct str s, size_t end)
{
	size_t n = 0;
	while (n < end && s.p[end - 1 - n] == '\\')
		n++;
	return n;
}

/* A star at an end is a wildcard unless a backslash stands before it; two backslashes before it are one. */
static bool
read_stars(struct exception_field *field, struct arena *arena)
{
	struct str s = field->written;
	struct buf out = BUF_INIT_MAX(EXCEPTION_VALUE_BYTES + 1);
	size_t slashes = s.n > 1 && s.p[s.n - 1] == '*' ? backslashes_before(s, s.n - 1) : 0;
	bool first = s.n > 1 && s.p[0] == '*', last = s.n > 1 && s.p[s.n - 1] == '*' && slashes % 2 == 0;
	size_t skip = first || (s.n > 2 && str_starts(s, STR("\\*"))) ? 1 : 0;
	if (s.n > 1 && s.p[s.n - 1] == '*') {
		buf_add(&out, str_cut(s, skip, s.n - 1 - slashes));
		buf_add(&out, str_cut(s, s.n - 1 - slashes / 2, s.n - 1));
		buf_add(&out, last ? STR("") : STR("*"));
	} else {
		buf_add(&out, str_skip(s, skip));
	}
	field->how = first && last ? EXCEPTION_CONTAINS : first ? EXCEPTION_ENDS : last ? EXCEPTION_STARTS : EXCEPTION_EXACT;
	bool kept = arena_copy(arena, buf_str(&out), &field->value);
	buf_release(&out);
	return kept;
}

static bool
is_of_core(struct str name)
{
	static const struct str names[] = {STR_INIT("khien.source"), STR_INIT("khien.organisation"),
		STR_INIT("khien.system"), STR_INIT("khien.level")};
	for (size_t i = 0; i < COUNT(names); i++)
		if (str_starts(name, names[i]))
			return true;
	return false;
}

int
exception_field_read(struct exception_field *field, struct arena *arena)
{
	static const struct str words[] = {STR_INIT("exact"), STR_INIT("starts"), STR_INIT("ends"), STR_INIT("contains"),
		STR_INIT("one_of")};
	if (!field->name.n || field->name.n > EXCEPTION_NAME_BYTES || str_find_char(field->name, '|') >= 0)
		return E_INVALID;
	if (field->written.n > EXCEPTION_VALUE_BYTES)
		return E_LIMIT;
	if (!field->match.n) {
		if (!read_stars(field, arena))
			return E_LIMIT;
		return str_eq(field->written, STR("*")) || (field->how && !field->value.n) ? E_INVALID : 0;
	}
	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq(field->match, words[i])) {
			field->how = (enum exception_match)i;
			field->value = field->written;
			bool told = i == EXCEPTION_EXACT || field->value.n;
			return told && (i != EXCEPTION_ONE_OF || is_of_core(field->name)) ? 0 : E_INVALID;
		}
	return E_INVALID;
}

/* ---- as a Sigma filter ---- */

/* A double-quoted YAML scalar in ASCII, whatever is in it. */
static void
add_quoted(struct buf *out, struct str s)
{
	buf_add_char(out, '"');
	while (s.n) {
		size_t n = utf8_length(s.p, s.n);
		unsigned char c = (unsigned char)s.p[0];
		uint32_t letter = n <= 1 ? c : n == 2 ? c & 0x1fu : n == 3 ? c & 0x0fu : c & 0x07u;
		n = n ? n : 1;
		for (size_t i = 1; i < n; i++)
			letter = letter << 6 | ((unsigned char)s.p[i] & 0x3f);
		if (letter >= ' ' && letter < 0x7f && letter != '"' && letter != '\\')
			buf_add_char(out, (char)letter);
		else
			buf_addf(out, letter < 0x100 ? "\\x%02X" : letter < 0x10000 ? "\\u%04X" : "\\U%08X", letter);
		s = str_skip(s, n);
	}
	buf_add_char(out, '"');
}

/* A text that Sigma reads as itself. */
static void
add_sigma_value(struct buf *out, struct str value)
{
	struct buf escaped = BUF_INIT_MAX(2 * EXCEPTION_VALUE_BYTES);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\\' || value.p[i] == '*' || value.p[i] == '?')
			buf_add_char(&escaped, '\\');
		buf_add_char(&escaped, value.p[i]);
	}
	add_quoted(out, buf_str(&escaped));
	buf_release(&escaped);
}

static void
add_source(struct buf *out, const struct rule_source *source)
{
	const struct str value[] = {source->product, source->category, source->service};
	static const char *const name[] = {"product", "category", "service"};
	buf_add(out, STR("logsource:\n"));
	for (size_t i = 0; i < COUNT(value); i++) {
		if (!value[i].n)
			continue;
		buf_addf(out, "  %s: ", name[i]);
		add_quoted(out, value[i]);
		buf_add_char(out, '\n');
	}
}

bool
exception_filter(const struct exception *e, const struct rule_source *source, struct buf *out)
{
	static const char *const modifier[] = {"", "|startswith", "|endswith", "|contains"};
	for (uint32_t i = 0; i < e->fields; i++)
		if (is_of_core(e->field[i].name))
			return false;
	buf_addf(out, "title: Exception %lld\n", (long long)e->id);
	add_source(out, source);
	buf_add(out, STR("filter:\n  rules:\n    - "));
	add_quoted(out, e->rule);
	for (uint32_t i = 0; i < e->fields; i++) {
		struct buf name = BUF_INIT_MAX(2 * EXCEPTION_NAME_BYTES);
		buf_add(&name, e->field[i].name);
		buf_add(&name, str_z(modifier[e->field[i].how]));
		buf_addf(out, "\n  field_%u:\n    ", i + 1);
		add_quoted(out, buf_str(&name));
		buf_add(out, STR(": "));
		add_sigma_value(out, e->field[i].value);
		buf_release(&name);
	}
	buf_addf(out, "\n  condition: not all of field_*\nkhien: {exception: %lld}\n", (long long)e->id);
	return !out->over;
}

/* ---- on a finding ---- */

static bool
is_one_of(struct str words, struct str value)
{
	struct str word;
	while (str_split(&words, ' ', &word))
		if (word.n && str_eq_nocase(word, value))
			return true;
	return false;
}

static bool
value_fits(const struct exception_field *field, struct str value)
{
	if (field->how == EXCEPTION_ONE_OF)
		return is_one_of(field->value, value);
	struct buf room = BUF_INIT_MAX(1 << 20);
	char *a = value.n < 1 << 18 ? buf_room(&room, FOLD_ROOM(value.n) + FOLD_ROOM(field->value.n)) : NULL;
	bool fits = false;
	if (a) {
		struct str have = str_from(a, fold_text(value, a)), want = {a + have.n, 0};
		want.n = fold_text(field->value, a + have.n);
		fits = field->how == EXCEPTION_EXACT  ? str_eq(have, want)
		    : field->how == EXCEPTION_STARTS  ? str_starts(have, want)
		    : field->how == EXCEPTION_ENDS    ? str_ends(have, want)
		                                      : str_find(have, want) >= 0;
	}
	buf_release(&room);
	return fits;
}

static bool
field_fits(const struct exception_field *field, const struct finding *f)
{
	for (uint32_t i = 0; i < f->matched_count; i++)
		if (str_eq(f->matched[i].name, field->name) && value_fits(field, f->matched[i].value))
			return true;
	for (uint32_t i = 0; f->event && i < f->event->field_count; i++)
		if (str_eq(f->event->field[i].name, field->name) &&
		    value_fits(field, event_value(f->event, &f->event->field[i])))
			return true;
	return false;
}

bool
exception_fits(const struct exception *e, const struct finding *f)
{
	for (uint32_t i = 0; i < e->fields; i++)
		if (!field_fits(&e->field[i], f))
			return false;
	return e->fields > 0;
}

/* ---- rows ---- */

void
exception_fields_json(const struct exception *e, struct buf *out)
{
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < e->fields; i++) {
		buf_add(out, i ? STR(",{\"name\":") : STR("{\"name\":"));
		buf_add_json_string(out, e->field[i].name);
		buf_add(out, STR(",\"value\":"));
		buf_add_json_string(out, e->field[i].written);
		if (e->field[i].match.n) {
			buf_add(out, STR(",\"match\":"));
			buf_add_json_string(out, e->field[i].match);
		}
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

/* What stands in the row was checked when it came. */
static int
read_fields(struct str text, struct arena *arena, struct exception *e)
{
	struct json j = {0};
	struct str copy;
	if (!arena_copy(arena, text, &copy))
		return E_LIMIT;
	int error = json_parse(&j, copy, NULL);
	if (!error && j.token[0].kind != JSON_ARRAY)
		error = E_CORRUPT;
	for (uint32_t i = json_first(&j, 0); !error && i < json_end(&j, 0); i = json_next(&j, i)) {
		struct exception_field *field = &e->field[e->fields];
		if (e->fields == EXCEPTION_FIELDS || j.token[i].kind != JSON_OBJECT ||
		    !json_get_string(&j, i, STR("name"), arena, &field->name) ||
		    !json_get_string(&j, i, STR("value"), arena, &field->written))
			error = E_CORRUPT;
		else if (json_get(&j, i, STR("match")) && !json_get_string(&j, i, STR("match"), arena, &field->match))
			error = E_CORRUPT;
		else
			error = exception_field_read(field, arena);
		e->fields++;
	}
	json_release(&j);
	return error;
}

static int
exception_of(struct db_rows *rows, struct arena *arena, struct exception *ret)
{
	struct exception e = {.id = db_i64(rows, 0), .created_ms = db_i64(rows, 6), .until_ms = db_i64(rows, 7),
	    .alert = db_i64(rows, 8), .ended_ms = db_i64(rows, 9), .matched = db_i64(rows, 11), .last_ms = db_i64(rows, 12)};
	if (!arena_copy(arena, db_text(rows, 1), &e.rule) || !arena_copy(arena, db_text(rows, 2), &e.rule_title) ||
	    !arena_copy(arena, db_text(rows, 4), &e.reason) || !arena_copy(arena, db_text(rows, 5), &e.who) ||
	    !arena_copy(arena, db_text(rows, 10), &e.ended_who))
		return E_LIMIT;
	TRY(read_fields(db_text(rows, 3), arena, &e));
	*ret = e;
	return 0;
}

static int
count_active(struct db *db, int64_t now_ms, int64_t *ret)
{
	return db_number(db, ret, Q_EXCEPTION_TOTAL, "sii", STR(""), (int64_t)EXCEPTION_ACTIVE, now_ms);
}

static int
insert(struct db *db, const struct exception *e, int64_t now_ms, int64_t *ret_id)
{
	struct buf fields = BUF_INIT_MAX(1 << 20);
	exception_fields_json(e, &fields);
	int error = db_number(db, ret_id, Q_EXCEPTION_PUT, "sssssiii", e->rule, e->rule_title, buf_str(&fields), e->reason,
	    e->who, now_ms, e->until_ms, e->alert);
	buf_release(&fields);
	TRY(error);
	return db_run(db, Q_RULE_HISTORY_PUT, "sisss", e->rule, now_ms, e->who, STR("exception"), e->reason);
}

int
exception_add(struct db *db, const struct exception *e, int64_t now_ms, int64_t *ret_id, struct fault *f)
{
	int64_t active = 0, id = 0;
	if (!str_trim(e->reason).n)
		return fault_set(f, E_INVALID, "exception_reason", STR("reason"), 0, 0);
	if (e->until_ms <= now_ms || e->until_ms > now_ms + EXCEPTION_LONGEST_MS)
		return fault_set(f, E_INVALID, "exception_until", STR("until_ms"), 0, 0);
	TRY(count_active(db, now_ms, &active));
	if (active >= EXCEPTION_MAX)
		return E_LIMIT;
	TRY(db_begin(db));
	TRY(db_end_transaction(db, insert(db, e, now_ms, &id)));
	*ret_id = id;
	return 0;
}

static int
write_end(struct db *db, const struct exception *e, struct str who, int64_t now_ms)
{
	TRY(db_run(db, Q_EXCEPTION_END, "iis", e->id, now_ms, who));
	if (db_changed(db) != 1)
		return E_NOT_FOUND;
	return db_run(db, Q_RULE_HISTORY_PUT, "sisss", e->rule, now_ms, who, STR("exception_ended"), STR(""));
}

int
exception_end(struct db *db, int64_t id, struct str who, int64_t now_ms)
{
	struct arena arena;
	struct exception e;
	arena_init(&arena, 16 << 10, 1 << 20);
	int error = exception_get(db, id, &arena, &e);
	if (!error)
		error = db_begin(db);
	if (!error)
		error = db_end_transaction(db, write_end(db, &e, who, now_ms));
	arena_release(&arena);
	return error;
}

int
exception_get(struct db *db, int64_t id, struct arena *arena, struct exception *ret)
{
	struct db_rows *rows;
	TRY(db_query(db, &rows, Q_EXCEPTION_GET, "i", id));
	int more = db_next(rows);
	int error = more > 0 ? exception_of(rows, arena, ret) : 0;
	return db_end_one(rows, error ? error : more);
}

int
exception_list(struct db *db, const struct exception_query *q, struct arena *arena, struct exception **ret,
    uint32_t *ret_count, int64_t *ret_total)
{
	struct db_rows *rows;
	struct exception *list = arena_calloc(arena, q->limit, sizeof *list);
	uint32_t n = 0;
	int64_t total = 0;
	int more;
	if (!list)
		return E_LIMIT;
	TRY(db_number(db, &total, Q_EXCEPTION_TOTAL, "sii", q->rule, (int64_t)q->state, q->now_ms));
	TRY(db_query(db, &rows, Q_EXCEPTION_LIST, "siiii", q->rule, (int64_t)q->state, q->now_ms, q->before_id,
	    (int64_t)q->limit));
	while (n < q->limit && (more = db_next(rows)) > 0 && (more = exception_of(rows, arena, &list[n])) == 0)
		n++;
	db_end(rows);
	TRY(more);
	*ret = list;
	*ret_count = n;
	*ret_total = total;
	return 0;
}

/* ---- those in force ---- */

struct counted {
	int64_t id, count, last_ms;
};

struct exception_book {
	struct arena arena;
	struct exception *list; /* by id, ascending */
	uint32_t count;
	struct counted *counted; /* since the last write; of `counted` at most one an exception */
	uint32_t pending, counted_cap;
};

struct exception_book *
exception_book_new(void)
{
	struct exception_book *b = MEM_NEW(struct exception_book);
	arena_init(&b->arena, 16 << 10, 64 << 20);
	return b;
}

void
exception_book_free(struct exception_book *b)
{
	if (!b)
		return;
	arena_release(&b->arena);
	mem_free(b->counted);
	mem_free(b);
}

int
exception_book_load(struct exception_book *b, struct db *db, int64_t now_ms)
{
	struct db_rows *rows;
	struct arena arena;
	uint32_t n = 0;
	int more;
	arena_init(&arena, 16 << 10, 64 << 20);
	struct exception *list = arena_calloc(&arena, EXCEPTION_MAX, sizeof *list);
	more = list ? db_query(db, &rows, Q_EXCEPTION_ACTIVE, "i", now_ms) : E_LIMIT;
	if (!more) {
		while (n < EXCEPTION_MAX && (more = db_next(rows)) > 0 && (more = exception_of(rows, &arena, &list[n])) == 0)
			n++;
		db_end(rows);
	}
	if (more < 0) {
		arena_release(&arena);
		return more;
	}
	arena_release(&b->arena);
	b->arena = arena;
	b->list = list;
	b->count = n;
	return 0;
}

uint32_t
exception_book_count(const struct exception_book *b)
{
	return b->count;
}

const struct exception *
exception_book_at(const struct exception_book *b, uint32_t i)
{
	assert(i < b->count);
	return &b->list[i];
}

int64_t
exception_book_next_end(const struct exception_book *b)
{
	int64_t next = INT64_MAX;
	for (uint32_t i = 0; i < b->count; i++)
		next = b->list[i].until_ms < next ? b->list[i].until_ms : next;
	return next;
}

static void
count_one(struct exception_book *b, int64_t id, int64_t time_ms)
{
	uint32_t i = 0;
	while (i < b->pending && b->counted[i].id != id)
		i++;
	if (i == b->pending) {
		MEM_GROW(b->counted, b->pending, b->counted_cap);
		b->counted[b->pending++] = (struct counted){.id = id, .last_ms = time_ms};
	}
	struct counted *at = &b->counted[i];
	at->count++;
	at->last_ms = time_ms > at->last_ms ? time_ms : at->last_ms;
}

bool
exception_book_takes(struct exception_book *b, struct finding *f, int64_t time_ms)
{
	int64_t number = (int64_t)f->rule->exception;
	f->rule = f->rule->excepted ? f->rule->excepted : f->rule;
	for (uint32_t i = 0; i < b->count; i++) {
		const struct exception *e = &b->list[i];
		if (time_ms >= e->until_ms || (number && e->id != number) || !str_eq(e->rule, f->rule->id))
			continue; /* whatever a worker says, an exception takes what its own rule found */
		if (number || exception_fits(e, f)) {
			count_one(b, e->id, time_ms);
			return true;
		}
	}
	return number && exception_book_takes(b, f, time_ms);
}

bool
exception_book_covers(const struct exception_book *b, const struct finding *f, int64_t time_ms)
{
	for (uint32_t i = 0; i < b->count; i++) {
		const struct exception *e = &b->list[i];
		if (time_ms < e->until_ms && str_eq(e->rule, f->rule->id) && exception_fits(e, f))
			return true;
	}
	return false;
}

uint32_t
exception_book_pending(const struct exception_book *b)
{
	return b->pending;
}

int
exception_book_write(struct exception_book *b, struct db *db)
{
	for (uint32_t i = 0; i < b->pending; i++)
		TRY(db_run(db, Q_EXCEPTION_GROW, "iii", b->counted[i].id, b->counted[i].count, b->counted[i].last_ms));
	return 0;
}

void
exception_book_clear(struct exception_book *b)
{
	b->pending = 0;
}

/* ---- when agencies hand over ---- */

/* The field that names the agency which hands over and not the one that takes, or -1. */
static int
field_of_agency(const struct exception *e, const struct merger_handed *h)
{
	for (uint32_t i = 0; i < e->fields; i++)
		if (str_eq(e->field[i].name, STR("khien.organisation")) && value_fits(&e->field[i], h->from) &&
		    !value_fits(&e->field[i], h->into))
			return (int)i;
	return -1;
}

/* For as many systems as one value has room for; *at is where the next goes on. */
static int
copy_for_systems(struct db *db, const struct exception *e, int field, const struct merger_handed *h, uint32_t *at)
{
	struct buf ids = BUF_INIT_MAX(EXCEPTION_VALUE_BYTES);
	struct exception copy = *e;
	int64_t id, active = 0;
	TRY(count_active(db, h->now_ms, &active));
	if (active >= EXCEPTION_MAX)
		return E_LIMIT;
	while (*at < h->systems && ids.n + 1 + h->system[*at].n < EXCEPTION_VALUE_BYTES) {
		buf_add(&ids, ids.n ? STR(" ") : STR(""));
		buf_add(&ids, h->system[(*at)++]);
	}
	copy.field[field] = (struct exception_field){.name = STR("khien.system"), .written = buf_str(&ids), .match = STR("one_of")};
	int error = insert(db, &copy, h->now_ms, &id);
	buf_release(&ids);
	return error;
}

static int
follow(struct db *db, const struct exception *e, const struct merger_handed *h)
{
	int field = field_of_agency(e, h), error = 0;
	if (field < 0)
		return 0;
	if (h->ends) /* first, so that there is room for those that come in its place */
		TRY(write_end(db, e, h->who, h->now_ms));
	for (uint32_t at = 0; at < h->systems && !error;)
		error = copy_for_systems(db, e, field, h, &at);
	return error == E_LIMIT ? 0 : error; /* as many as there may be: the rest alarms again, which is the safe side */
}

int
exception_follow(struct db *db, const struct merger_handed *h)
{
	struct exception_book *all = exception_book_new();
	int error = exception_book_load(all, db, h->now_ms);
	for (uint32_t i = 0; i < all->count && !error; i++)
		error = follow(db, &all->list[i], h);
	exception_book_free(all);
	return error;
}
