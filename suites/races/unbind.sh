#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# unbind.sh SECONDS SEED: half of the time for each kind of device. The seed is of the clock if it is 0.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
for kind in dev-4K mem-2M; do
	tap_try "$kind: a device is made" pmem_new 0 64M devdax ${kind%-*} ${kind#*-} || tap_done
	./unbind $(($1 / 2)) "$2" "$dev" >/tmp/race.tap
	tap_include /tmp/race.tap
	tap_try "$kind: the namespace goes in less than 5 s" pmem_free "$ns"
done
memory_state_same "memory is as it was before"
tap_done
