/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-control-errors.c: the control queue when something is wrong: commands
 * of every length, cut in every way, that there are not or that were not negotiated;
 * memory that cannot be reached. Each gets its answer, and an error changes nothing.
 */
#include <string.h>

#include "unit/control.h"
#include "unit/unit.h"

#define OK      VIRTIO_NET_OK
#define ERR     VIRTIO_NET_ERR
#define RUNNING 0xf
#define BROKEN  (RUNNING | VIRTIO_CONFIG_S_NEEDS_RESET)
#define EXCESS  8u /* bytes more than legal */
#define EIGHT   8u

static struct control control;

static void setup(void)
{
}

static void start(int variant)
{
	struct control_config config = control_variant(variant);

	control_start(&control, &config);
}

static uint8_t status(void)
{
	return (uint8_t)gvirtio_read(&control.v, gvirtio_field(device_status), 1);
}

/* ---- the commands that there are ---------------------------------------------------- */

#define NONE   0, 0, 0, 0
#define ONE    1, 0, 0, 0
#define TWO    2, 0, 0, 0
#define MAC(n) 2 * (n), 0, 0, 0, 0, 1

/* One of each, legal, and such that it can be seen. */
static const struct sample {
	unsigned feature;
	uint32_t length;
	uint8_t bytes[40 + EXCESS];
} samples[] = {
	{ VIRTIO_NET_F_CTRL_RX, 3, { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1 } },
	{ VIRTIO_NET_F_CTRL_RX, 3, { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 0 } },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, 3, { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLUNI, 1 } },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, 3, { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOMULTI, 1 } },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, 3, { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOUNI, 1 } },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, 3, { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST, 1 } },
	{ VIRTIO_NET_F_CTRL_RX,
	  16,
	  { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, NONE, ONE, MAC(1) } },
	{ VIRTIO_NET_F_CTRL_RX,
	  28,
	  { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, TWO, MAC(1), MAC(2), ONE,
	    MAC(3) } },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR,
	  8,
	  { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, MAC(7) } },
	{ VIRTIO_NET_F_CTRL_VLAN, 4, { VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 7, 1 } },
	{ VIRTIO_NET_F_CTRL_VLAN, 4, { VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, 100, 0 } },
	{ VIRTIO_NET_F_GUEST_ANNOUNCE,
	  2,
	  { VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK } },
	{ VIRTIO_NET_F_MQ, 4, { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 3, 0 } },
	{ VIRTIO_NET_F_RSS,
	  16,
	  { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, ONE, [12] = 1, [14] = 1, 0x77 } },
	{ VIRTIO_NET_F_HASH_REPORT,
	  16,
	  { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, ONE, [14] = 1, 0x77 } },
	{ VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
	  10,
	  { VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, 2 } },
	{ VIRTIO_NET_F_NOTF_COAL,
	  10,
	  { VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, ONE, NONE } },
	{ VIRTIO_NET_F_NOTF_COAL,
	  10,
	  { VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, ONE, NONE } },
};

#define SAMPLES ((int)ARRAY_SIZE(samples))

/* As a driver finds it, but so that a command that takes something away shows as well. */
static void begin_anew(void *arg)
{
	(void)arg;
	net_control_reset(&control.net, control.rig.state.driver_features);
	control.net.config.status |= VIRTIO_NET_S_ANNOUNCE;
	net_filter_set_vlan(&control.net.filter, 100, true);
	control.ncalls = 0;
}

static struct control_state begin(void)
{
	rig_call(&control.rig, begin_anew, NULL);
	return control_state(&control);
}

static void assert_unchanged(const struct control_state *before, const char *what, unsigned at)
{
	struct control_state now = control_state(&control);

	if (!control_state_equal(before, &now))
		ck_abort_msg("%s %u changed something", what, at);
}

static void assert_changed(const struct control_state *before)
{
	struct control_state now = control_state(&control);

	ck_assert(!control_state_equal(before, &now));
}

/* ---- every length and every cut ------------------------------------------------------ */

static unsigned queued;

static void run_queued(uint8_t ack, uint32_t length)
{
	unsigned i;

	orders_run(&control, queued);
	for (i = 0; i < queued; i++)
		if (order_ack(&control, i) != ack)
			ck_abort_msg("%u bytes: not answered by %u", length, ack);
	queued = 0;
}

static void queue_cut(const struct sample *sample, uint32_t length, uint64_t cuts, uint8_t ack)
{
	order_add(&control, queued++, sample->bytes, length, cuts, 1);
	if (queued == VIRTQUEUE_BATCH)
		run_queued(ack, length);
}

/* Short ones in every way that there is, long ones into up to three pieces, or bytes. */
static void send_all_cuts(const struct sample *sample, uint32_t length, uint8_t ack)
{
	uint32_t a, b;
	uint64_t cuts;

	if (length <= 10) {
		for (cuts = 0; cuts < 1ull << (length ? length - 1 : 0); cuts++)
			queue_cut(sample, length, cuts, ack);
	} else {
		queue_cut(sample, length, BYTES, ack);
		for (a = 1; a < length; a++)
			for (b = a; b < length; b++)
				queue_cut(sample, length, CUT(a) | CUT(b), ack);
	}
	run_queued(ack, length);
}

/* Those that end with a key are not looked at behind it. */
static bool is_legal(const struct sample *sample, uint32_t length)
{
	bool ends_with_key = sample->feature == VIRTIO_NET_F_RSS ||
			     sample->feature == VIRTIO_NET_F_HASH_REPORT;

	return length == sample->length || (ends_with_key && length > sample->length);
}

START_TEST(every_length_cut_in_every_way)
{
	const struct sample *sample = &samples[_i / CONTROL_VARIANTS];
	struct control_state before;
	uint32_t length;

	start(_i % CONTROL_VARIANTS);
	for (length = 0; length <= sample->length + EXCESS; length++) {
		bool legal = is_legal(sample, length);

		before = begin();
		send_all_cuts(sample, length, legal ? OK : ERR);
		if (legal)
			assert_changed(&before);
		else
			assert_unchanged(&before, "length", length);
	}
	ck_assert_uint_eq(status(), RUNNING);
	control_stop(&control);
}
END_TEST

/* ---- what there is not --------------------------------------------------------------- */

START_TEST(without_its_feature_a_command_is_an_error)
{
	const struct sample *sample = &samples[_i];
	struct control_config config = control_variant(0);
	struct control_state before;

	config.without = BIT_ULL(sample->feature);
	control_start(&control, &config);
	before = begin();
	ck_assert_uint_eq(control_send(&control, sample->bytes, sample->length, CUT(2)), ERR);
	assert_unchanged(&before, "sample", (unsigned)_i);
	control_stop(&control);
}
END_TEST

/* And with no other feature but its own it is none. */
START_TEST(with_its_feature_alone_a_command_is_done)
{
	const struct sample *sample = &samples[_i];
	struct control_config config = control_variant(0);
	struct control_state before;

	config.without =
		(NET_CONTROL_FEATURES | BIT_ULL(VIRTIO_NET_F_MQ) | BIT_ULL(VIRTIO_NET_F_RSS)) &
		~BIT_ULL(sample->feature);
	control_start(&control, &config);
	before = begin();
	ck_assert_uint_eq(control_send(&control, sample->bytes, sample->length, CUT(2)), OK);
	assert_changed(&before);
	control_stop(&control);
}
END_TEST

static bool exists(uint8_t class, uint8_t cmd)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(samples); i++)
		if (samples[i].bytes[0] == class && samples[i].bytes[1] == cmd)
			return true;
	return false;
}

static void queue_class(uint8_t class, unsigned ncmds, uint32_t length)
{
	uint8_t bytes[64] = { class };
	unsigned cmd;

	for (cmd = 0; cmd < ncmds; cmd++) {
		bytes[1] = (uint8_t)cmd;
		if (!exists(class, bytes[1]))
			order_add(&control, queued++, bytes, length, UNCUT, 1);
	}
	run_queued(ERR, length);
}

/* Of classes that there are any other command, and any other class; with data that
 * some command could have. */
START_TEST(every_other_command_is_an_error)
{
	static const uint32_t lengths[] = { 2, 3, 4, 8, 10, 34 };
	uint32_t length = lengths[_i];
	struct control_state before;
	unsigned class;

	start(0);
	before = begin();
	for (class = 0; class < 256; class ++)
		queue_class((uint8_t) class, class < 16 ? 256 : 8, length);
	assert_unchanged(&before, "length", length);
	control_stop(&control);
}
END_TEST

/* Tables whose counts are not what there is. */
START_TEST(tables_that_lie)
{
	static const struct {
		uint32_t unicast, multicast; /* what is said; there are 2 and 1 */
	} lies[] = {
		{ 0, 1 },          { 1, 1 },          { 3, 1 },          { 2, 0 },
		{ 2, 2 },          { 3, 0 },          { 4, 1 },          { 5, 0 },
		{ 0xffffffff, 1 }, { 2, 0xffffffff }, { 0x80000000, 1 }, { 2, 0x80000000 },
		{ 0x2aaaaaac, 1 }, { 2, 0x2aaaaaab }, { 0x2aaaaaad, 1 }, { 2, 0x2aaaaaac },
		{ 0x55555557, 1 }, { 0xaaaaaaac, 1 }, { 0x00010002, 1 }, { 2, 0x00010001 },
	};
	const uint32_t length = 2 + 4 + 12 + 4 + 6;
	struct control_state before;
	unsigned i;

	start(_i);
	before = begin();
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		uint8_t bytes[64] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET };

		memset(bytes + 2, 2, sizeof(bytes) - 2);
		memcpy(bytes + 2, &lies[i].unicast, 4);
		memcpy(bytes + 18, &lies[i].multicast, 4);
		ck_assert_uint_eq(control_send(&control, bytes, length, CUT(2) | CUT(18)), ERR);
		assert_unchanged(&before, "lie", i);
	}
	control_stop(&control);
}
END_TEST

/* Longer than what is looked at: what can be seen of it must still be right. */
START_TEST(long_tables_that_lie)
{
	static const uint32_t lies[] = { 1501, 1502, 2000, 0x2aaaaaab + 1500, 0xffffffff, 1, 1499 };
	uint8_t bytes[ORDER_BYTES] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET };
	const uint32_t count = 1500, length = 2 + 4 + count * 6 + 4;
	struct control_state before;
	uint32_t more;
	unsigned i;

	start(_i);
	before = begin();
	memset(bytes + 6, 2, sizeof(bytes) - 6);
	for (i = 0; i < ARRAY_SIZE(lies) - 1; i++) {
		memcpy(bytes + 2, &lies[i], 4);
		ck_assert_uint_eq(control_send(&control, bytes, length, CUT(2)), ERR);
	}
	memcpy(bytes + 2, &count, 4);
	for (more = 1; more < 6; more++) {
		ck_assert_uint_eq(control_send(&control, bytes, length - more, CUT(2)), ERR);
		ck_assert_uint_eq(control_send(&control, bytes, length + more, CUT(2)), ERR);
	}
	assert_unchanged(&before, "length", length);
	ck_assert_uint_eq(control_send(&control, bytes, length, CUT(2)), OK);
	control_stop(&control);
}
END_TEST

/* ---- memory that cannot be reached ---------------------------------------------------- */

static void spoil(unsigned set, bool answers, bool hole)
{
	unsigned i;

	for (i = 0; i < EIGHT; i++)
		if (set >> i & 1)
			fake_hole((answers ? control.orders[i].in : control.orders[i].out) /
					  FAKE_PAGE,
				  hole);
	vcpu_invalidate(0);
}

static void add_pairs(unsigned i, uint8_t pairs, uint32_t in)
{
	const uint8_t bytes[] = { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, pairs, 0 };

	order_add(&control, i, bytes, sizeof(bytes), CUT(2), in);
}

static void add_eight(void)
{
	unsigned i;

	control.ring->held = true;
	for (i = 0; i < EIGHT; i++)
		add_pairs(i, (uint8_t)(1 + i % CONTROL_PAIRS), 1);
}

/* Every subset of eight: those get an error, the others are done, in order. */
START_TEST(a_command_that_cannot_be_read_is_an_error_of_its_own)
{
	unsigned bad, i, n;

	start(_i);
	for (bad = 0; bad < 256; bad++) {
		begin();
		add_eight();
		spoil(bad, false, true);
		gring_show(control.ring);
		orders_run(&control, EIGHT);
		spoil(bad, false, false);
		for (i = n = 0; i < EIGHT; i++) {
			bool good = !(bad >> i & 1);

			if (order_ack(&control, i) != (good ? OK : ERR))
				ck_abort_msg("set %#x: command %u", bad, i);
			if (good && control.calls[n++].value != 1 + i % CONTROL_PAIRS)
				ck_abort_msg("set %#x: command %u is not done", bad, i);
		}
		ck_assert_uint_eq(control.ncalls, n);
	}
	ck_assert_uint_eq(status(), RUNNING);
	control_stop(&control);
}
END_TEST

static void assert_works_after_a_reset(const struct control_config *config)
{
	control_driver_stop(&control);
	control_driver_start(&control, config);
	add_pairs(0, 2, 1);
	orders_run(&control, 1);
	ck_assert_uint_eq(order_ack(&control, 0), OK);
	ck_assert_uint_eq(status(), RUNNING);
	control_stop(&control);
}

/* Where no answer can be given, the device asks for a reset. */
START_TEST(an_answer_that_cannot_be_written_needs_a_reset)
{
	struct control_config config = control_variant(_i % CONTROL_VARIANTS);
	unsigned bad = 1u << _i / CONTROL_VARIANTS;

	control_start(&control, &config);
	add_eight();
	spoil(bad, true, true);
	gring_show(control.ring);
	gvirtio_kick(&control.v, control.ring);
	ck_assert(gvirtio_config_changed(&control.v, 10000));
	ck_assert_uint_eq(status(), BROKEN);
	ck_assert(!gring_more(control.ring));
	spoil(bad, true, false);
	assert_works_after_a_reset(&config);
}
END_TEST

START_TEST(a_command_without_an_ack_byte_needs_a_reset)
{
	struct control_config config = control_variant(_i);

	control_start(&control, &config);
	log_capture_begin();
	control.ring->held = true;
	add_pairs(0, 2, 1);
	add_pairs(1, 2, 0);
	add_pairs(2, 2, 0);
	gring_show(control.ring);
	gvirtio_kick(&control.v, control.ring);
	ck_assert(gvirtio_config_changed(&control.v, 10000));
	ck_assert_str_eq(log_capture_end(),
			 "xenvirtiod: device: queue 0: the driver made a command without an ack "
			 "byte; it needs a reset\n");
	ck_assert_uint_eq(status(), BROKEN);
	assert_works_after_a_reset(&config);
}
END_TEST

/* The ack is the first of the bytes; the rest is for what newer commands return. */
START_TEST(more_room_for_the_answer_is_left_alone)
{
	static const uint32_t rooms[] = { 1, 2, 3, 100, FAKE_PAGE };
	const uint8_t *answer;
	unsigned i;
	uint32_t at;

	start(_i);
	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		const uint8_t bytes[] = { VIRTIO_NET_CTRL_ANNOUNCE, 0 };

		order_add(&control, 0, bytes, sizeof(bytes), rooms[i] <= 3 ? BYTES : CUT(1),
			  rooms[i]);
		orders_run(&control, 1);
		ck_assert_uint_eq(order_ack(&control, 0), OK);
		answer = fake_ram(control.orders[0].in);
		for (at = 1; at < FAKE_PAGE; at++)
			ck_assert_uint_eq(answer[at], ORDER_CANARY);
	}
	control_stop(&control);
}
END_TEST

int main(void)
{
	const int n = CONTROL_VARIANTS;
	const struct unit_test tests[] = {
		TIMES(every_length_cut_in_every_way, SAMPLES * n),
		TIMES(without_its_feature_a_command_is_an_error, SAMPLES),
		TIMES(with_its_feature_alone_a_command_is_done, SAMPLES),
		TIMES(every_other_command_is_an_error, 6),
		TIMES(tables_that_lie, n),
		TIMES(long_tables_that_lie, n),
		TIMES(a_command_that_cannot_be_read_is_an_error_of_its_own, n),
		TIMES(an_answer_that_cannot_be_written_needs_a_reset, EIGHT * n),
		TIMES(a_command_without_an_ack_byte_needs_a_reset, n),
		TIMES(more_room_for_the_answer_is_left_alone, n),
	};

	return unit_main("net-control-errors", setup, fake_end, tests, ARRAY_SIZE(tests));
}
