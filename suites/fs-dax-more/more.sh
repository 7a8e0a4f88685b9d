#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# more.sh ext4|xfs SIZE TEST: one part of ./more on a new file system of that size.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
tap_try "a namespace is made" pmem_new 0 "$2" fsdax mem 2M || tap_done
case $1$3 in
ext4*) pmem_mkfs ext4 ;;
# A stripe of 2 MiB makes the allocator align what is to be mapped huge. Not for shared blocks: when one page of them is
# written, 6.12's dax_insert_entry() puts it in the place of a huge entry, nrpages is wrong from then on, and
# clear_inode() dies of it at unmount.
xfsshare) pmem_mkfs xfs -m reflink=1 ;;
xfs*) pmem_mkfs xfs -m reflink=1 -d su=2m,sw=1,agcount=2 -l su=4k ;;
esac
mkdir -p /mnt/dax
tap_try "it is mounted" mount -t "$1" -o dax=always "/dev/$dev" /mnt/dax || tap_done
[ "$1$3" != xfshuge ] || xfs_io -c 'extsize 2m' /mnt/dax || tap_bail "no extsize"
./more "$3" >/tmp/more.tap
tap_include /tmp/more.tap
tap_try "it is unmounted" umount /mnt/dax
tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
memory_state_same "memory is as it was before"
tap_done
