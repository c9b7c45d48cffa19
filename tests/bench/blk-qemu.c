/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blk-qemu.c: QEMU's virtio-blk-pci, by the qtest protocol. Its CPU sleeps in a BIOS of
 * three instructions. Register accesses are lines on a socket, answered by QEMU's main
 * thread, as those of a Xen guest are; an interrupt is a message to an address that is
 * memory, where it is seen.
 */
#include <check.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/blk.h"
#include "fake/fake.h"
#include "guest/guest.h"

#define BDF     0x20u       /* 00:04.0 */
#define BAR1    0xe0000000u /* MSI-X */
#define BAR4    0xe0100000u
#define CONFIG  BAR4 /* where QEMU has them: hw/virtio/virtio-pci.c */
#define NOTIFY  (BAR4 + 0x3000)
#define MESSAGE (1u << 20) /* where interrupts come, and what they are */
#define VALUE   1u
#define BIOS    65536

static pid_t server;
static int qtest;
static uint8_t *guest;
static char bios[96];

/* ---- qtest --------------------------------------------------------------------------- */

/* A command; its answer is a line "OK" or "OK VALUE". */
__attribute__((format(printf, 1, 2))) static uint32_t command(const char *format, ...)
{
	char line[80];
	size_t n = 0;
	va_list ap;

	va_start(ap, format);
	vdprintf(qtest, format, ap);
	va_end(ap);
	do {
		ck_assert_uint_lt(n, sizeof(line) - 1);
		ck_assert_int_eq(read(qtest, line + n, 1), 1);
	} while (line[n++] != '\n');
	line[n] = '\0';
	ck_assert_msg(!strncmp(line, "OK", 2), "qtest: %s", line);
	return (uint32_t)strtoul(line + 2, NULL, 0);
}

static uint32_t pci_read(unsigned reg)
{
	command("outl 0xcf8 %#x\n", 1u << 31 | BDF << 8 | (reg & ~3u));
	return command("inl 0xcfc\n") >> reg % 4 * 8;
}

static void pci_write(unsigned reg, uint32_t value)
{
	command("outl 0xcf8 %#x\n", 1u << 31 | BDF << 8 | reg);
	command("outl 0xcfc %#x\n", value);
}

#define config_write(width, field, value) \
	command("write" width " %#zx %#x\n", CONFIG + gvirtio_field(field), (unsigned)(value))

static void config_write64(size_t field, uint64_t value)
{
	command("writel %#zx %#x\n", CONFIG + field, (uint32_t)value);
	command("writel %#zx %#x\n", CONFIG + field + 4, (uint32_t)(value >> 32));
}

/* ---- the server ---------------------------------------------------------------------- */

/* It starts at its byte 0xfff0: cli; hlt; jmp back. */
static void make_bios(const char *directory)
{
	static const uint8_t code[BIOS] = { [0xfff0] = 0xfa, 0xf4, 0xeb, 0xfd };
	int fd;

	snprintf(bios, sizeof(bios), "%s/bios", directory);
	fd = open(bios, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, code, sizeof(code)), sizeof(code));
	close(fd);
}

static struct blk_memory start(const char *directory, const char *image)
{
	const char device[] = "virtio-blk-pci,addr=04.0,disable-legacy=on,drive=d0,iothread=io0,"
			      "queue-size=256,num-queues=1,request-merging=off";
	char path[96], channel[128], megabytes[16], memory[128], store[160];
	const char *const argv[] = { "qemu-system-x86_64",
				     "-accel",
				     "tcg",
				     "-machine",
				     "pc,memory-backend=ram",
				     "-nodefaults",
				     "-no-user-config",
				     "-display",
				     "none",
				     "-bios",
				     bios,
				     "-m",
				     megabytes,
				     "-object",
				     memory,
				     "-qtest",
				     channel,
				     "-qtest-log",
				     "none",
				     "-blockdev",
				     store,
				     "-object",
				     "iothread,id=io0",
				     "-device",
				     device,
				     NULL };

	make_bios(directory);
	snprintf(path, sizeof(path), "%s/qtest", directory);
	snprintf(channel, sizeof(channel), "unix:%s,server=on,wait=off", path);
	snprintf(megabytes, sizeof(megabytes), "%uM", PEER_MEMORY >> 20);
	snprintf(memory, sizeof(memory),
		 "memory-backend-file,id=ram,size=%u,share=on,mem-path=/proc/self/fd/%d",
		 PEER_MEMORY, peer_memory(&guest));
	peer_store(store, sizeof(store), image);
	server = peer_start(argv);
	qtest = peer_connect(path);
	unlink(path);
	return (struct blk_memory){ guest + PEER_MEMORY / 2, PEER_MEMORY / 2 };
}

static pid_t pid(void)
{
	return server;
}

static unsigned msix_capability(void)
{
	unsigned at = pci_read(PCI_CAPABILITY_LIST) & 0xfc;

	while (at && (pci_read(at) & 0xff) != PCI_CAP_ID_MSIX)
		at = pci_read(at) >> 8 & 0xfc;
	ck_assert_uint_ne(at, 0);
	return at;
}

static void enable_pci(void)
{
	unsigned msix;

	pci_write(PCI_BASE_ADDRESS_1, BAR1);
	pci_write(PCI_BASE_ADDRESS_4, BAR4);
	pci_write(PCI_BASE_ADDRESS_5, 0);
	pci_write(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	msix = msix_capability();
	pci_write(msix, (uint32_t)PCI_MSIX_FLAGS_ENABLE << 16);
	command("writel %#x %#x\n", BAR1 + PCI_MSIX_ENTRY_LOWER_ADDR, MESSAGE);
	command("writel %#x %#x\n", BAR1 + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
	command("writel %#x %#x\n", BAR1 + PCI_MSIX_ENTRY_DATA, VALUE);
	command("writel %#x %#x\n", BAR1 + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
}

static void enable_queue(const struct blk_ring *ring)
{
	config_write("w", queue_select, 0);
	config_write("w", queue_size, BLK_RING);
	config_write("w", queue_msix_vector, 0);
	config_write64(gvirtio_field(queue_desc_lo), ring->desc);
	config_write64(gvirtio_field(queue_avail_lo), ring->avail);
	config_write64(gvirtio_field(queue_used_lo), ring->used);
	config_write("w", queue_enable, 1);
}

static void enable(const struct blk_ring *ring)
{
	unsigned status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	enable_pci();
	config_write("b", device_status, 0);
	config_write("b", device_status, status);
	config_write("l", guest_feature_select, 0);
	config_write("l", guest_feature, BLK_FEATURES);
	config_write("l", guest_feature_select, 1);
	config_write("l", guest_feature, BLK_FEATURES >> 32);
	config_write("b", device_status, status |= VIRTIO_CONFIG_S_FEATURES_OK);
	enable_queue(ring);
	config_write("b", device_status, status | VIRTIO_CONFIG_S_DRIVER_OK);
}

static void kick(void)
{
	command("writew %#x 0\n", NOTIFY);
}

/* It is taken back at once, before the ring is looked at again. */
static bool wait_interrupt(void)
{
	_Atomic uint32_t *message = (_Atomic uint32_t *)(guest + MESSAGE);
	uint64_t end = fake_now_ns() + BLK_WAIT_MS * 1000000ull;

	while (!atomic_load(message) && fake_now_ns() < end)
		sched_yield();
	return atomic_exchange(message, 0);
}

static void stop(void)
{
	close(qtest);
	peer_stop(server);
	unlink(bios);
}

const struct blk_server blk_qemu = { .name = "virtio-blk-pci",
				     .start = start,
				     .pid = pid,
				     .enable = enable,
				     .kick = kick,
				     .wait = wait_interrupt,
				     .stop = stop };
