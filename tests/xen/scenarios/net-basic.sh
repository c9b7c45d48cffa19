# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest's network, by grants.
# tier: smoke
part net-basic grants
expect a 'Using dom0 as backend'
check_pci_function a 00:07.0 1af4:1041
