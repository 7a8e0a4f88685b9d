#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# The resource tree of the NVMe with a controller memory buffer: its BARs below the bus, each the driver's, and nothing
# more where the buffer is, pages or not.
. /pgmap/lib/tap.sh
. /pgmap/lib/resources.sh

for device in /sys/bus/pci/devices/*; do
	[ ! -e $device/p2pmem/size ] || break
done
[ -e $device/p2pmem/size ] || tap_bail "no device has peer-to-peer memory"
address=${device##*/}

resource_walkers
bars=0
for bar in 0 2 4; do
	[ -e $device/resource$bar ] || continue
	bars=$((bars + 1))
	set -- $(sed -n $((bar + 1))p $device/resource)
	start=$(($1)) end=$(($2))
	range=$(printf '%x-%x' $start $end)
	# Which bridges are above is a matter of the bus, and one may have a window of the same size.
	tap_is "BAR $bar is the device's and the driver's, and nothing lies in it" "$range $address, $range nvme" \
		"$(resources_in $start $end | sed 's/ .* \/ / /' | grep -v ' PCI Bus [0-9a-f:]*$' | tr '\n' ',' | sed 's/,$//; s/,/, /g')"
	tap_try "BAR $bar lies below the bus" sh -c ". /pgmap/lib/resources.sh; resources_in $start $end | grep -q ' PCI Bus .* / $address / nvme$'"
	[ $((end - start + 1)) != "$(cat $device/p2pmem/size)" ] || buffer=$bar
done
tap_is "there is one for registers and one for the buffer" 2 $bars
tap_try "the buffer is one of them" [ "$buffer" ]
tap_done
