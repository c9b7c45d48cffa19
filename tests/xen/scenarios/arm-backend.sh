# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A backend domain comes up in enforcing mode, and the daemon runs there.
# machine: arm64
# xen: xsm=flask flask=permissive
# tier: smoke
create_backend be
enforce
start_backend be
tell be 'xenvirtiod --version && mark version'
mark be version
tell be exit
finish be
