#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# away.sh ext4|xfs: a disk in use, and its driver taken away.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/away.sh

away_from "$1"
tap_done
