#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# hmm-tests of the kernel tree, and its verdicts as they are.
. /pgmap/lib/tap.sh
. /pgmap/lib/hmm.sh
hmm_load private || tap_bail "test_hmm does not load"
hmm_tests private
hmm_unload 10
