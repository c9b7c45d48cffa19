/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports.h: the I/O ports that an x86 guest without QEMU cannot do without. */
#pragma once
#include <stdint.h>

struct ioreq_server;

/* Claims them, until the server is withdrawn. @config_address is port 0xcf8. 0 or -errno. */
int bridge_claim_ports(struct ioreq_server *server, uint32_t *config_address);
