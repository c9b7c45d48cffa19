# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The power fails after the daemon was killed: what is on the medium then is what dom0 has made
# its disk write, a copy of which is taken. What the guest had been told by the dead process to be
# written is there as soon as its successor has done a flush, and not claimed to be before; with
# writes that go through it is there at once.
# tier: full
# limit: 300

# after_power_failure TEXT: whether a.img's beginning on the medium is what TEXT repeats.
after_power_failure() {
	dd if=/dev/vdb of=medium bs=1M iflag=direct 2> /dev/null || fail "/dev/vdb cannot be read"
	e2fsck -fy medium > e2fsck.log 2>&1 # with the journal, as at the next boot
	debugfs -R "dump /a.img survived" medium 2> /dev/null
	yes "$1" | head -c 1048576 | cmp -s -n 1048576 - survived
}

echo 0 > /proc/sys/vm/dirty_writeback_centisecs # dom0 writes nothing by itself
large_blocks
blank_disk disk/a.img 4
sync
serve=supervise create a pvh cloud lab=power
supervise a --domain a --blk bdf=00:06.0,path=disk/a.img,cache=writeback
start a

mark a 'ready written'
kill_process a
served_again a
! after_power_failure written || fail "it is there before the flush: nothing is shown"
tell a go
mark a 'ready flushed'
after_power_failure written || fail "what was flushed is lost"
say "a flush after a death has flushed what the dead process wrote"

tell a go
mark a 'ready through'
kill_process a
served_again a
after_power_failure through || fail "what went through is lost"
say "what went through before a death is on the medium"
tell a go
finish a
exited a 0
echo 500 > /proc/sys/vm/dirty_writeback_centisecs
