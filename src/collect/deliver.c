/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/deliver.h"

#include "base/memory.h"

#define WINDOW_BLOCKS 32u
#define WINDOW_BYTES (8u << 20)
#define CRASHES_MAX 3u

struct deliver {
	struct journal *journal;
	struct sources *sources;
	struct channel *worker, *core;
	bool ready;               /* core has said what it holds */
	uint64_t next;            /* block to send next; everything from applied + 1 to next - 1 is on its way */
	uint64_t suspect;         /* oldest unapplied block when the worker died last; 0 = none */
	unsigned suspect_crashes;
	struct buf block, opaque; /* a block read back, and its quarantined copy */
	struct deliver_stats stats;
};

struct deliver *
deliver_new(struct journal *j, struct sources *sources)
{
	struct deliver *d = MEM_NEW(struct deliver);
	d->journal = j;
	d->sources = sources;
	d->next = 1;
	return d;
}

void
deliver_free(struct deliver *d)
{
	if (!d)
		return;
	buf_release(&d->block);
	buf_release(&d->opaque);
	mem_free(d);
}

/* Every record marked, none changed otherwise; its senders are charged. */
static struct str
quarantine(struct deliver *d, struct str batch)
{
	struct wire w = {batch, false};
	struct raw r;
	buf_clear(&d->opaque);
	while (batch_take(&w, &r)) {
		r.flags |= RAW_OPAQUE;
		batch_put(&d->opaque, &r);
		struct source *s = source_number(d->sources, r.source);
		if (s) {
			s->quarantined++;
			s->changed = true;
		}
	}
	d->stats.quarantined++;
	return buf_str(&d->opaque);
}

/* False: not now. */
static bool
send_block(struct deliver *d, uint64_t number, struct str batch)
{
	struct buf head = BUF_INIT;
	if (number == d->suspect && d->suspect_crashes >= CRASHES_MAX)
		batch = quarantine(d, batch);
	wire_put_u64(&head, number);
	bool sent = channel_send(d->worker, MSG_RAW_BATCH, buf_str(&head), batch, STR("")) == 0;
	buf_release(&head);
	if (sent) {
		d->stats.sent = number;
		d->next = number + 1;
	}
	return sent;
}

static bool
window_open(const struct deliver *d)
{
	uint64_t on_its_way = d->next - 1 - d->stats.applied;
	return d->ready && d->worker && on_its_way < (d->stats.careful ? 1 : WINDOW_BLOCKS) &&
	    channel_queued(d->worker) < WINDOW_BYTES;
}

static uint64_t
committed(const struct deliver *d)
{
	return journal_stats(d->journal).committed;
}

void
deliver_go_on(struct deliver *d)
{
	while (window_open(d) && d->next <= committed(d)) {
		int error = journal_read(d->journal, d->next, &d->block);
		if (error < 0) {
			buf_clear(&d->block);
			d->stats.unreadable++;
		}
		if (!send_block(d, d->next, buf_str(&d->block)))
			break;
	}
}

void
deliver_block(struct deliver *d, uint64_t number, struct str batch)
{
	if (number != d->next || !batch.n)
		deliver_go_on(d);
	else if (window_open(d))
		(void)send_block(d, number, batch);
}

static void
from_send(struct deliver *d)
{
	struct buf b = BUF_INIT;
	wire_put_u64(&b, d->next);
	if (d->core)
		(void)channel_send(d->core, MSG_FROM, buf_str(&b), STR(""), STR(""));
	buf_release(&b);
}

void
deliver_replay(struct deliver *d, uint64_t block)
{
	uint64_t first = journal_stats(d->journal).first;
	d->next = block + 1 > first ? block + 1 : first;
	d->stats.applied = d->stats.sent = d->next - 1;
	d->ready = true;
	from_send(d);
	deliver_go_on(d);
}

void
deliver_applied(struct deliver *d, uint64_t block)
{
	if (block <= d->stats.applied || block > committed(d))
		return;
	d->stats.applied = block;
	if (d->next <= block) { /* a worker that left had answered what the next was to be asked again */
		d->next = block + 1;
		d->stats.sent = block;
	}
	if (d->suspect && block >= d->suspect) {
		d->suspect = 0;
		d->suspect_crashes = 0;
		d->stats.careful = false;
	}
	deliver_go_on(d);
}

/* Who kills the worker? The oldest block it had not finished, as far as we know; sent alone we shall know. */
static void
crash_count(struct deliver *d)
{
	uint64_t oldest = d->stats.applied + 1;
	if (d->next == oldest)
		return; /* it had nothing to do */
	d->suspect_crashes = d->suspect == oldest ? d->suspect_crashes + 1 : 1;
	d->suspect = oldest;
	d->stats.careful = true;
	d->stats.crashes++;
}

void
deliver_worker(struct deliver *d, struct channel *worker, bool died)
{
	if (worker && d->ready && died)
		crash_count(d);
	if (worker && d->ready)
		d->next = d->stats.applied + 1;
	d->worker = worker;
	deliver_go_on(d);
}

void
deliver_core(struct deliver *d, struct channel *core)
{
	d->core = core;
	d->ready = false;
}

struct deliver_stats
deliver_stats(const struct deliver *d)
{
	return d->stats;
}
