# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory is the scenario's
#
# The daemon and the host bridge's, which may be another one, killed again and again at random
# moments from the guest's first one on, for $load seconds of verified load on a disk and an
# interface with two queues each, served by two workers. The guest does not notice.
blank_disk a.img 16
make_tap t0 7 2
serve_peer
VCPUS=2 serve=supervise create_by "$memory" a "lab=killed,$load,0" 00:06.0 00:07.0
supervise a --domain a --workers 2 --blk "bdf=00:06.0,path=a.img,queues=2,memory=$memory" \
	--net "bdf=00:07.0,tap=t0,queues=2,memory=$memory"
start a
kill_until a 'MARK calm' "${pauses:-1500}" a a-bridge
finish a
exited a 0
exited a-bridge 0
say_stalls a
went_on a
went_on a-bridge
