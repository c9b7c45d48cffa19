/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.h: a network device that has nothing but its control queue, over a
 * backend that keeps a record, and a driver that cuts its commands as the test says.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "devices/net/net.h"
#include "devices/net/uso.h"
#include "guest/guest.h"
#include "unit/rig.h"

#define CONTROL_PAIRS  4u
#define CONTROL_QUEUES 2u     /* by their place for receiving and sending; the first one is used */
#define CONTROL_ORDERS 256u   /* commands at once */
#define CONTROL_CALLS  4096u  /* to the backend */
#define ORDER_BYTES    16384u /* of one command */
#define ORDER_CANARY   0xa5   /* what the bytes for the answer are before it */
#define ORDER_MAC      "\x00\x16\x3e\x01\x02\x03"

#define CONTROL_OFFLOADS                                                       \
	(BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) | \
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) | BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |  \
	 BIT_ULL(VIRTIO_NET_F_GUEST_USO4))

struct control_config {
	enum gdma_kind memory;
	unsigned workers;
	uint64_t without; /* features the driver does not take */
};

/* What the backend was asked for. */
struct control_call {
	bool pairs; /* or offloads */
	uint64_t value;
};

/* A command in the guest's memory. */
struct order {
	uint64_t out, in; /* pages: what is sent, and the answer */
	bool done;
	uint32_t used;
};

struct control {
	struct rig rig;
	struct gvirtio v;
	struct gring *ring;
	struct net_device net;
	struct net_backend backend;
	int verdict;       /* the backend's: 0 or -errno */
	uint64_t offloads; /* that it has taken, and pairs */
	unsigned pairs, ncalls;
	struct control_call calls[CONTROL_CALLS];
	struct order orders[CONTROL_ORDERS];
};

/* All that a command may change. */
struct control_state {
	struct net_filter filter;
	struct net_rss rss;
	struct virtio_net_config config;
	uint64_t offloads;
	uint64_t coalescing[CONTROL_QUEUES];
	unsigned pairs, ncalls;
};

/* A guest boots, and its driver is ready. */
void control_start(struct control *control, const struct control_config *config);
void control_stop(struct control *control);
void control_driver_start(struct control *control, const struct control_config *config);
void control_driver_stop(struct control *control);

/* The variants of a loop test: kinds of memory, and who moves data. */
#define CONTROL_VARIANTS 4
struct control_config control_variant(int i);

struct control_state control_state(const struct control *control);
bool control_state_equal(const struct control_state *a, const struct control_state *b);

#define UNCUT   0ull
#define BYTES   UINT64_MAX         /* each byte is a segment */
#define CUT(at) (1ull << ((at)-1)) /* there begins another one */

/* Adds order @i to the ring. Its answer has @in bytes of room, cut likewise. */
void order_add(struct control *control, unsigned i, const void *bytes, uint32_t length,
	       uint64_t cuts, uint32_t in);

/* Kicks, and waits for the answers. */
void orders_run(struct control *control, unsigned count);

uint8_t order_ack(const struct control *control, unsigned i);

/* One command, on its own: its ack, of which there must be just one byte. */
uint8_t control_send(struct control *control, const void *bytes, uint32_t length, uint64_t cuts);
uint8_t control_command(struct control *control, uint8_t class, uint8_t cmd, const void *data,
			uint32_t length);

#endif
