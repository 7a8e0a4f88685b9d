// SPDX-License-Identifier: GPL-2.0-only
#include <linux/memremap.h>

int fake_user_probe(struct dev_pagemap *pgmap);

int fake_user_probe(struct dev_pagemap *pgmap)
{
	pgmap->type = MEMORY_DEVICE_GENERIC;
	return memremap_pages(pgmap->type);
}
