# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A guest rebooted from inside. To Xen that is another domain, so the daemon ends
# with the old one, and another daemon serves the new one from the same image.
# tier: smoke
# limit: 600
boot_disk a.img grants lab=reboot
create a hvm disk
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
wait_gone a
exited a 0
grep -q 'reason code 1 ' /var/log/xen/xl-a.log || fail "a ended, but not to reboot"

create a hvm disk
serve_again a --domain a --blk bdf=00:06.0,path=a.img
start a
finish a
exited a 0
check_root_of a.img
