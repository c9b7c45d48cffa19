/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-steer.c: a network device with two pairs of queues, on main, on one worker or
 * on two: a frame reaches the queue that its hash says, whichever port it came by, with
 * the hash in its header. What ports are connected to are sockets of the test's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/frame.h"
#include "unit/unit.h"
#include "unit/wires.h"

#define PAIRS    WIRES_MAX
#define HEADER   ((uint32_t)NET_HEADER_BYTES)
#define LONGER   (HEADER + (uint32_t)NET_HASH_BYTES)
#define STEERING (BIT_ULL(VIRTIO_NET_F_RSS) | BIT_ULL(VIRTIO_NET_F_HASH_REPORT))
#define TABLE    128u
#define PATIENCE 5000 /* ms */
#define SHORTLY  30

/* ---- start and end ------------------------------------------------------------------- */

static const unsigned workers[] = { 0, 1, 2 };
#define VARIANTS ((int)(2 * ARRAY_SIZE(workers)))

static void start(int variant, unsigned buffers, uint64_t without)
{
	const struct rig_config how = { .workers = workers[variant / 2] };
	const struct gnet_config config = { .bdf = RIG_BDF,
					    .dma = variant % 2 ? GDMA_GRANTS : GDMA_PLAIN,
					    .irq = GIRQ_MSIX,
					    .pairs = PAIRS,
					    .control = true,
					    .buffers = buffers,
					    .with = STEERING,
					    .without = without };

	wires_start(&how, &config);
}

static void setup(void)
{
}

/* ---- configuration --------------------------------------------------------------------- */

struct steering {
	uint32_t types;
	uint16_t mask, unclassified, table[TABLE], pairs;
	uint8_t key_bytes, key[NET_RSS_KEY_BYTES];
} __attribute__((packed));

static struct net_rss rss; /* what the device is to do */

static struct steering make_steering(void)
{
	struct steering steering = { .types = NET_RSS_TYPES,
				     .mask = TABLE - 1,
				     .unclassified = 1,
				     .pairs = PAIRS,
				     .key_bytes = NET_RSS_KEY_BYTES };
	unsigned i;

	for (i = 0; i < TABLE; i++)
		steering.table[i] = i % PAIRS;
	for (i = 0; i < NET_RSS_KEY_BYTES; i++)
		steering.key[i] = (uint8_t)(i * 37 + 11);
	return steering;
}

static void steer_by(const struct steering *steering)
{
	ck_assert(net_rss_configure(&rss, (const uint8_t *)steering, sizeof(*steering)));
	ck_assert_uint_eq(gnet_command(wires_guest, VIRTIO_NET_CTRL_MQ,
				       VIRTIO_NET_CTRL_MQ_RSS_CONFIG, steering, sizeof(*steering)),
			  VIRTIO_NET_OK);
}

static void steer(void)
{
	const struct steering steering = make_steering();

	steer_by(&steering);
}

static void steer_all_to(uint16_t pair)
{
	struct steering steering = make_steering();
	unsigned i;

	for (i = 0; i < TABLE; i++)
		steering.table[i] = pair;
	steering.unclassified = pair;
	steer_by(&steering);
}

static void use_pairs(uint16_t pairs)
{
	ck_assert_uint_eq(gnet_command(wires_guest, VIRTIO_NET_CTRL_MQ,
				       VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, sizeof(pairs)),
			  VIRTIO_NET_OK);
}

/* ---- frames ------------------------------------------------------------------------------ */

static struct frame frame;
static uint8_t bytes[GNET_FRAME], seen[GNET_FRAME];

/* Of some flow, to the guest's address; @number is behind its headers. */
static void make_frame(uint16_t flow_number, uint32_t number)
{
	const struct frame_flow flow = { "10.0.0.1", "10.0.0.2", flow_number, 80 };

	frame_begin(&frame, wires_guest->mac);
	frame_ip(&frame, &flow, FRAME_UDP, 0);
	frame_ports(&frame, &flow, FRAME_UDP);
	frame_bytes(&frame, &number, sizeof(number));
	frame_end(&frame);
}

static void to_wire(unsigned port)
{
	memset(bytes, 0, HEADER);
	memcpy(bytes + HEADER, frame.bytes, frame.length);
	ck_assert_int_eq(send(wires.ends[port], bytes, HEADER + frame.length, 0),
			 (ssize_t)(HEADER + frame.length));
}

static uint16_t pair_of_frame(void)
{
	return net_rss_queue(&rss, net_rss_hash(&rss, frame.bytes, frame.length), NET_RSS_NOBODY);
}

/* What the guest gets is the last frame made. */
static bool comes_by(unsigned pair, uint32_t header, unsigned ms)
{
	return gnet_receive(wires_guest, pair, seen, ms) == header + frame.length &&
	       !memcmp(seen + header, frame.bytes, frame.length);
}

/* One that is read into the guest's buffers where it can be. */
static void make_large(uint16_t flow_number, uint32_t number)
{
	static const uint8_t more[60000];

	make_frame(flow_number, number);
	frame_bytes(&frame, more, sizeof(more));
	frame_end(&frame);
}

/* ---- steering ------------------------------------------------------------------------------ */

START_TEST(a_frame_goes_to_the_queue_of_its_hash_whatever_its_port)
{
	const struct virtio_net_hdr_v1_hash *header = (const void *)seen;
	unsigned i, got[PAIRS] = { 0 };

	start(_i, 0, 0);
	steer();
	for (i = 0; i < 100; i++) {
		struct net_hash hash;
		uint16_t pair;

		make_frame((uint16_t)i, i);
		to_wire(i / 2 % PAIRS);
		hash = net_rss_hash(&rss, frame.bytes, frame.length);
		pair = pair_of_frame();
		got[pair]++;
		ck_assert(comes_by(pair, LONGER, PATIENCE));
		ck_assert_uint_eq(header->hash_value, hash.value);
		ck_assert_uint_eq(header->hash_report, VIRTIO_NET_HASH_REPORT_UDPv4);
		ck_assert_uint_eq(header->padding, 0);
		ck_assert_uint_eq(header->hdr.num_buffers, 1);
	}
	ck_assert(got[0] > 20 && got[1] > 20);
	ck_assert_uint_gt(wires_counted(&wires_device->counters.rx_steered), 20);
	ck_assert_uint_eq(wires_counted(&wires_device->counters.rx_dropped), 0);
	wires_stop();
}
END_TEST

START_TEST(what_has_no_hash_goes_to_the_queue_for_the_rest)
{
	const struct virtio_net_hdr_v1_hash *header = (const void *)seen;
	unsigned port;

	start(_i, 0, 0);
	steer();
	for (port = 0; port < PAIRS; port++) {
		make_frame(1, port);
		frame.bytes[12] = 0x77;
		to_wire(port);
		ck_assert(comes_by(1, LONGER, PATIENCE));
		ck_assert_uint_eq(header->hash_report, VIRTIO_NET_HASH_REPORT_NONE);
		ck_assert_uint_eq(header->hash_value, 0);
	}
	wires_stop();
}
END_TEST

/* A driver that does not want to know the hash is steered by it all the same. */
START_TEST(without_reports_headers_are_short)
{
	unsigned i;

	start(_i, 0, BIT_ULL(VIRTIO_NET_F_HASH_REPORT));
	steer();
	for (i = 0; i < 50; i++) {
		make_frame((uint16_t)i, i);
		to_wire(i / 2 % PAIRS);
		ck_assert(comes_by(pair_of_frame(), HEADER, PATIENCE));
	}
	wires_stop();
}
END_TEST

/* More than are read at a time, of several flows at once, by both ports. */
START_TEST(frames_of_a_flow_stay_in_order)
{
	const unsigned flows = 8, rounds = 12;
	uint32_t next[8] = { 0 };
	unsigned i, pair, received = 0;

	start(_i, 0, 0);
	steer();
	for (i = 0; i < flows * rounds; i++) {
		make_frame((uint16_t)(i % flows), i / flows);
		to_wire(i % flows % PAIRS);
	}
	for (pair = 0; pair < PAIRS; pair++)
		while (gnet_receive(wires_guest, pair, seen,
				    received < flows * rounds ? 500 : SHORTLY)) {
			const uint8_t *udp = seen + LONGER + 34;
			unsigned flow = udp[1];
			uint32_t number;

			memcpy(&number, udp + 8, sizeof(number));
			ck_assert_uint_lt(flow, flows);
			ck_assert_uint_eq(number, next[flow]++);
			received++;
		}
	ck_assert_uint_eq(received, flows * rounds);
	wires_stop();
}
END_TEST

static unsigned pieces(unsigned port)
{
	return __atomic_load_n(&wires.pieces[port], __ATOMIC_RELAXED);
}

START_TEST(large_frames_are_steered_from_the_first_one_on)
{
	unsigned i;

	start(_i, 0, 0);
	for (i = 0; i < 3; i++) {
		make_large(1, i);
		to_wire(0);
		ck_assert(comes_by(0, LONGER, PATIENCE));
	}
	ck_assert(_i % 2 || pieces(0) > 1);
	steer();
	for (i = 0; i < 20; i++) {
		make_large((uint16_t)i, i);
		to_wire(0);
		ck_assert(comes_by(pair_of_frame(), LONGER, PATIENCE));
		ck_assert_uint_eq(pieces(0), 1);
	}
	wires_stop();
}
END_TEST

/* What is hashed is in their beginning. */
START_TEST(large_frames_have_their_hash)
{
	const struct virtio_net_hdr_v1_hash *header = (const void *)seen;
	unsigned i;

	start(_i, 0, 0);
	steer();
	use_pairs(PAIRS); /* hashes all the same, but steers by the port */
	for (i = 0; i < 20; i++) {
		struct net_hash hash;

		make_large((uint16_t)i, i);
		to_wire(1);
		hash = net_rss_hash(&rss, frame.bytes, frame.length);
		ck_assert(comes_by(1, LONGER, PATIENCE));
		ck_assert(_i % 2 || !i || pieces(1) > 1);
		ck_assert_uint_eq(header->hash_value, hash.value);
		ck_assert_uint_eq(header->hash_report, VIRTIO_NET_HASH_REPORT_UDPv4);
	}
	wires_stop();
}
END_TEST

/* It has buffers for four, and its driver does not look. */
START_TEST(a_full_queue_does_not_hold_up_the_others)
{
	unsigned i;

	start(_i, 4, 0);
	steer_all_to(1);
	for (i = 0; i < 40; i++) {
		make_frame(1, i);
		to_wire(0);
	}
	ck_assert(wait_for(wires_counted(&wires_device->counters.rx_dropped) == 36));
	steer_all_to(0);
	make_frame(2, 0);
	to_wire(0);
	ck_assert(comes_by(0, LONGER, PATIENCE));
	for (i = 0; i < 4; i++) {
		make_frame(1, i);
		ck_assert(comes_by(1, LONGER, PATIENCE));
	}
	ck_assert_uint_eq(gnet_receive(wires_guest, 1, seen, SHORTLY), 0);
	ck_assert_uint_eq(wires_counted(&wires_device->counters.rx_steered), 4);
	wires_stop();
}
END_TEST

/* As without steering. */
START_TEST(frames_of_the_own_port_wait_for_buffers)
{
	unsigned i;

	start(_i, 4, 0);
	steer_all_to(1);
	for (i = 0; i < 40; i++) {
		make_frame(1, i);
		to_wire(1);
	}
	ck_assert(wait_for(wires_counted(&wires_device->counters.rx_no_buffer)));
	for (i = 0; i < 40; i++) {
		make_frame(1, i);
		ck_assert(comes_by(1, LONGER, PATIENCE));
	}
	wires_stop();
}
END_TEST

/* One that waits needs two buffers, of which there is one. */
START_TEST(what_comes_by_another_port_does_not_overtake_what_waits)
{
	uint8_t more[1500] = { 0 };
	unsigned i;

	start(_i, 4, 0);
	steer_all_to(1);
	for (i = 0; i < 3; i++) {
		make_frame(1, i);
		to_wire(1);
	}
	make_frame(1, i);
	frame_bytes(&frame, more, sizeof(more));
	to_wire(1);
	ck_assert(wait_for(wires_counted(&wires_device->counters.rx_no_buffer)));
	make_frame(2, 0);
	to_wire(0);
	ck_assert(wait_for(wires_counted(&wires_device->counters.rx_dropped) == 1));
	for (i = 0; i < 3; i++) {
		make_frame(1, i);
		ck_assert(comes_by(1, LONGER, PATIENCE));
	}
	make_frame(1, i);
	frame_bytes(&frame, more, sizeof(more));
	ck_assert(comes_by(1, LONGER, PATIENCE));
	wires_stop();
}
END_TEST

/* It is found to be when it runs out of the buffers that it has taken. */
START_TEST(a_broken_queue_does_not_hold_up_the_others)
{
	const struct net_counters *counters;
	const struct net_traffic *traffic;
	struct gring *ring;
	unsigned i;

	start(_i, 0, 0);
	counters = &wires_device->counters;
	traffic = net_rx_traffic(&wires_device->device->queues[2]);
	steer_all_to(1);
	ring = wires_guest->v.ring[2];
	for (i = 0; i < 100; i++) {
		if (i == 1)
			ring->avail->idx = (uint16_t)(ring->avail->idx + 1000);
		make_frame(1, i);
		to_wire(0);
		ck_assert(wait_for(counter_read(&traffic->frames) +
					   wires_counted(&counters->rx_dropped) ==
				   i + 1));
	}
	ck_assert(wait_for(gvirtio_read(&wires_guest->v, gvirtio_field(device_status), 1) &
			   VIRTIO_CONFIG_S_NEEDS_RESET)); /* main is told by the worker */
	ck_assert_uint_gt(wires_counted(&counters->rx_dropped), 50);
	steer_all_to(0);
	make_frame(2, 0);
	to_wire(0);
	ck_assert(comes_by(0, LONGER, PATIENCE));
	wires_stop();
}
END_TEST

START_TEST(queues_that_are_not_in_use_get_nothing)
{
	unsigned port;

	start(_i, 0, 0);
	for (port = 0; port < 2 * PAIRS; port++) { /* before the first command, and after */
		make_frame(1, port);
		to_wire(port % PAIRS);
		if (port % PAIRS)
			ck_assert_uint_eq(gnet_receive(wires_guest, 1, seen, SHORTLY), 0);
		else
			ck_assert(comes_by(0, LONGER, PATIENCE));
		steer();
		use_pairs(1);
	}
	use_pairs(2);
	for (port = 0; port < PAIRS; port++) {
		make_frame(1, port);
		to_wire(port);
		ck_assert(comes_by(port, LONGER, PATIENCE));
	}
	steer_all_to(0);
	for (port = 0; port < PAIRS; port++) {
		make_frame(1, port);
		to_wire(port);
		ck_assert(comes_by(0, LONGER, PATIENCE));
	}
	ck_assert_uint_eq(gnet_receive(wires_guest, 1, seen, SHORTLY), 0);
	wires_stop();
}
END_TEST

/* ---- life ------------------------------------------------------------------------------------ */

/* So that most go from one queue to the other. */
static void cross(unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		make_frame((uint16_t)i, i);
		to_wire(!pair_of_frame());
	}
}

START_TEST(a_reset_with_frames_on_their_way)
{
	unsigned life;

	start(_i, 0, 0);
	for (life = 0; life < 20; life++) {
		steer();
		cross(60);
		if (life % 2)
			gnet_receive(wires_guest, 0, seen, SHORTLY);
		gnet_remove(wires_guest);
		ck_assert_uint_eq(wires_guest->v.dma.grants, 0);
		rig_assert_idle(&wires_rig);
		gnet_restart(wires_guest);
	}
	steer();
	while (gnet_receive(wires_guest, 0, seen, SHORTLY) ||
	       gnet_receive(wires_guest, 1, seen, SHORTLY))
		;
	for (life = 0; life < 20; life++) {
		make_frame((uint16_t)life, life);
		to_wire(life % PAIRS);
		ck_assert(comes_by(pair_of_frame(), LONGER, PATIENCE));
	}
	wires_stop();
}
END_TEST

START_TEST(the_end_with_frames_on_their_way)
{
	start(_i, 0, 0);
	steer();
	cross(120);
	rig_stop(&wires_rig);
	gnet_free(wires_guest);
}
END_TEST

/* ---- headers ------------------------------------------------------------------------------------ */

static const uint32_t lengths[] = { 14, 60, 1508, 1509, 1516, 1517, 1524, 3052, 9014, 65535 + 18 };

static void fill(uint8_t *at, uint32_t length, unsigned seed)
{
	uint32_t i;

	for (i = 0; i < length; i++)
		at[i] = (uint8_t)(seed * 31 + i * 7 + i / 251);
}

/* Around the ends of buffers. */
START_TEST(frames_of_all_sizes_reach_the_guest_with_the_longer_header)
{
	const struct virtio_net_hdr_v1_hash *header = (const void *)seen;
	unsigned i;

	start(_i, 0, 0);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(bytes, 0, HEADER);
		bytes[0] = VIRTIO_NET_HDR_F_DATA_VALID;
		fill(bytes + HEADER, lengths[i], i);
		memcpy(bytes + HEADER, wires_guest->mac, sizeof(wires_guest->mac));
		ck_assert_int_eq(send(wires.ends[0], bytes, HEADER + lengths[i], 0),
				 HEADER + lengths[i]);
		ck_assert_uint_eq(gnet_receive(wires_guest, 0, seen, PATIENCE),
				  LONGER + lengths[i]);
		ck_assert_mem_eq(seen + LONGER, bytes + HEADER, lengths[i]);
		ck_assert_mem_eq(seen, bytes, HEADER - 2);
		ck_assert_uint_eq(header->hdr.num_buffers, (LONGER + lengths[i] + 1535) / 1536);
	}
	wires_stop();
}
END_TEST

START_TEST(frames_leave_the_guest_without_the_longer_header)
{
	unsigned i, segments;

	start(_i, 0, 0);
	use_pairs(2);
	for (i = 0; i < 2 * ARRAY_SIZE(lengths); i++) {
		uint32_t length = lengths[i / 2];

		for (segments = 1; segments <= 3; segments++) {
			memset(bytes, 0x5a, LONGER); /* nobody reads what it says of the hash */
			memset(bytes, 0, HEADER);
			fill(bytes + LONGER, length, i);
			ck_assert(gnet_send(wires_guest, i % 2, bytes, LONGER + length, segments));
			gnet_kick(wires_guest, i % 2);
			ck_assert_int_eq(recv(wires.ends[i % 2], seen, sizeof(seen), 0),
					 HEADER + length);
			ck_assert_mem_eq(seen, bytes, HEADER);
			ck_assert_mem_eq(seen + HEADER, bytes + LONGER, length);
			ck_assert(gnet_sent(wires_guest, i % 2, PATIENCE));
		}
	}
	wires_stop();
}
END_TEST

START_TEST(chains_that_hold_no_more_than_the_longer_header_are_dropped)
{
	uint32_t length;

	start(_i, 0, 0);
	for (length = 1; length <= LONGER + 13; length++)
		ck_assert(gnet_send(wires_guest, 0, bytes, length, 1));
	ck_assert(gnet_send(wires_guest, 0, bytes, LONGER + 14, 1));
	gnet_kick(wires_guest, 0);
	ck_assert_int_eq(recv(wires.ends[0], seen, sizeof(seen), 0), HEADER + 14);
	ck_assert(gnet_sent(wires_guest, 0, PATIENCE));
	ck_assert_uint_eq(wires_counted(&wires_device->counters.tx_bad), LONGER + 13);
	wires_stop();
}
END_TEST

START_TEST(the_configuration_says_what_there_is)
{
	start(_i, 0, 0);
	ck_assert_uint_eq(gvirtio_config(&wires_guest->v, 17, 1), 40);
	ck_assert_uint_eq(gvirtio_config(&wires_guest->v, 18, 2), 128);
	ck_assert_uint_eq(gvirtio_config(&wires_guest->v, 20, 4), NET_RSS_TYPES);
	wires_stop();
}
END_TEST

int main(void)
{
	const int n = VARIANTS;
	const struct unit_test tests[] = {
		TIMES(a_frame_goes_to_the_queue_of_its_hash_whatever_its_port, n),
		TIMES(what_has_no_hash_goes_to_the_queue_for_the_rest, n),
		TIMES(without_reports_headers_are_short, n),
		TIMES(frames_of_a_flow_stay_in_order, n),
		TIMES(large_frames_are_steered_from_the_first_one_on, n),
		TIMES(large_frames_have_their_hash, n),
		TIMES(a_full_queue_does_not_hold_up_the_others, n),
		TIMES(frames_of_the_own_port_wait_for_buffers, n),
		TIMES(what_comes_by_another_port_does_not_overtake_what_waits, n),
		TIMES(a_broken_queue_does_not_hold_up_the_others, n),
		TIMES(queues_that_are_not_in_use_get_nothing, n),
		TIMES(a_reset_with_frames_on_their_way, n),
		TIMES(the_end_with_frames_on_their_way, n),
		TIMES(frames_of_all_sizes_reach_the_guest_with_the_longer_header, n),
		TIMES(frames_leave_the_guest_without_the_longer_header, n),
		TIMES(chains_that_hold_no_more_than_the_longer_header_are_dropped, n),
		ONCE(the_configuration_says_what_there_is),
	};

	return unit_main("net-steer", setup, fake_end, tests, ARRAY_SIZE(tests));
}
