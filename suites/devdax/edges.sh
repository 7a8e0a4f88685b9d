#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# edges.sh mem|dev ALIGN SIZE: a device on a new namespace, the checks of ./edges on it, and its end.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
# Somewhere to read from and write to, so that the block layer pins pages of the device.
pmem_new 1 32M fsdax mem 4K && scratch=$dev
free=$(memory_free)
tap_try "a device is made ($1, $2)" pmem_new 0 "$3" devdax "$1" "$2" || tap_done
# struct pages are 1/64 of the memory; those of a 2 MiB page share all but two of their eight pages
# (Documentation/mm/vmemmap_dedup.rst), and those on the device take nothing.
used=$(((free - $(memory_free)) / 1024))
case $1 in
mem) tap_try "struct pages of 2 MiB pages take 1/256 of RAM" [ $used -lt $((size >> 27)) ] || tap_note "$used MiB" ;;
dev) tap_try "struct pages on the device take no RAM" [ $used -lt 2 ] || tap_note "$used MiB" ;;
esac
tap_is "the device has the size of the namespace" "$size" "$(cat "/sys/bus/dax/devices/$dev/size")"
./edges "$dev" $scratch >/tmp/edges.tap
tap_include /tmp/edges.tap
tap_try "it goes in less than 5 s" pmem_free "$ns"
pmem_free all
memory_state_same "memory is as it was before"
tap_done
