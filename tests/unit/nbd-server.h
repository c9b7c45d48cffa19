/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nbd-server.h: an NBD server in this process that does as the test says: it can lack
 * what others can, hold answers back, die at any request, and forget what was not
 * flushed. There is one, at a path of its own.
 */
#ifndef NBD_SERVER_H
#define NBD_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define SERVER_BYTES (1u << 20)
#define SERVER_LOG   4096u

/* Of the protocol; libnbd does not export it. */
enum server_command {
	SERVER_READ,
	SERVER_WRITE,
	SERVER_BYE,
	SERVER_FLUSH,
	SERVER_TRIM,
	SERVER_ZERO = 6,
};

#define SERVER_FUA     0x1 /* flags of a command */
#define SERVER_NO_HOLE 0x2

#define SERVER_READONLY  0x02 /* what the server is, or can */
#define SERVER_CAN_FLUSH 0x04
#define SERVER_CAN_FUA   0x08
#define SERVER_CAN_TRIM  0x20
#define SERVER_CAN_ZERO  0x40
#define SERVER_CAN_MULTI 0x100
#define SERVER_CAN_ALL \
	(SERVER_CAN_FLUSH | SERVER_CAN_FUA | SERVER_CAN_TRIM | SERVER_CAN_ZERO | SERVER_CAN_MULTI)

struct server_record {
	uint16_t command, flags;
	unsigned connection; /* counts from 1 on, in each of its lives */
	uint64_t offset;
	uint32_t length;
};

/* Set while it does not run, or by server_set(). */
struct nbd_server {
	uint16_t can;
	uint64_t size;               /* up to SERVER_BYTES */
	uint32_t least, liked, most; /* sizes of blocks; least 0: it does not say */
	unsigned takes;              /* connections at once; 0: any number */
	bool mute;                   /* it connects and says nothing */

	bool hold; /* no answers */
	bool hold_flushes;
	unsigned dies_at; /* the request with this number, from 1 on, before it is done */
	uint32_t error;   /* the answer to all; 0: none */

	uint8_t data[SERVER_BYTES], stable[SERVER_BYTES];
	struct server_record log[SERVER_LOG];
	unsigned nlog;
};

extern struct nbd_server nbd_server;
extern char server_uri[]; /* unix:PATH */

void server_init(void); /* as it is in the beginning: can everything, does not run */
void server_start(void);

/* Ends it, if it has not died; @crashes: it forgets what is not stable. */
void server_stop(bool crashes);
void server_remove(void); /* in the end */

/* So many requests were seen, or more. */
bool server_saw(unsigned count);
bool server_has(unsigned connections); /* so many, or more */
bool server_is_alone(void);            /* nobody is connected */
unsigned server_count(enum server_command command);
void server_release(void); /* and hold no more */

#endif
