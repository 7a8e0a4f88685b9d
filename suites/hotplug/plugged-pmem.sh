#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# T24: plugged-pmem.sh ID PROVIDER: 256 MiB of persistent memory come, get a file system, and hold a file whose pages are
# theirs. QEMU cannot take such memory out; after its refusal everything must go on.
. ./common.sh
. /pgmap/lib/pmem.sh

id=$1 provider=$2 room=$((256 << 20))
mount=/tmp/$id

# Sets region to the only one of the provider's bus, and start to its address.
find_region() {
	for folder in /sys/bus/nd/devices/region*; do
		read -r found <"$folder/../provider" && [ "$found" = "$provider" ] || continue
		region=${folder##*/}
		read -r start <"$folder/resource" && start=$((start)) && return
	done
	return 1
}

# Sets whole to the region's one namespace, and dev to its block device.
find_disk() {
	for folder in /sys/bus/nd/devices/"$region"/namespace*/block/*; do
		dev=${folder##*/} whole=${folder%/block/*} whole=${whole##*/}
		[ -b "/dev/$dev" ] && return
	done
	return 1
}

# COLUMN of MEMORY_DEVICE_FS_DAX in what pgmap_probe counts
fs_dax() { sed -n "s/^MEMORY_DEVICE_FS_DAX .*$1=\([0-9]*\).*/\1/p" /proc/pgmap_probe/coverage 2>/dev/null; }

# NAME COLUMN BEFORE: passes if it is one more now
tap_is_counted() {
	if [ "$3" ]; then
		tap_is "$1" $(($3 + 1)) "$(fs_dax "$2")"
	else
		tap_skip "$1" 'no pgmap_probe'
	fi
}

cleanup() {
	umount "$mount" 2>/dev/null
	[ -z "$ns" ] || pmem_free "$ns" >/dev/null
}
ns=
trap cleanup EXIT

plug_once "$id" find_region
tap_try 'its region appears' wait_for 5 find_region || tap_done
tap_is 'the region has its size' $room "$(cat /sys/bus/nd/devices/$region/size)"
case $id in
nvdimm*) top='Persistent Memory' ;;
*) top= ;;
esac
# LINE...: what the resource tree has there besides what the firmware said of it
tree_is() {
	tree_name=$1
	shift
	tap_is "$tree_name" "$({
		[ -z "$top" ] || resource $start $room "$top"
		for line; do echo "$line"; done
	})" "$(resources_in $start $((start + room - 1)))"
}
resource_walkers

case $id in
nvdimm*)
	before=$(fs_dax mappings)
	# Without labels the region is one namespace that nobody made; with them it is empty.
	IFS=, read -r dimm rest <"/sys/bus/nd/devices/$region/mapping0"
	ndctl disable-region "$region" >/dev/null 2>&1
	tap_try 'its label area can be written' ndctl init-labels -f "$dimm"
	ndctl enable-region "$region" >/dev/null 2>&1
	tap_try 'the region can be a namespace for file systems' \
		pmem_new "${region#region}" 256M fsdax dev 2M || tap_done
	tree_is 'all of the range is the namespace' "$(resource $start $room "$top / $ns")"
	tap_is_counted 'one mapping of type MEMORY_DEVICE_FS_DAX is made' mappings "$before"
	;;
*)
	# It is a namespace as it is, with pages from the start.
	tap_try 'its block device appears' wait_for 3 find_disk || tap_done
	tree_is 'all of the range is the namespace' "$(resource $start $room "$whole")"
	;;
esac

if lab unplug "$id"; then
	tap_skip 'unplugging is refused' 'this QEMU can take it out'
	ns=
	tap_done
fi
tap_ok 'unplugging is refused'

mkdir -p "$mount"
tap_try 'a file system can be made' mkfs.ext4 -q -F -b 4096 "/dev/$dev" || tap_done
tap_try 'it can be mounted with DAX' mount -t ext4 -o dax "/dev/$dev" "$mount" || tap_done
tap_try 'a mapping and read and write see the same data, in pages of the device' \
	memory file "$mount/file" $start $room
tap_try 'it can be unmounted' umount "$mount"
tap_try 'and mounted again' mount -t ext4 -o dax "/dev/$dev" "$mount"
tap_try 'the data is still there' memory verify "$mount/file"
umount "$mount"
if [ "$ns" ]; then
	before=$(fs_dax unmapped)
	tap_try 'the namespace can be destroyed' pmem_free "$ns" && ns=
	tap_is_counted 'its mapping is undone' unmapped "$before"
	tree_is 'the range bears only the name of its origin'
else
	tap_try 'the namespace can be disabled' in_time 5 ndctl disable-namespace "$whole"
	tree_is 'the range has no name any more'
fi
tap_done
