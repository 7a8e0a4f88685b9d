#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# dax.sh KIND: device_dax takes a device whose memmap is in RAM or on the device, in pages of 4 KiB or 2 MiB.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/dax.sh
. ./keep.sh

pmem_reset
memory_state_save
keep_linear_map
tap_try "a device is made" pmem_new 0 64M devdax "$1" "$2" || tap_done
dax_unbind "$dev"
./errors 60 bind /sys/bus/dax/drivers/device_dax "$dev" >/tmp/errors.tap
tap_include /tmp/errors.tap
tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
tap_try "and its neighbour" pmem_free all
memory_state_same "memory is as it was before"
tap_done
