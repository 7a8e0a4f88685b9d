#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# The region is cut into devices, two are taken out and the first grows into the gaps, so that it has three ranges with
# strangers between them: one mapping with nr_range = 3. Sizes add up at every step.
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
at=64
for one in "dax0.1 64" "dax0.2 32" "dax0.3 64" "dax0.4 32"; do
	tap_try "$one MiB is made" create $one || tap_done
	tap_is "$one MiB follows" $((base + at * M)) $(($(cat $devices/${one% *}/resource)))
	at=$((at + ${one#* }))
done
available "with five" $((whole - 256))
tap_refuse "one that has memory cannot be deleted" put dax0.1 $region/delete
for one in dax0.1 dax0.3; do
	tap_try "$one is emptied and deleted" sh -c "echo 0 >$devices/$one/size && echo $one >$region/delete"
done
tap_try "the first grows over both gaps and beyond" put $((256 * M)) $devices/dax0.0/size
available "after growing" $((whole - 320))
# 64 MiB and the gap behind it may be one range or two.
tap_is "its parts are between the strangers and behind them" "160 128, 256 192" "$(
	for part in $devices/dax0.0/mapping[0-9]; do
		echo "$((($(cat $part/start) - base) / M)) $(($(cat $part/page_offset) / 256)),"
	done | grep -v '^0 0,$\|^64 64,$' | tr '\n' ' ' | sed 's/, $//'
)"

for one in dax0.2 dax0.4 dax0.0; do
	tap_try "$one is bound" dax_bind $one device_dax
	./edges $one >/tmp/edges.tap
	tap_include /tmp/edges.tap
done
tap_is "all are in the resource tree" "dax0.0 dax0.2 dax0.0 dax0.4 dax0.0" \
	"$(sed -n 's/^.* : \(dax0.*\)/\1/p' /proc/iomem | uniq | tr '\n' ' ' | sed 's/ $//')"
tap_refuse "a bound device does not change its size" put $((64 * M)) $devices/dax0.0/size
for one in dax0.2 dax0.4 dax0.0; do
	tap_try "$one goes in less than 5 s" in_time 5 dax_unbind $one
done
for one in dax0.2 dax0.4; do
	tap_try "$one is deleted" sh -c "echo 0 >$devices/$one/size && echo $one >$region/delete"
done
put 0 $devices/dax0.0/size
tap_try "the first has it all again" put $((whole * M)) $devices/dax0.0/size
memory_state_same "memory is as it was before"
tap_done
