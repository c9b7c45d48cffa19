/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvm.h: what sort of an x86 guest it is, by the parameters that Xen keeps for a domain. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct hvm;

/* 0 or -errno. */
int hvm_open(uint32_t domid, struct hvm **hvm);
void hvm_close(struct hvm *hvm);

/* 1: an HVM guest, made to have a device model. 0: a PVH guest, or one on Arm. Or -errno
 * where this domain may not ask. */
int hvm_has_device_model(const struct hvm *hvm);

/* The same for who asks nothing else: true only if Xen says so. */
bool hvm_is_surely(uint32_t domid);

/* 1: hvmloader has given it ACPI tables, by which the general purpose events and the PCI
 * slots are where QEMU has them. 0: it has none, or has not booted so far. Or -errno. */
int hvm_has_acpi(const struct hvm *hvm);
