#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# files.sh ext4|xfs dev|mem|raw [ALIGN]: a file system on a new namespace, the checks of ./files on it, and the end of
# the namespace, which must not take long and must leave nothing behind.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

fs=$1 map=$2 align=$3
pmem_reset
memory_state_save
if [ "$map" = raw ]; then
	ns=namespace0.0 dev=pmem0
	tap_try "a raw namespace gives a block device" sh -c \
		"echo $ns >/sys/bus/nd/drivers/nd_pmem/bind; usleep 50000; test -b /dev/$dev" || tap_done
else
	tap_try "a namespace is made ($map, $align)" pmem_new 0 400M fsdax "$map" "$align" || tap_done
	tap_is "the block device has the size of the namespace" "$size" $(($(cat /sys/block/$dev/size) * 512))
fi
scratch=
if [ "$fs" = ext4 ] && pmem_has_labels; then
	was="$ns $dev"
	pmem_new 1 32M fsdax mem 4K && scratch=$dev
	ns=${was% *} dev=${was#* }
fi
case $fs in
ext4) tap_try "mkfs.ext4" mkfs.ext4 -q -b 4096 -E nodiscard "/dev/$dev" ;;
xfs) tap_try "mkfs.xfs" mkfs.xfs -q -f -K -m reflink=1 "/dev/$dev" ;;
esac
./files "$fs" "$dev" $scratch >/tmp/files.tap
tap_include /tmp/files.tap
if [ "$map" = raw ]; then
	tap_try "the namespace goes in less than 5 s" in_time 5 sh -c "echo $ns >/sys/bus/nd/drivers/nd_pmem/unbind"
else
	tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
	[ -z "$scratch" ] || pmem_free all
fi
memory_state_same "memory is as it was before"
tap_done
