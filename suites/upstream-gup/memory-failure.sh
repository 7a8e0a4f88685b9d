#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# memory-failure with its files in the page cache of a file system that is no tmpfs.
. /pgmap/lib/tap.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/upstream.sh
upstream_needs memory-failure
modprobe hwpoison_inject || tap_bail "hwpoison_inject does not load"
upstream_files ext4 cached
upstream_run memory-failure
upstream_end
rmmod hwpoison_inject
