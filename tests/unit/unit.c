/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit.c: see unit.h. */
#include "unit/unit.h"

#include "fake/fake.h"

#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CAPTURE_MAX (4u << 20)

int unit_main(const char *name, SFun setup, SFun teardown, const struct unit_test *tests,
	      unsigned ntests)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;
	unsigned i;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	for (i = 0; i < ntests; i++)
		if (tests[i].loops)
			tcase_add_loop_test(tcase, tests[i].test, 0, tests[i].loops);
		else
			tcase_add_test(tcase, tests[i].test);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct ioreq_platform *unit_platform(void)
{
	static const struct ioreq_platform x86, arm = { .ecam = FAKE_ECAM, .spi_base = 32 };

	return fake_platform() == FAKE_ARM ? &arm : &x86;
}

static int saved_stderr = -1, capture_fd = -1;

void log_capture_begin(void)
{
	saved_stderr = dup(STDERR_FILENO);
	capture_fd = memfd_create("log", MFD_CLOEXEC);
	ck_assert(saved_stderr >= 0 && capture_fd >= 0);
	ck_assert_int_eq(fcntl(capture_fd, F_SETFL, O_APPEND), 0); /* threads write at once */
	ck_assert_int_ge(dup2(capture_fd, STDERR_FILENO), 0);
}

const char *log_capture_end(void)
{
	static char text[CAPTURE_MAX];
	ssize_t n;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	n = pread(capture_fd, text, sizeof(text) - 1, 0);
	close(capture_fd);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return text;
}

unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

uint32_t unit_random(uint32_t below)
{
	static uint32_t seed = 1;

	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

void unit_nap_us(unsigned us)
{
	struct timespec nap = { .tv_nsec = us * 1000L };

	nanosleep(&nap, NULL);
}

struct call {
	struct loop_work work;
	void (*fn)(void *arg);
	void *arg;
	sem_t done;
};

static void run_call(struct loop_work *work)
{
	struct call *call = container_of(work, struct call, work);

	call->fn(call->arg);
	sem_post(&call->done);
}

void unit_call(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct call call = { .work = { .run = run_call }, .fn = fn, .arg = arg };

	sem_init(&call.done, 0, 0);
	loop_post(loop, &call.work);
	sem_wait(&call.done);
	sem_destroy(&call.done);
}
