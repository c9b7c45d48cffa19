/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-split-death.c: a process that works on a ring dies between any two of its
 * instructions. It is run instruction by instruction, and whenever it has changed
 * anything that outlives it, another one takes over from there: each chain that the
 * driver has not seen the end of is worked on, in the order of the ring, and no other.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/ring.h"

#define SIZE   8u
#define CHAINS 48u
#define STEPS  (4 * CHAINS)
#define START  0xffe8u /* the indexes wrap under way */

/* What happens to the ring: the driver offers a chain; the device takes the next one, pushes
 * one, publishes. */
enum what { OFFER, TAKE, PUSH, PUBLISH };

static struct step {
	enum what what;
	unsigned chain;
} steps[STEPS];

static unsigned nsteps;
static uint16_t heads[CHAINS];   /* of the chains in the order in which they are offered */
static unsigned ending[CHAINS];  /* the chains in the order in which they end */
static struct inflight *outlive; /* in memory that the processes share */
static struct split_ring next_ring;
static struct inflight next_inflight;

/* ---- what is to happen ------------------------------------------------------------- */

/* As far as it is known. */
struct plan {
	unsigned offered, taken, pushed, published;
	bool busy[SIZE]; /* heads, until they are published */
	bool ended[CHAINS];
};

static void add_step(enum what what, unsigned chain)
{
	ck_assert_uint_lt(nsteps, STEPS);
	steps[nsteps++] = (struct step){ what, chain };
}

static void plan_offer(struct plan *plan)
{
	uint16_t head = (uint16_t)unit_random(SIZE);

	if (plan->offered == CHAINS || plan->busy[head])
		return;
	plan->busy[head] = true;
	heads[plan->offered] = head;
	add_step(OFFER, plan->offered++);
}

static void plan_take(struct plan *plan)
{
	if (plan->taken < plan->offered)
		add_step(TAKE, plan->taken++);
}

static void plan_push(struct plan *plan)
{
	unsigned chain = unit_random(CHAINS);

	if (chain >= plan->taken || plan->ended[chain])
		return;
	plan->ended[chain] = true;
	ending[plan->pushed++] = chain;
	add_step(PUSH, chain);
}

static void plan_publish(struct plan *plan)
{
	if (plan->published == plan->pushed || unit_random(8))
		return;
	add_step(PUBLISH, 0);
	while (plan->published < plan->pushed)
		plan->busy[heads[ending[plan->published++]]] = false;
}

static void make_plan(void)
{
	static void (*const parts[])(struct plan *) = { plan_offer, plan_take, plan_push,
							plan_publish };
	struct plan plan = { 0 };

	nsteps = 0;
	while (plan.published < CHAINS)
		parts[unit_random(ARRAY_SIZE(parts))](&plan);
}

/* ---- the process that dies ----------------------------------------------------------- */

static void act(const struct step *step)
{
	static struct chain *chains[CHAINS];
	const char *why;

	switch (step->what) {
	case OFFER:
		ring_offer(heads[step->chain]);
		break;
	case TAKE:
		if (split_pop(&ring, &memory, &chains[step->chain], 1, &why) != 1)
			_exit(1);
		break;
	case PUSH:
		chains[step->chain]->in_flight = false;
		split_push(&ring, chains[step->chain], step->chain);
		break;
	case PUBLISH:
		split_publish(&ring);
		break;
	}
}

static pid_t begin(void)
{
	pid_t pid = fork();
	unsigned i;
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		for (i = 0; i < nsteps; i++)
			act(&steps[i]);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSTOPPED(status));
	return pid;
}

/* False when it has come to its end. */
static bool go_on(pid_t pid)
{
	int status;

	ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP)
		return true;
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	return false;
}

/* ---- what outlives it ---------------------------------------------------------------- */

struct left {
	uint8_t inflight[sizeof(struct inflight)];
	uint8_t available[sizeof(struct vring_avail) + SIZE * sizeof(__virtio16)];
	uint8_t used[sizeof(struct vring_used) + SIZE * sizeof(struct vring_used_elem)];
};

static void save(struct left *left)
{
	memcpy(left->inflight, outlive, sizeof(left->inflight));
	memcpy(left->available, (const void *)avail, sizeof(left->available));
	memcpy(left->used, (const void *)used, sizeof(left->used));
}

static void put_back(const struct left *left)
{
	memcpy((void *)avail, left->available, sizeof(left->available));
	memcpy((void *)used, left->used, sizeof(left->used));
}

/* ---- the next one ---------------------------------------------------------------------- */

/* The heads that the driver has not got back, oldest first. Their number. */
static unsigned list_owed(uint16_t *owed)
{
	unsigned offered = (uint16_t)(avail->idx - START), shown = (uint16_t)(used->idx - START);
	unsigned i, count = 0;
	bool ended[CHAINS] = { false };

	for (i = 0; i < shown; i++)
		ended[ending[i]] = true;
	for (i = 0; i < offered; i++)
		if (!ended[i])
			owed[count++] = heads[i];
	return count;
}

/* While nobody serves it the driver offers all that it has got back. The number then. */
static unsigned offer_the_rest(uint16_t *owed, unsigned count)
{
	bool busy[SIZE] = { false };
	uint16_t head;
	unsigned i;

	for (i = 0; i < count; i++)
		busy[owed[i]] = true;
	for (head = 0; head < SIZE; head++) {
		if (busy[head])
			continue;
		owed[count++] = head;
		ring_offer(head);
	}
	return count;
}

static unsigned adopt_and_take(struct chain **chains)
{
	const struct virtqueue_registers registers = ring_registers(SIZE);
	const char *why;
	int count;

	ck_assert_int_eq(split_adopt(&next_ring, &memory, &registers, EVENTS), 0);
	count = split_pop(&next_ring, &memory, chains, SIZE, &why);
	ck_assert_int_ge(count, 0);
	ck_assert(!split_more(&next_ring));
	return (unsigned)count;
}

/* And after it has done all there is nothing to do for a third one. */
static void end_all(struct chain **chains, unsigned count)
{
	struct chain *chain;

	while (count--) {
		chains[count]->in_flight = false;
		split_push(&next_ring, chains[count], 0);
	}
	split_publish(&next_ring);
	split_stop(&next_ring, &memory);
	ck_assert_uint_eq(adopt_and_take(&chain), 0);
	split_stop(&next_ring, &memory);
}

static void take_over(const struct left *left, bool driver_goes_on)
{
	struct chain *chains[SIZE];
	uint16_t owed[CHAINS];
	unsigned i, count;

	memcpy(&next_inflight, left->inflight, sizeof(next_inflight));
	count = list_owed(owed);
	if (driver_goes_on)
		count = offer_the_rest(owed, count);
	ck_assert_uint_eq(adopt_and_take(chains), count);
	for (i = 0; i < count; i++)
		ck_assert_uint_eq(chains[i]->head, owed[i]);
	end_all(chains, count);
	put_back(left);
}

/* ---- the tests --------------------------------------------------------------------------- */

static void setup(void)
{
	unsigned i;

	ring_setup();
	outlive = mmap(NULL, sizeof(*outlive), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	ck_assert_ptr_ne(outlive, MAP_FAILED);
	ring.inflight = outlive;
	ck_assert_int_eq(split_init(&next_ring, RING_BATCH, &access_own, &next_inflight), 0);
	for (i = 0; i < SIZE; i++)
		desc[i] = (struct vring_desc){ .addr = RING_DATA, .len = 16 };
}

static void teardown(void)
{
	split_free(&next_ring);
	munmap(outlive, sizeof(*outlive));
	ring_teardown();
}

static void start_at(uint16_t index)
{
	ring_start(SIZE, EVENTS);
	ring_rewind(index);
	used->idx = outlive->shown = index;
}

START_TEST(death_after_any_instruction_loses_and_repeats_no_chain)
{
	static struct left before, now;
	unsigned deaths = 0;
	pid_t pid;

	make_plan();
	start_at(START);
	pid = begin();
	save(&before);
	while (go_on(pid)) {
		save(&now);
		if (!memcmp(&before, &now, sizeof(now)))
			continue;
		before = now;
		deaths++;
		take_over(&now, false);
		take_over(&now, true);
	}
	ck_assert_uint_ge(deaths, 6 * CHAINS); /* two stores each to offer, to take, to push */
	ck_assert_uint_eq((uint16_t)(used->idx - START), CHAINS);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(death_after_any_instruction_loses_and_repeats_no_chain),
	};

	return unit_main("split-death", setup, teardown, tests, ARRAY_SIZE(tests));
}
