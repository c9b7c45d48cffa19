# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The arm64 machine itself: the daemon runs in dom0, a guest without PCI boots.
# machine: arm64
# tier: smoke
# shellcheck disable=SC2154 # lib.sh's
"$server" --version || fail "the daemon does not run"
FUNCTIONS='' TOOLS=fio create a arm linux lab=boots,fio
start a
finish a
