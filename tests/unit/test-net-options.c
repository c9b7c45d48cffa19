/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-options.c: what may be said of a network device, and in what company.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/options.h"
#include "devices/net/net.h"
#include "unit/unit.h"

static struct net_options options;
static const struct option_set set = { net_option_specs, &options };

static void setup(void)
{
}

static void teardown(void)
{
	options_free(&set, 1);
}

static int parse(const char *text)
{
	int err = options_parse(&set, 1, "--net", text);

	return err ? err : net_options_check(&options, "--net");
}

START_TEST(each_backend_is_taken)
{
	static const char *const good[] = {
		"tap=t0",
		"tap=t0,queues=4",
		"tapdev=/dev/tap7,queues=4",
		"passt=/run/passt.socket,mtu=1500",
		"fd=5",
		"tap=t0,script=/etc/xen/scripts/vif-bridge,bridge=xenbr0,script-limit=30",
	};

	ck_assert_int_eq(parse(good[_i]), 0);
}
END_TEST

START_TEST(what_does_not_go_together_is_refused_with_one_line)
{
	static const char *const bad[][2] = {
		{ "mac=00:16:3e:00:00:01", "give one of tap=, tapdev=, passt= and fd=" },
		{ "tap=t0,passt=/run/passt.socket", "give one of tap=" },
		{ "tapdev=/dev/tap7,fd=5", "give one of tap=" },
		{ "passt=/run/passt.socket,queues=2", "a socket is one queue" },
		{ "fd=5,queues=2", "a descriptor is one queue" },
		{ "passt=/run/passt.socket,script=/bin/true", "script= goes with tap=" },
		{ "tap=t0,bridge=xenbr0", "bridge= goes with script=" },
		{ "tap=t0,script=/bin/true,script-limit=0", "script-limit" },
		{ "tap=t0,mac=01:16:3e:00:00:01", "is not an address for one station" },
	};
	const char *text;

	log_capture_begin();
	ck_assert_int_eq(parse(bad[_i][0]), -EINVAL);
	text = log_capture_end();
	ck_assert_uint_eq(count_lines(text), 1);
	ck_assert_msg(strstr(text, bad[_i][1]) != NULL, "%s", text);
}
END_TEST

START_TEST(a_script_may_take_ten_seconds)
{
	ck_assert_int_eq(parse("tap=t0,script=/bin/true"), 0);
	ck_assert_uint_eq(options.script_limit, 10);
}
END_TEST

START_TEST(a_device_s_own_address_is_made_of_what_is_behind_it)
{
	uint8_t first[NET_MAC_BYTES], second[NET_MAC_BYTES];

	ck_assert_int_eq(parse("passt=/run/first.socket"), 0);
	net_options_mac(&options, "00:06.0 net", first);
	options_free(&set, 1);
	ck_assert_int_eq(parse("passt=/run/second.socket"), 0);
	net_options_mac(&options, "00:06.0 net", second);
	ck_assert_mem_ne(first, second, NET_MAC_BYTES);
	ck_assert_int_eq(first[0] & 1, 0);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(each_backend_is_taken, 6),
		TIMES(what_does_not_go_together_is_refused_with_one_line, 9),
		ONCE(a_script_may_take_ten_seconds),
		ONCE(a_device_s_own_address_is_made_of_what_is_behind_it),
	};

	return unit_main("net-options", setup, teardown, tests, ARRAY_SIZE(tests));
}
