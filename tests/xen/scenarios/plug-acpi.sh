# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # these are the part's
#
# Devices come to an HVM guest with two vCPUs by ACPI and go again, 20 times, by foreign maps.
# tier: full
# limit: 1500
rounds=20 vcpus=2 events=yes
part plug-acpi foreign
