#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# cycle.sh soft-reserved|nvdimm: three rounds of device to RAM and back. All whole memory blocks of the device are
# there as RAM and no others, programs can use every one of them, their data survives when it is taken offline, and
# nothing is left. Rounds are by daxctl and by sysfs in turn; the later ones are smaller, because offlining takes time.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/dax.sh
. ./common.sh

case $1 in
soft-reserved)
	take_back
	dev=dax0.0
	;;
nvdimm)
	# The start of the namespace is its info block, so the first memory block is not whole; the end is that of a block.
	pmem_reset
	memory_state >/tmp/memory-state.bare
	tap_try "a device is made" pmem_new 0 384M devdax mem 2M || tap_done
	;;
esac
device=/sys/bus/dax/devices/$dev
[ "$1" = soft-reserved ] || modprobe kmem || tap_bail "kmem does not load"
dax_unbind $dev
memory_state_save

to_ram() { # ROUND
	if [ "$1" = 2 ]; then
		dax_bind $dev kmem
	else
		dax_bind $dev device_dax && daxctl reconfigure-device -N -f -m system-ram $dev
	fi
}

to_device() { # ROUND
	if [ "$1" = 2 ]; then
		dax_unbind $dev && dax_bind $dev device_dax
	else
		daxctl reconfigure-device -f -m devdax $dev
	fi
}

round=1
while [ $round -le 3 ]; do
	[ "$1" != soft-reserved ] || [ $round = 1 ] || echo $((256 * M)) >$device/size
	start=$(($(cat $device/resource)))
	end=$((start + $(cat $device/size)))
	first=$(((start + block - 1) / block * block))
	last=$((end / block * block))
	was=$(total)

	tap_try "round $round: the device becomes RAM" in_time 10 to_ram $round || tap_done
	tap_is "round $round: all its whole blocks are RAM in /proc/iomem" \
		"$(printf '%s  %x-%x : System RAM (kmem)' "$(iomem_indent)" $first $((last - 1)))" "$(grep 'System RAM (kmem)' /proc/iomem)"
	tap_is "round $round: and memory blocks" "$(seq $((first / block)) $((last / block - 1)))" "$(blocks_in $start $end)"
	for number in $(blocks_in $start $end); do
		echo online_movable >/sys/devices/system/memory/memory$number/state 2>/dev/null
	done
	tap_is "round $round: MemTotal grows by as much" $(((last - first) / 1024)) $(($(total) - was))
	./ram "$(cat $device/target_node)" $first $last $block >/tmp/ram.tap
	tap_include /tmp/ram.tap
	if [ "$1$round" = nvdimm3 ]; then
		# Without the detour: the region goes while kmem has the device.
		cp /tmp/memory-state.bare /tmp/memory-state
		tap_try "round $round: the region goes in less than 5 s" in_time 5 ndctl disable-region all
		memory_state_same "round $round: memory is as it was before the namespace"
		tap_try "round $round: the region comes back" ndctl enable-region all
		tap_try "round $round: and the device" wait_for 2 [ -e $device/size ]
		tap_is "round $round: as large as before" $((end - start)) "$(cat $device/size)"
		tap_try "round $round: the namespace goes in less than 5 s" pmem_free all
		memory_state_same "round $round: and again memory is as it was before it"
		tap_done
	fi
	tap_try "round $round: the RAM becomes a device" in_time 10 to_device $round || tap_done
	[ $round -lt 3 ] || {
		./edges $dev >/tmp/edges.tap
		tap_include /tmp/edges.tap
	}
	tap_try "round $round: the driver goes in less than 5 s" in_time 5 dax_unbind $dev
	[ "$1" != soft-reserved ] || echo $((512 * M)) >$device/size
	memory_state_same "round $round: memory is as it was before"
	round=$((round + 1))
done
tap_done
