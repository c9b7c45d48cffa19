/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-macvtap.c: the tap backend on the device of a real macvtap.
 */
#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit/tap.h"
#include "unit/unit.h"

#define MACVTAP "macvtap9"
#define MAC     "02:16:3e:00:00:09"

/* On a cable with two ends, of which "wire" is the test's. Its device has the name that
 * its index gives it, in all network namespaces: so it is one that no other has. */
static void make_macvtap(void)
{
	char text[120];

	tap_ip("add wire type veth peer name lower");
	snprintf(text, sizeof(text),
		 "add link lower name " MACVTAP " address " MAC
		 " mtu 1400 index %d type macvtap mode bridge",
		 1000 + getpid());
	tap_ip(text);
	tap_ip("set wire up");
	tap_ip("set lower up");
	tap_wire = "wire";
}

static const char *macvtap_path(void)
{
	static char path[32];

	snprintf(path, sizeof(path), "/dev/tap%u", if_nametoindex(MACVTAP));
	return path;
}

/* False where whoever tests may not open it. */
static bool open_macvtap(unsigned pairs)
{
	int err;

	make_macvtap();
	err = tap_device_open(macvtap_path(), pairs, &tap_backend, &tap_why);
	if (err == -EACCES || err == -EPERM || err == -ENOENT) {
		printf("not tested: %s\n", tap_why.text);
		tap_backend = NULL;
		return false;
	}
	ck_assert_msg(!err, "%s", tap_why.text);
	tap_take(pairs);
	return true;
}

START_TEST(a_macvtap_passes_frames_both_ways)
{
	if (!open_macvtap(1))
		return;
	ck_assert_int_eq(tap_backend->ops->set_offloads(tap_backend, tap_backend->features), 0);
	tap_ip("set " MACVTAP " up");
	tap_pass_both_ways();
}
END_TEST

START_TEST(a_macvtap_says_its_address_and_mtu)
{
	static const uint8_t mac[] = { 0x02, 0x16, 0x3e, 0, 0, 9 };

	if (!open_macvtap(1))
		return;
	ck_assert_mem_eq(tap_backend->mac, mac, sizeof(mac));
	ck_assert_uint_eq(tap_backend->mtu, 1400);
}
END_TEST

/* With one queue attached, all comes by that. */
START_TEST(a_macvtap_has_several_queues)
{
	unsigned i;

	if (!open_macvtap(4))
		return;
	for (i = 1; i <= 4; i++)
		ck_assert_int_eq(tap_backend->ops->set_pairs(tap_backend, i), 0);
	ck_assert_int_eq(tap_backend->ops->set_pairs(tap_backend, 1), 0);
	tap_ip("set " MACVTAP " up");
	for (i = 0; i < 20; i++)
		tap_pass_both_ways();
}
END_TEST

START_TEST(the_link_of_a_macvtap_follows_it_until_it_goes)
{
	if (!open_macvtap(1))
		return;
	tap_watch();
	tap_ip("set " MACVTAP " up");
	ck_assert(tap_comes_to(true));
	tap_ip("set wire down");
	ck_assert(tap_comes_to(false));
	tap_ip("set wire up");
	ck_assert(tap_comes_to(true));
	tap_ip("del " MACVTAP);
	ck_assert(tap_comes_to(false));
	log_capture_begin();
	tap_ip("show > /dev/null; ip tuntap add " MACVTAP " mode tap vnet_hdr");
	tap_ip("set " MACVTAP " up");
	usleep(200000);
	ck_assert(!tap_is_up);
	ck_assert_ptr_nonnull(strstr(log_capture_end(), "it has another device now"));
}
END_TEST

START_TEST(what_is_no_macvtap_s_device_is_refused_with_a_reason)
{
	ck_assert_int_eq(tap_device_open("/dev/null", 1, &tap_backend, &tap_why), -ENOTTY);
	ck_assert_ptr_nonnull(strstr(tap_why.text, "no device of a macvtap"));
	ck_assert_int_eq(tap_device_open("/dev/tap0", 1, &tap_backend, &tap_why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(tap_why.text, "tapdev /dev/tap0: No such file"));
	tap_backend = NULL;
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(a_macvtap_passes_frames_both_ways),
		ONCE(a_macvtap_says_its_address_and_mtu),
		ONCE(a_macvtap_has_several_queues),
		ONCE(the_link_of_a_macvtap_follows_it_until_it_goes),
		ONCE(what_is_no_macvtap_s_device_is_refused_with_a_reason),
	};

	return unit_main("net-macvtap", tap_setup, tap_teardown, tests, ARRAY_SIZE(tests));
}
