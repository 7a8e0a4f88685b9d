#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# What memmap=SIZE%START-1+0xefffffff on the command line asked for is one Soft Reserved resource, one dax region and
# one device, all of them of that size, and no RAM.
. /pgmap/lib/tap.sh
. /pgmap/lib/dax.sh
. /pgmap/lib/resources.sh

word=$(sed -n 's/.*memmap=\([0-9]*\)M%\(0x[0-9a-f]*\)-.*/\1 \2/p' /proc/cmdline)
[ -n "$word" ] || tap_bail "nothing is soft-reserved on the command line"
size=$((${word% *} << 20))
start=$((${word#* }))
range=$(printf '%x-%x' $start $((start + size - 1)))
device=/sys/bus/dax/devices/dax0.0
region=$(readlink -f $device)/../dax_region

# Before 6.3 the hmem platform device has a resource of its own around it, so all of it stands one level deeper.
indent=$(sed -n 's/^\( *\)[^ ]* : Soft Reserved$/\1/p' /proc/iomem)

# 7.x has a resource tree of its own for such ranges, which nobody can read (soft_reserve_resource).
if grep -q ' walk_soft_reserve_res$' /proc/kallsyms; then
	own_tree=yes
	tap_is "it is no resource until somebody takes it" "" "$(grep -i "Soft Reserved\|^ *$range" /proc/iomem)"
	inside=
else
	own_tree=
	tap_is "it is one resource" "$indent$range : Soft Reserved" "$(grep 'Soft Reserved' /proc/iomem)"
	inside="$indent  "
fi
tap_is "no RAM is in it" "" "$(grep -A3 "^ *$range" /proc/iomem | grep '^ .*System RAM')"
resource_walkers hmem
tap_is "there is one device for it" dax0.0 "$(ls /sys/bus/dax/devices)"
tap_is "the device has its size" $size "$(cat $device/size)"
tap_is "and its address" $start $(($(cat $device/resource)))
tap_is "it is one range from page 0 on" "$start $((start + size - 1)) 0" \
	"$(($(cat $device/mapping0/start))) $(($(cat $device/mapping0/end))) $(($(cat $device/mapping0/page_offset)))"
tap_is "the region has its size" $size "$(cat $region/size)"
tap_is "nothing of it is left over" 0 "$(cat $region/available_size)"
tap_is "it is aligned to 2 MiB" 2097152 "$(cat $device/align)"
# Without a table of the firmware that says which node an address is on (SRAT) there is none, and no attribute.
case $(cat /sys/devices/system/node/possible) in
0) tap_is "it is on no node, so it cannot be RAM" "" "$(cat $device/target_node 2>/dev/null)" ;;
*) tap_is "as RAM it would be a node of its own" 1 "$(cat $device/target_node)" ;;
esac
tap_try "device_dax takes it" dax_bind dax0.0 device_dax
tap_is "the device is in the resource" "$inside$range : dax0.0" "$(grep ': dax0.0' /proc/iomem)"
tap_try "and lets go of it" in_time 5 dax_unbind dax0.0
if [ -n "$own_tree" ]; then
	tap_is "no resource is left" "" "$(grep "^ *$range" /proc/iomem)"
else
	tap_is "the resource is as it was" "$indent$range : Soft Reserved" "$(grep -A1 'Soft Reserved' /proc/iomem | grep -v 'PCI Bus')"
fi
tap_done
