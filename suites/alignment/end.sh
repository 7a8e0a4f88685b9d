#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# end.sh REGION: its namespace ends off the 2 MiB that the kernel maps memory by. What is behind the last boundary is
# cut off: sizes say so to the byte, the last page that is left works, and what was cut off has no struct pages.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. ./common.sh

M=$((1 << 20))
page_at() { # ADDRESS: type and last byte of the mapping, as pgmap_probe sees them
	{
		printf '%#x' $(($1 / 4096)) >&3
		sed 's/.* type=\([^ ]*\).* end=\([^ ]*\).*/\1 \2/; s/.* type=\(none\) .*/\1/' <&3
	} 3<>/proc/pgmap_probe/pfn
}

use_region "$1"
end=$(((start + size) / (2 * M) * 2 * M))
[ $end -ne $((start + size)) ] || tap_bail "it ends on the alignment"
memory_state_save
for kind in pfn-ram-2097152 pfn-pmem-4096 dax-ram-2097152 dax-pmem-2097152; do
	IFS=- read -r what where align <<-EOF
		$kind
	EOF
	# An info block of 8 KiB, then the memmap if it is here, 64 bytes for each page.
	case $where in
	ram) meta=8192 ;;
	pmem) meta=$((8192 + (size - 8192) / 4096 * 64)) ;;
	esac
	data=$(((start + meta + 2 * M - 1) / (2 * M) * 2 * M))
	forget
	tap_try "$kind: is taken" claim $what $where $align || tap_done
	tap_is "$kind: begins behind its metadata and ends on the alignment" "$data $((end - data))" \
		"$(($(cat $nd/$seed/resource))) $(cat $nd/$seed/size)"
	case $what in
	pfn)
		type=MEMORY_DEVICE_FS_DAX disk=pmem${region#region}
		wait_for 2 [ -b /dev/$disk ]
		tap_is "$kind: the disk has that size" $((end - data)) $(($(cat /sys/block/$disk/size) * 512))
		tap_try "$kind: first and last pages are written" ./block write 4 $disk
		tap_try "$kind: and read" ./block check 4 $disk
		;;
	dax)
		type=MEMORY_DEVICE_GENERIC disk=$(ls /sys/bus/dax/devices)
		tap_is "$kind: the device has that size" $((end - data)) "$(cat /sys/bus/dax/devices/$disk/size)"
		wait_for 2 [ -c /dev/$disk ]
		./edges $disk >/tmp/edges.tap
		tap_include /tmp/edges.tap
		;;
	esac
	if [ -e /proc/pgmap_probe ]; then
		mapped=$(printf '%s %#x' $type $((end - 1)))
		tap_is "$kind: the first page is of it" "$mapped" "$(page_at $data)"
		tap_is "$kind: the last page is of it" "$mapped" "$(page_at $((end - 4096)))"
		tap_is "$kind: what was cut off has no pages" none "$(page_at $end)"
	else
		tap_skip "$kind: first and last page are of it, what was cut off is not" "no pgmap_probe"
	fi
	tap_try "$kind: it goes in less than 5 s" in_time 5 unclaim
	memory_state_same "$kind: memory is as it was before"
done
before=$(said "unable to satisfy requested alignment")
if grep -q 1073741824 $nd/$region/pfn${region#region}.*/supported_alignments; then
	forget
	tap_is "1 GiB pages are refused with ENXIO" "1 No such device or address" \
		"$(claim pfn ram 1073741824 2>/tmp/error; echo $? "$(sed 's/.*: //' /tmp/error)")"
	tap_is "the log says why, once" $((before + 1)) "$(said "unable to satisfy requested alignment")"
	seed=$(cat $nd/$region/pfn_seed)
	unclaim
else
	tap_skip "1 GiB pages are refused with ENXIO" "this processor has no such pages"
fi
forget
memory_state_same "memory is as it was before"
tap_done
