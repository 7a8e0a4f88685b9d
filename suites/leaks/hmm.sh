#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# hmm.sh private|coherent: test_hmm is loaded, used and unloaded; and used again and again while it is loaded.
. /pgmap/lib/tap.sh
. /pgmap/lib/hmm.sh
. ./rounds.sh

whole() { hmm_load "$kind" && ./touch "$kind" && hmm_unload 10; }

kind=$1
hmm_unload 10
# dmirror_device_remove() in lib/test_hmm.c, at least up to 6.12, does not put_device() what device_initialize() began:
# of each device its name and struct device_private stay.
[ "$kind" = private ] && rounds_known=2 || rounds_known=4
rounds 5 whole
rounds_known=0
tap_try "it loads" hmm_load "$kind" || tap_done
rounds 20 ./touch "$kind"
tap_try "it unloads" hmm_unload 10
tap_done
