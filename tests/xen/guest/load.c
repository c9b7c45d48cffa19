/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load and checks for guests, linked statically.
 *   load read DEV SIZE DEPTH COUNT     exactly COUNT random O_DIRECT reads
 *   load batch random|sequential DEV SIZE DEPTH COUNT
 *                                      the same, submitting all that it can at once
 *   load fill DEV FIRST BLOCKS         writes blocks that say which they are
 *   load check DEV FIRST BLOCKS DEPTH  reads them all back
 *   load zero DEV FIRST BLOCKS         has the device zero them, and reads them back
 *   load mixed DEV SECONDS DEPTH FIRST BLOCKS
 *                                      random writes and reads of 4 to 64 KiB
 *   load beat SECONDS                  runs every ms: the longest gap seen
 *   load config FILE SECONDS           reads a configuration space again and again
 * Blocks have 4096 bytes. Each mode ends with one line, "LOAD mode: ...", with how long the
 * longest operation took, half of them, and 99 %; and how often there was nothing done for 100 ms
 * or more, and how long then. SIGTERM ends those that last for SECONDS. After all else "mixed"
 * reads back what it has written last.
 * Exit status 0: no error and no wrong data. With -e before the mode, errors are
 * counted but only wrong data fails.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/param.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK      4096
#define MAX_BLOCKS 16 /* of one request with data to verify */
#define MAX_SIZE   (32 * BLOCK)
#define MAX_DEPTH  64
#define TIMES      10000 /* ms that are told apart */
#define NAP_US     1000  /* others want to run, too */
#define PAUSE      0.1   /* so many seconds without anything done are one */
#define NEVER      0     /* version of a block whose content is not known */

static bool errors_allowed;
static volatile sig_atomic_t enough;

struct times {
	uint64_t count;
	double longest;
	uint64_t of[TIMES + 1]; /* how many took so many ms */
};

/* One request in flight; works only on blocks of its own, so order is known. */
struct slot {
	struct iocb iocb;
	uint8_t *buf;
	uint64_t first, blocks; /* its own blocks */
	uint64_t next;          /* of a sequence */
	uint64_t block, count;  /* of the request in flight */
	double began;
};

struct load {
	int fd;
	unsigned int depth;
	aio_context_t aio;
	bool batch; /* submit together what can be: */
	struct iocb *batched[MAX_DEPTH];
	unsigned int nbatched;
	struct slot slots[MAX_DEPTH];
	uint64_t first;
	uint32_t *versions;
	uint64_t operations, errors, wrong;
	struct times times, pauses;
	double last; /* when there was something done */
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static uint64_t any(uint64_t limit)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % limit;
}

/* All but one of so many took no longer, in ms. */
static unsigned int but_one_of(const struct times *times, uint64_t many)
{
	uint64_t longer = times->count;
	unsigned int ms = 0;

	while (ms < TIMES && (longer -= times->of[ms]) * many > times->count)
		ms++;
	return ms;
}

static int report(const char *mode, const struct load *l)
{
	printf("LOAD %s: %llu operations, %llu errors, %llu wrong, longest %.0f ms, "
	       "p50 %u ms, p99 %u ms; %llu pauses, p50 %u ms, p99 %u ms, most %.0f ms\n",
	       mode, (unsigned long long)l->operations, (unsigned long long)l->errors,
	       (unsigned long long)l->wrong, l->times.longest * 1e3, but_one_of(&l->times, 2),
	       but_one_of(&l->times, 100), (unsigned long long)l->pauses.count,
	       but_one_of(&l->pauses, 2), but_one_of(&l->pauses, 100), l->pauses.longest * 1e3);
	return l->wrong || (l->errors && !errors_allowed);
}

static void add_time(struct times *times, double time)
{
	if (time > times->longest)
		times->longest = time;
	times->of[(unsigned int)MIN(time * 1e3, TIMES)]++;
	times->count++;
}

/* An operation is done. */
static void took(struct load *l, double began)
{
	double end = now();

	add_time(&l->times, end - began);
	if (l->operations++ && end - l->last >= PAUSE)
		add_time(&l->pauses, end - l->last);
	l->last = end;
}

/* --- blocks that say who they are ---------------------------------------- */

static void write_pattern(uint8_t *buf, uint64_t block, uint32_t version)
{
	uint64_t *word = (uint64_t *)buf;

	for (unsigned int i = 0; i < BLOCK / sizeof(*word); i++)
		word[i] = block << 40 | (uint64_t)version << 10 | i;
}

static bool has_pattern(const uint8_t *buf, uint64_t block, uint32_t version)
{
	uint8_t expected[BLOCK] __attribute__((aligned(8)));

	write_pattern(expected, block, version);
	return !memcmp(buf, expected, BLOCK);
}

static uint32_t *version_of(struct load *l, uint64_t block)
{
	return &l->versions[block - l->first];
}

static void verify(struct load *l, const struct slot *s)
{
	for (uint64_t i = 0; i < s->count; i++) {
		uint32_t version = *version_of(l, s->block + i);

		if (version == NEVER || has_pattern(s->buf + i * BLOCK, s->block + i, version))
			continue;
		printf("WRONG DATA in block %llu\n", (unsigned long long)(s->block + i));
		l->wrong++;
	}
}

/* --- requests in flight ---------------------------------------------------- */

/* A buffer whose pages are no neighbours in memory, so that requests always have the same
 * segments: pages come where they are touched, in this order. */
static uint8_t *scattered(void)
{
	const unsigned int pages = MAX_SIZE / BLOCK;
	uint8_t *buf = aligned_alloc(BLOCK, MAX_SIZE);

	if (!buf)
		err(1, "memory");
	for (unsigned int i = 0; i < pages; i++)
		buf[i * 13 % pages * BLOCK] = 1;
	return buf;
}

static void open_device(struct load *l, const char *dev, unsigned int depth)
{
	if (depth < 1 || depth > MAX_DEPTH)
		errx(2, "depth is 1 to %u", MAX_DEPTH);
	l->depth = depth;
	l->fd = open(dev, O_RDWR | O_DIRECT);
	if (l->fd < 0)
		l->fd = open(dev, O_RDONLY | O_DIRECT);
	if (l->fd < 0 || syscall(SYS_io_setup, MAX_DEPTH, &l->aio))
		err(1, "%s", dev);
	for (unsigned int i = 0; i < depth; i++)
		l->slots[i].buf = scattered();
}

/* Deal the blocks out, a run of them to each slot. */
static void share_out(struct load *l, uint64_t first, uint64_t blocks)
{
	uint64_t each = blocks / l->depth;

	if (!each)
		errx(2, "fewer blocks than requests");
	l->first = first;
	l->versions = calloc(blocks, sizeof(*l->versions));
	if (!l->versions)
		err(1, "memory");
	for (unsigned int i = 0; i < l->depth; i++) {
		l->slots[i].first = l->slots[i].next = first + i * each;
		l->slots[i].blocks = i + 1 < l->depth ? each : blocks - i * each;
	}
}

static void submit_batch(struct load *l)
{
	if (l->nbatched && syscall(SYS_io_submit, l->aio, l->nbatched, l->batched) != l->nbatched)
		err(1, "io_submit");
	l->nbatched = 0;
}

static void submit(struct load *l, struct slot *s, unsigned int opcode, uint64_t bytes)
{
	struct iocb *iocb = &s->iocb;

	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_fildes = l->fd;
	iocb->aio_lio_opcode = opcode;
	iocb->aio_buf = (uintptr_t)s->buf;
	iocb->aio_nbytes = bytes;
	iocb->aio_offset = s->block * BLOCK;
	iocb->aio_data = (uintptr_t)s;
	s->began = now();
	l->batched[l->nbatched++] = iocb;
	if (!l->batch)
		submit_batch(l);
}

static void finish_request(struct load *l, const struct io_event *event)
{
	struct slot *s = (struct slot *)(uintptr_t)event->data;
	bool failed = event->res != (int64_t)s->iocb.aio_nbytes;

	took(l, s->began);
	l->errors += failed;
	if (s->iocb.aio_lio_opcode == IOCB_CMD_PREAD && !failed)
		verify(l, s);
	if (s->iocb.aio_lio_opcode == IOCB_CMD_PWRITE && failed)
		for (uint64_t i = 0; i < s->count; i++)
			*version_of(l, s->block + i) = NEVER;
}

/* Keep all slots busy: "next" submits for a slot, or says that it is done. */
static void run(struct load *l, bool (*next)(struct load *l, struct slot *s))
{
	struct io_event events[MAX_DEPTH];
	unsigned int flying = 0;
	long n;

	for (unsigned int i = 0; i < l->depth; i++)
		flying += next(l, &l->slots[i]);
	while (flying) {
		submit_batch(l);
		n = syscall(SYS_io_getevents, l->aio, 1, MAX_DEPTH, events, NULL);
		if (n < 0 && errno != EINTR)
			err(1, "io_getevents");
		for (long i = 0; i < n; i++) {
			finish_request(l, &events[i]);
			if (!next(l, (struct slot *)(uintptr_t)events[i].data))
				flying--;
		}
	}
}

/* --- the modes ---------------------------------------------------------------- */

static uint64_t reads_left, read_size, device_size, next_offset;

/* Positions are multiples of the size; a slot's block is where its read begins. */
static bool next_read(struct load *l, struct slot *s)
{
	if (!reads_left)
		return false;
	reads_left--;
	s->block = any(device_size / read_size) * (read_size / BLOCK);
	s->count = 0;
	submit(l, s, IOCB_CMD_PREAD, read_size);
	return true;
}

static bool next_sequential(struct load *l, struct slot *s)
{
	if (!reads_left)
		return false;
	reads_left--;
	s->block = next_offset / BLOCK;
	next_offset = (next_offset + read_size) % (device_size / read_size * read_size);
	submit(l, s, IOCB_CMD_PREAD, read_size);
	return true;
}

static void read_device(struct load *l, char **arg, bool (*next)(struct load *l, struct slot *s))
{
	read_size = strtoul(arg[1], NULL, 0);
	if (read_size % BLOCK || !read_size || read_size > MAX_SIZE)
		errx(2, "size is 4096 to %u", MAX_SIZE);
	open_device(l, arg[0], strtoul(arg[2], NULL, 0));
	if (ioctl(l->fd, BLKGETSIZE64, &device_size))
		err(1, "size of %s", arg[0]);
	reads_left = strtoull(arg[3], NULL, 0);
	run(l, next);
}

static int mode_read(char **arg)
{
	struct load l = { 0 };

	read_device(&l, arg, next_read);
	return report("read", &l);
}

static int mode_batch(char **arg)
{
	struct load l = { .batch = true };

	read_device(&l, arg + 1, strcmp(arg[0], "random") ? next_sequential : next_read);
	return report("batch", &l);
}

static bool go_forward(struct slot *s)
{
	s->block = s->next;
	s->count = MIN(MAX_BLOCKS, s->first + s->blocks - s->next);
	s->next += s->count;
	return s->count;
}

static bool next_in_order(struct load *l, struct slot *s, unsigned int opcode)
{
	if (!go_forward(s))
		return false;
	for (uint64_t i = 0; i < s->count; i++) {
		*version_of(l, s->block + i) = 1;
		if (opcode == IOCB_CMD_PWRITE)
			write_pattern(s->buf + i * BLOCK, s->block + i, 1);
	}
	submit(l, s, opcode, s->count * BLOCK);
	return true;
}

static bool next_fill(struct load *l, struct slot *s)
{
	return next_in_order(l, s, IOCB_CMD_PWRITE);
}

static bool next_check(struct load *l, struct slot *s)
{
	return next_in_order(l, s, IOCB_CMD_PREAD);
}

static int mode_fill(char **arg)
{
	struct load l = { 0 };

	open_device(&l, arg[0], 1);
	share_out(&l, strtoull(arg[1], NULL, 0), strtoull(arg[2], NULL, 0));
	run(&l, next_fill);
	if (fsync(l.fd))
		l.errors++;
	return report("fill", &l);
}

static int mode_check(char **arg)
{
	struct load l = { 0 };

	open_device(&l, arg[0], strtoul(arg[3], NULL, 0));
	share_out(&l, strtoull(arg[1], NULL, 0), strtoull(arg[2], NULL, 0));
	run(&l, next_check);
	return report("check", &l);
}

static bool is_zero(const uint8_t *buf)
{
	return !buf[0] && !memcmp(buf, buf + 1, BLOCK - 1);
}

static int mode_zero(char **arg)
{
	const uint64_t first = strtoull(arg[1], NULL, 0), blocks = strtoull(arg[2], NULL, 0);
	uint64_t range[] = { first * BLOCK, blocks * BLOCK };
	struct load l = { 0 };
	uint8_t *buf;

	open_device(&l, arg[0], 1);
	buf = l.slots[0].buf;
	l.errors += ioctl(l.fd, BLKZEROOUT, range) != 0;
	for (uint64_t i = first; i < first + blocks; i++, l.operations++) {
		if (pread(l.fd, buf, BLOCK, i * BLOCK) != BLOCK)
			l.errors++;
		else
			l.wrong += !is_zero(buf);
	}
	return report("zero", &l);
}

static double load_end;

static bool goes_on(void)
{
	return !enough && now() < load_end;
}

static bool next_mixed(struct load *l, struct slot *s)
{
	static uint32_t version;

	if (!goes_on())
		return false;
	s->count = 1 + any(MIN(MAX_BLOCKS, s->blocks));
	s->block = s->first + any(s->blocks - s->count + 1);
	if (any(2)) {
		memset(s->buf, 0x5a, s->count * BLOCK);
		submit(l, s, IOCB_CMD_PREAD, s->count * BLOCK);
		return true;
	}
	version++;
	for (uint64_t i = 0; i < s->count; i++) {
		*version_of(l, s->block + i) = version;
		write_pattern(s->buf + i * BLOCK, s->block + i, version);
	}
	submit(l, s, IOCB_CMD_PWRITE, s->count * BLOCK);
	return true;
}

static bool next_back(struct load *l, struct slot *s)
{
	if (!go_forward(s))
		return false;
	submit(l, s, IOCB_CMD_PREAD, s->count * BLOCK);
	return true;
}

static int mode_mixed(char **arg)
{
	struct load l = { 0 };

	open_device(&l, arg[0], strtoul(arg[2], NULL, 0));
	share_out(&l, strtoull(arg[3], NULL, 0), strtoull(arg[4], NULL, 0));
	load_end = now() + strtod(arg[1], NULL);
	run(&l, next_mixed);
	run(&l, next_back);
	return report("mixed", &l);
}

static int mode_beat(char **arg)
{
	struct load l = { 0 };

	l.last = now();
	load_end = l.last + strtod(arg[0], NULL);
	while (goes_on()) {
		usleep(NAP_US);
		took(&l, l.last);
	}
	return report("beat", &l);
}

#define HEADER_BYTES 64

/* Without the one bit that comes and goes: an INTx is pending. */
static bool read_header(int fd, uint8_t *header)
{
	if (pread(fd, header, HEADER_BYTES, 0) != HEADER_BYTES)
		return false;
	header[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
	return true;
}

static int mode_config(char **arg)
{
	uint8_t first[HEADER_BYTES], again[HEADER_BYTES];
	struct load l = { 0 };

	l.fd = open(arg[0], O_RDONLY);
	if (l.fd < 0 || !read_header(l.fd, first))
		err(1, "%s", arg[0]);
	load_end = now() + strtod(arg[1], NULL);
	while (goes_on()) {
		double began = now();

		if (!read_header(l.fd, again))
			l.errors++;
		else if (memcmp(first, again, sizeof(first)))
			l.wrong++;
		took(&l, began);
		usleep(NAP_US);
	}
	return report("config", &l);
}

static const struct {
	const char *name;
	int arguments;
	int (*run)(char **arg);
} modes[] = {
	{ "read", 4, mode_read },     { "batch", 5, mode_batch }, { "fill", 3, mode_fill },
	{ "check", 4, mode_check },   { "mixed", 5, mode_mixed }, { "beat", 1, mode_beat },
	{ "config", 2, mode_config }, { "zero", 3, mode_zero },
};

static void end_load(int signal)
{
	(void)signal;
	enough = 1;
}

int main(int argc, char **argv)
{
	signal(SIGTERM, end_load);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "-e")) {
		errors_allowed = true;
		argc--;
		argv++;
	}
	for (unsigned int i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (argc > 1 && !strcmp(argv[1], modes[i].name) && argc - 2 == modes[i].arguments)
			return modes[i].run(argv + 2);
	errx(2, "usage: see load.c");
}
