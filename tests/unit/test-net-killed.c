/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-killed.c: what the driver has made of a network device by commands, and the
 * administrator of its link, holds in the process that comes after a killed one; frames pass
 * both ways. The interface is a real one with two queues, which is there all the time.
 */
#include <check.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl.h"
#include "model.h"
#include "unit/tap.h"
#include "unit/unit.h"

#define FEATURE(name) (1ull << (name))
#define BDF           "00:06.0"
#define HEADER        ((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define BYTES         60u
#define ANY           0 /* mark: of frames that only show that there is a way */
#define NONE          (-1)

static const struct gnet_config config = {
	.bdf = MODEL_BDF,
	.dma = GDMA_GRANTS,
	.irq = GIRQ_MSIX,
	.pairs = 2,
	.control = true,
	.with = FEATURE(VIRTIO_NET_F_CTRL_MAC_ADDR) | FEATURE(VIRTIO_NET_F_RSS) |
		FEATURE(VIRTIO_NET_F_NOTF_COAL) | FEATURE(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS),
};

static const uint8_t set_address[6] = { 2, 0, 0, 0, 0, 9 };

static struct fake_child *child;
static struct gnet *net;
static int kernel; /* its side of the interface */
static uint8_t seen[GNET_FRAME];

static void serve(void)
{
	child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--workers", "2", "--net",
			   "bdf=" BDF ",tap=" TAP ",queues=2,mac=00:16:3e:01:02:03");
}

static void setup(void)
{
	int flags = CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0);

	ck_assert_msg(!unshare(flags), "no network namespace: %s", strerror(errno));
	model_setup();
	tap_run("ip tuntap add dev " TAP " mode tap vnet_hdr multi_queue");
	tap_run("echo 1 > /proc/sys/net/ipv6/conf/" TAP "/disable_ipv6"); /* it would speak */
	tap_ip("set " TAP " up");
	kernel = tap_packet_socket();
	guest_boot(FAKE_PVH, MODEL_VCPUS, MODEL_RAM);
	serve();
	net = gnet_start(&config);
}

static void teardown(void)
{
	gnet_remove(net);
	gnet_free(net);
	close(kernel);
	model_teardown();
}

/* ---- frames ------------------------------------------------------------------------- */

static void to_guest(const uint8_t *address, uint8_t mark)
{
	uint8_t frame[BYTES];

	tap_fill(frame);
	memcpy(frame, address, 6);
	frame[14] = mark;
	ck_assert_int_eq(send(kernel, frame, sizeof(frame), 0), sizeof(frame));
}

static void to_guest_tagged(uint8_t vlan, uint8_t mark)
{
	uint8_t frame[BYTES + 4];

	tap_fill(frame + 4);
	memcpy(frame, net->mac, 6);
	memset(frame + 6, 2, 6);
	memcpy(frame + 12, (uint8_t[]){ 0x81, 0, 0, vlan }, 4);
	frame[18] = mark;
	ck_assert_int_eq(send(kernel, frame, sizeof(frame), 0), sizeof(frame));
}

/* The mark of the next frame that is ours, by this pair; NONE. */
static int next_mark(unsigned pair, unsigned ms)
{
	const uint8_t *ethernet = seen + HEADER;

	while (gnet_receive(net, pair, seen, ms)) {
		unsigned tag = ethernet[12] == 0x81 ? 4 : 0;

		if (ethernet[12 + tag] == 0x88 && ethernet[14 + tag] != ANY)
			return ethernet[14 + tag];
	}
	return NONE;
}

/* An end that has just got its carrier may drop what it is to send. */
static void find_a_way(const uint8_t *address)
{
	unsigned pair, tries = 0;

	do {
		to_guest(address, ANY);
		for (pair = 0; pair < 2; pair++)
			if (gnet_receive(net, pair, seen, 20))
				return;
	} while (tries++ < 250);
	ck_abort_msg("no frame reaches the guest");
}

static void check_from_guest(unsigned pair)
{
	uint8_t frame[HEADER + BYTES] = { 0 };

	tap_fill(frame + HEADER);
	frame[HEADER + 14] = (uint8_t)pair;
	ck_assert(gnet_send(net, pair, frame, sizeof(frame), 1));
	gnet_kick(net, pair);
	ck_assert_int_eq(recv(kernel, seen, sizeof(seen), 0), BYTES);
	ck_assert_mem_eq(seen, frame + HEADER, BYTES);
	ck_assert(gnet_sent(net, pair, 5000));
}

/* ---- deaths ---------------------------------------------------------------------------- */

static void die(int how)
{
	if (how == SIGUSR1) {
		kill(fake_pid(child), SIGUSR1);
		fake_wait_exit(child, 5000);
	} else {
		fake_kill9(child);
	}
	serve();
	find_a_way(net->mac);
	ck_assert_ptr_null(strstr(fake_log(child), "reset"));
	ck_assert_ptr_null(strstr(fake_log(child), "the link is"));
	check_from_guest(0);
	check_from_guest(1);
}

static void command(uint8_t class, uint8_t cmd, const void *data, uint32_t length)
{
	ck_assert_uint_eq(gnet_command(net, class, cmd, data, length), VIRTIO_NET_OK);
}

static const int deaths[] = { SIGKILL, SIGUSR1 };

/* ---- what holds ---------------------------------------------------------------------------- */

static void check_filter(void)
{
	static const uint8_t first_address[] = { 0, 0x16, 0x3e, 1, 2, 3 };
	static const uint8_t group[] = { 1, 0, 0x5e, 0, 0, 1 }, other[] = { 1, 0, 0x5e, 0, 0, 2 };
	unsigned i;

	for (i = 0; i < sizeof(set_address); i++)
		ck_assert_uint_eq(gvirtio_config(&net->v, i, 1), set_address[i]);
	to_guest(first_address, 1);
	to_guest(set_address, 2);
	to_guest(other, 3);
	to_guest(group, 4);
	to_guest_tagged(6, 5);
	to_guest_tagged(5, 6);
	ck_assert_int_eq(next_mark(0, 5000), 2);
	ck_assert_int_eq(next_mark(0, 5000), 4);
	ck_assert_int_eq(next_mark(0, 5000), 6);
}

/* No address of a host's, one group. */
static const uint8_t tables[] = { 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1 };

START_TEST(the_address_tables_and_vlans_of_the_filter)
{
	memcpy(net->mac, set_address, sizeof(net->mac));
	command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, set_address,
		sizeof(set_address));
	command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, sizeof(tables));
	command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, "", 1);
	command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, "\5", 2);
	check_filter();
	die(deaths[_i]);
	check_filter();
	die(SIGKILL);
	check_filter();
}
END_TEST

/* Everything to one queue. */
static const struct steering {
	uint32_t types;
	uint16_t mask, unclassified, table, pairs;
	uint8_t key_bytes, key[4];
} __attribute__((packed)) steering = { 7, 0, 1, 1, 2, 4, { 1, 2, 3, 4 } };

START_TEST(how_frames_are_steered)
{
	command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, &steering, sizeof(steering));
	die(deaths[_i]);
	to_guest(net->mac, 1);
	ck_assert_int_eq(next_mark(1, 5000), 1);
	ck_assert_int_eq(next_mark(0, 0), NONE);
}
END_TEST

START_TEST(how_many_pairs_there_are)
{
	command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, "\2", 2);
	die(deaths[_i]);
	command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, "\1", 2);
	die(deaths[_i]);
	to_guest(net->mac, 1);
	ck_assert_int_eq(next_mark(0, 5000), 1);
}
END_TEST

/* Whether the kernel leaves segments of TCP to the guest. */
static bool leaves_segments(void)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GTSO };
	struct ifreq request = { .ifr_name = TAP, .ifr_data = (void *)&value };

	ck_assert_int_eq(ioctl(kernel, SIOCETHTOOL, &request), 0);
	return value.data;
}

START_TEST(what_is_left_to_the_guest)
{
	static const uint64_t checksums = FEATURE(VIRTIO_NET_F_GUEST_CSUM);
	static const uint64_t segments = checksums | FEATURE(VIRTIO_NET_F_GUEST_TSO4);

	ck_assert(leaves_segments());
	die(deaths[_i]);
	ck_assert(leaves_segments());
	command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &checksums, 8);
	ck_assert(!leaves_segments());
	die(deaths[_i]);
	ck_assert(!leaves_segments());
	command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &segments, 8);
	ck_assert(leaves_segments());
}
END_TEST

/* Of a frame by the first pair: ms until the driver is told. */
static unsigned told_after(void)
{
	uint64_t began;

	/* Those of before, of which it is told late, too. */
	while (gring_enable_cb(net->v.ring[0]) && gvirtio_wait(&net->v, net->v.ring[0], 1500))
		gring_disable_cb(net->v.ring[0]);
	began = fake_now_ns();
	to_guest(net->mac, 1);
	ck_assert(gvirtio_wait(&net->v, net->v.ring[0], 5000));
	ck_assert_int_eq(next_mark(0, 0), 1);
	return (unsigned)((fake_now_ns() - began) / 1000000);
}

START_TEST(how_interrupts_are_put_off)
{
	static const uint32_t coalescing[] = { 10, 400000 }; /* frames, us */

	command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, "\1", 2);
	command(VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, coalescing,
		sizeof(coalescing));
	ck_assert_uint_ge(told_after(), 390);
	die(deaths[_i]);
	ck_assert_uint_ge(told_after(), 390);
}
END_TEST

static uint32_t link_status(void)
{
	return gvirtio_config(&net->v, 6, 2);
}

START_TEST(a_link_that_was_set_down_stays_down)
{
	ck_assert_int_eq(ctl("link", BDF, "down"), 0);
	ck_assert(gvirtio_config_changed(&net->v, 5000));
	fake_kill9(child);
	serve();
	ck_assert_uint_eq(link_status(), 0);
	ck_assert(!gvirtio_config_changed(&net->v, 100));
	to_guest(net->mac, 1);
	ck_assert_int_eq(next_mark(0, 100), NONE);
	ck_assert_int_eq(ctl("link", BDF, "up"), 0);
	ck_assert(gvirtio_config_changed(&net->v, 5000));
	ck_assert_uint_eq(link_status(), VIRTIO_NET_S_LINK_UP);
	die(SIGKILL);
	ck_assert_uint_eq(link_status(), VIRTIO_NET_S_LINK_UP);
}
END_TEST

int main(void)
{
	const unsigned n = ARRAY_SIZE(deaths);
	const struct unit_test tests[] = {
		TIMES(the_address_tables_and_vlans_of_the_filter, n),
		TIMES(how_frames_are_steered, n),
		TIMES(how_many_pairs_there_are, n),
		TIMES(what_is_left_to_the_guest, n),
		TIMES(how_interrupts_are_put_off, n),
		ONCE(a_link_that_was_set_down_stays_down),
	};

	return unit_main("net-killed", setup, teardown, tests, ARRAY_SIZE(tests));
}
