/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the module share: the list of memory types, and each part's begin and end.
 *
 * pgmap_types.h is made from the tree under test: numbers of enum memory_type move between releases, names come and go.
 */
#ifndef PGMAP_PROBE_H
#define PGMAP_PROBE_H

#include <linux/memremap.h>
#include <linux/types.h>

#if __has_include("pgmap_types.h")
#include "pgmap_types.h"
#else
#error "pgmap_types.h is missing. It lists the tree's enum memory_type: #define PGMAP_TYPES(X) X(MEMORY_DEVICE_PRIVATE) ..."
#endif

struct proc_dir_entry;

int coverage_init(struct proc_dir_entry *dir);
void coverage_exit(void);
int pfn_init(struct proc_dir_entry *dir);
int reach_init(struct proc_dir_entry *dir);
void reach_exit(void);
int remap_init(struct proc_dir_entry *dir);

/* Name of a memory type, or NULL for a value that the tree's enum does not have. */
const char *type_name(int type);
/* The other way round. -ENOENT if this tree does not have it. */
int type_value(const char *name, int *type);

/* Struct pages at the start of the first range that hold the memmap itself; they are never initialised. */
static inline unsigned long altmap_pages(const struct dev_pagemap *pgmap)
{
	if (!(pgmap->flags & PGMAP_ALTMAP_VALID))
		return 0;
	return pgmap->altmap.reserve + pgmap->altmap.free;
}

/* Order of the compound pages that the range is made of; 0 if it is made of single pages. */
static inline unsigned long compound_order_of(const struct dev_pagemap *pgmap)
{
#ifdef PGMAP_HAS_VMEMMAP_SHIFT
	return pgmap->vmemmap_shift;
#else
	return 0;
#endif
}

#endif
