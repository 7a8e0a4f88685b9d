#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Where the struct pages of hot-added memory are: in other RAM, or, if the device wants that, at the start of each of
# its memory blocks. Amounts add up either way, nobody is given a page that holds struct pages, and all of it can be
# taken offline and removed, twice.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/dax.sh
. ./common.sh

take_back
device=/sys/bus/dax/devices/dax0.0
node=$(cat $device/target_node)
whole=$(cat $device/size)
start=$(($(cat $device/resource)))
end=$((start + 2 * block))
echo $((end - start)) >$device/size
# A struct page is 64 bytes.
own=$((block / 64))
count=$(((end - start) / block))

# Free RAM of node 0 in KiB, caches dropped, with what CPUs keep on their lists.
free_elsewhere() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '$1 == "Node" { node = $2 } node == "0," && ($1 == "nr_free_pages" || $1 == "count:") { sum += $2 }
		END { print sum * 4 }' /proc/zoneinfo
}
memmap_pages() { awk '/^nr_memmap/ { sum += $2 } END { print sum + 0 }' /proc/vmstat; }

memory_state_save
for want in 0 1 1; do
	echo $want >$device/memmap_on_memory
	was=$(total) before=$(free_elsewhere) pages=$(memmap_pages)
	tap_try "$want: the device becomes RAM" in_time 10 dax_bind dax0.0 kmem || tap_done
	tap_try "$want: all of it is online" blocks_set online_movable $start $end
	used=$((before - $(free_elsewhere)))
	tap_is "$want: the whole device is RAM" "$(ram_lines $start $end)" "$(ram_shown)"
	tap_is "$want: MemTotal grows by what is not struct pages" \
		$(((end - start - want * own * count) / 1024)) $(($(total) - was))
	counted=$(($(memmap_pages) - pages))
	if [ $want = 0 ]; then
		used_without=$used counted_without=$counted
		tap_try "$want: struct pages take other RAM" [ $used -gt $((own * count / 1024 * 7 / 8)) ] || tap_note "$used KiB"
	else
		tap_try "$want: struct pages take no other RAM" \
			[ $((used_without - used)) -gt $((own * count / 1024 * 7 / 8)) ] ||
			tap_note "$used KiB, but $used_without KiB without"
	fi
	# Some kernels have a little more for each page (page_ext), and that is never in the memory itself.
	if grep -q nr_memmap /proc/vmstat; then
		tap_try "$want: all of them are counted, wherever they are" \
			[ $counted -ge $((own * count / 4096)) -a $counted -eq $counted_without ] ||
			tap_note "$counted pages, $counted_without in other RAM"
	else
		tap_skip "$want: all of them are counted, wherever they are" "the kernel does not count them (before 6.11)"
	fi
	tap_is "$want: it cannot be changed while it is used" EBUSY \
		"$(echo $((1 - want)) 2>&1 >$device/memmap_on_memory | sed 's/.*: Device or resource busy/EBUSY/')"
	if [ $want = 1 ]; then
		./ram $node $start $end $block $own >/tmp/ram.tap
		tap_include /tmp/ram.tap
	else
		tap_try "$want: it goes offline" blocks_set offline $start $end
	fi
	tap_try "$want: the driver goes in less than 5 s" in_time 5 dax_unbind dax0.0
	memory_state_same "$want: memory is as it was before"
done
echo 0 >$device/memmap_on_memory
echo $whole >$device/size
tap_done
