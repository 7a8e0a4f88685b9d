#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# gup-test.sh ram|files|device: gup_test over one kind of memory, in all ways to pin it. It tells a refusal only by
# `truncated (size: 0)`, and calls it a success; so what is to be pinned is judged here.
. /pgmap/lib/tap.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/upstream.sh
upstream_needs gup_test

mib=4

# all|none WHAT ARGUMENT...: all of it must be pinned, or none of it.
pins() {
	pins_want=$1 pins_name=$2
	shift 2
	pins_said=$("$upstream_dir/gup_test" -m $mib "$@" 2>&1)
	pins_code=$?
	case $pins_said in
	*runcated\ \(size:\ 0\)*) pins_got=none ;;
	*runcated*) pins_got=some ;;
	*) pins_got=all ;;
	esac
	# Without a result it was not even tried.
	case $pins_said in
	*"not ok"* | *SKIP*) pins_got=error ;;
	*Time:* | *done*) ;;
	*) pins_got=error ;;
	esac
	if [ "$pins_got $pins_code" = "$pins_want 0" ]; then
		tap_ok "$pins_name: $pins_want"
	else
		tap_not_ok "$pins_name: $pins_want" "gup_test -m $mib $*: $pins_got, exit $pins_code" "$pins_said"
	fi
}

# all|none MEMORY ARGUMENT...: every way to pin it, the long-term one with the given outcome.
pin_in_all_ways() {
	ways_longterm=$1 ways_memory=$2
	shift 2
	# Many pages per call to write, one to read.
	for ways_how in "write -w 512" "read -W 1"; do
		ways_to="to ${ways_how%% *} $ways_memory"
		ways_how="${ways_how#* }"
		ways_how="${ways_how% *} -n ${ways_how#* }"
		pins all "fast, $ways_to" -u $ways_how "$@"
		pins all "fast with FOLL_PIN, $ways_to" -a $ways_how "$@"
		pins "$ways_longterm" "for long, $ways_to" -L $ways_how "$@"
		pins all "slow, $ways_to" -U $ways_how "$@"
		pins all "slow with FOLL_PIN, $ways_to" -b $ways_how "$@"
	done
}

case $1 in
ram)
	pin_in_all_ways all "small pages" -T
	pin_in_all_ways all "huge pages" -t
	huge_pages 8
	pin_in_all_ways all "hugetlb pages" -H
	huge_pages 0
	;;
files)
	upstream_files ext4 dax
	dd if=/dev/zero of=/mnt/file bs=1M count=$mib 2>/dev/null
	# Long-term pins of DAX files are refused, see check_vma_flags().
	pin_in_all_ways none "a file" -S -f /mnt/file
	pin_in_all_ways none "a private mapping of a file" -f /mnt/file
	upstream_end
	;;
device)
	pmem_reset
	pmem_new 0 64M devdax mem 2M || tap_bail "no namespace"
	pin_in_all_ways all "a DAX device" -S -f "/dev/$dev"
	pmem_free "$ns" || tap_bail "the namespace does not go away"
	;;
esac
tap_done
