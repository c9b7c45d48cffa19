# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory is the scenario's
#
# The tap loses its carrier, then goes altogether, twice, all under load: the guest sees
# its link go down and come back, announces itself, and its connections live on.
make_tap t0 7
serve_peer
create_by "$memory" a lab=net-link 00:07.0
serve a --domain a --net "bdf=00:07.0,tap=t0,memory=$memory"
start a

mark a 'ready carrier'
set_carrier t0 0
tell a go
mark a 'down carrier'
capture announced t0
set_carrier t0 1
mark a 'done carrier'
end_capture announced
expect_frames announced '^from guest: arp announcement'

for turn in tap tap-again; do
	mark a "ready $turn"
	remove_tap t0
	tell a go
	mark a "down $turn"
	alive a
	make_tap t0 7
	mark a "done $turn"
done
finish a
exited a 0
