/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domain.h: which domain is meant. */
#pragma once
#include <stdint.h>

/* "7", or a name, for which xenstore is asked. 0 or -errno after a line in the
 * log. */
int domain_find(const char *text, uint32_t *domid);
