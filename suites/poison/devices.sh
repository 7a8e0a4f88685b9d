#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Errors on device-dax of both alignments: the size of what is lost is that of the mapping.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
pmem_new 1 48M devdax mem 4K && neighbour=$dev
for kind in dev-4K-12 mem-2M-21; do
	shift=${kind##*-} kind=${kind%-*}
	tap_try "$kind: a device is made" pmem_new 0 64M devdax ${kind%-*} ${kind#*-} || tap_done
	./heard "/dev/$dev" 8388608 "$shift" "$shift" - "/dev/$neighbour" >/tmp/heard.tap
	tap_include /tmp/heard.tap
	tap_try "$kind: the poisoned namespace goes in less than 5 s" pmem_free "$ns"
	tap_try "$kind: its place is used again" pmem_new 0 64M devdax mem 2M
	tap_try "$kind: and goes again" pmem_free "$ns"
done
tap_try "the neighbour goes" pmem_free all
memory_state_same "memory is as it was before"
tap_done
