/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-fake.c: the fake Xen layer does what Xen and Linux do, and notices what
 * they would punish. The server here is a few lines in a child process.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xentoolcore.h>

#include "fake/fake.h"

#define BDF 0x30 /* 00:06.0 */
#define BAR 0xf1000000ull

/* ---- a small server ------------------------------------------------------------ */

enum mode { ANSWER, BACKWARDS, SILENT, NO_NOTIFY, CRASH, DESTROY_OPEN, WIDE };

struct mini {
	xendevicemodel_handle *dm;
	xenforeignmemory_handle *fmem;
	xenevtchn_handle *evtchn;
	xenforeignmemory_resource_handle *resource;
	struct shared_iopage *page;
	ioservid_t id;
	int port[4];
	unsigned int vcpus;
	uint64_t reg;
};

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void mini_open(struct mini *m, int adopt)
{
	void *addr = NULL;
	unsigned int i;

	m->dm = xendevicemodel_open(NULL, 0);
	m->fmem = xenforeignmemory_open(NULL, 0);
	m->evtchn = xenevtchn_open(NULL, 0);
	xendevicemodel_nr_vcpus(m->dm, FAKE_DOMID, &m->vcpus);
	m->id = (ioservid_t)adopt;
	if (adopt < 0 && xendevicemodel_create_ioreq_server(m->dm, FAKE_DOMID, 0, &m->id))
		exit(1);
	m->resource = xenforeignmemory_map_resource(m->fmem, FAKE_DOMID,
						    XENMEM_resource_ioreq_server, m->id, 1, 1,
						    &addr, PROT_READ | PROT_WRITE, 0);
	m->page = addr;
	xendevicemodel_set_ioreq_server_state(m->dm, FAKE_DOMID, m->id, 1);
	for (i = 0; i < m->vcpus; i++) {
		m->port[i] = xenevtchn_bind_interdomain(m->evtchn, FAKE_DOMID,
							m->page->vcpu_ioreq[i].vp_eport);
		if (m->port[i] < 0)
			exit(1);
	}
}

static void mini_claim(struct mini *m)
{
	xendevicemodel_map_io_range_to_ioreq_server(m->dm, FAKE_DOMID, m->id, 1, BAR, BAR + 0xfff);
	if (fake_platform() == FAKE_ARM)
		return;
	xendevicemodel_map_pcidev_to_ioreq_server(m->dm, FAKE_DOMID, m->id, 0, 0, 6, 0);
}

static void mini_close(struct mini *m)
{
	xendevicemodel_set_ioreq_server_state(m->dm, FAKE_DOMID, m->id, 0);
	xendevicemodel_destroy_ioreq_server(m->dm, FAKE_DOMID, m->id);
	xenforeignmemory_unmap_resource(m->fmem, m->resource);
	xenevtchn_close(m->evtchn);
	xenforeignmemory_close(m->fmem);
	xendevicemodel_close(m->dm);
}

/* Reads give what was last written. */
static void mini_handle(struct mini *m, unsigned int v, enum mode mode)
{
	struct ioreq *slot = &m->page->vcpu_ioreq[v];

	if (slot->state == STATE_IOREQ_NONE || mode == SILENT)
		return;
	slot->state = STATE_IOREQ_INPROCESS;
	if (mode == CRASH)
		raise(SIGKILL);
	if (mode == BACKWARDS) {
		xenevtchn_unmask(m->evtchn, 0);
		slot->state = STATE_IOREQ_READY;
		xenevtchn_unmask(m->evtchn, 0);
	}
	if (mode == DESTROY_OPEN) {
		stop = 1;
		return;
	}
	if (slot->dir == IOREQ_READ)
		slot->data = mode == WIDE ? UINT64_MAX - 1 : m->reg;
	else
		m->reg = slot->data;
	slot->state = STATE_IORESP_READY;
	if (mode != NO_NOTIFY)
		xenevtchn_notify(m->evtchn, (evtchn_port_t)m->port[v]);
}

static int mini_main(int argc, char **argv)
{
	enum mode mode = (enum mode)atoi(argv[1]);
	struct mini m = { .id = 0 };
	struct sigaction sa = { .sa_handler = on_term };
	unsigned int v;
	int port;

	stop = 0;
	sigaction(SIGTERM, &sa, NULL);
	mini_open(&m, argc > 2 ? atoi(argv[2]) : -1);
	mini_claim(&m);
	fprintf(stderr, "ready\n");
	while (!stop && (port = xenevtchn_pending(m.evtchn)) >= 0) {
		for (v = 0; v < m.vcpus; v++)
			if (m.port[v] == port)
				mini_handle(&m, v, mode);
		xenevtchn_unmask(m.evtchn, (evtchn_port_t)port);
	}
	mini_close(&m);
	return 0;
}

static struct fake_child *mini_start(enum fake_platform platform, const char *mode)
{
	fake_start(platform, 2, 1024);
	fake_timeout(300);
	return fake_spawn(mini_main, mode);
}

/* ---- accesses ---------------------------------------------------------------------- */

START_TEST(config_and_mmio_are_answered)
{
	mini_start(FAKE_HVM, "0");
	vcpu_config_write(0, BDF, 4, 2, 0x1234567);
	ck_assert_uint_eq(vcpu_config_read(0, BDF, 4, 2), 0x4567);
	vcpu_mmio_write(1, BAR + 8, 8, 0x1122334455667788);
	ck_assert_uint_eq(vcpu_mmio_read(0, BAR, 4), 0x55667788);
	ck_assert_uint_gt(fake_slowest_ns(), 0);
	ck_assert_uint_eq(fake_calls(FAKE_DM_MAP_PCIDEV), 1);
}
END_TEST

START_TEST(unclaimed_reads_are_all_ones)
{
	struct fake_io io = { .type = FAKE_MMIO, .read = true, .addr = BAR + 0xffe, .size = 4 };

	mini_start(FAKE_HVM, "0");
	ck_assert_uint_eq(vcpu_config_read(0, BDF + 8, 0, 4), 0xffffffff);
	ck_assert_uint_eq(vcpu_pio_read(0, 0xcf8, 4), 0xffffffff);
	ck_assert(!vcpu_io(0, &io).claimed); /* half inside is outside */
}
END_TEST

START_TEST(unclaimed_access_on_arm_is_an_abort)
{
	mini_start(FAKE_ARM, "0");
	vcpu_mmio_write(0, BAR, 4, 0x1234);
	ck_assert_uint_eq(vcpu_mmio_read(0, BAR, 4) & 0xffffffff, 0x1234);
	ck_assert(fake_expect_violation("answered with")); /* whole registers came and went */
	vcpu_mmio_read(0, FAKE_ECAM, 4);
	ck_assert(fake_expect_violation("data abort"));
}
END_TEST

START_TEST(two_vcpus_wait_at_once)
{
	struct fake_io io = { .type = FAKE_MMIO, .read = true, .addr = BAR, .size = 4 };

	mini_start(FAKE_HVM, "0");
	vcpu_begin(0, &io);
	vcpu_begin(1, &io);
	ck_assert(vcpu_finish(1).answered);
	ck_assert(vcpu_finish(0).answered);
	vcpu_invalidate(0);
}
END_TEST

START_TEST(state_that_goes_back_crashes_the_domain)
{
	mini_start(FAKE_HVM, "1");
	vcpu_mmio_read(0, BAR, 4);
	ck_assert(fake_domain_crashed());
	ck_assert(fake_expect_violation("ioreq state went back"));
}
END_TEST

START_TEST(no_answer_is_noticed)
{
	mini_start(FAKE_HVM, "2");
	vcpu_mmio_read(0, BAR, 4);
	ck_assert(fake_expect_violation("vCPU 0 stuck"));
	fake_domain_destroy();
}
END_TEST

START_TEST(answer_without_event_is_noticed)
{
	mini_start(FAKE_HVM, "3");
	vcpu_mmio_read(0, BAR, 4);
	ck_assert(fake_expect_violation("vCPU 0 stuck"));
}
END_TEST

START_TEST(read_wider_than_asked_is_noticed_on_arm)
{
	mini_start(FAKE_ARM, "6");
	vcpu_mmio_read(0, BAR, 2);
	ck_assert(fake_expect_violation("answered with"));
}
END_TEST

START_TEST(destroying_with_a_vcpu_waiting_is_noticed)
{
	mini_start(FAKE_HVM, "5");
	vcpu_mmio_read(0, BAR, 4);
	ck_assert(fake_expect_violation("destroyed while vCPU 0 waits"));
	ck_assert(fake_expect_violation("vCPU 0 stuck"));
}
END_TEST

/* ---- death and adoption ---------------------------------------------------------------- */

START_TEST(a_new_process_adopts_the_server)
{
	struct fake_io io = { .type = FAKE_MMIO, .read = true, .addr = BAR, .size = 4 };
	struct fake_child *child = mini_start(FAKE_HVM, "2");
	struct fake_answer answer;

	vcpu_begin(0, &io);
	ck_assert(!vcpu_try_finish(0, 50, &answer));
	fake_kill9(child);
	ck_assert(fake_server_enabled(1));
	fake_spawn(mini_main, "0", "1");
	ck_assert(vcpu_finish(0).answered);
}
END_TEST

START_TEST(a_server_in_use_cannot_be_adopted)
{
	struct fake_child *second;

	mini_start(FAKE_HVM, "0");
	second = fake_spawn_nowait(mini_main, "0", "1");
	ck_assert_int_eq(fake_wait_exit(second, 2000), 1);
	vcpu_mmio_write(0, BAR, 4, 1);
}
END_TEST

START_TEST(a_signal_is_noticed)
{
	struct fake_child *child = mini_start(FAKE_HVM, "4");

	vcpu_mmio_read(0, BAR, 4);
	ck_assert(!fake_alive(child));
	ck_assert(fake_expect_violation("died of signal 9"));
	ck_assert(fake_expect_violation("stuck"));
}
END_TEST

START_TEST(a_dead_domain_has_no_servers)
{
	struct fake_child *child = mini_start(FAKE_HVM, "0");

	fake_domain_destroy();
	ck_assert_uint_eq(fake_servers(), 0);
	ck_assert_uint_eq(vcpu_config_read(0, BDF, 0, 4), 0xffffffff);
	ck_assert_int_eq(fake_terminate(child), 0);
}
END_TEST

/* ---- ranges ------------------------------------------------------------------------------- */

static int add(xendevicemodel_handle *dm, ioservid_t id, uint64_t start, uint64_t end)
{
	return xendevicemodel_map_io_range_to_ioreq_server(dm, FAKE_DOMID, id, 1, start, end)
		       ? errno
		       : 0;
}

static int drop(xendevicemodel_handle *dm, ioservid_t id, uint64_t start, uint64_t end)
{
	return xendevicemodel_unmap_io_range_from_ioreq_server(dm, FAKE_DOMID, id, 1, start, end)
		       ? errno
		       : 0;
}

START_TEST(ranges_follow_xens_rules)
{
	xendevicemodel_handle *dm;
	ioservid_t id;
	unsigned int i;

	fake_start(FAKE_PVH, 1, 64);
	dm = xendevicemodel_open(NULL, 0);
	ck_assert_int_eq(xendevicemodel_create_ioreq_server(dm, FAKE_DOMID, 0, &id), 0);
	ck_assert_int_eq(add(dm, id, 0x1000, 0x1fff), 0);
	ck_assert_int_eq(add(dm, id, 0x1800, 0x2800), EEXIST);
	ck_assert_int_eq(add(dm, id, 0x2000, 0x2fff), 0);
	ck_assert_uint_eq(fake_ranges(id, FAKE_RANGE_MEMORY), 1); /* merged */
	ck_assert_int_eq(drop(dm, id, 0x1800, 0x17ff), EINVAL);
	ck_assert_int_eq(drop(dm, id, 0x1800, 0x27ff), 0);
	ck_assert_uint_eq(fake_ranges(id, FAKE_RANGE_MEMORY), 2); /* split */
	ck_assert_int_eq(drop(dm, id, 0x1000, 0x2fff), ENOENT);
	for (i = 2; i < 256; i++)
		ck_assert_int_eq(add(dm, id, i * 0x10000, i * 0x10000 + 1), 0);
	ck_assert_int_eq(add(dm, id, 0x9000000, 0x9000001), ENOMEM);
	ck_assert_int_eq(xendevicemodel_destroy_ioreq_server(dm, FAKE_DOMID, id), 0);
	ck_assert_int_eq(add(dm, id, 0, 1), ENOENT);
	xendevicemodel_close(dm);
}
END_TEST

START_TEST(a_domain_has_eight_servers)
{
	xendevicemodel_handle *dm;
	ioservid_t id;
	unsigned int i;

	fake_start(FAKE_HVM, 1, 64);
	dm = xendevicemodel_open(NULL, 0);
	for (i = 1; i < FAKE_NR_SERVERS; i++)
		ck_assert_int_eq(xendevicemodel_create_ioreq_server(dm, FAKE_DOMID, 0, &id), 0);
	ck_assert_int_eq(xendevicemodel_create_ioreq_server(dm, FAKE_DOMID, 0, &id), -1);
	ck_assert_int_eq(errno, ENOSPC);
	for (id = 1; id < FAKE_NR_SERVERS; id++)
		xendevicemodel_destroy_ioreq_server(dm, FAKE_DOMID, id);
	xendevicemodel_destroy_ioreq_server(dm, FAKE_DOMID, 0);
	ck_assert(fake_expect_violation("is QEMU's"));
	ck_assert_int_eq(xendevicemodel_create_ioreq_server(dm, 8, 0, &id), -1);
	ck_assert_int_eq(errno, ESRCH);
	xendevicemodel_close(dm);
}
END_TEST

START_TEST(platforms_lack_what_they_lack)
{
	xendevicemodel_handle *dm;
	ioservid_t id;

	fake_start(FAKE_ARM, 1, 64);
	dm = xendevicemodel_open(NULL, 0);
	ck_assert_int_eq(xendevicemodel_inject_msi(dm, FAKE_DOMID, 0xfee00000, 0x21), -1);
	ck_assert_int_eq(errno, EOPNOTSUPP);
	ck_assert_int_eq(xendevicemodel_set_pci_intx_level(dm, FAKE_DOMID, 0, 0, 6, 0, 1), -1);
	ck_assert_int_eq(xendevicemodel_modified_memory(dm, FAKE_DOMID, 0, 1), -1);
	ck_assert_int_eq(xendevicemodel_set_irq_level(dm, FAKE_DOMID, 36, 1), 0);
	ck_assert_uint_eq(fake_spi_raised(36), 1);
	xendevicemodel_create_ioreq_server(dm, FAKE_DOMID, 0, &id);
	xendevicemodel_map_pcidev_to_ioreq_server(dm, FAKE_DOMID, id, 0, 0, 6, 0);
	ck_assert(fake_expect_violation("on Arm never matches"));
	xendevicemodel_destroy_ioreq_server(dm, FAKE_DOMID, id);
	xendevicemodel_close(dm);
}
END_TEST

/* ---- interrupts ------------------------------------------------------------------------------ */

START_TEST(interrupts_are_recorded)
{
	xendevicemodel_handle *dm;
	uint32_t seq;

	fake_start(FAKE_HVM, 1, 64);
	dm = xendevicemodel_open(NULL, 0);
	seq = fake_irq_seq();
	ck_assert(!fake_irq_wait(seq, 20));
	ck_assert_int_eq(xendevicemodel_inject_msi(dm, FAKE_DOMID, 0xfee36000, 0x700), 0);
	ck_assert(fake_irq_wait(seq, 20));
	ck_assert_uint_eq(fake_msi_count(0xfee36000, 0x700), 1);
	ck_assert_int_eq(xendevicemodel_inject_msi(dm, FAKE_DOMID, 0xfee00000, 0x5), -1);
	xendevicemodel_set_pci_intx_level(dm, FAKE_DOMID, 0, 0, 6, 0, 1);
	xendevicemodel_set_pci_intx_level(dm, FAKE_DOMID, 0, 0, 6, 0, 1);
	ck_assert(fake_intx_level(6, 0));
	ck_assert_uint_eq(fake_intx_raised(6, 0), 1);
	xendevicemodel_close(dm);
}
END_TEST

/* ---- the rest ------------------------------------------------------------------------------------------ */

START_TEST(modified_pages_are_recorded)
{
	struct xen_dm_op_modified_memory_extent extents[257] = { { .nr = 2, .first_pfn = 62 },
								 { .nr = 1, .first_pfn = 9 } };
	xendevicemodel_handle *dm;

	fake_start(FAKE_HVM, 1, 64);
	dm = xendevicemodel_open(NULL, 0);
	ck_assert_int_eq(xendevicemodel_modified_memory_bulk(dm, FAKE_DOMID, extents, 2), 0);
	ck_assert_int_eq(xendevicemodel_modified_memory(dm, FAKE_DOMID, 20, 1), 0);
	ck_assert_uint_eq(fake_pages_modified(), 4);
	ck_assert(fake_page_reported(9) && fake_page_reported(20));
	ck_assert(fake_page_reported(62) && fake_page_reported(63));
	ck_assert(!fake_page_reported(8) && !fake_page_reported(10) && !fake_page_reported(61));
	fake_calls_reset();
	ck_assert(!fake_page_reported(9));
	ck_assert_uint_eq(fake_pages_modified(), 0);
	ck_assert_int_eq(xendevicemodel_modified_memory(dm, FAKE_DOMID, 63, 2), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(xendevicemodel_modified_memory(dm, FAKE_DOMID, 9, 0), -1);
	ck_assert_int_eq(xendevicemodel_modified_memory_bulk(dm, FAKE_DOMID, extents, 257), -1);
	ck_assert_int_eq(errno, E2BIG);
	xendevicemodel_close(dm);
}
END_TEST

START_TEST(restriction_kills_grants_and_binds_the_rest)
{
	xengnttab_handle *before, *after;
	xendevicemodel_handle *dm;
	unsigned int vcpus;

	fake_start(FAKE_HVM, 1, 64);
	fake_grant(100, 5, false);
	before = xengnttab_open(NULL, 0);
	dm = xendevicemodel_open(NULL, 0);
	ck_assert_int_eq(xentoolcore_restrict_all(FAKE_DOMID), 0);
	after = xengnttab_open(NULL, 0);
	ck_assert_ptr_null(xengnttab_map_grant_ref(before, FAKE_DOMID, 100, PROT_READ));
	ck_assert_int_eq(xendevicemodel_nr_vcpus(dm, FAKE_DOMID, &vcpus), 0);
	ck_assert_int_eq(xendevicemodel_nr_vcpus(dm, 1, &vcpus), -1);
	xengnttab_unmap(after, xengnttab_map_grant_ref(after, FAKE_DOMID, 100, PROT_READ), 1);
	xengnttab_close(before);
	xengnttab_close(after);
	xendevicemodel_close(dm);
}
END_TEST

START_TEST(xenstore_reads_lists_and_watches)
{
	unsigned int len, num;
	struct xs_handle *xs;
	char **vec, *value;

	fake_start(FAKE_HVM, 1, 64);
	xs = xs_open(0);
	value = xs_read(xs, XBT_NULL, "/local/domain/7/name", &len);
	ck_assert_str_eq(value, FAKE_DOMAIN);
	free(value);
	ck_assert_ptr_null(xs_read(xs, XBT_NULL, "/nothing", &len));
	vec = xs_directory(xs, XBT_NULL, "/local/domain", &num);
	ck_assert_uint_eq(num, 2);
	ck_assert_str_eq(vec[1], "7");
	free(vec);
	ck_assert(xs_watch(xs, "@releaseDomain", "gone"));
	free(xs_read_watch(xs, &num)); /* a new watch fires at once */
	ck_assert_ptr_null(xs_check_watch(xs));
	fake_domain_destroy();
	vec = xs_check_watch(xs);
	ck_assert_str_eq(vec[XS_WATCH_TOKEN], "gone");
	free(vec);
	ck_assert(!xs_is_domain_introduced(xs, FAKE_DOMID));
	xs_close(xs);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fake");
	TCase *tc = tcase_create("fake");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, NULL, fake_end);
	tcase_add_test(tc, config_and_mmio_are_answered);
	tcase_add_test(tc, unclaimed_reads_are_all_ones);
	tcase_add_test(tc, unclaimed_access_on_arm_is_an_abort);
	tcase_add_test(tc, two_vcpus_wait_at_once);
	tcase_add_test(tc, state_that_goes_back_crashes_the_domain);
	tcase_add_test(tc, no_answer_is_noticed);
	tcase_add_test(tc, answer_without_event_is_noticed);
	tcase_add_test(tc, read_wider_than_asked_is_noticed_on_arm);
	tcase_add_test(tc, destroying_with_a_vcpu_waiting_is_noticed);
	tcase_add_test(tc, a_new_process_adopts_the_server);
	tcase_add_test(tc, a_server_in_use_cannot_be_adopted);
	tcase_add_test(tc, a_signal_is_noticed);
	tcase_add_test(tc, a_dead_domain_has_no_servers);
	tcase_add_test(tc, ranges_follow_xens_rules);
	tcase_add_test(tc, a_domain_has_eight_servers);
	tcase_add_test(tc, platforms_lack_what_they_lack);
	tcase_add_test(tc, interrupts_are_recorded);
	tcase_add_test(tc, modified_pages_are_recorded);
	tcase_add_test(tc, restriction_kills_grants_and_binds_the_rest);
	tcase_add_test(tc, xenstore_reads_lists_and_watches);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
