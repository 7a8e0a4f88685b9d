# SPDX-License-Identifier: GPL-2.0-only
# Upstream's own tests (tools/testing/selftests/mm), and what stands around them. Needs tap.sh, and pmem.sh for files.
# A test that the series changes is run a second time, as the series has it: PGMAP_UPSTREAM says where that one is.

upstream_dir=$PWD/$PGMAP_UPSTREAM

# PROGRAM: the tree has it, or the whole test is skipped.
upstream_needs() {
	[ -x "$upstream_dir/$1" ] || tap_skip_all "this tree has no $1"
	# Of a test that was killed.
	umount /tmp 2>/dev/null
	umount /mnt 2>/dev/null
}

# PROGRAM [ARGUMENT...]: its results, see upstream.awk for what UPSTREAM_REFUSED, UPSTREAM_WHY, UPSTREAM_KNOWN and
# UPSTREAM_KNOWN_WHY do.
upstream_run() {
	upstream_program=$upstream_dir/$1
	shift
	{
		"$upstream_program" "$@" 2>&1
		echo "# pgmap: exit $?"
	} | awk -v refused="$UPSTREAM_REFUSED" -v why="$UPSTREAM_WHY" \
		-v known="$UPSTREAM_KNOWN" -v known_why="$UPSTREAM_KNOWN_WHY" -f /pgmap/lib/upstream.awk
}

# ext4|xfs dax|cached: a new file system as current folder and as /tmp, where these tests make their files: either DAX
# or through the page cache. Until upstream_end nothing else may be in /tmp.
upstream_files() {
	pmem_reset
	pmem_new 0 400M fsdax dev 2M || tap_bail "no namespace"
	pmem_mkfs "$1"
	if [ "$2" = dax ]; then
		mount -o dax "/dev/$dev" /mnt || tap_bail "cannot mount $1 with DAX"
	else
		mount "/dev/$dev" /mnt || tap_bail "cannot mount $1"
	fi
	mount -o bind /mnt /tmp
	cd /mnt || tap_bail "no /mnt"
}

upstream_end() {
	cd /
	umount /tmp
	umount /mnt
	pmem_free "$ns" || tap_bail "the namespace does not go away"
}

# PAGES of the default size; 0 gives them back.
huge_pages() { echo "$1" >/proc/sys/vm/nr_hugepages; }
