/* SPDX-License-Identifier: GPL-2.0-or-later */
/* function.c: see function.h. */
#include "unit/function.h"

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"

struct pci_function function;
struct ioreq_server *server;
struct loop *loop;
uint8_t bar_bytes[FUNCTION_TABLE];
unsigned window_first, window_reads, window_writes;

static struct pci_state *state;
static int32_t server_id;

/* Who calls with anything else than an aligned access of 1, 2 or 4 is wrong. */
static void check_access(uint32_t offset, unsigned size)
{
	if ((size != 1 && size != 2 && size != 4) || offset % size ||
	    offset + size > FUNCTION_BAR_BYTES)
		abort();
}

static uint32_t bar_read(void *arg, uint32_t offset, unsigned size)
{
	uint32_t value = 0;

	(void)arg;
	check_access(offset, size);
	if (offset >= FUNCTION_PBA)
		return msix_pba_read(&function, offset - FUNCTION_PBA, size);
	if (offset >= FUNCTION_TABLE)
		return msix_table_read(&function, offset - FUNCTION_TABLE, size);
	memcpy(&value, bar_bytes + offset, size);
	return value;
}

static void bar_write(void *arg, uint32_t offset, unsigned size, uint32_t value)
{
	(void)arg;
	check_access(offset, size);
	if (offset < FUNCTION_TABLE)
		memcpy(bar_bytes + offset, &value, size);
	else if (offset < FUNCTION_PBA)
		msix_table_write(&function, offset - FUNCTION_TABLE, size, value);
}

static uint32_t window_read(void *arg, unsigned offset, unsigned size)
{
	(void)arg, (void)size;
	window_reads++;
	return 0x77000000 | offset;
}

static void window_write(void *arg, unsigned offset, unsigned size, uint32_t value)
{
	(void)arg, (void)offset, (void)size, (void)value;
	window_writes++;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void make_server(void)
{
	const struct ioreq_events events = { .invalidate = nothing, .gone = nothing };

	server_id = IOREQ_NO_SERVER;
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	ck_assert_int_eq(ioreq_server_open(loop, FAKE_DOMID, unit_platform(), &server_id, &events,
					   &server),
			 0);
	ck_assert_int_eq(ioreq_server_enable(server), 0);
}

static void make_function(void)
{
	static const struct pci_bar_ops bar_ops = { .read = bar_read, .write = bar_write };
	const struct pci_identity identity = { .vendor = 0x1af4,
					       .device = 0x1042,
					       .subsystem_vendor = 0x1111,
					       .subsystem = 0x2222,
					       .class_code = 0x018000,
					       .revision = 1 };
	const uint8_t body[] = { 8, 1, 2, 3, 4, 5 };

	state = malloc(sizeof(*state)); /* not static, for AddressSanitizer */
	pci_function_init(&function, (struct pci_bdf){ .device = FUNCTION_DEVICE }, "function",
			  state, &identity);
	function.server = server;
	pci_add_bar(&function, 0, FUNCTION_BAR_BYTES, &bar_ops, NULL);
	pci_add_msix(&function, FUNCTION_VECTORS, 0, FUNCTION_TABLE, FUNCTION_PBA);
	window_first = pci_add_capability(&function, PCI_CAP_ID_VNDR, body, sizeof(body)) + 4;
	function.window = (struct pci_window){
		.first = window_first, .length = 4, .read = window_read, .write = window_write
	};
	ck_assert_int_eq(ioreq_add_function(server, &function), 0);
}

void function_setup(void)
{
	fake_start(FAKE_HVM, 1, 256);
	make_server();
	make_function();
}

void function_teardown(void)
{
	ioreq_server_withdraw(server);
	ioreq_server_close(server);
	loop_free(loop);
	pci_function_destroy(&function);
	free(state);
	fake_end();
}

void command(uint16_t set, uint16_t clear)
{
	config_write(PCI_COMMAND, 2, (config_read(PCI_COMMAND, 2) & ~(uint32_t)clear) | set);
}
