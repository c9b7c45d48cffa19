/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostile.h: memory that changes as soon as it has been read.
 *
 * Watched pages fault at every access. The access then goes on for one machine
 * instruction, is noted, and the callback may change the bytes behind it, as a
 * guest's other vCPU could. So a value that is fetched twice is found out, by
 * the record and by what the second fetch brings. x86 only: HOSTILE is 0 elsewhere.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __x86_64__
#define HOSTILE 1
#else
#define HOSTILE 0
#endif

/* Watches whole pages, until hostile_unwatch(). One range at a time. */
void hostile_watch(void *pages, size_t bytes, int prot, void (*accessed)(size_t offset));
void hostile_unwatch(void);

/* How often an access began at this offset. */
unsigned hostile_accesses(size_t offset);

#endif
