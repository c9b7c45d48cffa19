/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.c: the host bridge.
 *
 * Theory of operation. Xen gives an access to the server with the highest number
 * that claims it. So the bridge's server is made first and claims everything;
 * daemons that come later take their functions and BARs out of it, and when they
 * go the bridge answers again. While a function that is expected has not come,
 * its 32-bit vendor id reads 0xffff0001: Linux asks again, less and less often,
 * for 65 s (drivers/pci/probe.c, pci_bus_wait_rrs()), and the boot waits for it.
 * Reads of 16 bits, by which firmware looks, find nothing. The time that all
 * functions have together begins with the first question. */
#include "bridge/host.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"
#include "bridge/ports.h"

#define VENDOR_ID  0x1b36 /* Red Hat's for emulated devices: a generic host bridge */
#define DEVICE_ID  0x0008
#define CLASS_CODE 0x060000

/* The register that names a function's backend: man/xenvirtiod-pci.7. */
struct domid_register {
	uint32_t function; /* written by the guest */
	uint32_t domid;
};

#define NO_DOMID UINT32_MAX

struct bridge_expected *bridge_find_expected(struct bridge *bridge, uint32_t sbdf)
{
	unsigned i;

	for (i = 0; i < bridge->nexpected; i++)
		if (bdf_sbdf(bridge->expected[i].bdf) == sbdf)
			return &bridge->expected[i];
	return NULL;
}

/* --- what nobody else answers ------------------------------------------------ */

/* The clock runs from the first question on. */
static bool is_patient(struct bridge *bridge)
{
	if (!bridge->deadline)
		bridge->deadline = loop_now() + bridge->patience;
	return loop_now() < bridge->deadline;
}

static void say_once(bool *said, const struct bridge_expected *expected, const char *what)
{
	char text[BDF_TEXT_MAX];

	if (!*said)
		log_info("%s, of domain %u: %s", bdf_format(expected->bdf, text), expected->domid,
			 what);
	*said = true;
}

static uint32_t read_absent(void *arg, uint32_t sbdf, uint32_t offset, unsigned size)
{
	struct bridge *bridge = arg;
	struct bridge_expected *expected = bridge_find_expected(bridge, sbdf);

	if (!expected || offset != PCI_VENDOR_ID || size != 4)
		return ~0U;
	if (is_patient(bridge)) {
		say_once(&expected->asked, expected, "not there yet, the guest waits");
		return PCI_RETRY_STATUS;
	}
	say_once(&expected->missed, expected, "has not come in time, the guest goes on");
	return ~0U;
}

/* --- function 00:00.0 -------------------------------------------------------- */

static uint32_t read_domid(void *arg, unsigned offset, unsigned size)
{
	struct bridge *bridge = arg;
	const uint8_t *config = bridge->function.state->config;
	const struct bridge_expected *expected;
	uint32_t function, domid = NO_DOMID;

	/* What the guest has written is right before what it reads. */
	memcpy(&function, config + bridge->function.window.first - sizeof(function),
	       sizeof(function));
	expected = bridge_find_expected(bridge, function);
	if (expected)
		domid = expected->domid;
	return domid >> (8 * offset) & (uint32_t)(BIT_ULL(8 * size) - 1);
}

static void write_nothing(void *arg, unsigned offset, unsigned size, uint32_t value)
{
	(void)arg, (void)offset, (void)size, (void)value;
}

static void add_register(struct bridge *bridge)
{
	const struct domid_register body = { 0 };
	struct pci_function *function = &bridge->function;
	unsigned at = pci_add_xen_capability(function, &body, sizeof(body));

	memset(function->writable + at, 0xff, sizeof(body.function));
	function->window =
		(struct pci_window){ .first = at + offsetof(struct domid_register, domid),
				     .length = sizeof(body.domid),
				     .read = read_domid,
				     .write = write_nothing,
				     .arg = bridge };
}

static void make_function(struct bridge *bridge, struct pci_state *state)
{
	static const struct pci_identity identity = { .vendor = VENDOR_ID,
						      .device = DEVICE_ID,
						      .subsystem_vendor = PCI_VENDOR_XEN,
						      .class_code = CLASS_CODE };

	pci_function_init(&bridge->function, (struct pci_bdf){ 0 }, "bridge", state, &identity);
	state->config[PCI_INTERRUPT_PIN] = 0;
	bridge->function.server = bridge->server;
	add_register(bridge);
}

/* --- claims ------------------------------------------------------------------ */

/* Arm: an access that nobody answers is an abort. */
static int claim_windows(struct bridge *bridge)
{
	unsigned i;
	int err = 0;

	for (i = 0; i < bridge->nwindows && !err; i++)
		err = ioreq_add_window(bridge->server, bridge->windows[i]);
	return err;
}

/* x86: what nobody claims reads as all-ones, which is right for all but these. */
static int claim_ports_and_expected(struct bridge *bridge)
{
	unsigned i;
	int err = bridge_claim_ports(bridge->server, &bridge->state->config_address);

	for (i = 0; i < bridge->nexpected && !err; i++)
		err = ioreq_config_claim(bridge->server, bridge->expected[i].bdf);
	return err;
}

static int check_first(const struct bridge *bridge)
{
	if (ioreq_server_adopted(bridge->server) || ioreq_server_is_first(bridge->server))
		return 0;
	log_error("the bridge has to be the domain's first IOREQ server, and there is one already: "
		  "start it before the other daemons, and not where QEMU is the device model");
	return -EEXIST;
}

int bridge_attach(struct bridge *bridge, struct ioreq_server *server, struct bridge_state *state,
		  const struct bridge_state *left)
{
	struct pci_state now;
	int err;

	bridge->server = server;
	bridge->state = state;
	state->config_address = left ? left->config_address : 0;
	bridge->fallback = (struct ioreq_fallback){ .config_read = read_absent, .arg = bridge };
	make_function(bridge, &now);
	if (left)
		pci_function_restore(&bridge->function, &left->pci, true);
	state->pci = now; /* whoever dies here leaves one or the other, which is the same */
	bridge->function.state = &state->pci;
	err = check_first(bridge);
	if (err)
		return err;
	ioreq_set_fallback(server, &bridge->fallback);
	err = bridge->nwindows ? claim_windows(bridge) : claim_ports_and_expected(bridge);
	if (err) {
		log_error("bridge: cannot claim its places: %s", strerror(-err));
		return err;
	}
	return ioreq_add_function(server, &bridge->function);
}

void bridge_destroy(struct bridge *bridge)
{
	pci_function_destroy(&bridge->function);
}
