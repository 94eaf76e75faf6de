/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/loop.h"

#include <signal.h>
#include <unistd.h>

#include "host/clock.h"
#include "tap.h"

struct record {
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_fd *watch[2];
	char order[64];
	size_t n;
	unsigned events;
	int calls;
};

static void
record_add(struct record *r, char c)
{
	if (r->n < sizeof(r->order))
		r->order[r->n++] = c;
}

static void
on_timer_a(void *user)
{
	record_add(user, 'a');
}

static void
on_timer_b(void *user)
{
	record_add(user, 'b');
}

static void
on_timer_stop(void *user)
{
	struct record *r = user;

	record_add(r, '.');
	loop_stop(r->loop);
}

static void
on_timer_remove_itself(void *user)
{
	struct record *r = user;

	record_add(r, 'x');
	if (++r->calls == 3)
		loop_remove_timer(r->timer);
}

TEST(timers_fire_in_the_order_of_their_time)
{
	struct record r = {.loop = loop_new()};

	loop_add_timer(r.loop, 30, 0, on_timer_stop, &r);
	loop_add_timer(r.loop, 20, 0, on_timer_b, &r);
	loop_add_timer(r.loop, 0, 0, on_timer_a, &r);
	loop_add_timer(r.loop, 20, 0, on_timer_a, &r);
	struct loop_timer *never = loop_add_timer(r.loop, 10, 0, on_timer_b, &r);
	loop_remove_timer(never);
	loop_remove_timer(NULL);
	loop_run(r.loop);
	CHECK_STR(str_from(r.order, r.n), STR("aba."));
	loop_free(r.loop);
}

TEST(a_timer_may_remove_itself)
{
	struct record r = {.loop = loop_new()};

	r.timer = loop_add_timer(r.loop, 0, 1, on_timer_remove_itself, &r);
	while (r.calls < 3)
		loop_turn(r.loop, -1);
	for (int i = 0; i < 5; i++)
		loop_turn(r.loop, 2);
	CHECK_STR(str_from(r.order, r.n), STR("xxx"));
	loop_free(r.loop);
}

static void
on_timer_again(void *user)
{
	struct record *r = user;

	r->calls++;
	loop_add_timer(r->loop, 0, 0, on_timer_again, r);
}

TEST(a_timer_that_adds_itself_does_not_hold_the_loop)
{
	struct record r = {.loop = loop_new()};

	loop_add_timer(r.loop, 0, 0, on_timer_again, &r);
	for (int i = 0; i < 10; i++)
		loop_turn(r.loop, -1);
	CHECK_INT(r.calls, 10);
	loop_free(r.loop);
}

TEST(many_timers_removed_in_any_order_leave_the_rest_in_order)
{
	struct loop_timer *t[200];
	struct record r = {.loop = loop_new()};

	for (int i = 0; i < 200; i++)
		t[i] = loop_add_timer(r.loop, (i * 37) % 200 < 100 ? 0 : 100000 + i, 0, on_timer_a, &r);
	for (int i = 0; i < 200; i++)
		if ((i * 37) % 200 < 100 && i % 5)
			loop_remove_timer(t[i]);
	loop_turn(r.loop, 0);
	CHECK_INT(r.n, 20);
	loop_free(r.loop);
}

static void
on_read(void *user, int fd, unsigned events)
{
	struct record *r = user;
	char c;

	r->events |= events;
	if (events & LOOP_READ && read(fd, &c, 1) == 1)
		record_add(r, c);
}

TEST(descriptors_tell_of_reading_writing_and_the_end)
{
	int fds[2];
	struct record r = {.loop = loop_new()};

	CHECK_INT(pipe(fds), 0);
	struct loop_fd *in = loop_add(r.loop, fds[0], LOOP_READ, on_read, &r);
	struct loop_fd *out = loop_add(r.loop, fds[1], 0, on_read, &r);
	loop_turn(r.loop, 0);
	CHECK_INT(r.events, 0);
	CHECK_INT(write(fds[1], "k", 1), 1);
	loop_turn(r.loop, 0);
	CHECK_INT(r.events, LOOP_READ);
	CHECK_STR(str_from(r.order, r.n), STR("k"));
	r.events = 0;
	loop_watch(out, LOOP_WRITE);
	loop_turn(r.loop, 0);
	CHECK_INT(r.events, LOOP_WRITE);
	loop_remove(out);
	close(fds[1]);
	r.events = 0;
	loop_watch(in, 0);
	loop_turn(r.loop, 0);
	CHECK_INT(r.events, LOOP_HANGUP);
	loop_remove(in);
	close(fds[0]);
	loop_free(r.loop);
}

static void
on_read_remove_both(void *user, int fd, unsigned events)
{
	struct record *r = user;

	r->calls++;
	for (int i = 0; i < 2; i++)
		loop_remove(r->watch[i]);
}

TEST(a_callback_may_remove_what_is_still_to_be_called)
{
	int a[2], b[2];
	struct record r = {.loop = loop_new()};

	CHECK_INT(pipe(a), 0);
	CHECK_INT(pipe(b), 0);
	r.watch[0] = loop_add(r.loop, a[1], LOOP_WRITE, on_read_remove_both, &r);
	r.watch[1] = loop_add(r.loop, b[1], LOOP_WRITE, on_read_remove_both, &r);
	loop_turn(r.loop, 0);
	loop_turn(r.loop, 0);
	CHECK_INT(r.calls, 1);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	loop_free(r.loop);
}

TEST(a_regular_file_is_refused)
{
	char path[512];
	struct loop *l = loop_new();

	snprintf(path, sizeof(path), "%s/file", tap_folder());
	FILE *f = fopen(path, "w");
	CHECK(f != NULL);
	CHECK(loop_add(l, fileno(f), LOOP_READ, on_read, NULL) == NULL);
	fclose(f);
	loop_free(l);
}

static void
on_inner(void *user, int fd, unsigned events)
{
	loop_turn(user, 0);
}

TEST(a_loop_can_be_carried_by_another)
{
	int fds[2];
	struct record r = {.loop = loop_new()};
	struct loop *outer = loop_new();

	CHECK_INT(pipe(fds), 0);
	struct loop_fd *in = loop_add(r.loop, fds[0], LOOP_READ, on_read, &r);
	struct loop_fd *inner = loop_add(outer, loop_descriptor(r.loop), LOOP_READ, on_inner, r.loop);
	CHECK_INT(write(fds[1], "hi", 2), 2);
	loop_turn(outer, 0);
	loop_turn(outer, 0);
	loop_turn(outer, 0);
	CHECK_STR(str_from(r.order, r.n), STR("hi"));
	loop_remove(in);
	loop_remove(inner);
	loop_free(r.loop);
	loop_free(outer);
	close(fds[0]);
	close(fds[1]);
}

static void
on_signal(void *user, int signal)
{
	record_add(user, signal == SIGUSR1 ? '1' : '2');
	if (signal == SIGUSR2)
		loop_stop(((struct record *)user)->loop);
}

TEST(signals_are_events)
{
	struct record r = {.loop = loop_new()};

	signal(SIGUSR1, SIG_IGN); /* as nohup does with SIGHUP */
	loop_on(r.loop, SIGUSR1, on_signal, &r);
	loop_on(r.loop, SIGUSR2, on_signal, &r);
	kill(getpid(), SIGUSR1);
	loop_turn(r.loop, -1);
	kill(getpid(), SIGUSR2);
	loop_run(r.loop);
	CHECK_STR(str_from(r.order, r.n), STR("12"));
	loop_free(r.loop);
}

TEST(the_monotonic_clock_does_not_go_back)
{
	int64_t before = clock_monotonic_ns();

	CHECK(clock_monotonic_ns() >= before);
	CHECK(clock_now_ms() > 1700000000000);
}
