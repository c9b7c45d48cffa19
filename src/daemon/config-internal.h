/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-internal.h: what the files about the configuration share. */
#pragma once
#include "daemon/config.h"

/* The keys beside global options and types of device. */
#define CONFIG_BRIDGE "bridge"
#define CONFIG_PORT   "port"

extern const struct option_spec config_global_options[];

/* --- config-set.c ---------------------------------------------------------------- */

/* "--net", or "/etc/xenvirtiod/guest.conf:7: net": what a message begins with. */
#define CONFIG_WHERE_MAX 320

/* Where a global option or the bridge was given; in @where, which is returned. */
const char *config_place(struct config *config, const char *key,
			 char where[static CONFIG_WHERE_MAX]);

/* One setting, from the command line or the line of the file that is being read. 0, or
 * -EINVAL or -ENOMEM after a line in the log; so are the next ones. */
int config_set(struct config *config, const char *key, const char *text);

/* --- config-device.c ------------------------------------------------------------- */

/* Is it an address that something of ours may have? 0, or -EINVAL after a line in the log. */
int config_check_bdf(struct pci_bdf bdf, const char *where);

/* --- config-file.c --------------------------------------------------------------- */

/* Takes the lines of a file, which has not been done before. */
int config_take_file(struct config *config, const char *path);

/* What is not given has the file's name. */
int config_apply_file_name(struct config *config);

/* --- config-check.c -------------------------------------------------------------- */

/* What settings together must be. */
bool config_complete(struct config *config);

/* --- config-help.c --------------------------------------------------------------- */

void config_print_help(void);

/* --- config-complete.c ------------------------------------------------------------ */

/* Prints what the last of the words, which stand behind the program's name, may become. */
void config_complete_words(char **words, int count);
