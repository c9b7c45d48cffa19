/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake.h: the fake Xen layer, as a test sees it.
 *
 * tests/fake/ defines the symbols of libxencall, libxendevicemodel, libxenforeignmemory,
 * libxenevtchn, libxengnttab, libxenstore, libxentoolcore and libxentoollog,
 * so that the daemon's real code links against it instead of libxen*.
 *
 * There is one guest domain. Everything about it (memory, grants, event
 * channels, IOREQ servers, xenstore) lives in shared memory made before the
 * daemon is forked, so the daemon can be killed and started again under a
 * guest that goes on. The test process plays the guest's vCPUs and Xen.
 *
 * gntdev is served without its library as well: ioctl(), mmap() and munmap() of
 * the descriptor that xengnttab_fd() gives. sysconf() tells the page size of the
 * backend's kernel, as far as grants go.
 *
 * The fake is strict where Xen and Linux are. What they would punish (a domain
 * crash, a vCPU that stays blocked, a mapping that outlives its grant) is
 * recorded as a violation, and fake_end() then fails the test.
 */
#ifndef FAKE_H
#define FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKE_DOMID     7
#define FAKE_DOMAIN    "model" /* its name in xenstore */
#define FAKE_BACKEND   0       /* the domain the daemon runs in */
#define FAKE_PAGE      4096u
#define FAKE_ECAM      0x10000000ull /* config space on Arm */
#define FAKE_NR_GRANTS 32768u

enum fake_platform {
	FAKE_HVM, /* x86; QEMU owns IOREQ server 0; INTx, MSI, pirqs */
	FAKE_PVH, /* x86; no QEMU; INTx is lost */
	FAKE_ARM, /* config space is MMIO; SPIs only */
};

/* ---- the world and its end ------------------------------------------- */

/* Make a world with one running domain. Call it first in a test. */
void fake_start(enum fake_platform platform, unsigned int nr_vcpus, unsigned int ram_pages);

/* An HVM guest's, before its QEMU is there; and then it is. */
void fake_start_alone(unsigned int nr_vcpus, unsigned int ram_pages);
void fake_device_model_starts(void);

/*
 * End it: kill children that still run, then fail the running Check test if
 * there is a violation nobody expected. For tcase_add_checked_fixture().
 */
void fake_end(void);

/* Record an offence, as the libraries and the model guest do. */
void fake_violation(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

unsigned int fake_violations(void);

/* Take back the first violation that contains text. False if there is none. */
bool fake_expect_violation(const char *text);

/* Fail the running test now if there is any violation. */
void fake_check(void);

/* Monotonic time. */
uint64_t fake_now_ns(void);

/* ---- the daemon as a child process ------------------------------------ */

struct fake_child;

/*
 * Fork, call main_fn there with "xenvirtiod" and the arguments that follow, and
 * wait until a line on its stderr contains "ready". If that does not come the
 * test fails. fake_spawn_nowait() does not wait.
 */
#define fake_spawn(main_fn, ...) \
	fake_spawn_args(main_fn, (const char *const[]){ __VA_ARGS__, NULL }, true)
#define fake_spawn_nowait(main_fn, ...) \
	fake_spawn_args(main_fn, (const char *const[]){ __VA_ARGS__, NULL }, false)

struct fake_child *fake_spawn_args(int (*main_fn)(int, char **), const char *const *args,
				   bool wait);

/* Whenever fake_die() has killed it, start it again at once, as a supervisor does. */
void fake_keep_alive(struct fake_child *child);

/* Wait until its log holds text. */
bool fake_wait_log(struct fake_child *child, const char *text, unsigned int ms);

/*
 * Wait for its end. Returns the exit status, or 128 + signal; a child that
 * does not end is killed and the test fails. Then cleans up as the kernels
 * do: grants unmapped, ports closed, IOREQ servers left as they are. A child
 * that ended with status 0 must have left nothing behind.
 */
int fake_wait_exit(struct fake_child *child, unsigned int ms);

int fake_terminate(struct fake_child *child); /* SIGTERM, then fake_wait_exit */
void fake_kill9(struct fake_child *child);    /* SIGKILL, then clean up */
bool fake_alive(struct fake_child *child);
pid_t fake_pid(const struct fake_child *child);

/* All it wrote to stderr so far; valid until the next call. */
const char *fake_log(struct fake_child *child);

/* ---- the domain -------------------------------------------------------- */

enum fake_platform fake_platform(void);

/* The guest's own view of its memory at a guest-physical address. */
void *fake_ram(uint64_t gpa);
uint64_t fake_ram_size(void);

/* A guest frame that cannot be mapped (ballooned out), or can be again. */
void fake_hole(uint64_t pfn, bool hole);

/*
 * Put another machine frame (zeroed) behind pfn, as ballooning out and in does.
 * Mappings of the old frame keep showing the old frame.
 */
void fake_new_frame(uint64_t pfn);

/* hvmloader has made ACPI tables; at first an HVM guest has some. */
void fake_acpi(bool there);

/* xl destroy: servers gone, dm_ops ESRCH, xenstore nodes gone, watches fire. */
void fake_domain_destroy(void);

/* Xen has crashed the domain because of what the emulator did. */
bool fake_domain_crashed(void);

/* xenstore */
void fake_xs_write(const char *path, const char *value);
void fake_xs_rm(const char *path);
bool fake_xs_get(const char *path, char *value, size_t size);

/* ---- vCPUs ------------------------------------------------------------- */

enum fake_io_type { FAKE_PIO = 0, FAKE_MMIO = 1, FAKE_CONFIG = 2, FAKE_INVALIDATE = 8 };

/* One access as Xen hands it over; for FAKE_CONFIG addr is SBDF << 32 | reg. */
struct fake_io {
	enum fake_io_type type;
	bool read;
	uint64_t addr, data;
	uint32_t size;    /* 1, 2, 4, 8 */
	uint32_t count;   /* 0 means 1 */
	bool df;          /* a rep with descending addresses */
	bool data_is_ptr; /* data is the address of the RAM operand */
};

struct fake_answer {
	bool claimed;  /* some server was asked */
	bool answered; /* and answered in time */
	uint64_t data; /* masked to the size; all ones if unclaimed */
	uint64_t ns;   /* from the request to the answer */
};

/*
 * Asynchronous: one open access a vCPU. An access without an answer within the
 * timeout (fake_timeout(), 20 s at first) is a violation: the vCPU is stuck.
 */
void vcpu_begin(unsigned int vcpu, const struct fake_io *io);
bool vcpu_answered(unsigned int vcpu);
struct fake_answer vcpu_finish(unsigned int vcpu);

/* Like vcpu_finish(), but false if there is no answer yet; the access stays open. */
bool vcpu_try_finish(unsigned int vcpu, unsigned int ms, struct fake_answer *answer);

/* A request straight to one server, whatever ranges it has: a stale one. */
void vcpu_begin_stale(unsigned int vcpu, unsigned int server, const struct fake_io *io);

/* Begin and finish. */
struct fake_answer vcpu_io(unsigned int vcpu, const struct fake_io *io);

/* bdf is bus << 8 | device << 3 | function. */
uint64_t vcpu_config_read(unsigned int vcpu, uint16_t bdf, unsigned int reg, unsigned int size);
void vcpu_config_write(unsigned int vcpu, uint16_t bdf, unsigned int reg, unsigned int size,
		       uint64_t value);
uint64_t vcpu_mmio_read(unsigned int vcpu, uint64_t addr, unsigned int size);
void vcpu_mmio_write(unsigned int vcpu, uint64_t addr, unsigned int size, uint64_t value);
uint64_t vcpu_pio_read(unsigned int vcpu, uint16_t port, unsigned int size);
void vcpu_pio_write(unsigned int vcpu, uint16_t port, unsigned int size, uint32_t value);

/* Fill in a config access for vcpu_begin(), by the platform's way. */
struct fake_io fake_config_io(uint16_t bdf, unsigned int reg, unsigned int size, bool read,
			      uint64_t value);

/* Broadcast INVALIDATE to every enabled server and wait for all answers. */
void vcpu_invalidate(unsigned int vcpu);

void fake_timeout(unsigned int ms);

/* Longest answer of any vCPU since the last fake_calls_reset(). */
uint64_t fake_slowest_ns(void);

/* ---- grants, as the guest gives and takes them ------------------------- */

void fake_grant(uint32_t ref, uint64_t pfn, bool readonly);

/* End a grant: false if the backend has it mapped (then it stays). */
bool fake_grant_end(uint32_t ref);

/* A hostile guest takes it away whether it is mapped or not. */
void fake_grant_revoke(uint32_t ref);
unsigned int fake_grant_mapped(uint32_t ref);

/* Pages mapped by any daemon just now. */
unsigned int fake_grants_mapped(void);
unsigned int fake_foreign_mapped(void);

/* Grant maps that any daemon holds in gntdev just now, mmapped or not. */
unsigned int fake_maps(void);

/*
 * The page size of the backend's kernel, FAKE_PAGE at first: what sysconf() tells, and
 * how far apart gntdev maps grants. Behind each grant there is nothing.
 */
void fake_page_size(unsigned int bytes);

/* Xen's maptrack: mmap() fails where more pages would be mapped at once. UINT_MAX: no limit. */
void fake_maptrack(unsigned int pages);

/*
 * Tie grants to the requests that use them, up to 16 at once: when the heads of
 * all of them are in the used ring at used_gpa, further use of the grant by the
 * backend is a violation. fake_ring_consumed() says how far the guest has read.
 * A driver that does not end the grant with its request disowns it as it takes
 * the answer; nobody may have it mapped then if that was the last request.
 */
unsigned int fake_ring_watch(uint64_t used_gpa, uint16_t size);
void fake_ring_unwatch(unsigned int ring);
void fake_ring_consumed(unsigned int ring, uint16_t last_used);
void fake_grant_owner(uint32_t ref, unsigned int ring, uint16_t head);
void fake_grant_disown(uint32_t ref, unsigned int ring, uint16_t head);

/* ---- IOREQ servers ----------------------------------------------------- */

#define FAKE_NR_SERVERS 8
enum fake_range { FAKE_RANGE_PORT, FAKE_RANGE_MEMORY, FAKE_RANGE_PCI };

/* The daemon's servers: all but QEMU's. */
unsigned int fake_servers(void);
int fake_server_id(void); /* the highest of them, or -1 */
bool fake_server_enabled(unsigned int id);
unsigned int fake_ranges(unsigned int id, enum fake_range type);
bool fake_claimed(enum fake_range type, uint64_t start, uint64_t end);

/* ---- interrupts -------------------------------------------------------- */

/* Changes with every interrupt call; for fake_irq_wait(). */
uint32_t fake_irq_seq(void);

/* Wait until fake_irq_seq() is not seq. */
bool fake_irq_wait(uint32_t seq, unsigned int ms);

/* How often this message was injected, and all messages. */
unsigned int fake_msi_count(uint64_t addr, uint32_t data);
unsigned int fake_msi_total(void);

bool fake_intx_level(unsigned int device, unsigned int pin);
unsigned int fake_intx_raised(unsigned int device, unsigned int pin);
/* Of an HVM guest. */
bool fake_isa_level(unsigned int irq);

bool fake_spi_level(unsigned int irq);
unsigned int fake_spi_raised(unsigned int irq); /* level 1 calls: pulses */

/* modified_memory since the last fake_calls_reset(): how many pages, and was this one of them? */
unsigned int fake_pages_modified(void);
bool fake_page_reported(uint64_t pfn);

/* ---- what the calls cost ----------------------------------------------- */

enum fake_call {
	FAKE_DM_CREATE,
	FAKE_DM_INFO,
	FAKE_DM_DESTROY,
	FAKE_DM_STATE,
	FAKE_DM_NR_VCPUS,
	FAKE_DM_MAP_RANGE,
	FAKE_DM_UNMAP_RANGE,
	FAKE_DM_MAP_PCIDEV,
	FAKE_DM_UNMAP_PCIDEV,
	FAKE_DM_INTX,
	FAKE_DM_MSI,
	FAKE_DM_IRQ,
	FAKE_DM_ISA,
	FAKE_DM_MODIFIED,
	FAKE_FOREIGN_MAP,
	FAKE_FOREIGN_UNMAP,
	FAKE_RESOURCE_MAP,
	FAKE_RESOURCE_UNMAP,
	FAKE_EVTCHN_BIND,
	FAKE_EVTCHN_UNBIND,
	FAKE_EVTCHN_NOTIFY,
	FAKE_EVTCHN_PENDING,
	FAKE_EVTCHN_UNMASK,
	FAKE_GRANT_MAP,   /* the mmap() of gntdev */
	FAKE_GRANT_UNMAP, /* and the ioctl after munmap() */
	FAKE_GRANT_COPY,
	FAKE_DM_OPEN,
	FAKE_FOREIGN_OPEN,
	FAKE_EVTCHN_OPEN,
	FAKE_GRANT_OPEN,
	FAKE_SHARE_OPEN,
	FAKE_SHARE_PAGES,
	FAKE_XS_OPEN,
	FAKE_XS_READ,
	FAKE_XS_DIRECTORY,
	FAKE_XS_WATCH,
	FAKE_RESTRICT,
	FAKE_HYPERCALL, /* as such: Linux may refuse it before Xen is asked */
	FAKE_NR_CALLS
};

unsigned int fake_calls(enum fake_call call);
unsigned int fake_copy_segments(void); /* segments of all FAKE_GRANT_COPY */
unsigned int fake_syscalls(void);      /* what the calls cost on Linux */
unsigned int fake_hypercalls(void);
void fake_calls_reset(void);

/* Let the nth call of this kind from now (1: the next) fail with err. */
void fake_fail(enum fake_call call, unsigned int nth, int err);

/* Let the daemon be killed (SIGKILL) as it enters that call; 0: not any more. */
void fake_die(enum fake_call call, unsigned int nth);

/* Did it happen? */
bool fake_failed(enum fake_call call);

#endif
