/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.c: tells the kinds of address apart and keeps to the policy. */
#include "memory/memory.h"

#include <errno.h>

#include "base/util.h"
#include "memory/foreign.h"
#include "memory/grants.h"
#include "memory/internal.h"

const char *const memory_policy_names[] = { "auto", "grants", "foreign", NULL };

int memory_check(const struct memory *memory, uint64_t address, size_t length)
{
	if (!(address & GUEST_ADDRESS_GRANT))
		return memory->options.policy == MEMORY_GRANTS ? -EPERM : 0;
	if (memory->options.policy == MEMORY_FOREIGN)
		return -EPERM;
	return grants_valid(address, length) ? 0 : -EFAULT;
}

void memory_copy(const struct memory *memory, uint64_t address, void *local, uint32_t length,
		 bool to_guest, int *err)
{
	int failed = memory_check(memory, address, length);

	if (failed)
		*err = failed;
	else if (address & GUEST_ADDRESS_GRANT)
		grants_copy(memory->grants, address, local, length, to_guest, err);
	else
		foreign_copy(memory->foreign, address, local, length, to_guest, err);
}

void memory_flush(const struct memory *memory)
{
	grants_flush(memory->grants);
}

void memory_wrote(const struct memory *memory, uint64_t address, size_t length)
{
	if (!(address & GUEST_ADDRESS_GRANT))
		foreign_wrote(memory->foreign, address, length);
}

void memory_report(const struct memory *memory)
{
	foreign_report(memory->foreign);
}
