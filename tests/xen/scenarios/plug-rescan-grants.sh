# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # rounds is the part's
#
# Devices come to a PVH guest and go again, by grants. Once: a Linux guest keeps what it
# knew of a device that has gone, and may take it for that of one that comes.
# tier: full
rounds=1
part plug grants
