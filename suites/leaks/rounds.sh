# SPDX-License-Identifier: GPL-2.0-only
# Counts what the kernel holds before and after many rounds of the same thing. Needs tap.sh.
# The command line has slub_debug: with it, caches are not merged and keep no objects aside per CPU, so that the counts
# in /proc/slabinfo are those of living objects.

# What is counted: `NAME COUNT` a line. Reclaimable caches hold what they like; of what is left, kobjects and drivers'
# own structures are in kmalloc caches, freed bios are kept per CPU (7.x), and an address range or a page table is an object of vmalloc.
held_now() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	usleep 300000 # RCU, and work that frees later
	awk 'FNR > 2 && $1 !~ /^(dentry|inode_cache|shmem_inode|proc_inode|.*_inode_cache|buffer_head|radix_tree_node|filp|vm_area|anon_vma|maple_node|pid|signal_cache|sighand|task_|cred|names_cache|skb|sock|kmalloc-rcl|pool_workqueue|mm_struct|files_cache|fs_cache|lsm_|percpu_|vmap_area|bio-)/ { print "slab:" $1, $2 }' /proc/slabinfo
	# Those without a caller are gone and wait to be purged.
	awk '$3 ~ /\+/ { sum[$3]++ } END { for (f in sum) print "vmalloc:" f, sum[f] }' /proc/vmallocinfo
	awk '/^Percpu:/ { print "percpu-KiB", $2 }' /proc/meminfo
	awk '{ print "module-users:" $1, $3 }' /proc/modules
	ls /sys/kernel/slab /sys/devices/virtual/bdi /sys/class/*/ 2>/dev/null | wc -l | sed 's/^/sysfs /'
}

# COMMAND...: a few rounds to warm up, then two windows of as many rounds. A leak is what grows in both, by about one
# or more a round. $rounds_known of each kind a round are known to stay. Fails if a round does.
rounds() { # NUMBER COMMAND...
	rounds_count=$1
	shift
	for rounds_window in warm first second; do
		rounds_left=$rounds_count
		[ $rounds_window != warm ] || rounds_left=3
		while [ $rounds_left -gt 0 ]; do
			"$@" >/tmp/round 2>&1 || {
				tap_not_ok "every round ends well" "in the $rounds_window window, $rounds_left to go: $*" "$(cat /tmp/round)"
				return 1
			}
			rounds_left=$((rounds_left - 1))
		done
		held_now >/tmp/held.$rounds_window
	done
	tap_ok "every round ends well"
	rounds_leaks=$(awk -v rounds="$rounds_count" -v known="${rounds_known:-0}" '
		FILENAME ~ /warm$/ { warm[$1] = $2; next }
		FILENAME ~ /first$/ { first[$1] = $2; next }
		{
			one = first[$1] - warm[$1]
			two = $2 - first[$1]
			if (one >= rounds * (known + 0.8) && two >= rounds * (known + 0.8))
				printf "%s: %d, %d and %d after %d rounds each\n", $1, warm[$1], first[$1], $2, rounds
		}' /tmp/held.warm /tmp/held.first /tmp/held.second)
	if [ -z "$rounds_leaks" ]; then
		tap_ok "nothing grows with every round"
	else
		tap_not_ok "nothing grows with every round" "$rounds_leaks"
	fi
}
