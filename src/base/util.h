/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util.h: the few macros that every floor uses. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT_ULL(n)    (1ULL << (n))

/* What a constant is defined as, as text. */
#define STRINGIFY(x)  STRINGIFY_(x)
#define STRINGIFY_(x) #x

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Rings, config space and MSI-X tables are little endian and used in place. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian hosts only");

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}
