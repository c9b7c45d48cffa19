/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.h: what was attached to an instance's guest, for the process that takes it over: see
 * daemon/kept.c. A file beside the instance's state, with a line "TYPE OPTIONS" for each
 * device, as the instance was asked for it. */
#pragma once

/* All return 0, or -errno after a line in the log. */
int record_add(const char *instance, const char *line);

/* One of these lines, if there are several. */
int record_take_back(const char *instance, const char *line);

/* Those of the function, by its address or its port's. */
int record_forget(const char *instance, const char *bdf);
