#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Namespaces in fsdax mode, with their struct pages in RAM or on the device, in both alignments: sizes agree, the first
# and last bytes hold, RAM is used as documented, and each goes again without a trace.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

near() { # GOT WANT in KiB
	[ $(($1 - $2)) -lt 3072 ] && [ $(($2 - $1)) -lt 3072 ] || {
		echo "$1 KiB, want about $2"
		return 1
	}
}

# NAMESPACE: caching attributes of the physical memory it begins with.
caching() {
	awk -v from="$(printf '0x%016x' $(($(cat /sys/bus/nd/devices/"$1"/resource))))" \
		'index($0, "[mem " from "-") { print $NF }' /sys/kernel/debug/x86/pat_memtype_list | sort -u
}

pmem_reset
memory_state_save
# The other two combinations are under the file systems of the other tests.
for kind in mem-2M dev-4K; do
	map=${kind%-*} align=${kind#*-}
	free=$(memory_free)
	tap_try "$kind: a namespace is made" pmem_new 0 256M fsdax $map $align || tap_done
	used=$((free - $(memory_free)))
	tap_is "$kind: the block device has its size" "$size" $(($(cat /sys/block/$dev/size) * 512))
	region=$(cat /sys/bus/nd/devices/$ns/size)
	# A struct page is 64 bytes, so the memmap is 1/64 of the memory.
	if [ $map = mem ]; then
		tap_try "$kind: struct pages take 1/64 of RAM" near $used $((size / 64 / 1024))
	else
		tap_try "$kind: struct pages take no RAM" near $used 0
		tap_try "$kind: but 1/64 of the device" near $(((region - size) / 1024)) $((region / 65536))
	fi
	tap_is "$kind: it is mapped write-back and nothing else" write-back "$(caching $ns)"
	tap_try "$kind: first and last pages are written" ./block write 1 "$dev"
	tap_try "$kind: and read" ./block check 1 "$dev"
	tap_try "$kind: goes in less than 5 s" pmem_free "$ns" || tap_done
	memory_state_same "$kind: memory is as it was before"
done
if pmem_has_labels; then
	pmem_new 0 64M fsdax dev 2M && one=$dev
	pmem_new 0 64M fsdax mem 4K && two=$dev
	pmem_new 0 64M fsdax dev 4K && three=$dev
	tap_try "neighbours: each is written" ./block write 2 "$one" "$two" "$three"
	tap_try "neighbours: and none touched another" ./block check 2 "$one" "$two" "$three"
	tap_try "neighbours: all go in less than 5 s" pmem_free all
	memory_state_same "neighbours: memory is as it was before"
fi
tap_done
