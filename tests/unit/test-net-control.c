/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-control.c: what each command of the control queue does (virtio 1.2,
 * 5.1.6.5), in which order, what it costs, and what is left of it after a reset.
 */
#include <errno.h>
#include <string.h>

#include "unit/control.h"
#include "unit/unit.h"

#define OK          VIRTIO_NET_OK
#define ERR         VIRTIO_NET_ERR
#define PAIRS       VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET
#define OFFERS      VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET
#define COALESCE_RX VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET
#define COALESCE_TX VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_TX_SET
#define STEER       VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG
#define HASH        VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG

static struct control control;
static const struct net_filter *const filter = &control.net.filter;

static void setup(void)
{
}

static void start(int variant)
{
	struct control_config config = control_variant(variant);

	control_start(&control, &config);
}

static uint8_t send_byte(uint8_t class, uint8_t cmd, uint8_t value)
{
	return control_command(&control, class, cmd, &value, sizeof(value));
}

static uint8_t send_u16(uint8_t class, uint8_t cmd, uint16_t value)
{
	return control_command(&control, class, cmd, &value, sizeof(value));
}

static uint8_t send_u64(uint8_t class, uint8_t cmd, uint64_t value)
{
	return control_command(&control, class, cmd, &value, sizeof(value));
}

/* ---- the filter ------------------------------------------------------------------- */

START_TEST(modes_are_turned_on_and_off)
{
	const bool *const modes[] = {
		&filter->promiscuous,  &filter->all_multicast, &filter->all_unicast,
		&filter->no_multicast, &filter->no_unicast,    &filter->no_broadcast,
	};
	static const uint8_t values[] = { 1, 0, 1, 1, 0, 0, 255, 0, 2 };
	unsigned cmd, i, other;

	start(_i);
	for (cmd = 0; cmd < ARRAY_SIZE(modes); cmd++)
		ck_assert_uint_eq(send_byte(VIRTIO_NET_CTRL_RX, (uint8_t)cmd, 0), OK);
	for (cmd = 0; cmd < ARRAY_SIZE(modes); cmd++) {
		for (i = 0; i < ARRAY_SIZE(values); i++) {
			ck_assert_uint_eq(send_byte(VIRTIO_NET_CTRL_RX, (uint8_t)cmd, values[i]),
					  OK);
			ck_assert_int_eq(*modes[cmd], values[i] != 0);
			for (other = cmd + 1; other < ARRAY_SIZE(modes); other++)
				ck_assert(!*modes[other]);
		}
	}
	control_stop(&control);
}
END_TEST

/* Both tables as a command; their addresses count up from 0. Returns its length. */
static uint32_t make_tables(uint8_t *bytes, uint32_t unicast, uint32_t multicast)
{
	const uint32_t counts[] = { unicast, multicast };
	uint32_t length = 2, table, i;

	bytes[0] = VIRTIO_NET_CTRL_MAC;
	bytes[1] = VIRTIO_NET_CTRL_MAC_TABLE_SET;
	for (table = 0; table < 2; table++) {
		memcpy(bytes + length, &counts[table], 4);
		length += 4;
		for (i = 0; i < counts[table]; i++, length += NET_MAC_BYTES)
			memcpy(bytes + length, (uint8_t[]){ (uint8_t)table, 0, 0, 0, i >> 8, i },
			       6);
	}
	return length;
}

static void check_table(const struct net_mac_table *table, uint8_t first, uint32_t count)
{
	uint32_t i;

	ck_assert(!table->overflow);
	ck_assert_uint_eq(table->count, count);
	for (i = 0; i < count; i++)
		ck_assert_mem_eq(table->macs[i], ((uint8_t[]){ first, 0, 0, 0, i >> 8, i }), 6);
}

START_TEST(tables_are_set_as_sent)
{
	static const uint32_t counts[][2] = { { 1, 0 },  { 0, 1 },  { 2, 3 },  { 64, 64 },
					      { 64, 0 }, { 0, 64 }, { 63, 1 }, { 0, 0 } };
	uint8_t bytes[ORDER_BYTES];
	unsigned i;

	start(_i);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		uint32_t length = make_tables(bytes, counts[i][0], counts[i][1]);

		ck_assert_uint_eq(control_send(&control, bytes, length, CUT(2)), OK);
		check_table(&filter->unicast, 0, counts[i][0]);
		check_table(&filter->multicast, 1, counts[i][1]);
	}
	control_stop(&control);
}
END_TEST

/* A table that is too long counts as all of its kind. So does the second where it lies
 * behind so long a first one that it is not looked at. */
START_TEST(tables_that_are_too_long)
{
	static const struct {
		uint32_t unicast, multicast;
		bool all_unicast, all_multicast;
	} cases[] = {
		{ 65, 63, true, false },  { 64, 65, false, true },    { 65, 65, true, true },
		{ 1, 2000, false, true }, { 100, 5, true, false },    { 127, 1, true, false },
		{ 128, 0, true, false },  { 1000, 0, true, false },   { 128, 1, true, true },
		{ 1000, 1, true, true },  { 1300, 1300, true, true },
	};
	uint8_t bytes[ORDER_BYTES];
	unsigned i;

	start(_i);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t length = make_tables(bytes, cases[i].unicast, cases[i].multicast);

		ck_assert_uint_eq(control_send(&control, bytes, length, CUT(2)), OK);
		ck_assert_int_eq(filter->unicast.overflow, cases[i].all_unicast);
		ck_assert_int_eq(filter->multicast.overflow, cases[i].all_multicast);
	}
	control_stop(&control);
}
END_TEST

static uint32_t generation(void)
{
	return gvirtio_read(&control.v, gvirtio_field(config_generation), 1);
}

/* The guest reads it back as soon as it has the answer, and is not interrupted for it. */
START_TEST(the_address_is_that_of_the_filter_and_of_the_configuration)
{
	static const uint8_t mac[] = { 0x02, 1, 2, 3, 4, 5 }, group[] = { 0x03, 1, 2, 3, 4, 5 };
	uint32_t before;
	unsigned i;

	start(_i);
	before = generation();
	ck_assert_uint_eq(control_command(&control, VIRTIO_NET_CTRL_MAC,
					  VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 6),
			  OK);
	ck_assert_uint_ne(generation(), before);
	ck_assert_uint_eq(gpci_msix_seen(&control.v.pci, 0), 0);
	for (i = 0; i < NET_MAC_BYTES; i++)
		ck_assert_uint_eq(gvirtio_config(&control.v, i, 1), mac[i]);
	ck_assert_mem_eq(filter->mac, mac, NET_MAC_BYTES);
	ck_assert_uint_eq(control_command(&control, VIRTIO_NET_CTRL_MAC,
					  VIRTIO_NET_CTRL_MAC_ADDR_SET, group, 6),
			  ERR);
	ck_assert_mem_eq(filter->mac, mac, NET_MAC_BYTES);
	control_stop(&control);
}
END_TEST

START_TEST(vlans_come_and_go)
{
	static const uint16_t vids[] = { 0, 1, 63, 64, 100, 4095 };
	struct control_state before;
	unsigned i, bad;

	start(_i);
	before = control_state(&control);
	for (i = 0; i < ARRAY_SIZE(vids); i++)
		ck_assert_uint_eq(send_u16(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, vids[i]),
				  OK);
	for (i = 0; i < ARRAY_SIZE(vids); i++)
		ck_assert(filter->vlans[vids[i] / 64] & BIT_ULL(vids[i] % 64));
	for (bad = 4096; bad < 65536; bad = bad * 2 - 1)
		ck_assert_uint_eq(send_u16(VIRTIO_NET_CTRL_VLAN, bad & 1, (uint16_t)bad), ERR);
	for (i = 0; i < ARRAY_SIZE(vids); i++)
		ck_assert_uint_eq(send_u16(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, vids[i]),
				  OK);
	ck_assert_mem_eq(filter->vlans, before.filter.vlans, sizeof(filter->vlans));
	control_stop(&control);
}
END_TEST

/* ---- what main does --------------------------------------------------------------- */

static void ask_to_announce(void *arg)
{
	(void)arg;
	control.net.config.status |= VIRTIO_NET_S_ANNOUNCE;
}

static uint32_t config_status(void)
{
	return gvirtio_config(&control.v, offsetof(struct virtio_net_config, status), 2);
}

/* One time more does no harm. */
START_TEST(an_announcement_is_over_with_its_command)
{
	unsigned i;

	start(_i);
	rig_call(&control.rig, ask_to_announce, NULL);
	ck_assert_uint_eq(config_status(), VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(control_command(&control, VIRTIO_NET_CTRL_ANNOUNCE,
						  VIRTIO_NET_CTRL_ANNOUNCE_ACK, "", 0),
				  OK);
		ck_assert_uint_eq(config_status(), VIRTIO_NET_S_LINK_UP);
	}
	control_stop(&control);
}
END_TEST

START_TEST(pairs_are_as_many_as_there_are)
{
	static const uint16_t counts[] = { 0, 1, 2, 3, 4, 5, 6, 256, 257, 0x8000, 0x8001, 0xffff };
	unsigned i, ncalls;

	start(_i);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		bool legal = counts[i] >= 1 && counts[i] <= CONTROL_PAIRS;

		ncalls = control.ncalls;
		ck_assert_uint_eq(send_u16(PAIRS, counts[i]), legal ? OK : ERR);
		ck_assert_uint_eq(control.ncalls, ncalls + legal);
		if (legal)
			ck_assert_uint_eq(control.pairs, counts[i]);
	}
	control_stop(&control);
}
END_TEST

/* ---- who gets which frames ---------------------------------------------------------- */

static const struct net_rss *const rss = &control.net.rss;

/* A table of two entries. */
struct steering {
	uint32_t types;
	uint16_t mask, unclassified, table[2], pairs;
	uint8_t key_bytes, key[4];
} __attribute__((packed));

static const struct steering steering = { 7, 1, 2, { 1, 3 }, 4, 4, { 1, 2, 3, 4 } };
static const uint8_t hashing[17] = { 9, [12] = 4, 5, 6, 7, 8 };

static uint8_t steer(const struct steering *by)
{
	return control_command(&control, STEER, by, sizeof(*by));
}

START_TEST(frames_are_steered_as_the_driver_says)
{
	start(_i);
	ck_assert_uint_eq(steer(&steering), OK);
	ck_assert(rss->steers);
	ck_assert_uint_eq(rss->types, 7);
	ck_assert_uint_eq(net_rss_queue(rss, (struct net_hash){ 4, 1 }, 0), 1);
	ck_assert_uint_eq(net_rss_queue(rss, (struct net_hash){ 5, 1 }, 0), 3);
	ck_assert_uint_eq(net_rss_queue(rss, (struct net_hash){ 5, 0 }, 0), 2);
	ck_assert_uint_eq(control.pairs, 4); /* it may send by so many */
	control_stop(&control);
}
END_TEST

START_TEST(a_hash_alone_does_not_steer)
{
	start(_i);
	ck_assert_uint_eq(send_u16(PAIRS, 3), OK);
	ck_assert_uint_eq(control_command(&control, HASH, hashing, sizeof(hashing)), OK);
	ck_assert(!rss->steers);
	ck_assert_uint_eq(rss->types, 9);
	ck_assert_uint_eq(rss->pairs, 3);
	ck_assert_uint_eq(control.pairs, 3);
	control_stop(&control);
}
END_TEST

/* Steering by the port and by the hash exclude each other; the hash that is reported is
 * that of whoever spoke of it last. */
START_TEST(the_last_way_to_steer_counts)
{
	start(_i);
	ck_assert_uint_eq(steer(&steering), OK);
	ck_assert_uint_eq(send_u16(PAIRS, 2), OK);
	ck_assert(!rss->steers);
	ck_assert_uint_eq(rss->types, 7);
	ck_assert_uint_eq(net_rss_queue(rss, (struct net_hash){ 5, 1 }, 1), 1);
	ck_assert_uint_eq(net_rss_queue(rss, (struct net_hash){ 5, 1 }, 2), NET_RSS_NOBODY);
	ck_assert_uint_eq(steer(&steering), OK);
	ck_assert(rss->steers);
	ck_assert_uint_eq(control_command(&control, HASH, hashing, sizeof(hashing)), OK);
	ck_assert(!rss->steers);
	ck_assert_uint_eq(rss->types, 9);
	control_stop(&control);
}
END_TEST

static void disable_receiver(void *arg)
{
	control.rig.state.queues[2 * *(uint16_t *)arg].enabled = false;
}

/* In the table, for the rest, and whose port the guest sends by. */
START_TEST(a_queue_that_is_not_there_gets_no_frame)
{
	static const uint16_t wrong[] = { CONTROL_PAIRS, 5, 0x4000, 0x7fff, 0x8000, 0xffff };
	struct control_config config = control_variant(_i);
	struct control_state before, after;
	struct steering bad;
	uint16_t pair;
	unsigned i;

	control_start(&control, &config);
	before = control_state(&control);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		bad = steering;
		bad.unclassified = wrong[i];
		ck_assert_uint_eq(steer(&bad), ERR);
		bad = steering;
		bad.table[i % 2] = wrong[i];
		ck_assert_uint_eq(steer(&bad), ERR);
		bad = steering;
		bad.pairs = wrong[i] + 1;
		ck_assert_uint_eq(steer(&bad), ERR);
	}
	bad.pairs = 0;
	ck_assert_uint_eq(steer(&bad), ERR);
	after = control_state(&control);
	ck_assert(control_state_equal(&before, &after));
	ck_assert_uint_eq(steer(&steering), OK);
	for (pair = 1; pair < CONTROL_PAIRS; pair++) { /* queue 0 is the control queue here */
		rig_call(&control.rig, disable_receiver, &pair);
		ck_assert_uint_eq(steer(&steering), ERR);
		control_driver_stop(&control);
		control_driver_start(&control, &config);
	}
	control_stop(&control);
}
END_TEST

/* ---- offloads ------------------------------------------------------------------------ */

/* One by one and together, those that the driver took when it began. */
START_TEST(offloads_are_some_of_those_negotiated)
{
	struct control_config config = control_variant(_i);
	uint64_t taken = CONTROL_OFFLOADS & ~BIT_ULL(VIRTIO_NET_F_GUEST_TSO6);
	unsigned bit, ncalls;

	config.without = BIT_ULL(VIRTIO_NET_F_GUEST_TSO6);
	control_start(&control, &config);
	for (bit = 0; bit < 64; bit++) {
		bool legal = taken >> bit & 1;

		ncalls = control.ncalls;
		ck_assert_uint_eq(send_u64(OFFERS, BIT_ULL(bit)), legal ? OK : ERR);
		ck_assert_uint_eq(send_u64(OFFERS, taken ^ BIT_ULL(bit)), legal ? OK : ERR);
		ck_assert_uint_eq(control.ncalls, ncalls + 2 * legal);
	}
	ck_assert_uint_eq(send_u64(OFFERS, taken), OK);
	ck_assert_uint_eq(control.offloads, taken);
	ck_assert_uint_eq(send_u64(OFFERS, 0), OK);
	ck_assert_uint_eq(control.offloads, 0);
	control_stop(&control);
}
END_TEST

START_TEST(what_the_backend_refuses_is_an_error)
{
	start(_i);
	ck_assert_uint_eq(send_u16(PAIRS, 3), OK);
	ck_assert_uint_eq(send_u64(OFFERS, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)), OK);
	control.verdict = -EIO;
	ck_assert_uint_eq(send_u16(PAIRS, 4), ERR);
	ck_assert_uint_eq(send_u64(OFFERS, 0), ERR);
	ck_assert_uint_eq(steer(&steering), ERR);
	ck_assert(!rss->steers);
	ck_assert_uint_eq(control.pairs, 3);
	ck_assert_uint_eq(control.offloads, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM));
	control.verdict = 0;
	ck_assert_uint_eq(send_u16(PAIRS, 4), OK);
	control_stop(&control);
}
END_TEST

static uint64_t coalescing(uint32_t packets, uint32_t usecs)
{
	return (uint64_t)usecs << 32 | packets;
}

/* For each direction by itself; of one chain, so that nothing waits here. */
START_TEST(interrupts_are_put_off_by_direction)
{
	struct control_state state;

	start(_i);
	ck_assert_uint_eq(send_u64(COALESCE_TX, coalescing(7, UINT32_MAX)), OK);
	state = control_state(&control);
	ck_assert_uint_eq(state.coalescing[0], 0);
	ck_assert_uint_eq(state.coalescing[1], 7ull << 32 | UINT32_MAX);
	ck_assert_uint_eq(send_u64(COALESCE_RX, coalescing(1, 2000)), OK);
	state = control_state(&control);
	ck_assert_uint_eq(state.coalescing[0], 1ull << 32 | 2000);
	ck_assert_uint_eq(state.coalescing[1], 7ull << 32 | UINT32_MAX);
	control_stop(&control);
}
END_TEST

/* ---- many commands ---------------------------------------------------------------- */

static void add_u16(unsigned i, uint8_t class, uint8_t cmd, uint16_t value)
{
	const uint8_t bytes[] = { class, cmd, (uint8_t)value, (uint8_t)(value >> 8) };

	order_add(&control, i, bytes, sizeof(bytes), CUT(2), 1);
}

/* A full ring, shown at once: several batches. */
START_TEST(commands_are_executed_in_order)
{
	unsigned i, before;

	start(_i);
	before = control.ncalls;
	control.ring->held = true;
	for (i = 0; i < CONTROL_ORDERS; i++)
		add_u16(i, PAIRS, (uint16_t)(i * 7 % 6)); /* some are refused */
	gring_show(control.ring);
	orders_run(&control, CONTROL_ORDERS);
	for (i = 0; i < CONTROL_ORDERS; i++) {
		bool legal = i * 7 % 6 >= 1 && i * 7 % 6 <= CONTROL_PAIRS;

		ck_assert_uint_eq(order_ack(&control, i), legal ? OK : ERR);
		if (legal)
			ck_assert_uint_eq(control.calls[before++].value, i * 7 % 6);
	}
	ck_assert_uint_eq(control.ncalls, before);
	control_stop(&control);
}
END_TEST

/* Of the same thing; what was there before does not matter. */
START_TEST(the_last_command_counts)
{
	unsigned i;

	start(_i);
	control.ring->held = true;
	for (i = 0; i < 63; i++)
		add_u16(i, VIRTIO_NET_CTRL_VLAN, i % 2, 100); /* adds, deletes, .. adds */
	gring_show(control.ring);
	orders_run(&control, 63);
	ck_assert(filter->vlans[100 / 64] & BIT_ULL(100 % 64));
	control_stop(&control);
}
END_TEST

/* The device has started, and has seen all kicks until now. */
static void settle(void)
{
	ck_assert_uint_eq(send_u16(PAIRS, 1), OK);
	rig_settle(&control.rig);
}

/* Copies of the tables of indirect descriptors, of the commands, of the answers; the
 * driver may look before the interrupt. */
START_TEST(a_batch_is_three_copies_and_an_interrupt)
{
	unsigned i, messages;

	start(_i ? 3 : 1); /* grants */
	settle();
	fake_calls_reset();
	messages = fake_msi_total();
	control.ring->held = true;
	for (i = 0; i < VIRTQUEUE_BATCH; i++)
		add_u16(i, PAIRS, 1);
	gring_show(control.ring);
	orders_run(&control, VIRTQUEUE_BATCH);
	ck_assert_uint_eq(fake_calls(FAKE_GRANT_COPY), 3);
	ck_assert_uint_le(fake_msi_total(), messages + 1);
	control_stop(&control);
}
END_TEST

/* ---- a driver comes, and goes ------------------------------------------------------ */

START_TEST(a_driver_begins_with_what_it_took)
{
	struct control_config config = control_variant(0);
	bool rx = _i & 1, vlan = _i & 2;

	config.without = (rx ? 0 : BIT_ULL(VIRTIO_NET_F_CTRL_RX)) |
			 (vlan ? 0 : BIT_ULL(VIRTIO_NET_F_CTRL_VLAN)) |
			 BIT_ULL(VIRTIO_NET_F_GUEST_ECN);
	control_start(&control, &config);
	ck_assert_int_eq(filter->promiscuous, !rx); /* it could not ask for more */
	ck_assert_int_eq(filter->vlans_filtered, vlan);
	ck_assert_uint_eq(control.offloads, CONTROL_OFFLOADS & ~BIT_ULL(VIRTIO_NET_F_GUEST_ECN));
	ck_assert_uint_eq(control.pairs, 1);
	control_stop(&control);
}
END_TEST

static void change_filter(void)
{
	uint8_t bytes[ORDER_BYTES], cmd;

	for (cmd = 0; cmd < 6; cmd++)
		ck_assert_uint_eq(send_byte(VIRTIO_NET_CTRL_RX, cmd, 1), OK);
	ck_assert_uint_eq(control_send(&control, bytes, make_tables(bytes, 5, 65), CUT(2)), OK);
	ck_assert_uint_eq(control_command(&control, VIRTIO_NET_CTRL_MAC,
					  VIRTIO_NET_CTRL_MAC_ADDR_SET, "\x02\x02\x02\x02\x02\x02",
					  6),
			  OK);
	ck_assert_uint_eq(send_u16(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 7), OK);
}

static void change_everything(void)
{
	change_filter();
	ck_assert_uint_eq(steer(&steering), OK);
	ck_assert_uint_eq(send_u64(OFFERS, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)), OK);
	ck_assert_uint_eq(send_u64(COALESCE_RX, coalescing(1, 9)), OK);
	rig_call(&control.rig, ask_to_announce, NULL);
}

START_TEST(a_reset_takes_everything_back)
{
	struct control_config config = control_variant(_i);
	struct control_state before, after;

	control_start(&control, &config);
	before = control_state(&control);
	change_everything();
	control_driver_stop(&control);
	ck_assert_uint_eq(control.offloads, 0);
	ck_assert_uint_eq(control.pairs, 1);
	ck_assert_mem_eq(control.net.config.mac, ORDER_MAC, NET_MAC_BYTES);
	control_driver_start(&control, &config);
	after = control_state(&control);
	after.ncalls = before.ncalls;
	ck_assert(control_state_equal(&before, &after));
	control_stop(&control);
}
END_TEST

/* On main: commands are fetched, and before main comes to execute them it is reset. */
static void reset_with_commands_on_their_way(void *arg)
{
	struct virtqueue *queue = &control.rig.device.queues[0];
	bool own_thread = queue->worker->own_thread;

	loop_post(queue->worker->loop, &queue->kick);
	*(bool *)arg = wait_for(!own_thread || queue->in_flight == VIRTQUEUE_BATCH);
	virtio_device_reset(&control.rig.device);
}

/* It waits for them; they are not answered any more, and nothing is left of them. */
START_TEST(a_reset_waits_for_commands_on_their_way)
{
	struct control_config config = control_variant(_i);
	struct control_state before, after;
	bool fetched;
	unsigned i;

	control_start(&control, &config);
	before = control_state(&control);
	settle();
	control.ring->held = true;
	for (i = 0; i < 40; i++)
		add_u16(i, PAIRS, 2);
	gring_show(control.ring);
	rig_call(&control.rig, reset_with_commands_on_their_way, &fetched);
	ck_assert(fetched);
	ck_assert(wait_for(!gvirtio_read(&control.v, gvirtio_field(device_status), 1)));
	ck_assert_uint_eq(control.ring->used->idx, 1); /* settle()'s */
	for (i = 0; i < 40; i++)
		ck_assert_uint_eq(*(uint8_t *)fake_ram(control.orders[i].in), ORDER_CANARY);
	control_driver_stop(&control);
	control_driver_start(&control, &config);
	after = control_state(&control);
	after.ncalls = before.ncalls;
	ck_assert(control_state_equal(&before, &after));
	ck_assert_uint_eq(send_u16(PAIRS, 2), OK);
	control_stop(&control);
}
END_TEST

int main(void)
{
	const int n = CONTROL_VARIANTS;
	const struct unit_test tests[] = {
		TIMES(modes_are_turned_on_and_off, n),
		TIMES(tables_are_set_as_sent, n),
		TIMES(tables_that_are_too_long, n),
		TIMES(the_address_is_that_of_the_filter_and_of_the_configuration, n),
		TIMES(vlans_come_and_go, n),
		TIMES(an_announcement_is_over_with_its_command, n),
		TIMES(pairs_are_as_many_as_there_are, n),
		TIMES(frames_are_steered_as_the_driver_says, n),
		TIMES(a_hash_alone_does_not_steer, n),
		TIMES(the_last_way_to_steer_counts, n),
		TIMES(a_queue_that_is_not_there_gets_no_frame, n),
		TIMES(offloads_are_some_of_those_negotiated, n),
		TIMES(what_the_backend_refuses_is_an_error, n),
		TIMES(interrupts_are_put_off_by_direction, n),
		TIMES(commands_are_executed_in_order, n),
		TIMES(the_last_command_counts, n),
		TIMES(a_batch_is_three_copies_and_an_interrupt, 2),
		TIMES(a_driver_begins_with_what_it_took, 4),
		TIMES(a_reset_takes_everything_back, n),
		TIMES(a_reset_waits_for_commands_on_their_way, n),
	};

	return unit_main("net-control", setup, fake_end, tests, ARRAY_SIZE(tests));
}
