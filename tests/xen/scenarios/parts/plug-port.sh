# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory and rounds are the scenario's
#
# A disk and a network function are put into the slots of two ports of a running guest, and taken
# from them, and the guest does nothing for it but use another disk all the time.
blank_disk a.img 16
blank_disk b.img 8
serve_peer
PORTS='00:1c.0 00:1d.0' create_by "$memory" a "lab=plug,port,$rounds" 00:06.0
serve a --domain a --blk "bdf=00:06.0,path=a.img,memory=$memory" \
	--port bdf=00:1c.0 --port bdf=00:1d.0
start a
for round in $(seq "$rounds"); do
	plug_round "$round" a port "memory=$memory"
done
finish a
exited a 0
