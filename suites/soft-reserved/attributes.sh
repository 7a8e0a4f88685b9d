#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# What sysfs says of a dynamic region and of its devices, and devices that are told which ranges they are
# (the attribute `mapping`): exactly those, and no other's.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/dax.sh

devices=/sys/bus/dax/devices
region=$(readlink -f $devices/dax0.0)/../dax_region
M=$((1 << 20))
put() { echo "$1" >"$2"; } # VALUE FILE
map() { # DEVICE MIB MIB: from, size
	printf '%x-%x' $((base + $2 * M)) $((base + ($2 + $3) * M - 1)) >$devices/$1/mapping
}

# DEVICE: `FROM SIZE PAGE-OFFSET,` of each part, in MiB and MiB of pages.
parts() {
	for part in $devices/$1/mapping[0-9]*; do
		[ -d $part ] || continue
		echo "$((($(cat $part/start) - base) / M)) $((($(cat $part/end) + 1 - $(cat $part/start)) / M)) $(($(cat $part/page_offset) / 256)),"
	done | tr '\n' ' ' | sed 's/, $//'
}

available() { tap_is "$1: what is left over adds up" $(($2 * M)) "$(cat $region/available_size)"; }

whole=$(($(cat $region/size) / M))
dax_unbind dax0.0
memory_state_save
base=$(($(cat $devices/dax0.0/resource)))

tap_is "the region says its number" "$(readlink -f $devices/dax0.0 | sed 's/.*dax\([0-9]*\)\.0$/\1/')" "$(cat $region/id)"
tap_is "the region says its alignment" 2097152 "$(cat $region/align)"
tap_is "any driver of device-dax may take the device" dax:t0 "$(cat $devices/dax0.0/modalias)"
tap_try "the device is on a node that there is" [ -d "/sys/devices/system/node/node$(cat $devices/dax0.0/numa_node)" ]
[ ! -e $devices/dax0.0/memmap_on_memory ] ||
	tap_is "its struct pages would not be on itself" 0 "$(cat $devices/dax0.0/memmap_on_memory)"

tap_try "the device shrinks" put $((64 * M)) $devices/dax0.0/size || tap_done
tap_try "another is made" put 1 $region/create || tap_done
tap_is "its name is told" dax0.1 "$(cat $region/create)"
tap_is "it has no memory" "0 " "$(cat $devices/dax0.1/size) $(parts dax0.1)"
tap_try "it is told a range" map dax0.1 128 64
tap_is "it is exactly that" "128 64 0" "$(parts dax0.1)"
available "one range" $((whole - 128))
tap_try "it is told another, below" map dax0.1 96 16
tap_is "that follows as pages" "128 64 0, 96 16 64" "$(parts dax0.1)"
tap_is "its size is both" $((80 * M)) "$(cat $devices/dax0.1/size)"
available "two ranges" $((whole - 144))

tap_refuse "a range of another device" map dax0.1 32 64
tap_refuse "a range of its own" map dax0.1 144 2
tap_refuse "a range around its own" map dax0.1 94 20
tap_refuse "a range that begins before the region" map dax0.1 -2 4
tap_refuse "a range that ends behind the region" map dax0.1 $((whole - 2)) 4
tap_refuse "a range behind the region" map dax0.1 $whole 2
tap_refuse "no range" put "$(printf '%x' $((base + 256 * M)))" $devices/dax0.1/mapping
tap_refuse "no numbers" put 'x-y' $devices/dax0.1/mapping
# 6.12 ignores it and says nothing.
printf '%x-%x' $((base + 256 * M)) $((base + 256 * M + 4095)) >$devices/dax0.1/mapping 2>/dev/null
tap_is "and it has none of them" "128 64 0, 96 16 64" "$(parts dax0.1)"
available "after all that" $((whole - 144))
tap_is "nor has the first" "0 64 0" "$(parts dax0.0)"

tap_try "it is bound" dax_bind dax0.1 device_dax
./edges dax0.1 >/tmp/edges.tap
tap_include /tmp/edges.tap
tap_is "it is in the resource tree, where it was told" "96 16, 128 64" "$(
	sed -n 's/^ *\([0-9a-f]*\)-\([0-9a-f]*\) : dax0.1$/\1 \2/p' /proc/iomem | while read -r start end; do
		echo "$(((0x$start - base) / M)) $(((0x$end + 1 - 0x$start) / M)),"
	done | uniq | tr '\n' ' ' | sed 's/, $//'
)"
tap_try "it goes in less than 5 s" in_time 5 dax_unbind dax0.1
tap_try "it is deleted" sh -c "echo 0 >$devices/dax0.1/size && echo dax0.1 >$region/delete"
# Naming a device to device_dax gives it all that have no driver, on 6.1.
dax_unbind dax0.0
tap_try "the first gives its memory away" put 0 $devices/dax0.0/size
tap_try "the first is told the whole region" map dax0.0 0 $whole
tap_is "and has it" "0 $whole 0" "$(parts dax0.0)"
available "at the end" 0
memory_state_same "memory is as it was before"
tap_done
