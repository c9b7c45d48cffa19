# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # load is the part's
#
# The daemon and the bridge killed under load of an Arm guest's that grants.
# machine: arm64
# tier: full
# limit: 400
load=20
part killed grants
