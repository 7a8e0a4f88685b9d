/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of this suite share: calling memremap_pages() through pgmap_probe, looking at single pages, and
 * hearing what the kernel says about it.
 */
#ifndef REMAP_H
#define REMAP_H

#include <stdbool.h>
#include <stdint.h>

#define MIB (1ull << 20)

/* Topology device-coherent: memmap=512M$0x120000000. In front of it is RAM, from 4 GiB on. */
#define BASE 0x120000000ull
#define BASE_SIZE (512 * MIB)

struct span {
	uint64_t start, end; /* both inclusive */
};

#define SPAN(offset, size) { BASE + (offset), BASE + (offset) + (size)-1 }

/* An open file of pgmap_probe, which holds one mapping at most. Ends the program if there is none. */
int remap_open(void);
/* Writes a request, as images/probe/remap.c has them. Returns 0 or the errno. */
__attribute__((format(printf, 2, 3))) int remap(int file, const char *format, ...);
/* The first range of what is mapped. */
struct span remap_first_range(int file);

struct page_facts {
	char type[48]; /* `none`: no pgmap has it */
	char zone[16];
	int refcount; /* -1: there is no such page */
	struct span range;
	char line[256]; /* all as the probe says it */
};

/* The page at a physical address. */
struct page_facts page_at(uint64_t address);
/* No pgmap has the first nor the last page of a span. */
bool is_free(struct span span);

/* From here on, what the kernel says is for heard(). */
void listen_kernel(void);
struct report {
	int warnings;
	bool said; /* the text asked for */
	bool foreign; /* a WARNING in another function than those asked for */
	char first[160]; /* the first WARNING */
};
/*
 * What the kernel said since listen_kernel(). text may be NULL; functions is a list with a space on both sides of each
 * name, or NULL if there must be no WARNING.
 */
struct report heard(const char *text, const char *functions);

/* The tests; each ends the program. */
__attribute__((noreturn)) void test_type(int argc, char **argv);
__attribute__((noreturn)) void test_refusals(void);
__attribute__((noreturn)) void test_ranges(void);

#endif
