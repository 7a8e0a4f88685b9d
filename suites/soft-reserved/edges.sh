#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# The whole range as one device: its pages, and what happens to who has it mapped when its driver goes.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/dax.sh

dax_unbind dax0.0
memory_state_save
for align in 2097152 4096; do
	echo $align >/sys/bus/dax/devices/dax0.0/align
	tap_try "device_dax takes it, aligned to $align" dax_bind dax0.0 device_dax || tap_done
	./edges dax0.0 >/tmp/edges.tap
	tap_include /tmp/edges.tap
	[ $align = 4096 ] || {
		./revoke dax0.0 >/tmp/revoke.tap
		tap_include /tmp/revoke.tap
	}
	tap_try "it lets go in less than 5 s" in_time 5 dax_unbind dax0.0
	memory_state_same "memory is as it was before"
done
echo 2097152 >/sys/bus/dax/devices/dax0.0/align
tap_done
