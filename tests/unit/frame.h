/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame.h: ethernet frames, put together header by header.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_TCP 6
#define FRAME_UDP 17

struct frame {
	uint8_t bytes[65600];
	size_t length, ip; /* where its IP header begins */
};

struct frame_flow {
	const char *source, *destination; /* of either family */
	uint16_t source_port, destination_port;
};

/* Both addresses; a type follows, or tags do. */
void frame_begin(struct frame *frame, const uint8_t destination[6]);
void frame_tag(struct frame *frame, uint16_t type, uint16_t vid);

/* Type and IP header, with room for IPv4 options. */
void frame_ip(struct frame *frame, const struct frame_flow *flow, uint8_t protocol, size_t options);
void frame_bytes(struct frame *frame, const void *bytes, size_t length);

/* A whole transport header. */
void frame_ports(struct frame *frame, const struct frame_flow *flow, uint8_t protocol);

/* The IP header says how long it all is. */
void frame_end(struct frame *frame);

/* All of it, with an address of the flow's own in front. */
void frame_make(struct frame *frame, const struct frame_flow *flow, uint8_t protocol);

#endif
