/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-plug-backends.c: disks and network devices that are attached to a running guest and
 * detached from it, with what each of them may serve; afterwards nothing of it is in use.
 */
#include <check.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"
#include "model.h"
#include "nbd-server.h"
#include "tap.h"
#include "unit/unit.h"

#define BDF    "00:07.0"
#define HEADER ((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define ROUNDS 5

static struct fake_child *child;
static struct gblk *blk;
static struct gnet *net;
static int listener = -1;
static uint8_t frame[GNET_FRAME];

/* On main, one for all queues, more than there are queues. */
static char *const workers[] = { "0", "1", "8" };

static void setup(void)
{
	int flags = CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0);

	ck_assert_msg(!unshare(flags), "no network namespace: %s", strerror(errno));
	model_setup();
}

static void teardown(void)
{
	if (net)
		gnet_free(net);
	net = NULL;
	blk = NULL;
	if (listener >= 0)
		close(listener);
	listener = -1;
	model_teardown();
}

static void start(const char *threads)
{
	child = model_start_with(FAKE_PVH, threads, model_disk(NULL), NULL);
	blk = model_driver(&model_grants);
}

static void end(void)
{
	ck_assert(gblk_load(blk, 20, 4));
	ck_assert_int_eq(fake_terminate(child), 0);
}

static void attach(char *type, char *options)
{
	ck_assert_msg(!ctl("attach", type, options), "%s", ctl_errors());
}

static void detach(void)
{
	ck_assert_msg(!ctl("detach", BDF), "%s", ctl_errors());
}

/* ---- a tap ------------------------------------------------------------------------------- */

static const struct gnet_config one_pair = { .bdf = MODEL_BDF2,
					     .dma = GDMA_GRANTS,
					     .irq = GIRQ_MSIX };
static const struct gnet_config two_pairs = {
	.bdf = MODEL_BDF2, .dma = GDMA_GRANTS, .irq = GIRQ_MSIX, .pairs = 2, .control = true
};

static void send_some(unsigned pair)
{
	unsigned i;

	for (i = 0; i < 8; i++) {
		gnet_make_frame(net, frame, HEADER + 60, i);
		ck_assert(gnet_send(net, pair, frame, HEADER + 60, 1));
	}
	gnet_kick(net, pair);
}

static void end_driver(void)
{
	gnet_remove(net);
	gnet_free(net);
	net = NULL;
}

START_TEST(a_tap_is_gone_with_its_device)
{
	int round;

	start(workers[_i]);
	for (round = 0; round < ROUNDS; round++) {
		attach("net", "bdf=" BDF ",tap=" TAP);
		ck_assert(if_nametoindex(TAP));
		net = gnet_start(&one_pair);
		ck_assert(!system("ip link set " TAP " up")); /* NOLINT(cert-env33-c) */
		send_some(0);
		end_driver();
		detach();
		ck_assert(!if_nametoindex(TAP));
	}
	end();
}
END_TEST

START_TEST(so_is_one_of_two_queues)
{
	int round;

	start(workers[_i]);
	for (round = 0; round < ROUNDS; round++) {
		attach("net", "bdf=" BDF ",tap=" TAP ",queues=2");
		net = gnet_start(&two_pairs);
		send_some(0);
		send_some(1);
		end_driver();
		detach();
		ck_assert(!if_nametoindex(TAP));
	}
	end();
}
END_TEST

static bool link_is_up(void)
{
	return gvirtio_config(&net->v, 6, 2) & VIRTIO_NET_S_LINK_UP;
}

static bool tap_is_gone(void)
{
	return !if_nametoindex(TAP);
}

START_TEST(by_force_its_link_goes_down_and_it_goes_with_the_driver)
{
	start(workers[_i]);
	attach("net", "bdf=" BDF ",tap=" TAP);
	net = gnet_start(&one_pair);
	ck_assert(!system("ip link set " TAP " up")); /* NOLINT(cert-env33-c) */
	ck_assert(wait_for(link_is_up()));
	ck_assert_int_eq(ctl("detach", "--force", BDF), 0);
	ck_assert(wait_for(!link_is_up()));
	send_some(0);
	ck_assert(gnet_sent(net, 0, 5000));
	ck_assert_int_eq(ctl("link", BDF, "up"), 1);
	ck_assert_ptr_nonnull(strstr(ctl_errors(), "is forsaken"));
	end_driver();
	ck_assert(wait_for(tap_is_gone()));
	end();
}
END_TEST

/* ---- a socket ---------------------------------------------------------------------------- */

static char *listen_there(void)
{
	static char options[160];
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket",
		 getenv("RUNTIME_DIRECTORY"));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	snprintf(options, sizeof(options), "bdf=" BDF ",passt=%s", address.sun_path);
	return options;
}

static bool hangs_up(int peer)
{
	struct timeval patience = { .tv_sec = 5 };
	ssize_t got;

	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while ((got = recv(peer, frame, sizeof(frame), 0)) > 0)
		;
	close(peer);
	return !got;
}

START_TEST(the_peer_of_a_socket_sees_its_end)
{
	char *options = listen_there();
	int round;

	start(workers[_i]);
	for (round = 0; round < ROUNDS; round++) {
		int peer;

		attach("net", options);
		peer = accept(listener, NULL, NULL);
		net = gnet_start(&one_pair);
		ck_assert(wait_for(link_is_up()));
		send_some(0);
		end_driver();
		detach();
		ck_assert(hangs_up(peer));
	}
	end();
}
END_TEST

/* Once it was opened by who attached it; nobody opens it again. */
START_TEST(a_socket_that_is_lost_stays_so)
{
	char *options = listen_there();

	start("1");
	attach("net", options);
	close(accept(listener, NULL, NULL));
	net = gnet_start(&one_pair);
	ck_assert(wait_for(!link_is_up()));
	end_driver();
	detach();
	end();
}
END_TEST

/* ---- a server ---------------------------------------------------------------------------- */

static const struct gblk_config second = {
	.bdf = MODEL_BDF2, .dma = GDMA_GRANTS, .irq = GIRQ_MSIX, .queues = MODEL_VCPUS
};

/* Not before the daemon, which is forked off: the server is a thread. */
static char *serve_now(void)
{
	static char options[200];

	server_start();
	snprintf(options, sizeof(options), "bdf=" BDF ",nbd=%s", server_uri);
	return options;
}

static char *serve(void)
{
	server_init();
	return serve_now();
}

START_TEST(a_server_loses_its_clients)
{
	struct gblk *disk;
	char *options;
	int round;

	start(workers[_i]);
	options = serve();
	for (round = 0; round < ROUNDS; round++) {
		attach("blk", options);
		disk = gblk_start(&second);
		ck_assert(gblk_load(disk, 50, 16));
		gblk_remove(disk);
		gblk_free(disk);
		detach();
		ck_assert(server_is_alone());
	}
	end();
	server_stop(false);
	server_remove();
}
END_TEST

/* Requests that wait for it to come back do not hold on to it. */
START_TEST(by_force_a_lost_server_is_given_up)
{
	struct gblk_req *request;
	struct gblk *disk;

	start(workers[_i]);
	attach("blk", serve());
	disk = gblk_start(&second);
	ck_assert(gblk_load(disk, 50, 16));
	server_stop(false);
	request = gblk_submit(disk, VIRTIO_BLK_T_IN, 0, 4096);
	gblk_kick(disk);
	ck_assert_int_eq(ctl("detach", "--force", BDF), 0);
	ck_assert(gblk_wait(disk, request, 5000));
	ck_assert_uint_eq(request->status, VIRTIO_BLK_S_IOERR);
	gblk_put(disk, request);
	gblk_remove(disk);
	gblk_free(disk);
	end();
	server_remove();
}
END_TEST

START_TEST(a_silent_server_is_not_attached)
{
	start("1");
	server_init();
	nbd_server.mute = true;
	ck_assert_int_eq(ctl("attach", "blk", serve_now()), 1);
	ck_assert_uint_eq(count_lines(ctl_errors()), 1);
	attach("blk", "bdf=" BDF ",null=1M");
	end();
	server_stop(false);
	server_remove();
}
END_TEST

/* ---- after a death ------------------------------------------------------------------------- */

static void die(void)
{
	fake_kill9(child);
	child = model_again(model_disk(NULL));
	ck_assert(wait_for(link_is_up()));
	send_some(0);
	ck_assert(gnet_sent(net, 0, 5000));
}

START_TEST(the_next_process_has_the_tap)
{
	int round;

	start("1");
	tap_run("ip tuntap add dev " TAP " mode tap vnet_hdr");
	tap_run("ip link set " TAP " up");
	attach("net", "bdf=" BDF ",tap=" TAP);
	net = gnet_start(&one_pair);
	for (round = 0; round < ROUNDS; round++)
		die();
	end_driver();
	detach();
	end();
}
END_TEST

START_TEST(the_next_process_has_a_connection_of_its_own)
{
	char *options = listen_there();
	int peer;

	start("1");
	attach("net", options);
	peer = accept(listener, NULL, NULL);
	net = gnet_start(&one_pair);
	die();
	ck_assert(hangs_up(peer));
	peer = accept(listener, NULL, NULL);
	end_driver();
	detach();
	ck_assert(hangs_up(peer));
	end();
}
END_TEST

START_TEST(the_next_process_is_a_client_of_the_server)
{
	struct gblk *disk;

	start("1");
	attach("blk", serve());
	disk = gblk_start(&second);
	ck_assert(gblk_load(disk, 50, 16));
	fake_kill9(child);
	child = model_again(model_disk(NULL));
	ck_assert(gblk_load(disk, 50, 16));
	gblk_remove(disk);
	gblk_free(disk);
	detach();
	ck_assert(server_is_alone());
	end();
	server_stop(false);
	server_remove();
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(a_tap_is_gone_with_its_device, ARRAY_SIZE(workers)),
		TIMES(so_is_one_of_two_queues, ARRAY_SIZE(workers)),
		TIMES(by_force_its_link_goes_down_and_it_goes_with_the_driver, ARRAY_SIZE(workers)),
		TIMES(the_peer_of_a_socket_sees_its_end, ARRAY_SIZE(workers)),
		ONCE(a_socket_that_is_lost_stays_so),
		TIMES(a_server_loses_its_clients, ARRAY_SIZE(workers)),
		TIMES(by_force_a_lost_server_is_given_up, ARRAY_SIZE(workers)),
		ONCE(a_silent_server_is_not_attached),
		ONCE(the_next_process_has_the_tap),
		ONCE(the_next_process_has_a_connection_of_its_own),
		ONCE(the_next_process_is_a_client_of_the_server),
	};

	return unit_main("plug-backends", setup, teardown, tests, ARRAY_SIZE(tests));
}
