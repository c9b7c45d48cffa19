/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-direct.c: large frames are read into the guest's buffers where these can be lent,
 * and nobody sees the difference: what the guest gets, when it gets it and what it does not
 * get is as if they were copied.
 */
#include <check.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/net/direct.h"
#include "devices/types.h"
#include "unit/unit.h"
#include "unit/wires.h"

#define HEADER   ((uint32_t)NET_HEADER_BYTES)
#define LARGE    60000u
#define HEAD     NET_DIRECT_HEAD
#define BUFFER   1536u
#define PATIENCE 5000 /* ms */
#define SHORTLY  30
#define FAR      (1ull << 51)

static uint8_t frame[GNET_FRAME], seen[GNET_FRAME];
static struct gnet_config config;

static void setup(void)
{
	config = (struct gnet_config){ .bdf = RIG_BDF, .irq = GIRQ_MSIX, .ring_size = 256 };
}

static void start(unsigned workers)
{
	const struct rig_config how = { .workers = workers };

	wires_start(&how, &config);
}

static void make(uint32_t length, unsigned seed)
{
	gnet_make_frame(wires_guest, frame, length, seed);
}

static void to_wire(uint32_t length)
{
	ck_assert_int_eq(send(wires.ends[0], frame, length, 0), length);
}

static void send_frame(uint32_t length, unsigned seed)
{
	make(length, seed);
	to_wire(length);
}

static uint32_t longer(void)
{
	return wires_guest->v.features & BIT_ULL(VIRTIO_NET_F_HASH_REPORT) ? NET_HASH_BYTES : 0;
}

static uint32_t buffer_bytes(void)
{
	return config.buffer ? config.buffer : BUFFER;
}

/* All of it, in as many buffers as it needs. */
static void comes(uint32_t length, unsigned seed)
{
	const struct virtio_net_hdr_v1 *header = (const void *)seen;
	uint32_t all = length + longer();

	make(length, seed);
	ck_assert_uint_eq(gnet_receive(wires_guest, 0, seen, PATIENCE), all);
	ck_assert_mem_eq(seen + HEADER + longer(), frame + HEADER, length - HEADER);
	ck_assert_uint_eq(header->num_buffers, (all + buffer_bytes() - 1) / buffer_bytes());
}

static void pass(uint32_t length, unsigned seed)
{
	send_frame(length, seed);
	comes(length, seed);
}

static unsigned pieces(void)
{
	return __atomic_load_n(&wires.pieces[0], __ATOMIC_RELAXED);
}

static void pass_directly(uint32_t length, unsigned seed)
{
	pass(length, seed);
	ck_assert_uint_gt(pieces(), 1);
}

static void pass_by_copies(uint32_t length, unsigned seed)
{
	pass(length, seed);
	ck_assert_uint_eq(pieces(), 1);
}

/* ---- what is read directly ----------------------------------------------------------- */

/* Workers, header, buffers. */
#define VARIANTS 8

static void start_variant(int variant)
{
	config.with = variant & 2 ? BIT_ULL(VIRTIO_NET_F_HASH_REPORT) : 0;
	config.control = true;
	config.buffer = variant & 4 ? FAKE_PAGE : 0;
	start(variant & 1);
}

START_TEST(large_frames_are_read_into_the_guests_buffers)
{
	unsigned i;

	start_variant(_i);
	pass_by_copies(60, 1);
	pass_by_copies(LARGE, 2);
	for (i = 3; i < 20; i++)
		pass_directly(LARGE + i, i);
	for (i = 0; i < 4; i++)
		pass_directly(60, i); /* others may follow that are large */
	pass_by_copies(60, i);
	ck_assert_uint_eq(wires_counted(&wires_device->counters.rx_direct), 17 + 4);
	wires_stop();
}
END_TEST

START_TEST(frames_of_any_length_behind_a_large_one)
{
	static const uint32_t lengths[] = { 26,         27,         HEAD - 1,           HEAD,
					    HEAD + 1,   BUFFER - 9, BUFFER - 8,         BUFFER - 7,
					    BUFFER - 1, BUFFER,     BUFFER + 1,         4 * BUFFER,
					    16384,      32768,      HEADER + 18 + 65535 };
	unsigned i;

	start_variant(_i);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		pass(LARGE, i);
		pass_directly(lengths[i], i);
	}
	wires_stop();
}
END_TEST

START_TEST(buffers_may_have_several_descriptors)
{
	static const uint32_t cuts[][5] = { { 12 },       { 100, 300 }, { HEAD - 12 }, { HEAD },
					    { HEAD + 8 }, { 1, 1500 },  { 1, 1, 1, 1 } };
	unsigned i;

	config.cuts = cuts[_i / 2];
	start_variant(_i % 2 * 2);
	pass(LARGE, 0);
	for (i = 1; i < 10; i++)
		pass_directly(LARGE - i, i);
	wires_stop();
}
END_TEST

/* More in all than there are buffers for, and than are read at a time. */
START_TEST(frames_of_all_sizes_stay_in_order)
{
	static const uint32_t lengths[] = { LARGE, 60, 20000, 1514, LARGE, LARGE, 9000, 16384 };
	unsigned i, sent = 0;

	start_variant(_i);
	for (i = 0; i < 200; i++) {
		for (; sent < 200 && sent < i + 40; sent++)
			send_frame(lengths[sent % ARRAY_SIZE(lengths)], sent);
		comes(lengths[i % ARRAY_SIZE(lengths)], i);
	}
	wires_stop();
}
END_TEST

/* ---- what is not ---------------------------------------------------------------------- */

START_TEST(grants_are_copied)
{
	unsigned i;

	config.dma = GDMA_GRANTS;
	start_variant(_i);
	for (i = 0; i < 5; i++)
		pass_by_copies(LARGE, i);
	wires_stop();
}
END_TEST

/* Mapped for one read, and no longer. */
START_TEST(grants_that_are_to_be_mapped_are_lent)
{
	const struct rig_config how = { .memory.map_from = FAKE_PAGE };
	unsigned i;

	config.dma = GDMA_GRANTS;
	wires_start(&how, &config);
	pass(LARGE, 0);
	for (i = 1; i < 5; i++)
		pass_directly(LARGE, i);
	ck_assert_uint_gt(fake_calls(FAKE_GRANT_MAP), 0);
	wires_stop();
}
END_TEST

/* Drivers whose buffers would not take the longest frame, or not at once. */
static const struct gnet_config unfit[] = {
	{ .buffer = HEAD + HEADER },
	{ .buffer = 1000 }, /* more than a frame may have */
	{ .buffers = 30 },
	{ .buffer = GNET_FRAME, .buffers = 4, .without = BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) },
};

START_TEST(what_cannot_take_any_frame_is_not_lent)
{
	const struct gnet_config *driver = &unfit[_i];
	unsigned i;

	config.buffer = driver->buffer;
	config.buffers = driver->buffers;
	config.without = driver->without;
	start(1);
	for (i = 0; i < 20; i++)
		pass_by_copies(16500, i);
	wires_stop();
}
END_TEST

#define QUARTER (BUFFER / 4)

/* Of a buffer of four descriptors, one behind the other: from here on the other way round. */
static void reverse(struct gring *ring, unsigned buffer)
{
	struct vring_desc *table = fake_ram(ring->head[buffer].table);
	unsigned i;

	for (i = 0; i < 2; i++) {
		uint64_t address = table[i].addr;

		table[i].addr = table[3 - i].addr;
		table[3 - i].addr = address;
	}
}

static uint32_t in_reverse(uint32_t at)
{
	return at / BUFFER * BUFFER + (3 - at % BUFFER / QUARTER) * QUARTER + at % QUARTER;
}

/* 43 of these buffers would be 172 pieces. */
START_TEST(what_is_in_too_many_pieces_is_copied)
{
	static const uint32_t quarters[] = { QUARTER, QUARTER, QUARTER, 0 };
	const uint32_t length = 11 * BUFFER; /* more than 16 KiB */
	struct gring *ring;
	unsigned i, turn;

	config.cuts = quarters;
	start(1);
	ring = wires_guest->v.ring[0];
	for (i = 0; i < ring->size; i++)
		reverse(ring, i);
	for (turn = 0; turn < 3; turn++) {
		send_frame(length, turn);
		for (i = 0; i < 11; i++) {
			uint8_t *buffer;
			uint32_t bytes;

			ck_assert(wait_for(gring_more(ring)));
			buffer = gring_get(ring, &bytes);
			ck_assert_uint_eq(bytes, BUFFER);
			memcpy(seen + (size_t)i * BUFFER, buffer, BUFFER);
		}
		for (i = HEADER; i < length; i++)
			ck_assert_uint_eq(seen[in_reverse(i)], frame[i]);
		ck_assert_uint_eq(pieces(), 1);
	}
	wires_stop();
}
END_TEST

/* All buffers are used, and the guest is slow to post others. */
START_TEST(frames_wait_for_buffers_as_before)
{
	unsigned i;

	config.buffers = 64;
	start(_i);
	pass(LARGE, 0);
	for (i = 1; i < 10; i++)
		send_frame(LARGE, i);
	ck_assert(wait_for(wires_counted(&wires_device->counters.rx_no_buffer)));
	for (i = 1; i < 10; i++)
		comes(LARGE, i);
	wires_stop();
}
END_TEST

/* ---- frames that nobody wants ----------------------------------------------------------- */

START_TEST(what_the_filter_drops_leaves_its_buffers_to_the_next)
{
	uint16_t used;
	unsigned i;

	start_variant(_i);
	pass(LARGE, 0);
	used = wires_guest->v.ring[0]->used->idx;
	for (i = 1; i < 4; i++) {
		make(LARGE, i);
		frame[HEADER + 5] ^= 1;
		to_wire(LARGE);
		ck_assert(wait_for(wires_counted(&wires_device->counters.rx_filtered) == i));
	}
	ck_assert_uint_gt(pieces(), 1);
	ck_assert_uint_eq(wires_guest->v.ring[0]->used->idx, used);
	ck_assert_uint_eq(wires_counted(&wires_device->counters.rx_direct), 0);
	pass_directly(LARGE, i);
	wires_stop();
}
END_TEST

static void set_link(void *up)
{
	virtio_net.set_link(&wires_rig.device, up);
}

START_TEST(what_comes_while_the_link_is_down_is_lost)
{
	start_variant(_i);
	pass(LARGE, 0);
	rig_call(&wires_rig, set_link, NULL);
	send_frame(LARGE, 1);
	ck_assert_uint_eq(gnet_receive(wires_guest, 0, seen, SHORTLY), 0);
	rig_call(&wires_rig, set_link, &wires_rig);
	pass_directly(LARGE, 2);
	wires_stop();
}
END_TEST

static void set_pause(void *paused)
{
	virtio_device_pause(&wires_rig.device, paused);
}

START_TEST(while_it_is_paused_large_frames_wait)
{
	unsigned i;

	start_variant(_i);
	pass(LARGE, 0);
	rig_call(&wires_rig, set_pause, &wires_rig);
	for (i = 1; i < 4; i++)
		send_frame(LARGE, i);
	ck_assert_uint_eq(gnet_receive(wires_guest, 0, seen, SHORTLY), 0);
	rig_call(&wires_rig, set_pause, NULL);
	for (i = 1; i < 4; i++)
		comes(LARGE, i);
	wires_stop();
}
END_TEST

/* ---- what guests do ------------------------------------------------------------------------ */

/* What is still on its way may be lost, or not. */
static void drain(void)
{
	uint32_t length;

	send_frame(100, 0);
	do {
		length = gnet_receive(wires_guest, 0, seen, PATIENCE);
		ck_assert_uint_gt(length, 0);
	} while (length != 100 + longer());
}

START_TEST(a_reset_under_large_frames)
{
	unsigned life, i;

	start_variant(_i);
	for (life = 0; life < 20; life++) {
		pass(LARGE, life);
		for (i = 0; i < 10; i++)
			send_frame(LARGE, i);
		gnet_remove(wires_guest);
		rig_assert_idle(&wires_rig);
		gnet_restart(wires_guest);
		drain();
	}
	pass(LARGE, 1);
	pass_directly(LARGE, 2);
	wires_stop();
}
END_TEST

START_TEST(the_end_under_large_frames)
{
	unsigned i;

	start_variant(_i);
	for (i = 0; i < 30; i++)
		send_frame(LARGE, i);
	rig_stop(&wires_rig);
	gnet_free(wires_guest);
}
END_TEST

/* One buffer of those that are posted first; the others are good. */
static void spoil(unsigned buffer, uint64_t address)
{
	wires_guest->v.ring[0]->desc[buffer].addr = address;
}

static uint64_t hole(void)
{
	uint64_t page = gpage_alloc(1);

	fake_hole(page / FAKE_PAGE, true);
	return page;
}

static uint64_t bad_address(int number)
{
	const uint64_t bad[] = { hole(), FAR, INT64_MAX, fake_ram_size(), 1ull << 63 | 77 << 12 };

	return bad[number];
}

#define NBAD 5

/* Frames of 40 buffers each: one has the bad one, and is lost, as if it were copied. */
START_TEST(a_bad_buffer_costs_the_frame_that_is_for_it)
{
	struct gring *ring;
	uint32_t length;
	unsigned i;

	start(1);
	ring = wires_guest->v.ring[0];
	spoil(70, bad_address(_i));
	pass(LARGE, 0);
	send_frame(LARGE, 1);
	for (i = 0; i < 40; i++) {
		ck_assert(wait_for(gring_more(ring)));
		ck_assert_ptr_nonnull(gring_get(ring, &length));
		ck_assert_uint_eq(length, 0);
	}
	pass_directly(LARGE, 2);
	pass_directly(LARGE, 3);
	wires_stop();
}
END_TEST

START_TEST(a_bad_buffer_behind_a_frame_is_nothing_to_it)
{
	start(1);
	spoil(70, bad_address(_i));
	pass(LARGE, 0);
	pass_by_copies(20000, 1);
	pass_by_copies(20000, 2);
	wires_stop();
}
END_TEST

START_TEST(a_ring_that_breaks_ends_in_a_reset)
{
	struct gring *ring;

	start_variant(_i);
	ring = wires_guest->v.ring[0];
	pass(LARGE, 0);
	ring->avail->idx = (uint16_t)(ring->avail->idx + 1000);
	send_frame(LARGE, 1);
	send_frame(LARGE, 2);
	send_frame(LARGE, 3);
	ck_assert(wait_for(gvirtio_read(&wires_guest->v, gvirtio_field(device_status), 1) &
			   VIRTIO_CONFIG_S_NEEDS_RESET));
	wires_stop();
}
END_TEST

/* ---- the log of dirty pages ------------------------------------------------------------------ */

/* A frame of 20000 bytes has the first of the buffers that were lent. */
START_TEST(pages_that_a_frame_is_in_are_reported_and_no_others)
{
	const struct rig_config how = { .windows = { .window_bytes = 2u << 20,
						     .report_writes = true } };
	uint64_t first;
	unsigned i;

	config.buffer = FAKE_PAGE;
	wires_start(&how, &config);
	first = wires_guest->rx_pages[0] / FAKE_PAGE;
	pass(LARGE, 0); /* 15 buffers */
	fake_calls_reset();
	pass_directly(20000, 1);
	for (i = 15; i < 20; i++)
		ck_assert_msg(fake_page_reported(first + i), "page %u", i);
	for (; i < 35; i++)
		ck_assert_msg(!fake_page_reported(first + i), "page %u", i);
	wires_stop();
}
END_TEST

int main(void)
{
	const int n = VARIANTS;
	const struct unit_test tests[] = {
		TIMES(large_frames_are_read_into_the_guests_buffers, n),
		TIMES(frames_of_any_length_behind_a_large_one, n),
		TIMES(buffers_may_have_several_descriptors, 14),
		TIMES(frames_of_all_sizes_stay_in_order, n),
		TIMES(grants_are_copied, n),
		ONCE(grants_that_are_to_be_mapped_are_lent),
		TIMES(what_cannot_take_any_frame_is_not_lent, ARRAY_SIZE(unfit)),
		ONCE(what_is_in_too_many_pieces_is_copied),
		TIMES(frames_wait_for_buffers_as_before, 2),
		TIMES(what_the_filter_drops_leaves_its_buffers_to_the_next, n),
		TIMES(what_comes_while_the_link_is_down_is_lost, n),
		TIMES(while_it_is_paused_large_frames_wait, n),
		TIMES(a_reset_under_large_frames, n),
		TIMES(the_end_under_large_frames, n),
		TIMES(a_bad_buffer_costs_the_frame_that_is_for_it, NBAD),
		TIMES(a_bad_buffer_behind_a_frame_is_nothing_to_it, NBAD),
		TIMES(a_ring_that_breaks_ends_in_a_reset, n),
		ONCE(pages_that_a_frame_is_in_are_reported_and_no_others),
	};

	return unit_main("net-direct", setup, fake_end, tests, ARRAY_SIZE(tests));
}
