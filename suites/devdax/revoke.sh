#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# A device is taken away from programs that have it mapped: by unbinding its driver, by destroying its namespace. Both
# are over in time, mappings end in SIGBUS, and the device can be made again.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
for kind in mem-4K dev-2M; do
	tap_try "$kind: a device is made" pmem_new 0 128M devdax ${kind%-*} ${kind#*-} || tap_done
	./revoke "$dev" "$ns" >/tmp/revoke.tap
	tap_include /tmp/revoke.tap
	tap_refuse "$kind: the device is gone" [ -e "/sys/bus/dax/devices/$dev" ]
	memory_state_same "$kind: memory is as it was before"
done
tap_done
