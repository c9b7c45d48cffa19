/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quiet.h: what the libxen* libraries would print.
 *
 * They report on stderr whatever fails, bad guest references among it. We
 * report failures ourselves, limited; their words are shown at level debug. */
#pragma once
#include <xentoollog.h>

/* Static; for any number of handles and threads. */
xentoollog_logger *quiet_logger(void);
