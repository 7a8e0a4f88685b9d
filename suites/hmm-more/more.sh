#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# more.sh TEST: one part of ./more with both kinds of devices, and the end of the module.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/hmm.sh

hmm_unload 10
memory_state_save
[ "$1" != swap ] || modprobe zram || tap_bail "zram does not load"
hmm_load coherent || tap_bail "test_hmm does not load"
./more "$1" >/tmp/more.tap
tap_include /tmp/more.tap
tap_try "test_hmm unloads in less than 10 s" hmm_unload 10
[ "$1" != swap ] || rmmod zram
memory_state_same "memory is as it was before"
tap_done
