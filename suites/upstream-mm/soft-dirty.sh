#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# soft-dirty with its file on DAX.
. /pgmap/lib/tap.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/upstream.sh
upstream_needs soft-dirty
upstream_files ext4 dax
# Where DAX maps pages with vmf_insert_page_mkwrite() (since 6.15), insert_page_into_pte_locked() makes a page table entry
# that is there already writable without making it dirty, as insert_pfn() did: the write is not tracked.
if grep -q ' vmf_insert_page_mkwrite$' /proc/kallsyms; then
	UPSTREAM_KNOWN='^Test test_mprotect-file soft-dirty after rewritten$'
	UPSTREAM_KNOWN_WHY='upstream defect: insert_page_into_pte_locked() forgets pte_mkdirty()'
fi
upstream_run soft-dirty
upstream_end
