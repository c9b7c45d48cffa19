/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.h: what outlives the process: the number of its IOREQ server.
 *
 * A file per instance in $RUNTIME_DIRECTORY (systemd sets it) or
 * /run/xenvirtiod, locked by the process that serves. */
#pragma once
#include <stdint.h>

struct state_record {
	int fd;
	char path[256];
	int server; /* IOREQ server a dead process left behind; -1: none */
};

/* Takes the instance over, or fails with -EBUSY if another process has it. The
 * record of another domain is of no use and is dropped. 0 or -errno after a
 * line in the log. */
int state_open(struct state_record *record, const char *instance, uint32_t domid);

/* Before the server is enabled. 0 or -errno. */
int state_write(struct state_record *record, uint32_t domid, uint16_t server);

/* The server is gone, and so is the record. */
void state_remove(struct state_record *record);
void state_close(struct state_record *record);
