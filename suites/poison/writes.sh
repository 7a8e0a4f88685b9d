#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Writes to bad blocks. The list of them is written by hand (QEMU's DIMMs cannot have any) and goes with the disk's driver.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

pmem_reset
memory_state_save
mkdir -p /mnt/dax
again() {
	ndctl disable-namespace "$ns" && ndctl enable-namespace "$ns" && wait_for 2 [ -b "/dev/$dev" ]
}

for kind in disk ext4 xfs; do
	tap_try "$kind: a namespace is made" pmem_new 0 400M fsdax mem 2M || tap_done
	file=/mnt/dax/file
	case $kind in
	disk) file=/dev/$dev ;;
	*) pmem_mkfs $kind ;;
	esac
	for when in "$dev" -; do
		[ "$when" != - ] || {
			tap_try "$kind: the disk's driver goes and comes back" again || tap_done
			tap_is "$kind: the list of bad blocks is empty" "" "$(cat "/sys/block/$dev/badblocks")"
		}
		[ $kind = disk ] || tap_try "$kind: is mounted" mount -t $kind -o dax=always "/dev/$dev" /mnt/dax || tap_done
		./writes "$when" "$file" /tmp/taken >/tmp/writes.tap
		tap_include /tmp/writes.tap
		[ $kind = disk ] || tap_try "$kind: is unmounted" umount /mnt/dax
	done
	tap_try "$kind: the namespace goes in less than 5 s" pmem_free "$ns"
done
memory_state_same "memory is as it was before"
tap_done
