/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pass-fds.c: see pass-fds.h. */
#include "base/pass-fds.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define CONTROL_BYTES CMSG_SPACE(PASS_FDS_MAX * sizeof(int))

int pass_fds(int socket, const void *data, size_t length, const int *fds, unsigned count)
{
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES] = { 0 };
	struct iovec piece = { (void *)(uintptr_t)data, length };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	struct cmsghdr *header = (void *)control;

	if (count > PASS_FDS_MAX)
		return -E2BIG;
	if (count) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void take_fds(struct msghdr *message, int *fds, unsigned *count)
{
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		size_t bytes = header->cmsg_len - CMSG_LEN(0);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + *count, CMSG_DATA(header), bytes);
		*count += (unsigned)(bytes / sizeof(int));
	}
}

ssize_t pass_fds_take(int socket, void *data, size_t length, int fds[PASS_FDS_MAX], unsigned *count)
{
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
	struct iovec piece = { data, length };
	struct msghdr message = { .msg_iov = &piece,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen =
					  CMSG_LEN((PASS_FDS_MAX - *count) * sizeof(int)) };
	ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (got < 0)
		return -errno;
	take_fds(&message, fds, count);
	return got;
}
