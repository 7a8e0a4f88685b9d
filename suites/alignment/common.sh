# SPDX-License-Identifier: GPL-2.0-only
# What the tests of this suite share: namespaces turned into disks and devices by sysfs, as ndctl does it, but without
# its own checks of sizes and alignments. Needs tap.sh.

nd=/sys/bus/nd/devices
said() { dmesg | grep -c "$1"; } # PATTERN: lines of the kernel log

# REGION: sets ns to its one namespace, and start and size to where that lies.
use_region() {
	region=$1 ns=namespace${1#region}.0
	[ -e $nd/$ns/driver ] && echo $ns >$nd/$ns/driver/unbind
	start=$(($(cat $nd/$ns/resource))) size=$(($(cat $nd/$ns/size)))
	range=$(printf '%x-%x' $start $((start + size - 1)))
}

# KIND(pfn|dax) WHERE(none|ram|pmem) ALIGN: claims the namespace with the region's seed and binds the driver. Sets seed.
# The answer is that of binding.
claim() {
	read -r seed <$nd/$region/$1_seed
	cat /proc/sys/kernel/random/uuid >$nd/$seed/uuid || return
	echo "$2" >$nd/$seed/mode && echo "$3" >$nd/$seed/align && echo $ns >$nd/$seed/namespace || return
	[ $1 = dax ] && driver=dax_pmem || driver=nd_pmem
	# What a disk says at its start is overwritten, so that nobody takes an old info block for this one.
	echo $seed >/sys/bus/nd/drivers/$driver/bind
}

# Lets go of the namespace again.
unclaim() {
	[ ! -e $nd/$seed/driver ] || echo $seed >$nd/$seed/driver/unbind
	echo >$nd/$seed/namespace
}

# Overwrites what an earlier test said about the namespace in its first blocks, as a raw disk.
forget() {
	echo 1 >$nd/$ns/force_raw
	echo $ns >/sys/bus/nd/drivers/nd_pmem/bind
	wait_for 2 [ -b /dev/pmem${region#region} ] && dd if=/dev/zero of=/dev/pmem${region#region} bs=4k count=4 oflag=direct 2>/dev/null
	echo $ns >$nd/$ns/driver/unbind
	echo 0 >$nd/$ns/force_raw
}
