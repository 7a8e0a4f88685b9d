#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# The resource tree while test_hmm has its pages: private ones get a range that nobody has, from the kernel, under the
# driver's name; coherent ones are where the memory is, and the driver requests nothing.
. /pgmap/lib/tap.sh
. /pgmap/lib/hmm.sh
. /pgmap/lib/resources.sh

M=$((1 << 20))
word=$(sed -n 's/.*memmap=\([0-9]*\)M\$\(0x[0-9a-f]*\).*/\1 \2/p' /proc/cmdline)
[ -n "$word" ] || tap_bail "nothing is reserved on the command line"
start=$((${word#* })) size=$((${word% *} * M))

resource_walkers
tap_is "what was reserved is one resource" "$(resource $start $size Reserved)" "$(resources_in $start $((start + size - 1)))"
hmm_unload 10 || tap_bail "test_hmm does not unload"
before=$(cat /proc/iomem)
new() { grep -vxF "$before" /proc/iomem; }

tap_try "test_hmm loads, for private pages" hmm_load private || tap_done
tap_is "nothing else changes" "$before" "$(grep -v hmm_dmirror /proc/iomem)"
tap_is "each of its two devices has a range of its own at the top of the tree" "hmm_dmirror hmm_dmirror" \
	"$(new | sed 's/^[0-9a-f]*-[0-9a-f]* : //' | tr '\n' ' ' | sed 's/ $//')"
set -- $(new | sed 's/ : .*//')
low=$((0x${1%-*})) low_end=$((0x${1#*-})) high=$((0x${2%-*})) high_end=$((0x${2#*-}))
tap_is "of 256 MiB each" "$((256 * M)) $((256 * M))" "$((low_end - low + 1)) $((high_end - high + 1))"
tap_is "side by side, for the highest free place is taken" $high $((low_end + 1))
tap_is "aligned to a memory section" "0 0" "$((low % (128 * M))) $((high % (128 * M)))"
tap_is "what was reserved has nothing of it" "$(resource $start $size Reserved)" "$(resources_in $start $((start + size - 1)))"
tap_try "it unloads" hmm_unload 10
tap_is "and leaves the tree as it was" "$before" "$(cat /proc/iomem)"

tap_try "test_hmm loads, for coherent pages" hmm_load coherent || tap_done
tap_is "what was reserved is still one resource" "$(resource $start $size Reserved)" "$(resources_in $start $((start + size - 1)))"
tap_is "its private devices have theirs" "hmm_dmirror hmm_dmirror" \
	"$(new | sed 's/^[0-9a-f]*-[0-9a-f]* : //' | tr '\n' ' ' | sed 's/ $//')"
tap_try "it unloads again" hmm_unload 10
tap_is "and again leaves the tree as it was" "$before" "$(cat /proc/iomem)"
tap_done
