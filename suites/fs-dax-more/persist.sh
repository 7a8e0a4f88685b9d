#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# persist.sh write|check: before a reset, and after it.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/pmem.sh
. /pgmap/lib/persist.sh

persist_$1
tap_done
