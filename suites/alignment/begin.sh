#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# begin.sh REGION: its namespace begins off the 2 MiB that the kernel maps memory by. Every way to get struct pages for
# it is refused with the same errno and one line in the log, makes nothing, and can be undone; as a disk without pages
# it works.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. ./common.sh

use_region "$1"
memory_state_save
for kind in pfn-ram-2097152 pfn-pmem-4096 dax-ram-2097152; do
	IFS=- read -r what where align <<-EOF
		$kind
	EOF
	message="$ns: start $(printf '0x%016x' $start) misaligned to 0x200000"
	before=$(said "$message")
	tap_is "$kind: is refused with EINVAL" "1 Invalid argument" "$(claim $what $where $align 2>/tmp/error; echo $? "$(sed 's/.*: //' /tmp/error)")"
	seed=$(cat $nd/$region/${what}_seed)
	tap_is "$kind: the log says why, once" $((before + 1)) "$(said "$message")"
	tap_is "$kind: no driver has it" "" "$(readlink $nd/$seed/driver $nd/$ns/driver)"
	tap_try "$kind: the namespace is free again" unclaim
	memory_state_same "$kind: memory is as it was before"
done

# The kernel wants pages for what has no labels and no NFIT, but not by force.
if [ "$(cat $nd/$region/../provider)" = ACPI.NFIT ]; then
	tap_try "as a raw disk it is taken" sh -c "echo $ns >/sys/bus/nd/drivers/nd_pmem/bind"
else
	before=$(said "misaligned, unable to map")
	tap_is "as a raw disk it is refused with EOPNOTSUPP" "sh: write error: Not supported" \
		"$(sh -c "echo $ns >/sys/bus/nd/drivers/nd_pmem/bind" 2>&1 | sed 's/Operation not supported/Not supported/')"
	tap_is "the log says why, once" $((before + 1)) "$(said "misaligned, unable to map")"
	memory_state_same "memory is as it was before"
	echo 1 >$nd/$ns/force_raw
	tap_try "without pages it is taken" sh -c "echo $ns >/sys/bus/nd/drivers/nd_pmem/bind"
fi
disk=pmem${region#region}
tap_try "there is a disk" wait_for 2 [ -b /dev/$disk ] || tap_done
tap_is "it has the size of the namespace" $size $(($(cat /sys/block/$disk/size) * 512))
tap_is "it has no pages, so no DAX" 0 "$(cat /sys/block/$disk/queue/dax)"
tap_is "it has its place in the resource tree" "$range : $ns" "$(sed -n "s/^ *\(.* : $ns\)/\1/p" /proc/iomem)"
tap_try "first and last pages are written" ./block write 3 $disk
tap_try "and read" ./block check 3 $disk
tap_try "it goes in less than 5 s" in_time 5 sh -c "echo $ns >$nd/$ns/driver/unbind"
echo 0 >$nd/$ns/force_raw
forget
memory_state_same "memory is as it was before"
tap_done
