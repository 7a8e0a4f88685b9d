# SPDX-License-Identifier: GPL-2.0-only
# flush_on count|storm: the program ./flush of a suite on the machine's virtio-pmem, with ext4. Needs tap.sh, pmem.sh and
# memory-state.sh.

flush_on() {
	pmem_reset
	memory_state_save
	tap_try "a namespace is made" pmem_new 0 512M fsdax mem 2M || tap_done
	pmem_mkfs ext4
	mkdir -p /mnt/dax
	tap_try "it is mounted" mount -t ext4 -o dax=always "/dev/$dev" /mnt/dax || tap_done
	./flush "$1" "$dev" >/tmp/flush.tap
	tap_include /tmp/flush.tap
	tap_try "it is unmounted" umount /mnt/dax
	tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
	memory_state_same "memory is as it was before"
}
