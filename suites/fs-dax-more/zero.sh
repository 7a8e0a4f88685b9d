#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# zero.sh ext4|xfs: ranges of DAX files are zeroed, punched and cut off, at borders of pages and beside them.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
mkdir -p /mnt/dax
tap_try "a namespace is made" pmem_new 0 480M fsdax mem 2M || tap_done
pmem_mkfs "$1"
for what in make check; do
	tap_try "it is mounted" mount -t "$1" -o dax=always "/dev/$dev" /mnt/dax || tap_done
	./zero $what /mnt/dax >/tmp/zero.tap
	tap_include /tmp/zero.tap
	tap_try "it is unmounted" umount /mnt/dax
done
tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
memory_state_same "memory is as it was before"
tap_done
