/* SPDX-License-Identifier: GPL-2.0-or-later */
/* instances.c: which instances a guest has. */
#include "ctl/instances.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/setting.h"

static void take_line(char *line, char *domain, size_t size, bool *bridge)
{
	char *key, *value;

	line[strcspn(line, "\n")] = '\0';
	if (!setting_split(line, &key, &value))
		return;
	if (!strcmp(key, "domain"))
		snprintf(domain, size, "%s", value);
	else if (!strcmp(key, "bridge"))
		*bridge = true;
}

/* Without a domain of its own the instance's name is its guest's. */
static int read_file(const char *path, struct instance *instance, char *domain, size_t size)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!file) {
		log_error("%s: %m", path);
		return -errno;
	}
	snprintf(domain, size, "%s", instance->name);
	while (getline(&line, &room, file) >= 0)
		take_line(line, domain, size, &instance->bridge);
	free(line);
	fclose(file);
	return 0;
}

static int is_configuration(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && dot > entry->d_name && !strcmp(dot, ".conf");
}

static int add_if_of(struct instances *instances, const char *file, const char *guest)
{
	struct instance instance = { .pidfd = -1 };
	char path[512], domain[INSTANCE_NAME_MAX];
	int err;

	if (strlen(file) >= sizeof(instance.name))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", instances->directory, file);
	snprintf(instance.name, sizeof(instance.name), "%.*s", (int)strlen(file) - 5, file);
	err = read_file(path, &instance, domain, sizeof(domain));
	if (err || strcmp(domain, guest))
		return err;
	if (instances->count == INSTANCES_MAX) {
		log_error("%s: more than %d instances of %s", instances->directory, INSTANCES_MAX,
			  guest);
		return -E2BIG;
	}
	instances->list[instances->count++] = instance;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct instance *a = left, *b = right;

	if (a->bridge != b->bridge)
		return b->bridge - a->bridge;
	return strcmp(a->name, b->name);
}

int instances_find(struct instances *instances, const char *directory, const char *guest)
{
	struct dirent **files;
	int i, n, err = 0;

	*instances = (struct instances){
		.directory = directory ? directory : INSTANCES_DIRECTORY,
		.by_manager = !directory && !access("/run/systemd/system", F_OK),
	};
	n = scandir(instances->directory, &files, is_configuration, alphasort);
	if (n < 0) {
		err = -errno;
		log_error("%s: %m", instances->directory);
		return err;
	}
	for (i = 0; i < n; i++) {
		if (!err)
			err = add_if_of(instances, files[i]->d_name, guest);
		free(files[i]);
	}
	free(files);
	if (!err && !instances->count) {
		log_error("%s: no *.conf has domain=%s", instances->directory, guest);
		err = -ENOENT;
	}
	qsort(instances->list, instances->count, sizeof(instances->list[0]), compare);
	return err;
}
