#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# completion.sh: what bash offers for words of the two commands that are not whole yet, by
# the script that is installed and the programs that were built.
set -eu

cd "$(dirname "$0")/../.."
# shellcheck source=completion/xenvirtiod.bash
. completion/xenvirtiod.bash
PATH=${BUILD:-build}:$PATH
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
failed=0

# Bash has it during completion only.
compopt() { :; }

# offers LINE WORD...: with the cursor at the end of LINE. ... as the last WORD: others, too.
offers() {
	COMP_LINE=$1 COMP_POINT=${#1}
	shift
	_xenvirtiod "${COMP_LINE%% *}"
	local got="${COMPREPLY[*]}" want="$*"
	if [[ $want == *" ..." ]]; then
		want=${want% ...}
		got=${got:0:${#want}}
	fi
	[ "$got" = "$want" ] && return
	echo "\"$COMP_LINE\" is offered \"$got\", not \"$want\""
	failed=1
}

offers "xenvirtiod --" --domain --name ...
offers "xenvirtiod " --domain --name ...
offers "xenvirtiod --d" --domain
offers "xenvirtiod --b" --bounce --blk --bridge
offers "xenvirtiod --nonsense"
offers "xenvirtiod --log-level " error warning info debug
offers "xenvirtiod --log-level w" warning
offers "xenvirtiod --report-writes o" on off
offers "xenvirtiod --log-level info --ver" --version
offers "xenvirtiod --check --bl" --blk

# Readline's word begins behind the last = or :, and so do its candidates.
offers "xenvirtiod --blk " bdf= port= ...
offers "xenvirtiod --blk bd" bdf=
offers "xenvirtiod --blk bdf=00:06.0,pa" 06.0,path=
offers "xenvirtiod --blk bdf=00:06.0,null=1M,ca" 1M,cache=
offers "xenvirtiod --blk bdf=00:06.0,readonly=o" on off
offers "xenvirtiod --blk readonly=" on off
offers "xenvirtiod --blk cache=w" writeback writethrough
offers "xenvirtiod --blk bdf=1,b" 1,busy-poll= 1,block-size= 1,bps= 1,burst=
offers "xenvirtiod --net duplex=" full half
offers "xenvirtiod --bridge expect=00:01.0,ex" 01.0,expect=
# A comma in a value is written twice.
offers "xenvirtiod --blk serial=a,,ca"

# Files, and what only the user knows.
offers "xenvirtiod --config "
offers "xenvirtiod --blk bdf=00:06.0,path=/et"
offers "xenvirtiod --domain "

offers "xenvirtioctl l" link list log-level
offers "xenvirtioctl --" --version --help
offers "xenvirtioctl link "
offers "xenvirtioctl link 00:06.0 " up down
offers "xenvirtioctl link --name x 00:06.0 d" down
offers "xenvirtioctl log-level " error warning info debug
offers "xenvirtioctl stats --" --name --json --help
offers "xenvirtioctl stats --j" --json
offers "xenvirtioctl dt --xl 4.1" 4.17 4.18 4.19
offers "xenvirtioctl dt --f" --function
offers "xenvirtioctl dt --function memory=" grants foreign
offers "xenvirtioctl run "
offers "xenvirtioctl nonsense "

# Those who do not want words to end at a colon.
COMP_WORDBREAKS=$' \t\n='
offers "xenvirtiod --blk bdf=00:06.0,pa" 00:06.0,path=
COMP_WORDBREAKS=$' \t\n'
offers "xenvirtiod --blk bdf=00:06.0,pa" bdf=00:06.0,path=

# becomes KEYS LINE: by readline itself. At the end ^A puts an echo in front.
becomes() {
	got=$(printf '. completion/xenvirtiod.bash\n%b\001echo got \nexit\n' "$1" |
		script -qec "bash --norc --noprofile -i" /dev/null | tr -d '\r' |
		sed -n 's/.*got \(xenvirtio[^\x1b]*\)$/\1/p' | tail -n 1)
	[ "$got" = "$2" ] && return
	echo "\"$1\" becomes \"$got\", not \"$2\""
	failed=1
}

becomes 'xenvirtiod --blk bdf=00:06.0,pat\tX' 'xenvirtiod --blk bdf=00:06.0,path=X'
becomes 'xenvirtiod --blk null=1M,reado\tof\t,q\t' 'xenvirtiod --blk null=1M,readonly=off,queues='
becomes 'xenvirtioctl qu\t--n\tx' 'xenvirtioctl quit --name x'
becomes 'xenvirtiod --config COP\t' 'xenvirtiod --config COPYING'

exit $failed
