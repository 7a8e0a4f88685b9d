#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# private.sh SECONDS SEED. The seed is of the clock if it is 0.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/hmm.sh

hmm_unload 10
memory_state_save
hmm_load private || tap_bail "test_hmm does not load"
./private "$1" "$2" >/tmp/race.tap
tap_include /tmp/race.tap
tap_try "test_hmm unloads in less than 10 s" hmm_unload 10
memory_state_same "memory is as it was before"
tap_done
