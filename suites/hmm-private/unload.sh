#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# unload.sh private|coherent: test_hmm goes in time after its pages were used, twice over, and leaves nothing behind:
# no resource, no linear map, no RAM. The first round is not measured, it keeps some memory for good.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/hmm.sh

hmm_unload 10 || tap_not_ok "unloads after the tests before this one" "$(cat /tmp/in_time)"
memory_state_save
free=0
for round in 1 2 3; do
	tap_try "round $round: loads" hmm_load "$1" || break
	tap_try "round $round: pages go to the device and back" ./use "$1" || break
	tap_try "round $round: unloads in less than 10 s" hmm_unload 10 || break
	memory_state_same "round $round: resources and linear map are as before"
	was=$free
	free=$(memory_free)
	[ $round = 1 ] && continue
	if [ $((was - free)) -lt 4096 ]; then
		tap_ok "round $round: no RAM is lost"
	else
		tap_not_ok "round $round: no RAM is lost" "$((was - free)) KiB less than after the round before"
	fi
done
tap_done
