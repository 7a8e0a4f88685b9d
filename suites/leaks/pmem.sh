#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# pmem.sh disk|files|device|namespaces: drivers on persistent memory are unbound and bound again, with use in between.
. /pgmap/lib/tap.sh
. /pgmap/lib/pmem.sh
. ./rounds.sh

# DEVICE DRIVER: off its driver on the nd bus, and on again.
again() {
	echo "$1" >"/sys/bus/nd/drivers/$2/unbind" && echo "$1" >"/sys/bus/nd/drivers/$2/bind" && wait_for 2 [ -e "/dev/$dev" ]
}

# The child of a namespace that holds its info block: pfn0.1, dax0.1.
child() { # KIND
	for nd_device in /sys/bus/nd/devices/$1[0-9]*; do
		[ "$(cat "$nd_device/namespace" 2>/dev/null)" != "$ns" ] || basename "$nd_device"
	done
}

disk() { again "$claim" nd_pmem && ./touch block "/dev/$dev"; }

files() {
	mount -o dax "/dev/$dev" /mnt && ./touch file /mnt/file && umount /mnt && again "$claim" nd_pmem
}

device() { ./touch device "/dev/$dev" && again "$claim" dax_pmem; }

namespaces() {
	pmem_new 0 32M fsdax dev 2M && ./touch block "/dev/$dev" && pmem_free "$ns" &&
		pmem_new 0 32M devdax mem 4K && ./touch device "/dev/$dev" && pmem_free "$ns"
}

pmem_reset
case $1 in
disk | files)
	tap_try "a namespace is made" pmem_new 0 64M fsdax mem 2M || tap_done
	claim=$(child pfn)
	[ "$1" = disk ] || mkfs.ext4 -q -b 4096 "/dev/$dev" || tap_bail "no file system"
	rounds 12 "$1"
	;;
device)
	tap_try "a namespace is made" pmem_new 0 64M devdax dev 4K || tap_done
	claim=$(child dax)
	rounds 12 device
	;;
namespaces) rounds 6 namespaces ;;
esac
tap_try "all namespaces go in less than 5 s" pmem_free all
tap_done
