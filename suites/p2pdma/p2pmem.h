/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of this suite share: finding an NVMe by serial number (names of disks move when a device comes
 * back), its peer-to-peer memory, and what the kernel says about it from outside.
 * Nothing here prints a result: each test file has its own count of them.
 */
#ifndef P2PMEM_H
#define P2PMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pages.h"

/* Serial numbers of the topology's three NVMe; the last is not behind the switch of the others. */
#define PROVIDER "cmb0"
#define PEER "peer0"
#define FAR "far0"

struct nvme {
	char pci[64]; /* folder of the PCI device */
	char disk[64]; /* block device */
	/* The controller memory buffer: the largest BAR. end is the last byte. */
	uint64_t start, end;
};

/* False as long as the controller or its disk is not there. */
bool nvme_look(const char *serial, struct nvme *out);
/* Bails out if it is not there after some seconds. */
struct nvme nvme_find(const char *serial);

uint64_t bar_size(const struct nvme *nvme);

/* An attribute of p2pmem/, or -1 if there is none. */
long long p2pmem_number(const struct nvme *nvme, const char *name);
/* Opens p2pmem/allocate; bails out if that fails. */
int p2pmem_open(const struct nvme *nvme);
/* Maps size bytes of it; NULL and errno if the kernel refuses. */
void *p2pmem_map(const struct nvme *nvme, size_t size);

/* A whole small file, to be freed; NULL if it cannot be read. */
char *get_text(const char *path);
/* pgmap_probe's line about a PFN, to be freed; NULL if the module is not loaded. */
char *probe_line(uint64_t pfn);
/* Reference count of the page at a PFN, -1 without pgmap_probe. */
long long page_refs(uint64_t pfn);

/* MEMORY_DEVICE_PCI_P2PDMA's numbers in pgmap_probe's coverage. False without the module. */
struct coverage {
	long long mappings, pages, unmapped, failed;
};
bool coverage_get(struct coverage *out);

/* Kilobytes of the kernel's linear map, in pages of all sizes. */
long long direct_map_kb(void);
/* Pins taken and not returned, by everybody. */
long long pins_held(void);
/* Whether the kernel has the range as uncached-minus: 1, 0, or -1 if it does not say. */
int is_uncached(const struct nvme *nvme);

/* Any multiple of eight bytes, unlike a stamp of pages.h: transfers begin and end inside of pages. */
void fill(void *to, size_t size, uint64_t seed);
/* Offset of the first byte that is not what fill() wrote, or -1. */
long long mismatch(const void *from, size_t size, uint64_t seed);

#endif
