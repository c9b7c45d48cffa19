# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034 # words are the part's
#
# The daemon killed while an HVM guest boots and works, with MSI-X by pirqs.
# tier: full
# limit: 600
words=
part killed-hvm foreign
