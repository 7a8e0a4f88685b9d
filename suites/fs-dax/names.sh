#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# What the resource tree says of persistent memory: the region under the name of its origin, below it exactly what each
# kind of namespace claims, to the byte, and nothing once it is gone.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/resources.sh

nd=/sys/bus/nd/devices
provider=$(cat $nd/region0/../provider)
case $provider in
ACPI.NFIT) top="Persistent Memory" regions="region0 region1" found= ;;
e820) top="Persistent Memory (legacy)" regions=region0 found=e820 ;;
# It does not say anything of itself.
virtio-pmem) top= regions=region0 found= ;;
*) tap_bail "persistent memory of $provider" ;;
esac

pmem_reset
tap_is "there is a region for each range" "$regions" "$(cd $nd && echo region*)"
at=$(($(cat $nd/region0/resource))) room=$(cat $nd/region0/size)
# NAME LINE...: what is in the first region, from its own line on.
tree_is() {
	tree_name=$1
	shift
	tap_is "$tree_name" "$({
		[ -z "$top" ] || resource $at $room "$top"
		for line; do echo "$line"; done
	})" "$(resources_in $at $((at + room - 1)))"
}
under="${top:+$top / }"

resource_walkers $found
for region in $regions; do
	# Without a namespace in use the memory is nobody's.
	one=$(($(cat $nd/$region/resource))) size=$(cat $nd/$region/size)
	tap_is "$region: bears the name of its origin and nothing else" "${top:+$(resource $one $size "$top")}" \
		"$(resources_in $one $((one + size - 1)))"
	none=
	for number in $(seq $((one / (128 << 20))) $(((one + size - 1) / (128 << 20)))); do
		[ ! -e /sys/devices/system/memory/memory$number ] || none="$none memory$number"
	done
	tap_is "$region: has no memory blocks" "" "$none"
done
if [ $provider = e820 ]; then
	word=$(sed -n 's/.*memmap=\([0-9]*\)M!\(0x[0-9a-f]*\).*/\1 \2/p' /proc/cmdline)
	tap_is "the region is what the command line declares" "$((${word% *} << 20)) $((${word#* }))" "$room $at"
fi
memory_state_save

kinds="fsdax-dev-4K devdax-mem-2M"
# Its map of sectors is written first, so it should be small.
! pmem_has_labels || kinds="$kinds sector"
for kind in $kinds; do
	IFS=- read -r mode map align <<-EOF
		$kind
	EOF
	if [ $mode = sector ]; then
		made=$(ndctl create-namespace -r region0 -s 64M -m sector 2>/tmp/ndctl) || tap_bail "sector: $(cat /tmp/ndctl)"
		ns=$(echo "$made" | sed -n '1,2s/.*"dev":"\(.*\)",*/\1/p')
	else
		tap_try "$kind: a namespace is made" pmem_new 0 128M $mode $map $align || tap_done
	fi
	start=$(($(cat $nd/$ns/resource))) whole=$(cat $nd/$ns/size)
	case $mode in
	devdax)
		data=$(($(cat /sys/bus/dax/devices/$dev/resource))) size=$(cat /sys/bus/dax/devices/$dev/size)
		tap_is "$kind: the device has the end of the namespace" $((start + whole)) $((data + size))
		tree_is "$kind: the namespace has its metadata, the device the rest" \
			"$(resource $start $((data - start)) "$under$ns")" "$(resource $data $size "$under$dev")"
		;;
	*)
		tree_is "$kind: all of the namespace is its own" "$(resource $start $whole "$under$ns")"
		;;
	esac
	pmem_free "$ns"
	memory_state_same "$kind: nothing of it is left"
done

if ! pmem_has_labels; then
	tap_try "raw: the namespace is taken" sh -c "echo namespace0.0 >/sys/bus/nd/drivers/nd_pmem/bind" || tap_done
	tree_is "raw: all of the region is its own" "$(resource $at $room "${under}namespace0.0")"
	echo namespace0.0 >/sys/bus/nd/drivers/nd_pmem/unbind
else
	# Neighbours, of which the middle one goes: each keeps its place, and the hole is a hole.
	for n in 1 2 3; do
		pmem_new 0 64M fsdax mem 2M || tap_bail "no namespace"
		eval "ns$n=$ns at$n=$(($(cat $nd/$ns/resource)))"
	done
	size=$((64 << 20))
	line() { eval "resource \$at$1 $size \"$under\$ns$1\""; }
	tree_is "three: each has its place" "$(line 1; line 2; line 3)"
	pmem_free $ns2
	tree_is "three: the middle one leaves its place" "$(line 1; line 3)"
	pmem_free all
fi
memory_state_same "nothing of it all is left"
tap_done
