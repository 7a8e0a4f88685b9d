#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# pmem.sh fsdax|devdax MAP ALIGN: the driver of libnvdimm takes a namespace: nd_pmem, which makes a disk of it, or
# dax_pmem, which makes a dax device that device_dax takes in turn.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. ./keep.sh

pmem_reset
memory_state_save
keep_linear_map
tap_try "a namespace is made" pmem_new 0 64M "$1" "$2" "$3" || tap_done
# What claims the namespace: pfn0.1 or dax0.1.
claim=$(basename "$(readlink /sys/bus/nd/devices/$ns/holder 2>/dev/null)")
[ -n "$claim" ] && [ -e "/sys/bus/nd/devices/$claim" ] || claim=$(cat /sys/bus/nd/devices/$ns/holder)
driver=$(readlink -f "/sys/bus/nd/devices/$claim/driver")
[ -d "$driver" ] || tap_bail "$claim of $ns has no driver"
echo "$claim" >"$driver/unbind"
./errors 60 bind "$driver" "$claim" >/tmp/errors.tap
tap_include /tmp/errors.tap
tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
tap_try "and its neighbour" pmem_free all
memory_state_same "memory is as it was before"
tap_done
