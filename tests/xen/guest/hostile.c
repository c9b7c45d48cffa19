/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio-blk driver in user space that grants what it should not, or nothing:
 *   hostile requests BDF OTHER SECONDS   bad requests among good ones
 *   hostile status BDF OTHER             requests whose status cannot be written
 * BDF and OTHER are functions without a driver; OTHER gets good requests only, at the
 * same time. Memory comes from gntalloc, and nobody else may grant meanwhile: the
 * references that are bad here have to stay bad.
 * Exit status 0: each bad request failed and nothing else did, with right data.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xen/gntalloc.h>

#define PAGE          4096
#define SECTOR        512
#define RING          256  /* descriptors: a page */
#define REQUESTS      64   /* at once */
#define STATUS        3072 /* where in the page of headers their bytes are */
#define MAX_DATA      120
#define GRANT_ADDRESS (1ULL << 63)
#define PATIENCE      60 /* seconds */
#define KEPT_SECTOR   64 /* what bad writes go to, and may not change */
#define KEPT_SECTORS  MAX_DATA
#define NEEDS_RESET   VIRTIO_CONFIG_S_NEEDS_RESET

struct page {
	uint8_t *bytes;
	uint64_t address, index;
};

struct piece {
	uint64_t address;
	uint32_t length;
};

struct request {
	uint32_t type;
	uint64_t sector;
	uint64_t header, status; /* 0: those it should have */
	struct piece data[MAX_DATA];
	unsigned int pieces;
	bool bad;
};

struct device {
	const char *bdf;
	int config;
	volatile uint8_t *bar;
	volatile struct virtio_pci_common_cfg *common;
	volatile uint16_t *doorbell;
	struct page descriptors, available, used, headers, out, in;
	unsigned int ndescriptors, nrequests;
	bool bad[REQUESTS];
	uint16_t posted;
	uint32_t round;
};

/* An address at which there is nothing to read, to write, or both. */
struct trap {
	const char *what;
	uint64_t address;
	bool readable;
};

static int gntalloc;
static uint64_t good_requests, bad_requests, faults;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* A millisecond for others: the domain that answers has the same processor. */
static void pause_until(double end, const char *what)
{
	struct timespec ts = { .tv_nsec = 1000000 };

	if (now() > end)
		errx(1, "no end of %s", what);
	nanosleep(&ts, NULL);
}

/* --- granted memory -------------------------------------------------------- */

static uint64_t address_of(uint32_t ref)
{
	return GRANT_ADDRESS | (uint64_t)ref * PAGE;
}

static struct page grant(bool writable)
{
	struct ioctl_gntalloc_alloc_gref arg = { .flags = writable ? GNTALLOC_FLAG_WRITABLE : 0,
						 .count = 1 };
	struct page page;

	if (ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &arg))
		err(1, "a grant");
	page.index = arg.index;
	page.address = address_of(arg.gref_ids[0]);
	page.bytes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc, arg.index);
	if (page.bytes == MAP_FAILED)
		err(1, "a granted page");
	return page;
}

static void end_grant(struct page *page)
{
	struct ioctl_gntalloc_dealloc_gref arg = { .index = page->index, .count = 1 };

	if (munmap(page->bytes, PAGE) || ioctl(gntalloc, IOCTL_GNTALLOC_DEALLOC_GREF, &arg))
		err(1, "end of a grant");
}

/* --- the PCI function -------------------------------------------------------- */

static uint32_t config_read(const struct device *d, unsigned int at, unsigned int size)
{
	uint32_t value = 0;

	if (pread(d->config, &value, size, at) != (ssize_t)size)
		err(1, "%s: configuration space", d->bdf);
	return value;
}

static void enable_function(struct device *d)
{
	uint16_t command = config_read(d, PCI_COMMAND, 2);

	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (pwrite(d->config, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		err(1, "%s: command register", d->bdf);
}

static int open_file(const struct device *d, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/0000:%s/%s", d->bdf, name);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void map_bar(struct device *d)
{
	int fd = open_file(d, "resource0");
	struct stat st;

	if (fstat(fd, &st))
		err(1, "%s: BAR", d->bdf);
	d->bar = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (d->bar == MAP_FAILED)
		err(1, "%s: BAR", d->bdf);
	close(fd);
}

/* The capability of a structure in BAR 0. */
static unsigned int find_structure(const struct device *d, uint8_t type)
{
	unsigned int at = config_read(d, PCI_CAPABILITY_LIST, 1);

	for (; at; at = config_read(d, at + PCI_CAP_LIST_NEXT, 1))
		if (config_read(d, at, 1) == PCI_CAP_ID_VNDR &&
		    config_read(d, at + VIRTIO_PCI_CAP_CFG_TYPE, 1) == type &&
		    config_read(d, at + VIRTIO_PCI_CAP_BAR, 1) == 0)
			return at;
	errx(1, "%s: no structure of type %u", d->bdf, type);
}

static volatile void *structure(const struct device *d, uint8_t type)
{
	return d->bar + config_read(d, find_structure(d, type) + VIRTIO_PCI_CAP_OFFSET, 4);
}

static void find_doorbell(struct device *d)
{
	unsigned int cap = find_structure(d, VIRTIO_PCI_CAP_NOTIFY_CFG);
	volatile uint8_t *area = structure(d, VIRTIO_PCI_CAP_NOTIFY_CFG);

	area += d->common->queue_notify_off * config_read(d, cap + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
	d->doorbell = (volatile uint16_t *)area;
}

static void open_device(struct device *d, const char *bdf)
{
	*d = (struct device){ .bdf = bdf };
	d->config = open_file(d, "config");
	enable_function(d);
	map_bar(d);
	d->common = structure(d, VIRTIO_PCI_CAP_COMMON_CFG);
	d->descriptors = grant(true);
	d->available = grant(true);
	d->used = grant(true);
	d->headers = grant(true);
	d->out = grant(false);
	d->in = grant(true);
}

/* --- virtio -------------------------------------------------------------------- */

static void add_status(struct device *d, uint8_t bits)
{
	d->common->device_status |= bits;
	if ((d->common->device_status & bits) != bits)
		errx(1, "%s: status 0x%x is not taken", d->bdf, bits);
}

static void reset(struct device *d)
{
	double end = now() + PATIENCE;

	d->common->device_status = 0;
	while (d->common->device_status)
		pause_until(end, "a reset");
}

static void write_features(struct device *d, uint64_t features)
{
	for (unsigned int i = 0; i < 2; i++) {
		d->common->guest_feature_select = i;
		d->common->guest_feature = features >> (32 * i);
	}
}

static void enable_queue(struct device *d)
{
	memset(d->descriptors.bytes, 0, PAGE);
	memset(d->available.bytes, 0, PAGE);
	memset(d->used.bytes, 0, PAGE);
	d->posted = 0;
	d->common->queue_select = 0;
	d->common->queue_size = RING;
	d->common->queue_desc_lo = d->descriptors.address;
	d->common->queue_desc_hi = d->descriptors.address >> 32;
	d->common->queue_avail_lo = d->available.address;
	d->common->queue_avail_hi = d->available.address >> 32;
	d->common->queue_used_lo = d->used.address;
	d->common->queue_used_hi = d->used.address >> 32;
	find_doorbell(d);
	d->common->queue_enable = 1;
}

static void start_device(struct device *d)
{
	reset(d);
	add_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	write_features(d, 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_ACCESS_PLATFORM);
	add_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	enable_queue(d);
	add_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
}

static struct vring_avail *available(struct device *d)
{
	return (struct vring_avail *)d->available.bytes;
}

static struct vring_used *used(struct device *d)
{
	return (struct vring_used *)d->used.bytes;
}

static void add_descriptor(struct device *d, uint64_t address, uint32_t length, uint16_t flags)
{
	struct vring_desc *table = (struct vring_desc *)d->descriptors.bytes;
	unsigned int i = d->ndescriptors++;

	if (i >= RING)
		errx(1, "more descriptors than the ring has");
	table[i] = (struct vring_desc){
		.addr = address, .len = length, .flags = flags, .next = i + 1
	};
}

static void add_chain(struct device *d, const struct request *r, uint64_t header, uint64_t status)
{
	uint16_t flags = VRING_DESC_F_NEXT | (r->type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0);

	add_descriptor(d, header, sizeof(struct virtio_blk_outhdr), VRING_DESC_F_NEXT);
	for (unsigned int i = 0; i < r->pieces; i++)
		add_descriptor(d, r->data[i].address, r->data[i].length, flags);
	add_descriptor(d, status, 1, VRING_DESC_F_WRITE);
}

/* Adds it to what the next submit() shows. */
static void post(struct device *d, const struct request *r)
{
	unsigned int i = d->nrequests++, at = i * sizeof(struct virtio_blk_outhdr);
	struct virtio_blk_outhdr *header = (void *)(d->headers.bytes + at);

	if (i >= REQUESTS)
		errx(1, "too many requests");
	*header = (struct virtio_blk_outhdr){ .type = r->type, .sector = r->sector };
	d->headers.bytes[STATUS + i] = 0xff;
	d->bad[i] = r->bad;
	available(d)->ring[d->posted++ % RING] = d->ndescriptors;
	add_chain(d, r, r->header ? r->header : d->headers.address + at,
		  r->status ? r->status : d->headers.address + STATUS + i);
}

static void submit(struct device *d)
{
	__atomic_store_n(&available(d)->idx, d->posted, __ATOMIC_SEQ_CST);
	*d->doorbell = 0;
}

static void fault(const struct device *d, const char *what)
{
	if (faults++ < 20)
		printf("HOSTILE %s: %s\n", d->bdf, what);
}

static void wait_done(struct device *d)
{
	double end = now() + PATIENCE;

	while (__atomic_load_n(&used(d)->idx, __ATOMIC_ACQUIRE) != d->posted)
		pause_until(end, "requests");
	for (unsigned int i = 0; i < d->nrequests; i++) {
		uint8_t status = d->headers.bytes[STATUS + i];

		if (status != (d->bad[i] ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK))
			fault(d,
			      d->bad[i] ? "a bad request did not fail" : "a good request failed");
		bad_requests += d->bad[i];
		good_requests += !d->bad[i];
	}
	d->nrequests = d->ndescriptors = 0;
}

/* --- good requests --------------------------------------------------------------- */

static void fill(uint8_t *bytes, uint32_t tag)
{
	uint32_t *word = (uint32_t *)bytes;

	for (unsigned int i = 0; i < PAGE / sizeof(*word); i++)
		word[i] = tag << 10 | i;
}

static bool filled(const uint8_t *bytes, uint32_t tag)
{
	uint8_t expected[PAGE] __attribute__((aligned(4)));

	fill(expected, tag);
	return !memcmp(expected, bytes, PAGE);
}

static void post_page(struct device *d, uint32_t type, uint64_t sector, const struct page *page)
{
	struct request r = { .type = type, .sector = sector, .pieces = 1 };

	r.data[0] = (struct piece){ page->address, PAGE };
	post(d, &r);
}

/* Each round writes a page and reads what the one before has written. */
static void post_good(struct device *d)
{
	unsigned int round = d->round++;

	memset(d->in.bytes, 0, PAGE);
	if (round)
		post_page(d, VIRTIO_BLK_T_IN, (round - 1) % 8 * 8, &d->in);
	fill(d->out.bytes, round);
	post_page(d, VIRTIO_BLK_T_OUT, round % 8 * 8, &d->out);
}

static void check_good(struct device *d)
{
	wait_done(d);
	if (d->round > 1 && !filled(d->in.bytes, d->round - 2))
		fault(d, "wrong data");
}

static void good_round(struct device *d)
{
	post_good(d);
	submit(d);
	check_good(d);
}

/* --- bad ones ------------------------------------------------------------------------ */

enum { READ_ONLY, REVOKED, TRAPS = 8 };

static struct page scratch;

static void set_traps(struct trap *trap)
{
	struct page read_only = grant(false), revoked = grant(true);

	scratch = grant(true);
	end_grant(&revoked);
	trap[READ_ONLY] = (struct trap){ "granted read-only", read_only.address, true };
	trap[REVOKED] = (struct trap){ "revoked", revoked.address, false };
	trap[2] = (struct trap){ "never granted", address_of(400), false };
	trap[3] = (struct trap){ "beyond the table", address_of(0xffffff), false };
	trap[4] = (struct trap){ "beyond all references", address_of(UINT32_MAX) + 4088, false };
	trap[5] = (struct trap){ "with bit 44", scratch.address | 1ULL << 44, false };
	trap[6] = (struct trap){ "with bit 62", scratch.address | 1ULL << 62, false };
	trap[7] = (struct trap){ "of no frame", 1ULL << 40, false };
}

/* A request all of whose data is bad, or its middle, or its header. */
static void post_bad(struct device *d, const struct trap *trap, uint32_t type, unsigned int pieces)
{
	struct request r = { .type = type, .sector = KEPT_SECTOR, .pieces = pieces, .bad = true };

	for (unsigned int i = 0; i < pieces; i++)
		r.data[i] = (struct piece){ scratch.address, SECTOR };
	if (pieces)
		r.data[pieces / 2].address = trap->address;
	else
		r.header = trap->address;
	post(d, &r);
}

static void post_many_bad(struct device *d, const struct trap *trap)
{
	struct request r = {
		.type = VIRTIO_BLK_T_IN, .sector = KEPT_SECTOR, .pieces = MAX_DATA, .bad = true
	};

	for (unsigned int i = 0; i < MAX_DATA; i++)
		r.data[i] = (struct piece){ trap->address, SECTOR };
	post(d, &r);
}

static void post_all_bad(struct device *d, const struct trap *trap)
{
	for (unsigned int pieces = 1; pieces <= 3; pieces += 2) {
		post_bad(d, trap, VIRTIO_BLK_T_IN, pieces);
		if (!trap->readable)
			post_bad(d, trap, VIRTIO_BLK_T_OUT, pieces);
	}
	if (!trap->readable)
		post_bad(d, trap, VIRTIO_BLK_T_IN, 0);
	post_many_bad(d, trap);
}

static void bad_round(struct device *d, struct device *other, const struct trap *trap)
{
	uint64_t before = faults;

	post_all_bad(d, trap);
	post_good(d);
	post_bad(d, trap, VIRTIO_BLK_T_IN, 2);
	post_good(other);
	submit(d);
	submit(other);
	check_good(d);
	check_good(other);
	if (faults != before)
		printf("HOSTILE with pages %s\n", trap->what);
}

static void keep(struct device *d, bool check)
{
	for (unsigned int i = 0; i < KEPT_SECTORS / 8; i++) {
		const struct page *page = check ? &d->in : &d->out;

		fill(d->out.bytes, 1000 + i);
		memset(d->in.bytes, 0, PAGE);
		post_page(d, check ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, KEPT_SECTOR + i * 8, page);
		submit(d);
		wait_done(d);
		if (check && !filled(d->in.bytes, 1000 + i))
			fault(d, "a bad write has written");
	}
}

/* --- the modes ------------------------------------------------------------------------- */

static int report(const char *mode)
{
	printf("HOSTILE %s: %llu good requests, %llu bad ones, %llu faults\n", mode,
	       (unsigned long long)good_requests, (unsigned long long)bad_requests,
	       (unsigned long long)faults);
	return faults > 0;
}

static int mode_requests(struct device *d, struct device *other, double seconds)
{
	struct trap traps[TRAPS];
	double end = now() + seconds;

	set_traps(traps);
	keep(d, false);
	do
		for (unsigned int i = 0; i < TRAPS; i++)
			bad_round(d, other, &traps[i]);
	while (now() < end);
	keep(d, true);
	return report("requests");
}

/* The device cannot say that this one failed: it needs a reset, and works again. */
static void lose_status(struct device *d, struct device *other, const struct trap *trap)
{
	struct request r = { .type = VIRTIO_BLK_T_IN, .status = trap->address, .pieces = 1 };
	double end = now() + PATIENCE;

	r.data[0] = (struct piece){ scratch.address, SECTOR };
	post(d, &r);
	submit(d);
	while (!(d->common->device_status & NEEDS_RESET))
		pause_until(end, trap->what);
	*d->doorbell = 0;
	good_round(other);
	bad_requests++;
	d->nrequests = d->ndescriptors = 0;
	start_device(d);
	good_round(d);
	good_round(d);
}

static int mode_status(struct device *d, struct device *other)
{
	struct trap traps[TRAPS];

	set_traps(traps);
	for (unsigned int i = 0; i < TRAPS; i++)
		lose_status(d, other, &traps[i]);
	return report("status");
}

int main(int argc, char **argv)
{
	bool requests = argc == 5 && !strcmp(argv[1], "requests");
	bool status = argc == 4 && !strcmp(argv[1], "status");
	struct device device, other;
	int result;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!requests && !status)
		errx(2, "usage: see hostile.c");
	gntalloc = open("/dev/xen/gntalloc", O_RDWR);
	if (gntalloc < 0)
		err(1, "/dev/xen/gntalloc");
	open_device(&device, argv[2]);
	open_device(&other, argv[3]);
	start_device(&device);
	start_device(&other);
	result = requests ? mode_requests(&device, &other, strtod(argv[4], NULL))
			  : mode_status(&device, &other);
	reset(&device);
	reset(&other);
	return result;
}
