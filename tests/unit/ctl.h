/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl.h: xenvirtioctl as an administrator runs it.
 */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>

/* Run it with these words. Returns its exit status. */
#define ctl(...) ctl_run((char *[]){ "xenvirtioctl", __VA_ARGS__, NULL })
int ctl_run(char **argv);

/* In two parts, for one that waits: it runs from here on, until it ends by itself, or by
 * ctl_kill(). One at a time. */
#define ctl_begin(...) ctl_start((char *[]){ "xenvirtioctl", __VA_ARGS__, NULL })
void ctl_start(char **argv);
bool ctl_ended(void);
void ctl_kill(void);
int ctl_end(void);

/* What the last one wrote, to stdout and to stderr. */
const char *ctl_output(void);
const char *ctl_errors(void);

/* What the instance counts; the test fails if there is no such figure. */
unsigned long long ctl_figure(const char *subject, const char *key);

#endif
