#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# QEMU's DIMMs cannot be told to have bad blocks, so the block layer's list is written by hand. The list goes with the
# namespace.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
mkdir -p /mnt/dax
for fs in ext4 xfs; do
	tap_try "$fs: a namespace is made" pmem_new 0 400M fsdax dev 2M || tap_done
	pmem_mkfs $fs
	tap_try "$fs: is mounted" mount -t $fs -o dax=always "/dev/$dev" /mnt/dax || tap_done
	./badblocks "$dev" /mnt/dax/file >/tmp/badblocks.tap
	tap_include /tmp/badblocks.tap
	tap_try "$fs: is unmounted" umount /mnt/dax
	tap_try "$fs: the namespace goes in less than 5 s" pmem_free "$ns"
done
memory_state_same "memory is as it was before"
tap_done
