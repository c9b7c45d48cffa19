/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gnttab.c: see gnttab.h. */
#include "unit/gnttab.h"

#include <string.h>

#define RING (20 * FAKE_PAGE)

xengnttab_handle *gnttab_start(void)
{
	unsigned int i;

	fake_start(FAKE_HVM, 1, 64);
	for (i = 0; i < 8; i++)
		fake_grant(100 + i, 10 + i, i == 7);
	return xengnttab_open(NULL, 0);
}

void gnttab_own(void)
{
	unsigned int ring = fake_ring_watch(RING, 8);

	fake_grant_owner(100, ring, 3);
}

void gnttab_publish(uint16_t head)
{
	uint16_t *used = fake_ram(RING);

	used[2 + 4 * used[1]] = head;
	used[1]++;
}

void gnttab_put(char *at, const char *text)
{
	memcpy(at, text, strlen(text) + 1);
}
