# SPDX-License-Identifier: GPL-2.0-only
# Device-dax devices and their drivers. Needs tap.sh.

# DEVICE DRIVER (device_dax, kmem): that driver and no other. A device of dax_hmem only goes to kmem by itself
# (IORESOURCE_DAX_KMEM), so it has to be named to device_dax.
dax_bind() {
	dax_unbind "$1"
	for dax_other in /sys/bus/dax/drivers/*/remove_id; do
		echo "$1" >"$dax_other" 2>/dev/null
	done
	echo "$1" >"/sys/bus/dax/drivers/$2/new_id"
	# new_id tries at once, but only if the identifier is new to the driver.
	[ -e "/sys/bus/dax/devices/$1/driver" ] || echo "$1" >"/sys/bus/dax/drivers/$2/bind"
	[ "$(dax_driver "$1")" = "$2" ]
}

dax_unbind() {
	[ ! -e "/sys/bus/dax/devices/$1/driver" ] || echo "$1" >"/sys/bus/dax/devices/$1/driver/unbind"
}

dax_driver() { basename "$(readlink "/sys/bus/dax/devices/$1/driver")"; }
