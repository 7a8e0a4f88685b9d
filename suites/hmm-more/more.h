/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PGMAP_HMM_MORE_H
#define PGMAP_HMM_MORE_H

#include "../hmm-private/dmirror.h"

enum { pages = 600 };

extern struct dmirror private, coherent;
/* What a device reads and writes comes and goes here; pages long. */
extern char *mirror;

/* Anonymous memory. */
char *buffer(uint64_t count);
/* Pages that went, or -errno. */
long to_device(struct dmirror *d, char *at, uint64_t count);
uint64_t on_device(struct dmirror *d, char *at, uint64_t count);
/* They hold what stamp_all() with that seed gave them. */
int right(const char *at, uint64_t seed, uint64_t first, uint64_t count);
/* How many entries of the page table have that bit of pagemap (Documentation/admin-guide/mm/pagemap.rst). */
uint64_t with_bit(const char *at, uint64_t count, int bit);

/* The parts in state.c. */
void lazily_freed(void);
void soft_dirty(void);
void locked(void);

#endif
