/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.h: what the command line asks for. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/bdf.h"
#include "base/options.h"
#include "bridge/host.h"
#include "bridge/port.h"
#include "ioreq/server.h"
#include "memory/memory.h"

#define CONFIG_MAX_DEVICES  32
#define CONFIG_MAX_PORTS    16
#define CONFIG_MAX_GLOBALS  32
#define CONFIG_MAX_WORKERS  64
#define CONFIG_WORKERS_AUTO UINT32_MAX

struct virtio_device_type;

enum device_msix { DEVICE_MSIX_AUTO, DEVICE_MSIX_ON };

/* Options that every device has. */
struct device_options {
	struct pci_bdf bdf;  /* by which it is known: its own, or its port's */
	struct pci_bdf port; /* in whose slot it is, or BDF_NONE */
	unsigned memory;     /* enum memory_policy */
	uint64_t map_from;
	bool indirect;
	unsigned msix;      /* enum device_msix */
	unsigned busy_poll; /* us */
	unsigned wait;      /* enum virtio_wait */
};

struct device_config {
	const struct virtio_device_type *type;
	struct device_options common;
	void *options; /* the type's own */
};

struct config {
	char *domain;   /* name or number */
	char *instance; /* NULL: as the domain */
	struct ioreq_platform platform;
	unsigned workers;
	uint64_t bounce, window; /* bytes */
	bool report_writes;
	unsigned hotplug;                                /* enum hotplug_way */
	unsigned log_level;                              /* enum log_level */
	const char *file;                                /* --config, or NULL */
	unsigned file_line;                              /* that is being read; 0: a flag is */
	uint64_t given;                                  /* which global options were */
	unsigned lines[CONFIG_MAX_GLOBALS], bridge_line; /* where; 0: by a flag */
	bool check;
	bool has_bridge;
	struct bridge_options bridge_options;
	struct bridge bridge; /* as they say, to be attached */
	struct device_config devices[CONFIG_MAX_DEVICES];
	unsigned ndevices;
	struct port_options ports[CONFIG_MAX_PORTS];
	unsigned nports;
};

enum config_verdict {
	CONFIG_RUN,
	CONFIG_DONE,  /* --help, --version */
	CONFIG_USAGE, /* said what is wrong */
};

/* Parses the flags; what is wrong is said in one line. config_free() after any
 * verdict. */
enum config_verdict config_parse(struct config *config, int argc, char **argv);
void config_free(struct config *config);

/* The instance's name. */
const char *config_instance(const struct config *config);

/* The types of device there are, by NULL at the end, and what each device may be told beside
 * its type's own. */
extern const struct virtio_device_type *const config_types[];
extern const struct option_spec config_device_options[];

/* NULL if there is none. */
const struct virtio_device_type *device_type_find(const char *name);

/* A device by its options, "bdf=00:06.0,path=..."; with @later for a guest that runs. What is
 * wrong is said in one line that begins with @where. Returns 0 or -EINVAL, -ENOMEM;
 * device_config_free() either way. */
int device_config_parse(struct device_config *device, const struct virtio_device_type *type,
			bool later, const char *where, const char *text);
void device_config_free(struct device_config *device);
