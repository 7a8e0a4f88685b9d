#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Whatever provides persistent memory (an NFIT, a virtio device, the BIOS's memory map) loses its driver and gets it
# back; and once more, with the driver's module unloaded and loaded in between. All devices go and come
# back with what was in them.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh

bytes=8388608

# The namespaces and devices there are, a line for each property.
found() {
	ndctl list -N | sed -n 's/^ *"\(mode\|map\|size\|uuid\|align\)":"\{0,1\}\([^",]*\).*/\1 \2/p' | sort
}

# The block device that has the file system, whatever it is called now; sets $disk.
find_disk() {
	for disk in /sys/block/pmem*; do
		disk=${disk##*/}
		[ -b "/dev/$disk" ] && mount -t ext4 -o dax=always "/dev/$disk" /mnt/dax 2>/tmp/mount && return
	done
	return 1
}

find_device() {
	for device in /sys/bus/dax/devices/dax*; do
		device=${device##*/}
		[ -c "/dev/$device" ] && return
	done
	return 1
}

contents() { # write|check FILE SEED
	./contents "$1" "$2" $bytes "$3" >/tmp/contents.tap
	tap_include /tmp/contents.tap
}

all_back() { # WHEN
	tap_try "$1: the file system is there" wait_for 5 find_disk || tap_done
	contents check /mnt/dax/file 1
	tap_try "$1: it is unmounted" umount /mnt/dax
	if pmem_has_labels; then
		tap_try "$1: the device is there" wait_for 5 find_device || tap_done
		contents check "/dev/$device" 2
	fi
	tap_is "$1: the namespaces are as they were" "$namespaces" "$(found)"
	memory_state_same "$1: memory is as it was"
}

all_gone() { # WHEN
	tap_is "$1: nothing is left on the bus" "" "$(ls /sys/bus/nd/devices)"
	tap_is "$1: no device has the memory" "" "$(ls /sys/bus/dax/devices; ls /sys/block | grep pmem)"
	tap_is "$1: the resource tree has nothing of it" "" "$(grep 'namespace\|dax[0-9]\|pfn[0-9]' /proc/iomem)"
}

put() { echo "$1" >"$2"; } # VALUE FILE

mkdir -p /mnt/dax
pmem_reset
if pmem_has_labels; then
	tap_try "a device is made" pmem_new 1 64M devdax dev 4K || tap_done
	contents write "/dev/$dev" 2
fi
tap_try "a disk is made" pmem_new 0 256M fsdax mem 2M || tap_done
pmem_mkfs ext4
tap_try "it is mounted" mount -t ext4 -o dax=always "/dev/$dev" /mnt/dax || tap_done
contents write /mnt/dax/file 1
tap_try "it is unmounted" umount /mnt/dax
namespaces=$(found)
memory_state_save

provider=$(readlink -f /sys/bus/nd/devices/ndbus0)
provider=${provider%/*}
name=${provider##*/}
driver=$(readlink -f "$provider/driver")
# ACPI's drivers do not say on 6.1 which module they are of; this one has its module's name.
module=${driver##*/}
[ ! -e "$driver/module" ] || module=$(basename "$(readlink -f "$driver/module")")
tap_note "$name, driver ${driver##*/}, module $module"
tap_try "the driver goes in less than 5 s" in_time 5 put "$name" "$driver/unbind" || tap_done
all_gone "without a driver"
tap_try "it comes in less than 5 s" in_time 5 put "$name" "$driver/bind" || tap_done
all_back "with a driver"
# Devices on the nd bus that have drivers hold their provider's module.
tap_refuse "its module is not unloaded while it is in use" rmmod "$module"
tap_try "the driver goes again in less than 5 s" in_time 5 put "$name" "$driver/unbind" || tap_done
tap_try "then its module is unloaded in less than 5 s" in_time 5 rmmod "$module" || tap_done
all_gone "unloaded"
tap_try "its module is loaded in less than 5 s" in_time 5 modprobe "$module" || tap_done
all_back "loaded again"
tap_try "all namespaces go in less than 5 s" pmem_free all
tap_done
