# SPDX-License-Identifier: GPL-2.0-or-later
#
# blk-chart.awk: the table of costs (see blk-table.awk) as a chart in SVG: what a CPU second
# is good for, a panel for each store and size with a scale of its own.

BEGIN {
	width = 430 # of a panel; of that what the bars may take:
	bars = 240
	bar = 15
	top = 84 # of the first panel
	colour["foreign"] = "#1f5fa8"
	colour["foreign-workers-0"] = "#5b93d1"
	colour["grants"] = "#a9c8ea"
	colour["storage-daemon"] = "#8a8a8a"
	colour["virtio-blk-pci"] = "#c4c4c4"
	label["foreign"] = "xenvirtiod, foreign memory"
	label["foreign-workers-0"] = "the same, --workers 0"
	label["grants"] = "xenvirtiod, grants"
	label["storage-daemon"] = "qemu-storage-daemon, vhost-user"
	label["virtio-blk-pci"] = "QEMU, virtio-blk-pci"
}

function text(x, y, size, anchor, words) {
	printf "<text x=\"%d\" y=\"%d\" font-size=\"%d\" text-anchor=\"%s\">%s</text>\n",
		x, y, size, anchor, words
}

function box(x, y, w, h, fill) {
	printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
		x, y, w, h, fill
}

function legend(    i) {
	for (i = 1; i <= nservers; i++) {
		box(20 + (i - 1) % 3 * 270, 36 + int((i - 1) / 3) * 18, 11, 11, colour[server[i]])
		text(36 + (i - 1) % 3 * 270, 46 + int((i - 1) / 3) * 18, 12, "start",
			label[server[i]])
	}
}

function rate(value) {
	return value >= 1e6 ? sprintf("%.2f million", value / 1e6) : \
		sprintf("%d thousand", value / 1e3)
}

function group(panel, depth, x, y,    i, w, value) {
	text(x + 62, y + bar * nservers / 2 + 4, 12, "end", "depth " depth)
	for (i = 1; i <= nservers; i++) {
		value = good[panel, depth, server[i]]
		w = bars * value / most[panel]
		box(x + 70, y + (i - 1) * bar, w, bar - 2, colour[server[i]])
		text(x + 75 + w, y + i * bar - 5, 10, "start", rate(value))
	}
}

function draw(p,    x, y, d) {
	x = 20 + (p - 1) % 2 * width
	y = top + int((p - 1) / 2) * height
	text(x, y + 14, 14, "start", panel[p])
	for (d = 1; d <= ndepths; d++)
		group(panel[p], depth[d], x, y + 24 + (d - 1) * (nservers * bar + 10))
}

{
	name = sprintf("%s, %d KiB", $2 == "null" ? "no store" : "a cached file", $4 / 1024)
	if (!(name in most))
		panel[++npanels] = name
	if (!($1 in seen_server))
		server[++nservers] = $1
	if (!($3 in seen_depth))
		depth[++ndepths] = $3
	seen_server[$1] = seen_depth[$3] = 1
	good[name, $3, $1] = 1e6 / $6
	if (1e6 / $6 > most[name])
		most[name] = 1e6 / $6
}

END {
	height = 24 + ndepths * (nservers * bar + 10) + 16
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" " \
		"font-family=\"sans-serif\">\n", 20 + 2 * width, top + npanels / 2 * height
	print "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
	text(20, 22, 16, "start", "Random reads for each second of CPU time of the server")
	legend()
	for (p = 1; p <= npanels; p++)
		draw(p)
	print "</svg>"
}
