# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # rounds is the part's
#
# Devices come to an Arm guest by slots and go again, by grants. Once, as plug-rescan-grants.
# machine: arm64
# tier: full
# limit: 600
rounds=1
part plug-port grants
