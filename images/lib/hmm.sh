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
	modprobe test_hmm spm_addr_dev0="$hmm_at" spm_addr_dev1="$(printf '0x%x' $((hmm_at + 0x10000000)))"
}

hmm_unload() { # SECONDS
	[ ! -d /sys/module/test_hmm ] || in_time "$1" rmmod test_hmm
}

# private|coherent: upstream's program, those of its cases. Before 6.2 or so its harness cannot choose and runs all, so
# the others are taken out of its TAP here; and it names no skipped case, so the name comes from the line before.
# A plan is only given if the program came to its end.
hmm_tests() {
	# Without huge pages cases are skipped; with THP for everybody the exclusive ones fail, because
	# make_device_exclusive_range() passes over tail pages.
	echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
	echo 8 >/proc/sys/vm/nr_hugepages
	mount -t tmpfs tmpfs /tmp
	./hmm-tests -v "hmm_device_$1" -v "hmm2_device_$1" 2>&1 | awk -v want="device_$1[.]" '
		/^1[.][.][0-9]+$/ { plan = substr($0, 4); next }
		/^# +RUN / { name = $3 }
		/^(not )?ok / {
			seen++
			if (name !~ want) { left++; next }
			sub(/ok [0-9]+( # SKIP)?/, "ok " ++kept (/ok [0-9]+ # SKIP/ ? " " name " # SKIP" : ""))
		}
		/^# (Totals|PASSED|FAILED|Starting)/ && left { next }
		name == "" || name ~ want || /^(not )?ok / { print; fflush() }
		END { if (seen == plan) print "1.." kept }'
	umount /tmp
	echo 0 >/proc/sys/vm/nr_hugepages
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
