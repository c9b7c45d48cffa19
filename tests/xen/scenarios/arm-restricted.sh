# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A backend domain whose Linux was not told to let its processes serve guests, with
# and without the target that it knows of.
# machine: arm64
# tier: full
LABEL='' create_backend none xen_privcmd.unrestricted=0
LABEL='' create_backend one xen_privcmd.unrestricted=0
FUNCTIONS="bdf=00:06.0,backend=$(xl domid one)" create a arm linux lab=device,level,1
set_target one a || fail "a does not become the target"
xenstore-write "/local/domain/$(xl domid one)/target" "$(xl domid a)"
for backend in none one; do
	start_backend $backend
	refused $backend a 'xen_privcmd.unrestricted=1'
	tell $backend exit
	finish $backend
done
