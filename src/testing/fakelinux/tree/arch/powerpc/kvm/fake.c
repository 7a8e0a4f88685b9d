// SPDX-License-Identifier: GPL-2.0-only
#include <linux/memremap.h>

int fake_secure_type = MEMORY_DEVICE_PRIVATE;
