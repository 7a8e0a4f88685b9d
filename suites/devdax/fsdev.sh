#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# fsdev.sh mem|dev ALIGN: a device on a new namespace goes from device_dax to fsdev_dax and back.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/dax.sh
. /pgmap/lib/fsdev.sh

pmem_reset
memory_state_save
tap_try "a device is made ($1, $2)" pmem_new 0 64M devdax "$1" "$2" || tap_done
fsdev_checks "$dev"
fsdev_unload
tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
memory_state_same "memory is as it was before"
tap_done
