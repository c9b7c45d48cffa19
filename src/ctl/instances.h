/* SPDX-License-Identifier: GPL-2.0-or-later */
/* instances.h: those of the daemon that serve one guest, by their configuration files. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define INSTANCES_DIRECTORY "/etc/xenvirtiod"
#define INSTANCES_MAX       32
#define INSTANCE_NAME_MAX   128

struct instance {
	char name[INSTANCE_NAME_MAX];
	bool bridge;
	pid_t pid;    /* our child, or 0 */
	bool awaited; /* by the guest: it was killed, and has not been started again */
	int pidfd;
};

struct instances {
	struct instance list[INSTANCES_MAX];
	unsigned count;
	const char *directory;
	bool by_manager; /* units of systemd's, not children */
};

/* The *.conf files in @directory whose domain is @guest, in the order in which they are to be
 * started: a host bridge first. With NULL it is the usual directory, and the instances are units
 * of systemd's if that runs. 0, or -errno after a line in the log: none is an error. */
int instances_find(struct instances *instances, const char *directory, const char *guest);

/* Starts those in turn that do not serve domain @domid yet, and waits until each is ready. If
 * @interrupt gets readable meanwhile it gives up with -EINTR; -1: there is none. 0 or -errno after
 * a line in the log. */
int instances_start(struct instances *instances, uint32_t domid, int interrupt);

/* Starts children again that were killed, until they serve; to be called now and then. */
void instances_revive(struct instances *instances);

/* After their guest's end: waits for children's, and ends those that stay. */
void instances_end(struct instances *instances);
