/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer.c: what servers that are other programs have in common. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/blk.h"
#include "unit/unit.h"

int peer_memory(uint8_t **memory)
{
	int fd = memfd_create("guest", 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, PEER_MEMORY), 0);
	*memory = mmap(NULL, PEER_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(*memory, MAP_FAILED);
	return fd;
}

pid_t peer_start(const char *const *argv)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[0], (char *const *)argv);
		perror(argv[0]);
		_exit(127);
	}
	return pid;
}

/* Nothing of it is to be kept. */
void peer_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int peer_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	ck_assert_msg(wait_for(!connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
			       errno == EISCONN),
		      "%s: nobody listens", path);
	return fd;
}

/* As the daemon's: a null store fills what is read with zeros, a file goes through the
 * page cache and io_uring. */
void peer_store(char *text, size_t size, const char *image)
{
	if (image)
		snprintf(text, size, "file,node-name=d0,filename=%s,aio=io_uring", image);
	else
		snprintf(text, size, "null-co,node-name=d0,size=%u,read-zeroes=on", BLK_DISK);
}
