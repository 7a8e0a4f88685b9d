#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Errors in files: on ext4 the page knows its file; on xfs with a reverse map the file system is asked, so that all files
# which share a block are found.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
mkdir -p /mnt/dax
for fs in ext4 xfs; do
	tap_try "$fs: a namespace is made" pmem_new 0 400M fsdax mem 2M || tap_done
	case $fs in
	ext4) pmem_mkfs ext4 ;;
	xfs) pmem_mkfs xfs -m rmapbt=1,reflink=1 ;;
	esac
	tap_try "$fs: is mounted" mount -t $fs -o dax=always "/dev/$dev" /mnt/dax || tap_done
	for file in a b other; do dd if=/dev/zero of=/mnt/dax/$file bs=1M count=8 2>/dev/null; done
	sync
	./heard /mnt/dax/a 8388608 12 12 - /mnt/dax/other >/tmp/heard.tap
	tap_include /tmp/heard.tap
	./heard /mnt/dax/b 8388608 12 21 - /mnt/dax/other >/tmp/heard.tap
	tap_include /tmp/heard.tap
	tap_try "$fs: is unmounted" umount /mnt/dax
	tap_try "$fs: the poisoned namespace goes in less than 5 s" pmem_free "$ns"
done
memory_state_same "memory is as it was before"
tap_done
