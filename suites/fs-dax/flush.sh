#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Syncing reaches the host.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/flush.sh

flush_on count
tap_done
