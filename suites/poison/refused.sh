#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Soft offline and unpoison of files' pages and of device-dax are refused.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

modprobe hwpoison_inject || tap_bail "hwpoison_inject does not load"
pmem_reset
memory_state_save
mkdir -p /mnt/dax
tap_try "a disk is made" pmem_new 0 256M fsdax mem 2M || tap_done
disk=$ns
pmem_mkfs ext4
tap_try "it is mounted" mount -t ext4 -o dax=always "/dev/$dev" /mnt/dax || tap_done
dd if=/dev/zero of=/mnt/dax/file bs=1M count=8 2>/dev/null
sync
./refused /mnt/dax/file 8388608 >/tmp/refused.tap
tap_include /tmp/refused.tap
tap_try "it is unmounted" umount /mnt/dax
tap_try "it goes in less than 5 s" pmem_free "$disk"
for align in 4K 2M; do
	tap_try "$align: a device is made" pmem_new 1 64M devdax mem $align || tap_done
	./refused "/dev/$dev" 8388608 >/tmp/refused.tap
	tap_include /tmp/refused.tap
	tap_try "$align: it goes in less than 5 s" pmem_free "$ns"
done
rmmod hwpoison_inject
memory_state_same "memory is as it was before"
tap_done
