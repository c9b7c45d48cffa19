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
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"
#include "bridge/ports.h"
#include "memory/address.h"

#define VENDOR_ID  0x1b36 /* Red Hat's for emulated devices: a generic host bridge */
#define DEVICE_ID  0x0008
#define CLASS_CODE 0x060000
#define NS_PER_S   1000000000ULL

/* The register that names a function's backend: man/xenvirtiod-pci.7. */
struct domid_register {
	uint32_t function; /* written by the guest */
	uint32_t domid;
};

#define NO_DOMID UINT32_MAX

const struct option_spec bridge_option_specs[] = {
	{ .key = "ecam",
	  .kind = OPTION_ADDRESS,
	  .offset = offsetof(struct bridge_options, ecam),
	  .min = ECAM_BUS_SIZE,
	  .max = UINT64_MAX >> 1,
	  .placeholder = "ADDRESS",
	  .help = "an Arm guest: where its config space is (default: as --ecam)" },
	{ .key = "size",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct bridge_options, size),
	  .min = ECAM_BUS_SIZE,
	  .max = BRIDGE_ECAM_MAX,
	  .placeholder = "SIZE",
	  .fallback = "1M",
	  .help = "an Arm guest: how large it is, 1M for each bus" },
	{ .key = "mem",
	  .kind = OPTION_LIST,
	  .offset = offsetof(struct bridge_options, mem),
	  .placeholder = "BASE:SIZE",
	  .help = "an Arm guest: where BARs go (again for more; default: "
		  "0x23000000:16M)" },
	{ .key = "expect",
	  .kind = OPTION_LIST,
	  .offset = offsetof(struct bridge_options, expect),
	  .placeholder = "00:01.0[@DOMID]",
	  .help = "a function that the guest waits for, and its backend's domain (again "
		  "for more)" },
	{ .key = "give-up",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct bridge_options, give_up),
	  .max = 3600,
	  .placeholder = "SECONDS",
	  .fallback = "60",
	  .help = "how long it waits, for all of them" },
	{ 0 },
};

/* --- options ---------------------------------------------------------------- */

/* One of the values of a key that may be given again. */
static int set_value(const struct bridge *bridge, const struct option_spec *spec, void *into,
		     const char *text)
{
	char where[384];

	snprintf(where, sizeof(where), "%s: %s", bridge->where, spec->key);
	return option_set(spec, into, where, text);
}

static int add_window(struct bridge *bridge, struct address_window window)
{
	unsigned i;

	if ((window.base | window.size) % GUEST_PAGE_SIZE) {
		log_error("%s: a window at %#llx is not made of whole pages", bridge->where,
			  (unsigned long long)window.base);
		return -EINVAL;
	}
	for (i = 0; i < bridge->nwindows; i++)
		if (windows_overlap(window, bridge->windows[i])) {
			log_error("%s: the windows at %#llx and %#llx overlap", bridge->where,
				  (unsigned long long)bridge->windows[i].base,
				  (unsigned long long)window.base);
			return -EINVAL;
		}
	bridge->windows[bridge->nwindows++] = window;
	return 0;
}

static int parse_windows(struct bridge *bridge, const struct option_list *list)
{
	static const struct option_spec spec = { .key = "mem", .kind = OPTION_WINDOW };
	struct address_window window = { .base = LAYOUT_MEM_BASE, .size = LAYOUT_MEM_SIZE };
	unsigned i;
	int err = 0;

	if (!list->count)
		return add_window(bridge, window);
	for (i = 0; i < list->count && !err; i++) {
		err = set_value(bridge, &spec, &window, list->items[i]);
		if (!err)
			err = add_window(bridge, window);
	}
	return err;
}

static struct bridge_expected *find_expected(struct bridge *bridge, uint32_t sbdf)
{
	unsigned i;

	for (i = 0; i < bridge->nexpected; i++)
		if (bdf_sbdf(bridge->expected[i].bdf) == sbdf)
			return &bridge->expected[i];
	return NULL;
}

static int parse_domid(const struct bridge *bridge, const char *text, unsigned *domid)
{
	static const struct option_spec spec = { .key = "expect",
						 .kind = OPTION_UINT,
						 .max = IOREQ_DOMID_MAX };

	return set_value(bridge, &spec, domid, text);
}

/* @text is taken apart. */
static int parse_expected(struct bridge *bridge, char *text)
{
	struct bridge_expected *expected = &bridge->expected[bridge->nexpected];
	char *at = strchr(text, '@');

	if (at)
		*at++ = '\0';
	if (!bdf_parse(text, &expected->bdf) || expected->bdf.segment || expected->bdf.bus ||
	    !expected->bdf.device) {
		log_error("%s: expect: \"%s\" is not a function from 00:01.0 on", bridge->where,
			  text);
		return -EINVAL;
	}
	if (bridge_expects(bridge, expected->bdf)) {
		log_error("%s: expect: %s is given twice", bridge->where, text);
		return -EINVAL;
	}
	bridge->nexpected++;
	return at ? parse_domid(bridge, at, &expected->domid) : 0;
}

static int parse_all_expected(struct bridge *bridge, const struct option_list *list,
			      unsigned own_domid)
{
	unsigned i;
	int err = 0;

	for (i = 0; i < list->count && !err; i++) {
		char *copy = strdup(list->items[i]);

		bridge->expected[i].domid = own_domid;
		err = copy ? parse_expected(bridge, copy) : -ENOMEM;
		free(copy);
	}
	return err;
}

/* An x86 guest has no windows: what nobody answers there reads all-ones. */
static int parse_places(struct bridge *bridge, const struct bridge_options *options,
			const struct ioreq_platform *platform)
{
	const struct address_window config = { .base = platform->ecam, .size = options->size };

	if (!platform->ecam && options->mem.count) {
		log_error("%s: mem: only an Arm guest has it (see --ecam)", bridge->where);
		return -EINVAL;
	}
	if (!platform->ecam)
		return 0;
	if (add_window(bridge, config))
		return -EINVAL;
	return parse_windows(bridge, &options->mem);
}

int bridge_init(struct bridge *bridge, const struct bridge_options *options,
		const struct ioreq_platform *platform, const char *where)
{
	int err;

	*bridge = (struct bridge){ .where = where, .patience = options->give_up * NS_PER_S };
	err = parse_places(bridge, options, platform);
	return err ? err : parse_all_expected(bridge, &options->expect, platform->own_domid);
}

bool bridge_expects(const struct bridge *bridge, struct pci_bdf bdf)
{
	return find_expected((struct bridge *)bridge, bdf_sbdf(bdf));
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
	struct bridge_expected *expected = find_expected(bridge, sbdf);

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

	memcpy(&function, config + bridge->function.window.first - sizeof(function),
	       sizeof(function));
	expected = find_expected(bridge, function);
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

static int claim_windows(struct bridge *bridge)
{
	unsigned i;
	int err = 0;

	for (i = 0; i < bridge->nwindows && !err; i++)
		err = ioreq_add_window(bridge->server, bridge->windows[i]);
	return err;
}

/* On x86 what is not claimed reads all-ones, so only these matter. */
static int claim_expected(struct bridge *bridge)
{
	unsigned i;
	int err = bridge_claim_ports(bridge->server, &bridge->config_address);

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

int bridge_attach(struct bridge *bridge, struct ioreq_server *server, struct pci_state *state,
		  const struct pci_state *left)
{
	int err;

	bridge->server = server;
	bridge->fallback = (struct ioreq_fallback){ .config_read = read_absent, .arg = bridge };
	make_function(bridge, state);
	if (left)
		pci_function_restore(&bridge->function, left, true);
	err = check_first(bridge);
	if (err)
		return err;
	ioreq_set_fallback(server, &bridge->fallback);
	err = bridge->nwindows ? claim_windows(bridge) : claim_expected(bridge);
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
