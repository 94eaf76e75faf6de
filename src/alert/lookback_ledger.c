/* SPDX-License-Identifier: EUPL-1.2 */
/* What a look-back has found since it was last written: the hits that are kept, and all of them by day. */
#include "alert/lookback.h"
#include "base/memory.h"

#define TEXT_KEPT 4096u
#define LEDGER_BYTES (16u << 20) /* LOOKBACK_HITS lines with what matched */

struct lookback_ledger {
	struct arena arena;
	struct lookback_hit hit[LOOKBACK_HITS];
	uint32_t hits;
	struct lookback_day *day;
	uint32_t days, day_cap;
	uint32_t last; /* the day counted last */
};

struct lookback_ledger *
lookback_ledger_new(void)
{
	struct lookback_ledger *l = MEM_NEW(struct lookback_ledger);
	arena_init(&l->arena, 64 << 10, LEDGER_BYTES);
	return l;
}

void
lookback_ledger_free(struct lookback_ledger *l)
{
	if (!l)
		return;
	arena_release(&l->arena);
	mem_free(l->day);
	mem_free(l);
}

void
lookback_ledger_clear(struct lookback_ledger *l)
{
	arena_clear(&l->arena);
	l->hits = l->days = l->last = 0;
}

static int64_t
day_of(int64_t time_ms, int zone)
{
	int64_t local = time_ms + zone * TIME_MINUTE;
	return local / TIME_DAY - (local % TIME_DAY < 0);
}

/* Hostile clocks do not fill the table: there are LOOKBACK_DAYS days up to the last that the job can mean. */
static int64_t
day_in_range(const struct lookback *j, int64_t time_ms, int zone)
{
	int64_t end = j->to_ms < j->created_ms + TIME_DAY ? j->to_ms : j->created_ms + TIME_DAY;
	int64_t last = day_of(end, zone), first = last - LOOKBACK_DAYS + 1, day = day_of(time_ms, zone);
	return day > last ? last : day < first ? first : day;
}

static void
count_day(struct lookback_ledger *l, int64_t day)
{
	if (l->last >= l->days || l->day[l->last].day != day)
		for (l->last = 0; l->last < l->days && l->day[l->last].day != day; l->last++)
			;
	if (l->last == l->days) {
		MEM_GROW(l->day, l->days, l->day_cap);
		l->day[l->days++] = (struct lookback_day){day, 0};
	}
	l->day[l->last].count++;
}

static void
keep_hit(struct lookback_ledger *l, const struct lookback_hit *h)
{
	struct lookback_hit k = *h;
	struct str *const text[] = {&k.rule, &k.title, &k.matched, &k.text, &k.organisation, &k.system};
	k.text = str_cut(k.text, 0, TEXT_KEPT);
	for (size_t i = 0; i < COUNT(text); i++)
		if (!arena_copy(&l->arena, *text[i], text[i]))
			return; /* counted all the same */
	l->hit[l->hits++] = k;
}

void
lookback_ledger_add(struct lookback_ledger *l, struct lookback *j, const struct lookback_hit *h, int zone)
{
	j->findings++;
	j->first_hit_ms = !j->first_hit_ms || h->time_ms < j->first_hit_ms ? h->time_ms : j->first_hit_ms;
	j->last_hit_ms = h->time_ms > j->last_hit_ms ? h->time_ms : j->last_hit_ms;
	count_day(l, day_in_range(j, h->time_ms, zone));
	if (j->findings <= LOOKBACK_HITS && l->hits < LOOKBACK_HITS)
		keep_hit(l, h);
}

int
lookback_ledger_write(const struct lookback_ledger *l, struct db *db, const struct lookback *j)
{
	for (uint32_t i = 0; i < l->hits; i++) {
		const struct lookback_hit *h = &l->hit[i];
		TRY(db_run(db, Q_LOOKBACK_HIT_PUT, "iiississss", j->id, h->event, h->time_ms, h->rule, h->title,
		    (int64_t)h->level, h->matched, h->text, h->organisation, h->system));
	}
	for (uint32_t i = 0; i < l->days; i++)
		TRY(db_run(db, Q_LOOKBACK_DAY_PUT, "iii", j->id, l->day[i].day, l->day[i].count));
	return lookback_save(db, j);
}
