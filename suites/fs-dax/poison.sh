#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Memory errors in files on ext4 and xfs, and the end of the poisoned namespace.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
for fs in ext4 xfs; do
	tap_try "$fs: a namespace is made" pmem_new 0 400M fsdax mem 2M || tap_done
	pmem_mkfs $fs
	mkdir -p /mnt/dax
	tap_try "$fs: is mounted" mount -t $fs -o dax=always "/dev/$dev" /mnt/dax || tap_done
	dd if=/dev/zero of=/mnt/dax/file bs=1M count=8 2>/dev/null
	./poison /mnt/dax/file 8388608 >/tmp/poison.tap
	tap_include /tmp/poison.tap
	tap_try "$fs: is unmounted" umount /mnt/dax
	tap_try "$fs: the namespace goes in less than 5 s" pmem_free "$ns"
	memory_state_same "$fs: memory is as it was before"
done
tap_done
