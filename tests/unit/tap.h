/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap.h: what suites of real interfaces share: a network namespace of the test's own, the
 * backend on an interface in it, its frames, and the kernel's side.
 */
#ifndef TAP_H
#define TAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "devices/net/backend.h"

#define TAP "tap9"

extern struct loop *tap_loop;           /* of a thread of its own */
extern struct net_backend *tap_backend; /* the test opens it; closed at the end */
extern struct reason tap_why;
extern const char *tap_wire; /* where the kernel's side is: TAP */
extern uint8_t tap_buffer[NET_FRAME_BYTES];
extern atomic_bool tap_is_up; /* the link, after tap_watch() */

void tap_setup(void);
void tap_teardown(void);

/* A command; and "ip link" with what follows. */
void tap_run(const char *command);
void tap_ip(const char *command);

/* The ports of the backend, which has just been opened, are the loop's. */
void tap_take(unsigned pairs);

/* Of the frame in the buffer: what the backend answers. */
int tap_receive(unsigned port);
int tap_send(unsigned port, uint32_t length);

/* The kernel's side, and a frame of 60 bytes that nobody else sends. */
int tap_packet_socket(void);
void tap_fill(uint8_t *ethernet);

/* Waits for a frame that tap_fill() made: its length, or -errno. */
int tap_receive_ours(unsigned port);

/* By the first port. */
void tap_pass_both_ways(void);

void tap_watch(void);
bool tap_comes_to(bool up);

#endif
