#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# The whole range goes from device_dax to fsdev_dax and back.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/dax.sh
. /pgmap/lib/fsdev.sh

dax_unbind dax0.0
memory_state_save
fsdev_checks dax0.0
tap_try "it lets go in less than 5 s" in_time 5 dax_unbind dax0.0
fsdev_unload
memory_state_same "memory is as it was before"
tap_done
