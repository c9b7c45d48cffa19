# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # these are the part's
#
# What was attached to an HVM guest, which was told by ACPI, is there after deaths.
# tier: full
# limit: 900
how=acpi load=20 rounds=5
part killed-plugged foreign
