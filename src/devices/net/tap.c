/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.c: a tap interface, a macvtap's or an ipvtap's device, or any other descriptor that
 * keeps packets apart.
 *
 * io_uring does the writes of one submission at once and in their order, since the
 * descriptors are non-blocking. A read that finds nothing it would leave waiting, so
 * reads are plain ones. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "devices/net/backend.h"
#include "devices/net/link.h"
#include "devices/net/uso.h"

#define HOST_OFFLOADS                                                   \
	(BIT_ULL(VIRTIO_NET_F_CSUM) | BIT_ULL(VIRTIO_NET_F_HOST_TSO4) | \
	 BIT_ULL(VIRTIO_NET_F_HOST_TSO6) | BIT_ULL(VIRTIO_NET_F_HOST_ECN))
#define GUEST_OFFLOADS                                                         \
	(BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) | \
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) | BIT_ULL(VIRTIO_NET_F_GUEST_ECN))
#define GUEST_USO (BIT_ULL(VIRTIO_NET_F_GUEST_USO4) | BIT_ULL(VIRTIO_NET_F_GUEST_USO6))

struct tap {
	struct net_backend backend;
	int fds[NET_PAIRS_MAX];
	unsigned npairs; /* that are attached */
	char *name;      /* NULL: only a descriptor */
	bool device;     /* it has a device of its own */
	uint64_t offloads;
	struct link *link;
	int index; /* of the interface that we have */
	int there; /* of the one that has its name; 0: none */
	bool there_up;
	struct loop *loop;       /* main's */
	struct loop_timer again; /* the opener has not answered yet */
};

static struct tap *tap_of(struct net_backend *backend)
{
	return container_of(backend, struct tap, backend);
}

static int fd_of(const struct net_port *port)
{
	return tap_of(port->backend)->fds[port->index];
}

/* --- frames ------------------------------------------------------------------ */

static void sent(struct loop_op *op, int result)
{
	struct net_frame *frame = container_of(op, struct net_frame, op);

	frame->done(frame, result < 0 ? result : 0);
}

static void send_frame(struct net_port *port, struct net_frame *frame)
{
	struct io_uring_sqe *sqe = loop_sqe(port->loop);

	if (frame->npieces)
		io_uring_prep_writev(sqe, fd_of(port), frame->pieces, frame->npieces, 0);
	else
		io_uring_prep_write(sqe, fd_of(port), frame->data, frame->length, 0);
	frame->op.done = sent;
	loop_sqe_for(sqe, &frame->op);
}

/* readv() for one piece would cost more. */
static int read_frame(struct net_port *port, const struct iovec *pieces, unsigned npieces)
{
	ssize_t got = npieces == 1 ? read(fd_of(port), pieces->iov_base, pieces->iov_len)
				   : readv(fd_of(port), pieces, (int)npieces);

	return got < 0 ? -errno : (int)got;
}

static void polled(struct loop_op *op, int result)
{
	struct net_port *port = container_of(op, struct net_port, op);

	(void)result;
	port->watched = false;
	port->readable(port);
}

static void watch(struct net_port *port)
{
	struct io_uring_sqe *sqe;

	if (port->watched)
		return;
	sqe = loop_sqe(port->loop);
	io_uring_prep_poll_add(sqe, fd_of(port), POLLIN);
	port->op.done = polled;
	port->watched = true;
	loop_sqe_for(sqe, &port->op);
}

static bool quiet(struct net_port *port)
{
	if (port->watched)
		loop_cancel(port->loop, &port->op);
	return !port->watched;
}

/* --- the interface ----------------------------------------------------------- */

static unsigned tun_offloads(uint64_t features)
{
	unsigned flags = 0;

	if (!(features & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)))
		return 0;
	flags |= TUN_F_CSUM;
	if (features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO4))
		flags |= TUN_F_TSO4;
	if (features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO6))
		flags |= TUN_F_TSO6;
	if (flags != TUN_F_CSUM && (features & BIT_ULL(VIRTIO_NET_F_GUEST_ECN)))
		flags |= TUN_F_TSO_ECN;
	if ((features & GUEST_USO) == GUEST_USO) /* the kernel has both or none */
		flags |= TUN_F_USO4 | TUN_F_USO6;
	return flags;
}

/* Only a kernel that knows how to hand such segments over takes them, too. */
static uint64_t uso_features(int fd)
{
	unsigned flags = TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6;

	if (ioctl(fd, TUNSETOFFLOAD, flags))
		return 0;
	ioctl(fd, TUNSETOFFLOAD, 0);
	return BIT_ULL(VIRTIO_NET_F_HOST_USO) | GUEST_USO;
}

static int set_offloads(struct net_backend *backend, uint64_t features)
{
	struct tap *tap = tap_of(backend);

	tap->offloads = features;
	if (!tap->name || !ioctl(tap->fds[0], TUNSETOFFLOAD, tun_offloads(features)))
		return 0;
	log_warning("cannot set the tap's offloads: %m");
	return -errno;
}

static int attach_queue(int fd, bool attached)
{
	struct ifreq request = { .ifr_flags = attached ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

	return ioctl(fd, TUNSETQUEUE, &request) ? -errno : 0;
}

/* The kernel spreads flows over all attached queues, whoever reads them. */
static int set_pairs(struct net_backend *backend, unsigned pairs)
{
	struct tap *tap = tap_of(backend);
	int err = 0;

	if (!tap->name || backend->npairs == 1)
		return 0;
	while (!err && tap->npairs < pairs) {
		err = attach_queue(tap->fds[tap->npairs], true);
		tap->npairs += !err;
	}
	while (!err && tap->npairs > pairs) {
		err = attach_queue(tap->fds[tap->npairs - 1], false);
		tap->npairs -= !err;
	}
	if (err)
		log_warning("cannot use %u queues of the tap: %s", pairs, strerror(-err));
	return err;
}

static void close_all(struct net_backend *backend)
{
	struct tap *tap = tap_of(backend);
	unsigned i;

	if (tap->loop)
		loop_timer_cancel(tap->loop, &tap->again);
	link_free(tap->link);
	for (i = 0; i < backend->npairs; i++)
		close(tap->fds[i]);
	free(tap->name);
	free(tap);
}

static struct opener_thing queue_of(enum opener_kind kind, const char *name, unsigned number,
				    unsigned pairs)
{
	return (struct opener_thing){ .kind = kind,
				      .flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
					       (pairs > 1 ? IFF_MULTI_QUEUE : 0),
				      .number = number,
				      .name = name };
}

static int open_queue(enum opener_kind kind, const char *name, unsigned number, unsigned pairs);

/* All or none: those that come are kept until all are there. */
static int ask_for_queues(const struct tap *tap)
{
	unsigned i, n = tap->backend.npairs;
	int err = 0;

	for (i = 0; i < n; i++) {
		const struct opener_thing thing = queue_of(OPENER_TAP, tap->name, i, n);

		err |= opener_ask(&thing);
	}
	return err ? -EINPROGRESS : 0;
}

/* The interface was deleted and made again. Its queues take the place of the old
 * ones, so that whoever reads and writes need not know. */
static int open_anew(struct tap *tap)
{
	unsigned i, pairs = tap->npairs, n = tap->backend.npairs;
	int err = ask_for_queues(tap);

	for (i = 0; !err && i < n; i++) {
		int fd = open_queue(OPENER_TAP, tap->name, i, n);

		if (fd < 0)
			return fd;
		dup3(fd, tap->fds[i], O_CLOEXEC);
		close(fd);
	}
	if (err)
		return err;
	tap->npairs = n;
	set_offloads(&tap->backend, tap->offloads);
	return set_pairs(&tap->backend, pairs);
}

/* Another interface of this name: a tap is found by its name, a macvtap is not. */
static int take_other(struct tap *tap)
{
	return tap->device ? -ENODEV : open_anew(tap);
}

/* Who has just made it may still have it open: then the next news is another chance. */
static void take_link(struct tap *tap)
{
	int err = tap->there && tap->there != tap->index ? take_other(tap) : 0;

	if (err == -EINPROGRESS) {
		loop_timer(tap->loop, &tap->again, OPENER_NAP_NS);
		return;
	}
	if (err)
		log_info("tap %s, which is there again: %s", tap->name,
			 tap->device ? "it has another device now" : strerror(-err));
	else if (tap->there)
		tap->index = tap->there;
	tap->backend.up = tap->there_up && !err;
	if (tap->backend.changed)
		tap->backend.changed(&tap->backend);
}

static void take_again(struct loop_timer *timer)
{
	take_link(container_of(timer, struct tap, again));
}

static void link_changed(void *arg, int index, bool up)
{
	struct tap *tap = arg;

	tap->there = index;
	tap->there_up = up;
	take_link(tap);
}

static int watch_link(struct net_backend *backend, struct loop *loop)
{
	struct tap *tap = tap_of(backend);

	if (!tap->name)
		return 0;
	tap->loop = loop;
	tap->again.fire = take_again;
	tap->link = link_watch(loop, tap->name, link_changed, tap);
	return tap->link ? 0 : -errno;
}

static bool unwatch_link(struct net_backend *backend)
{
	struct tap *tap = tap_of(backend);

	if (!tap->link)
		return true;
	loop_timer_cancel(tap->loop, &tap->again);
	return link_unwatch(tap->link);
}

static const struct net_backend_ops ops = {
	.close = close_all,
	.send = send_frame,
	.read = read_frame,
	.watch = watch,
	.quiet = quiet,
	.set_offloads = set_offloads,
	.set_pairs = set_pairs,
	.watch_link = watch_link,
	.unwatch_link = unwatch_link,
};

static struct tap *new_tap(void)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	if (!tap)
		return NULL;
	net_backend_init(&tap->backend, &ops, HOST_OFFLOADS | GUEST_OFFLOADS);
	tap->backend.gathers = true;
	tap->backend.up = true;
	return tap;
}

static void take_descriptor(struct tap *tap, int fd)
{
	tap->fds[tap->backend.npairs++] = fd;
	tap->npairs = tap->backend.npairs;
}

/* What goes in front of each frame: our header, little endian. */
static int set_header(int fd)
{
	int bytes = NET_HEADER_BYTES, little = 1;

	if (ioctl(fd, TUNSETVNETHDRSZ, &bytes))
		return -errno;
	if (ioctl(fd, TUNSETVNETLE, &little) && errno != EINVAL && errno != ENOTTY)
		return -errno;
	return 0;
}

void tap_names(enum opener_kind kind, const char *name, unsigned pairs, opener_add *add, void *arg)
{
	unsigned i;

	for (i = 0; i < pairs; i++) {
		const struct opener_thing thing = queue_of(kind, name, i, pairs);

		add(arg, &thing);
	}
}

static int open_queue(enum opener_kind kind, const char *name, unsigned number, unsigned pairs)
{
	const struct opener_thing thing = queue_of(kind, name, number, pairs);
	int err, fd = opener_open(&thing);

	if (fd < 0)
		return fd;
	err = set_header(fd);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int open_queues(struct tap *tap, enum opener_kind kind, const char *name, unsigned pairs)
{
	while (tap->backend.npairs < pairs) {
		int fd = open_queue(kind, name, tap->backend.npairs, pairs);

		if (fd < 0)
			return fd;
		take_descriptor(tap, fd);
	}
	return 0;
}

uint16_t tap_mtu(const char *name)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint16_t mtu = 0;

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd >= 0 && !ioctl(fd, SIOCGIFMTU, &request))
		mtu = (uint16_t)request.ifr_mtu;
	if (fd >= 0)
		close(fd);
	return mtu;
}

static void take_interface(struct tap *tap, const char *name)
{
	tap->name = strdup(name);
	tap->backend.features |= uso_features(tap->fds[0]);
	tap->backend.mtu = tap_mtu(name);
	tap->index = (int)if_nametoindex(name);
}

static const char *why_not_opened(int err)
{
	switch (err) {
	case -EINVAL:
		return " (a tap made with other flags: one queue or several?)";
	case -EBUSY:
		return " (another process has it)";
	case -ENOENT:
		return " (the kernel's tun driver is not there)";
	default:
		return "";
	}
}

int tap_open(const char *name, unsigned pairs, struct net_backend **result, struct reason *why)
{
	struct tap *tap = new_tap();
	int err;

	if (!tap)
		return -ENOMEM;
	err = open_queues(tap, OPENER_TAP, name, pairs);
	if (err) {
		close_all(&tap->backend);
		return reason_set(why, err, "tap %s: %s%s", name, strerror(-err),
				  why_not_opened(err));
	}
	take_interface(tap, name);
	*result = &tap->backend;
	return 0;
}

static const char *why_no_device(int err)
{
	switch (err) {
	case -ENOENT:
		return " (/dev/tapN has the interface's index: ip link show)";
	case -ENOTTY:
		return " (no device of a macvtap or an ipvtap)";
	default:
		return "";
	}
}

/* It knows its interface, which gets frames for its own address only. */
static int identify(struct tap *tap)
{
	struct ifreq name = { 0 }, address = { 0 };

	if (ioctl(tap->fds[0], TUNGETIFF, &name) || ioctl(tap->fds[0], SIOCGIFHWADDR, &address))
		return -errno;
	take_interface(tap, name.ifr_name);
	memcpy(tap->backend.mac, address.ifr_hwaddr.sa_data, sizeof(tap->backend.mac));
	return 0;
}

int tap_device_open(const char *path, unsigned pairs, struct net_backend **result,
		    struct reason *why)
{
	struct tap *tap = new_tap();
	int err;

	if (!tap)
		return -ENOMEM;
	tap->device = true;
	err = open_queues(tap, OPENER_TAPDEV, path, pairs);
	if (!err)
		err = identify(tap);
	if (err) {
		close_all(&tap->backend);
		return reason_set(why, err, "tapdev %s: %s%s", path, strerror(-err),
				  why_no_device(err));
	}
	*result = &tap->backend;
	return 0;
}

int packets_open(int fd, struct net_backend **result, struct reason *why)
{
	struct tap *tap = new_tap();
	int flags = fcntl(fd, F_GETFL);

	if (!tap)
		return -ENOMEM;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK)) {
		int err = -errno;

		free(tap);
		return reason_set(why, err, "descriptor %d: %s", fd, strerror(-err));
	}
	take_descriptor(tap, fd);
	*result = &tap->backend;
	return 0;
}
