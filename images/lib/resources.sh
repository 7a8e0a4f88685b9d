# SPDX-License-Identifier: GPL-2.0-only
# The tree of physical addresses, /proc/iomem, and what the kernel makes of its names. IORES_DESC_* cannot be seen, but
# whoever walks the tree by it can: so names and nesting are checked together with what was found by them. Needs tap.sh.

# START END (inclusive): every resource that lies in there, a line each: its range and the names from the top of the
# tree down to it. Resources that reach beyond are left out, but are named above the others.
# Numbers are compared as text of equal length: awk of busybox has not the bits.
resources_in() {
	awk -v from="$(printf '%016x' $1)" -v to="$(printf '%016x' $2)" '
		{
			match($0, /^ */)
			depth = RLENGTH / 2
			split($1, ends, "-")
			name = $0
			sub(/^[^:]*: /, "", name)
			names[depth] = name
			start = substr("0000000000000000" ends[1], length(ends[1]) + 1)
			end = substr("0000000000000000" ends[2], length(ends[2]) + 1)
			if (start < from || end > to)
				next
			path = names[0]
			for (i = 1; i <= depth; i++)
				path = path " / " names[i]
			print $1, path
		}' /proc/iomem
}

# START SIZE PATH...: a line as resources_in has it.
resource() {
	printf '%x-%x %s\n' $1 $(($1 + $2 - 1)) "$3"
}

# WHO...: those that walk the tree by descriptor have found something, the others have not. `hmem` looks for soft-
# reserved memory, `e820` for the legacy kind of persistent memory.
resource_walkers() {
	modprobe dax_hmem 2>/dev/null
	walkers=
	for walker in hmem:hmem.[0-9]* e820:e820_pmem*; do
		for walker_path in /sys/bus/platform/devices/${walker#*:}; do
			[ ! -e $walker_path ] || walkers="$walkers${walkers:+ }${walker%%:*}"
		done
	done
	tap_is "only those that should find a range by its kind" "$*" "$walkers"
}
