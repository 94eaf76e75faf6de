/* SPDX-License-Identifier: EUPL-1.2 */
/* What is true of the values of an event. */
#include <assert.h>

#include "base/memory.h"
#include "detect/sigma_matcher.h"

#define LAZY_MAX 1024u    /* in longer values so much is found that all is looked for at once */
#define ASKED_MIN 4u      /* atoms of a lazy slot are asked one by one; after so many, which looked at more */
#define ASKED_BYTES 2048u /* than so many bytes, its whole index is */

/* ---- folding ---- */

/* Eight bytes at a time; false when there is a letter beyond ASCII. */
static bool
fold_ascii(struct str value, char *out)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	uint64_t any = 0, word;
	size_t i = 0;
	for (; i + 8 <= value.n; i += 8) {
		memcpy(&word, value.p + i, 8);
		any |= word;
		/* the high bit of each byte: at least 'A', and not above 'Z' */
		uint64_t upper = (word + UINT64_C(0x3f3f3f3f3f3f3f3f)) & ~(word + UINT64_C(0x2525252525252525));
		word |= (upper & high) >> 2;
		memcpy(out + i, &word, 8);
	}
	for (; i < value.n; i++) {
		any |= (unsigned char)value.p[i];
		out[i] = ascii_lower(value.p[i]);
	}
	return !(any & high);
}

static struct str
fold_into(struct str value, char *out)
{
	return str_from(out, fold_ascii(value, out) ? value.n : fold_text(value, out));
}

struct str
matcher_fold(struct str value, struct buf *room)
{
	buf_clear(room);
	return fold_into(value, buf_room(room, FOLD_ROOM(value.n)));
}

/* ---- expressions ---- */

void
matcher_fit(struct matcher *m, const hs_database_t *database)
{
	if (database && hs_alloc_scratch(database, &m->scratch) != HS_SUCCESS)
		abort();
}

bool
matcher_ready(struct matcher *m, struct atom *a)
{
	if (a->ready || a->test->op != TEST_REGEX)
		return true;
	bool there = __atomic_load_n(&a->test->regex, __ATOMIC_RELAXED) != NULL;
	matcher_fit(m, sigma_compile_regex(a->test));
	a->ready = true;
	return there;
}

bool
matcher_value_passes(struct matcher *m, struct atom *a, struct str value, struct str folded)
{
	(void)matcher_ready(m, a);
	return test_value(a->test, value, folded, m->scratch);
}

static const hs_database_t *
set_database(struct matcher *m, struct regex_set *set)
{
	if (!__atomic_load_n(&set->tried, __ATOMIC_ACQUIRE)) {
		if (m->warming)
			return NULL; /* until then one by one */
		regex_set_compile(set);
	}
	if (!set->fitted)
		matcher_fit(m, set->database);
	set->fitted = true;
	return set->database;
}

/* The joined expressions of a slot against a value: found() with their number in the set. False: they are not joined. */
static bool
scan_joined(struct matcher *m, const struct slot *s, struct str value, match_event_handler found)
{
	const hs_database_t *database = set_database(m, s->joined);
	if (!database)
		return false;
	m->expressions = s->joined_atom;
	sigma_scan_regex(database, value, m->scratch, found, m);
	return true;
}

/* ---- classes: all that is true about a value ---- */

static void
find_atom(struct matcher *m, uint32_t atom)
{
	if (m->found_stamp[atom] == m->found_now)
		return;
	m->found_stamp[atom] = m->found_now;
	MEM_GROW(m->found, m->founds, m->found_cap);
	m->found[m->founds++] = atom;
}

static void
find_atoms(struct matcher *m, const uint32_t *atom, uint32_t atoms)
{
	for (uint32_t i = 0; i < atoms; i++)
		find_atom(m, atom[i]);
}

static void
begin_finding(struct matcher *m)
{
	m->founds = 0;
	if (++m->found_now == 0) {
		memset(m->found_stamp, 0, m->atoms * sizeof *m->found_stamp);
		m->found_now = 1;
	}
}

static int
find_expression(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
	struct matcher *m = user;
	find_atom(m, m->expressions[id]);
	return 0;
}

static void
find_joined(struct matcher *m, const struct plan *p, const struct slot *s, struct str value, struct str folded)
{
	if (!s->joined || scan_joined(m, s, value, find_expression))
		return;
	for (uint32_t i = 0; i < s->joined->count; i++)
		if (matcher_value_passes(m, &p->atom[s->joined_atom[i]], value, folded))
			find_atom(m, s->joined_atom[i]);
}

static void
find_in_value(struct matcher *m, const struct plan *p, struct slot *s, struct str value)
{
	struct str folded = matcher_fold(value, &m->folded);
	if (s->all.count) {
		literal_index_scan(plan_index(p, &s->all), folded, &m->scan);
		for (uint32_t i = 0; i < m->scan.hits; i++) {
			uint32_t atom = s->all.atom[m->scan.hit[i]];
			if (!p->atom[atom].verify || matcher_value_passes(m, &p->atom[atom], value, folded))
				find_atom(m, atom);
		}
	}
	for (uint32_t i = 0; i < s->eagers; i++) {
		struct atom *a = &p->atom[s->eager[i]];
		if (test_like(TEST_CONTAINS, folded, a->test->needle) && matcher_value_passes(m, a, value, folded))
			find_atom(m, s->eager[i]);
	}
	find_joined(m, p, s, value, folded);
}

/* A class that lives as long as the event, when the cache is full. */
static const struct class *
temporary_class(struct matcher *m, const struct plan *p, bool lazy)
{
	uint32_t rules = 0;
	m->classes_whole = false;
	for (uint32_t i = 0; i < m->founds; i++)
		rules += p->atom[m->found[i]].rules;
	struct class *class = ARENA_NEW(&m->temporary, struct class);
	uint32_t *list = class ? arena_alloc(&m->temporary, (m->founds + (size_t)rules) * sizeof *list) : NULL;
	if (!list)
		return cache_empty_class(p->cache);
	memcpy(list, m->found, m->founds * sizeof *list);
	*class = (struct class){.atoms = m->founds, .rules = rules, .lazy = lazy, .atom = list, .rule = list + m->founds};
	uint32_t n = m->founds;
	for (uint32_t i = 0; i < m->founds; i++) {
		const struct atom *a = &p->atom[m->found[i]];
		for (uint32_t k = 0; k < a->rules; k++)
			list[n++] = a->rule[k];
	}
	return class;
}

static const struct class *
class_of_found(struct matcher *m, const struct plan *p, bool lazy)
{
	matcher_sort(m->found, m->founds);
	const struct class *class = cache_class(p->cache, m->found, m->founds, lazy);
	return class ? class : temporary_class(m, p, lazy);
}

/* Only what calls rules is looked for now. NULL when there is no room. */
static const struct class *
class_of_lazy(struct matcher *m, const struct plan *p, uint32_t number, struct str value)
{
	struct slot *s = &p->slot[number];
	char *room = arena_alloc(&m->temporary, FOLD_ROOM(value.n));
	if (!room)
		return NULL;
	m->lazy[number] = (struct lazy_value){.value = value, .folded = fold_into(value, room)};
	begin_finding(m);
	if (s->witness.count) {
		literal_index_scan(plan_index(p, &s->witness), m->lazy[number].folded, &m->scan);
		for (uint32_t i = 0; i < m->scan.hits; i++)
			find_atom(m, s->witness.atom[m->scan.hit[i]]);
	}
	return class_of_found(m, p, true);
}

/* The usual case: one field, text. */
static const struct class *
class_of_field(struct matcher *m, const struct plan *p, uint32_t number, struct field *f)
{
	struct slot *s = &p->slot[number];
	uint64_t hash = 0;
	struct str raw = f->value;
	bool escaped = f->escaped;
	const struct class *class = m->forgets ? NULL : cache_find_value(p->cache, number, raw, escaped, &hash);
	if (class)
		return class;
	struct str value = event_value(m->event, f);
	if (!hash && s->lazy && value.n <= LAZY_MAX && (class = class_of_lazy(m, p, number, value)))
		return class;
	begin_finding(m);
	find_atoms(m, s->exists, s->exist);
	find_in_value(m, p, s, value);
	class = class_of_found(m, p, false);
	if (m->classes_whole)
		cache_put_value(p->cache, number, raw, escaped, hash, class);
	return class;
}

/* Several fields, or null among them: any of them may match. */
static const struct class *
class_of_fields(struct matcher *m, const struct plan *p, struct slot *s)
{
	bool there = false, value = false;
	begin_finding(m);
	for (uint32_t i = 0; i < s->names; i++)
		for (uint32_t k = matcher_first_field(m, s->name[i]); k != NO_FIELD; k = m->next_field[k]) {
			struct field *f = &m->event->field[k];
			there = true;
			if (f->kind == FIELD_NULL)
				continue;
			value = true;
			find_in_value(m, p, s, event_value(m->event, f));
		}
	if (there)
		find_atoms(m, s->exists, s->exist);
	if (!value)
		find_atoms(m, s->null, s->nulls);
	return class_of_found(m, p, false);
}

bool
matcher_text_is_json(const struct event *e)
{
	return e->decoder == DECODER_WINDOWS_JSON || e->decoder == DECODER_EVE || e->decoder == DECODER_ZEEK ||
	    e->decoder == DECODER_JSON;
}

/* Keywords: the line, or where that is no plain text every native value, which may be in one piece. */
static const struct class *
class_of_event(struct matcher *m, const struct plan *p, struct slot *s)
{
	struct event *e = m->event;
	struct str whole = e->text.p ? e->text : e->values;
	if (s->prefilter && whole.p && !sieve_finds(s->prefilter, whole))
		return cache_empty_class(p->cache);
	begin_finding(m);
	if (e->text.p && !matcher_text_is_json(e)) {
		find_in_value(m, p, s, e->text);
		return class_of_found(m, p, false);
	}
	for (uint32_t i = 0; i < e->field_count; i++) {
		struct field *f = &e->field[i];
		if (!f->core && f->kind != FIELD_NULL && (!s->prefilter || sieve_finds(s->prefilter, f->value)))
			find_in_value(m, p, s, event_value(e, f));
	}
	return class_of_found(m, p, false);
}

const struct class *
matcher_class(struct matcher *m, const struct plan *p, uint32_t number)
{
	struct slot *s = &p->slot[number];
	if (!s->names)
		return class_of_event(m, p, s);
	uint32_t field = matcher_first_field(m, s->name[0]);
	if (s->names == 1 && field == NO_FIELD && !s->nulls)
		return cache_empty_class(p->cache);
	if (s->names == 1 && field != NO_FIELD && m->next_field[field] == NO_FIELD &&
	    m->event->field[field].kind != FIELD_NULL)
		return class_of_field(m, p, number, &m->event->field[field]);
	return class_of_fields(m, p, s);
}

const struct class *
matcher_deferred_class(struct matcher *m, const struct plan *p)
{
	if (!p->ask_deferred || !p->deferreds)
		return cache_empty_class(p->cache);
	begin_finding(m);
	for (uint32_t i = 0; i < p->deferreds; i++)
		if (matcher_deferred_holds(m, p, p->deferred[i]))
			find_atom(m, p->deferred[i]);
	return class_of_found(m, p, false);
}

/* ---- lazy slots ---- */

/* What the whole index finds holds or must be looked at closely; what it does not find does not hold. */
static void
look_at_whole(struct matcher *m, const struct plan *p, struct slot *s, struct lazy_value *l)
{
	l->whole = true;
	literal_index_scan(plan_index(p, &s->all), l->folded, &m->scan);
	for (uint32_t i = 0; i < m->scan.hits; i++) {
		uint32_t atom = s->all.atom[m->scan.hit[i]];
		if (m->known[atom] >> 2 != m->now || (m->known[atom] & 3) == TRUTH_OPEN)
			matcher_know(m, atom, p->atom[atom].verify ? TRUTH_OPEN : TRUTH_YES);
	}
}

static int
know_expression(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
	struct matcher *m = user;
	matcher_know(m, m->expressions[id], TRUTH_YES);
	return 0;
}

static bool
know_joined(struct matcher *m, const struct slot *s, struct str value)
{
	if (!set_database(m, s->joined))
		return false;
	for (uint32_t i = 0; i < s->joined->count; i++)
		matcher_know(m, s->joined_atom[i], TRUTH_NO);
	return scan_joined(m, s, value, know_expression);
}

void
matcher_ask_lazy(struct matcher *m, const struct plan *p, uint32_t atom)
{
	struct atom *a = &p->atom[atom];
	struct slot *s = &p->slot[a->slot];
	struct lazy_value *l = &m->lazy[a->slot];
	if (a->joined && know_joined(m, s, l->value))
		return;
	if (a->indexed && ++l->asked >= ASKED_MIN && l->asked * l->value.n > ASKED_BYTES && !l->whole) {
		look_at_whole(m, p, s, l);
		if (matcher_truth(m, p, atom) != TRUTH_OPEN)
			return;
	}
	bool dear = a->test->op == TEST_GLOB || a->test->op == TEST_REGEX; /* its needle comes first */
	bool holds = a->test->op == TEST_EXISTS || ((!dear || test_like(TEST_CONTAINS, l->folded, a->test->needle)) &&
	    matcher_value_passes(m, a, l->value, l->folded));
	matcher_know(m, atom, holds ? TRUTH_YES : TRUTH_NO);
}
