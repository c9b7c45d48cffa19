/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture INTERFACE: looks at what a guest sends and gets through a tap until it is told
 * to end by SIGTERM. Then it prints a line for each kind of frame:
 *   from guest: tcp4, gso tcp4 1448, vlan 5, checksum partial: 23 frames of 1514 to 65226 bytes
 * "from guest" or "to guest"; ARP is "arp", or "arp announcement" if a host asks for its own
 * address; bytes with the ethernet header, without a VLAN's tag. The checksum is
 * "right" or "WRONG"; "partial" if it is left to the receiver, and its place and the sum
 * of the pseudo header are as they should be; or "none".
 * Frames to the guest are seen as the tap gets them.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>

#define KINDS_MAX 512
#define NO_VLAN   (-1)
#define GSO_UDP   5 /* VIRTIO_NET_HDR_GSO_UDP_L4, which Debian 12's headers do not have */

struct kind {
	char text[96];
	uint64_t frames;
	uint32_t least, most;
};

struct frame {
	struct virtio_net_hdr header;
	uint8_t data[14 + 65535 + 4];
	size_t length;
	int vlan;
	bool to_guest;
};

/* The place of a TCP or UDP header, and what its checksum covers. */
struct transport {
	const uint8_t *data;
	uint32_t length;
	uint8_t protocol;
	uint64_t pseudo_sum;
	bool header_right; /* IPv4's own checksum */
};

static struct kind kinds[KINDS_MAX];
static unsigned int nkinds;
static volatile sig_atomic_t told_to_end;

/* --- checksums ------------------------------------------------------------------ */

static uint64_t sum_of(const uint8_t *data, size_t bytes)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += data[i] << 8 | data[i + 1];
	return bytes % 2 ? sum + (data[bytes - 1] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static size_t checksum_offset(const struct transport *t)
{
	return t->protocol == IPPROTO_TCP ? offsetof(struct tcphdr, check)
					  : offsetof(struct udphdr, check);
}

static bool partial_is_right(const struct frame *frame, const struct transport *t)
{
	size_t offset = checksum_offset(t);

	return frame->header.csum_start == t->data - frame->data &&
	       frame->header.csum_offset == offset &&
	       fold(sum_of(t->data + offset, 2)) == fold(t->pseudo_sum);
}

static const char *checksum_of(const struct frame *frame, const struct transport *t)
{
	size_t offset = checksum_offset(t);

	if (!t->header_right || offset + 2 > t->length)
		return "WRONG";
	if (frame->header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return partial_is_right(frame, t) ? "partial" : "WRONG";
	if (t->protocol == IPPROTO_UDP && !t->data[offset] && !t->data[offset + 1])
		return "none";
	return fold(t->pseudo_sum + sum_of(t->data, t->length)) == 0xffff ? "right" : "WRONG";
}

/* --- headers -------------------------------------------------------------------- */

/* Both fill @t and return whether there is a TCP or UDP header. */
static bool parse_ip4(const uint8_t *data, size_t length, struct transport *t)
{
	const struct iphdr *ip = (const struct iphdr *)data;
	size_t header = ip->ihl * 4, total = ntohs(ip->tot_len);

	if (length < sizeof(*ip) || header < sizeof(*ip) || total < header || total > length ||
	    ntohs(ip->frag_off) & (IP_MF | IP_OFFMASK))
		return false;
	t->data = data + header;
	t->length = total - header;
	t->protocol = ip->protocol;
	t->header_right = fold(sum_of(data, header)) == 0xffff;
	t->pseudo_sum = sum_of((const uint8_t *)&ip->saddr, 8) + t->protocol + t->length;
	return t->protocol == IPPROTO_TCP || t->protocol == IPPROTO_UDP;
}

static bool parse_ip6(const uint8_t *data, size_t length, struct transport *t)
{
	const struct ip6_hdr *ip = (const struct ip6_hdr *)data;

	if (length < sizeof(*ip) || ntohs(ip->ip6_plen) > length - sizeof(*ip))
		return false;
	t->data = data + sizeof(*ip);
	t->length = ntohs(ip->ip6_plen);
	t->protocol = ip->ip6_nxt;
	t->header_right = true;
	t->pseudo_sum = sum_of((const uint8_t *)&ip->ip6_src, 32) + t->protocol + t->length;
	return t->protocol == IPPROTO_TCP || t->protocol == IPPROTO_UDP;
}

static const char *gso_name(const struct frame *frame)
{
	switch (frame->header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return "tcp4";
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return "tcp6";
	case GSO_UDP:
		return "udp";
	default:
		return "other";
	}
}

/* An inner tag, as a guest with no VLAN offload sends it, is taken off. */
static uint16_t take_tag(struct frame *frame)
{
	uint16_t type = ntohs(((struct ether_header *)frame->data)->ether_type);

	if (type != ETHERTYPE_VLAN || frame->vlan != NO_VLAN || frame->length < ETH_HLEN + 4)
		return type;
	frame->vlan = (frame->data[ETH_HLEN] << 8 | frame->data[ETH_HLEN + 1]) & 0xfff;
	memmove(frame->data + 2 * ETH_ALEN, frame->data + 2 * ETH_ALEN + 4,
		frame->length - 2 * ETH_ALEN - 4);
	frame->length -= 4;
	frame->header.csum_start -= 4;
	return ntohs(((struct ether_header *)frame->data)->ether_type);
}

/* Nobody is asked: sender and target are the same. */
static bool is_announcement(const uint8_t *data, size_t length)
{
	const struct ether_arp *arp = (const struct ether_arp *)data;

	return length >= sizeof(*arp) && !memcmp(arp->arp_spa, arp->arp_tpa, sizeof(arp->arp_spa));
}

/* What has no checksum that is looked at. */
static void name_other(uint16_t type, const uint8_t *data, size_t length, char *name, size_t size)
{
	if (type == ETHERTYPE_ARP)
		snprintf(name, size, "arp%s", is_announcement(data, length) ? " announcement" : "");
	else
		snprintf(name, size, "type %04x", type);
}

/* --- kinds ---------------------------------------------------------------------- */

static void describe(struct frame *frame, char *text, size_t size)
{
	uint16_t type = take_tag(frame);
	const uint8_t *data = frame->data + ETH_HLEN;
	size_t length = frame->length - ETH_HLEN;
	struct transport t = { 0 };
	bool known = (type == ETHERTYPE_IP && parse_ip4(data, length, &t)) ||
		     (type == ETHERTYPE_IPV6 && parse_ip6(data, length, &t));
	char name[24], gso[24] = "", vlan[16] = "";

	if (known)
		snprintf(name, sizeof(name), "%s%c", t.protocol == IPPROTO_TCP ? "tcp" : "udp",
			 type == ETHERTYPE_IP ? '4' : '6');
	else
		name_other(type, data, length, name, sizeof(name));
	if (frame->header.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		snprintf(gso, sizeof(gso), ", gso %s %u", gso_name(frame), frame->header.gso_size);
	if (frame->vlan != NO_VLAN)
		snprintf(vlan, sizeof(vlan), ", vlan %d", frame->vlan);
	snprintf(text, size, "%s guest: %s%s%s%s%s", frame->to_guest ? "to" : "from", name, gso,
		 vlan, known ? ", checksum " : "", known ? checksum_of(frame, &t) : "");
}

static struct kind *kind_of(const char *text)
{
	for (unsigned int i = 0; i < nkinds; i++)
		if (!strcmp(kinds[i].text, text))
			return &kinds[i];
	if (nkinds == KINDS_MAX)
		errx(1, "too many kinds of frames");
	snprintf(kinds[nkinds].text, sizeof(kinds[nkinds].text), "%s", text);
	kinds[nkinds].least = UINT32_MAX;
	return &kinds[nkinds++];
}

static void count(struct frame *frame)
{
	char text[sizeof(kinds[0].text)];
	struct kind *kind;

	if (frame->length < ETH_HLEN)
		return;
	describe(frame, text, sizeof(text));
	kind = kind_of(text);
	kind->frames++;
	kind->least = MIN(kind->least, frame->length);
	kind->most = MAX(kind->most, frame->length);
}

/* --- the interface ---------------------------------------------------------------- */

static void set_option(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		err(1, "socket option %d", option);
}

static int open_interface(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	address.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || !address.sll_ifindex)
		err(1, "%s", name);
	set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20);
	set_option(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	set_option(fd, SOL_PACKET, PACKET_AUXDATA, 1);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "%s", name);
	return fd;
}

/* The tag that the kernel has taken off, or NO_VLAN. */
static int vlan_of(struct msghdr *message)
{
	struct tpacket_auxdata aux;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			return aux.tp_vlan_tci & 0xfff;
	}
	return NO_VLAN;
}

static bool receive(int fd, struct frame *frame)
{
	char control[256] __attribute__((aligned(8)));
	struct sockaddr_ll from;
	struct iovec parts[] = { { &frame->header, sizeof(frame->header) },
				 { frame->data, sizeof(frame->data) } };
	struct msghdr message = { .msg_name = &from,
				  .msg_namelen = sizeof(from),
				  .msg_iov = parts,
				  .msg_iovlen = 2,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, 0);

	if (n < (ssize_t)sizeof(frame->header))
		return false;
	frame->length = n - sizeof(frame->header);
	frame->vlan = vlan_of(&message);
	frame->to_guest = from.sll_pkttype == PACKET_OUTGOING;
	return true;
}

static void report(int fd)
{
	struct tpacket_stats stats = { 0 };
	socklen_t length = sizeof(stats);

	for (unsigned int i = 0; i < nkinds; i++)
		printf("%s: %llu frames of %u to %u bytes\n", kinds[i].text,
		       (unsigned long long)kinds[i].frames, kinds[i].least, kinds[i].most);
	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length);
	printf("%u frames were missed\n", stats.tp_drops);
}

static void on_signal(int number)
{
	(void)number;
	told_to_end = 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	static struct frame frame;
	struct timeval second = { .tv_sec = 1 };
	int fd;

	if (argc != 2)
		errx(2, "usage: see capture.c");
	sigaction(SIGTERM, &action, NULL);
	fd = open_interface(argv[1]);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready\n");
	while (!told_to_end)
		if (receive(fd, &frame))
			count(&frame);
	report(fd);
	return 0;
}
