/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c: what is said of a disk on the command line. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "devices/blk/blk.h"

static const char *const cache_names[] = { "auto", "none", "writeback", "writethrough", NULL };
static const char *const block_names[] = { "auto", "512", "4096", NULL };
static const char *const error_names[] = { "report", "stop", NULL };

/* What a request takes of its time is a whole number of nanoseconds. */
#define REQUESTS_MAX 10000000
#define BYTES_MIN    4096
#define BYTES_MAX    (1ULL << 40)

const struct option_spec blk_option_specs[] = {
	{ .key = "path",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct blk_options, path),
	  .placeholder = "PATH",
	  .help = "file or block device to serve" },
	{ .key = "nbd",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct blk_options, nbd),
	  .placeholder = "URI",
	  .help = "instead of path: an export of an NBD server (or unix:PATH)" },
	{ .key = "nbd-timeout",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct blk_options, nbd_timeout),
	  .max = 86400,
	  .placeholder = "SECONDS",
	  .fallback = "30",
	  .help = "how long requests wait for a lost server; 0: for ever" },
	{ .key = "null",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct blk_options, null_size),
	  .placeholder = "SIZE",
	  .help = "instead of path: a disk that reads zeroes and forgets writes" },
	{ .key = "readonly",
	  .kind = OPTION_BOOL,
	  .offset = offsetof(struct blk_options, readonly),
	  .fallback = "off",
	  .help = "the guest may not write" },
	{ .key = "cache",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct blk_options, cache),
	  .names = cache_names,
	  .fallback = "auto",
	  .help = "what a write may be in when it is done" },
	{ .key = "discard",
	  .kind = OPTION_BOOL,
	  .offset = offsetof(struct blk_options, discard),
	  .fallback = "on",
	  .help = "the guest may give space back" },
	{ .key = "block-size",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct blk_options, block),
	  .names = block_names,
	  .fallback = "auto",
	  .help = "of the blocks that the guest addresses" },
	{ .key = "iops",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct blk_options, requests),
	  .min = 1,
	  .max = REQUESTS_MAX,
	  .placeholder = "N",
	  .help = "requests a second, at most (default: no limit)" },
	{ .key = "bps",
	  .kind = OPTION_SIZE,
	  .offset = offsetof(struct blk_options, bytes),
	  .min = BYTES_MIN,
	  .max = BYTES_MAX,
	  .placeholder = "SIZE",
	  .help = "bytes a second, at most (default: no limit)" },
	{ .key = "burst",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct blk_options, burst),
	  .min = 10,
	  .max = 60000,
	  .placeholder = "MS",
	  .fallback = "100",
	  .help = "with these: of how long what was not used is saved up" },
	{ .key = "error",
	  .kind = OPTION_ENUM,
	  .offset = offsetof(struct blk_options, stop),
	  .names = error_names,
	  .fallback = "report",
	  .help = "of the store: report it, or stop until SIGHUP" },
	{ .key = "serial",
	  .kind = OPTION_STRING,
	  .offset = offsetof(struct blk_options, serial),
	  .placeholder = "TEXT",
	  .help = "serial number, up to 20 characters" },
	{ .key = "queues",
	  .kind = OPTION_UINT,
	  .offset = offsetof(struct blk_options, queues),
	  .min = 1,
	  .max = BLK_QUEUES_MAX,
	  .placeholder = "N",
	  .help = "number of request queues (default: one per vCPU, up to 8)" },
	{ 0 },
};

int blk_options_check(const void *from, const char *where)
{
	const struct blk_options *o = from;

	if (!!o->path + !!o->nbd + !!o->null_size != 1) {
		log_error("%s: give one of path=, nbd= and null=", where);
		return -EINVAL;
	}
	if (o->null_size && o->block) {
		log_error("%s: block-size= is for what path= names", where);
		return -EINVAL;
	}
	if (o->serial && strlen(o->serial) > VIRTIO_BLK_ID_BYTES) {
		log_error("%s: serial: longer than %d characters", where, VIRTIO_BLK_ID_BYTES);
		return -EINVAL;
	}
	return 0;
}
