/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hotplug.c: events, one after the other.
 *
 * Theory of operation. What ACPI tells the guest by are ports of QEMU's, which Xen gives
 * to the server that claimed them last. So they are claimed for an event and given back
 * when nobody has touched them for a while, by one process of a guest's at a time. An event
 * is queued until it is our turn, then shown until the guest has looked. A device that is to
 * go is leaving from there on, while the guest stops to use it, which takes its time: for so
 * long the slots' ports stay ours, since that is how it says that it has done so.
 *
 * While there is something to do all is looked at ten times a second. */
#include "daemon/hotplug.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"
#include "daemon/slots.h"
#include "daemon/turn.h"
#include "ioreq/hvm.h"
#include "ioreq/server.h"

#define NS_PER_S 1000000000ULL
#define TICK     (NS_PER_S / 10)

#define QUEUED_MAX  (60 * NS_PER_S) /* longer than another process has its turn for one */
#define SHOWN_MAX   (5 * NS_PER_S)
#define LEAVING_MAX (30 * NS_PER_S)
#define QUIET       NS_PER_S       /* nobody touches the ports any more */
#define LINGER_MAX  (5 * NS_PER_S) /* even if the guest goes on and on */

struct hotplug {
	struct loop *loop;
	const struct ioreq_server *server;
	uint32_t domid;
	enum hotplug_way way; /* that is wanted */
	struct hvm *hvm;      /* NULL: it is never by ACPI */
	struct turn turn;
	struct slots slots;
	struct hotplug_event *events; /* oldest first */
	struct loop_timer tick;
	uint64_t settled; /* ns; when the last event went on */
};

const char *const hotplug_way_names[] = { "auto", "acpi", "rescan", "none", NULL };

/* --- the list -------------------------------------------------------------------- */

static struct hotplug_event **find_end(struct hotplug *hotplug)
{
	struct hotplug_event **at = &hotplug->events;

	while (*at)
		at = &(*at)->next;
	return at;
}

static void forget(struct hotplug *hotplug, const struct hotplug_event *event)
{
	struct hotplug_event **at;

	for (at = &hotplug->events; *at; at = &(*at)->next)
		if (*at == event) {
			*at = event->next;
			return;
		}
}

/* The oldest that has come so far; NULL: none. */
static struct hotplug_event *first(const struct hotplug *hotplug, enum hotplug_stage stage)
{
	struct hotplug_event *event = hotplug->events;

	while (event && event->stage != stage)
		event = event->next;
	return event;
}

static void enter(struct hotplug_event *event, enum hotplug_stage stage, uint64_t patience)
{
	event->stage = stage;
	event->due = loop_now() + patience;
}

/* done() is called by the next tick, which is due at once. */
static void finish(struct hotplug *hotplug, struct hotplug_event *event, int err)
{
	event->stage = HOTPLUG_OVER;
	event->err = err;
	hotplug->settled = loop_now();
	loop_timer(hotplug->loop, &hotplug->tick, 0);
}

static void finish_all(struct hotplug *hotplug, enum hotplug_stage stage, int err)
{
	struct hotplug_event *event;

	while ((event = first(hotplug, stage)))
		finish(hotplug, event, err);
}

/* --- what the guest does ---------------------------------------------------------- */

static int show(struct hotplug *hotplug)
{
	const struct hotplug_event *event;
	uint32_t come = 0, go = 0;

	for (event = hotplug->events; event; event = event->next)
		if (event->stage == HOTPLUG_SHOWN)
			*(event->eject ? &go : &come) |= (uint32_t)BIT_ULL(event->device);
	return slots_show(&hotplug->slots, come, go);
}

static void looked(void *arg)
{
	struct hotplug *hotplug = arg;
	struct hotplug_event *event;

	hotplug->settled = loop_now();
	while ((event = first(hotplug, HOTPLUG_SHOWN)))
		if (event->eject)
			enter(event, HOTPLUG_LEAVING, LEAVING_MAX);
		else
			finish(hotplug, event, 0);
	show(hotplug);
}

static bool is_leaving(const struct hotplug_event *event)
{
	return event->eject && (event->stage == HOTPLUG_SHOWN || event->stage == HOTPLUG_LEAVING);
}

static void ejected(void *arg, uint32_t devices)
{
	struct hotplug *hotplug = arg;
	struct hotplug_event *event;

	for (event = hotplug->events; event; event = event->next)
		if (is_leaving(event) && devices & BIT_ULL(event->device))
			finish(hotplug, event, 0);
	show(hotplug);
}

/* --- what is due ------------------------------------------------------------------ */

static bool is_quiet(const struct hotplug *hotplug)
{
	return loop_now() - hotplug->slots.accessed >= QUIET;
}

static void expire(struct hotplug *hotplug)
{
	struct hotplug_event *event;

	for (event = hotplug->events; event; event = event->next)
		if (event->stage != HOTPLUG_OVER && event->due <= loop_now())
			finish(hotplug, event,
			       event->stage == HOTPLUG_QUEUED ? -EBUSY : -ETIMEDOUT);
	show(hotplug);
}

static void tell_queued(struct hotplug *hotplug)
{
	struct hotplug_event *event;
	int err;

	if (hotplug_way(hotplug) != HOTPLUG_ACPI) {
		finish_all(hotplug, HOTPLUG_QUEUED, -EOPNOTSUPP);
		return;
	}
	if (!turn_take(&hotplug->turn))
		return;
	while ((event = first(hotplug, HOTPLUG_QUEUED)))
		enter(event, HOTPLUG_SHOWN, SHOWN_MAX);
	err = show(hotplug);
	if (err)
		finish_all(hotplug, HOTPLUG_SHOWN, err);
}

/* A guest whose own way to the next event is another one has looked, too. */
static void go_on(struct hotplug *hotplug)
{
	if (first(hotplug, HOTPLUG_SHOWN)) {
		slots_insist(&hotplug->slots);
		if (slots_read(&hotplug->slots) && is_quiet(hotplug))
			looked(hotplug);
	}
	if (first(hotplug, HOTPLUG_QUEUED) && !first(hotplug, HOTPLUG_SHOWN))
		tell_queued(hotplug);
}

static bool is_over(const struct hotplug *hotplug)
{
	return is_quiet(hotplug) || loop_now() - hotplug->settled >= LINGER_MAX;
}

static void give_back(struct hotplug *hotplug)
{
	if (first(hotplug, HOTPLUG_SHOWN) || !is_over(hotplug))
		return;
	slots_release_events(&hotplug->slots);
	if (first(hotplug, HOTPLUG_LEAVING))
		return;
	slots_release(&hotplug->slots);
	turn_give(&hotplug->turn);
}

static void report(struct hotplug *hotplug)
{
	struct hotplug_event *event;

	while ((event = first(hotplug, HOTPLUG_OVER))) {
		forget(hotplug, event);
		event->done(event, event->err);
	}
}

static void tick(struct loop_timer *timer)
{
	struct hotplug *hotplug = container_of(timer, struct hotplug, tick);

	expire(hotplug);
	go_on(hotplug);
	give_back(hotplug);
	report(hotplug);
	if (!timer->armed && (hotplug->events || hotplug->turn.ours))
		loop_timer(hotplug->loop, timer, TICK);
}

/* --- from outside ------------------------------------------------------------------ */

enum hotplug_way hotplug_way(const struct hotplug *hotplug)
{
	int acpi;

	if (!hotplug->hvm)
		return hotplug->way == HOTPLUG_NONE ? HOTPLUG_NONE : HOTPLUG_RESCAN;
	if (!ioreq_server_precedes_device_model(hotplug->server))
		return HOTPLUG_RESCAN;
	acpi = hvm_has_acpi(hotplug->hvm);
	if (acpi < 0)
		return hotplug->way == HOTPLUG_ACPI ? HOTPLUG_ACPI : HOTPLUG_RESCAN;
	return acpi ? HOTPLUG_ACPI : HOTPLUG_RESCAN;
}

void hotplug_tell(struct hotplug *hotplug, struct hotplug_event *event)
{
	*find_end(hotplug) = event;
	event->next = NULL;
	enter(event, HOTPLUG_QUEUED, QUEUED_MAX);
	loop_timer(hotplug->loop, &hotplug->tick, 0);
}

void hotplug_cancel(struct hotplug *hotplug, struct hotplug_event *event)
{
	if (!hotplug)
		return;
	forget(hotplug, event);
	hotplug->settled = loop_now();
	show(hotplug);
}

/* Who may not ask what sort of guest it is takes the administrator's word. */
static int check_guest(struct hotplug *hotplug)
{
	int possible = hvm_has_device_model(hotplug->hvm);

	if (possible > 0 || (possible < 0 && hotplug->way == HOTPLUG_ACPI))
		return 0;
	hvm_close(hotplug->hvm);
	hotplug->hvm = NULL;
	if (hotplug->way != HOTPLUG_ACPI)
		return 0;
	log_error("--hotplug: domain %u is no HVM guest, so it has no ACPI to be told by: take "
		  "rescan",
		  hotplug->domid);
	return -EINVAL;
}

static int prepare(struct hotplug *hotplug)
{
	int err = hvm_open(hotplug->domid, &hotplug->hvm);

	if (err) {
		log_error("domain %u: cannot ask Xen about it: %s", hotplug->domid, strerror(-err));
		return err;
	}
	err = check_guest(hotplug);
	if (err || !hotplug->hvm)
		return err;
	return turn_open(&hotplug->turn, hotplug->domid);
}

/* A guest without QEMU has other use for these ports, and no such wire; but where it is not
 * told by us it may have been by the process before. */
static bool is_told_by_some(const struct hotplug *hotplug)
{
	if (hotplug->hvm || hotplug->way == HOTPLUG_AUTO)
		return hotplug->hvm;
	return hvm_is_surely(hotplug->domid);
}

int hotplug_open(struct loop *loop, struct ioreq_server *server, uint32_t domid,
		 enum hotplug_way way, struct hotplug **result)
{
	struct hotplug *hotplug = calloc(1, sizeof(*hotplug));
	const struct slots_ops ops = { .looked = looked, .ejected = ejected, .arg = hotplug };
	int err = 0;

	if (!hotplug)
		return -ENOMEM;
	hotplug->loop = loop;
	hotplug->server = server;
	hotplug->domid = domid;
	hotplug->way = way;
	hotplug->turn.fd = -1;
	hotplug->tick.fire = tick;
	if (way == HOTPLUG_AUTO || way == HOTPLUG_ACPI)
		err = prepare(hotplug);
	slots_init(&hotplug->slots, server, &ops,
		   ioreq_server_adopted(server) && is_told_by_some(hotplug));
	if (err) {
		hotplug_close(hotplug);
		return err;
	}
	*result = hotplug;
	return 0;
}

void hotplug_close(struct hotplug *hotplug)
{
	if (!hotplug)
		return;
	loop_timer_cancel(hotplug->loop, &hotplug->tick);
	slots_release(&hotplug->slots);
	turn_close(&hotplug->turn);
	hvm_close(hotplug->hvm);
	free(hotplug);
}
