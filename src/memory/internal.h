/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h: what the files behind memory.h share. */
#pragma once
#include <unistd.h>

#include "memory/memory.h"

/* 0 if the policy allows this kind of address and it can be one: -EPERM, -EFAULT. */
int memory_check(const struct memory *memory, uint64_t address, size_t length);

/* Of our kernel: 4 KiB or, on Arm, 16 or 64. Ask once. */
static inline size_t memory_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}
