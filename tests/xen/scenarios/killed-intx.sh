# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # words are the part's
#
# The same with the interrupt line, which is level-triggered and shared.
# tier: full
# limit: 600
words=pci=nomsi
part killed-hvm foreign
