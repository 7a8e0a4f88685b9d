// SPDX-License-Identifier: GPL-2.0-only
#include <asm/not-here.h>
#include <linux/memremap.h>

int fake_elsewhere_probe(struct dev_pagemap *pgmap);
