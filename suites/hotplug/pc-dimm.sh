#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# T23: 256 MiB of RAM come, hold a program's memory, are taken offline under it, and leave nothing behind. Then once
# more, with the unplugging itself taking them offline.
. ./common.sh

size=$((256 << 20))

# Sets range to the first and last address of the System RAM that was not there before, and all to its memory blocks.
find_ram() {
	range=$(grep -vxF "$iomem" /proc/iomem | sed -n 's/ : System RAM$//p')
	[ "$range" ] && all=$(blocks $((0x${range%-*})) $((0x${range#*-} - 0x${range%-*} + 1)))
}

plug() { # ROUND
	total=$(mem_total)
	lab plug dimm0 || tap_bail "plug dimm0: $lab_error"
	tap_try "$1: System RAM appears" wait_for 5 find_ram || tap_done
	tap_is "$1: it has the size of the DIMM" $size $(($(set -- $all; echo $#) * block))
	tap_try "$1: its memory blocks are there" wait_for 2 blocks_present $all || tap_done
	tap_is "$1: it is one resource of its own" "$range System RAM" "$(resources_in $((0x${range%-*})) $((0x${range#*-})))"
	# The command line asks for this; what does not follow it is done by hand.
	wait_for 2 blocks_are online $all || blocks_set online_movable $all
	tap_try "$1: all of them are online and movable" blocks_movable $all
	tap_is "$1: MemTotal grows by the size of the DIMM" $((total + size / 1024)) "$(mem_total)"
}

unplug() { # ROUND
	if lab unplug dimm0; then
		tap_ok "$1: it can be unplugged"
	else
		tap_not_ok "$1: it can be unplugged" "$lab_error"
		tap_done
	fi
	tap_try "$1: its memory blocks are gone" wait_for 2 blocks_absent $all
	memory_state_same "$1: resources and memory are as before"
}

iomem=$(cat /proc/iomem)
memory_state_save

plug first
tap_try 'first: a program keeps its memory when it is taken offline' \
	memory hold 0x${range%-*} $size $((16 << 20)) $(printf '/sys/devices/system/memory/memory%s/state ' $all)
tap_is 'first: MemTotal shrinks by the size of the DIMM' "$total" "$(mem_total)"
tap_try 'first: it can go online again' blocks_set online_movable $all
tap_try 'first: and offline again' blocks_set offline $all
unplug first

plug second
unplug second
tap_done
