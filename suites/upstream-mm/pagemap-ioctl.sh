#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# pagemap_ioctl with its files on DAX.
. /pgmap/lib/tap.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/upstream.sh
upstream_needs pagemap_ioctl
upstream_files ext4 dax
huge_pages 4
upstream_run pagemap_ioctl
huge_pages 0
upstream_end
