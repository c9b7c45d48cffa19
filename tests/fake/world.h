/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * world.h: what the parts of the fake Xen layer share.
 *
 * One struct fake_world in shared memory, made by fake_start() and inherited by
 * every daemon child. Only plain data: no pointer in it is followed by another
 * process, except to memory mapped before the fork.
 */
#ifndef FAKE_WORLD_H
#define FAKE_WORLD_H

#include "fake.h"

#include <pthread.h>
#include <stdatomic.h>
#include <xen/xen.h>
#include <xen/hvm/ioreq.h>

#define MAX_VCPUS      16
#define MAX_PAGES      67584u
#define MAX_RANGES     256
#define MAX_PROCS      4  /* 0 is the test itself */
#define MAX_HANDLES    16 /* event channel and xenstore handles, in all */
#define MAX_PORTS      256
#define MAX_MSI        64 /* different messages */
#define MAX_NODES      64
#define MAX_VIOLATIONS 32
#define MAX_USED_RINGS 64
#define MAX_OWNERS     16
#define MAX_FRAMES     (MAX_PAGES + 4096) /* RAM, replaced frames, ioreq pages */
#define NO_FRAME       UINT32_MAX
#define FIRST_EPORT    16u /* Xen's ends of the channels: FIRST_EPORT + index */
#define NR_EPORTS      (FAKE_NR_SERVERS * MAX_VCPUS)
#define NR_SPIS        64
#define NR_ISA_IRQS    16
#define FIRST_LPORT    40 /* the daemon's ends */
#define MAX_EVENTS     64 /* queued xenstore watch events */

struct range {
	uint64_t start, end;
};

struct rangeset {
	unsigned int nr;
	struct range range[MAX_RANGES];
};

struct server {
	bool used, enabled;
	int proc;       /* who created or adopted it; -1: QEMU */
	uint32_t frame; /* its ioreq page, or NO_FRAME */
	struct rangeset ranges[3];
};

/* One interdomain channel, Xen's end: index = server * MAX_VCPUS + vcpu. */
struct eport {
	bool used;
	uint32_t lport; /* 0 while unbound */
};

/* The daemon's end. */
struct lport {
	bool used, enabled, pending;
	int handle;
	int eport; /* -1 when the other end is gone */
};

/* A pollable handle: an event channel device or a xenstore connection. */
struct handle {
	bool used;
	int proc;
	int fd; /* eventfd, a semaphore: one per queued entry */
	uint32_t head, tail;
	uint32_t queue[MAX_PORTS];
};

struct watch {
	bool used;
	int handle;
	char path[96], token[64];
};

struct node {
	bool used;
	char path[96], value[160];
};

struct owner {        /* a request that a grant is for */
	uint8_t ring; /* the used ring that completes it */
	uint16_t head;
};

struct grant {
	bool used, readonly;
	bool owned; /* is or was for a request */
	uint8_t nr_owners;
	uint32_t pfn;
	struct owner owner[MAX_OWNERS];
};

struct pins { /* by one process; what its death gives back */
	uint16_t ro[FAKE_NR_GRANTS], rw[FAKE_NR_GRANTS];
	uint32_t grants, maps, foreign, resources;
};

struct used_ring {
	bool active;
	uint16_t size;
	uint16_t consumed;
	uint64_t gpa;
};

/* A vCPU's access; the ioreq slot has the live part. */
struct vcpu {
	bool open, claimed;
	uint8_t asked; /* bit mask of servers not finished yet */
	uint8_t prev_state[FAKE_NR_SERVERS];
	_Atomic uint32_t notified; /* futex: events for this vCPU */
	uint32_t seen;             /* of notified */
	uint64_t began_ns, notified_ns;
	struct fake_io io;
	uint64_t data;
};

struct fault {
	uint32_t countdown;
	int err;
	bool dies;
	bool happened;
};

struct fake_world {
	pthread_mutex_t lock;
	enum fake_platform platform;
	bool alive, crashed;
	unsigned int nr_vcpus, ram_pages, nr_frames;
	unsigned int timeout_ms;
	int memfd, holefd;
	uint8_t *frames; /* every frame, linear, mapped before any fork */
	uint8_t *ram;    /* the guest's view */

	unsigned int nr_violations;
	char violation[MAX_VIOLATIONS][240];

	struct server server[FAKE_NR_SERVERS];
	struct eport eport[NR_EPORTS];
	struct lport lport[MAX_PORTS];
	struct handle handle[MAX_HANDLES];
	struct vcpu vcpu[MAX_VCPUS];
	uint64_t slowest_ns;

	struct grant grant[FAKE_NR_GRANTS];
	struct pins pins[MAX_PROCS];
	unsigned int maptrack; /* pages of grants that may be mapped at once */
	unsigned int page_size;
	bool proc_used[MAX_PROCS];
	struct used_ring used_ring[MAX_USED_RINGS];

	_Atomic uint32_t irq_seq; /* futex */
	unsigned int nr_msi, msi_total;
	struct {
		uint64_t addr;
		uint32_t data;
		unsigned int count;
	} msi[MAX_MSI];
	struct {
		bool level;
		unsigned int raised;
	} intx[32][4], spi[NR_SPIS];
	bool isa[NR_ISA_IRQS];
	bool acpi;
	unsigned int pages_modified;
	uint8_t modified[MAX_PAGES / 8];

	struct node node[MAX_NODES];
	struct watch watch[32];
	struct {
		char path[96], token[64];
	} event[MAX_EVENTS];
	uint32_t next_event;

	uint32_t calls[FAKE_NR_CALLS];
	uint32_t segments, syscalls, hypercalls;
	struct fault fault[FAKE_NR_CALLS];

	uint32_t p2m[MAX_PAGES];
};

extern struct fake_world *world;
extern int fake_proc; /* which process this is, 0 in the test */

void world_lock(void);
void world_unlock(void);

/* fake_violation() for callers that hold the lock. */
void world_violation(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Count a call with its cost. False if this one is to fail: errno is set.
 * Takes the lock.
 */
bool world_call(enum fake_call call, unsigned int syscalls, unsigned int hypercalls);

/* Only count the cost. */
void world_cost(unsigned int syscalls, unsigned int hypercalls);

/* A frame nobody uses yet, zeroed. */
uint32_t world_new_frame(void);
void *world_frame(uint32_t frame);

/* Handles (lock held): take one, queue an entry, take an entry out. */
int handle_new(void);
void handle_free(int handle);
void handle_queue(int handle, uint32_t entry);
bool handle_take(int handle, uint32_t *entry);

/* Event channels (lock held). */
void evtchn_to_daemon(unsigned int eport); /* Xen sends an event */
void evtchn_close_eport(unsigned int eport);
void evtchn_forget_handle(int handle);

/* The state of every slot may only go forward (lock held). */
void vcpu_watch_states(void);
void vcpu_server_gone(unsigned int server);
struct ioreq *server_slot(unsigned int server, unsigned int vcpu);
bool range_contains(const struct rangeset *set, uint64_t start, uint64_t end);

/* xenstore watches on path or above it (lock held). */
void xs_fire(const char *path);

/* What a dead process leaves is given back (lock held); clean: it should be nothing. */
void world_reap(int proc, bool clean);

/* The restriction of a library handle (xentoolcore). */
struct restricted {
	struct restricted *next;
	domid_t domid; /* DOMID_INVALID: not restricted */
	bool dead;     /* restrict_all() put /dev/null in its place */
	bool survives; /* restrict_all() only restricts it */
	pid_t pid;     /* handles do not survive a fork */
};

void restricted_open(struct restricted *r, bool survives);
void restricted_close(struct restricted *r);

/* May this handle be used for domid? Sets errno. Domain 0 means: no domain. */
bool restricted_allows(const struct restricted *r, uint32_t domid);

/* Grants (lock held). The GNTST value that such an access gets: */
int16_t grant_status(uint32_t domid, uint32_t ref, bool write);

/* It is used just now. Once all its requests are done that comes too late. */
void grant_touched(uint32_t ref, const char *what);

/* Count what this process maps. */
void grant_pin(uint32_t ref, bool writable, int by);

/* /dev/xen/gntdev behind this descriptor. */
struct gntdev *gntdev_open(int fd, const struct restricted *restricted);
void gntdev_close(struct gntdev *device);

/* A page that the daemon shared with @domid, or NULL. */
uint8_t *shared_page(uint32_t ref, uint32_t domid);

/* Take note of children that ended by themselves. */
void child_poll(void);

void futex_wake(_Atomic uint32_t *word);
/* Wait while *word is val, at most ms. */
void futex_wait(_Atomic uint32_t *word, uint32_t val, unsigned int ms);

#endif
