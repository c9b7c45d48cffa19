/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nbd-link.c: how a connection to an NBD server is made, and what it can. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "devices/blk/nbd.h"

#define UNIX_PREFIX "unix:"
#define POLL_MS     50
#define SECTOR      512U
#define COMMAND_MAX (32U << 20) /* what a server takes that does not say */
#define LIKED_MAX   (1U << 20)

/* A peer that vanished without a word is noticed. */
#define KEEP_IDLE_S     5
#define KEEP_INTERVAL_S 5
#define KEEP_PROBES     3
#define UNANSWERED_MS   20000

bool nbd_link_over(const struct nbd_link *link)
{
	return nbd_aio_is_dead(link->nbd) || nbd_aio_is_closed(link->nbd);
}

static int give_up(const struct nbd_options *options, int err, struct reason *why)
{
	const char *text = nbd_get_error();

	return reason_set(why, err, "%s: %s", options->uri, text ? text : "it hung up");
}

/* What is wrong with the address will not get better. */
static int address_error(void)
{
	switch (nbd_get_errno()) {
	case EINVAL:
	case EPERM:
	case ENAMETOOLONG:
		return -EINVAL;
	default:
		return -EAGAIN;
	}
}

static int begin(const struct nbd_link *link, const struct nbd_options *options, struct reason *why)
{
	bool is_path = !strncmp(options->uri, UNIX_PREFIX, strlen(UNIX_PREFIX));
	int err;

	nbd_set_uri_allow_local_file(link->nbd, true); /* TLS: who gives the URI may read them */
	if (is_path)
		err = nbd_aio_connect_unix(link->nbd, options->uri + strlen(UNIX_PREFIX));
	else
		err = nbd_aio_connect_uri(link->nbd, options->uri);
	return err ? give_up(options, address_error(), why) : 0;
}

static int negotiate(const struct nbd_link *link, const struct nbd_options *options, uint64_t end,
		     const atomic_bool *stop, struct reason *why)
{
	while (!nbd_aio_is_ready(link->nbd)) {
		if (nbd_link_over(link))
			return give_up(options, -EAGAIN, why);
		if (loop_now() >= end || atomic_load(stop))
			return reason_set(why, -EAGAIN, "%s: no answer", options->uri);
		if (nbd_poll(link->nbd, POLL_MS) < 0)
			return give_up(options, -EAGAIN, why);
	}
	return 0;
}

/* Such sizes are powers of two, 0 if unknown; @none then. */
static uint32_t block_size(const struct nbd_link *link, int which, uint32_t none, uint32_t max)
{
	int64_t size = nbd_get_block_size(link->nbd, which);

	return size > 0 ? (uint32_t)min_u64((uint64_t)size, max) : none;
}

static int ask(struct nbd_link *link, const struct nbd_options *options, struct reason *why)
{
	int64_t size = nbd_get_size(link->nbd);
	uint32_t least = block_size(link, LIBNBD_SIZE_MINIMUM, 1, UINT32_MAX);

	if (size <= 0)
		return reason_set(why, -EAGAIN, "%s: empty", options->uri);
	if (nbd_is_read_only(link->nbd) > 0 && !options->readonly)
		return reason_set(why, -EROFS, "%s: the server allows no writes (give readonly=on)",
				  options->uri);
	if (least > SECTOR)
		return reason_set(why, -EINVAL,
				  "%s: the server takes no less than %u bytes, guests use %u "
				  "(nbdkit --filter=blocksize between them helps)",
				  options->uri, least, SECTOR);
	link->size = (uint64_t)size;
	link->most = block_size(link, LIBNBD_SIZE_MAXIMUM, COMMAND_MAX, COMMAND_MAX);
	link->most = link->most > SECTOR ? link->most / SECTOR * SECTOR : SECTOR;
	link->liked = block_size(link, LIBNBD_SIZE_PREFERRED, SECTOR, LIKED_MAX);
	link->fua = nbd_can_fua(link->nbd) > 0;
	link->flush = nbd_can_flush(link->nbd) > 0;
	link->trim = nbd_can_trim(link->nbd) > 0;
	link->zero = nbd_can_zero(link->nbd) > 0;
	link->multi = nbd_can_multi_conn(link->nbd) > 0;
	return 0;
}

static void set_option(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value)); /* in vain where it is no TCP */
}

static int keep_socket(struct nbd_link *link)
{
	link->fd = fcntl(nbd_aio_get_fd(link->nbd), F_DUPFD_CLOEXEC, 0);
	if (link->fd < 0)
		return -errno;
	set_option(link->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(link->fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_option(link->fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_option(link->fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES);
	set_option(link->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNANSWERED_MS);
	return 0;
}

int nbd_link_open(const struct nbd_options *options, uint64_t patience, const atomic_bool *stop,
		  struct nbd_link **result, struct reason *why)
{
	struct nbd_link *link = calloc(1, sizeof(*link));
	int err;

	if (!link)
		return -ENOMEM;
	link->fd = -1;
	link->nbd = nbd_create();
	err = link->nbd ? begin(link, options, why) : -ENOMEM;
	if (!err)
		err = negotiate(link, options, loop_now() + patience, stop, why);
	if (!err)
		err = ask(link, options, why);
	if (!err)
		err = keep_socket(link);
	if (err)
		nbd_link_close(link);
	else
		*result = link;
	return err;
}

/* With a word to the server where it is still there. */
void nbd_link_close(struct nbd_link *link)
{
	if (link->nbd && nbd_aio_is_ready(link->nbd) > 0)
		nbd_aio_disconnect(link->nbd, 0);
	nbd_close(link->nbd);
	if (link->fd >= 0)
		close(link->fd);
	free(link);
}
