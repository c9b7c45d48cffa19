/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpu DOMID CONSOLE: whenever a line "MARK word" comes to the log of a guest's
 * console, prints the word, the time, and the CPU times of dom0 and of the guest, all in
 * ns. At "MARK drop" dom0's page cache is dropped. Ends with the line "MARK end".
 * It sleeps in between, in order not to count itself. Fails when no mark comes any more.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>
#include <xenctrl.h>

#define BOOT    60000 /* ms to the first mark */
#define SILENCE 4000  /* ms from mark to mark */

static xc_interface *xc;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static uint64_t cpu_time(uint32_t domid)
{
	xc_dominfo_t info;

	if (xc_domain_getinfo(xc, domid, 1, &info) != 1 || info.domid != domid)
		errx(1, "no domain %u", domid);
	return info.cpu_time;
}

static void sample(const char *word, uint32_t domid)
{
	uint64_t guest = cpu_time(domid), dom0 = cpu_time(0);

	printf("%s %llu %llu %llu\n", word, (unsigned long long)now(), (unsigned long long)dom0,
	       (unsigned long long)guest);
}

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd < 0 || write(fd, "1", 1) != 1)
		err(1, "drop_caches");
	close(fd);
}

static void await_change(int changes, int patience)
{
	struct pollfd fd = { .fd = changes, .events = POLLIN };
	char event[sizeof(struct inotify_event) + 256];

	if (!poll(&fd, 1, patience))
		errx(1, "the guest fell silent");
	if (read(changes, event, sizeof(event)) < 0)
		err(1, "inotify");
}

/* The next line, when it is there. */
static void next_line(FILE *console, int changes, int patience, char *line, int size)
{
	int length = 0;

	for (;;) {
		if (fgets(line + length, size - length, console))
			length += strlen(line + length);
		if (length == size - 1 || (length && line[length - 1] == '\n'))
			return;
		clearerr(console);
		await_change(changes, patience);
	}
}

static void watch(FILE *console, int changes, uint32_t domid)
{
	int patience = BOOT;
	char line[512], *word;

	do {
		next_line(console, changes, patience, line, sizeof(line));
		if (strncmp(line, "MARK ", 5))
			continue;
		patience = SILENCE;
		word = line + 5;
		word[strcspn(word, "\r\n")] = '\0';
		sample(word, domid);
		if (!strcmp(word, "drop"))
			drop_caches();
	} while (strcmp(line, "MARK end"));
}

int main(int argc, char **argv)
{
	int changes = inotify_init();
	FILE *console;

	if (argc != 3)
		errx(2, "usage: cpu DOMID CONSOLE");
	console = fopen(argv[2], "r");
	if (!console || inotify_add_watch(changes, argv[2], IN_MODIFY) < 0)
		err(1, "%s", argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	xc = xc_interface_open(NULL, NULL, 0);
	if (!xc)
		errx(1, "no xenctrl");
	watch(console, changes, strtoul(argv[1], NULL, 0));
}
