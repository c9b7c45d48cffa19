/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-model-backends.c: the whole daemon gives the model guest a network device: behind
 * a unix stream socket, whose peer is the test, and on a tap with a script that is run
 * when it comes and before it goes.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "model.h"
#include "unit/unit.h"

#define HEADER  ((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define LARGEST (HEADER + 14 + 65535)
#define TAP     "vif7.0-emu"

static const struct gnet_config config = { .bdf = MODEL_BDF, .dma = GDMA_GRANTS, .irq = GIRQ_MSIX };
static int listener = -1, peer = -1;
static struct gnet *net;
static struct fake_child *child;

static void teardown(void)
{
	if (net) {
		gnet_remove(net);
		gnet_free(net);
	}
	net = NULL;
	close(peer);
	close(listener);
	peer = listener = -1;
	model_teardown();
}

static const char *in_folder(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%s", getenv("RUNTIME_DIRECTORY"), name);
	return path;
}

static struct fake_child *spawn(const char *workers, const char *device, bool wait)
{
	const char *const args[] = { "--domain", FAKE_DOMAIN, "--workers", workers,
				     "--net",    device,      NULL };

	guest_boot(FAKE_PVH, MODEL_VCPUS, MODEL_RAM);
	return fake_spawn_args(xenvirtiod_main, args, wait);
}

/* ---- behind a socket --------------------------------------------------------------------- */

static void listen_there(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_folder("socket"));
	unlink(address.sun_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
}

static void accept_peer(void)
{
	struct timeval patience = { .tv_sec = 5 };

	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static bool link_is(bool up)
{
	return (gvirtio_config(&net->v, 6, 2) & VIRTIO_NET_S_LINK_UP) == up;
}

static void start_alone(const char *workers)
{
	char text[160];

	snprintf(text, sizeof(text), "bdf=00:06.0,passt=%s", in_folder("socket"));
	child = spawn(workers, text, true);
	net = gnet_start(&config);
}

static void start(const char *workers)
{
	listen_there();
	start_alone(workers);
	accept_peer();
	ck_assert(wait_for(link_is(true)));
}

static uint8_t frame[GNET_FRAME], seen[GNET_FRAME];

static void send_made(uint32_t length, unsigned seed)
{
	gnet_make_frame(net, frame, length, seed);
	ck_assert(gnet_send(net, 0, frame, length, 1));
	gnet_kick(net, 0);
}

/* Of the made length, as all lengths here with the header. */
static bool peer_gets(uint32_t length, unsigned seed)
{
	uint32_t prefix;

	gnet_make_frame(net, frame, length, seed);
	return recv(peer, &prefix, sizeof(prefix), MSG_WAITALL) == sizeof(prefix) &&
	       ntohl(prefix) == length - HEADER &&
	       recv(peer, seen, length - HEADER, MSG_WAITALL) == length - HEADER &&
	       !memcmp(seen, frame + HEADER, length - HEADER);
}

static void peer_sends(uint32_t length, unsigned seed)
{
	uint32_t prefix = htonl(length - HEADER);

	gnet_make_frame(net, frame, length, seed);
	ck_assert_int_eq(send(peer, &prefix, sizeof(prefix), MSG_NOSIGNAL), sizeof(prefix));
	ck_assert_int_eq(send(peer, frame + HEADER, length - HEADER, MSG_NOSIGNAL),
			 length - HEADER);
}

static bool guest_gets(uint32_t length, unsigned seed)
{
	gnet_make_frame(net, frame, length, seed);
	return gnet_receive(net, 0, seen, 5000) == length &&
	       !memcmp(seen + HEADER, frame + HEADER, length - HEADER);
}

static const char *const workers[] = { "0", "1", "4" };

START_TEST(frames_of_all_sizes_pass_both_ways)
{
	static const uint32_t lengths[] = { 14, 60, 1514, 9014, 65534, 65549 };
	unsigned i, turn;

	start(workers[_i]);
	for (turn = 0; turn < 5; turn++)
		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			send_made(HEADER + lengths[i], i);
			ck_assert(peer_gets(HEADER + lengths[i], i));
			ck_assert(gnet_sent(net, 0, 5000));
			peer_sends(HEADER + lengths[i], i);
			ck_assert(guest_gets(HEADER + lengths[i], i));
		}
}
END_TEST

START_TEST(many_frames_pass_in_their_order)
{
	unsigned i;

	start(workers[_i]);
	for (i = 0; i < 100; i++)
		send_made(HEADER + 60 + i, i);
	for (i = 0; i < 100; i++)
		ck_assert(peer_gets(HEADER + 60 + i, i));
	for (i = 0; i < 100; i++)
		peer_sends(HEADER + 60 + i, i);
	for (i = 0; i < 100; i++)
		ck_assert(guest_gets(HEADER + 60 + i, i));
}
END_TEST

START_TEST(no_offload_is_offered_and_the_mtu_is_passt_s)
{
	const uint64_t offloads = 1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM |
				  1ull << VIRTIO_NET_F_HOST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO4;

	start("1");
	ck_assert_uint_eq(net->v.features & offloads, 0);
	ck_assert_uint_eq(gvirtio_config(&net->v, 10, 2), 65520);
}
END_TEST

START_TEST(as_long_as_nobody_listens_the_link_is_down)
{
	start_alone("1");
	ck_assert(link_is(false));
	usleep(300000);
	ck_assert(link_is(false));
	listen_there();
	accept_peer();
	ck_assert(wait_for(link_is(true)));
}
END_TEST

START_TEST(the_guest_sees_its_link_go_down_and_come_up)
{
	start(workers[_i]);
	close(peer);
	ck_assert(wait_for(link_is(false)));
	accept_peer();
	ck_assert(wait_for(link_is(true)));
	send_made(HEADER + 60, 1);
	ck_assert(peer_gets(HEADER + 60, 1));
	peer_sends(HEADER + 61, 2);
	ck_assert(guest_gets(HEADER + 61, 2));
}
END_TEST

static void fill_socket(void)
{
	unsigned i;

	for (i = 0; i < 20; i++)
		send_made(LARGEST, i);
	usleep(100000);
	ck_assert(gring_inflight(net->v.ring[1]));
}

/* What had been taken from the guest arrives all the same. */
START_TEST(a_peer_that_takes_nothing_does_not_hold_up_a_reset)
{
	unsigned i;

	start(workers[_i]);
	fill_socket();
	gnet_remove(net);
	ck_assert_uint_eq(net->v.dma.grants, 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	gnet_restart(net);
	send_made(HEADER + 60, 77);
	for (i = 0; i < 20; i++)
		ck_assert(peer_gets(LARGEST, i));
	ck_assert(peer_gets(HEADER + 60, 77));
	ck_assert(gnet_sent(net, 0, 5000));
}
END_TEST

START_TEST(nor_the_end)
{
	start(workers[_i]);
	fill_socket();
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert_uint_eq(fake_grants_mapped(), 0);
	gnet_free(net);
	net = NULL;
}
END_TEST

/* ---- a tap with a script ------------------------------------------------------------------- */

/* The script's name, after @text was written into it; it runs in the test's folder. */
static const char *write_script(const char *text)
{
	static char path[100];
	FILE *file;

	snprintf(path, sizeof(path), "%s", in_folder("script"));
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "#!/bin/sh\ncd %s\n%s\n", getenv("RUNTIME_DIRECTORY"), text);
	fclose(file);
	ck_assert_int_eq(chmod(path, 0755), 0);
	return path;
}

static struct fake_child *spawn_on_tap(const char *script, const char *tap, const char *more,
				       bool wait)
{
	int flags = CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0);
	char text[250];

	ck_assert_msg(!unshare(flags), "no network namespace: %s", strerror(errno));
	snprintf(text, sizeof(text), "bdf=00:06.0,tap=%s,mac=00:16:3e:01:02:03,script=%s%s", tap,
		 script, more);
	return spawn("1", text, wait);
}

static bool file_has(const char *name, const char *line)
{
	FILE *file = fopen(in_folder(name), "r");
	char text[200];
	bool found = false;

	while (file && !found && fgets(text, sizeof(text), file)) {
		text[strcspn(text, "\n")] = '\0';
		found = !strcmp(text, line);
	}
	if (file)
		fclose(file);
	return found;
}

/* As libxl calls it, and with what is in xenstore otherwise. */
START_TEST(a_script_is_run_when_the_tap_comes_and_before_it_goes)
{
	static const char *const lines[] = {
		"INTERFACE=vif7.0-emu",     "vif=vif7.0",      "XENBUS_PATH=backend/vif/7/0",
		"XENBUS_BASE_PATH=backend", "XENBUS_TYPE=vif", "bridge=xenbr3",
		"mac=00:16:3e:01:02:03"
	};
	const char *script = write_script("env > $1\necho \"$*\" > $1-arguments\n"
					  "ip link show dev $INTERFACE > $1-link || exit 1");
	unsigned i;

	child = spawn_on_tap(script, TAP, ",bridge=xenbr3", true);
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		ck_assert_msg(file_has("add", lines[i]), "no %s", lines[i]);
	ck_assert(file_has("add-arguments", "add type_if=tap"));
	ck_assert(access(in_folder("remove"), F_OK));
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert(file_has("remove-arguments", "remove type_if=tap"));
	ck_assert_ptr_null(strstr(fake_log(child), "ended with status"));
}
END_TEST

/* As vif-bridge does, to that of the bridge. */
START_TEST(a_script_may_set_the_mtu)
{
	const char *script = write_script("[ $1 != add ] || ip link set $INTERFACE mtu 1400");

	child = spawn_on_tap(script, TAP, "", true);
	net = gnet_start(&config);
	ck_assert_uint_eq(gvirtio_config(&net->v, 10, 2), 1400);
}
END_TEST

START_TEST(a_tap_of_any_name_has_a_path_without_nodes)
{
	child = spawn_on_tap(write_script("env > $1"), "guest0", "", true);
	ck_assert(file_has("add", "XENBUS_PATH=backend/vif/guest0"));
	ck_assert(file_has("add", "vif=guest0"));
	ck_assert_int_eq(fake_terminate(child), 0);
}
END_TEST

START_TEST(without_its_script_there_is_no_device)
{
	static const char *const scripts[] = { "echo no bridge here; exit 2", "sleep 100" };
	static const char *const reasons[] = { "ended with status 2: no bridge here",
					       "was killed: it took longer than 1 s" };

	child = spawn_on_tap(write_script(scripts[_i]), TAP, ",script-limit=1", false);
	ck_assert_int_eq(fake_wait_exit(child, 10000), 1);
	ck_assert_ptr_nonnull(strstr(fake_log(child), reasons[_i]));
}
END_TEST

START_TEST(a_script_that_fails_at_the_end_is_a_line_in_the_log)
{
	child = spawn_on_tap(write_script("[ $1 = add ] || { echo too late; exit 1; }"), TAP, "",
			     true);
	ck_assert_int_eq(fake_terminate(child), 0);
	ck_assert_ptr_nonnull(strstr(fake_log(child), "ended with status 1: too late"));
}
END_TEST

int main(void)
{
	const unsigned n = ARRAY_SIZE(workers);
	const struct unit_test tests[] = {
		TIMES(frames_of_all_sizes_pass_both_ways, n),
		TIMES(many_frames_pass_in_their_order, n),
		ONCE(no_offload_is_offered_and_the_mtu_is_passt_s),
		ONCE(as_long_as_nobody_listens_the_link_is_down),
		TIMES(the_guest_sees_its_link_go_down_and_come_up, n),
		TIMES(a_peer_that_takes_nothing_does_not_hold_up_a_reset, n),
		TIMES(nor_the_end, n),
		ONCE(a_script_is_run_when_the_tap_comes_and_before_it_goes),
		ONCE(a_script_may_set_the_mtu),
		ONCE(a_tap_of_any_name_has_a_path_without_nodes),
		TIMES(without_its_script_there_is_no_device, 2),
		ONCE(a_script_that_fails_at_the_end_is_a_line_in_the_log),
	};

	return unit_main("model-backends", model_setup, teardown, tests, ARRAY_SIZE(tests));
}
