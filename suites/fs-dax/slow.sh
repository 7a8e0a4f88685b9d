#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# slow.sh ext4|xfs: blocks are taken from a file while a slow disk transfers into them.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/slow.sh

slow_on "$1"
tap_done
