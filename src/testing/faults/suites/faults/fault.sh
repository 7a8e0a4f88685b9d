#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# fault.sh FAULT [WHICH]: does it. What survives its fault says so.
. /pgmap/lib/tap.sh

case $1 in
nothing) ;;
crash) echo c >/proc/sysrq-trigger ;;
module)
	insmod ./pgmap_faults.ko fault="$2" || tap_bail "insmod: $?"
	;;
lockup)
	# Reported after twice this many seconds.
	echo 2 >/proc/sys/kernel/watchdog_thresh
	insmod ./pgmap_faults.ko fault=spin
	;;
endless)
	# In user space, and deaf to everything that can be ignored.
	trap '' TERM INT HUP
	while :; do :; done
	;;
leaves)
	insmod ./pgmap_faults.ko fault=stuck &
	sleep 1
	;;
ssh) killall -KILL dropbear ;;
network)
	ifconfig eth0 down
	sleep 600
	;;
burden) exec ./burden "$2" ;;
looks)
	# What a program says is no report of the kernel, on whatever way it comes.
	echo 'BUG: unable to handle page fault for address: 0000000000000010'
	echo 'WARNING: CPU: 0 PID: 1 at mm/memremap.c:1 memremap_pages+0x1/0x2'
	echo 'Kernel panic - not syncing: says a test' >/dev/console
	echo 'BUG: says a test' >/dev/kmsg
	echo 'the symbol kernel_BUG_at is printed' >/dev/kmsg
	;;
reboot) reboot -f ;;
poweroff) poweroff -f ;;
waits) sleep 600 ;;
*) tap_bail "no fault '$1'" ;;
esac
tap_ok "survives: $*"
tap_done
