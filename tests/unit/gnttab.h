/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gnttab.h: a world whose guest has granted eight pages, for the suites of the
 * fake's grants.
 */
#ifndef GNTTAB_H
#define GNTTAB_H

#include <xengnttab.h>

#include "fake/fake.h"

/* Grants 100 to 107 are of pages 10 to 17, the last one is read only. */
xengnttab_handle *gnttab_start(void);

/* Head 3 of the ring at page 20 owns grant 100 from here on. */
void gnttab_own(void);

/* The next used entry of the ring at page 20. */
void gnttab_publish(uint16_t head);

/* A string, into a page. */
void gnttab_put(char *at, const char *text);

#endif
