/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.c: a virtio-net driver as Linux's: buffers of one descriptor that are posted
 * ahead, merged frames, headers in front of what is sent.
 */
#include <check.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define FEATURE(name) (1ull << (name))

static const uint64_t driver_features =
	FEATURE(VIRTIO_NET_F_MAC) | FEATURE(VIRTIO_NET_F_STATUS) | FEATURE(VIRTIO_NET_F_MTU) |
	FEATURE(VIRTIO_NET_F_MRG_RXBUF) | FEATURE(VIRTIO_NET_F_CSUM) |
	FEATURE(VIRTIO_NET_F_GUEST_CSUM) | FEATURE(VIRTIO_NET_F_HOST_TSO4) |
	FEATURE(VIRTIO_NET_F_HOST_TSO6) | FEATURE(VIRTIO_NET_F_HOST_ECN) |
	FEATURE(VIRTIO_NET_F_GUEST_TSO4) | FEATURE(VIRTIO_NET_F_GUEST_TSO6) |
	FEATURE(VIRTIO_NET_F_GUEST_ECN) | FEATURE(VIRTIO_NET_F_CTRL_VQ) |
	FEATURE(VIRTIO_NET_F_CTRL_RX) | FEATURE(VIRTIO_NET_F_CTRL_VLAN) | FEATURE(VIRTIO_NET_F_MQ) |
	FEATURE(VIRTIO_NET_F_SPEED_DUPLEX) | FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
	FEATURE(VIRTIO_RING_F_EVENT_IDX) | FEATURE(VIRTIO_F_VERSION_1) |
	FEATURE(VIRTIO_F_ACCESS_PLATFORM);

static struct gring *rx_ring(const struct gnet *net, unsigned int pair)
{
	return net->v.ring[2 * pair];
}

static struct gring *tx_ring(const struct gnet *net, unsigned int pair)
{
	return net->v.ring[2 * pair + 1];
}

static unsigned int pairs_of(const struct gnet *net)
{
	return net->config.pairs ? net->config.pairs : 1;
}

static uint32_t buffer_bytes(const struct gnet *net)
{
	return net->config.buffer ? net->config.buffer : 1536;
}

/* ---- buffers ---------------------------------------------------------------------- */

static unsigned int buffer_pages(const struct gnet *net)
{
	return (buffer_bytes(net) + FAKE_PAGE - 1) / FAKE_PAGE;
}

static unsigned int cut_buffer(const struct gnet *net, uint64_t gpa, struct gsg *sg)
{
	const uint32_t *cut = net->config.cuts;
	uint32_t left = buffer_bytes(net);
	unsigned int n = 0;

	for (; cut && *cut; cut++) {
		sg[n++] = (struct gsg){ gpa, *cut };
		gpa += *cut;
		left -= *cut;
	}
	sg[n++] = (struct gsg){ gpa, left };
	return n;
}

/* The token of a buffer is its place in guest memory. */
static bool post(struct gnet *net, unsigned int pair, uint64_t gpa)
{
	struct gsg sg[GNET_DESCS];

	return gring_add(rx_ring(net, pair), NULL, 0, sg, cut_buffer(net, gpa, sg), fake_ram(gpa));
}

/* As many as are wanted, or as the ring takes. */
static unsigned int buffer_count(const struct gnet *net, const struct gring *ring)
{
	struct gsg sg[GNET_DESCS];
	unsigned int descs = ring->indirect ? 1 : cut_buffer(net, 0, sg);

	return net->config.buffers ? net->config.buffers : ring->size / descs;
}

static void make_buffers(struct gnet *net, unsigned int pair)
{
	unsigned int i, n = buffer_count(net, rx_ring(net, pair));

	net->rx_count[pair] = n;
	net->rx_pages[pair] = gpage_alloc(n * buffer_pages(net));
	for (i = 0; i < n; i++)
		ck_assert(post(net, pair,
			       net->rx_pages[pair] + (uint64_t)i * buffer_pages(net) * FAKE_PAGE));
	gvirtio_kick(&net->v, rx_ring(net, pair));
}

static uint64_t gpa_of(const void *token)
{
	return (uint64_t)((const uint8_t *)token - (const uint8_t *)fake_ram(0));
}

/* ---- start and end ------------------------------------------------------------------ */

static void start_driver(struct gnet *net)
{
	const struct gnet_config *config = &net->config;
	struct gvirtio *v = &net->v;
	unsigned int i, queues = 2 * pairs_of(net) + config->control;

	v->dma.kind = config->dma;
	v->pci.irq = config->irq;
	ck_assert_int_ge(gvirtio_reset(v), 0);
	ck_assert_msg(gvirtio_negotiate(v, (driver_features | config->with) & ~config->without),
		      "features refused");
	for (i = 0; i < sizeof(net->mac); i++)
		net->mac[i] = (uint8_t)gvirtio_config(v, i, 1);
	if (config->irq == GIRQ_PIRQ || config->irq == GIRQ_MSIX)
		ck_assert_msg(gpci_msix_enable(&v->pci, config->irq, queues + 1), "no MSI-X");
	ck_assert_msg(gvirtio_setup_queues(v, queues, config->ring_size ? config->ring_size : 128),
		      "queue set-up refused");
	gvirtio_driver_ok(v);
	for (i = 0; i < pairs_of(net); i++)
		make_buffers(net, i);
}

struct gnet *gnet_start(const struct gnet_config *config)
{
	struct gnet *net = calloc(1, sizeof(*net));

	ck_assert_ptr_nonnull(net);
	net->config = *config;
	gpci_find(&net->v.pci, config->bdf);
	ck_assert_msg(gvirtio_probe(&net->v), "a virtio capability is missing");
	start_driver(net);
	return net;
}

static void free_sent(struct gnet *net, unsigned int pair)
{
	struct gring *ring = tx_ring(net, pair);
	unsigned int i;

	for (i = 0; i < ring->size; i++)
		free(ring->head[i].token);
}

void gnet_remove(struct gnet *net)
{
	unsigned int i;

	for (i = 0; i < pairs_of(net); i++)
		free_sent(net, i);
	gvirtio_remove(&net->v);
	for (i = 0; i < pairs_of(net); i++)
		gpage_free(net->rx_pages[i], net->rx_count[i] * buffer_pages(net));
}

void gnet_restart(struct gnet *net)
{
	net->v.dma.broken = false;
	start_driver(net);
}

/* Whatever is still in use: the guest may be gone by now. */
void gnet_free(struct gnet *net)
{
	unsigned int i;

	for (i = 0; net->v.nr_queues && i < pairs_of(net); i++)
		free_sent(net, i);
	for (i = 0; i < net->v.nr_queues; i++)
		free(net->v.ring[i]);
	free(net);
}

/* ---- commands ------------------------------------------------------------------------ */

uint8_t gnet_command(struct gnet *net, uint8_t class, uint8_t cmd, const void *data,
		     uint32_t length)
{
	struct gring *ring = net->v.ring[2 * pairs_of(net)];
	uint64_t page = gpage_alloc(1);
	const struct gsg out = { page, length + 2 }, in = { page + FAKE_PAGE - 1, 1 };
	uint8_t *bytes = fake_ram(page), ack;
	uint32_t written;

	bytes[0] = class;
	bytes[1] = cmd;
	memcpy(bytes + 2, data, length);
	ck_assert(gring_add(ring, &out, 1, &in, 1, bytes));
	gvirtio_kick(&net->v, ring);
	while (!gring_get(ring, &written))
		if (gring_enable_cb(ring))
			ck_assert(gvirtio_wait(&net->v, ring, 10000));
	ack = bytes[FAKE_PAGE - 1];
	gpage_free(page, 1);
	return ack;
}

/* ---- sending -------------------------------------------------------------------------- */

#define SEGMENTS_MAX 19

struct sent {
	uint64_t gpa;
	unsigned int pages;
};

static unsigned int cut(struct gsg *sg, uint64_t gpa, uint32_t length, unsigned int segments)
{
	uint32_t piece = length / segments;
	unsigned int i;

	for (i = 0; i < segments; i++) {
		sg[i].gpa = gpa;
		sg[i].len = i + 1 < segments ? piece : length;
		gpa += sg[i].len;
		length -= sg[i].len;
	}
	return segments;
}

void gnet_make_frame(const struct gnet *net, uint8_t *frame, uint32_t length, unsigned int seed)
{
	const uint32_t header = sizeof(struct virtio_net_hdr_v1);
	uint32_t i;

	memset(frame, 0, header);
	for (i = header; i < length; i++)
		frame[i] = (uint8_t)(seed * 31 + i * 7 + i / 251);
	memcpy(frame + header, net->mac, sizeof(net->mac));
}

bool gnet_send(struct gnet *net, unsigned int pair, const void *frame, uint32_t length,
	       unsigned int segments)
{
	struct sent *sent = malloc(sizeof(*sent));
	struct gsg sg[SEGMENTS_MAX];

	ck_assert_ptr_nonnull(sent);
	sent->pages = length / FAKE_PAGE + 1;
	sent->gpa = gpage_alloc(sent->pages);
	memcpy(fake_ram(sent->gpa), frame, length);
	if (gring_add(tx_ring(net, pair), sg, cut(sg, sent->gpa, length, segments), NULL, 0, sent))
		return true;
	gpage_free(sent->gpa, sent->pages);
	free(sent);
	return false;
}

void gnet_kick(struct gnet *net, unsigned int pair)
{
	gvirtio_kick(&net->v, tx_ring(net, pair));
}

bool gnet_sent(struct gnet *net, unsigned int pair, unsigned int ms)
{
	struct gring *ring = tx_ring(net, pair);
	uint64_t end = fake_now_ns() + ms * 1000000ull;
	struct sent *sent;
	uint32_t written;

	while (gring_inflight(ring) && fake_now_ns() < end) {
		sent = gring_get(ring, &written);
		if (!sent)
			continue;
		ck_assert_uint_eq(written, 0);
		gpage_free(sent->gpa, sent->pages);
		free(sent);
		net->sent++;
	}
	return !gring_inflight(ring);
}

/* ---- receiving ---------------------------------------------------------------------------- */

/* As NAPI: interrupts only while there is nothing. One that is late finds nothing. */
static void *next_buffer(struct gnet *net, unsigned int pair, uint32_t *length, unsigned int ms)
{
	uint64_t end = fake_now_ns() + ms * 1000000ull;
	struct gring *ring = rx_ring(net, pair);
	void *token;

	for (;;) {
		token = gring_get(ring, length);
		if (token || fake_now_ns() >= end)
			return token;
		if (gring_enable_cb(ring))
			gvirtio_wait(&net->v, ring,
				     (unsigned int)((end - fake_now_ns()) / 1000000) + 1);
	}
}

uint32_t gnet_receive(struct gnet *net, unsigned int pair, void *frame, unsigned int ms)
{
	const struct virtio_net_hdr_v1 *header = frame;
	uint32_t length, all = 0;
	unsigned int i = 0;
	void *buffer;

	do {
		buffer = next_buffer(net, pair, &length, ms);
		if (!buffer)
			break;
		ck_assert_uint_le(all + length, GNET_FRAME);
		memcpy((uint8_t *)frame + all, buffer, length);
		all += length;
		ck_assert(post(net, pair, gpa_of(buffer)));
	} while (++i < header->num_buffers);
	ck_assert_msg(!i || i == header->num_buffers, "parts of a frame are missing");
	gvirtio_kick(&net->v, rx_ring(net, pair));
	net->received += !!i;
	return all;
}
