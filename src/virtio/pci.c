/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci.c: the virtio-pci transport: one 64-bit BAR with all structures in it. */
#include "virtio/pci.h"

#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <string.h>

#include "base/util.h"
#include "ioreq/server.h"

#define SUBSYSTEM_ID 0x1100
#define REVISION     1

/* The BAR, a page for each structure. */
#define AREA_BYTES        0x1000U
#define COMMON_AREA       0x0000U
#define ISR_AREA          0x1000U
#define DEVICE_AREA       0x2000U
#define NOTIFY_AREA       0x3000U
#define MSIX_TABLE_AREA   0x4000U
#define MSIX_PBA_AREA     0x5000U
#define BAR_BYTES         0x8000U
#define NOTIFY_MULTIPLIER 4U

#define ISR_QUEUE  1
#define ISR_CONFIG 2

/* A register of the common configuration, by width and place. */
struct common_register {
	uint8_t offset, size;
	uint32_t (*read)(struct virtio_pci *vpci);
	void (*write)(struct virtio_pci *vpci, uint32_t value); /* NULL: read-only */
};

static struct virtio_pci *transport_of(struct virtio_device *device)
{
	return device->transport_private;
}

static void reset_registers(struct virtio_pci *vpci)
{
	unsigned i;

	*vpci->state = (struct virtio_pci_state){ .config_vector = VIRTIO_MSI_NO_VECTOR };
	for (i = 0; i < VIRTIO_MAX_QUEUES; i++)
		vpci->state->queue_vectors[i] = VIRTIO_MSI_NO_VECTOR;
}

static uint32_t read_device_feature_select(struct virtio_pci *vpci)
{
	return vpci->state->device_feature_select;
}

static void write_device_feature_select(struct virtio_pci *vpci, uint32_t value)
{
	vpci->state->device_feature_select = value;
}

static uint32_t feature_word(uint64_t features, uint32_t select)
{
	return select < 2 ? (uint32_t)(features >> (32 * select)) : 0;
}

static uint32_t read_device_feature(struct virtio_pci *vpci)
{
	return feature_word(vpci->device->offered, vpci->state->device_feature_select);
}

static uint32_t read_driver_feature_select(struct virtio_pci *vpci)
{
	return vpci->state->driver_feature_select;
}

static void write_driver_feature_select(struct virtio_pci *vpci, uint32_t value)
{
	vpci->state->driver_feature_select = value;
}

static uint32_t read_driver_feature(struct virtio_pci *vpci)
{
	return feature_word(vpci->device->state->driver_features,
			    vpci->state->driver_feature_select);
}

static void write_driver_feature(struct virtio_pci *vpci, uint32_t value)
{
	if (vpci->state->driver_feature_select < 2)
		virtio_device_write_features(vpci->device, vpci->state->driver_feature_select,
					     value);
}

/* A vector that does not exist is not taken, which the driver reads back. */
static uint16_t checked_vector(const struct virtio_pci *vpci, uint32_t value)
{
	return value < vpci->function.msix_vectors ? (uint16_t)value : VIRTIO_MSI_NO_VECTOR;
}

static uint32_t read_config_vector(struct virtio_pci *vpci)
{
	return vpci->state->config_vector;
}

static void write_config_vector(struct virtio_pci *vpci, uint32_t value)
{
	vpci->state->config_vector = checked_vector(vpci, value);
}

static uint32_t read_num_queues(struct virtio_pci *vpci)
{
	return vpci->device->nqueues;
}

static uint32_t read_status(struct virtio_pci *vpci)
{
	return virtio_device_read_status(vpci->device);
}

/* Firmware does not poll for the end of a reset, so it is held until then. */
static void write_status(struct virtio_pci *vpci, uint32_t value)
{
	if (!virtio_device_write_status(vpci->device, (uint8_t)value))
		ioreq_answer_later(vpci->function.server, vpci);
}

static uint32_t read_generation(struct virtio_pci *vpci)
{
	return vpci->device->state->config_generation;
}

static uint32_t read_queue_select(struct virtio_pci *vpci)
{
	return vpci->state->queue_select;
}

static void write_queue_select(struct virtio_pci *vpci, uint32_t value)
{
	vpci->state->queue_select = (uint16_t)value;
}

/* Those of a queue that does not exist read 0. */
static struct virtqueue_registers selected(struct virtio_pci *vpci)
{
	unsigned queue = vpci->state->queue_select;

	return queue < vpci->device->nqueues ? vpci->device->state->queues[queue]
					     : (struct virtqueue_registers){ 0 };
}

/* NULL while, or where, the driver may not write. */
static struct virtqueue_registers *selected_open(struct virtio_pci *vpci)
{
	unsigned queue = vpci->state->queue_select;

	return queue < vpci->device->nqueues ? virtio_device_open_registers(vpci->device, queue)
					     : NULL;
}

static uint32_t read_queue_size(struct virtio_pci *vpci)
{
	return selected(vpci).size;
}

static void write_queue_size(struct virtio_pci *vpci, uint32_t value)
{
	struct virtqueue_registers *registers = selected_open(vpci);

	if (registers)
		registers->size = (uint16_t)value;
}

static uint32_t read_queue_vector(struct virtio_pci *vpci)
{
	unsigned queue = vpci->state->queue_select;

	return queue < vpci->device->nqueues ? vpci->state->queue_vectors[queue]
					     : VIRTIO_MSI_NO_VECTOR;
}

static void write_queue_vector(struct virtio_pci *vpci, uint32_t value)
{
	if (selected_open(vpci))
		vpci->state->queue_vectors[vpci->state->queue_select] = checked_vector(vpci, value);
}

static uint32_t read_queue_enable(struct virtio_pci *vpci)
{
	return selected(vpci).enabled;
}

static void write_queue_enable(struct virtio_pci *vpci, uint32_t value)
{
	struct virtqueue_registers *registers = selected_open(vpci);

	if (registers && value == 1)
		registers->enabled = true;
}

static uint32_t read_queue_notify_offset(struct virtio_pci *vpci)
{
	unsigned queue = vpci->state->queue_select;

	return queue < vpci->device->nqueues ? queue : 0;
}

/* The six halves of the ring addresses. */
#define ADDRESS_REGISTER(field)                                                                \
	static uint32_t read_##field##_low(struct virtio_pci *vpci)                            \
	{                                                                                      \
		return (uint32_t)selected(vpci).field;                                         \
	}                                                                                      \
	static uint32_t read_##field##_high(struct virtio_pci *vpci)                           \
	{                                                                                      \
		return (uint32_t)(selected(vpci).field >> 32);                                 \
	}                                                                                      \
	static void write_##field##_low(struct virtio_pci *vpci, uint32_t value)               \
	{                                                                                      \
		struct virtqueue_registers *registers = selected_open(vpci);                   \
                                                                                               \
		if (registers)                                                                 \
			registers->field = (registers->field & ~0xffffffffULL) | value;        \
	}                                                                                      \
	static void write_##field##_high(struct virtio_pci *vpci, uint32_t value)              \
	{                                                                                      \
		struct virtqueue_registers *registers = selected_open(vpci);                   \
                                                                                               \
		if (registers)                                                                 \
			registers->field = (uint32_t)registers->field | (uint64_t)value << 32; \
	}

ADDRESS_REGISTER(descriptors)
ADDRESS_REGISTER(driver_area)
ADDRESS_REGISTER(device_area)

static const struct common_register common_registers[] = {
	{ VIRTIO_PCI_COMMON_DFSELECT, 4, read_device_feature_select, write_device_feature_select },
	{ VIRTIO_PCI_COMMON_DF, 4, read_device_feature, NULL },
	{ VIRTIO_PCI_COMMON_GFSELECT, 4, read_driver_feature_select, write_driver_feature_select },
	{ VIRTIO_PCI_COMMON_GF, 4, read_driver_feature, write_driver_feature },
	{ VIRTIO_PCI_COMMON_MSIX, 2, read_config_vector, write_config_vector },
	{ VIRTIO_PCI_COMMON_NUMQ, 2, read_num_queues, NULL },
	{ VIRTIO_PCI_COMMON_STATUS, 1, read_status, write_status },
	{ VIRTIO_PCI_COMMON_CFGGENERATION, 1, read_generation, NULL },
	{ VIRTIO_PCI_COMMON_Q_SELECT, 2, read_queue_select, write_queue_select },
	{ VIRTIO_PCI_COMMON_Q_SIZE, 2, read_queue_size, write_queue_size },
	{ VIRTIO_PCI_COMMON_Q_MSIX, 2, read_queue_vector, write_queue_vector },
	{ VIRTIO_PCI_COMMON_Q_ENABLE, 2, read_queue_enable, write_queue_enable },
	{ VIRTIO_PCI_COMMON_Q_NOFF, 2, read_queue_notify_offset, NULL },
	{ VIRTIO_PCI_COMMON_Q_DESCLO, 4, read_descriptors_low, write_descriptors_low },
	{ VIRTIO_PCI_COMMON_Q_DESCHI, 4, read_descriptors_high, write_descriptors_high },
	{ VIRTIO_PCI_COMMON_Q_AVAILLO, 4, read_driver_area_low, write_driver_area_low },
	{ VIRTIO_PCI_COMMON_Q_AVAILHI, 4, read_driver_area_high, write_driver_area_high },
	{ VIRTIO_PCI_COMMON_Q_USEDLO, 4, read_device_area_low, write_device_area_low },
	{ VIRTIO_PCI_COMMON_Q_USEDHI, 4, read_device_area_high, write_device_area_high },
};

/* The register that has all of an access within it. */
static const struct common_register *find_common(uint32_t offset, unsigned size)
{
	const struct common_register *reg;

	for (reg = common_registers; reg < common_registers + ARRAY_SIZE(common_registers); reg++)
		if (offset >= reg->offset && offset + size <= reg->offset + reg->size)
			return reg;
	return NULL;
}

/* Drivers use a field's own width (virtio 1.2, 4.1.3.1), but for iPXE until 2023, which
 * reads the lower half of its features (vpm_ioread32()). */
static uint32_t read_common(struct virtio_pci *vpci, uint32_t offset, unsigned size)
{
	const struct common_register *reg = find_common(offset, size);
	uint32_t value;

	if (!reg)
		return 0;
	value = reg->read(vpci) >> 8 * (offset - reg->offset);
	return size < 4 ? value & ((1U << 8 * size) - 1) : value;
}

static void write_common(struct virtio_pci *vpci, uint32_t offset, unsigned size, uint32_t value)
{
	const struct common_register *reg = find_common(offset, size);

	if (reg && reg->write && size == reg->size)
		reg->write(vpci, value);
}

static uint32_t read_device_config(const struct virtio_pci *vpci, uint32_t offset, unsigned size)
{
	const struct virtio_device *device = vpci->device;
	uint32_t value = 0;

	if (offset + size <= device->config_length)
		memcpy(&value, (const uint8_t *)device->config + offset, size);
	return value;
}

static uint32_t bar_read(void *arg, uint32_t offset, unsigned size)
{
	struct virtio_pci *vpci = arg;
	uint32_t in_area = offset % AREA_BYTES;

	switch (offset - in_area) {
	case COMMON_AREA:
		return read_common(vpci, in_area, size);
	case ISR_AREA:
		return in_area ? 0 : pci_intx_read_causes(&vpci->function);
	case DEVICE_AREA:
		return read_device_config(vpci, in_area, size);
	case MSIX_TABLE_AREA:
		return msix_table_read(&vpci->function, in_area, size);
	case MSIX_PBA_AREA:
		return msix_pba_read(&vpci->function, in_area, size);
	default:
		return 0;
	}
}

static void bar_write(void *arg, uint32_t offset, unsigned size, uint32_t value)
{
	struct virtio_pci *vpci = arg;
	uint32_t in_area = offset % AREA_BYTES;

	switch (offset - in_area) {
	case COMMON_AREA:
		write_common(vpci, in_area, size, value);
		break;
	case NOTIFY_AREA:
		virtio_device_kick(vpci->device, in_area / NOTIFY_MULTIPLIER);
		break;
	case DEVICE_AREA:
		virtio_device_write_config(vpci->device, in_area, size, value);
		break;
	case MSIX_TABLE_AREA:
		msix_table_write(&vpci->function, in_area, size, value);
		break;
	default:
		break;
	}
}

static const struct pci_bar_ops bar_ops = { .read = bar_read, .write = bar_write };

/* The PCI config access capability: a window of 4 bytes in config space that
 * reaches any place in the BAR (virtio 1.2, 4.1.4.9). False if the driver has
 * not set it to a place and width that exist. */
static bool window_target(const struct virtio_pci *vpci, uint32_t *offset, unsigned *size)
{
	struct virtio_pci_cap cap;

	memcpy(&cap, vpci->function.state->config + vpci->access_capability, sizeof(cap));
	*offset = cap.offset;
	*size = cap.length;
	return cap.bar == VIRTIO_PCI_BAR && (*size == 1 || *size == 2 || *size == 4) &&
	       *offset % *size == 0 && *offset <= BAR_BYTES - *size;
}

static uint32_t window_read(void *arg, unsigned at, unsigned size)
{
	struct virtio_pci *vpci = arg;
	uint32_t offset;
	unsigned width;

	(void)size;
	if (at || !window_target(vpci, &offset, &width))
		return ~0U;
	return bar_read(vpci, offset, width);
}

static void window_write(void *arg, unsigned at, unsigned size, uint32_t value)
{
	struct virtio_pci *vpci = arg;
	uint32_t offset;
	unsigned width;

	if (!at && window_target(vpci, &offset, &width) && size >= width)
		bar_write(vpci, offset, width, value);
}

static void queue_interrupt(struct virtio_device *device, unsigned queue)
{
	struct virtio_pci *vpci = transport_of(device);

	pci_interrupt(&vpci->function, vpci->state->queue_vectors[queue], ISR_QUEUE);
}

static void config_interrupt(struct virtio_device *device)
{
	struct virtio_pci *vpci = transport_of(device);

	pci_interrupt(&vpci->function, vpci->state->config_vector, ISR_CONFIG);
}

static void reset_done(struct virtio_device *device)
{
	struct virtio_pci *vpci = transport_of(device);

	reset_registers(vpci);
	pci_intx_read_causes(&vpci->function);
	ioreq_answer(vpci->function.server, vpci);
}

static void ready(struct virtio_device *device)
{
	transport_of(device)->function.retry = false;
}

static const struct virtio_transport transport = {
	.queue_interrupt = queue_interrupt,
	.config_interrupt = config_interrupt,
	.reset_done = reset_done,
	.ready = ready,
};

static unsigned add_structure(struct virtio_pci *vpci, uint8_t type, uint32_t offset,
			      uint32_t length, uint32_t extra, unsigned extra_bytes)
{
	struct virtio_pci_notify_cap cap = {
		.cap = { .cap_len = (uint8_t)(sizeof(cap.cap) + extra_bytes),
			 .cfg_type = type,
			 .bar = VIRTIO_PCI_BAR,
			 .offset = offset,
			 .length = length },
		.notify_off_multiplier = extra,
	};

	return pci_add_capability(&vpci->function, PCI_CAP_ID_VNDR, &cap.cap.cap_len,
				  cap.cap.cap_len - PCI_CAP_FLAGS);
}

static void add_access_capability(struct virtio_pci *vpci)
{
	struct pci_function *function = &vpci->function;
	unsigned at = add_structure(vpci, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 0, 4);

	vpci->access_capability = at;
	function->writable[at + VIRTIO_PCI_CAP_BAR] = 0xff;
	memset(function->writable + at + VIRTIO_PCI_CAP_OFFSET, 0xff, 8); /* offset and length */
	function->window = (struct pci_window){ .first = at + sizeof(struct virtio_pci_cap),
						.length = 4,
						.read = window_read,
						.write = window_write,
						.arg = vpci };
}

/* Whom to grant to. Linux knows from the device tree, other drivers may look here. */
static void add_backend_domid(struct virtio_pci *vpci)
{
	uint32_t domid = ioreq_server_own_domid(vpci->function.server);

	pci_add_xen_capability(&vpci->function, &domid, sizeof(domid));
}

void virtio_pci_init(struct virtio_pci *vpci, struct virtio_device *device,
		     struct ioreq_server *server, struct pci_bdf bdf, struct pci_state *fresh)
{
	const struct pci_identity identity = {
		.vendor = VIRTIO_PCI_VENDOR,
		.device = VIRTIO_PCI_DEVICE(device->type->virtio_id),
		.subsystem_vendor = VIRTIO_PCI_VENDOR,
		.subsystem = SUBSYSTEM_ID,
		.class_code = device->type->pci_class,
		.revision = REVISION,
	};

	*vpci = (struct virtio_pci){ .device = device };
	device->transport = &transport;
	device->transport_private = vpci;
	pci_function_init(&vpci->function, bdf, device->name, fresh, &identity);
	vpci->function.server = server;
	vpci->function.retry = device->wait == VIRTIO_WAIT_RRS && !device->ready;
	pci_add_bar(&vpci->function, VIRTIO_PCI_BAR, BAR_BYTES, &bar_ops, vpci);
	if (device->rom.bytes)
		pci_add_rom(&vpci->function, device->rom.bytes, device->rom.length);
	if (ioreq_server_has_msi(server) && !device->intx_only)
		pci_add_msix(&vpci->function, device->nqueues + 1, VIRTIO_PCI_BAR, MSIX_TABLE_AREA,
			     MSIX_PBA_AREA);
	add_structure(vpci, VIRTIO_PCI_CAP_COMMON_CFG, COMMON_AREA,
		      sizeof(struct virtio_pci_common_cfg), 0, 0);
	add_structure(vpci, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_AREA, AREA_BYTES, NOTIFY_MULTIPLIER,
		      4);
	add_structure(vpci, VIRTIO_PCI_CAP_ISR_CFG, ISR_AREA, 1, 0, 0);
	add_structure(vpci, VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE_AREA, device->config_length, 0, 0);
	add_access_capability(vpci);
	add_backend_domid(vpci);
}

void virtio_pci_begin(struct virtio_pci *vpci, struct virtio_pci_state *state,
		      struct pci_state *pci_state, enum virtio_pci_left left)
{
	struct pci_function *function = &vpci->function;
	const struct pci_state before = *pci_state;

	vpci->state = state;
	if (left != VIRTIO_PCI_ALL)
		reset_registers(vpci);
	if (left)
		pci_function_restore(function, &before, left == VIRTIO_PCI_ALL);
	*pci_state = *function->state; /* who dies here leaves one or the other: the same */
	function->state = pci_state;
}

void virtio_pci_destroy(struct virtio_pci *vpci)
{
	pci_function_destroy(&vpci->function);
}
