#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Device-dax memory becomes RAM, and a block of it goes offline.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/dax.sh

pmem_reset
memory_state_save
modprobe kmem || tap_bail "kmem does not load"
tap_try "a device is made" pmem_new 0 384M devdax mem 2M || tap_done
block=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))
start=$(($(cat /sys/bus/dax/devices/$dev/resource)))
end=$((start + $(cat /sys/bus/dax/devices/$dev/size)))
first=$(((start + block - 1) / block)) last=$((end / block - 1))

offline() {
	for number in $(seq $first $last); do
		state=/sys/devices/system/memory/memory$number/state
		[ "$(cat $state)" = offline ] || wait_for 1 sh -c "echo offline >$state" || return 1
	done
}

# So that kmem knows the device by name and device_dax does not.
tap_try "kmem takes it" dax_bind "$dev" kmem || tap_done
for number in $(seq $first $last); do
	echo online_movable >/sys/devices/system/memory/memory$number/state 2>/dev/null
done
./errors 40 offline "$last" >/tmp/errors.tap
tap_include /tmp/errors.tap
tap_try "all of it goes offline" offline
dax_unbind "$dev"
./errors 40 kmem "$dev" "$start" "$end" >/tmp/errors.tap
tap_include /tmp/errors.tap
tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
memory_state_same "memory is as it was before"
tap_done
