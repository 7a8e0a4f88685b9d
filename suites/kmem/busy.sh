#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# The driver goes while its memory is online and a program has data there. The memory cannot be removed, and the log says
# so; it stays RAM under its name, whatever becomes of the driver, and can be used and taken offline, but nobody else
# gets it before the next boot.
. /pgmap/lib/tap.sh
. /pgmap/lib/dax.sh
. ./common.sh

! grep -q 'System RAM (kmem)' /proc/iomem || [ -e /sys/bus/dax/devices/dax0.0/driver ] ||
	tap_skip_all "memory is stuck since an earlier run, until the next boot"
take_back
device=/sys/bus/dax/devices/dax0.0
node=$(cat $device/target_node)
start=$(($(cat $device/resource)))
end=$((start + $(cat $device/size)))
# 7.x says `stuck online until reboot`.
message="dax0.0: mapping0: $(printf '0x%x-0x%x' $start $((end - 1))) \(cannot be hotremoved until the next reboot\|stuck online until reboot\)"
was=$(total)

tap_try "the device becomes RAM" in_time 10 dax_bind dax0.0 kmem || tap_done
tap_try "all of it is online" blocks_set online_movable $start $end
iomem=$(cat /proc/iomem)
# It says `ready` when it has data there, and goes on when it is told to.
mkfifo /tmp/go /tmp/ready
./busy $node $start $end /tmp/ready </tmp/go >/tmp/busy.tap &
holder=$!
exec 4>/tmp/go
read -r answer </tmp/ready

tap_try "the driver goes in less than 5 s" in_time 5 dax_unbind dax0.0
tap_is "no driver has the device" "" "$(readlink $device/driver)"
tap_is "the log says once that the memory stays" 1 "$(dmesg | grep -c "$message")"
tap_is "it is still RAM in /proc/iomem" "$iomem" "$(cat /proc/iomem)"
tap_is "and in MemTotal" $(((end - start) / 1024)) $(($(total) - was))
tap_try "the driver can be unloaded" rmmod kmem
tap_is "which leaves the names in /proc/iomem alone" "$iomem" "$(cat /proc/iomem)"
echo go >&4
exec 4>&-
wait $holder
tap_include /tmp/busy.tap

tap_refuse "device_dax does not get the memory" dax_bind dax0.0 device_dax
tap_try "kmem loads again" modprobe kmem
tap_refuse "nor does kmem, a second time" dax_bind dax0.0 kmem
tap_try "it can go offline" blocks_set offline $start $end
tap_is "MemTotal is what it was without it" $was "$(total)"
tap_is "its place is kept" "$iomem" "$(cat /proc/iomem)"
tap_done
