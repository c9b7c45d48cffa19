/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.h: the instance's control socket, for xenvirtioctl.
 *
 * One request a connection: a line "COMMAND ARGUMENTS", with which descriptors may come.
 * The answer is a line, "ok" or "error WHY", then the body, then the end. Only root, or who
 * runs the daemon, is answered. */
#pragma once
#include <stdio.h>

struct control;
struct control_call;
struct loop;

struct control_command {
	const char *name;
	/* @arguments is what follows the name, to be changed at will, until the call has
	 * ended. Ends it by control_done() or
	 * control_refuse(), now or later. */
	void (*run)(struct control_call *call, char *arguments);
};

/* Listens at @path, where a dead process may have left a socket. All of it runs on @loop,
 * and never waits. @commands end with a NULL name; @owner is theirs. 0, or -errno after a
 * line in the log. */
int control_open(struct loop *loop, const char *path, const struct control_command *commands,
		 void *owner, struct control **control);

/* No call is answered any more, and nobody finds us. The rest goes by control_free(),
 * after the loop. */
void control_close(struct control *control);
void control_free(struct control *control);

void *control_owner(const struct control_call *call);

/* The body, which only a call that is not refused has. */
FILE *control_body(struct control_call *call);

/* Answers: it is done, or why it is not. */
void control_done(struct control_call *call);
void control_refuse(struct control_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A descriptor that came with the request, in their order, which is the caller's then; or -1. */
int control_take_fd(struct control_call *call);

/* For a call that is answered later: @left runs once if the client goes before. It has to be
 * ended all the same. */
void control_when_left(struct control_call *call,
		       void (*left)(struct control_call *call, void *arg), void *arg);
