#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# The device that stands for soft-reserved memory loses its driver and gets it back, twice; then dax_hmem, which
# makes that device, is unloaded and loaded. The memory keeps what is in it.
. /pgmap/lib/tap.sh
. /pgmap/lib/memory-state.sh
. /pgmap/lib/dax.sh

bytes=16777216
put() { echo "$1" >"$2"; } # VALUE FILE

contents() { # write|check SEED
	./contents "$1" /dev/dax0.0 $bytes "$2" >/tmp/contents.tap
	tap_include /tmp/contents.tap
}

properties() {
	for property in size resource align target_node mapping0/start mapping0/end mapping0/page_offset \
		dax_region/size dax_region/available_size; do
		echo $property "$(cat "/sys/bus/dax/devices/dax0.0/$property" 2>/dev/null)"
	done
}

all_back() { # WHEN
	tap_try "$1: the device is there" wait_for 5 [ -e /sys/bus/dax/devices/dax0.0 ] || tap_done
	tap_is "$1: it is as it was" "$was" "$(properties)"
	tap_try "$1: device_dax takes it" dax_bind dax0.0 device_dax || tap_done
	tap_try "$1: it can be opened" wait_for 2 [ -c /dev/dax0.0 ]
	contents check 1
	memory_state_same "$1: memory is as it was"
}

all_gone() { # WHEN
	tap_is "$1: there is no device" "" "$(ls /sys/bus/dax/devices)"
	tap_is "$1: the resource tree has nothing of it" "" "$(grep 'dax[0-9]' /proc/iomem)"
}

dax_bind dax0.0 device_dax || tap_bail "device_dax does not take the device"
wait_for 2 [ -c /dev/dax0.0 ]
contents write 1
was=$(properties)
memory_state_save
provider=$(readlink -f /sys/bus/dax/devices/dax0.0)
provider=${provider%/*}
name=${provider##*/}
driver=$(readlink -f "$provider/driver")
module=$(basename "$(readlink -f "$driver/module")")
tap_note "$name, driver ${driver##*/}, module $module"
for round in first second; do
	tap_try "$round time: the driver goes in less than 5 s" in_time 5 put "$name" "$driver/unbind" || tap_done
	all_gone "$round time"
	tap_try "$round time: it comes in less than 5 s" in_time 5 put "$name" "$driver/bind" || tap_done
	all_back "$round time"
done
tap_try "its module is unloaded in less than 5 s" in_time 5 rmmod "$module" || tap_done
all_gone "unloaded"
# Before 6.3 the kernel itself makes that device, and it stays.
if [ -e /sys/bus/platform/devices/hmem_platform.0 ]; then
	tap_is "unloaded: the device that stands for the memory is gone" "" "$(ls /sys/bus/platform/devices | grep '^hmem\.')"
fi
tap_try "its module is loaded in less than 5 s" in_time 5 modprobe "$module" || tap_done
all_back "loaded again"
dax_unbind dax0.0
tap_done
