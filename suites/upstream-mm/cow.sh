#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# cow with its files on DAX, huge pages and a swap device.
. /pgmap/lib/tap.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/upstream.sh
upstream_needs cow
upstream_files ext4 dax
huge_pages 8
modprobe zram || tap_bail "zram does not load"
echo 256M >/sys/block/zram0/disksize
mkswap /dev/zram0 >/dev/null
swapon /dev/zram0 || tap_bail "no swap"
# vma_is_fsdax() in check_vma_flags(): EOPNOTSUPP. The fast path finds a page of the file, and leaves it to the slow one.
UPSTREAM_REFUSED='^R/O longterm GUP(-fast)? pin .* with tmpfile$'
UPSTREAM_WHY='files on DAX cannot be pinned for long'
upstream_run cow
swapoff /dev/zram0
rmmod zram
huge_pages 0
upstream_end
