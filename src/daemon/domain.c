/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domain.c: a domain's number by its name; the only use of xenstore. */
#include "daemon/domain.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/features.h>
#include <xenstore.h>

#include "base/log.h"
#include "base/util.h"
#include "ioreq/server.h"

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

bool domain_valid(const char *text)
{
	return !is_number(text) || strtoul(text, NULL, 10) <= IOREQ_DOMID_MAX;
}

/* Xen's feature bits (XENFEAT_dom0 in xen/include/public/features.h). Not by /proc/xen, which
 * a service with a /proc of its own does not see. */
unsigned domain_own(void)
{
	FILE *file = fopen("/sys/hypervisor/properties/features", "re");
	unsigned features = 0;

	if (!file)
		return IOREQ_DOMID_UNKNOWN;
	if (fscanf(file, "%x", &features) != 1)
		features = 0;
	fclose(file);
	return features & BIT_ULL(XENFEAT_dom0) ? 0 : IOREQ_DOMID_UNKNOWN;
}

static bool has_name(struct xs_handle *xs, const char *domid, const char *name)
{
	char path[64];
	char *value;
	bool same;

	snprintf(path, sizeof(path), "/local/domain/%.16s/name", domid);
	value = xs_read(xs, XBT_NULL, path, NULL);
	same = value && !strcmp(value, name);
	free(value);
	return same;
}

static int find_by_name(struct xs_handle *xs, const char *name, uint32_t *domid)
{
	unsigned i, count;
	char **ids = xs_directory(xs, XBT_NULL, "/local/domain", &count);
	int err = -ENOENT;

	if (!ids)
		return -errno;
	for (i = 0; i < count && err; i++)
		if (has_name(xs, ids[i], name)) {
			*domid = (uint32_t)strtoul(ids[i], NULL, 10);
			err = 0;
		}
	free(ids);
	return err;
}

int domain_find(const char *text, uint32_t *domid)
{
	struct xs_handle *xs;
	int err;

	if (is_number(text)) {
		*domid = (uint32_t)strtoul(text, NULL, 10);
		return 0;
	}
	xs = xs_open(0);
	if (!xs) {
		err = -errno;
		log_error("domain \"%s\": cannot reach xenstore: %m (a number needs none)", text);
		return err;
	}
	err = find_by_name(xs, text, domid);
	xs_close(xs);
	if (err == -ENOENT)
		log_error("domain \"%s\": no such domain", text);
	else if (err)
		log_error("domain \"%s\": cannot look for it in xenstore: %s (a number needs none)",
			  text, strerror(-err));
	return err;
}
