/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domain.h: which domain is meant. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* False for what looks like a domain's number and cannot be one. */
bool domain_valid(const char *text);

/* The number of the domain that we run in: only dom0 can be sure of its own, else
 * IOREQ_DOMID_UNKNOWN. */
unsigned domain_own(void);

/* "7", or a name, for which xenstore is asked. 0 or -errno after a line in the
 * log. */
int domain_find(const char *text, uint32_t *domid);
