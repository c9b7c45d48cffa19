/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link.c: see link.h. */
#include "devices/net/link.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"

struct link {
	struct loop_watch watch;
	char name[IF_NAMESIZE];
	int index; /* 0: it is not there */
	void (*changed)(void *arg, int index, bool up);
	void *arg;
};

static bool is_named(const struct link *link, struct nlmsghdr *message)
{
	struct ifinfomsg *info = NLMSG_DATA(message);
	struct rtattr *attribute = IFLA_RTA(info);
	int left = (int)IFLA_PAYLOAD(message);

	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if (attribute->rta_type == IFLA_IFNAME)
			return !strncmp(RTA_DATA(attribute), link->name, sizeof(link->name));
	return false;
}

static void take(struct link *link, struct nlmsghdr *message)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	const unsigned flags = IFF_UP | IFF_RUNNING;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return;
	if (message->nlmsg_type == RTM_DELLINK && info->ifi_index == link->index)
		link->index = 0;
	else if (message->nlmsg_type == RTM_NEWLINK && is_named(link, message))
		link->index = info->ifi_index;
	else
		return;
	link->changed(link->arg, link->index, link->index && (info->ifi_flags & flags) == flags);
}

static void readable(struct loop_watch *watch)
{
	struct link *link = container_of(watch, struct link, watch);
	_Alignas(struct nlmsghdr) char buffer[16384];
	struct nlmsghdr *message = (void *)buffer;
	ssize_t length = recv(watch->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	for (; length > 0 && NLMSG_OK(message, (size_t)length);
	     message = NLMSG_NEXT(message, length))
		take(link, message);
}

/* The answer comes as any other message. */
static int ask(const struct link *link)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = { .header = { .nlmsg_len = sizeof(request),
				  .nlmsg_type = RTM_GETLINK,
				  .nlmsg_flags = NLM_F_REQUEST },
		      .info = { .ifi_index = link->index } };

	return send(link->watch.fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

static int open_socket(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || !bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

struct link *link_watch(struct loop *loop, const char *name,
			void (*changed)(void *arg, int index, bool up), void *arg)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	strncpy(link->name, name, sizeof(link->name) - 1);
	link->index = (int)if_nametoindex(name);
	link->changed = changed;
	link->arg = arg;
	link->watch.fd = open_socket();
	link->watch.ready = readable;
	if (link->watch.fd < 0 || ask(link)) {
		link_free(link);
		return NULL;
	}
	loop_watch(loop, &link->watch);
	return link;
}

bool link_unwatch(struct link *link)
{
	return loop_unwatch(&link->watch);
}

void link_free(struct link *link)
{
	if (link && link->watch.fd >= 0)
		close(link->watch.fd);
	free(link);
}
