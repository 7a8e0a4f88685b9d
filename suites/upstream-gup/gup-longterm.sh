#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# gup-longterm.sh ext4|xfs: gup_longterm with its files on DAX. It takes ext4 and xfs for file systems with a page cache.
. /pgmap/lib/tap.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/upstream.sh
upstream_needs gup_longterm
upstream_files "$1" dax
huge_pages 4
# check_vma_flags() says EOPNOTSUPP to any long-term pin in a mapping of a DAX file, shared or private (vma_is_fsdax()).
# Only the fast path, which sees no mapping, may pin the anonymous pages that writes to a private one have made.
UPSTREAM_REFUSED='(MAP_SHARED|GUP pin in MAP_PRIVATE) file mapping .* with (local )?tmpfile$'
UPSTREAM_WHY='files on DAX cannot be pinned for long'
upstream_run gup_longterm
huge_pages 0
upstream_end
