#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Two namespaces that lie side by side, the lower one written over its end.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
for kind in dev-2M mem-4K; do
	map=${kind%-*} align=${kind#*-}
	pmem_new 0 64M fsdax $map $align || tap_bail "no namespace"
	one=$dev one_at=$(($(cat /sys/bus/nd/devices/$ns/resource)))
	pmem_new 0 64M fsdax $map $align || tap_bail "no second namespace"
	two=$dev two_at=$(($(cat /sys/bus/nd/devices/$ns/resource)))
	tap_note "$one at $one_at, $two at $two_at"
	if [ $one_at -lt $two_at ]; then
		./more end "$one" "$two" >/tmp/more.tap
	else
		./more end "$two" "$one" >/tmp/more.tap
	fi
	tap_include /tmp/more.tap
	tap_try "$kind: both go in less than 5 s" pmem_free all
done
memory_state_same "memory is as it was before"
tap_done
