/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-loop.c: one thread's turns: operations, messages from other threads,
 * timers, deferred work, watched descriptors. Each test runs the loop once.
 */
#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/unit.h"

#define MS      1000000ull
#define THREADS 4u

static struct loop *loop;

static void setup(void)
{
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
	loop_free(loop);
	loop_free(NULL);
}

/* What happened, in order; ends the loop when it is all there. */
static char events[64];
static unsigned nevents, wanted;

static void event(char what)
{
	events[nevents++] = what;
	if (nevents == wanted)
		loop_stop(loop);
}

static void run_until(unsigned count)
{
	wanted = count;
	loop_run(loop);
}

/* ---- operations ------------------------------------------------------------------ */

struct operation {
	struct loop_op op;
	int result;
	bool done;
};

static unsigned ndone, nwanted;

static void operation_done(struct loop_op *op, int result)
{
	struct operation *operation = container_of(op, struct operation, op);

	operation->result = result;
	operation->done = true;
	if (++ndone == nwanted)
		loop_stop(loop);
}

START_TEST(an_operation_gets_its_result)
{
	struct operation read = { .op.done = operation_done };
	struct operation bad = { .op.done = operation_done };
	struct io_uring_sqe *sqe;
	char text[8] = "";
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "hello", 5), 5);
	sqe = loop_sqe(loop);
	io_uring_prep_read(sqe, fds[0], text, sizeof(text), 0);
	loop_sqe_for(sqe, &read.op);
	sqe = loop_sqe(loop);
	io_uring_prep_read(sqe, -1, text, sizeof(text), 0);
	loop_sqe_for(sqe, &bad.op);
	nwanted = 2;
	loop_run(loop);
	ck_assert_int_eq(read.result, 5);
	ck_assert_str_eq(text, "hello");
	ck_assert_int_eq(bad.result, -EBADF);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static struct operation operations[3000];

static void begin_operations(struct loop_work *work)
{
	unsigned i;

	(void)work;
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		struct io_uring_sqe *sqe = loop_sqe(loop);

		operations[i].op.done = operation_done;
		io_uring_prep_nop(sqe);
		loop_sqe_for(sqe, &operations[i].op);
	}
}

/* Far more at once than the rings have entries. */
START_TEST(any_number_of_operations_at_once)
{
	struct loop_work begin = { .run = begin_operations };
	unsigned i;

	loop_post(loop, &begin);
	nwanted = ARRAY_SIZE(operations);
	loop_run(loop);
	for (i = 0; i < ARRAY_SIZE(operations); i++)
		ck_assert(operations[i].done);
}
END_TEST

/* ---- registered memory ------------------------------------------------------------ */

/* Its edges; and nothing before anything is registered. */
START_TEST(registered_is_what_lies_in_it_as_a_whole)
{
	static uint8_t all[3 * 4096];
	uint8_t *base = all + 4096;
	const size_t length = 4096;
	const struct {
		const void *base;
		size_t length;
		bool inside;
	} cases[] = {
		{ base, 1, true },
		{ base, length, true },
		{ base + length - 1, 1, true },
		{ base + 100, length - 100, true },
		{ base - 1, 1, false },
		{ base - 1, 2, false },
		{ base, length + 1, false },
		{ base + 100, length - 99, false },
		{ base + length, 1, false },
		{ base + 1, SIZE_MAX, false },
		{ base, SIZE_MAX, false },
		{ base - 1, SIZE_MAX, false },
		{ NULL, 1, false },
		{ NULL, SIZE_MAX, false },
	};
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert(!loop_registered(loop, cases[i].base, cases[i].length));
	ck_assert_int_eq(loop_register(loop, base, length), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_int_eq(loop_registered(loop, cases[i].base, cases[i].length),
				 cases[i].inside);
}
END_TEST

/* It is then as if it had not been tried; and once is once. */
START_TEST(what_cannot_be_registered_is_not)
{
	static uint8_t good[4096], more[4096];
	uint8_t *bad = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_int_eq(munmap(bad + 4096, 4096), 0);
	ck_assert_int_eq(loop_register(loop, bad, 8192), -EFAULT);
	ck_assert(!loop_registered(loop, bad, 1));
	ck_assert_int_eq(loop_register(loop, good, sizeof(good)), 0);
	ck_assert_int_eq(loop_register(loop, more, sizeof(more)), -EBUSY);
	ck_assert(loop_registered(loop, good, sizeof(good)));
	ck_assert(!loop_registered(loop, more, 1));
	munmap(bad, 4096);
}
END_TEST

START_TEST(fixed_operations_use_what_is_registered)
{
	struct operation read = { .op.done = operation_done };
	struct operation beside = { .op.done = operation_done };
	static uint8_t fixed[4096], other[8];
	struct io_uring_sqe *sqe;
	int fds[2];

	ck_assert_int_eq(loop_register(loop, fixed, sizeof(fixed)), 0);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "hello", 5), 5);
	sqe = loop_sqe(loop);
	io_uring_prep_read_fixed(sqe, fds[0], fixed + 4000, 96, 0, 0);
	loop_sqe_for(sqe, &read.op);
	sqe = loop_sqe(loop);
	io_uring_prep_read_fixed(sqe, fds[0], other, sizeof(other), 0, 0);
	loop_sqe_for(sqe, &beside.op);
	nwanted = 2;
	loop_run(loop);
	ck_assert_int_eq(read.result, 5);
	ck_assert_mem_eq(fixed + 4000, "hello", 5);
	ck_assert_int_eq(beside.result, -EFAULT);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* ---- messages --------------------------------------------------------------------- */

struct letter {
	struct loop_work work;
	char name;
};

static void read_letter(struct loop_work *work)
{
	event(container_of(work, struct letter, work)->name);
}

#define LETTER(n)                                         \
	{                                                 \
		.work = { .run = read_letter }, .name = n \
	}

START_TEST(messages_run_in_the_order_of_posting)
{
	struct letter letters[] = { LETTER('a'), LETTER('b'), LETTER('c'), LETTER('d') };
	unsigned i;

	for (i = 0; i < 4; i++)
		loop_post(loop, &letters[i].work);
	run_until(4);
	ck_assert_str_eq(events, "abcd");
}
END_TEST

/* Posted again before it runs it is one; the place is that of the first time. */
START_TEST(a_message_is_queued_once)
{
	struct letter a = LETTER('a'), b = LETTER('b');
	unsigned i;

	for (i = 0; i < 1000; i++) {
		loop_post(loop, &a.work);
		loop_post(loop, &b.work);
	}
	run_until(2);
	ck_assert_str_eq(events, "ab");
}
END_TEST

static void post_again(struct loop_work *work)
{
	struct letter *letter = container_of(work, struct letter, work);

	event(letter->name++);
	if (letter->name <= 'c')
		loop_post(loop, work);
}

START_TEST(a_message_may_post_itself)
{
	struct letter letter = { .work = { .run = post_again }, .name = 'a' };

	loop_post(loop, &letter.work);
	run_until(3);
	ck_assert_str_eq(events, "abc");
}
END_TEST

/* A sleeping loop is woken by each of several threads; nothing is lost: after
 * the last post its message runs and sees all that was done before. */
struct producer {
	struct loop_work work;
	pthread_t thread;
	atomic_uint sent;
	unsigned seen, runs;
};

#define MESSAGES 20000u

static struct producer producers[THREADS];

static void consume(struct loop_work *work)
{
	struct producer *producer = container_of(work, struct producer, work);
	unsigned i, finished = 0;

	producer->seen = producer->sent;
	producer->runs++;
	for (i = 0; i < THREADS; i++)
		finished += producers[i].seen == MESSAGES;
	if (finished == THREADS)
		loop_stop(loop);
}

static void *produce(void *arg)
{
	struct producer *producer = arg;
	unsigned i;

	for (i = 0; i < MESSAGES; i++) {
		producer->sent++;
		loop_post(loop, &producer->work);
		if (i % 1000 == 0)
			unit_nap_us(100);
	}
	return NULL;
}

START_TEST(messages_from_other_threads_are_not_lost)
{
	unsigned i;

	for (i = 0; i < THREADS; i++) {
		producers[i].work.run = consume;
		pthread_create(&producers[i].thread, NULL, produce, &producers[i]);
	}
	loop_run(loop);
	for (i = 0; i < THREADS; i++) {
		pthread_join(producers[i].thread, NULL);
		ck_assert_uint_le(producers[i].runs, MESSAGES);
	}
}
END_TEST

static void *stop_later(void *arg)
{
	(void)arg;
	unit_nap_us(20000);
	loop_stop(loop);
	return NULL;
}

START_TEST(another_thread_stops_a_sleeping_loop)
{
	pthread_t thread;

	pthread_create(&thread, NULL, stop_later, NULL);
	loop_run(loop);
	pthread_join(thread, NULL);
	loop_run(loop); /* it stays stopped */
}
END_TEST

/* ---- timers ------------------------------------------------------------------------- */

struct alarm {
	struct loop_timer timer;
	char name;
	uint64_t fired;
};

static void ring(struct loop_timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	alarm->fired = loop_now();
	event(alarm->name);
}

#define ALARM(n)                                     \
	{                                            \
		.timer = { .fire = ring }, .name = n \
	}

START_TEST(timers_fire_in_order_and_not_early)
{
	struct alarm alarms[] = { ALARM('c'), ALARM('a'), ALARM('b'), ALARM('0') };
	static const uint64_t ms[] = { 30, 10, 20, 0 };
	uint64_t begin = loop_now();
	unsigned i;

	for (i = 0; i < 4; i++)
		loop_timer(loop, &alarms[i].timer, ms[i] * MS);
	run_until(4);
	ck_assert_str_eq(events, "0abc");
	for (i = 0; i < 4; i++) {
		ck_assert_uint_ge(alarms[i].fired - begin, ms[i] * MS);
		ck_assert(!alarms[i].timer.armed);
	}
}
END_TEST

START_TEST(arming_again_moves_a_timer)
{
	struct alarm a = ALARM('a'), b = ALARM('b');

	loop_timer(loop, &a.timer, 5 * MS);
	loop_timer(loop, &b.timer, 15 * MS);
	loop_timer(loop, &a.timer, 30 * MS);
	run_until(2);
	ck_assert_str_eq(events, "ba");
}
END_TEST

START_TEST(a_cancelled_timer_does_not_fire)
{
	struct alarm alarms[] = { ALARM('a'), ALARM('b'), ALARM('c') };
	unsigned i;

	for (i = 0; i < 3; i++)
		loop_timer(loop, &alarms[i].timer, (5 + i) * MS);
	loop_timer_cancel(loop, &alarms[_i].timer);
	loop_timer_cancel(loop, &alarms[_i].timer); /* does nothing */
	run_until(2);
	ck_assert_ptr_null(strchr(events, 'a' + _i));
}
END_TEST

static void ring_again(struct loop_timer *timer)
{
	event('a');
	loop_timer(loop, timer, 2 * MS);
}

START_TEST(a_timer_may_arm_itself)
{
	struct loop_timer timer = { .fire = ring_again };

	loop_timer(loop, &timer, 2 * MS);
	run_until(5);
	loop_timer_cancel(loop, &timer);
	ck_assert_str_eq(events, "aaaaa");
}
END_TEST

/* ---- the end of a turn --------------------------------------------------------------- */

static struct letter late = LETTER('z'), later = LETTER('y');

static void defer_more(struct loop_work *work)
{
	read_letter(work);
	loop_defer(loop, &late.work);
}

static void defer_two(struct loop_work *work)
{
	static struct letter x = { .work = { .run = defer_more }, .name = 'x' };

	read_letter(work);
	loop_defer(loop, &x.work);
	loop_defer(loop, &later.work);
	loop_defer(loop, &x.work); /* it is queued already */
}

/* Deferred work runs behind everything else of the turn, in order, and what it
 * defers itself behind that, all before the next message. */
START_TEST(deferred_work_ends_the_turn)
{
	struct letter a = { .work = { .run = defer_two }, .name = 'a' }, b = LETTER('b');
	struct alarm c = ALARM('c');

	loop_timer(loop, &c.timer, 0);
	loop_post(loop, &a.work);
	loop_post(loop, &b.work);
	run_until(6);
	ck_assert_str_eq(events, "abcxyz");
}
END_TEST

/* ---- descriptors ---------------------------------------------------------------------- */

static void read_one(struct loop_watch *watch)
{
	char c;

	if (read(watch->fd, &c, 1) == 1)
		event(c);
}

/* Readable is readable, however little of it is read at a time. */
START_TEST(a_watch_is_level_triggered)
{
	struct loop_watch watch = { .ready = read_one };
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	watch.fd = fds[0];
	ck_assert_int_eq(write(fds[1], "abcd", 4), 4);
	loop_watch(loop, &watch);
	run_until(4);
	ck_assert_str_eq(events, "abcd");
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static int pipe_of_writer[2];

static void *write_slowly(void *arg)
{
	static const char text[] = "abcdef";
	unsigned i;

	(void)arg;
	for (i = 0; i < 6; i++) {
		unit_nap_us(2000);
		if (write(pipe_of_writer[1], text + i, 1) != 1)
			break;
	}
	return NULL;
}

/* read_one() would block if it were called for nothing. */
START_TEST(a_watch_sees_what_comes_later)
{
	struct loop_watch watch = { .ready = read_one };
	struct alarm timeout = ALARM('!');
	pthread_t thread;

	ck_assert_int_eq(pipe(pipe_of_writer), 0);
	watch.fd = pipe_of_writer[0];
	loop_watch(loop, &watch);
	loop_timer(loop, &timeout.timer, 10000 * MS);
	pthread_create(&thread, NULL, write_slowly, NULL);
	run_until(6);
	pthread_join(thread, NULL);
	ck_assert_str_eq(events, "abcdef");
	close(pipe_of_writer[0]);
	close(pipe_of_writer[1]);
}
END_TEST

/* ---- looks ------------------------------------------------------------------------- */

struct looker {
	struct loop_poll poll;
	unsigned looks, last; /* so many so far; ends itself with the last */
};

static void look(struct loop_poll *poll)
{
	struct looker *looker = container_of(poll, struct looker, poll);

	if (++looker->looks == looker->last)
		loop_poll_end(loop, poll);
}

/* What else there is goes on beside them: a descriptor, that comes slowly, and a timer. */
START_TEST(looks_delay_nothing)
{
	struct loop_watch watch = { .ready = read_one };
	struct looker first = { .poll.look = look }, second = { .poll.look = look };
	struct alarm timeout = ALARM('!');
	pthread_t thread;

	ck_assert_int_eq(pipe(pipe_of_writer), 0);
	watch.fd = pipe_of_writer[0];
	loop_watch(loop, &watch);
	loop_timer(loop, &timeout.timer, 10000 * MS);
	loop_poll(loop, &first.poll);
	loop_poll(loop, &second.poll);
	pthread_create(&thread, NULL, write_slowly, NULL);
	run_until(6);
	pthread_join(thread, NULL);
	ck_assert_str_eq(events, "abcdef");
	ck_assert_uint_gt(first.looks, 100);
	ck_assert_uint_eq(first.looks, second.looks);
	close(pipe_of_writer[0]);
	close(pipe_of_writer[1]);
}
END_TEST

/* Whichever of several it is; the loop sleeps when the last has ended. */
START_TEST(a_look_may_be_its_last)
{
	struct looker lookers[3];
	struct alarm end = ALARM('e');
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(lookers); i++) {
		lookers[i] = (struct looker){ .poll.look = look, .last = 5 };
		loop_poll(loop, &lookers[i].poll);
		loop_poll(loop, &lookers[i].poll); /* once is enough */
	}
	lookers[_i].last = 2;
	loop_timer(loop, &end.timer, 20 * MS);
	run_until(1);
	for (i = 0; i < ARRAY_SIZE(lookers); i++) {
		ck_assert_uint_eq(lookers[i].looks, lookers[i].last);
		ck_assert(!lookers[i].poll.polling);
		loop_poll_end(loop, &lookers[i].poll); /* and so is once */
	}
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(an_operation_gets_its_result),
		ONCE(any_number_of_operations_at_once),
		ONCE(registered_is_what_lies_in_it_as_a_whole),
		ONCE(what_cannot_be_registered_is_not),
		ONCE(fixed_operations_use_what_is_registered),
		ONCE(messages_run_in_the_order_of_posting),
		ONCE(a_message_is_queued_once),
		ONCE(a_message_may_post_itself),
		ONCE(messages_from_other_threads_are_not_lost),
		ONCE(another_thread_stops_a_sleeping_loop),
		ONCE(timers_fire_in_order_and_not_early),
		ONCE(arming_again_moves_a_timer),
		TIMES(a_cancelled_timer_does_not_fire, 3),
		ONCE(a_timer_may_arm_itself),
		ONCE(deferred_work_ends_the_turn),
		ONCE(a_watch_is_level_triggered),
		ONCE(a_watch_sees_what_comes_later),
		ONCE(looks_delay_nothing),
		TIMES(a_look_may_be_its_last, 3),
	};

	return unit_main("loop", setup, teardown, tests, ARRAY_SIZE(tests));
}
