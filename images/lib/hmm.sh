# SPDX-License-Identifier: GPL-2.0-only
# The kernel's test_hmm module and upstream's hmm-tests, for the suites of private and of coherent memory. Needs tap.sh.

# private|coherent: test_hmm with two devices of 256 MiB each. Coherent ones live in what the topology left out of RAM
# (memmap=SIZE$ADDRESS), 256 MiB apart.
hmm_load() {
	if [ "$1" = private ]; then
		modprobe test_hmm
		return
	fi
	hmm_at=$(sed -n 's/.*memmap=[^ ]*\$\(0x[0-9a-f]*\).*/\1/p' /proc/cmdline)
	[ -n "$hmm_at" ] || tap_bail "no memory is reserved with memmap= on the command line"
	[ -e /dev/hmm_dmirror2 ] && return
	[ ! -d /sys/module/test_hmm ] || rmmod test_hmm
	modprobe test_hmm spm_addr_dev0="$hmm_at" spm_addr_dev1="$(printf '0x%x' $((hmm_at + 0x10000000)))" || return
	hmm_thp never
}

# MODE: transparent huge pages. Since 7.0 or so test_hmm moves them whole. A coherent device has no large folio to give
# (dmirror_device_init() makes its pages small) and, to get some, maps the range that it already has once more: WARNING
# in memremap_pages(), "Conflicting mapping in same section". So there are none while such a device is tried.
hmm_thp() {
	[ "$1" = never ] && ! grep -q dmirror_devmem_folio_split /proc/kallsyms && return
	echo "$1" >/sys/kernel/mm/transparent_hugepage/enabled
}

hmm_unload() { # SECONDS
	[ ! -d /sys/module/test_hmm ] || in_time "$1" rmmod test_hmm
}

# private|coherent: upstream's program, those of its cases. Before 6.2 or so its harness cannot choose and runs all, so
# the others are taken out of its TAP here; and it names no skipped case, so the name comes from the line before.
# A plan is only given if the program came to its end.
hmm_tests() {
	hmm_program=./${PGMAP_UPSTREAM}hmm-tests
	hmm_skipped= hmm_leave=
	# 7.x. It moves 256 MiB to and fro two dozen times, which under emulation takes minutes.
	hmm_leave_out benchmark_thp_migration "it measures time"
	if [ "$1" = coherent ]; then
		# They want huge pages moved whole; see hmm_thp().
		for hmm_test in empty zero free fault err zero_err; do
			hmm_leave_out "migrate_anon_huge_$hmm_test" "test_hmm has no large folios on a coherent device"
		done
	fi
	# Without huge pages cases are skipped; with THP for everybody the exclusive ones fail, because
	# make_device_exclusive_range() passes over tail pages.
	hmm_thp madvise
	[ "$1" = private ] || hmm_thp never
	echo 8 >/proc/sys/vm/nr_hugepages
	mount -t tmpfs tmpfs /tmp
	$hmm_program $hmm_leave -v "hmm_device_$1" -v "hmm2_device_$1" 2>&1 | awk -v want="device_$1[.]" -v skipped="$hmm_skipped" -v "first=hmm.hmm_device_$1." '
		/^1[.][.][0-9]+$/ { plan = substr($0, 4); next }
		/^# +RUN / { name = $3 }
		/^(not )?ok / {
			seen++
			if (name !~ want) { left++; next }
			sub(/ok [0-9]+( # SKIP)?/, "ok " ++kept (/ok [0-9]+ # SKIP/ ? " " name " # SKIP" : ""))
		}
		/^# (Totals|PASSED|FAILED|Starting)/ && (left || skipped != "") { next }
		name == "" || name ~ want || /^(not )?ok / { print; fflush() }
		END {
			if (seen != plan)
				exit
			count = split(skipped, skip, ";")
			for (i = 1; i < count; i++)
				print "ok " ++kept " " first skip[i]
			print "1.." kept
		}'
	umount /tmp
	echo 0 >/proc/sys/vm/nr_hugepages
}

# TEST REASON: not run, if this tree's program has it, and said so.
hmm_leave_out() {
	grep -q "$1" "$hmm_program" || return
	hmm_leave="$hmm_leave -T $1"
	hmm_skipped="$hmm_skipped$1 # SKIP $2;"
}

# private|coherent: test_hmm goes in time after its pages were used, twice over, and leaves nothing behind: no
# resource, no linear map, no RAM. Needs memory-state.sh, and the program ./use.
# The first round is not measured, it keeps some memory for good.
hmm_unload_rounds() {
	tap_try "unloads after what was before" hmm_unload 10 || return
	memory_state_save
	hmm_free=0
	for round in 1 2 3; do
		tap_try "round $round: loads" hmm_load "$1" || return
		tap_try "round $round: pages go to the device and back" ./use "$1" || return
		tap_try "round $round: unloads in less than 10 s" hmm_unload 10 || return
		memory_state_same "round $round: resources and linear map are as before"
		hmm_was=$hmm_free
		hmm_free=$(memory_free)
		[ $round = 1 ] && continue
		if [ $((hmm_was - hmm_free)) -lt 4096 ]; then
			tap_ok "round $round: no RAM is lost"
		else
			tap_not_ok "round $round: no RAM is lost" "$((hmm_was - hmm_free)) KiB less than after the round before"
		fi
	done
}
