#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Programs map peer-to-peer memory, and the driver that gives it out is unbound and bound.
. /pgmap/lib/tap.sh

set -- /sys/bus/pci/devices/*/p2pmem
[ -d "$1" ] || tap_bail "no peer-to-peer memory"
pci=${1%/p2pmem}
# Of the disk as the driver leaves it at rest; queues live in this memory too.
sleep 0.2
./errors 60 p2pmem "$pci" >/tmp/errors.tap
tap_include /tmp/errors.tap
tap_try "the device goes in less than 5 s" in_time 5 sh -c "echo 1 >$pci/remove"
echo 1 >/sys/bus/pci/rescan
# Its driver probes in the background.
tap_try "and comes back with its memory" wait_for 5 [ -d "$pci/p2pmem" ]
tap_done
