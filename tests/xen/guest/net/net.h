/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.h: what the files of the program "net" share. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_MAX  32    /* packets in one call, and for one acknowledgement */
#define PACKET_MAX 65000 /* bytes of a packet or a request */
#define PACKET_MIN sizeof(uint64_t)
#define PATIENCE   30 /* seconds without any progress */

/* What the client asks the peer for, as it stands on the wire. */
struct job {
	uint32_t mode;
	uint32_t size;
	uint64_t count; /* bytes, requests or packets */
	uint32_t unchecked, segmented;
};

/* How it went, by whoever received. */
struct result {
	uint64_t amount, wrong, late;
	uint64_t next; /* of packets: the number behind the highest that came */
};

/* Options of the client, which the peer gets with the job. */
extern bool unchecked, segmented;
extern uint16_t port;

/* Room for a batch of packets. */
extern uint8_t buf[BATCH_MAX * PACKET_MAX];

double now(void);
uint64_t number(const char *text, uint64_t least, uint64_t most);

/* Eight bytes at a time, other ones everywhere: @position says where it begins. */
void write_pattern(uint8_t *data, size_t bytes, uint64_t position);
/* @bytes: 64 KiB at most. */
bool has_pattern(const uint8_t *data, size_t bytes, uint64_t position);

/* socket.c. All sockets are IPv6 ones, and IPv4 addresses mapped. Errors end the program. */
void set_timeout(int fd, unsigned int ms);
void set_option(int fd, int level, int option, int value);
void prepare_stream(int fd);
int listening(int type, uint16_t port);
int connected(int type, const char *address, uint16_t port);
void send_all(int fd, const void *data, size_t bytes);
void receive_all(int fd, void *data, size_t bytes);
/* A connection to the peer, which knows what to do. */
int hire(const char *address, const struct job *job);
struct job job_of(uint32_t mode, uint32_t size, uint64_t count);

/* stream.c and packets.c: the client's side of each mode, an exit status, and the peer's. */
int run_send(uint32_t mode, char **arg);
int run_receive(uint32_t mode, char **arg);
int run_both(uint32_t mode, char **arg);
int run_round(uint32_t mode, char **arg);
int run_out(uint32_t mode, char **arg);
int run_in(uint32_t mode, char **arg);
int run_flood(uint32_t mode, char **arg);
void serve_send(int peer, const struct job *job);
void serve_receive(int peer, const struct job *job);
void serve_round(int peer, const struct job *job);
void serve_out(int control, const struct job *job);
void serve_in(int control, const struct job *job);
