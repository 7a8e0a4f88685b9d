#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
. /pgmap/lib/tap.sh
. /pgmap/lib/hmm.sh
hmm_load private || tap_bail "test_hmm does not load"
./access private
code=$?
hmm_unload 10
exit $code
