/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/gather.h"

#include "base/memory.h"
#include "host/clock.h"

#define COMMIT_AFTER_MS 5
#define COMMIT_WAITED (8u << 10)    /* bytes that make a commit worth its sync while somebody waits for it */
#define COMMIT_BYTES (512u << 10)   /* ... while nobody does */
#define RETRY_MS 200
#define READY_MAX (4u << 20)        /* bytes of closed batches kept in memory */

struct ready {
	uint64_t number;
	struct buf batch;  /* emptied when it is in the journal's buffer and too many wait */
};

struct gather {
	struct loop *loop;
	struct journal *journal;
	const struct gather_events *events;
	void *user;
	struct buf batch;        /* open */
	uint64_t ticket;         /* of the open batch */
	struct ready *ready;     /* closed; the first `appended` of them are in the journal's buffer */
	size_t appended, ready_count, ready_cap, ready_bytes;
	size_t since_commit;     /* bytes */
	size_t seen;             /* since_commit when we last looked whether more comes */
	int64_t first_ms;        /* when the first of them came */
	bool waited;
	struct loop_timer *timer;
	bool soon;               /* the timer is set to now */
	int stalled;
	struct buf spare[4];     /* memory of earlier batches */
	size_t spares;
};

struct gather *
gather_new(struct loop *loop, struct journal *journal, const struct gather_events *events, void *user)
{
	struct gather *g = MEM_NEW(struct gather);
	g->loop = loop;
	g->journal = journal;
	g->events = events;
	g->user = user;
	g->ticket = 1;
	return g;
}

void
gather_free(struct gather *g)
{
	if (!g)
		return;
	loop_remove_timer(g->timer);
	for (size_t i = 0; i < g->ready_count; i++)
		buf_release(&g->ready[i].batch);
	while (g->spares)
		buf_release(&g->spare[--g->spares]);
	mem_free(g->ready);
	buf_release(&g->batch);
	mem_free(g);
}

static void
batch_spare(struct gather *g, struct buf *b)
{
	if (g->spares == COUNT(g->spare)) {
		buf_release(b);
		return;
	}
	buf_clear(b);
	g->spare[g->spares++] = *b;
	*b = BUF_INIT;
}

/* Closed batches into the journal's buffer, in order. When that is full it is written first; nobody is called back. */
static int
ready_append(struct gather *g)
{
	for (; g->appended < g->ready_count; g->appended++) {
		struct ready *r = &g->ready[g->appended];
		int error = journal_append(g->journal, buf_str(&r->batch), &r->number);
		if (error == E_LIMIT) {
			error = journal_commit(g->journal);
			if (error == 0)
				error = journal_append(g->journal, buf_str(&r->batch), &r->number);
		}
		if (error < 0)
			return error;
		if (g->ready_bytes > READY_MAX) { /* it will be read back */
			g->ready_bytes -= r->batch.n;
			batch_spare(g, &r->batch);
		}
	}
	return 0;
}

/* The open batch is closed, whether or not the journal takes it now: no batch may grow larger than a block. */
static void
batch_close(struct gather *g)
{
	if (!g->batch.n)
		return;
	MEM_GROW(g->ready, g->ready_count, g->ready_cap);
	g->ready[g->ready_count++] = (struct ready){.batch = g->batch};
	g->ready_bytes += g->batch.n;
	g->batch = g->spares ? g->spare[--g->spares] : BUF_INIT;
	g->ticket++;
}

static void on_timer(void *user);

static void
commit_in(struct gather *g, int64_t ms)
{
	if (g->timer && (g->soon || ms > 0))
		return;
	loop_remove_timer(g->timer);
	g->timer = loop_add_timer(g->loop, ms, 0, on_timer, g);
	g->soon = ms == 0;
	g->seen = g->since_commit;
}

static void
on_timer(void *user)
{
	struct gather *g = user;
	g->timer = NULL;
	g->soon = false;
	/* While more keeps coming, one sync for all of it is better than one now and one later. */
	if (!g->stalled && g->since_commit > g->seen && g->since_commit < COMMIT_BYTES &&
	    clock_monotonic_ms() - g->first_ms < COMMIT_AFTER_MS)
		commit_in(g, 0);
	else
		gather_commit(g);
}

uint64_t
gather_put(struct gather *g, const struct raw *r, bool waited)
{
	uint64_t ticket = g->ticket;
	batch_put(&g->batch, r);
	if (!g->since_commit)
		g->first_ms = clock_monotonic_ms();
	g->since_commit += r->bytes.n + RAW_HEADER;
	g->waited = g->waited || waited;
	if (g->batch.n >= BATCH_TARGET)
		batch_close(g);
	if (g->stalled)
		return ticket;
	if (ready_append(g) < 0)
		commit_in(g, 0); /* which says why it can not */
	else
		commit_in(g, g->since_commit >= (g->waited ? COMMIT_WAITED : COMMIT_BYTES) ? 0 : COMMIT_AFTER_MS);
	return ticket;
}

/* Blocks that are durable go to their worker and are acknowledged, also when those behind them found no room. */
static void
ready_hand_out(struct gather *g)
{
	uint64_t committed = journal_stats(g->journal).committed, oldest = g->ticket - g->ready_count;
	size_t count = 0;
	for (; count < g->appended && g->ready[count].number <= committed; count++) {
		struct ready *r = &g->ready[count];
		g->events->block(g->user, r->number, buf_str(&r->batch));
		g->ready_bytes -= r->batch.n;
		batch_spare(g, &r->batch);
	}
	if (!count)
		return;
	memmove(g->ready, g->ready + count, (g->ready_count - count) * sizeof *g->ready);
	g->ready_count -= count;
	g->appended -= count;
	g->events->committed(g->user, oldest + count - 1);
}

static void
stall(struct gather *g, int error)
{
	bool news = g->stalled != error;
	g->stalled = error;
	if (error < 0) {
		loop_remove_timer(g->timer);
		g->timer = loop_add_timer(g->loop, RETRY_MS, 0, on_timer, g);
		g->soon = true;
	}
	if (news)
		g->events->stalled(g->user, error);
}

int
gather_commit(struct gather *g)
{
	batch_close(g);
	int error = ready_append(g);
	if (error == 0)
		error = journal_commit(g->journal);
	if (error == 0) {
		g->since_commit = 0;
		g->waited = false;
		loop_remove_timer(g->timer);
		g->timer = NULL;
		g->soon = false;
	}
	stall(g, error); /* first: who is answered below may want to go on reading */
	ready_hand_out(g);
	return error;
}

int
gather_stalled(const struct gather *g)
{
	return g->stalled;
}

bool
gather_idle(const struct gather *g)
{
	return !g->batch.n && !g->ready_count;
}

size_t
gather_held(const struct gather *g)
{
	return g->batch.cap + g->ready_bytes;
}
