#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# files.sh SECONDS SEED: half of the time for each file system. The seed is of the clock if it is 0.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
mkdir -p /mnt/dax
for fs in ext4 xfs; do
	tap_try "$fs: a namespace is made" pmem_new 0 400M fsdax mem 2M || tap_done
	pmem_mkfs $fs
	tap_try "$fs: is mounted" mount -t $fs -o dax=always "/dev/$dev" /mnt/dax || tap_done
	./files $(($1 / 2)) "$2" /mnt/dax/file >/tmp/race.tap
	tap_include /tmp/race.tap
	tap_try "$fs: is unmounted" in_time 5 umount /mnt/dax
	tap_try "$fs: the namespace goes in less than 5 s" pmem_free "$ns"
done
memory_state_same "memory is as it was before"
tap_done
