# SPDX-License-Identifier: GPL-2.0-or-later
#
# medians.awk: lines with the same first four words become one, with the median of each
# number that follows.

function median(key, column,    n, i, j, v, value) {
	n = runs[key]
	for (i = 1; i <= n; i++) {
		v = number[key, column, i]
		for (j = i - 1; j >= 1 && value[j] > v; j--)
			value[j + 1] = value[j]
		value[j + 1] = v
	}
	return value[int((n + 1) / 2)]
}

{
	key = $1 " " $2 " " $3 " " $4
	if (!(key in runs))
		line[++nlines] = key
	runs[key]++
	for (i = 5; i <= NF; i++)
		number[key, i, runs[key]] = $i
}

END {
	for (l = 1; l <= nlines; l++) {
		key = line[l]
		text = key
		for (i = 5; (key, i, 1) in number; i++)
			text = text " " median(key, i)
		print text
	}
}
