#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Memory errors on devices of both alignments, and the end of the poisoned namespace.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
for kind in dev-4K mem-2M; do
	tap_try "$kind: a device is made" pmem_new 0 64M devdax ${kind%-*} ${kind#*-} || tap_done
	./poison "/dev/$dev" "$size" >/tmp/poison.tap
	tap_include /tmp/poison.tap
	tap_try "$kind: it goes in less than 5 s" pmem_free "$ns"
	memory_state_same "$kind: memory is as it was before"
done
tap_done
