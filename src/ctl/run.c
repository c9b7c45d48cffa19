/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.c: "xenvirtioctl run": a guest's whole life, with what serves it.
 *
 * Theory of operation. xl creates the guest paused and does not wait for its end: that is done
 * here, since a guest that xl creates anew is not paused. xenstored says when a domain has shut
 * down or is gone, xl which, and why. Then what the guest's configuration asks for is done, as
 * xl would: a reboot is the end of one domain and the beginning of another, with other processes
 * that serve it.
 *
 * Whatever fails on the way to a guest that runs, the domain is destroyed again; and instances
 * end with their domain. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <xenstore.h>

#include "base/log.h"
#include "ctl/ctl.h"
#include "ctl/instances.h"
#include "ctl/toolstack.h"

#define LOOK_MS 500 /* for children that were killed, and for a guest that is dying */

struct run {
	const char *path; /* of the guest's configuration */
	const char *directory;
	struct guest_config config;
	struct instances instances;
	unsigned domid;
	struct xs_handle *xenstore;
	int signals;
	bool ending; /* we were told to */
};

/* What became of the guest. */
enum outcome { OUTCOME_AGAIN, OUTCOME_DONE, OUTCOME_FAILED };

/* --- its beginning ---------------------------------------------------------------- */

static int create(struct run *run)
{
	log_info("%s: creating it, paused", run->config.name);
	if (toolstack_create(run->path))
		return -EIO;
	return toolstack_find(run->config.name, &run->domid);
}

static int bring_up(struct run *run)
{
	int err = instances_start(&run->instances, run->domid, run->signals);

	if (!err)
		err = toolstack_unpause(run->domid);
	if (!err)
		log_info("%s: runs as domain %u", run->config.name, run->domid);
	return err;
}

static void destroy(struct run *run)
{
	toolstack_destroy(run->domid);
	instances_end(&run->instances);
}

/* --- its life --------------------------------------------------------------------- */

/* The first time it is asked nicely. */
static void signalled(struct run *run)
{
	struct signalfd_siginfo info;

	if (read(run->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (run->ending) {
		log_info("%s: destroying it", run->config.name);
		toolstack_destroy(run->domid);
		return;
	}
	run->ending = true;
	log_info("%s: %s: shutting it down; a second signal destroys it", run->config.name,
		 strsignal((int)info.ssi_signo));
	toolstack_shutdown(run->domid);
}

static void take_watches(struct run *run)
{
	char **event;

	while ((event = xs_check_watch(run->xenstore)))
		free(event);
}

/* enum guest_state, when it runs no more; or -errno. */
static int await_end(struct run *run, enum shutdown_reason *reason)
{
	struct pollfd fds[] = { { .fd = run->signals, .events = POLLIN },
				{ .fd = xs_fileno(run->xenstore), .events = POLLIN } };
	int state;

	for (;;) {
		state = toolstack_state(run->domid, reason);
		if (state != GUEST_RUNS && state != GUEST_DIES)
			return state;
		while (poll(fds, 2, LOOK_MS) == 0 && state == GUEST_RUNS)
			instances_revive(&run->instances);
		if (fds[0].revents)
			signalled(run);
		take_watches(run);
	}
}

/* --- its end ---------------------------------------------------------------------- */

static bool is_crash(enum shutdown_reason reason)
{
	return reason == SHUTDOWN_CRASH || reason == SHUTDOWN_WATCHDOG;
}

static enum outcome after(struct run *run, enum shutdown_reason reason)
{
	enum shutdown_action action = run->config.on[reason];

	log_info("%s: has shut down (%s)", run->config.name, shutdown_names[reason]);
	if (action == ACTION_PRESERVE && !run->ending) {
		log_info("%s: is preserved, as domain %u", run->config.name, run->domid);
		return OUTCOME_DONE;
	}
	if (action == ACTION_DUMP_DESTROY || action == ACTION_DUMP_RESTART)
		toolstack_dump(run->domid, run->config.name);
	destroy(run);
	if (!run->ending && (action == ACTION_RESTART || action == ACTION_DUMP_RESTART))
		return OUTCOME_AGAIN;
	return is_crash(reason) ? OUTCOME_FAILED : OUTCOME_DONE;
}

static enum outcome live_once(struct run *run)
{
	enum shutdown_reason reason;
	int state;

	if (create(run))
		return OUTCOME_FAILED;
	if (bring_up(run)) {
		log_info("%s: destroying it again", run->config.name);
		destroy(run);
		return OUTCOME_FAILED;
	}
	state = await_end(run, &reason);
	if (state == GUEST_SHUT_DOWN)
		return after(run, reason);
	if (state < 0)
		return OUTCOME_FAILED;
	log_info("%s: was destroyed", run->config.name);
	instances_end(&run->instances);
	return OUTCOME_DONE;
}

/* --- all of it -------------------------------------------------------------------- */

/* What xl would do with another domain of the same name has no daemon then. */
static int check_actions(const struct guest_config *config)
{
	unsigned i;

	for (i = 0; i < SHUTDOWN_REASONS; i++)
		if (config->on[i] == ACTION_OTHER && i != SHUTDOWN_SOFT_RESET) {
			log_error(
				"%s: on_%s may be destroy, restart, preserve, coredump-destroy or "
				"coredump-restart here",
				config->name, shutdown_names[i]);
			return -EINVAL;
		}
	return 0;
}

static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int watch_domains(struct run *run)
{
	run->xenstore = xs_open(0);
	if (run->xenstore && xs_watch(run->xenstore, "@releaseDomain", "end"))
		return 0;
	log_error("cannot watch domains in xenstore: %m");
	return -EIO;
}

static int prepare(struct run *run)
{
	int err = toolstack_read_config(run->path, &run->config);

	if (!err)
		err = check_actions(&run->config);
	if (!err)
		err = instances_find(&run->instances, run->directory, run->config.name);
	if (!err)
		err = watch_domains(run);
	return err;
}

int run_run(const struct subcommand *subcommand, const struct ask_options *options, char **operands)
{
	struct run run = { .path = operands[0],
			   .directory = options->directory,
			   .signals = take_signals() };
	enum outcome outcome = OUTCOME_FAILED;

	(void)subcommand;
	if (run.signals < 0)
		log_error("cannot take signals: %m");
	else if (!prepare(&run))
		while ((outcome = live_once(&run)) == OUTCOME_AGAIN)
			log_info("%s: once more", run.config.name);
	if (run.xenstore)
		xs_close(run.xenstore);
	if (run.signals >= 0)
		close(run.signals);
	return outcome == OUTCOME_DONE ? CTL_DONE : CTL_FAILED;
}
