/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime.h: where an instance has what others find it by. */
#pragma once
#include <stddef.h>

/* Exit status of an instance that has left all to the next process. */
#define RUNTIME_LEFT 3

/* Suffix of the record of what was attached to an instance's guest. */
#define RUNTIME_ATTACHED "attached"

/* $RUNTIME_DIRECTORY, which systemd sets, or /run/xenvirtiod. */
const char *runtime_directory(void);

/* "DIRECTORY/INSTANCE.SUFFIX". 0 or -ENAMETOOLONG after a line in the log. */
int runtime_path(char *path, size_t size, const char *instance, const char *suffix);
