/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.h: the IOREQ server of one domain (Xen's public/hvm/ioreq.h, dm_op.h).
 *
 * A guest's access to a claimed PCI function, BAR or port stops its vCPU until
 * it is answered; the server answers every one. All of it runs on one loop. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/bdf.h"
#include "base/layout.h"

struct ioreq_server;
struct loop;
struct pci_function;

struct ioreq_events {
	/* Guest-physical mappings made until now are stale. Before it is answered. */
	void (*invalidate)(void *arg);
	/* The domain is gone. Once. */
	void (*gone)(void *arg);
	void *arg;
};

/* What kind of guest it is. On x86 config space is reached by ports, which Xen
 * decodes, and interrupts are INTx wires or messages. On Arm config space is
 * memory, the host bridge's ECAM window, and interrupts are SPIs. */
struct ioreq_platform {
	uint64_t ecam;      /* address of bus 0's config space; 0: x86 */
	unsigned spi_base;  /* with ecam: the INTID of device 0, device n has spi_base + n */
	unsigned own_domid; /* of the domain that we run in, to tell the guest */
};

#define IOREQ_DOMID_MAX     0x7fef /* DOMID_FIRST_RESERVED - 1 */
#define IOREQ_DOMID_UNKNOWN 0x7ff4 /* DOMID_INVALID */

#define IOREQ_SPI_BASE_MAX 988 /* a GIC has no SPI beyond 1019 */

#define IOREQ_NO_SERVER (-1)

/* Makes a server, or takes over the one numbered *@id, which a process that
 * died left behind (if it does not exist any more, a new one is made). *@id
 * is kept up to date for as long as the server lives: where it outlives the
 * process, the server is found again. Nothing can arrive yet. 0 or -errno. */
int ioreq_server_open(struct loop *loop, uint32_t domid, const struct ioreq_platform *platform,
		      int32_t *id, const struct ioreq_events *events, struct ioreq_server **server);

/* Enables the server and listens. What the guest had asked of a process that
 * died is answered once the functions are added, by ioreq_server_resume().
 * Returns 0 or -errno: -EBUSY if somebody still serves the adopted server. */
int ioreq_server_enable(struct ioreq_server *server);

uint16_t ioreq_server_id(const struct ioreq_server *server);
bool ioreq_server_adopted(const struct ioreq_server *server);
uint64_t ioreq_server_accesses(const struct ioreq_server *server); /* handled until now */
unsigned ioreq_server_vcpus(const struct ioreq_server *server);    /* of the guest */

/* True if the domain has no server with a lower number: then all others come
 * first where they overlap with this one. */
bool ioreq_server_is_first(const struct ioreq_server *server);

/* False if the guest's device model has a server with a higher number: then that one comes
 * first where they overlap. */
bool ioreq_server_precedes_device_model(const struct ioreq_server *server);

/* The backend's domain, or IOREQ_DOMID_UNKNOWN. */
unsigned ioreq_server_own_domid(const struct ioreq_server *server);

/* False where interrupts cannot be messages. */
bool ioreq_server_has_msi(const struct ioreq_server *server);

/* The guest has its messages go to event channels, by pirqs. An emulated device's are never
 * free again: Xen (xen/arch/x86/physdev.c, PHYSDEVOP_get_free_pirq) keeps them allocated. */
bool ioreq_server_has_pirqs(const struct ioreq_server *server);

/* Looks at every vCPU's slot: after adoption a request may wait there, or be
 * half handled, or be answered without the vCPU knowing. */
void ioreq_server_resume(struct ioreq_server *server);

/* Gives all claims up, answers every vCPU and destroys the server in Xen (if
 * the domain is still there, and no vCPU needs it). From here on nothing arrives. */
void ioreq_server_withdraw(struct ioreq_server *server);

/* Frees a server, withdrawn or never enabled. */
void ioreq_server_close(struct ioreq_server *server);

/* Claims the function's config space: from here on the guest sees it. 0, or
 * -errno after a line in the log. */
int ioreq_add_function(struct ioreq_server *server, struct pci_function *function);

/* The guest has given another number to the function's bus; 0: it has none, and the
 * function, which is not on bus 0, cannot be found. */
void ioreq_move_function(struct ioreq_server *server, struct pci_function *function, uint8_t bus);

/* Gives up all that it has claimed: from here on the guest sees nothing there. */
void ioreq_remove_function(struct ioreq_server *server, struct pci_function *function);

/* Claims or gives up a guest-physical range for a function's BAR. */
int ioreq_claim_bar(struct ioreq_server *server, struct pci_function *function, unsigned bar,
		    uint64_t base, uint64_t size);
void ioreq_unclaim_bar(struct ioreq_server *server, struct pci_function *function, unsigned bar);

/* What a host bridge adds: accesses to config space that is claimed, and that no function
 * of this server's has. Without it they read all-ones, and writes do nothing. */
struct ioreq_fallback {
	uint32_t (*config_read)(void *arg, uint32_t sbdf, uint32_t offset, unsigned size);
	void *arg;
};

/* @fallback stays valid until the server is withdrawn. */
void ioreq_set_fallback(struct ioreq_server *server, const struct ioreq_fallback *fallback);

/* Claims what no function of ours need have. They end with the server. 0 or
 * -errno. */
int ioreq_add_window(struct ioreq_server *server, struct address_window window);
int ioreq_config_claim(struct ioreq_server *server, struct pci_bdf bdf);

/* I/O ports from @first to @last. An access has 1, 2 or 4 bytes, at any offset, and does not
 * go beyond them. */
struct ioreq_ports {
	uint16_t first, last;
	uint32_t (*read)(void *arg, uint16_t port, unsigned size);
	void (*write)(void *arg, uint16_t port, unsigned size, uint32_t value);
	void *arg;
	uint32_t stale; /* what is read by who was on the way when they were given up */
};

/* Claims ports, which overlap with no others of this server's. @ports is copied; @arg stays
 * valid until they are given up. They end with the server. 0 or -errno. */
int ioreq_claim_ports(struct ioreq_server *server, const struct ioreq_ports *ports);

/* Gives them up; they may be claimed again. Also what a process that died has left
 * claimed. 0, or -ENOENT: they were not claimed; or -errno. */
int ioreq_unclaim_ports(struct ioreq_server *server, const struct ioreq_ports *ports);

/* From inside a register handler: the access that is being handled is answered
 * by ioreq_answer(@owner), or by itself after IOREQ_LATER_MS. Other vCPUs go
 * on. Only for writes: a read would get all-ones. */
#define IOREQ_LATER_MS 100
void ioreq_answer_later(struct ioreq_server *server, const void *owner);
void ioreq_answer(struct ioreq_server *server, const void *owner);
