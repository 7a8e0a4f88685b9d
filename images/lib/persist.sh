# SPDX-License-Identifier: GPL-2.0-only
# persist_write, a reset, persist_check: namespaces are found again by what they say of themselves, a file system that
# nobody unmounted recovers, and all that was durable is there. Needs tap.sh, pmem.sh and the program ./persist of the suite.

# What there is to be found, a line for each property.
persist_found() {
	ndctl list -N | sed -n 's/^ *"\(dev\|mode\|map\|size\|uuid\|align\|blockdev\|chardev\)":"\{0,1\}\([^",]*\).*/\1 \2/p' | sort
}

persist_write() {
	mkdir -p /mnt/dax
	pmem_reset
	dax=
	if pmem_has_labels; then
		tap_try "a device is made" pmem_new 1 64M devdax dev 2M || return
		dax=$dev
	fi
	tap_try "a disk is made" pmem_new 0 400M fsdax dev 4K || return
	pmem_mkfs ext4
	tap_try "it is mounted" mount -t ext4 -o dax=always "/dev/$dev" /mnt/dax || return
	# Kept where a reset does not reach it.
	{
		persist_found
		echo "disk $dev"
		echo "device $dax"
	} >/mnt/dax/known
	sync
	./persist write $dax >/tmp/persist.tap
	tap_include /tmp/persist.tap
}

persist_check() {
	mkdir -p /mnt/dax
	at=
	for disk in /sys/block/pmem*; do
		mount -t ext4 -o dax=always /dev/${disk##*/} /mnt/dax 2>/tmp/mount && at=${disk##*/} && break
	done
	tap_try "the file system is found and mounted" [ -n "$at" ] || {
		tap_note "$(cat /tmp/mount)"
		return
	}
	dax=$(sed -n 's/^device //p' /mnt/dax/known)
	tap_is "it is on the same disk" "$(sed -n 's/^disk //p' /mnt/dax/known)" "$at"
	tap_is "all namespaces are as they were" "$(grep -v '^disk \|^device ' /mnt/dax/known)" "$(persist_found)"
	[ -z "$dax" ] || tap_try "the device is there" wait_for 2 [ -c /dev/$dax ]
	./persist check $dax >/tmp/persist.tap
	tap_include /tmp/persist.tap
	tap_try "it is unmounted" umount /mnt/dax
	tap_try "all namespaces go in less than 5 s" pmem_free all
}
