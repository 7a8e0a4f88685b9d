#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/hmm.sh
hmm_unload_rounds private
tap_done
