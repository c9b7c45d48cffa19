/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.c: see frame.h. */
#include "unit/frame.h"

#include <arpa/inet.h>
#include <check.h>
#include <string.h>

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd

void frame_bytes(struct frame *frame, const void *bytes, size_t length)
{
	ck_assert_uint_le(frame->length + length, sizeof(frame->bytes));
	memcpy(frame->bytes + frame->length, bytes, length);
	frame->length += length;
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void add16(struct frame *frame, uint16_t value)
{
	uint8_t bytes[2];

	put16(bytes, value);
	frame_bytes(frame, bytes, sizeof(bytes));
}

void frame_begin(struct frame *frame, const uint8_t destination[6])
{
	static const uint8_t source[6] = { 2, 2, 2, 2, 2, 2 };

	frame->length = 0;
	frame_bytes(frame, destination, 6);
	frame_bytes(frame, source, 6);
}

void frame_tag(struct frame *frame, uint16_t type, uint16_t vid)
{
	add16(frame, type);
	add16(frame, vid);
}

static void add_address(struct frame *frame, int family, const char *text)
{
	uint8_t bytes[16];

	ck_assert_int_eq(inet_pton(family, text, bytes), 1);
	frame_bytes(frame, bytes, family == AF_INET6 ? 16 : 4);
}

void frame_ip(struct frame *frame, const struct frame_flow *flow, uint8_t protocol, size_t options)
{
	int family = strchr(flow->source, ':') ? AF_INET6 : AF_INET;
	const uint8_t ipv4[12] = { (uint8_t)(0x45 + options / 4), [8] = 64, [9] = protocol };
	const uint8_t ipv6[8] = { 0x60, [6] = protocol, [7] = 64 }, none[40] = { 0 };

	add16(frame, family == AF_INET6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	frame->ip = frame->length;
	frame_bytes(frame, family == AF_INET6 ? ipv6 : ipv4, family == AF_INET6 ? 8 : 12);
	add_address(frame, family, flow->source);
	add_address(frame, family, flow->destination);
	frame_bytes(frame, none, options);
}

void frame_ports(struct frame *frame, const struct frame_flow *flow, uint8_t protocol)
{
	const uint8_t rest[16] = { [8] = 0x50 };

	add16(frame, flow->source_port);
	add16(frame, flow->destination_port);
	frame_bytes(frame, rest, protocol == FRAME_TCP ? 16 : 4);
}

void frame_end(struct frame *frame)
{
	uint8_t *ip = frame->bytes + frame->ip;
	size_t length = frame->length - frame->ip;

	if (ip[0] >> 4 == 6)
		put16(ip + 4, length - 40);
	else
		put16(ip + 2, length);
}

void frame_make(struct frame *frame, const struct frame_flow *flow, uint8_t protocol)
{
	static const uint8_t destination[6] = { 0x00, 0x16, 0x3e, 1, 2, 3 };

	frame_begin(frame, destination);
	frame_ip(frame, flow, protocol, 0);
	frame_ports(frame, flow, protocol);
	frame_end(frame);
}
