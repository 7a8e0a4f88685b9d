#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# edges.sh mem|dev ALIGN: a device on a new namespace, the checks of ./edges on it, and its end.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
# Somewhere to read from and write to, so that the block layer pins pages of the device.
pmem_new 1 32M fsdax mem 4K && scratch=$dev
tap_try "a device is made ($1, $2)" pmem_new 0 128M devdax "$1" "$2" || tap_done
tap_is "the device has the size of the namespace" "$size" "$(cat "/sys/bus/dax/devices/$dev/size")"
./edges "$dev" $scratch >/tmp/edges.tap
tap_include /tmp/edges.tap
tap_try "it goes in less than 5 s" pmem_free "$ns"
pmem_free all
memory_state_same "memory is as it was before"
tap_done
