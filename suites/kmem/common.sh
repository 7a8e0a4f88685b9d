# SPDX-License-Identifier: GPL-2.0-only
# What the tests of this suite share: memory blocks, amounts of memory, and the soft-reserved device. Needs tap.sh and
# dax.sh.

M=$((1 << 20))
block=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))

# Loads kmem, and leaves dax0.0 without a driver. kmem takes such a device as soon as both are there and nobody else has
# it, its memory goes online at once, and online memory cannot be removed.
take_back() {
	[ -e /sys/bus/dax/devices/dax0.0 ] || tap_bail "there is no soft-reserved device"
	if [ "$(dax_driver dax0.0)" = kmem ]; then
		daxctl reconfigure-device -f -m devdax dax0.0
	else
		dax_bind dax0.0 device_dax
	fi >/dev/null 2>&1
	modprobe kmem || tap_bail "kmem does not load"
	dax_unbind dax0.0
	! grep -q 'System RAM (kmem)' /proc/iomem || tap_bail "memory of an earlier test cannot be removed"
}

total() { awk '/^MemTotal/ { print $2 }' /proc/meminfo; }

blocks_in() { # START END: numbers of the memory blocks that exist there
	for number in $(seq $(($1 / block)) $(($2 / block))); do
		[ ! -d /sys/devices/system/memory/memory$number ] || echo "$number"
	done
}

# STATE START END: all of them.
blocks_set() {
	for number in $(blocks_in $2 $3); do
		read -r now </sys/devices/system/memory/memory$number/state
		case $1 in
		$now*) ;;
		online*) [ $now = online ] || echo $1 >/sys/devices/system/memory/memory$number/state || return ;;
		*) echo $1 >/sys/devices/system/memory/memory$number/state || return ;;
		esac
	done
}

# How deep the device's own resource stands; RAM is one level below it. (Before 6.3 hmem has one more level.)
iomem_indent() { sed -n 's/^\( *\)[^ ]* : dax[0-9.]*$/\1/p' /proc/iomem | head -1; }

# START END...: what /proc/iomem should say of RAM there.
ram_lines() {
	while [ $# -gt 0 ]; do
		printf '%s  %x-%x : System RAM (kmem)\n' "$(iomem_indent)" $1 $(($2 - 1))
		shift 2
	done
}
ram_shown() { grep 'System RAM (kmem)' /proc/iomem; }
