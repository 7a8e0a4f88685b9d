#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# T65, the short of it: a virtio-mem device without memory comes, grows, holds a program's memory, shrinks to nothing.
. ./common.sh

size=$((256 << 20))
ram='System RAM (virtio_mem)'

resize() { # NAME SIZE
	lab resize vmem0 "$2" || tap_bail "resize vmem0 to $2: $lab_error"
}

# Sets range to the first and last address of the device's range.
find_range() {
	for folder in /sys/bus/virtio/drivers/virtio_mem/virtio*; do
		device=${folder##*/}
		range=$(sed -n "s/^ *\([0-9a-f-]*\) : $device\$/\1/p" /proc/iomem)
		[ "$range" ] && return
	done
	return 1
}

# Sets tree to what is in the range, with neighbouring pieces of RAM as one.
find_tree() {
	tree=$(resources_in $((0x${range%-*})) $((0x${range#*-})))
}
ram_bytes() {
	sum=0
	for piece in $(echo "$tree" | sed -n "s, $device / $ram\$,,p"); do
		sum=$((sum + 0x${piece#*-} - 0x${piece%-*} + 1))
	done
	echo $sum
}

no_ram() { ! iomem_has "$ram"; }

plug_once vmem0 find_range
tap_try 'its range appears in the resource tree' wait_for 5 find_range || tap_done
no_ram || tap_bail 'it has memory already'
total=$(mem_total)
memory_state_save

for round in first second; do
	resize vmem0 256M
	tap_try "$round: MemTotal grows by what is asked for" wait_for 5 mem_total_is $((total + size / 1024))
	find_tree
	tap_is "$round: the resource tree has as much below the device, as its RAM" $size "$(ram_bytes)"
	tap_is "$round: and nothing else" "$range $device" "$(echo "$tree" | grep -v " $device / $ram\$")"
	[ $round = second ] || tap_try "$round: a program can use it" memory hold 0x${range%-*} $((2 * size)) $((16 << 20))
	resize vmem0 0
	tap_try "$round: MemTotal shrinks to what it was" wait_for 5 mem_total_is "$total"
	tap_try "$round: no System RAM is left of it" wait_for 2 no_ram
	memory_state_same "$round: resources and memory are as before"
done
tap_done
