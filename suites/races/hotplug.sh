#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# hotplug.sh SECONDS SEED. The seed is of the clock if it is 0.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/dax.sh

pmem_reset
memory_state_save
modprobe kmem || tap_bail "kmem does not load"
tap_try "a device for RAM is made" pmem_new 1 400M devdax mem 2M || tap_done
ram=$dev
tap_try "a device for device_dax is made" pmem_new 0 128M devdax mem 2M || tap_done
start=$(($(cat /sys/bus/dax/devices/$ram/resource)))
end=$((start + $(cat /sys/bus/dax/devices/$ram/size)))
tap_try "kmem takes the first" dax_bind "$ram" kmem || tap_done
./hotplug "$1" "$2" "$dev" "$ram" "$start" "$end" >/tmp/race.tap
tap_include /tmp/race.tap
tap_try "all namespaces go in less than 5 s" pmem_free all
memory_state_same "memory is as it was before"
tap_done
