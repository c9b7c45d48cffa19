/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest.h: a model of a guest's drivers, which behaves as firmware and Linux
 * 6.1 and 6.12 do: PCI probe, virtio-pci, split rings, virtio-blk, and a DMA
 * layer that grants and revokes pages for every mapping. It runs in the test
 * process on the vCPUs of the fake Xen layer.
 *
 * What a device may not do to a driver (a grant still mapped as its request
 * completes, a used entry nobody waits for, more bytes written than there was
 * room for, wrong data) is a violation, which fails the test at its end.
 */
#ifndef GUEST_H
#define GUEST_H

#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#include "../fake/fake.h"

/* ---- memory -------------------------------------------------------------- */

/* fake_start(), and all guest memory and grants are free. */
void guest_boot(enum fake_platform platform, unsigned int nr_vcpus, unsigned int ram_pages);

/* The same random numbers in each run; guest_boot() starts them anew. */
uint32_t guest_random(uint32_t below);

/* Contiguous zeroed pages, at a guest-physical address. */
uint64_t gpage_alloc(unsigned int nr);
void gpage_free(uint64_t gpa, unsigned int nr);

/* ---- DMA ------------------------------------------------------------------ */

enum gdma_kind {
	GDMA_PLAIN,  /* guest-physical addresses */
	GDMA_GRANTS, /* Linux's grant-dma-ops */
};

enum gdma_dir { GDMA_TO_DEVICE, GDMA_FROM_DEVICE };

struct gdma {
	enum gdma_kind kind;
	bool broken;         /* as Linux has it: nothing can be mapped any more */
	unsigned int grants; /* given and not taken back */
	uint64_t pool, pool_addr;
	unsigned int pool_pages;
};

#define GDMA_ERROR UINT64_MAX

/* Map len bytes at gpa for the device; consecutive grants, read-only to the device. */
uint64_t gdma_map(struct gdma *dma, uint64_t gpa, uint32_t len, enum gdma_dir dir);
void gdma_unmap(struct gdma *dma, uint64_t addr, uint32_t len);

/* Memory that driver and device share; *addr is what the device gets. */
uint64_t gdma_alloc(struct gdma *dma, unsigned int pages, uint64_t *addr);
void gdma_free(struct gdma *dma, uint64_t gpa, unsigned int pages, uint64_t addr);

/* These grants belong to the request of this head. */
void gdma_own(struct gdma *dma, uint64_t addr, uint32_t len, unsigned int ring, uint16_t head);

/*
 * Pages that are granted once and stay so, as the page pools of Linux's network
 * drivers. What is mapped inside of them uses these grants, many buffers one.
 */
uint64_t gdma_pool_alloc(struct gdma *dma, unsigned int pages);
void gdma_pool_free(struct gdma *dma);

/* The request has been answered; only for memory of the pool, others end their grants. */
void gdma_disown(struct gdma *dma, uint64_t addr, uint32_t len, unsigned int ring, uint16_t head);

/*
 * The device has been reset: it may hold none of these grants any more, and if
 * no other driver has given any, no grant map at all.
 */
void gdma_check_reset(const struct gdma *dma);

/* The grant references behind a DMA address. */
uint32_t gdma_ref(uint64_t addr);

/* ---- PCI ------------------------------------------------------------------ */

enum girq {
	GIRQ_PIRQ, /* MSI-X with pirq messages: Linux in an HVM guest */
	GIRQ_MSIX, /* MSI-X with native messages: Linux in a PVH guest */
	GIRQ_INTX,
	GIRQ_NONE, /* firmware: polls */
};

struct gpci_bar {
	uint64_t base, size;
	bool is64;
};

struct gpci {
	unsigned int vcpu; /* which does the accesses */
	uint16_t bdf;      /* bus << 8 | device << 3 | function */
	uint16_t port;     /* not on bus 0: the port that it is behind */
	uint16_t vendor, device;
	uint32_t class_rev;
	struct gpci_bar bar[6], rom;
	unsigned int pin; /* 1: INTA */
	enum girq irq;
	uint8_t msix; /* the capability, 0 if there is none */
	unsigned int msix_vectors;
	uint64_t msix_table, msix_pba;
	unsigned int spis_seen; /* Arm */
};

uint32_t gpci_read(const struct gpci *pci, unsigned int reg, unsigned int size);
void gpci_write(const struct gpci *pci, unsigned int reg, unsigned int size, uint32_t value);

/* hvmloader: 16-bit ids, sizes the BARs, places them from base on, turns decoding on. */
bool gpci_hvmloader(struct gpci *pci, unsigned int vcpu, uint16_t bdf, uint64_t base);

/* SeaBIOS: sizes the BARs again with decoding on; and copies the ROM, where it was placed. */
void gpci_seabios(struct gpci *pci);
void gpci_seabios_rom(const struct gpci *pci, void *bytes, uint32_t length);

/* Linux: 32-bit id, for up to 65 s while that says "retry"; sizes with decoding off, takes over the BARs or places them from base on. */
bool gpci_linux(struct gpci *pci, unsigned int vcpu, uint16_t bdf, uint64_t base);

/* A bridge, with type-1 config space. */
bool gpci_linux_bridge(struct gpci *pci, unsigned int vcpu, uint16_t bdf);

/* All who look at it on this platform, or the test fails. */
void gpci_find(struct gpci *pci, uint16_t bdf);

/* Memory decoding and bus mastering. */
void gpci_enable(struct gpci *pci, bool on);

/* The next capability with this id after pos (0: from the start), or 0. */
unsigned int gpci_find_cap(const struct gpci *pci, uint8_t id, unsigned int pos);

/* As msix_capability_init() does it; then each vector is programmed. */
bool gpci_msix_enable(struct gpci *pci, enum girq irq, unsigned int nvec);
void gpci_msix_disable(struct gpci *pci);
void gpci_msix_mask(struct gpci *pci, unsigned int vector, bool masked);

/* Messages seen for this vector so far. */
unsigned int gpci_msix_seen(const struct gpci *pci, unsigned int vector);

/* The handler of INTA is to run: the wire is up, or on Arm there was another pulse. */
bool gpci_intx_pending(struct gpci *pci);

/* ---- root ports ------------------------------------------------------------- */

struct gport {
	struct gpci pci;
	unsigned int express; /* its capability */
	uint8_t bus;          /* behind it */
	unsigned int irqs;    /* messages that were seen */
};

/* Finds the port, and gives the bus behind it a number and a window. False: there is none. */
bool gport_find(struct gport *port, uint16_t bdf, uint8_t bus);
void gport_number(struct gport *port, uint8_t bus);

/* As pciehp, by messages or by the wire; then what it hears of within @ms, which is
 * acknowledged: PCI_EXP_SLTSTA_ABP ..., 0 for nothing. */
void gport_listen(struct gport *port, enum girq irq);
uint16_t gport_events(struct gport *port, unsigned int ms);

/* By presence and link, which must agree. */
bool gport_is_occupied(const struct gport *port);

/* PCI_EXP_SLTCTL_PWR_IND_ON ... */
void gport_indicate(const struct gport *port, uint16_t indicator);

/* ---- split ring ------------------------------------------------------------ */

struct gsg {
	uint64_t gpa;
	uint32_t len;
};

#define GRING_MAX 1024

struct gring_head {
	void *token; /* NULL: not in flight */
	uint16_t ndesc;
	uint32_t in_len;
	uint64_t table, table_addr; /* indirect: where, and as mapped */
	uint32_t table_len, table_pages;
};

/* The driver's side of a queue. A hostile test may write desc, avail and used itself. */
struct gring {
	struct gdma *dma;
	uint16_t size, index;
	bool indirect, event_idx;
	bool no_interrupt; /* callbacks are off */
	bool held;         /* what is added is not seen before gring_show() */
	uint64_t gpa, addr, desc_addr, avail_addr, used_addr;
	unsigned int pages;
	volatile struct vring_desc *desc;
	volatile struct vring_avail *avail;
	volatile struct vring_used *used;
	uint16_t free_head, num_free, avail_idx, kicked_idx, last_used;
	unsigned int watch;
	struct gring_head head[GRING_MAX];
	struct vring_desc shadow[GRING_MAX]; /* what must be unmapped later */
	uint64_t notify;                     /* where the doorbell is */
	unsigned int vector, irqs;           /* and how many of its interrupts were seen */
	unsigned int kicks;
};

struct gring *gring_new(struct gdma *dma, uint16_t size, bool indirect, bool event_idx);

/* Unmaps what is still in flight, as Linux does after a reset. */
void gring_free(struct gring *ring);

/* Add a request; false if there is no room. Readable parts come first. */
bool gring_add(struct gring *ring, const struct gsg *out, unsigned int nout, const struct gsg *in,
	       unsigned int nin, void *token);

/* Let the device see what was added while the ring was held. */
void gring_show(struct gring *ring);

/* Must the device be told? */
bool gring_kick_prepare(struct gring *ring);

/* A completed request's token, or NULL; its grants are taken back. */
void *gring_get(struct gring *ring, uint32_t *len);
bool gring_more(const struct gring *ring);
unsigned int gring_inflight(const struct gring *ring);
void gring_disable_cb(struct gring *ring);
bool gring_enable_cb(struct gring *ring); /* false: something came meanwhile */

/* ---- virtio-pci -------------------------------------------------------------- */

#define GVIRTIO_QUEUES 40

struct gvirtio {
	struct gpci pci;
	struct gdma dma;
	uint64_t common, isr, config, notify;
	uint32_t notify_multiplier;
	uint64_t offered, features;
	unsigned int nr_queues;
	struct gring *ring[GVIRTIO_QUEUES];
	unsigned int config_irqs;           /* how many were seen */
	unsigned int isr_queue, isr_config; /* INTx: how often ISR said so */
	unsigned int spurious;
};

#define gvirtio_field(name) offsetof(struct virtio_pci_common_cfg, name)

uint32_t gvirtio_read(struct gvirtio *v, unsigned int reg, unsigned int size);
void gvirtio_write(struct gvirtio *v, unsigned int reg, unsigned int size, uint32_t value);
uint32_t gvirtio_config(struct gvirtio *v, unsigned int offset, unsigned int size);
void gvirtio_set_config(struct gvirtio *v, unsigned int offset, unsigned int size, uint32_t value);

/* Find the capabilities; false if one is missing. */
bool gvirtio_probe(struct gvirtio *v);

/* Write 0 and poll, as Linux does. Returns how often status was not 0, or -1. */
int gvirtio_reset(struct gvirtio *v);

/* ACKNOWLEDGE, DRIVER, features, FEATURES_OK; false if the device refuses. */
bool gvirtio_negotiate(struct gvirtio *v, uint64_t wanted);

/* Set nr queues up, of at most size entries, with their vectors. */
bool gvirtio_setup_queues(struct gvirtio *v, unsigned int nr, uint16_t size);
void gvirtio_driver_ok(struct gvirtio *v);

/* One queue by hand: its registers only. */
void gvirtio_queue_regs(struct gvirtio *v, unsigned int index, const struct gring *ring);

/* Reset and free the queues, as a driver's removal; the device is acknowledged then. */
void gvirtio_remove(struct gvirtio *v);

void gvirtio_kick(struct gvirtio *v, struct gring *ring);
void gvirtio_kick_always(struct gvirtio *v, struct gring *ring);

/* Wait for the queue's interrupt; with GIRQ_NONE for its used ring. */
bool gvirtio_wait(struct gvirtio *v, struct gring *ring, unsigned int ms);

/* Has a config-change interrupt come since the last call? */
bool gvirtio_config_changed(struct gvirtio *v, unsigned int ms);

/* ---- virtio-blk -------------------------------------------------------------- */

#define GBLK_MAX_SEGS 64

struct gblk_req {
	struct gblk_req *next;
	uint32_t type;
	uint64_t sector;
	unsigned int nsegs;
	struct gsg seg[GBLK_MAX_SEGS];
	uint32_t len;     /* of the data */
	uint64_t gpa;     /* header at 0, status at 16 */
	uint8_t *written; /* a copy of what is being written */
	bool done;
	uint8_t status;
	uint32_t used_len;
	unsigned int queue;
};

struct gblk {
	struct gvirtio v;
	uint64_t capacity; /* sectors */
	uint32_t seg_max, size_max, blk_size;
	bool readonly;
	uint8_t *shadow; /* what must be on the disk, or NULL */
	uint8_t *known;  /* one byte a sector: 0 after a failed write */
	struct gblk_req *inflight;
	unsigned int completed, errors;
	uint64_t pool; /* pages of headers and status bytes */
	uint64_t pool_used[4];
};

struct gblk_config {
	uint16_t bdf;
	enum gdma_kind dma;
	enum girq irq;
	uint64_t without; /* features the driver does not want */
	unsigned int queues;
	uint16_t ring_size;
	uint16_t port; /* of one that is not on bus 0 */
};

/* Everything from the PCI probe to DRIVER_OK, as Linux. Fails the test if it cannot. */
struct gblk *gblk_start(const struct gblk_config *config);

/* virtblk_config_changed(): waits for that interrupt, then reads the capacity again.
 * False if there is none. */
bool gblk_config_changed(struct gblk *blk, unsigned int ms);

/* What the disk holds now; from here on all data is verified. */
void gblk_expect(struct gblk *blk, const void *contents, size_t size);
void gblk_remove(struct gblk *blk);                                    /* reset, queues freed */
void gblk_restart(struct gblk *blk, const struct gblk_config *config); /* bind again */
void gblk_free(struct gblk *blk);

/* Requests without an answer are forgotten; what they wrote is unknown. */
void gblk_forget(struct gblk *blk);

/*
 * Queue a request with len bytes of data in random segments; NULL if the ring
 * is full. The request is freed by gblk_put() when it is done.
 */
struct gblk_req *gblk_submit(struct gblk *blk, uint32_t type, uint64_t sector, uint32_t len);
void gblk_kick(struct gblk *blk);
bool gblk_wait(struct gblk *blk, struct gblk_req *req, unsigned int ms);
void gblk_put(struct gblk *blk, struct gblk_req *req);

/* Waits for all that is under way; false if one gets no answer, or an error. */
bool gblk_finish(struct gblk *blk, unsigned int ms);

/* Synchronous: the status byte, or 0xff without an answer within 10 s. */
uint8_t gblk_io(struct gblk *blk, uint32_t type, uint64_t sector, uint32_t len);
uint8_t gblk_read(struct gblk *blk, uint64_t sector, void *data, uint32_t len);
uint8_t gblk_write(struct gblk *blk, uint64_t sector, const void *data, uint32_t len);

/* nr random reads, writes and flushes, up to depth at once; false if one gets no answer. */
bool gblk_load(struct gblk *blk, unsigned int nr, unsigned int depth);

/* ---- virtio-net -------------------------------------------------------------- */

#define GNET_PAIRS 4
#define GNET_FRAME 65600u /* header included */
#define GNET_DESCS 64u    /* of one buffer */

struct gnet_config {
	uint64_t without, with; /* features; Linux's without steering are what it takes */
	const uint32_t *cuts;   /* where a buffer is cut: descriptors' lengths, up to a 0 */
	enum gdma_kind dma;
	enum girq irq;
	unsigned int pairs; /* 0: 1 */
	bool control;       /* with the queue behind the pairs, which must be all there are */
	uint16_t bdf;
	uint16_t ring_size;   /* 0: 128 */
	uint32_t buffer;      /* bytes of one receive buffer; 0: 1536, as Linux */
	unsigned int buffers; /* that are posted; 0: as many as the ring takes */
};

struct gnet {
	struct gvirtio v;
	struct gnet_config config;
	uint8_t mac[6];
	uint64_t rx_pages[GNET_PAIRS]; /* the buffers, one behind the other */
	unsigned int rx_count[GNET_PAIRS];
	unsigned int sent, received;
};

/* Everything from the PCI probe to DRIVER_OK with posted buffers, as Linux. */
struct gnet *gnet_start(const struct gnet_config *config);
void gnet_remove(struct gnet *net);
void gnet_restart(struct gnet *net);
void gnet_free(struct gnet *net);

/* @length bytes with the header, for the guest's address, filled with what @seed gives. */
void gnet_make_frame(const struct gnet *net, uint8_t *frame, uint32_t length, unsigned int seed);

/* Puts a frame with its header into the ring of a pair, in so many segments; false if
 * it is full. The device is told by gnet_kick(). */
bool gnet_send(struct gnet *net, unsigned int pair, const void *frame, uint32_t length,
	       unsigned int segments);
void gnet_kick(struct gnet *net, unsigned int pair);

/* A command's ack. */
uint8_t gnet_command(struct gnet *net, uint8_t class, uint8_t cmd, const void *data,
		     uint32_t length);

/* Takes back what was sent; false if not all was within @ms. */
bool gnet_sent(struct gnet *net, unsigned int pair, unsigned int ms);

/* The next frame with its header into @frame, of GNET_FRAME bytes; its buffers are
 * posted again. 0 if none came within @ms. */
uint32_t gnet_receive(struct gnet *net, unsigned int pair, void *frame, unsigned int ms);

/* ---- ACPI -------------------------------------------------------------------- */

#define GACPI_SLOTS  0xae00u /* what has come, is to go, eject, pluggable: a bit for each device */
#define GACPI_EVENTS 0xafe0u /* status and enabled ones, 16 bits each */
#define GACPI_IRQ    9

struct gacpi_event {
	uint32_t come, go; /* a bit for each device */
};

/*
 * Waits for ACPI's interrupt and serves it as Linux does, with the DSDT of hvmloader: true
 * if it was an event of the PCI slots.
 */
bool gacpi_serve(unsigned int vcpu, unsigned int ms, struct gacpi_event *event);

/* The steps of it, for who wants to be interrupted: until the method runs; the method, slot
 * by slot; and what comes last. */
bool gacpi_begin(unsigned int vcpu, unsigned int ms);
void gacpi_method(unsigned int vcpu, struct gacpi_event *event);
void gacpi_end(unsigned int vcpu);

/* The driver has let go of this device. */
void gacpi_eject(unsigned int vcpu, unsigned int device);

#endif
