/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-complete.c: what a shell may offer behind "xenvirtiod"; see base/complete.h. */
#include <string.h>

#include "base/complete.h"
#include "base/util.h"
#include "daemon/config-internal.h"
#include "virtio/device.h"

static void complete_any_flag(const char *word)
{
	static const char *const others[] = { "--bridge", "--port",    "--config",
					      "--check",  "--version", "--help" };
	char flag[32];
	unsigned i;

	complete_flags(config_global_options, word);
	for (i = 0; config_types[i]; i++) {
		snprintf(flag, sizeof(flag), "--%s", config_types[i]->name);
		complete_word("", flag, word);
	}
	for (i = 0; i < ARRAY_SIZE(others); i++)
		complete_word("", others[i], word);
}

/* False: the flag has no value. */
static bool complete_flag_value(const char *flag, const char *word)
{
	const char *name = strncmp(flag, "--", 2) ? "" : flag + 2;
	const struct virtio_device_type *type = device_type_find(name);
	const struct option_set bridge = { bridge_option_specs, NULL };
	const struct option_set port = { port_option_specs, NULL };
	const struct option_set device[] = { { config_device_options, NULL },
					     { type ? type->options : NULL, NULL } };

	if (type)
		complete_list(device, ARRAY_SIZE(device), word);
	else if (!strcmp(name, CONFIG_BRIDGE))
		complete_list(&bridge, 1, word);
	else if (!strcmp(name, CONFIG_PORT))
		complete_list(&port, 1, word);
	else if (strcmp(name, "config"))
		return complete_after(config_global_options, flag, word);
	return true;
}

void config_complete_words(char **words, int count)
{
	const char *last = count > 0 ? words[count - 1] : "";

	if (!complete_flag_value(count > 1 ? words[count - 2] : "", last))
		complete_any_flag(last);
}
