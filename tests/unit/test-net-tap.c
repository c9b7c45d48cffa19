/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-tap.c: the tap backend on real tap and macvtap interfaces, in a network
 * namespace of the test's own: frames, queues, and an interface that goes and comes back.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/loop.h"
#include "devices/net/backend.h"
#include "devices/net/uso.h"
#include "unit/unit.h"

#define TAP       "tap9"
#define MACVTAP   "macvtap9"
#define MAC       "02:16:3e:00:00:09"
#define ETHERTYPE 0x88b5 /* for experiments: nobody else sends it */

static struct loop *loop;
static pthread_t thread;
static sem_t answered;
static struct net_backend *backend;
static struct reason why;
static const char *wire = TAP; /* where the test sends and receives */

static void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void setup(void)
{
	int flags = CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0);

	ck_assert_msg(!unshare(flags), "no network namespace: %s", strerror(errno));
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	sem_init(&answered, 0, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, thread_main, loop), 0);
}

static void teardown(void)
{
	loop_stop(loop);
	pthread_join(thread, NULL);
	if (backend)
		backend->ops->close(backend);
	loop_free(loop);
}

static void run(const char *command)
{
	ck_assert_msg(!system(command), "%s failed", command); /* NOLINT(cert-env33-c) */
}

static void ip(const char *command)
{
	char text[160];

	snprintf(text, sizeof(text), "ip link %s", command);
	run(text);
}

static void take_loop(unsigned pairs)
{
	unsigned i;

	for (i = 0; i < pairs; i++)
		backend->ports[i].loop = loop;
}

static void open_tap(unsigned pairs)
{
	ck_assert_int_eq(tap_open(TAP, pairs, &backend, &why), 0);
	take_loop(pairs);
}

/* On a cable with two ends, of which "wire" is the test's. Its device has the name that
 * its index gives it, in all network namespaces: so it is one that no other has. */
static void make_macvtap(void)
{
	char text[120];

	ip("add wire type veth peer name lower");
	snprintf(text, sizeof(text),
		 "add link lower name " MACVTAP " address " MAC
		 " mtu 1400 index %d type macvtap mode bridge",
		 1000 + getpid());
	ip(text);
	ip("set wire up");
	ip("set lower up");
	wire = "wire";
}

static const char *macvtap_path(void)
{
	static char path[32];

	snprintf(path, sizeof(path), "/dev/tap%u", if_nametoindex(MACVTAP));
	return path;
}

/* False where whoever tests may not open it. */
static bool open_macvtap(unsigned pairs)
{
	int err;

	make_macvtap();
	err = tap_device_open(macvtap_path(), pairs, &backend, &why);
	if (err == -EACCES || err == -EPERM || err == -ENOENT) {
		printf("not tested: %s\n", why.text);
		backend = NULL;
		return false;
	}
	ck_assert_msg(!err, "%s", why.text);
	take_loop(pairs);
	return true;
}

/* ---- frames -------------------------------------------------------------------------------- */

static uint8_t buffer[NET_FRAME_BYTES];
static int result;

static void done(struct net_frame *frame, int value)
{
	(void)frame;
	result = value;
	sem_post(&answered);
}

static struct net_frame frame = { .data = buffer, .done = done };

static void begin_receive(void *port)
{
	backend->ops->receive(port, &frame);
}

static void begin_send(void *port)
{
	backend->ops->send(port, &frame);
}

static int answer_to(void (*begin)(void *port), unsigned port, uint32_t length)
{
	frame.length = length;
	unit_call(loop, begin, &backend->ports[port]);
	sem_wait(&answered);
	return result;
}

static int receive(unsigned port)
{
	return answer_to(begin_receive, port, sizeof(buffer));
}

static int send_frame(unsigned port, uint32_t length)
{
	return answer_to(begin_send, port, length);
}

/* The kernel's side of the interface. */
static int packet_socket(void)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETHERTYPE),
				       .sll_ifindex = (int)if_nametoindex(wire) };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETHERTYPE));

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void fill(uint8_t *ethernet)
{
	memset(ethernet, 0xff, 6);
	memset(ethernet + 6, 2, 6);
	ethernet[12] = ETHERTYPE >> 8;
	ethernet[13] = ETHERTYPE & 0xff;
	memset(ethernet + 14, 0x5a, 46);
}

/* What else the kernel says on an interface that comes up is not for us. */
static int receive_ours(unsigned port)
{
	int length;

	do {
		length = receive(port);
		if (length == -EAGAIN)
			usleep(1000);
	} while (length == -EAGAIN ||
		 (length > 0 && buffer[NET_HEADER_BYTES + 12] != ETHERTYPE >> 8));
	return length;
}

static void pass_both_ways(void)
{
	uint8_t seen[200];
	int fd = packet_socket();

	memset(buffer, 0, NET_HEADER_BYTES);
	fill(buffer + NET_HEADER_BYTES);
	ck_assert_int_eq(send_frame(0, NET_HEADER_BYTES + 60), 0);
	ck_assert_int_eq(recv(fd, seen, sizeof(seen), 0), 60);
	ck_assert_mem_eq(seen, buffer + NET_HEADER_BYTES, 60);
	fill(seen);
	ck_assert_int_eq(send(fd, seen, 60, 0), 60);
	ck_assert_int_eq(receive_ours(0), (int)NET_HEADER_BYTES + 60);
	ck_assert_mem_eq(seen, buffer + NET_HEADER_BYTES, 60);
	close(fd);
}

START_TEST(frames_pass_both_ways_with_their_header)
{
	open_tap(1);
	ip("set " TAP " up");
	pass_both_ways();
}
END_TEST

START_TEST(a_read_without_a_frame_does_not_wait)
{
	open_tap(1);
	ck_assert_int_eq(receive(0), -EAGAIN);
}
END_TEST

START_TEST(offloads_are_what_the_guest_takes)
{
	open_tap(1);
	ck_assert_int_eq(backend->ops->set_offloads(backend, backend->features), 0);
	ck_assert_int_eq(backend->ops->set_offloads(backend, 0), 0);
	ck_assert_int_eq(backend->ops->set_offloads(backend, 1ull << VIRTIO_NET_F_GUEST_TSO4), 0);
}
END_TEST

START_TEST(the_mtu_is_the_interface_s)
{
	open_tap(1);
	ck_assert_uint_eq(backend->mtu, 1500);
}
END_TEST

/* Frames come by those queues only that are attached. */
START_TEST(queues_are_attached_and_detached)
{
	unsigned i;

	open_tap(4);
	for (i = 1; i <= 4; i++)
		ck_assert_int_eq(backend->ops->set_pairs(backend, i), 0);
	for (i = 4; i >= 1; i--)
		ck_assert_int_eq(backend->ops->set_pairs(backend, i), 0);
	ip("set " TAP " up");
	for (i = 0; i < 100; i++) {
		uint8_t out[60];
		int fd = packet_socket();

		fill(out);
		out[5] = (uint8_t)i;
		ck_assert_int_eq(send(fd, out, sizeof(out), 0), sizeof(out));
		close(fd);
		ck_assert_int_gt(receive_ours(0), 0);
	}
}
END_TEST

START_TEST(an_interface_of_another_kind_is_refused_with_a_reason)
{
	ip("add " TAP " type veth peer name other");
	ck_assert_int_lt(tap_open(TAP, 1, &backend, &why), 0);
	backend = NULL;
	ck_assert_ptr_nonnull(strstr(why.text, "tap " TAP));
}
END_TEST

/* ---- segments of UDP ------------------------------------------------------------------------ */

#define USO                                                                  \
	(BIT_ULL(VIRTIO_NET_F_HOST_USO) | BIT_ULL(VIRTIO_NET_F_GUEST_USO4) | \
	 BIT_ULL(VIRTIO_NET_F_GUEST_USO6))
#define PORT      7777
#define HOST_IP4  0x0a090001
#define GUEST_IP4 0x0a090002
#define SEGMENT   1000u
#define NEEDS_USO()                                                   \
	do {                                                          \
		if (!kernel_knows_uso())                              \
			return; /* nothing to see before Linux 6.2 */ \
	} while (0)

/* What the test finds out by itself, on an interface of its own. */
static bool kernel_knows_uso(void)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI, .ifr_name = "uso" };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	bool known;

	ck_assert_int_eq(ioctl(fd, TUNSETIFF, &request), 0);
	known = !ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6);
	close(fd);
	return known;
}

/* As a kernel before 6.2: EINVAL where one of the two is asked for. */
static void make_kernel_older(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TUNSETOFFLOAD, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TUN_F_USO4 | TUN_F_USO6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(segments_of_udp_are_offered_where_the_kernel_has_them)
{
	bool known = kernel_knows_uso();

	open_tap(1);
	ck_assert_uint_eq(backend->features & USO, known ? USO : 0);
}
END_TEST

START_TEST(an_older_kernel_has_all_but_segments_of_udp)
{
	make_kernel_older();
	open_tap(1);
	ck_assert_uint_eq(backend->features & USO, 0);
	ck_assert(backend->features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO4));
	ck_assert_int_eq(backend->ops->set_offloads(backend, backend->features), 0);
}
END_TEST

/* The guest is 10.9.0.2, the kernel 10.9.0.1. */
static int udp_socket(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ip("set " TAP " up");
	run("ip addr add 10.9.0.1/24 dev " TAP);
	run("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:02 dev " TAP " nud permanent");
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void send_segments(int fd, unsigned count)
{
	static const uint8_t data[8 * SEGMENT];
	struct sockaddr_in guest = { .sin_family = AF_INET,
				     .sin_port = htons(PORT),
				     .sin_addr.s_addr = htonl(GUEST_IP4) };
	int size = SEGMENT;

	ck_assert_int_eq(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	ck_assert_int_eq(sendto(fd, data, count * SEGMENT, 0, (struct sockaddr *)&guest,
				sizeof(guest)),
			 count * SEGMENT);
}

#define IP4_AT (NET_HEADER_BYTES + NET_ETHERNET_BYTES)
#define UDP_AT (IP4_AT + sizeof(struct iphdr))
#define FRAME  (UDP_AT + sizeof(struct udphdr))

static int receive_udp(void)
{
	const uint8_t *protocol = buffer + IP4_AT + offsetof(struct iphdr, protocol);
	int length;

	do {
		length = receive(0);
		if (length == -EAGAIN)
			usleep(1000);
	} while (length == -EAGAIN || (length > 0 && *protocol != IPPROTO_UDP));
	return length;
}

START_TEST(segments_of_udp_reach_a_guest_that_takes_them)
{
	const struct virtio_net_hdr_v1 *header = (const void *)buffer;
	unsigned i;
	int fd;

	NEEDS_USO();
	open_tap(1);
	fd = udp_socket();
	ck_assert_int_eq(backend->ops->set_offloads(backend, backend->features), 0);
	send_segments(fd, 3);
	ck_assert_int_eq(receive_udp(), FRAME + 3 * SEGMENT);
	ck_assert_uint_eq(header->gso_type, VIRTIO_NET_HDR_GSO_UDP_L4);
	ck_assert_uint_eq(header->gso_size, SEGMENT);
	ck_assert_int_eq(backend->ops->set_offloads(backend, backend->features & ~USO), 0);
	send_segments(fd, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(receive_udp(), FRAME + SEGMENT);
		ck_assert_uint_eq(header->gso_type, VIRTIO_NET_HDR_GSO_NONE);
	}
	close(fd);
}
END_TEST

/* Before a driver has said what it takes. */
START_TEST(nothing_is_left_to_the_guest_at_first)
{
	int fd;

	open_tap(1);
	fd = udp_socket();
	send_segments(fd, 2);
	ck_assert_int_eq(receive_udp(), FRAME + SEGMENT);
	ck_assert_uint_eq(buffer[0], 0); /* the checksum is there, too */
	close(fd);
}
END_TEST

static uint32_t sum16(const void *data, size_t length)
{
	const uint8_t *byte = data;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)byte[i] << 8 | byte[i + 1];
	return sum;
}

static uint32_t halves(uint32_t address)
{
	return (address >> 16) + (address & 0xffff);
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)sum);
}

/* The interface's own. */
static void get_mac(uint8_t *mac)
{
	struct ifreq request = { .ifr_name = TAP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(ioctl(fd, SIOCGIFHWADDR, &request), 0);
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	close(fd);
}

/* From the guest, so many segments as one frame, with the pseudo header's sum. */
static uint32_t make_segments(unsigned count)
{
	const struct virtio_net_hdr_v1 header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
		.hdr_len = FRAME - NET_HEADER_BYTES,
		.gso_size = SEGMENT,
		.csum_start = UDP_AT - NET_HEADER_BYTES,
		.csum_offset = offsetof(struct udphdr, check),
	};
	uint16_t length = (uint16_t)(sizeof(struct udphdr) + count * SEGMENT);
	struct iphdr ip4 = { .version = 4,
			     .ihl = 5,
			     .ttl = 64,
			     .protocol = IPPROTO_UDP,
			     .tot_len = htons((uint16_t)(sizeof(ip4) + length)),
			     .saddr = htonl(GUEST_IP4),
			     .daddr = htonl(HOST_IP4) };
	struct udphdr udp = { .source = htons(PORT), .dest = htons(PORT), .len = htons(length) };

	udp.check = fold(halves(GUEST_IP4) + halves(HOST_IP4) + IPPROTO_UDP + length);
	memset(buffer, 0, FRAME + count * SEGMENT);
	memcpy(buffer, &header, sizeof(header));
	get_mac(buffer + NET_HEADER_BYTES);
	buffer[NET_HEADER_BYTES + 12] = ETHERTYPE_IP >> 8;
	memcpy(buffer + IP4_AT, &ip4, sizeof(ip4));
	ip4.check = (uint16_t)~fold(sum16(buffer + IP4_AT, sizeof(ip4)));
	memcpy(buffer + IP4_AT, &ip4, sizeof(ip4));
	memcpy(buffer + UDP_AT, &udp, sizeof(udp));
	return (uint32_t)(FRAME + count * SEGMENT);
}

START_TEST(segments_of_udp_leave_a_guest)
{
	uint8_t seen[4 * SEGMENT];
	unsigned i;
	int fd;

	NEEDS_USO();
	open_tap(1);
	fd = udp_socket();
	ck_assert_int_eq(send_frame(0, make_segments(3)), 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(recv(fd, seen, sizeof(seen), 0), SEGMENT);
	close(fd);
}
END_TEST

/* ---- the link ---------------------------------------------------------------------------------- */

static atomic_bool is_up;

static void changed(struct net_backend *b)
{
	is_up = b->up;
}

static bool comes_to(bool up)
{
	return wait_for(is_up == up);
}

static void begin_watch(void *arg)
{
	backend->changed = changed;
	*(int *)arg = backend->ops->watch_link(backend, loop);
}

static void watch(void)
{
	int err;

	unit_call(loop, begin_watch, &err);
	ck_assert_int_eq(err, 0);
}

START_TEST(the_link_follows_the_interface)
{
	open_tap(1);
	is_up = true;
	watch();
	ck_assert(comes_to(false)); /* as it is at first */
	ip("set " TAP " up");
	ck_assert(comes_to(true));
	ip("set " TAP " down");
	ck_assert(comes_to(false));
	ip("set " TAP " up");
	ck_assert(comes_to(true));
	ip("set " TAP " carrier off");
	ck_assert(comes_to(false));
}
END_TEST

START_TEST(an_interface_that_comes_back_is_picked_up)
{
	uint8_t out[60];
	int fd;

	open_tap(_i ? 2 : 1);
	ck_assert_int_eq(backend->ops->set_pairs(backend, 1), 0);
	watch();
	ip("set " TAP " up");
	ck_assert(comes_to(true));
	ip("del " TAP);
	ck_assert(comes_to(false));
	ck_assert_int_ne(receive(0), -EAGAIN); /* an error, which stops the reader */
	ip(_i ? "show > /dev/null; ip tuntap add " TAP " mode tap multi_queue vnet_hdr"
	      : "show > /dev/null; ip tuntap add " TAP " mode tap vnet_hdr");
	ip("set " TAP " up");
	ck_assert(comes_to(true));
	fd = packet_socket();
	fill(out);
	ck_assert_int_eq(send(fd, out, sizeof(out), 0), sizeof(out));
	ck_assert_int_gt(receive_ours(0), 0);
	close(fd);
}
END_TEST

/* ---- macvtap --------------------------------------------------------------------------------- */

START_TEST(a_macvtap_passes_frames_both_ways)
{
	if (!open_macvtap(1))
		return;
	ck_assert_int_eq(backend->ops->set_offloads(backend, backend->features), 0);
	ip("set " MACVTAP " up");
	pass_both_ways();
}
END_TEST

START_TEST(a_macvtap_says_its_address_and_mtu)
{
	static const uint8_t mac[] = { 0x02, 0x16, 0x3e, 0, 0, 9 };

	if (!open_macvtap(1))
		return;
	ck_assert_mem_eq(backend->mac, mac, sizeof(mac));
	ck_assert_uint_eq(backend->mtu, 1400);
}
END_TEST

/* With one queue attached, all comes by that. */
START_TEST(a_macvtap_has_several_queues)
{
	unsigned i;

	if (!open_macvtap(4))
		return;
	for (i = 1; i <= 4; i++)
		ck_assert_int_eq(backend->ops->set_pairs(backend, i), 0);
	ck_assert_int_eq(backend->ops->set_pairs(backend, 1), 0);
	ip("set " MACVTAP " up");
	for (i = 0; i < 20; i++)
		pass_both_ways();
}
END_TEST

START_TEST(the_link_of_a_macvtap_follows_it_until_it_goes)
{
	if (!open_macvtap(1))
		return;
	watch();
	ip("set " MACVTAP " up");
	ck_assert(comes_to(true));
	ip("set wire down");
	ck_assert(comes_to(false));
	ip("set wire up");
	ck_assert(comes_to(true));
	ip("del " MACVTAP);
	ck_assert(comes_to(false));
	log_capture_begin();
	ip("show > /dev/null; ip tuntap add " MACVTAP " mode tap vnet_hdr");
	ip("set " MACVTAP " up");
	usleep(200000);
	ck_assert(!is_up);
	ck_assert_ptr_nonnull(strstr(log_capture_end(), "it has another device now"));
}
END_TEST

START_TEST(what_is_no_macvtap_s_device_is_refused_with_a_reason)
{
	ck_assert_int_eq(tap_device_open("/dev/null", 1, &backend, &why), -ENOTTY);
	ck_assert_ptr_nonnull(strstr(why.text, "no device of a macvtap"));
	ck_assert_int_eq(tap_device_open("/dev/tap0", 1, &backend, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "tapdev /dev/tap0: No such file"));
	backend = NULL;
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(frames_pass_both_ways_with_their_header),
		ONCE(a_read_without_a_frame_does_not_wait),
		ONCE(offloads_are_what_the_guest_takes),
		ONCE(the_mtu_is_the_interface_s),
		ONCE(segments_of_udp_are_offered_where_the_kernel_has_them),
		ONCE(an_older_kernel_has_all_but_segments_of_udp),
		ONCE(segments_of_udp_reach_a_guest_that_takes_them),
		ONCE(nothing_is_left_to_the_guest_at_first),
		ONCE(segments_of_udp_leave_a_guest),
		ONCE(queues_are_attached_and_detached),
		ONCE(an_interface_of_another_kind_is_refused_with_a_reason),
		ONCE(the_link_follows_the_interface),
		TIMES(an_interface_that_comes_back_is_picked_up, 2),
		ONCE(a_macvtap_passes_frames_both_ways),
		ONCE(a_macvtap_says_its_address_and_mtu),
		ONCE(a_macvtap_has_several_queues),
		ONCE(the_link_of_a_macvtap_follows_it_until_it_goes),
		ONCE(what_is_no_macvtap_s_device_is_refused_with_a_reason),
	};

	return unit_main("net-tap", setup, teardown, tests, ARRAY_SIZE(tests));
}
