/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "host/clock.h"

#define LOOP_BATCH 64

struct loop_fd {
	struct loop *loop;
	int fd;
	unsigned events;
	loop_on_fd *fn;  /* NULL: removed, waits for the end of the turn */
	void *user;
	struct loop_fd *next, **link; /* all live ones, so that loop_free() finds them; or the removed ones */
};

struct loop_timer {
	struct loop *loop;
	int64_t due_ms;
	int64_t every_ms;
	uint64_t serial;  /* equal times fire in the order they were set; new ones wait for the next turn */
	uint32_t place;   /* in the heap; TIMER_OUT while its callback runs for the last time */
	bool firing, gone;
	loop_on_timer *fn;
	void *user;
};

#define TIMER_OUT UINT32_MAX

struct loop {
	int epoll;
	bool stopped;
	struct loop_fd *fds, *removed;
	struct loop_timer **heap;
	uint32_t timers, timers_cap;
	uint64_t serial;
	sigset_t signals;
	int signal_fd;
	struct loop_fd *signal_watch;
	loop_on_signal *on_signal[NSIG];
	void *signal_user[NSIG];
};

struct loop *
loop_new(void)
{
	struct loop *l = MEM_NEW(struct loop);

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	assert(l->epoll >= 0);
	l->signal_fd = -1;
	sigemptyset(&l->signals);
	return l;
}

static void
loop_bury(struct loop *l)
{
	while (l->removed) {
		struct loop_fd *f = l->removed;
		l->removed = f->next;
		mem_free(f);
	}
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->fds)
		loop_remove(l->fds);
	loop_bury(l);
	for (uint32_t i = 0; i < l->timers; i++)
		mem_free(l->heap[i]);
	mem_free(l->heap);
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	close(l->epoll);
	mem_free(l);
}

static uint32_t
epoll_mask(unsigned events)
{
	return (events & LOOP_READ ? (uint32_t)EPOLLIN : 0) | (events & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0);
}

struct loop_fd *
loop_add(struct loop *l, int fd, unsigned events, loop_on_fd *fn, void *user)
{
	struct loop_fd *f = MEM_NEW(struct loop_fd);
	struct epoll_event e = {.events = epoll_mask(events), .data.ptr = f};

	assert(fn);
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
		assert(errno == EPERM || errno == ENOMEM || errno == ENOSPC); /* the rest are bugs of the caller */
		mem_free(f);
		return NULL;
	}
	*f = (struct loop_fd){.loop = l, .fd = fd, .events = events, .fn = fn, .user = user, .next = l->fds};
	f->link = &l->fds;
	if (f->next)
		f->next->link = &f->next;
	l->fds = f;
	return f;
}

void
loop_watch(struct loop_fd *f, unsigned events)
{
	struct epoll_event e = {.events = epoll_mask(events), .data.ptr = f};

	assert(f->fn);
	if (events == f->events)
		return;
	f->events = events;
	epoll_ctl(f->loop->epoll, EPOLL_CTL_MOD, f->fd, &e);
}

void
loop_remove(struct loop_fd *f)
{
	if (!f)
		return;
	assert(f->fn);
	epoll_ctl(f->loop->epoll, EPOLL_CTL_DEL, f->fd, NULL);
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	f->fn = NULL;
	/* The turn under way may still hold a pointer to it. */
	f->next = f->loop->removed;
	f->loop->removed = f;
}

static bool
timer_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->serial < b->serial;
}

static void
heap_put(struct loop *l, uint32_t place, struct loop_timer *t)
{
	l->heap[place] = t;
	t->place = place;
}

static void
heap_up(struct loop *l, uint32_t at)
{
	struct loop_timer *t = l->heap[at];

	for (; at && timer_before(t, l->heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap_put(l, at, l->heap[(at - 1) / 2]);
	heap_put(l, at, t);
}

static void
heap_down(struct loop *l, uint32_t at)
{
	struct loop_timer *t = l->heap[at];

	for (uint32_t child; (child = 2 * at + 1) < l->timers; at = child) {
		if (child + 1 < l->timers && timer_before(l->heap[child + 1], l->heap[child]))
			child++;
		if (!timer_before(l->heap[child], t))
			break;
		heap_put(l, at, l->heap[child]);
	}
	heap_put(l, at, t);
}

static void
heap_add(struct loop *l, struct loop_timer *t, int64_t due_ms)
{
	t->due_ms = due_ms;
	t->serial = ++l->serial;
	MEM_GROW(l->heap, l->timers, l->timers_cap);
	heap_put(l, l->timers, t);
	heap_up(l, l->timers++);
}

static void
heap_remove(struct loop *l, struct loop_timer *t)
{
	uint32_t at = t->place;
	struct loop_timer *last = l->heap[--l->timers];

	t->place = TIMER_OUT;
	if (last == t)
		return;
	heap_put(l, at, last);
	heap_up(l, at);
	heap_down(l, last->place);
}

struct loop_timer *
loop_add_timer(struct loop *l, int64_t delay_ms, int64_t every_ms, loop_on_timer *fn, void *user)
{
	struct loop_timer *t = MEM_NEW(struct loop_timer);

	assert(fn && every_ms >= 0);
	*t = (struct loop_timer){.loop = l, .every_ms = every_ms, .fn = fn, .user = user};
	heap_add(l, t, clock_monotonic_ms() + (delay_ms > 0 ? delay_ms : 0));
	return t;
}

void
loop_remove_timer(struct loop_timer *t)
{
	if (!t)
		return;
	if (t->place != TIMER_OUT)
		heap_remove(t->loop, t);
	if (t->firing)
		t->gone = true; /* timer_fire() still needs it */
	else
		mem_free(t);
}

static void
timer_fire(struct loop *l, struct loop_timer *t, int64_t now_ms)
{
	heap_remove(l, t);
	t->firing = true;
	t->fn(t->user);
	t->firing = false;
	if (t->gone || !t->every_ms) {
		mem_free(t);
		return;
	}
	/* After a pause of the whole process: one tick, not all that were missed. */
	int64_t due_ms = t->due_ms + t->every_ms;
	heap_add(l, t, due_ms > now_ms ? due_ms : now_ms + t->every_ms);
}

static void
loop_fire_timers(struct loop *l)
{
	int64_t now_ms = clock_monotonic_ms();
	uint64_t serial = l->serial; /* what callbacks add now waits for the next turn: descriptors never starve */

	while (l->timers && l->heap[0]->due_ms <= now_ms && l->heap[0]->serial <= serial && !l->stopped)
		timer_fire(l, l->heap[0], now_ms);
}

static int
loop_wait_ms(const struct loop *l, int64_t timeout_ms)
{
	if (l->timers) {
		int64_t left = l->heap[0]->due_ms - clock_monotonic_ms();
		left = left > 0 ? left : 0;
		timeout_ms = timeout_ms < 0 || left < timeout_ms ? left : timeout_ms;
	}
	return timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
}

static unsigned
loop_events_of(uint32_t mask)
{
	return (mask & EPOLLIN ? LOOP_READ : 0) | (mask & EPOLLOUT ? LOOP_WRITE : 0) |
	    (mask & (EPOLLHUP | EPOLLERR) ? LOOP_HANGUP : 0);
}

void
loop_turn(struct loop *l, int64_t timeout_ms)
{
	struct epoll_event happened[LOOP_BATCH];
	int n = epoll_wait(l->epoll, happened, LOOP_BATCH, loop_wait_ms(l, timeout_ms));

	assert(n >= 0 || errno == EINTR);
	for (int i = 0; i < n && !l->stopped; i++) {
		struct loop_fd *f = happened[i].data.ptr;
		/* An earlier callback of this turn may have removed it, or no longer want to read or write. */
		if (!f->fn)
			continue;
		unsigned events = loop_events_of(happened[i].events) & (f->events | LOOP_HANGUP);
		if (events)
			f->fn(f->user, f->fd, events);
	}
	if (!l->stopped)
		loop_fire_timers(l);
	loop_bury(l);
}

void
loop_run(struct loop *l)
{
	while (!l->stopped)
		loop_turn(l, -1);
	l->stopped = false;
}

void
loop_stop(struct loop *l)
{
	l->stopped = true;
}

bool
loop_stopped(const struct loop *l)
{
	return l->stopped;
}

int
loop_descriptor(const struct loop *l)
{
	return l->epoll;
}

static void
loop_read_signals(void *user, int fd, unsigned events)
{
	struct loop *l = user;
	struct signalfd_siginfo info;

	while (!l->stopped && read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo < NSIG && l->on_signal[info.ssi_signo])
			l->on_signal[info.ssi_signo](l->signal_user[info.ssi_signo], (int)info.ssi_signo);
}

void
loop_on(struct loop *l, int signal, loop_on_signal *fn, void *user)
{
	assert(signal > 0 && signal < NSIG && fn);
	/* One that our parent ignored (nohup, a shell's background job) would never arrive; and SIGCHLD ignored would
	 * take the children's ends away. */
	sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	sigaddset(&l->signals, signal);
	sigprocmask(SIG_BLOCK, &l->signals, NULL);
	l->on_signal[signal] = fn;
	l->signal_user[signal] = user;
	l->signal_fd = signalfd(l->signal_fd, &l->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	assert(l->signal_fd >= 0);
	if (!l->signal_watch)
		l->signal_watch = loop_add(l, l->signal_fd, LOOP_READ, loop_read_signals, l);
}
