/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-net.c: the whole daemon gives the model guest a network device. What it
 * is connected to is a socket that keeps packets apart, as a tap does; its other end
 * is the test's.
 */
#include <check.h>
#include <errno.h>
#include <linux/sockios.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl.h"
#include "model.h"
#include "unit/unit.h"

#define FEATURE(name) (1ull << (name))
#define BDF           "00:06.0"
#define HEADER        ((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define MAC           "00:16:3e:01:02:03"
#define WIRE_BYTES    (4 << 20)

static const struct gnet_config kinds[] = {
	{ .bdf = MODEL_BDF, .irq = GIRQ_PIRQ },
	{ .bdf = MODEL_BDF, .dma = GDMA_GRANTS, .irq = GIRQ_MSIX },
	{ .bdf = MODEL_BDF, .dma = GDMA_GRANTS, .irq = GIRQ_MSIX, .ring_size = 256 },
	{ .bdf = MODEL_BDF, .irq = GIRQ_PIRQ, .without = FEATURE(VIRTIO_RING_F_EVENT_IDX) },
};

/* None, one for all queues, more than there are queues. */
static const char *const workers[] = { "0", "1", "4" };

static int wire = -1; /* the test's end */
static struct gnet *net;
static struct fake_child *child;

static void teardown(void)
{
	if (net) {
		gnet_remove(net);
		gnet_free(net);
	}
	net = NULL;
	if (wire >= 0)
		close(wire);
	wire = -1;
	model_teardown();
}

static void start_daemon(enum fake_platform platform, const char *threads, const char *more)
{
	char text[120];
	int ends[2], bytes = WIRE_BYTES;

	guest_boot(platform, MODEL_VCPUS, MODEL_RAM);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	snprintf(text, sizeof(text), "bdf=" BDF ",fd=%d,mac=" MAC "%s", ends[1], more);
	child = fake_spawn(xenvirtiod_main, "--domain", FAKE_DOMAIN, "--workers", threads,
			   "--log-level", "debug", "--net", text);
	close(ends[1]);
	wire = ends[0];
}

static void start_with(const struct gnet_config *config, const char *threads, const char *more)
{
	start_daemon(config->irq == GIRQ_PIRQ ? FAKE_HVM : FAKE_PVH, threads, more);
	net = gnet_start(config);
}

static void start(const struct gnet_config *config, const char *threads)
{
	start_with(config, threads, "");
}

/* ---- frames --------------------------------------------------------------------------- */

static uint8_t frame[GNET_FRAME], seen[GNET_FRAME];

static bool from_wire(uint32_t length, unsigned ms)
{
	struct timeval patience = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	setsockopt(wire, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return recv(wire, seen, sizeof(seen), 0) == (ssize_t)length;
}

static void to_wire(uint32_t length)
{
	ck_assert_int_eq(send(wire, frame, length, 0), length);
}

/* What the guest gets is the frame but for the number of its buffers. */
static bool guest_gets(uint32_t length, unsigned ms)
{
	return gnet_receive(net, 0, seen, ms) == length &&
	       !memcmp(seen + HEADER, frame + HEADER, length - HEADER);
}

static const uint32_t lengths[] = { 14, 15, 60, 1514, 1524, 1525, 4096, 9014, 32768, 65535 + 14 };

/* ---- both ways ----------------------------------------------------------------------------- */

START_TEST(frames_of_all_sizes_leave_the_guest_as_they_are)
{
	unsigned i, segments;

	start(&kinds[_i / 3], workers[_i % 3]);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		for (segments = 1; segments <= 4; segments++) {
			uint32_t length = lengths[i] + HEADER;

			gnet_make_frame(net, frame, length, i + segments);
			ck_assert(gnet_send(net, 0, frame, length, segments));
			gnet_kick(net, 0);
			ck_assert(from_wire(length, 5000));
			ck_assert_mem_eq(seen, frame, length);
			ck_assert(gnet_sent(net, 0, 5000));
		}
}
END_TEST

START_TEST(frames_of_all_sizes_reach_the_guest_as_they_are)
{
	unsigned i;

	start(&kinds[_i / 3], workers[_i % 3]);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint32_t length = lengths[i] + HEADER;

		gnet_make_frame(net, frame, length, i);
		to_wire(length);
		ck_assert_msg(guest_gets(length, 5000), "%u bytes", length);
	}
}
END_TEST

START_TEST(the_order_of_frames_is_kept)
{
	const unsigned n = 64;
	unsigned i;

	start_with(&kinds[_i / 2], "1", _i % 2 ? ",busy-poll=1000" : "");
	for (i = 0; i < n; i++) {
		gnet_make_frame(net, frame, HEADER + 60 + i, i);
		ck_assert(gnet_send(net, 0, frame, HEADER + 60 + i, 1));
	}
	gnet_kick(net, 0);
	for (i = 0; i < n; i++)
		ck_assert(from_wire(HEADER + 60 + i, 5000));
	ck_assert(gnet_sent(net, 0, 5000));
	for (i = 0; i < n; i++) {
		gnet_make_frame(net, frame, HEADER + 60 + i, i);
		to_wire(HEADER + 60 + i);
	}
	for (i = 0; i < n; i++)
		ck_assert_uint_eq(gnet_receive(net, 0, seen, 5000), HEADER + 60 + i);
}
END_TEST

START_TEST(a_burst_from_the_guest_is_few_system_calls)
{
	unsigned i;

	start(&kinds[1], "1");
	fake_calls_reset();
	for (i = 0; i < 32; i++) {
		gnet_make_frame(net, frame, HEADER + 60, i);
		ck_assert(gnet_send(net, 0, frame, HEADER + 60, 2));
	}
	gnet_kick(net, 0);
	for (i = 0; i < 32; i++)
		ck_assert(from_wire(HEADER + 60, 5000));
	ck_assert(gnet_sent(net, 0, 5000));
	ck_assert_uint_le(fake_calls(FAKE_GRANT_COPY),
			  4); /* tables, frames; as many if it was cut */
}
END_TEST

/* ---- what guests do -------------------------------------------------------------------------- */

START_TEST(bad_headers_are_dropped_and_the_rest_goes_on)
{
	struct virtio_net_hdr_v1 *header = (void *)frame;
	static const struct virtio_net_hdr_v1 bad[] = {
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 60, .csum_offset = 0 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 25 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		  .csum_start = 0xffff,
		  .csum_offset = 0xffff },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1448 },
		{ .gso_type = 77 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_ECN },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		  .csum_start = 34,
		  .csum_offset = 16,
		  .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		  .csum_start = 34,
		  .csum_offset = 16,
		  .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
		  .gso_size = 1400,
		  .hdr_len = 61 },
	};
	unsigned i;

	start(&kinds[_i], "1");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		gnet_make_frame(net, frame, HEADER + 60, i);
		*header = bad[i];
		ck_assert(gnet_send(net, 0, frame, HEADER + 60, 1));
	}
	gnet_make_frame(net, frame, HEADER + 61, i);
	ck_assert(gnet_send(net, 0, frame, HEADER + 61, 1));
	gnet_kick(net, 0);
	ck_assert(from_wire(HEADER + 61, 5000)); /* and nothing before it */
	ck_assert(gnet_sent(net, 0, 5000));
}
END_TEST

START_TEST(chains_that_are_no_frames_are_dropped)
{
	static const uint32_t short_ones[] = { 1, 11, 12, 13, 25 };
	unsigned i;

	start(&kinds[_i], "1");
	for (i = 0; i < ARRAY_SIZE(short_ones); i++) {
		gnet_make_frame(net, frame, HEADER + 60, i);
		ck_assert(gnet_send(net, 0, frame, short_ones[i], 1));
	}
	gnet_make_frame(net, frame, HEADER + 61, i);
	ck_assert(gnet_send(net, 0, frame, HEADER + 61, 1));
	gnet_kick(net, 0);
	ck_assert(from_wire(HEADER + 61, 5000));
	ck_assert(gnet_sent(net, 0, 5000));
}
END_TEST

START_TEST(frames_for_others_are_not_delivered)
{
	start(&kinds[_i], "1");
	gnet_make_frame(net, frame, HEADER + 60, 1);
	frame[HEADER + 5] ^= 1;
	to_wire(HEADER + 60);
	gnet_make_frame(net, frame, HEADER + 61, 2);
	memset(frame + HEADER, 0xff, 6); /* to all */
	to_wire(HEADER + 61);
	ck_assert(guest_gets(HEADER + 61, 5000));
}
END_TEST

/* ---- receive buffers ------------------------------------------------------------------------- */

#define UNMERGED    FEATURE(VIRTIO_NET_F_MRG_RXBUF)
#define SMALL       (UNMERGED | FEATURE(VIRTIO_NET_F_GUEST_TSO4) | FEATURE(VIRTIO_NET_F_GUEST_TSO6))
#define SMALL_BYTES (HEADER + 1514)
#define BIG_BYTES   (HEADER + 65544) /* of 18 descriptors, and a little less than there is */

static const uint32_t header_apart[] = { HEADER, 0 };
static const uint32_t byte_by_byte[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
					 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0 };
static const uint32_t pages[] = { HEADER, 4084, 4096, 4096, 4096, 4096, 4096, 4096, 4096,
				  4096,   4096, 4096, 4096, 4096, 4096, 4096, 4096, 0 };

/* How a driver cuts its buffers, by what it did not take. */
static const struct mode {
	uint64_t without;
	uint32_t bytes; /* of a buffer */
	const uint32_t *cuts;
} modes[] = {
	{ SMALL, SMALL_BYTES, NULL },
	{ SMALL, SMALL_BYTES, header_apart },
	{ SMALL, SMALL_BYTES, byte_by_byte },
	{ UNMERGED, BIG_BYTES, pages },
	{ UNMERGED | FEATURE(VIRTIO_RING_F_INDIRECT_DESC), BIG_BYTES, pages },
	{ 0, 0, NULL }, /* merged: the rest is not for it */
};

#define MODES          ((int)ARRAY_SIZE(modes))
#define UNMERGED_MODES (MODES - 1)

/* Each mode with each kind of driver, which posts so many buffers; then all of them with
 * queues that are looked at. */
static const struct mode *start_mode(int variant, unsigned buffers)
{
	const struct mode *mode = &modes[variant / (int)ARRAY_SIZE(kinds) % MODES];
	struct gnet_config config = kinds[variant % (int)ARRAY_SIZE(kinds)];

	config.without |= mode->without;
	config.buffer = mode->bytes;
	config.cuts = mode->cuts;
	config.buffers = buffers;
	start_with(&config, "1", variant < MODES * (int)ARRAY_SIZE(kinds) ? "" : ",busy-poll=1000");
	return mode;
}

static unsigned num_buffers(void)
{
	return ((const struct virtio_net_hdr_v1 *)(const void *)seen)->num_buffers;
}

START_TEST(without_merging_each_frame_has_one_buffer)
{
	const struct mode *mode = start_mode(_i, 0);
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(lengths) && lengths[i] + HEADER <= mode->bytes; i++) {
		gnet_make_frame(net, frame, lengths[i] + HEADER, i);
		to_wire(lengths[i] + HEADER);
		ck_assert(guest_gets(lengths[i] + HEADER, 5000));
		ck_assert_uint_eq(num_buffers(), 1);
	}
}
END_TEST

/* The same one buffer takes what fits exactly, before and behind what does not. */
START_TEST(a_frame_that_is_a_byte_too_long_is_dropped_and_counted)
{
	const struct mode *mode;
	unsigned turn;

	mode = start_mode(_i, 1);
	for (turn = 0; turn < 3; turn++) {
		gnet_make_frame(net, frame, mode->bytes + 1, turn);
		to_wire(mode->bytes + 1);
		gnet_make_frame(net, frame, mode->bytes, turn + 10);
		to_wire(mode->bytes);
		ck_assert(guest_gets(mode->bytes, 5000));
		ck_assert_uint_eq(num_buffers(), 1);
	}
	ck_assert_uint_eq(ctl_figure(BDF, "rx-too-long"), 3);
	ck_assert_uint_eq(ctl_figure(BDF, "rx-frames"), 3);
}
END_TEST

/* Bytes that the daemon has not read yet. */
static int on_the_wire(void)
{
	int bytes;

	ck_assert_int_eq(ioctl(wire, SIOCOUTQ, &bytes), 0);
	return bytes;
}

/* More than the guest has buffers for: what is read waits, nothing is lost, and the order
 * is kept. */
START_TEST(a_full_ring_stops_reading_and_a_refill_restarts_it)
{
	const unsigned buffers = 4, n = 100;
	unsigned i;
	int left;

	start_mode(_i, buffers);
	for (i = 0; i < n; i++) {
		gnet_make_frame(net, frame, HEADER + 100 + i, i);
		to_wire(HEADER + 100 + i);
	}
	ck_assert(wait_for(net->v.ring[0]->used->idx == buffers));
	do {
		left = on_the_wire();
		unit_nap_us(20000);
	} while (on_the_wire() != left);
	ck_assert_int_gt(left, 0);
	for (i = 0; i < n; i++) {
		gnet_make_frame(net, frame, HEADER + 100 + i, i);
		ck_assert(guest_gets(HEADER + 100 + i, 5000));
	}
	ck_assert_int_eq(on_the_wire(), 0);
}
END_TEST

/* ---- life -------------------------------------------------------------------------------------- */

START_TEST(the_driver_is_bound_again_under_traffic)
{
	unsigned life, i;

	start(&kinds[_i], "1");
	for (life = 0; life < 10; life++) {
		for (i = 0; i < 20; i++) {
			gnet_make_frame(net, frame, HEADER + 60, i);
			to_wire(HEADER + 60);
			gnet_send(net, 0, frame, HEADER + 60, 1);
		}
		gnet_kick(net, 0);
		gnet_remove(net);
		ck_assert_uint_eq(net->v.dma.grants, 0);
		ck_assert_uint_eq(fake_grants_mapped(), 0);
		gnet_restart(net);
	}
	gnet_make_frame(net, frame, HEADER + 61, i);
	ck_assert(gnet_send(net, 0, frame, HEADER + 61, 1));
	gnet_kick(net, 0);
	ck_assert(gnet_sent(net, 0, 5000));
}
END_TEST

START_TEST(sigterm_under_traffic_leaves_nothing)
{
	unsigned i;

	start(&kinds[_i], "1");
	for (i = 0; i < 50; i++) {
		gnet_make_frame(net, frame, HEADER + 60, i);
		to_wire(HEADER + 60);
		gnet_send(net, 0, frame, HEADER + 60, 1);
	}
	gnet_kick(net, 0);
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	gnet_free(net);
	net = NULL;
}
END_TEST

START_TEST(configuration_says_what_was_given)
{
	static const uint8_t mac[] = { 0x00, 0x16, 0x3e, 1, 2, 3 };

	start_daemon(FAKE_HVM, "1", ",mtu=9000,speed=10000,duplex=full");
	net = gnet_start(&kinds[0]);
	ck_assert_mem_eq(net->mac, mac, sizeof(mac));
	ck_assert_uint_eq(gvirtio_config(&net->v, 6, 2), VIRTIO_NET_S_LINK_UP);
	ck_assert_uint_eq(gvirtio_config(&net->v, 10, 2), 9000);
	ck_assert_uint_eq(gvirtio_config(&net->v, 12, 4), 10000);
	ck_assert_uint_eq(gvirtio_config(&net->v, 16, 1), 1);
}
END_TEST

/* ---- what the administrator does ------------------------------------------------------------------ */

/* As it will, later if not now. */
static void from_guest(uint32_t length)
{
	gnet_make_frame(net, frame, length, length);
	ck_assert(gnet_send(net, 0, frame, length, 1));
	gnet_kick(net, 0);
}

static void to_guest(uint32_t length)
{
	gnet_make_frame(net, frame, length, length);
	to_wire(length);
}

static void pass_both_ways(void)
{
	from_guest(HEADER + 60);
	ck_assert(from_wire(HEADER + 60, 5000));
	ck_assert(gnet_sent(net, 0, 5000));
	to_guest(HEADER + 61);
	ck_assert(guest_gets(HEADER + 61, 5000));
}

static void set_link(char *how, uint32_t status)
{
	ck_assert_int_eq(ctl("link", BDF, how), 0);
	ck_assert(gvirtio_config_changed(&net->v, 5000));
	ck_assert_uint_eq(gvirtio_config(&net->v, 6, 2), status);
}

/* What is sent meanwhile is lost, as on a cable that is pulled. */
START_TEST(a_link_that_is_set_down_lets_nothing_through_until_it_is_up)
{
	start(&kinds[_i], "1");
	pass_both_ways();
	set_link("down", 0);
	from_guest(HEADER + 70);
	ck_assert(gnet_sent(net, 0, 5000));
	to_guest(HEADER + 71);
	ck_assert_uint_eq(gnet_receive(net, 0, seen, 200), 0);
	ck_assert(!from_wire(HEADER + 70, 200));
	set_link("up", VIRTIO_NET_S_LINK_UP);
	pass_both_ways();
}
END_TEST

START_TEST(while_it_is_paused_frames_wait_and_commands_are_answered)
{
	struct gnet_config config = kinds[_i];
	const uint8_t on = 1;

	config.control = true;
	start_with(&config, "1", "");
	pass_both_ways();
	ck_assert_int_eq(ctl("pause", BDF), 0);
	from_guest(HEADER + 70);
	to_guest(HEADER + 71);
	ck_assert(!from_wire(HEADER + 70, 200));
	ck_assert_uint_eq(gnet_receive(net, 0, seen, 200), 0);
	ck_assert_uint_eq(gnet_command(net, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1),
			  VIRTIO_NET_OK);
	ck_assert_int_eq(ctl("resume", BDF), 0);
	ck_assert(from_wire(HEADER + 70, 5000));
	ck_assert(gnet_sent(net, 0, 5000));
	ck_assert(guest_gets(HEADER + 71, 5000));
	pass_both_ways();
}
END_TEST

int main(void)
{
	const unsigned n = ARRAY_SIZE(kinds);
	const struct unit_test tests[] = {
		TIMES(frames_of_all_sizes_leave_the_guest_as_they_are, 3 * n),
		TIMES(frames_of_all_sizes_reach_the_guest_as_they_are, 3 * n),
		TIMES(the_order_of_frames_is_kept, 2 * n),
		ONCE(a_burst_from_the_guest_is_few_system_calls),
		TIMES(bad_headers_are_dropped_and_the_rest_goes_on, n),
		TIMES(chains_that_are_no_frames_are_dropped, n),
		TIMES(frames_for_others_are_not_delivered, n),
		TIMES(without_merging_each_frame_has_one_buffer, UNMERGED_MODES * n),
		TIMES(a_frame_that_is_a_byte_too_long_is_dropped_and_counted, UNMERGED_MODES * n),
		TIMES(a_full_ring_stops_reading_and_a_refill_restarts_it, 2 * MODES * n),
		TIMES(the_driver_is_bound_again_under_traffic, n),
		TIMES(sigterm_under_traffic_leaves_nothing, n),
		ONCE(configuration_says_what_was_given),
		TIMES(a_link_that_is_set_down_lets_nothing_through_until_it_is_up, n),
		TIMES(while_it_is_paused_frames_wait_and_commands_are_answered, n),
	};

	return unit_main("model-net", model_setup, teardown, tests, ARRAY_SIZE(tests));
}
