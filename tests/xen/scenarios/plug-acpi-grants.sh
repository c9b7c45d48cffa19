# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # these are the part's
#
# Devices come to an HVM guest with one vCPU by ACPI and go again, by grants. Once, as
# plug-rescan-grants.
# tier: full
# limit: 600
rounds=1 vcpus=1
part plug-acpi grants
