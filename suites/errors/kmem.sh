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
# One that stays: the first memory of a node brings the node itself up, and for that the kernel has no way back
# (add_memory_resource(): BUG_ON() on __register_one_node()).
tap_try "a device is made that stays" pmem_new 0 384M devdax mem 2M || tap_done
tap_try "kmem takes it" dax_bind "$dev" kmem || tap_done
# One whole memory block: __add_pages() (mm/memory_hotplug.c, at least up to 6.12) does not take back the sections that it
# has added when a later one fails, and they answer EEXIST from then on.
tap_try "a device is made" pmem_new 0 256M devdax mem 2M || tap_done
block=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))
start=$(($(cat /sys/bus/dax/devices/$dev/resource)))
end=$((start + $(cat /sys/bus/dax/devices/$dev/size)))
first=$(((start + block - 1) / block)) last=$((end / block - 1))
[ $first = $last ] || tap_bail "the device has memory blocks $first to $last, not one"

offline() { # FIRST LAST
	for number in $(seq $1 $2); do
		state=/sys/devices/system/memory/memory$number/state
		[ ! -e $state ] || [ "$(cat $state)" = offline ] || wait_for 1 sh -c "echo offline >$state" || return 1
	done
}

# So that kmem knows the device by name and device_dax does not.
tap_try "kmem takes that too" dax_bind "$dev" kmem || tap_done
for number in $(seq $first $last); do
	echo online_movable >/sys/devices/system/memory/memory$number/state 2>/dev/null
done
./errors 40 offline "$last" >/tmp/errors.tap
tap_include /tmp/errors.tap
tap_try "all of it goes offline" offline $first $last
dax_unbind "$dev"
# 7.x: driver core makes kmem's attribute `state` when the probe is over and its memory online. If that fails, it calls
# dev_dax_kmem_remove(), which by design leaves what is online for good ("stuck online until reboot").
[ ! -e "/sys/bus/dax/devices/$(ls /sys/bus/dax/drivers/kmem | grep ^dax | head -1)/state" ] ||
	echo offline >/sys/devices/system/memory/auto_online_blocks
./errors 40 kmem "$dev" "$start" "$end" >/tmp/errors.tap
tap_include /tmp/errors.tap
# Its blocks are below those of the other, in the same region.
tap_try "the one that stays goes offline" offline $(($(cat /sys/bus/nd/devices/region0/resource) / block)) $((first - 1))
tap_try "all namespaces go in less than 10 s" in_time 10 ndctl destroy-namespace -f all
memory_state_same "memory is as it was before"
tap_done
