# SPDX-License-Identifier: GPL-2.0-only
# away_from ext4|xfs: a namespace that is in use. Nothing about it can be changed, nor can it be destroyed; its driver can
# be taken away, even while it is written, and then writers get errors, nobody waits, and what was synced is there again
# with the driver. Needs tap.sh, pmem.sh, memory-state.sh and the program ./away of the suite.

# NAME FILE VALUE: it is refused as busy and stays what it is.
away_busy() {
	away_was=$(cat $2)
	tap_is "$1 cannot be changed: EBUSY" EBUSY \
		"$(echo $3 2>&1 >$2 | sed 's/.*: Device or resource busy/EBUSY/')"
	[ "$(cat $2)" = "$away_was" ] || tap_not_ok "$1 is what it was" "was $away_was, is $(cat $2)"
}

# COMMAND...: in the background; returns once it says it is ready.
away_start() {
	"$@" >/tmp/ready 2>/tmp/$2.error &
	pids="$pids $!"
	wait_for 5 grep -q ready /tmp/ready
}

away_from() {
	pmem_reset
	memory_state_save
	tap_try "a namespace is made" pmem_new 0 400M fsdax dev 2M || return
	pmem_mkfs "$1"
	mkdir -p /mnt/dax
	tap_try "it is mounted" mount -t "$1" -o dax=always "/dev/$dev" /mnt/dax || return
	tap_try "a file is written and synced" ./away keep /mnt/dax/kept

	pfn=$(basename "$(readlink -f /sys/block/$dev/device)")
	tap_refuse "a mounted namespace cannot be destroyed" ndctl destroy-namespace -f "$ns"
	tap_is "its driver still has it" nd_pmem "$(basename "$(readlink /sys/bus/nd/devices/$pfn/driver)")"
	away_busy "the size of its namespace" /sys/bus/nd/devices/$ns/size $((64 << 20))
	away_busy "the identity of its namespace" /sys/bus/nd/devices/$ns/uuid "$(cat /proc/sys/kernel/random/uuid)"
	away_busy "where its struct pages are" /sys/bus/nd/devices/$pfn/mode ram
	away_busy "its alignment" /sys/bus/nd/devices/$pfn/align 4096
	away_busy "its identity" /sys/bus/nd/devices/$pfn/uuid "$(cat /proc/sys/kernel/random/uuid)"
	away_busy "what it is made of" /sys/bus/nd/devices/$pfn/namespace ''
	tap_try "all of that has not harmed it" ./away check /mnt/dax/kept

	pids=
	tap_try "a program writes to it" away_start ./away write /mnt/dax/written
	tap_try "the driver goes in less than 10 s" in_time 10 sh -c "echo $pfn >/sys/bus/nd/devices/$pfn/driver/unbind" || return
	tap_try "the writer gets an error" wait $pids || tap_note "$(cat /tmp/write.error)"
	tap_refuse "the disk is gone" [ -e /sys/block/$dev ]
	tap_try "it can be unmounted" in_time 10 umount /mnt/dax
	# One that waits for a reference would be `unmapping`.
	if [ -e /proc/pgmap_probe ]; then
		tap_refuse "it is not mapped any more" \
			grep " MEMORY_DEVICE_FS_DAX .*state=\(live\|unmapping\)" /proc/pgmap_probe/mappings
	else
		tap_skip "it is not mapped any more" "no pgmap_probe"
	fi

	tap_try "the driver comes again" sh -c "echo $pfn >/sys/bus/nd/drivers/nd_pmem/bind"
	tap_try "and with it the disk" wait_for 2 [ -b /dev/$dev ]
	tap_try "it can be mounted again" mount -t "$1" -o dax=always "/dev/$dev" /mnt/dax
	tap_try "what was synced is there" ./away check /mnt/dax/kept
	tap_try "it can be unmounted again" umount /mnt/dax

	pids=
	tap_try "a program writes to the disk itself" away_start ./away disk /dev/$dev
	tap_try "the driver goes in less than 10 s, a second time" in_time 10 sh -c "echo $pfn >/sys/bus/nd/devices/$pfn/driver/unbind"
	tap_try "the writer gets an error, a second time" wait $pids || tap_note "$(cat /tmp/disk.error)"
	tap_try "the namespace goes in less than 5 s" pmem_free "$ns"
	memory_state_same "memory is as it was before"
}
