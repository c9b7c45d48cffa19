# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # these are the part's
#
# Devices come to an HVM guest by ACPI and go again, twice, by foreign maps.
# tier: smoke
rounds=2 vcpus=1 events=yes
part plug-acpi foreign
