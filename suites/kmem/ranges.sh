#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# A device of two ranges, with another device in between, and a device that has not one whole memory block: what
# becomes RAM is every whole block of each range, and nothing is added for the last one.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/dax.sh
. ./common.sh

take_back
devices=/sys/bus/dax/devices
region=$(readlink -f $devices/dax0.0)/../dax_region
base=$(($(cat $devices/dax0.0/resource)))
whole=$(cat $devices/dax0.0/size)
[ $((base % block)) = 0 ] && [ $whole -ge $((4 * block)) ] || tap_bail "the region does not have four memory blocks"
memory_state_save
was=$(total)
size() { echo $2 >$devices/$1/size; } # DEVICE SIZE
create() { # DEVICE SIZE
	echo 1 >$region/create
	[ -e $devices/$1 ] && size $1 $2
}

tap_try "the device shrinks to a block" size dax0.0 $block
tap_try "another follows" create dax0.1 $block
# Else kmem takes it along: a new name for a driver makes it try every device that nobody has.
tap_try "it is used as a device" dax_bind dax0.1 device_dax
dax_unbind dax0.0
tap_try "the device grows behind it, by a block and a half" size dax0.0 $((block * 5 / 2))
tap_try "half a block is left for a third" create dax0.2 $((block / 2))
tap_is "it lies where no block is whole" $((base + block * 7 / 2)) $(($(cat $devices/dax0.2/resource)))

tap_try "the device of two ranges becomes RAM" in_time 10 dax_bind dax0.0 kmem || tap_done
tap_is "one whole block of each is RAM in /proc/iomem" \
	"$(ram_lines $base $((base + block)) $((base + 2 * block)) $((base + 3 * block)))" "$(ram_shown)"
tap_is "and so are its memory blocks" "$((base / block)) $((base / block + 2))" "$(echo $(blocks_in $base $((base + whole))))"
tap_try "both can be online" blocks_set online_movable $base $((base + whole))
tap_is "MemTotal grows by both" $((2 * block / 1024)) $(($(total) - was))

said() { dmesg | grep -c "dax0.2: rejecting DAX region without any memory after alignment"; }
before=$(said)
# What new_id tries does not tell, bind does.
dax_bind dax0.2 kmem >/dev/null 2>&1
tap_is "half a block is refused" "EINVAL" \
	"$(echo dax0.2 2>&1 >/sys/bus/dax/drivers/kmem/bind | sed 's/.*: Invalid argument/EINVAL/')"
tap_try "the log says why" [ "$(said)" -gt "$before" ]
tap_is "no driver has it" "" "$(readlink $devices/dax0.2/driver)"
tap_is "MemTotal is what it was" $((2 * block / 1024)) $(($(total) - was))

tap_try "both go offline" blocks_set offline $base $((base + whole))
tap_try "the driver goes in less than 5 s" in_time 5 dax_unbind dax0.0
tap_is "no RAM of it is left" "" "$(ram_shown)"
dax_unbind dax0.1
for one in dax0.1 dax0.2; do
	tap_try "$one is deleted" sh -c "echo 0 >$devices/$one/size && echo $one >$region/delete"
done
tap_try "the first is emptied" size dax0.0 0
tap_try "and has all of it again" size dax0.0 $whole
memory_state_same "memory is as it was before"
tap_done
