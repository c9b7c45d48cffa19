/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime.c: see runtime.h. */
#include "base/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#define DEFAULT_DIRECTORY "/run/xenvirtiod"

const char *runtime_directory(void)
{
	const char *directory = getenv("RUNTIME_DIRECTORY");

	return directory ? directory : DEFAULT_DIRECTORY;
}

int runtime_path(char *path, size_t size, const char *instance, const char *suffix)
{
	const char *directory = runtime_directory();

	if (snprintf(path, size, "%s/%s.%s", directory, instance, suffix) < (int)size)
		return 0;
	log_error("%s/%s.%s: too long a name", directory, instance, suffix);
	return -ENAMETOOLONG;
}
