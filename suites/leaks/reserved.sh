#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# reserved.sh kmem|dynamic: a soft-reserved device becomes RAM and a device again; devices are cut from it.
. /pgmap/lib/tap.sh
. /pgmap/lib/dax.sh
. ./rounds.sh

block=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))
device=/sys/bus/dax/devices/dax0.0
region=/sys/bus/dax/devices/dax0.0/../dax_region

kmem() {
	dax_bind dax0.0 kmem || return
	for number in $(seq $(($(($(cat $device/resource))) / block)) $((($(($(cat $device/resource))) + $(cat $device/size)) / block - 1))); do
		state=/sys/devices/system/memory/memory$number/state
		echo online_movable >$state 2>/dev/null
		wait_for 5 sh -c "echo offline >$state" || return
	done
	dax_bind dax0.0 device_dax && ./touch device /dev/dax0.0
}

dynamic() {
	echo 1 >$region/create || return
	seed=$(cat $region/seed)
	echo $((64 << 20)) >/sys/bus/dax/devices/$seed/size && dax_bind "$seed" device_dax && wait_for 2 [ -e /dev/$seed ] &&
		./touch device /dev/$seed && dax_unbind "$seed" && echo "$seed" >/sys/bus/dax/drivers/device_dax/remove_id &&
		echo 0 >/sys/bus/dax/devices/$seed/size && echo "$seed" >$region/delete
}

# kmem takes such a device as soon as it is there, unless it has a driver.
dax_bind dax0.0 device_dax || tap_bail "device_dax does not take the device"
modprobe kmem || tap_bail "kmem does not load"
dax_unbind dax0.0
# Offlining takes its time, block by block.
echo $((256 << 20)) >$device/size || tap_bail "the device cannot be made smaller"
[ "$1" = kmem ] && rounds 5 kmem || rounds 12 dynamic
dax_unbind dax0.0
echo $((512 << 20)) >$device/size
tap_done
