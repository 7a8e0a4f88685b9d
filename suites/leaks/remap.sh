#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# memremap_pages() and memunmap_pages() of one section's range, by pgmap_probe, with each type that the tree has.
. /pgmap/lib/tap.sh
. /pgmap/lib/hmm.sh
. ./rounds.sh

[ -e /proc/pgmap_probe/remap ] || tap_skip_all "pgmap_probe is not there"
hmm_unload 10 || tap_bail "test_hmm keeps the memory"
for type in PRIVATE COHERENT FS_DAX GENERIC PCI_P2PDMA; do
	tap_note "MEMORY_DEVICE_$type"
	rounds 20 ./touch remap MEMORY_DEVICE_$type
done
tap_done
