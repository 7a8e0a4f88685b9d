#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# With its memmap on the device, the first pages of a namespace hold struct pages and have none that are in use. An error
# there cannot be handled, and the kernel must say so rather than look at what is not a page.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

# action_result() counts the error on the page's node since 6.3 (update_per_node_mf_stats()) and asks the struct page for
# it, which was never initialised: with DEBUG_VM that is a BUG under mf_mutex, so nothing could be tested afterwards.
release=$(uname -r)
major=${release%%.*} minor=${release#*.}
minor=${minor%%[!0-9]*}
if [ $((major * 1000 + minor)) -ge 6003 ] && zcat /proc/config.gz | grep -q '^CONFIG_DEBUG_VM=y'; then
	tap_skip_all "known defect since 6.3: update_per_node_mf_stats() reads a struct page that was never initialised, a BUG with DEBUG_VM"
fi
pmem_reset
memory_state_save
modprobe hwpoison_inject || tap_bail "hwpoison_inject does not load"
inject=/sys/kernel/debug/hwpoison
echo 0 >$inject/corrupt-filter-enable

# PFN: ENXIO and nothing else.
refused() {
	tap_output=$( { echo "$1" >$inject/corrupt-pfn; } 2>&1) && {
		echo "the kernel took it"
		return 1
	}
	case $tap_output in
	*"No such device or address"*) ;;
	*) echo "$tap_output" && return 1 ;;
	esac
}

for mode in fsdax devdax; do
	tap_try "$mode: a namespace is made" pmem_new 0 256M $mode dev 2M || tap_done
	start=$(($(cat /sys/bus/nd/devices/$ns/resource)))
	tap_try "$mode: an error in the first page is refused" refused $((start / 4096))
	tap_try "$mode: an error in the info block is refused" refused $((start / 4096 + 1))
	tap_try "$mode: an error in the last page of the memmap is refused" \
		refused $(((start + $(cat /sys/bus/nd/devices/$ns/size) - size) / 4096 - 1))
	tap_try "$mode: the namespace goes in less than 5 s" pmem_free "$ns"
	tap_try "$mode: and is made again" pmem_new 0 256M $mode mem 2M
	tap_try "$mode: and goes again" pmem_free "$ns"
done
echo 1 >$inject/corrupt-filter-enable
rmmod hwpoison_inject
memory_state_same "memory is as it was before"
tap_done
