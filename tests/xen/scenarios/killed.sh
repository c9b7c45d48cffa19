# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # load is the part's
#
# The daemon killed under load of a PVH guest's that grants.
# tier: smoke
# limit: 600
load=15
part killed grants
