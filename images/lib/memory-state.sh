# SPDX-License-Identifier: GPL-2.0-only
# What the machine's memory looks like from outside: resources, linear map, page counts. A test that adds and removes
# device memory saves it before and compares it after. Needs tap.sh.

# All that must be exactly the same again. DirectMap counters are added up: mappings get split on the way.
memory_state() {
	cat /proc/iomem
	awk '/^DirectMap/ { sum += $2 } /^MemTotal/ { print } END { print "DirectMap", sum, "kB" }' /proc/meminfo
	grep nr_memmap /proc/vmstat
	# Caching attributes of physical ranges, without the firmware's tables at the end of RAM below 4 GiB: they are mapped
	# when ACPI first asks for them, and stay.
	grep -v 'mem 0x00000000.* write-back' /sys/kernel/debug/x86/pat_memtype_list 2>/dev/null
	ls /sys/devices/system/memory
}

memory_state_save() { memory_state >/tmp/memory-state; }

# NAME: passes if everything is as it was at memory_state_save.
memory_state_same() {
	memory_state >/tmp/memory-state.now
	if cmp -s /tmp/memory-state /tmp/memory-state.now; then
		tap_ok "$1"
	else
		tap_not_ok "$1" "$(diff /tmp/memory-state /tmp/memory-state.now | head -20)"
	fi
}

# Free RAM in KiB, caches dropped. Pages on per-CPU lists are free too; MemFree alone leaves them out and jumps by
# megabytes.
memory_free() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '$1 == "nr_free_pages" || $1 == "count:" { sum += $2 } END { print sum * 4 }' /proc/zoneinfo
}
