/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"

struct job {
	struct job *next;
	void (*work)(void *job);
	void (*done)(void *job, bool cancelled);
	void *user;
};

struct list {
	struct job *first, **last;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t *thread;
	unsigned threads, queue, load;
	bool stopping;
	struct list waiting, finished;
	int ready; /* eventfd: something is in `finished` */
	struct loop_fd *watch;
};

static void
list_add(struct list *l, struct job *j)
{
	j->next = NULL;
	*l->last = j;
	l->last = &j->next;
}

static struct job *
list_take(struct list *l)
{
	struct job *j = l->first;
	if (!j)
		return NULL;
	l->first = j->next;
	if (!l->first)
		l->last = &l->first;
	return j;
}

static void *
thread_run(void *user)
{
	struct pool *p = user;
	uint64_t one = 1;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->waiting.first && !p->stopping)
			pthread_cond_wait(&p->wake, &p->lock);
		if (p->stopping)
			break;
		struct job *j = list_take(&p->waiting);
		pthread_mutex_unlock(&p->lock);
		j->work(j->user);
		pthread_mutex_lock(&p->lock);
		list_add(&p->finished, j);
		ssize_t told = write(p->ready, &one, sizeof one);
		assert(told == sizeof one);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
finish(struct pool *p, struct list *l, bool cancelled, uint64_t most)
{
	for (; most; most--) {
		pthread_mutex_lock(&p->lock);
		struct job *j = list_take(l);
		p->load -= j != NULL;
		pthread_mutex_unlock(&p->lock);
		if (!j)
			return;
		j->done(j->user, cancelled);
		mem_free(j);
	}
}

static void
on_ready(void *user, int fd, unsigned events)
{
	struct pool *p = user;
	uint64_t count;
	if (read(fd, &count, sizeof count) == sizeof count)
		finish(p, &p->finished, false, count); /* who submits another in his `done` lets the loop turn first */
}

struct pool *
pool_new(struct loop *l, unsigned threads, unsigned queue)
{
	struct pool *p = MEM_NEW(struct pool);
	sigset_t all, before;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->waiting.last = &p->waiting.first;
	p->finished.last = &p->finished.first;
	p->queue = queue;
	p->thread = mem_calloc(threads, sizeof *p->thread);
	p->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert(p->ready >= 0);
	p->watch = loop_add(l, p->ready, LOOP_READ, on_ready, p);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
	for (; p->threads < threads; p->threads++)
		if (pthread_create(&p->thread[p->threads], NULL, thread_run, p) != 0)
			break;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert(p->threads > 0);
	return p;
}

void
pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	finish(p, &p->finished, false, UINT64_MAX);
	finish(p, &p->waiting, true, UINT64_MAX);
	loop_remove(p->watch);
	close(p->ready);
	mem_free(p->thread);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wake);
	mem_free(p);
}

int
pool_submit(struct pool *p, void (*work)(void *job), void (*done)(void *job, bool cancelled), void *user)
{
	struct job *j = MEM_NEW(struct job);
	*j = (struct job){.work = work, .done = done, .user = user};
	pthread_mutex_lock(&p->lock);
	bool room = p->load < p->queue && !p->stopping;
	if (room) {
		list_add(&p->waiting, j);
		p->load++;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
	if (!room)
		mem_free(j);
	return room ? 0 : E_BUSY;
}

unsigned
pool_load(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	unsigned load = p->load;
	pthread_mutex_unlock(&p->lock);
	return load;
}
