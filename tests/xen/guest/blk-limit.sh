# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two disks with limits, and one without: lab=blk-limit,REQUESTS,BYTES a second of the first
# and of the second.
mkdir -p /tmp

# rate BDF SECONDS BYTES: requests a second, of so many bytes, two at a time; what is under way
# at the end counts.
rate() {
	fio --name=rate --filename="/dev/$(block_device "$1")" --direct=1 --ioengine=libaio \
		--rw=randread --bs="$3" --iodepth=2 --time_based --runtime="$2" --thread \
		--output-format=terse --terse-version=3 | cut -d ';' -f 8
}

# within_5_percent NUMBER WANTED
within_5_percent() {
	[ $(($1 * 100)) -ge $(($2 * 95)) ] && [ $(($1 * 100)) -le $(($2 * 105)) ]
}

alone=$(rate 00:08.0 8 4096)
rate 00:06.0 30 4096 > /tmp/requests &
requests=$!
rate 00:07.0 30 16384 > /tmp/bytes &
bytes=$!
sleep 4
together=$(rate 00:08.0 8 4096)
wait $requests $bytes
say "requests a second: $(cat /tmp/requests), bytes: $(($(cat /tmp/bytes) * 16384))"
check "requests are within 5 % of $1 a second" within_5_percent "$(cat /tmp/requests)" "$1"
check "bytes are within 5 % of $2 a second" within_5_percent $(($(cat /tmp/bytes) * 16384)) "$2"
say "the unlimited disk: $together a second, $alone without the others"
check "the unlimited disk is not slowed" [ $((together * 100)) -ge $((alone * 80)) ]
