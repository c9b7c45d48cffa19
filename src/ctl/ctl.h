/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl.h: the subcommands of xenvirtioctl. */
#pragma once

enum ctl_exit { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

/* Each is a main() of its own, whose argv[0] is its name. What is wrong is said
 * in one line. Returns enum ctl_exit. */
int dt_main(int argc, char **argv);
