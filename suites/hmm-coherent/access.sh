#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
. /pgmap/lib/tap.sh
. /pgmap/lib/hmm.sh
hmm_load coherent || tap_bail "test_hmm does not load"
./access coherent
code=$?
hmm_unload 10
exit $code
