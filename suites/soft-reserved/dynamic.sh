#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# The region is cut into devices, one is taken out of the middle and another grows into the gap, so that it has two
# ranges with a stranger between them: one mapping with nr_range = 2. Sizes add up at every step.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/dax.sh

devices=/sys/bus/dax/devices
region=$(readlink -f $devices/dax0.0)/../dax_region
M=$((1 << 20))
put() { echo "$1" >"$2"; } # VALUE FILE
create() { # NAME SIZE
	echo 1 >$region/create
	[ -e $devices/$1 ] && echo $(($2 * M)) >$devices/$1/size
}
available() { tap_is "$1: what is left over adds up" $(($2 * M)) "$(cat $region/available_size)"; }

whole=$(($(cat $region/size) / M))
dax_unbind dax0.0
memory_state_save
base=$(($(cat $devices/dax0.0/resource)))

tap_refuse "a size that is no multiple of the alignment" put $((M + 4096)) $devices/dax0.0/size
tap_refuse "an alignment of 1 MiB" put $M $devices/dax0.0/align
tap_refuse "more than there is" put $(((whole + 2) * M)) $devices/dax0.0/size
tap_is "the size has not changed" $((whole * M)) "$(cat $devices/dax0.0/size)"

tap_try "the device shrinks" put $((64 * M)) $devices/dax0.0/size
available "after that" $((whole - 64))
tap_try "a second one is made behind it" create dax0.1 128
tap_try "and a third" create dax0.2 64
available "with three" $((whole - 256))
tap_is "they follow each other" "$((base + 64 * M)) $((base + 192 * M))" \
	"$(($(cat $devices/dax0.1/resource))) $(($(cat $devices/dax0.2/resource)))"
tap_refuse "one that has memory cannot be deleted" put dax0.1 $region/delete
tap_try "an empty one can" sh -c "echo 0 >$devices/dax0.1/size && echo dax0.1 >$region/delete"
tap_try "the first grows over the gap" put $((256 * M)) $devices/dax0.0/size
available "after growing" $((whole - 320))
tap_try "what is mapped where: before the stranger, then behind it" sh -c "
	cd $devices/dax0.0 && [ \$((\$(cat mapping0/start))) = $base ] && [ ! -e mapping3 ] &&
	last=\$(ls -d mapping[0-9] | tail -1) && [ \$((\$(cat \$last/start))) = $((base + 256 * M)) ] &&
	[ \$((\$(cat \$last/page_offset))) = $((192 * 256)) ]"

for one in dax0.2 dax0.0; do
	tap_try "$one is bound" dax_bind $one device_dax
	./edges $one >/tmp/edges.tap
	tap_include /tmp/edges.tap
done
tap_is "both are in the resource tree" "dax0.0 dax0.2 dax0.0" \
	"$(sed -n 's/^  .* : \(dax0.*\)/\1/p' /proc/iomem | uniq | tr '\n' ' ' | sed 's/ $//')"
tap_refuse "a bound device does not change its size" put $((64 * M)) $devices/dax0.0/size
for one in dax0.2 dax0.0; do
	tap_try "$one goes in less than 5 s" in_time 5 dax_unbind $one
done
tap_try "the stranger is deleted" sh -c "echo 0 >$devices/dax0.2/size && echo dax0.2 >$region/delete"
put 0 $devices/dax0.0/size
tap_try "the first has it all again" put $((whole * M)) $devices/dax0.0/size
memory_state_same "memory is as it was before"
tap_done
