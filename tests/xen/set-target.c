/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * set-target BACKEND GUEST: makes one domain the other's target, which only libxenctrl can
 * do: the backend may be the guest's device model then. Once in a backend's life. Both
 * are domains' numbers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <xenctrl.h>

static uint32_t domid(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	xc_interface *xc;
	int err;

	if (argc != 3)
		return 2;
	xc = xc_interface_open(NULL, NULL, 0);
	if (!xc)
		return 1;
	err = xc_domain_set_target(xc, domid(argv[1]), domid(argv[2]));
	if (err)
		perror("set-target");
	xc_interface_close(xc);
	return err ? 1 : 0;
}
