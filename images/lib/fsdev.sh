# SPDX-License-Identifier: GPL-2.0-only
# fsdev_dax (7.x): a device-dax whose pages are for a file system to map, MEMORY_DEVICE_FS_DAX. No file system of the
# kernel's own can be mounted on one yet (up to 7.3 nobody calls fs_dax_get()), so what is left to see is what it makes
# of the pages, and that it and the other drivers take turns. Needs tap.sh and dax.sh.

# ADDRESS: what pgmap_probe says of the page there.
fsdev_page() {
	exec 4<>/proc/pgmap_probe/pfn
	printf '%#x\n' $(($1 / 4096)) >&4
	IFS= read -r fsdev_line <&4
	exec 4<&-
	echo "${fsdev_line#* }"
}

# DEVICE: taken over from device_dax and given back, twice.
fsdev_checks() {
	fsdev_sys=/sys/bus/dax/devices/$1
	fsdev_first=$(($(cat "$fsdev_sys/mapping0/start")))
	fsdev_last=$(($(cat "$fsdev_sys/mapping0/end") - 4095))
	modprobe fsdev_dax || tap_bail "fsdev_dax does not load"
	for fsdev_round in 1 2; do
		tap_try "round $fsdev_round: fsdev_dax takes it" dax_bind "$1" fsdev_dax || return
		for fsdev_at in $fsdev_first $((fsdev_first + 4096)) $((fsdev_first + 0x200000)) $fsdev_last; do
			fsdev_said=$(fsdev_page $fsdev_at)
			tap_is "round $fsdev_round: the page $(((fsdev_at - fsdev_first) / 4096)) is idle memory for a file system" \
				"type=MEMORY_DEVICE_FS_DAX zone=Device refcount=0" "${fsdev_said%% start=*}"
		done
		tap_try "round $fsdev_round: the device can be opened" sh -c ": </dev/$1"
		xfs_io -r -c 'mmap -r 0 2m' "/dev/$1" >/tmp/fsdev 2>&1
		tap_try "round $fsdev_round: but not be mapped" grep -q 'No such device' /tmp/fsdev
		tap_try "round $fsdev_round: fsdev_dax lets go in less than 5 s" in_time 5 dax_unbind "$1" || return
		tap_try "round $fsdev_round: device_dax takes it" dax_bind "$1" device_dax || return
		fsdev_said=$(fsdev_page $fsdev_first)
		tap_is "round $fsdev_round: and its pages are for programs again" "type=MEMORY_DEVICE_GENERIC zone=Device" \
			"${fsdev_said%% refcount=*}"
		./edges "$1" >/tmp/edges.tap
		tap_include /tmp/edges.tap
	done
}

# Nothing may hold on to the driver.
fsdev_unload() {
	for fsdev_id in $(ls /sys/bus/dax/drivers/fsdev_dax | grep ^dax); do dax_unbind "$fsdev_id"; done
	tap_try "fsdev_dax unloads in less than 5 s" in_time 5 rmmod fsdev_dax
}
