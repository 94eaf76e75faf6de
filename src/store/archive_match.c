/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/archive_private.h"
#include "store/text.h"

/*
 * Terms cut a set of candidate rows down, the cheap ones first: what the filter and the trigrams rule out needs no
 * frame at all, a field test reads one column, free text reads only the frames in which a candidate is left.
 */

struct match {
	struct reader *r;
	const struct search *search;
	uint64_t *bits;  /* candidates */
	uint32_t words;
	bool none;       /* nothing can match any more */
};

static uint64_t *
new_bits(struct match *m)
{
	return arena_calloc(&m->r->arena, m->words + 1, sizeof(uint64_t));
}

static void
keep_only(struct match *m, const uint64_t *hits, bool negated)
{
	uint64_t any = 0;
	for (uint32_t i = 0; i < m->words; i++) {
		m->bits[i] &= negated ? ~hits[i] : hits[i];
		any |= m->bits[i];
	}
	m->none = !any;
}

static int
match_time(struct match *m)
{
	const struct search *s = m->search;
	const struct block *b = &m->r->block;
	bool all = b->min_time >= s->from_ms && b->max_time < s->to_ms;
	if (!all)
		TRY(reader_rows(m->r));
	for (uint32_t i = 0; i < b->rows; i++)
		if (all || (m->r->time_ms[i] >= s->from_ms && m->r->time_ms[i] < s->to_ms))
			bit_set(m->bits, i);
	return 0;
}

/* ---- field tests ---- */

/* Runs of the value that stand in the text as they are, escaped or not. */
static bool
pieces_may_be_held(const struct block *b, struct str value)
{
	size_t from = 0;
	for (size_t i = 0; i <= value.n; i++) {
		bool plain = i < value.n && (unsigned char)value.p[i] >= 0x20 && (unsigned char)value.p[i] < 0x7f &&
		    value.p[i] != '"' && value.p[i] != '\\' && value.p[i] != '/';
		if (plain)
			continue;
		if (!block_may_hold(b, str_cut(value, from, i)))
			return false;
		from = i + 1;
	}
	return true;
}

/* Can the filters rule the column out? */
static bool
column_may_fit(const struct match *m, const struct term *t, const struct column *c)
{
	const struct block *b = &m->r->block;
	const struct column *source = c->mode == COLUMN_ALIAS ? &m->r->column[c->target] : c;
	if (t->kind == TERM_EXISTS)
		return true;
	if (t->kind == TERM_EQUALS && source->flags & COLUMN_FILTERED && !block_may_equal(b, t->value))
		return false;
	return source->mode != COLUMN_TEXT || source->distinct || pieces_may_be_held(b, t->value);
}

static int
match_dict(struct match *m, const struct term *t, uint32_t column, uint32_t source, uint64_t *hits)
{
	struct reader *r = m->r;
	struct dict d;
	const uint32_t *present, *first;
	bool any = false;
	TRY(reader_dict(r, source, &d));
	bool *fits = arena_calloc(&r->arena, (size_t)d.distinct + 1, sizeof *fits);
	if (!fits)
		return E_CORRUPT;
	for (uint32_t i = 0; i < d.distinct; i++)
		any |= fits[i] = term_fits(t, d.value[i]);
	if (!any)
		return 0;
	TRY(reader_cells(r, column, &present));
	first = present;
	if (source != column)
		TRY(reader_cells(r, source, &first));
	for (uint32_t i = 0; i < r->block.rows; i++) {
		if (present[i] == present[i + 1])
			continue;
		for (uint32_t k = first[i]; k < first[i + 1]; k++) {
			uint32_t index = dict_index(&d, k);
			if (index >= d.distinct)
				return E_CORRUPT;
			if (fits[index])
				bit_set(hits, i);
		}
	}
	return 0;
}

static int
match_places(struct match *m, const struct term *t, uint32_t column, uint32_t source, uint64_t *hits)
{
	struct reader *r = m->r;
	const uint32_t *present, *first;
	TRY(reader_places(r));
	TRY(reader_cells(r, column, &present));
	first = present;
	if (source != column)
		TRY(reader_cells(r, source, &first));
	for (uint32_t i = 0; i < r->block.rows; i++) {
		if (present[i] == present[i + 1] || !bit_get(m->bits, i))
			continue;
		for (uint32_t k = first[i]; k < first[i + 1]; k++) {
			struct str value;
			TRY(reader_place_value(r, source, &r->place[source][k], i, &value));
			if (term_fits(t, value))
				bit_set(hits, i);
		}
	}
	return 0;
}

static int
match_presence(struct match *m, uint32_t column, uint64_t *hits)
{
	const uint32_t *first;
	TRY(reader_cells(m->r, column, &first));
	for (uint32_t i = 0; i < m->r->block.rows; i++)
		if (first[i] != first[i + 1])
			bit_set(hits, i);
	return 0;
}

static int
match_field(struct match *m, const struct term *t)
{
	struct reader *r = m->r;
	uint64_t *hits = new_bits(m);
	if (!hits)
		return E_CORRUPT;
	TRY(reader_meta(r));
	for (uint32_t c = 0; c < r->columns; c++) {
		const struct column *column = &r->column[c];
		if (!term_names(t, column->name) || !column_may_fit(m, t, column))
			continue;
		uint32_t source = column->mode == COLUMN_ALIAS ? column->target : c;
		if (t->kind == TERM_EXISTS)
			TRY(match_presence(m, c, hits));
		else if (r->column[source].mode == COLUMN_TEXT)
			TRY(match_places(m, t, c, source, hits));
		else
			TRY(match_dict(m, t, c, source, hits));
	}
	keep_only(m, hits, t->negated);
	return 0;
}

/* ---- free text ---- */

/* Marks the entries of order[from, to), all in one frame, that hold the word. */
static int
scan_frame(struct match *m, struct str word, uint32_t frame, uint32_t from, uint32_t to, uint64_t *found)
{
	struct reader *r = m->r;
	struct str plain = {0};
	bool observable = text_is_observable(word);
	TRY(reader_scan_frame(r, frame, &plain));
	uint32_t i = from;
	for (ptrdiff_t at = 0; (at = text_find(plain, (size_t)at, word)) >= 0;) {
		while (i < to && r->entry[r->order[i]].at + r->entry[r->order[i]].n <= (size_t)at)
			i++;
		if (i == to)
			break;
		const struct entry *e = &r->entry[r->order[i]];
		bool whole = (size_t)at + word.n <= (size_t)e->at + e->n; /* not across the border of two */
		struct str text = str_cut(plain, e->at, (size_t)e->at + e->n);
		if (whole && (!observable || text_find_word(text, (size_t)at - e->at, word) >= 0))
			bit_set(found, r->order[i]);
		at = whole ? (ptrdiff_t)(e->at + e->n) : at + 1;
	}
	return 0;
}

static int
scan_texts(struct match *m, struct str word, const uint64_t *wanted, uint64_t *found)
{
	struct reader *r = m->r;
	for (uint32_t i = 0, next; i < r->text_entries; i = next) {
		uint32_t frame = r->entry[r->order[i]].frame;
		bool any = false;
		for (next = i; next < r->text_entries && r->entry[r->order[next]].frame == frame; next++)
			any |= bit_get(wanted, r->order[next]);
		if (any && frame < r->block.binary_frame)
			TRY(scan_frame(m, word, frame, i, next, found));
	}
	return 0;
}

static int
match_text(struct match *m, const struct term *t)
{
	struct reader *r = m->r;
	uint64_t *hits = new_bits(m);
	TRY(reader_records(r));
	uint64_t *wanted = arena_calloc(&r->arena, r->entries / 64 + 1, sizeof *wanted);
	uint64_t *found = arena_calloc(&r->arena, r->entries / 64 + 1, sizeof *found);
	if (!hits || !wanted || !found)
		return E_CORRUPT;
	for (uint32_t i = 0; i < r->block.rows; i++)
		if (bit_get(m->bits, i))
			bit_set(wanted, r->row_entry[i]);
	TRY(scan_texts(m, t->value, wanted, found));
	for (uint32_t i = 0; i < r->block.rows; i++)
		if (!t->value.n || bit_get(found, r->row_entry[i]))
			bit_set(hits, i);
	keep_only(m, hits, t->negated);
	return 0;
}

/* ---- all together ---- */

/* Is there a term that the filters alone prove to fit nothing? */
static bool
ruled_out(const struct match *m)
{
	const struct block *b = &m->r->block;
	for (uint32_t i = 0; i < m->search->term_count; i++) {
		const struct term *t = &m->search->term[i];
		if (t->negated)
			continue;
		if (t->kind == TERM_TEXT && !block_may_hold(b, t->value))
			return true;
		if (t->kind == TERM_TEXT && text_is_observable(t->value) && !block_may_equal(b, t->value))
			return true;
		bool covered = filter_covers(core_id(t->name)) || str_eq(t->name, STR("ip"));
		if (t->kind == TERM_EQUALS && covered && !block_may_equal(b, t->value))
			return true;
	}
	return false;
}

static int
match_terms(struct match *m, bool text)
{
	for (uint32_t i = 0; i < m->search->term_count && !m->none; i++) {
		const struct term *t = &m->search->term[i];
		if ((t->kind == TERM_TEXT) == text)
			TRY(text ? match_text(m, t) : match_field(m, t));
	}
	return 0;
}

int
match_rows(struct reader *r, const struct search *s, uint64_t **ret_bits, uint32_t *ret_count)
{
	if (r->block.rows > ROWS_MAX)
		return E_CORRUPT;
	struct match m = {.r = r, .search = s, .words = (r->block.rows + 63) / 64};
	m.bits = new_bits(&m);
	if (!m.bits)
		return E_CORRUPT;
	if (!ruled_out(&m)) {
		TRY(match_time(&m));
		TRY(match_terms(&m, false));
		TRY(match_terms(&m, true));
	}
	uint32_t count = 0;
	for (uint32_t i = 0; i < m.words; i++)
		count += (uint32_t)__builtin_popcountll(m.bits[i]);
	*ret_bits = m.bits;
	*ret_count = count;
	return 0;
}
