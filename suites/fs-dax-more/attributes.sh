#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Attributes of regions, namespaces and disks: they say what is so, and what is written to them happens. A region that is
# made read-only has a disk and a file system that cannot be written, and nothing of them changes.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

put() { echo "$1" >"$2"; } # VALUE FILE
region=/sys/bus/nd/devices/region0
slots() { cat /sys/bus/nd/devices/nmem0/available_slots; }
store() { dd if=/dev/zero of="/dev/$dev" bs=4096 count=1 conv=notrunc,fsync 2>/dev/null; }
sum() { dd if="/dev/$dev" bs=1M count=4 2>/dev/null | md5sum; }

pmem_reset
memory_state_save
! pmem_has_labels || free=$(slots)
tap_try "a namespace is made" pmem_new 0 64M fsdax mem 2M || tap_done
tap_is "the region says what it is" nd_pmem "$(cat $region/devtype)"
if pmem_has_labels; then
	tap_is "the namespace is in one piece" 1 "$(cat "/sys/bus/nd/devices/$ns/dpa_extents")"
	tap_try "and has a label" [ "$(slots)" -lt "$free" ]
fi

cache=/sys/block/$dev/dax/write_cache
for on in 0 1; do
	tap_try "write_cache is set to $on" put $on "$cache"
	tap_is "write_cache is $on" $on "$(cat "$cache")"
done
tap_refuse "write_cache is neither 0 nor 1" put maybe "$cache"
tap_is "and stays as it was" 1 "$(cat "$cache")"

tap_try "the disk is written" store
was=$(sum)
tap_try "the region is made read-only" put 1 $region/read_only
tap_is "and says so" 1 "$(cat $region/read_only)"
tap_is "so does the disk" 1 "$(cat "/sys/block/$dev/ro")"
tap_refuse "the disk is not written" store
tap_is "it is as it was" "$was" "$(sum)"
tap_try "the region can be written again" put 0 $region/read_only
tap_is "and the disk" 0 "$(cat "/sys/block/$dev/ro")"
tap_refuse "the region is neither" put maybe $region/read_only
tap_try "the disk is written again" store

# Only where there is something to flush it with can it be asked for.
case $(cat $region/deep_flush 2>/dev/null) in
1) tap_try "the region is flushed" put 1 $region/deep_flush ;;
*) tap_refuse "the region is not flushed" put 1 $region/deep_flush ;;
esac
tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
! pmem_has_labels || tap_is "its label is free again" "$free" "$(slots)"
memory_state_same "memory is as it was before"
tap_done
