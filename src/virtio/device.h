/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device.h: one virtio device between its transport and its type: features,
 * the status machine, queue registers, reset (virtio 1.2, 2.1 to 2.4).
 *
 * All of it runs on main, unless said otherwise. */
#pragma once
#include <linux/virtio_config.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/opener.h"
#include "base/reason.h"
#include "base/stats.h"
#include "virtio/queue.h"

#define VIRTIO_MAX_QUEUES     63
#define VIRTIO_CONFIG_MAX     64   /* bytes of any type's configuration */
#define VIRTIO_TYPE_STATE_MAX 8192 /* bytes */

struct loop;
struct option_spec;
struct virtio_device;

/* What becomes of a device while what it serves is not there yet. */
enum virtio_wait {
	VIRTIO_WAIT_NO,     /* none is made: that is an error */
	VIRTIO_WAIT_RRS,    /* the guest's PCI scan waits, by Request Retry Status */
	VIRTIO_WAIT_ONLINE, /* it is there, empty; its configuration changes later */
};

extern const char *const virtio_wait_names[]; /* for the option parser */

/* What a kind of device supplies; devices/types.h lists them. */
struct virtio_device_type {
	const char *name; /* of the flag: --blk */
	uint16_t virtio_id;
	uint32_t pci_class;
	const struct option_spec *options;
	size_t options_size; /* of the struct that the options fill */
	unsigned together;   /* so many queues in a row share a worker; 0: each has its own */

	/* What the tables cannot say. 0 or -EINVAL after one line in the log, which
	 * begins with @where. */
	int (*check)(const void *options, const char *where);

	/* NULL if nothing is opened by name. Lists what opener_open() will be asked for. */
	void (*names)(const void *options, opener_add *add, void *arg);

	/* Before Xen is touched: fills offered, config and nqueues in, which do not
	 * depend on what is served. The options stay valid until close(). 0 or -errno. */
	int (*open)(struct virtio_device *device, const void *options);
	void (*close)(struct virtio_device *device); /* after a failed open(), too */

	/* NULL if there is nothing to wait for. Opens what the device serves: once
	 * after open(), and with @again from time to time until it succeeds, on main
	 * while the guest runs, so it must not wait then. May change the configuration.
	 * 0 or -errno with the reason: -EAGAIN if waiting may help. */
	int (*connect)(struct virtio_device *device, bool again, struct reason *why);

	/* Once per queue, after its worker is known; may set queue->private. */
	int (*queue_init)(struct virtqueue *queue);
	void (*queue_free)(struct virtqueue *queue);

	/* On the queue's worker: requests came. Each is pushed, now or later. */
	void (*handle)(struct virtqueue *queue, struct chain **chains, unsigned count);

	/* In place of handle(), for a type that takes chains when it wants some: there
	 * may be chains for virtqueue_take(), whose last call found none, or none was
	 * made yet. */
	void (*kicked)(struct virtqueue *queue);
	/* NULL if nothing is ever held: the queue is to stop, what is held and not on
	 * its way is pushed. */
	void (*stop)(struct virtqueue *queue);

	/* NULL if it always is so. While the device goes away, after a reset: ends what the queue
	 * still has in a loop, and is true if there is nothing. Asked again if not. */
	bool (*queue_quiet)(struct virtqueue *queue);

	/* The rest is on main, and NULL where there is nothing to do. */

	/* The same for what the device has in main's loop. */
	bool (*quiet)(struct virtio_device *device);

	/* The administrator takes away what is served: from here on every request fails, and
	 * what can be given back at once is. True if that has been done; asked again if not. */
	bool (*forsake)(struct virtio_device *device);

	/* The guest is known, and may make a difference to the number of queues. */
	void (*fit)(struct virtio_device *device, unsigned vcpus);

	/* The driver has set DRIVER_OK, and the queues start behind it; and no queue
	 * runs any more after a reset. */
	void (*driver_ok)(struct virtio_device *device);
	void (*reset)(struct virtio_device *device);

	/* In place of driver_ok(), of a device that a dead process has served: what the driver has
	 * made of it is in the state, and may be garbage. */
	void (*adopt)(struct virtio_device *device);

	/* The driver has written there in the configuration. */
	void (*config_written)(struct virtio_device *device, unsigned offset, unsigned size,
			       uint32_t value);

	/* The administrator says that what is served may have changed. */
	void (*look_again)(struct virtio_device *device);

	/* The administrator takes the link away, or gives it back. */
	void (*set_link)(struct virtio_device *device, bool up);

	/* False for a queue that is served even while the device pauses; any thread. */
	bool (*pauses)(const struct virtqueue *queue);

	/* What it has counted. */
	void (*stats)(const struct virtio_device *device, const struct stats *stats);
};

/* What a transport supplies. */
struct virtio_transport {
	/* From any thread. */
	void (*queue_interrupt)(struct virtio_device *device, unsigned queue);
	void (*config_interrupt)(struct virtio_device *device);
	/* The device is as at power-on again. */
	void (*reset_done)(struct virtio_device *device);
	/* What the device serves is there now. */
	void (*ready)(struct virtio_device *device);
};

/* What the driver has made of the device; plain, so that it can outlive us. */
struct virtio_device_state {
	uint64_t driver_features;
	uint32_t generation; /* counts resets */
	uint8_t status;
	uint8_t config_generation; /* counts changes of the configuration */
	uint8_t resetting; /* that has begun and is not over; @latched_status was written since */
	uint8_t latched_status;
	uint8_t config[VIRTIO_CONFIG_MAX]; /* the configuration, as the driver was told of it last */
	struct virtqueue_registers queues[VIRTIO_MAX_QUEUES];
	struct inflight inflight[VIRTIO_MAX_QUEUES];
	_Alignas(8) uint8_t type[VIRTIO_TYPE_STATE_MAX]; /* the type's own */
};

/* What firmware finds on the device, and runs. */
struct virtio_rom {
	uint8_t *bytes; /* NULL: none */
	size_t length;
};

struct virtio_device {
	const struct virtio_device_type *type;
	const char *name; /* for messages */
	struct memory_options memory;
	uint64_t busy_poll_ns; /* how long empty queues are looked at; 0: not at all */
	struct loop *loop;     /* main's */
	struct virtio_device_state *state;
	const struct virtio_transport *transport;
	void *transport_private;

	uint64_t offered;
	const void *config; /* little endian, as the guest reads it */
	unsigned config_length;
	unsigned nqueues;
	struct virtqueue *queues;
	void *private; /* the type's */
	struct virtio_rom rom;

	enum virtio_wait wait;
	bool ready;
	bool intx_only;     /* where there are MSI-X, too */
	atomic_bool paused; /* by the administrator */
	bool quiet;         /* it goes away, and was found so */
	struct reason why;  /* not ready: as last said */

	unsigned stopping;            /* queues that a reset waits for */
	bool reset_seen;              /* the driver has read that the last one is over */
	bool config_news;             /* the driver has not been told of a change */
	struct loop_work *when_quiet; /* NULL, or posted at the end of each reset */
};

/* Calls the type's open() and connect(). What is not there yet is waited for if
 * @wait says so, and the device is not ready. 0, or -errno after a line in the log. */
int virtio_device_open(struct virtio_device *device, const struct virtio_device_type *type,
		       const char *name, const struct memory_options *memory, enum virtio_wait wait,
		       const void *options);
void virtio_device_close(struct virtio_device *device);

/* The same in two steps, for while the guest runs: the second one never waits, and is to be
 * taken again as long as it returns -EAGAIN or -EINPROGRESS; then, and after another error, the
 * device is still open. 0, or -errno with the reason in device->why. */
int virtio_device_prepare(struct virtio_device *device, const struct virtio_device_type *type,
			  const char *name, const struct memory_options *memory,
			  const void *options);
int virtio_device_connect(struct virtio_device *device);

/* For open(): reads an expansion ROM, for a device to boot from. Its images for virtio
 * devices get this one's ids. 0 or -errno with the reason in device->why. */
#define VIRTIO_ROM_MAX (16U << 20)
int virtio_device_read_rom(struct virtio_device *device, const char *path);
void virtio_device_rom_names(const char *path, opener_add *add, void *arg);

/* Tries again to connect an attached device that is not ready. 0 if it is, or -errno:
 * -EINPROGRESS if it is being opened. */
int virtio_device_retry(struct virtio_device *device);

/* Gives the opened device its queues, homed on @workers in turn, from the
 * *@next-th on; those that belong together on one. 0 or -errno. */
int virtio_device_attach(struct virtio_device *device, struct loop *loop,
			 struct virtio_device_state *state, struct worker *workers,
			 unsigned nworkers, unsigned *next);

/* It is what the state says that a dead process has @left, and true is returned; or if there is
 * none, or it is garbage, or what the driver was promised does not hold any more, as at
 * power-on. The device goes on from there by virtio_device_resume(), once the guest sees it. */
bool virtio_device_begin(struct virtio_device *device, bool left);
void virtio_device_resume(struct virtio_device *device);
/* After its workers have quit, or virtio_device_quiet(). */
void virtio_device_detach(struct virtio_device *device);

/* Of a device that was reset and that the guest does not see any more: ends what it has in any
 * loop. True if there is nothing left; else it is to be asked again, in a later turn. */
bool virtio_device_quiet(struct virtio_device *device);

/* See struct virtio_device_type. */
bool virtio_device_forsake(struct virtio_device *device);

/* Until a reset is over the status reads as before it. The second one is for the driver, who
 * may wait for that. */
bool virtio_device_resetting(const struct virtio_device *device);
uint8_t virtio_device_status(const struct virtio_device *device);
uint8_t virtio_device_read_status(struct virtio_device *device);

/* False if this began a reset that is not over yet: reset_done() will come. */
bool virtio_device_write_status(struct virtio_device *device, uint8_t status);

/* Bits 0..31 or, with @high, 32..63. Ignored once FEATURES_OK is set. */
void virtio_device_write_features(struct virtio_device *device, bool high, uint32_t bits);

/* The registers of a queue, or NULL while the driver may not write them: they
 * are open only between FEATURES_OK and DRIVER_OK, until the queue is enabled. */
struct virtqueue_registers *virtio_device_open_registers(struct virtio_device *device,
							 unsigned queue);
void virtio_device_kick(struct virtio_device *device, unsigned queue);

/* Offsets and sizes as for BARs; of the type's configuration. */
void virtio_device_write_config(struct virtio_device *device, unsigned offset, unsigned size,
				uint32_t value);

/* See struct virtio_device_type. */
void virtio_device_fit(struct virtio_device *device, unsigned vcpus);
void virtio_device_look_again(struct virtio_device *device);

/* From the administrator: what the driver asks for waits, until this is over. */
void virtio_device_pause(struct virtio_device *device, bool paused);

/* Its queues' figures and the type's. */
void virtio_device_stats(const struct virtio_device *device, const struct stats *stats);

/* The configuration is another one now: the driver is told when it can be. */
void virtio_device_config_changed(struct virtio_device *device);

/* Begins a reset as the driver would; true if it is over already. */
bool virtio_device_reset(struct virtio_device *device);

/* From the queues. */
void virtio_device_queue_stopped(struct virtio_device *device);
void virtio_device_broken(struct virtio_device *device, uint32_t generation);
