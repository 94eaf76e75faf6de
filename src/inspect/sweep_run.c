/* SPDX-License-Identifier: EUPL-1.2 */
#include "inspect/sweep_run.h"

#include <unistd.h>

#include "base/memory.h"
#include "host/clock.h"

struct item {
	enum walk_kind kind;
	int fd, error;
	char *path;
};

/* A file on its way through the scanner. */
struct under_way {
	struct sweep_run *run;
	struct under_way *next;
	char path[];
};

struct sweep_run {
	struct walk *walk;
	struct scanner *scanner;
	const struct sweep_events *events;
	void *user;
	struct item item[SWEEP_BATCH];
	/* These and the walk are the filler's while one is at work. */
	bool filling;
	unsigned items;          /* brought by a fill, not yet submitted */
	bool walked;             /* the walk is at its end */
	struct under_way *files;
	unsigned files_count;
	struct sweep_totals totals;
};

struct sweep_run *
sweep_run_new(struct walk *walk, struct scanner *scanner, const struct sweep_events *events, void *user)
{
	struct sweep_run *r = MEM_NEW(struct sweep_run);
	*r = (struct sweep_run){.walk = walk, .scanner = scanner, .events = events, .user = user};
	return r;
}

static void
item_drop(struct item *i)
{
	if (i->fd >= 0)
		close(i->fd);
	mem_free(i->path);
}

void
sweep_run_free(struct sweep_run *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->items; i++)
		item_drop(&r->item[i]);
	while (r->files) {
		struct under_way *f = r->files;
		r->files = f->next;
		scanner_forget(r->scanner, f);
		mem_free(f);
	}
	walk_free(r->walk);
	mem_free(r);
}

bool
sweep_run_begin(struct sweep_run *r)
{
	if (r->filling || r->walked || r->files_count >= SWEEP_BATCH)
		return false;
	r->filling = true;
	return true;
}

void
sweep_run_fill(struct sweep_run *r)
{
	int64_t end = clock_monotonic_ms() + SWEEP_FILL_MS;
	while (r->items < SWEEP_BATCH && !r->walked && clock_monotonic_ms() <= end) {
		struct walk_item found;
		walk_next(r->walk, &found);
		r->walked = found.kind == WALK_END;
		if (r->walked)
			return;
		struct item *i = &r->item[r->items++];
		*i = (struct item){found.kind, found.fd, found.error, mem_alloc(found.path.n + 1)};
		memcpy(i->path, found.path.p, found.path.n);
		i->path[found.path.n] = '\0';
	}
}

static void
look_for_end(struct sweep_run *r)
{
	if (!r->filling && r->walked && !r->files_count)
		r->events->end(r->user);
}

static void
on_scanned(void *user, const struct scan_answer *answer)
{
	struct under_way *f = user;
	struct sweep_run *r = f->run;
	struct under_way **at = &r->files;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	r->files_count--;
	r->totals.files_done++;
	r->totals.bytes += answer->bytes;
	r->totals.partial += answer->partial;
	r->totals.matches += answer->found.matches > 0;
	r->totals.problems += answer->outcome != SCAN_DONE;
	r->totals.crashed += answer->outcome == SCAN_CRASHED;
	r->events->answer(r->user, str_z(f->path), answer);
	mem_free(f);
	look_for_end(r);
}

static void
submit_file(struct sweep_run *r, struct item *i)
{
	size_t n = strlen(i->path) + 1;
	struct under_way *f = mem_alloc(sizeof *f + n);
	f->run = r;
	f->next = r->files;
	memcpy(f->path, i->path, n);
	struct scan_job job = {.name = str_z(f->path), .fd = i->fd, .done = on_scanned, .user = f};
	i->fd = -1;
	r->files = f;
	r->files_count++;
	if (scanner_submit(r->scanner, &job) < 0)
		on_scanned(f, &(struct scan_answer){.outcome = SCAN_FAILED});
}

void
sweep_run_submit(struct sweep_run *r)
{
	struct item batch[SWEEP_BATCH];
	unsigned n = r->items;
	memcpy(batch, r->item, sizeof batch);
	r->totals.walk = walk_counts(r->walk);
	for (unsigned i = 0; i < n; i++) {
		if (batch[i].kind == WALK_FILE) {
			submit_file(r, &batch[i]);
		} else {
			r->totals.problems++;
			r->events->problem(r->user, str_z(batch[i].path), batch[i].error);
		}
		item_drop(&batch[i]);
	}
	r->items = 0;
	r->filling = false; /* only now: before it the run cannot end */
	look_for_end(r);
}

struct sweep_totals
sweep_run_totals(const struct sweep_run *r)
{
	return r->totals;
}
