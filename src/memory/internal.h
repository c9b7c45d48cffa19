/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h: what the files behind memory.h share. */
#pragma once
#include "memory/memory.h"

/* 0 if the policy allows this kind of address and it can be one: -EPERM, -EFAULT. */
int memory_check(const struct memory *memory, uint64_t address, size_t length);
