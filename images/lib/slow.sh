# SPDX-License-Identifier: GPL-2.0-only
# slow_on ext4|xfs: the program ./slow of a suite on a new namespace, with the topology's slow disk. Needs tap.sh, pmem.sh
# and memory-state.sh.

slow=
slow_disk() {
	for serial in /sys/block/nvme*/device/serial; do
		case $(cat $serial) in
		slow0*) slow=${serial#/sys/block/} slow=${slow%%/*} ;;
		esac
	done
	[ -n "$slow" ] && [ -b /dev/$slow ]
}

slow_on() {
	wait_for 3 slow_disk || tap_bail "there is no slow disk"
	slow_disk

	pmem_reset
	memory_state_save
	tap_try "a namespace is made" pmem_new 0 400M fsdax mem 2M || return
	pmem_mkfs "$1"
	mkdir -p /mnt/dax
	tap_try "it is mounted" mount -t "$1" -o dax=always "/dev/$dev" /mnt/dax || return
	./slow "$slow" "$dev" >/tmp/slow.tap
	tap_include /tmp/slow.tap
	tap_try "it is unmounted" umount /mnt/dax
	tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
	memory_state_same "memory is as it was before"
}
