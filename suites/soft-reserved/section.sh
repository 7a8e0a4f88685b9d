#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# Soft-reserved memory that begins in the middle of a memory section: the other half is RAM. Its struct pages are from
# boot, so the device neither makes nor frees any, and the RAM's stay what they are, whatever becomes of the device.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/dax.sh

device=/sys/bus/dax/devices/dax0.0
start=$(($(cat $device/resource)))
block=$((0x$(cat /sys/devices/system/memory/block_size_bytes)))
[ $((start % block)) -ne 0 ] || tap_bail "the device has its memory sections for itself"
state=/sys/devices/system/memory/memory$((start / block))/state

dax_unbind dax0.0
memory_state_save
free=$(memory_free)
tap_try "device_dax takes it" dax_bind dax0.0 device_dax || tap_done
used=$((free - $(memory_free)))
# 64 MiB would need 1 MiB of struct pages.
tap_try "no struct pages are made for it" [ $used -lt 768 ] || tap_note "$used KiB"
./section dax0.0 >/tmp/section.tap
tap_include /tmp/section.tap
tap_refuse "a memory block with a hole in its RAM does not go offline" sh -c "echo offline >$state"
tap_is "it is still online" online "$(cat $state)"
# It has no node that its RAM would be of.
tap_refuse "the device does not become RAM" sh -c "modprobe kmem && . /pgmap/lib/dax.sh && dax_bind dax0.0 kmem"
tap_is "and no driver has it" "" "$(readlink $device/driver)"
memory_state_same "memory is as it was before"
tap_done
