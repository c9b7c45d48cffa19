# SPDX-License-Identifier: GPL-2.0-or-later
#
# What "cpu" sampled around loads (files BACKEND.bench.log), for the tables: an
# "awk -f" before theirs, whose rules find what a load took as it is done. Lines are
# "begin|done LOAD RUN ... TIME DOM0 GUEST".
$1 == "begin" {
	began = $(NF - 2)
	dom0_began = $(NF - 1)
	guest_began = $NF
}
$1 == "done" {
	time[$2] = $(NF - 2) - began
	dom0[$2] = $(NF - 1) - dom0_began
	guest[$2] = $NF - guest_began
}
function backend_name(name) {
	name = FILENAME
	gsub(/.*\/|.bench.log/, "", name)
	return name
}
# Thousand instructions for each of @count; what as much time takes without a load is off.
function thousands(taken, name, count) {
	return (taken[name] - taken["nothing"] * time[name] / time["nothing"]) / (1000 * count)
}
