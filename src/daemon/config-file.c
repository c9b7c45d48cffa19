/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-file.c: the flags as lines of a file: "key=value" or "key value". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/setting.h"
#include "daemon/config-internal.h"

#define LINE_BYTES 4096

static int refuse(const struct config *config, const char *why)
{
	log_error("%.256s:%u: %s", config->file, config->file_line, why);
	return -EINVAL;
}

/* Without its end. 1; 0 behind the last line; -EINVAL after a line in the log. */
static int read_line(const struct config *config, FILE *file, char line[static LINE_BYTES])
{
	size_t n = 0;
	int c;

	while ((c = getc_unlocked(file)) != EOF && c != '\n') {
		if (n == LINE_BYTES - 1)
			return refuse(config, "the line is longer than 4095 bytes");
		if (c == '\r')
			return refuse(config, "the line ends with CR LF, as on Windows: take the "
					      "CRs out (dos2unix)");
		if (c == '\0')
			return refuse(config, "there is a NUL byte in it: this is not a text file");
		if (c < ' ' && c != '\t')
			return refuse(config, "there is a control character in it");
		line[n++] = (char)c;
	}
	line[n] = '\0';
	return n || c == '\n';
}

static int take_line(struct config *config, char *line)
{
	char *key, *value;

	if (!setting_split(line, &key, &value))
		return 0;
	if (!*key)
		return refuse(config, "there is no key before the =");
	return config_set(config, key, value);
}

static int take_lines(struct config *config, FILE *file)
{
	char line[LINE_BYTES];
	int err;

	do {
		config->file_line++;
		err = read_line(config, file, line);
		if (err <= 0)
			break;
		err = take_line(config, line);
	} while (!err);
	config->file_line = 0;
	return err;
}

int config_take_file(struct config *config, const char *path)
{
	FILE *file;
	int err;

	if (config->file) {
		log_error("--config is given twice");
		return -EINVAL;
	}
	config->file = path;
	file = fopen(path, "re");
	if (!file) {
		log_error("--config: %s: %m", path);
		return -EINVAL;
	}
	err = take_lines(config, file);
	if (!err && ferror(file)) { /* a directory, say */
		log_error("--config: %s: %m", path);
		err = -EINVAL;
	}
	fclose(file);
	return err;
}

/* NAME.conf is the configuration of the instance NAME. */
static char *name_of_file(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t length = strlen(name);

	if (length > 5 && !strcmp(name + length - 5, ".conf"))
		length -= 5;
	return strndup(name, length);
}

int config_apply_file_name(struct config *config)
{
	if (!config->file)
		return 0;
	if (!config->instance)
		config->instance = name_of_file(config->file);
	if (config->instance && !config->domain)
		config->domain = strdup(config->instance);
	return config->instance && config->domain ? 0 : -ENOMEM;
}
