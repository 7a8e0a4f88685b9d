/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_MEMREMAP_H
#define FAKE_MEMREMAP_H

/* Numbers begin at one, so that a forgotten type is noticed. */
enum memory_type {
	MEMORY_DEVICE_PRIVATE = 1,
	MEMORY_DEVICE_COHERENT,
	MEMORY_DEVICE_FS_DAX, /* MEMORY_DEVICE_HOST, once */
	MEMORY_DEVICE_GENERIC,
	MEMORY_DEVICE_PCI_P2PDMA,
};

struct dev_pagemap {
	enum memory_type type;
	unsigned int flags;
	void *owner;
	int nr_range;
	union {
		long range;
		long ranges[1];
	};
};

int memremap_pages(enum memory_type type);

#endif
