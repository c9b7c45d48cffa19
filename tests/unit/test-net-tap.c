/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net-tap.c: the tap backend on real tap interfaces: frames, queues, and an interface
 * that goes and comes back.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "devices/net/uso.h"
#include "unit/tap.h"
#include "unit/unit.h"

static void open_tap(unsigned pairs)
{
	ck_assert_int_eq(tap_open(TAP, pairs, &tap_backend, &tap_why), 0);
	tap_take(pairs);
}

/* ---- frames -------------------------------------------------------------------------------- */

START_TEST(frames_pass_both_ways_with_their_header)
{
	open_tap(1);
	tap_ip("set " TAP " up");
	tap_pass_both_ways();
}
END_TEST

START_TEST(a_read_without_a_frame_does_not_wait)
{
	open_tap(1);
	ck_assert_int_eq(tap_receive(0), -EAGAIN);
}
END_TEST

START_TEST(offloads_are_what_the_guest_takes)
{
	open_tap(1);
	ck_assert_int_eq(tap_backend->ops->set_offloads(tap_backend, tap_backend->features), 0);
	ck_assert_int_eq(tap_backend->ops->set_offloads(tap_backend, 0), 0);
	ck_assert_int_eq(
		tap_backend->ops->set_offloads(tap_backend, 1ull << VIRTIO_NET_F_GUEST_TSO4), 0);
}
END_TEST

START_TEST(the_mtu_is_the_interface_s)
{
	open_tap(1);
	ck_assert_uint_eq(tap_backend->mtu, 1500);
}
END_TEST

/* Frames come by those queues only that are attached. */
START_TEST(queues_are_attached_and_detached)
{
	unsigned i;

	open_tap(4);
	for (i = 1; i <= 4; i++)
		ck_assert_int_eq(tap_backend->ops->set_pairs(tap_backend, i), 0);
	for (i = 4; i >= 1; i--)
		ck_assert_int_eq(tap_backend->ops->set_pairs(tap_backend, i), 0);
	tap_ip("set " TAP " up");
	for (i = 0; i < 100; i++) {
		uint8_t out[60];
		int fd = tap_packet_socket();

		tap_fill(out);
		out[5] = (uint8_t)i;
		ck_assert_int_eq(send(fd, out, sizeof(out), 0), sizeof(out));
		close(fd);
		ck_assert_int_gt(tap_receive_ours(0), 0);
	}
}
END_TEST

START_TEST(an_interface_of_another_kind_is_refused_with_a_reason)
{
	tap_ip("add " TAP " type veth peer name other");
	ck_assert_int_lt(tap_open(TAP, 1, &tap_backend, &tap_why), 0);
	tap_backend = NULL;
	ck_assert_ptr_nonnull(strstr(tap_why.text, "tap " TAP));
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
	ck_assert_uint_eq(tap_backend->features & USO, known ? USO : 0);
}
END_TEST

START_TEST(an_older_kernel_has_all_but_segments_of_udp)
{
	make_kernel_older();
	open_tap(1);
	ck_assert_uint_eq(tap_backend->features & USO, 0);
	ck_assert(tap_backend->features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO4));
	ck_assert_int_eq(tap_backend->ops->set_offloads(tap_backend, tap_backend->features), 0);
}
END_TEST

/* The guest is 10.9.0.2, the kernel 10.9.0.1. */
static int udp_socket(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	tap_ip("set " TAP " up");
	tap_run("ip addr add 10.9.0.1/24 dev " TAP);
	tap_run("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:02 dev " TAP " nud permanent");
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
	const uint8_t *protocol = tap_buffer + IP4_AT + offsetof(struct iphdr, protocol);
	int length;

	do {
		length = tap_receive(0);
		if (length == -EAGAIN)
			usleep(1000);
	} while (length == -EAGAIN || (length > 0 && *protocol != IPPROTO_UDP));
	return length;
}

START_TEST(segments_of_udp_reach_a_guest_that_takes_them)
{
	const struct virtio_net_hdr_v1 *header = (const void *)tap_buffer;
	unsigned i;
	int fd;

	NEEDS_USO();
	open_tap(1);
	fd = udp_socket();
	ck_assert_int_eq(tap_backend->ops->set_offloads(tap_backend, tap_backend->features), 0);
	send_segments(fd, 3);
	ck_assert_int_eq(receive_udp(), FRAME + 3 * SEGMENT);
	ck_assert_uint_eq(header->gso_type, VIRTIO_NET_HDR_GSO_UDP_L4);
	ck_assert_uint_eq(header->gso_size, SEGMENT);
	ck_assert_int_eq(tap_backend->ops->set_offloads(tap_backend, tap_backend->features & ~USO),
			 0);
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
	ck_assert_uint_eq(tap_buffer[0], 0); /* the checksum is there, too */
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
	memset(tap_buffer, 0, FRAME + count * SEGMENT);
	memcpy(tap_buffer, &header, sizeof(header));
	get_mac(tap_buffer + NET_HEADER_BYTES);
	tap_buffer[NET_HEADER_BYTES + 12] = ETHERTYPE_IP >> 8;
	memcpy(tap_buffer + IP4_AT, &ip4, sizeof(ip4));
	ip4.check = (uint16_t)~fold(sum16(tap_buffer + IP4_AT, sizeof(ip4)));
	memcpy(tap_buffer + IP4_AT, &ip4, sizeof(ip4));
	memcpy(tap_buffer + UDP_AT, &udp, sizeof(udp));
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
	ck_assert_int_eq(tap_send(0, make_segments(3)), 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(recv(fd, seen, sizeof(seen), 0), SEGMENT);
	close(fd);
}
END_TEST

/* ---- the link ---------------------------------------------------------------------------------- */

START_TEST(the_link_follows_the_interface)
{
	open_tap(1);
	tap_is_up = true;
	tap_watch();
	ck_assert(tap_comes_to(false)); /* as it is at first */
	tap_ip("set " TAP " up");
	ck_assert(tap_comes_to(true));
	tap_ip("set " TAP " down");
	ck_assert(tap_comes_to(false));
	tap_ip("set " TAP " up");
	ck_assert(tap_comes_to(true));
	tap_ip("set " TAP " carrier off");
	ck_assert(tap_comes_to(false));
}
END_TEST

START_TEST(an_interface_that_comes_back_is_picked_up)
{
	uint8_t out[60];
	int fd;

	open_tap(_i ? 2 : 1);
	ck_assert_int_eq(tap_backend->ops->set_pairs(tap_backend, 1), 0);
	tap_watch();
	tap_ip("set " TAP " up");
	ck_assert(tap_comes_to(true));
	tap_ip("del " TAP);
	ck_assert(tap_comes_to(false));
	ck_assert_int_ne(tap_receive(0), -EAGAIN); /* an error, which stops the reader */
	tap_ip(_i ? "show > /dev/null; ip tuntap add " TAP " mode tap multi_queue vnet_hdr"
		  : "show > /dev/null; ip tuntap add " TAP " mode tap vnet_hdr");
	tap_ip("set " TAP " up");
	ck_assert(tap_comes_to(true));
	fd = tap_packet_socket();
	tap_fill(out);
	ck_assert_int_eq(send(fd, out, sizeof(out), 0), sizeof(out));
	ck_assert_int_gt(tap_receive_ours(0), 0);
	close(fd);
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
	};

	return unit_main("net-tap", tap_setup, tap_teardown, tests, ARRAY_SIZE(tests));
}
