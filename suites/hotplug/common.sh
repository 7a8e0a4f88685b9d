# SPDX-License-Identifier: GPL-2.0-only
# What the tests of this suite share: amounts of memory, memory blocks, and devices that stay.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/resources.sh

block=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))

# START SIZE, in bytes: the numbers of the memory blocks in between.
blocks() { seq $(($1 / block)) $((($1 + $2) / block - 1)); }

# NUMBER...
blocks_present() { for n; do [ -d "/sys/devices/system/memory/memory$n" ] || return 1; done; }
blocks_absent() { for n; do [ ! -e "/sys/devices/system/memory/memory$n" ] || return 1; done; }

# STATE NUMBER...
blocks_are() {
	state=$1
	shift
	for n; do
		read -r now <"/sys/devices/system/memory/memory$n/state" && [ "$now" = "$state" ] || return 1
	done
}

# NUMBER...: online, and in the zone that can be emptied again
blocks_movable() {
	blocks_are online "$@" || return 1
	for n; do
		read -r zone <"/sys/devices/system/memory/memory$n/valid_zones" && [ "$zone" = Movable ] || return 1
	done
}

# STATE NUMBER...
blocks_set() {
	state=$1
	shift
	for n; do echo "$state" >"/sys/devices/system/memory/memory$n/state" || return 1; done
}

mem_total() { awk '/^MemTotal/ { print $2 }' /proc/meminfo; }
mem_total_is() { [ "$(mem_total)" = "$1" ]; }

# PATTERN: a line of the resource tree
iomem_has() { grep -q "$1" /proc/iomem; }

# plug ID unless it is there already: some devices cannot be taken out again. COMMAND... tells if it is.
plug_once() {
	id=$1
	shift
	if "$@" >/dev/null 2>&1; then
		tap_note "$id is there already"
	elif ! lab plug "$id"; then
		tap_bail "plug $id: $lab_error"
	fi
}
