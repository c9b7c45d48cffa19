/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-host.c: what the host does to a daemon: signals, threads that get
 * no CPU, a toolstack that takes pages and servers away, images that others
 * have open, a log that goes nowhere.
 */
#include <errno.h>
#include <glob.h>
#include <linux/virtio_config.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xendevicemodel.h>

#include "restart.h"
#include "unit/unit.h"

static uint8_t status(struct gblk *blk)
{
	return (uint8_t)gvirtio_read(&blk->v, gvirtio_field(device_status), 1);
}

/* ---- the end ------------------------------------------------------------------------ */

static bool first_line_is(const char *path, const char *wanted)
{
	FILE *file = fopen(path, "r");
	char line[32] = "";
	bool same;

	same = file && fgets(line, sizeof(line), file) && !strncmp(line, wanted, strlen(wanted));
	if (file)
		fclose(file);
	return same;
}

static pid_t find_thread(pid_t pid, const char *name)
{
	char pattern[40];
	glob_t found;
	pid_t tid = 0;
	size_t i;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*/comm", pid);
	ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
	for (i = 0; i < found.gl_pathc; i++)
		if (first_line_is(found.gl_pathv[i], name))
			tid = atoi(strchr(pattern, '*') - pattern + found.gl_pathv[i]);
	globfree(&found);
	ck_assert_msg(tid, "no thread %s", name);
	return tid;
}

/* One thread stands still, as one that gets no CPU; the others go on. */
static pid_t hold_worker(const struct fake_child *child, int index)
{
	char name[16];
	pid_t tid;

	snprintf(name, sizeof(name), "worker/%d", index);
	tid = find_thread(fake_pid(child), name);
	ck_assert_int_eq(ptrace(PTRACE_SEIZE, tid, NULL, NULL), 0);
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, tid, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(tid, NULL, __WALL), tid);
	return tid;
}

/* Each queue has its worker; _i is the one that comes late. */
START_TEST(doorbells_of_queues_not_enabled_do_no_harm_at_the_end)
{
	struct fake_child *child = model_start_with(FAKE_PVH, "4", model_disk("queues=4"), NULL);
	struct gvirtio *v = &model_driver(&model_grants)->v;
	pid_t worker = hold_worker(child, _i);
	unsigned queue;

	for (queue = 0; queue < 4; queue++)
		vcpu_mmio_write(1, v->notify + queue * v->notify_multiplier, 2, queue);
	kill(fake_pid(child), SIGTERM);
	ck_assert(wait_for(!fake_servers()));
	unit_nap_us(20000);
	ck_assert_int_eq(ptrace(PTRACE_DETACH, worker, NULL, NULL), 0);
	ck_assert_int_eq(fake_wait_exit(child, 5000), 0);
}
END_TEST

START_TEST(sigint_withdraws_as_sigterm_does)
{
	struct fake_child *child = model_start(FAKE_HVM, model_disk(NULL));
	struct gblk *blk = model_driver(&model_plain);

	kill(fake_pid(child), SIGSTOP);
	restart_ring(blk);
	kill(fake_pid(child), SIGINT);
	kill(fake_pid(child), SIGCONT);
	ck_assert(vcpu_finish(1).answered);
	ck_assert_int_eq(fake_wait_exit(child, 5000), 0);
	ck_assert_uint_eq(fake_servers(), 0);
}
END_TEST

/* As a toolstack might, that knows no better. */
static void destroy_server(void)
{
	xendevicemodel_handle *dm = xendevicemodel_open(NULL, 0);

	ck_assert_int_eq(xendevicemodel_destroy_ioreq_server(dm, FAKE_DOMID,
							     (ioservid_t)fake_server_id()),
			 0);
	xendevicemodel_close(dm);
}

/* ENOENT and ESRCH mean the end, what may pass does not. */
START_TEST(only_a_server_that_is_gone_ends_the_daemon)
{
	struct fake_child *child = model_start(FAKE_HVM, model_disk(NULL));
	struct gblk *blk = model_driver(&model_plain);

	fake_fail(FAKE_DM_INFO, 1, _i ? EAGAIN : EINTR);
	ck_assert(wait_for(fake_failed(FAKE_DM_INFO)));
	unit_nap_us(50000);
	ck_assert(fake_alive(child));
	ck_assert(gblk_load(blk, 20, 4));
	if (_i)
		fake_domain_destroy();
	else
		destroy_server();
	ck_assert_int_eq(fake_wait_exit(child, 5000), 0);
}
END_TEST

/* ---- memory that comes and goes ------------------------------------------------------ */

static bool read_into(struct gblk *blk, uint64_t sector, uint64_t *gpa)
{
	struct gblk_req *req = gblk_submit(blk, VIRTIO_BLK_T_IN, sector, 512);
	bool good;

	*gpa = req->seg[0].gpa;
	gblk_kick(blk);
	good = gblk_wait(blk, req, 5000) && req->status == VIRTIO_BLK_S_OK;
	gblk_put(blk, req);
	return good;
}

START_TEST(a_page_that_came_back_is_used_without_invalidate)
{
	uint64_t page, sector, used = 0, gpa;
	struct gblk *blk;

	model_start(FAKE_HVM, model_disk(NULL));
	blk = model_driver(&model_plain);
	page = gpage_alloc(1);
	fake_hole(page / FAKE_PAGE, true);
	vcpu_invalidate(0);
	ck_assert(gblk_load(blk, 40, 8)); /* looks at the neighbours */
	fake_hole(page / FAKE_PAGE, false);
	gpage_free(page, 1);
	for (sector = 0; sector < 16; sector++) {
		ck_assert(read_into(blk, sector, &gpa));
		used += gpa / FAKE_PAGE == page / FAKE_PAGE;
	}
	ck_assert_uint_gt(used, 0);
}
END_TEST

/* ---- two of them ------------------------------------------------------------------------ */

START_TEST(a_second_start_leaves_the_first_alone)
{
	struct fake_child *child = model_start(FAKE_PVH, model_disk(NULL));
	struct gblk *blk = model_driver(&model_grants);
	int id = fake_server_id();

	restart_refused(restart_begin(RESTART_NULL_DISK), "another process serves this instance");
	ck_assert_uint_eq(fake_servers(), 1);
	ck_assert(gblk_load(blk, 20, 4));
	fake_kill9(child);
	child = model_again(model_disk(NULL));
	ck_assert_ptr_nonnull(strstr(fake_log(child), "adopted"));
	ck_assert_int_eq(fake_server_id(), id);
	restart_works(blk, &model_grants);
}
END_TEST

/* The first disk's image, for a function of its own. */
static const char *same_image(const char *bdf, const char *more)
{
	static char text[200];

	snprintf(text, sizeof(text), "bdf=%s,path=%s/disk.img%s", bdf, getenv("RUNTIME_DIRECTORY"),
		 more);
	return text;
}

START_TEST(an_image_has_one_writer)
{
	static const char in_use[] = "in use by another process";
	struct fake_child *child = model_start(FAKE_HVM, model_disk(NULL));
	struct gblk *blk = model_driver(&model_plain);

	restart_refused(restart_begin_as("second", same_image("00:07.0", "")), in_use);
	restart_refused(restart_begin_as("second", same_image("00:07.0", ",readonly=on")), in_use);
	ck_assert_uint_eq(fake_servers(), 1);
	ck_assert(gblk_load(blk, 20, 4));
	fake_kill9(child);
	ck_assert(restart_serves(restart_begin(model_disk(NULL)))); /* the lock ended with it */
	restart_works(blk, &model_plain);
}
END_TEST

START_TEST(an_image_has_many_readers)
{
	model_start(FAKE_HVM, model_disk("readonly=on"));
	ck_assert(
		restart_serves(restart_begin_as("second", same_image("00:07.0", ",readonly=on"))));
	restart_refused(fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--name",
					  "third", "--blk", same_image("00:08.0", "")),
			"in use by another process");
	ck_assert_uint_eq(fake_servers(), 2);
}
END_TEST

/* ---- the log ------------------------------------------------------------------------------ */

static int main_without_reader(int argc, char **argv)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
	return xenvirtiod_main(argc, argv);
}

/* The next descriptor that is opened would be taken for the log. */
static int main_without_stderr(int argc, char **argv)
{
	close(STDERR_FILENO);
	return xenvirtiod_main(argc, argv);
}

/* The odd length is worth a line before anything else is done. */
START_TEST(a_log_that_goes_nowhere_is_no_harm)
{
	struct fake_child *child;

	ck_assert_int_eq(truncate(strchr(model_disk(NULL), '/'), MODEL_DISK + 100), 0);
	guest_boot(FAKE_HVM, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn_nowait(_i ? main_without_stderr : main_without_reader, "--domain",
				  FAKE_DOMAIN, "--blk", model_disk(NULL));
	ck_assert(wait_for(fake_claimed(FAKE_RANGE_PCI, MODEL_BDF, MODEL_BDF)));
	ck_assert(gblk_load(model_driver(&model_plain), 50, 8));
	ck_assert_int_eq(fake_terminate(child), 0);
}
END_TEST

/* The driver says that more is queued than the ring has room for. */
static void break_ring(struct gblk *blk)
{
	struct gring *ring = blk->v.ring[0];

	ring->avail->idx = (uint16_t)(ring->avail->idx + 2 * ring->size);
	gvirtio_kick_always(&blk->v, ring);
	ck_assert(wait_for(status(blk) & VIRTIO_CONFIG_S_NEEDS_RESET));
}

START_TEST(log_level_error_is_silent_about_the_guest)
{
	struct fake_child *child;

	guest_boot(FAKE_HVM, MODEL_VCPUS, MODEL_RAM);
	child = fake_spawn_nowait(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--log-level",
				  _i ? "error" : "warning", "--blk", model_disk(NULL));
	ck_assert(wait_for(fake_claimed(FAKE_RANGE_PCI, MODEL_BDF, MODEL_BDF)));
	break_ring(model_driver(&model_plain));
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert_uint_eq(count_lines(fake_log(child)), !_i);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(doorbells_of_queues_not_enabled_do_no_harm_at_the_end, 4),
		ONCE(sigint_withdraws_as_sigterm_does),
		TIMES(only_a_server_that_is_gone_ends_the_daemon, 2),
		ONCE(a_page_that_came_back_is_used_without_invalidate),
		ONCE(a_second_start_leaves_the_first_alone),
		ONCE(an_image_has_one_writer),
		ONCE(an_image_has_many_readers),
		TIMES(a_log_that_goes_nowhere_is_no_harm, 2),
		TIMES(log_level_error_is_silent_about_the_guest, 2),
	};

	return unit_main("model-host", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
