# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Xen as it boots on Arm, without a word about XSM: in SILO mode no other domain than
# dom0 can be a backend, not even with a target.
# machine: arm64
# tier: full
LABEL='' create_backend be
FUNCTIONS="bdf=00:06.0,backend=$(xl domid be)" create a arm linux lab=device,level,1
start_backend be
refused be a 'Xen refuses.* target'
set_target be a || fail "a does not become the target"
refused be a 'SILO'
tell be exit
finish be
