/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service.h: tells the service manager how we are (sd_notify(3)'s protocol). */
#pragma once

/* Sends e.g. "READY=1"; nothing without $NOTIFY_SOCKET. */
void service_notify(const char *message);
