/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-blk-nbd-real.c: the store in an export of nbdkit, and of QEMU's server with qcow2. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/nbd.h"

#define KEY "guest:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

static char folder[] = "/tmp/real-XXXXXX", socket_path[64], key_path[64], image[64];
static char uri[256];
static uint8_t before[MANY][BYTES];
static pid_t server;

static void setup(void)
{
	FILE *file;

	export_setup();
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	snprintf(key_path, sizeof(key_path), "%s/key", folder);
	snprintf(image, sizeof(image), "%s/image", folder);
	file = fopen(key_path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(KEY, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	export_options.uri = uri;
}

static void teardown(void)
{
	export_teardown();
	unlink(socket_path);
	unlink(key_path);
	unlink(image);
	rmdir(folder);
}

/* It ends with the test, however that ends. */
static pid_t start(char *const argv[])
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(argv[0], argv);
	_exit(1);
}

static int run(char *const argv[])
{
	int status = -1;

	waitpid(start(argv), &status, 0);
	return status;
}

static void end_server(int signal)
{
	kill(server, signal);
	waitpid(server, NULL, 0);
}

static void open_uri(void)
{
	struct reason why = { 0 };

	ck_assert_msg(wait_for(!export_open(true, &why)), "%s", why.text);
}

static void begin_all(struct operation *operations, enum blk_op op)
{
	unsigned i;

	for (i = 0; i < MANY; i++) {
		const struct blk_io io = {
			.op = op, .stable = true, .offset = i * BYTES, .length = BYTES
		};

		export_begin_io(&operations[i], i % LOOPS, io, export_buffers[i]);
	}
}

static void finish_all(struct operation *operations)
{
	unsigned i;

	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(export_finish(&operations[i]), 0);
}

static void begin_writes(struct operation *operations)
{
	export_fill();
	memcpy(before, export_buffers, sizeof(before));
	begin_all(operations, BLK_WRITE);
}

static void finish_and_read(struct operation *operations)
{
	finish_all(operations);
	memset(export_buffers, 0, sizeof(export_buffers));
	begin_all(operations, BLK_READ);
	finish_all(operations);
	ck_assert_mem_eq(export_buffers, before, sizeof(before));
}

/* In the open, and encrypted. */
START_TEST(nbdkit_serves)
{
	static char tls[32], key[96];
	char *const nbdkit[] = { "nbdkit", "--foreground", "--unix", socket_path, tls,
				 key,      "memory",       "1M",     NULL };
	struct operation operations[MANY];
	unsigned turn;

	snprintf(tls, sizeof(tls), "--tls=%s", _i ? "require" : "off");
	snprintf(key, sizeof(key), "--tls-psk=%s", key_path);
	if (_i)
		snprintf(uri, sizeof(uri), "nbds+unix://guest@/?socket=%s&tls-psk-file=%s",
			 socket_path, key_path);
	else
		snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", socket_path);
	server = start(nbdkit);
	open_uri();
	for (turn = 0; turn < 20; turn++) {
		begin_writes(operations);
		finish_and_read(operations);
	}
	ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
	ck_assert_int_eq(export_perform(BLK_DISCARD, 1), 0);
	ck_assert_int_eq(export_perform(BLK_WRITE_ZEROES, 1), 0);
	end_server(SIGKILL);
}
END_TEST

/* Asked to and killed by turns, wherever it is. */
START_TEST(stable_writes_survive_the_ends_of_qemu_nbd)
{
	char *const create[] = { "qemu-img", "create", "-q", "-f", "qcow2", image, "1M", NULL };
	char *const qemu_nbd[] = { "qemu-nbd", "-t", "-e",        "8",   "-f",
				   "qcow2",    "-k", socket_path, image, NULL };
	char *const check[] = { "qemu-img", "check", "-q", image, NULL };
	struct operation operations[MANY];
	unsigned turn;

	snprintf(uri, sizeof(uri), "unix:%s", socket_path);
	ck_assert_int_eq(run(create), 0);
	server = start(qemu_nbd);
	open_uri();
	for (turn = 0; turn < 10; turn++) {
		begin_writes(operations);
		unit_nap_us(unit_random(20000));
		end_server(turn % 2 ? SIGKILL : SIGTERM);
		server = start(qemu_nbd);
		finish_and_read(operations);
		ck_assert_int_eq(export_perform(BLK_FLUSH, 0), 0);
	}
	end_server(SIGTERM);
	ck_assert_int_eq(run(check), 0);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(nbdkit_serves, 2),
		ONCE(stable_writes_survive_the_ends_of_qemu_nbd),
	};

	return unit_main("blk-nbd-real", setup, teardown, tests, ARRAY_SIZE(tests));
}
