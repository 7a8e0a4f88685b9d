# SPDX-License-Identifier: GPL-2.0-only
# Namespaces on whatever persistent memory the topology has. Needs tap.sh.
# Regions with labels can be divided; others (virtio-pmem, e820) have one namespace that is as large as they are.

# Makes an empty start: labels where there is room for them, and no namespace.
pmem_reset() {
	if [ -e /sys/bus/nd/devices/nmem0 ] && grep -q 4 /sys/bus/nd/devices/namespace0.0/nstype 2>/dev/null; then
		ndctl disable-region all && ndctl init-labels all && ndctl enable-region all
	else
		in_time 5 ndctl destroy-namespace -f all
	fi >/dev/null 2>&1 || tap_bail "the namespaces of an earlier test do not go away"
}

pmem_has_labels() { [ -e /sys/bus/nd/devices/nmem0 ]; }

# REGION-NUMBER SIZE MODE MAP ALIGN: a namespace in that mode (fsdax, devdax), with its struct pages in mem or dev.
# Sets $ns, $dev (pmem0 or dax0.1) and $size (bytes that can be used). SIZE is for regions with labels.
pmem_new() {
	if pmem_has_labels; then
		set -- -r "region$1" -s "$2" -m "$3" -M "$4" -a "$5"
	else
		set -- -f -e "namespace$1.0" -m "$3" -M "$4" -a "$5"
	fi
	pmem_made=$(ndctl create-namespace "$@" 2>/tmp/ndctl) || {
		echo "ndctl create-namespace $*:" && cat /tmp/ndctl
		return 1
	}
	ns=$(echo "$pmem_made" | sed -n '1,2s/.*"dev":"\(.*\)",*/\1/p')
	dev=$(echo "$pmem_made" | sed -n 's/.*"\(blockdev\|chardev\)":"\([^"]*\)".*/\2/p')
	size=$(echo "$pmem_made" | sed -n '/"size"/{s/[^0-9]//g;p;q}')
	wait_for 2 [ -e "/dev/$dev" ]
}

# NAMESPACE: destroys it; fails if that takes more than 5 s.
pmem_free() { in_time 5 ndctl destroy-namespace -f "$1"; }

# ext4|xfs [OPTION...]: a file system on /dev/$dev, with blocks of a page, and without what discarding would take.
pmem_mkfs() {
	case $1 in
	ext4) shift && mkfs.ext4 -q -b 4096 -E nodiscard "$@" "/dev/$dev" ;;
	xfs) shift && mkfs.xfs -q -f -K "$@" "/dev/$dev" ;;
	esac || tap_bail "there is no file system on $dev"
}
