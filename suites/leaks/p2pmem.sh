#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# A disk with a controller memory buffer loses its driver and gets it back.
. /pgmap/lib/tap.sh
. ./rounds.sh

for provider in /sys/bus/pci/devices/*/p2pmem; do
	address=$(basename "$(dirname "$provider")")
done
[ -e "$provider/size" ] || tap_bail "no device provides peer-to-peer memory"

# The driver has its queues in the buffer, so that not all of it is available.
was=$(cat "$provider/available")

back() { [ "$(cat "$provider/available")" = "$was" ]; }

again() {
	[ ! -e "$provider/allocate" ] || ./touch p2pmem "$provider/allocate" || return
	echo "$address" >/sys/bus/pci/drivers/nvme/unbind && echo "$address" >/sys/bus/pci/drivers/nvme/bind && wait_for 10 back
}
rounds 6 again
tap_done
