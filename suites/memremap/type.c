// SPDX-License-Identifier: GPL-2.0-only
/*
 * One memory type: ranges of several shapes are mapped and unmapped, again and again. What is mapped has struct pages
 * of that type from the first to the last, what is not has none, and no memory stays away.
 */
#include "remap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <tap.h>
#include <unistd.h>

#define ROUNDS 3

/* Sections are 128 MiB, and their smallest part that memremap_pages() takes is 2 MiB. */
static const struct {
	const char *name;
	struct span span;
} shapes[] = {
	{ "a whole section", SPAN(0, 128 * MIB) },
	{ "2 MiB amidst a section", SPAN(130 * MIB, 2 * MIB) },
	{ "parts of three sections", SPAN(254 * MIB, 132 * MIB) },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

struct wanted {
	const char *type;
	char words[64]; /* for the request */
	unsigned long altmap; /* pages */
	int order;
	int first, last; /* reference counts; -1: any */
};

static int release(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	return major * 100 + minor;
}

/*
 * Reference count of a page that nobody uses, or -1: any. Device private and coherent pages have none since 6.1; in 7.0
 * only MEMORY_DEVICE_GENERIC still has one, and releases in between changed one type after the other.
 * Source: __init_zone_device_page().
 */
static int idle_refcount(const char *type)
{
	if (release() < 601 || strcmp(type, "MEMORY_DEVICE_GENERIC") == 0)
		return 1;
	if (strcmp(type, "MEMORY_DEVICE_PRIVATE") == 0 || strcmp(type, "MEMORY_DEVICE_COHERENT") == 0)
		return 0;
	return release() >= 700 ? 0 : release() <= 612 ? 1 : -1;
}

static struct wanted read_arguments(int argc, char **argv)
{
	struct wanted wanted = { .type = argv[0] };
	int i;

	wanted.first = wanted.last = idle_refcount(wanted.type);
	for (i = 1; i < argc; i++) {
		if (strncmp(argv[i], "order=", 6) == 0)
			wanted.order = atoi(argv[i] + 6);
		if (strncmp(argv[i], "altmap=", 7) == 0)
			wanted.altmap = strtoul(argv[i] + 7, NULL, 0);
		strcat(strcat(wanted.words, " "), argv[i]);
	}
	/* The last page is a tail of its compound page. */
	if (wanted.order)
		wanted.last = 0;
	return wanted;
}

/* Free RAM in pages, those on per-CPU lists included. */
static long free_pages(void)
{
	static char text[65536];
	int file = open("/proc/sys/vm/drop_caches", O_WRONLY);
	ssize_t size = write(file, "3", 1);
	long sum = 0;
	char *at;

	close(file);
	file = open("/proc/zoneinfo", O_RDONLY);
	size = read(file, text, sizeof(text) - 1);
	close(file);
	text[size > 0 ? size : 0] = '\0';
	for (at = text; (at = strstr(at, "nr_free_pages ")); at++)
		sum += atol(at + 14);
	for (at = text; (at = strstr(at, " count: ")); at++)
		sum += atol(at + 8);
	return sum;
}

static bool page_is(uint64_t address, const struct wanted *wanted, struct span range, int refcount)
{
	struct page_facts facts = page_at(address);

	if (strcmp(facts.type, wanted->type) == 0 && strcmp(facts.zone, "Device") == 0 &&
	    facts.range.start == range.start && facts.range.end == range.end &&
	    (refcount < 0 || facts.refcount == refcount))
		return true;
	tap_note("want type=%s zone=Device refcount=%d start=%#" PRIx64 " end=%#" PRIx64, wanted->type, refcount,
		 range.start, range.end);
	tap_note("got  %s", facts.line);
	return false;
}

static bool nobodys(uint64_t address)
{
	struct page_facts facts = page_at(address);

	if (strcmp(facts.type, "none") == 0)
		return true;
	tap_note("a page that is not in the mapping: %s", facts.line);
	return false;
}

/* The caching attribute that the range has in the list of x86, or an empty text. */
static const char *caching_of(struct span span)
{
	static char attribute[32];
	FILE *list = fopen("/sys/kernel/debug/x86/pat_memtype_list", "re");
	char line[128], range[64];

	/* The end is exclusive. */
	snprintf(range, sizeof(range), "[mem 0x%016" PRIx64 "-0x%016" PRIx64 "] ", span.start, span.end + 1);
	attribute[0] = '\0';
	while (list && fgets(line, sizeof(line), list)) {
		const char *at = strstr(line, range);

		if (at)
			sscanf(at + strlen(range), "%31s", attribute);
	}
	if (list)
		fclose(list);
	return attribute;
}

/* Only a PCI BAR must not be cached. */
static bool cached_right(struct span span, const char *type)
{
	const char *want = strcmp(type, "MEMORY_DEVICE_PCI_P2PDMA") == 0 ? "uncached-minus" : "write-back";
	const char *got = caching_of(span);

	if (strcmp(got, want) == 0)
		return true;
	tap_note("caching of %#" PRIx64 "-%#" PRIx64 ": want %s, got '%s'", span.start, span.end, want, got);
	return false;
}

struct outcome {
	bool maps, pages, alone, linear, cached, gone;
};

static void one_round(int file, const char *where, struct span span, const struct wanted *wanted, struct outcome *all)
{
	bool is_private = strcmp(wanted->type, "MEMORY_DEVICE_PRIVATE") == 0;
	int error = remap(file, "map %s%s %s", wanted->type, wanted->words, where);

	if (error == ENODEV)
		tap_bail("this tree has no %s", wanted->type);
	if (error) {
		tap_note("map %s: %s", where, strerror(error));
		all->maps = false;
		return;
	}
	/* Whose place request_free_mem_region() chose. */
	if (span.end == 0)
		span = remap_first_range(file);
	all->pages &= page_is(span.start + wanted->altmap * 4096, wanted, span, wanted->first);
	all->pages &= page_is(span.end, wanted, span, wanted->last);
	all->alone &= nobodys(span.start - 1) && nobodys(span.end + 1);
	all->cached &= cached_right(span, wanted->type);
	/* The CPU cannot address private memory: it has no linear map. */
	if (!is_private) {
		error = remap(file, "touch");
		if (error)
			tap_note("touch %s: %s", where, strerror(error));
		all->linear &= error == 0;
	}
	error = remap(file, "unmap");
	if (error)
		tap_note("unmap %s: %s", where, strerror(error));
	all->gone &= error == 0 && nobodys(span.start) && nobodys(span.end) && !*caching_of(span);
}

void test_type(int argc, char **argv)
{
	struct wanted wanted = read_arguments(argc, argv);
	bool is_private = strcmp(wanted.type, "MEMORY_DEVICE_PRIVATE") == 0;
	struct outcome all = { true, true, true, true, true, true };
	int file = remap_open();
	long free_before = 0, lost;
	unsigned int i;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		char where[64];

		for (i = 0; i < SHAPES; i++) {
			/* The memmap of these would not fit into its own 2 MiB. */
			if (wanted.altmap && i > 0)
				continue;
			snprintf(where, sizeof(where), "%#" PRIx64 "-%#" PRIx64, shapes[i].span.start, shapes[i].span.end);
			one_round(file, where, shapes[i].span, &wanted, &all);
		}
		if (is_private)
			one_round(file, "free:0x8000000", (struct span){ 0, 0 }, &wanted, &all);
		/* A first round keeps some memory for good: page tables, slabs. */
		if (round == 0)
			free_before = free_pages();
	}
	lost = free_before - free_pages();
	tap_ok(all.maps, "ranges of every shape are mapped, time and again");
	tap_ok(all.pages, "the first and the last page are of the type");
	tap_ok(all.alone, "their neighbours belong to nobody");
	if (!is_private)
		tap_ok(all.linear, "the first and the last page are in the linear map");
	tap_ok(all.cached, "the ranges are cached as the type wants it");
	tap_ok(all.gone, "what is unmapped has neither pages nor a caching attribute");
	/* One memmap of a section is 512 pages. */
	if (!tap_ok(lost < 256, "further rounds cost no memory"))
		tap_note("%ld pages less are free", lost);
	close(file);
	tap_done();
}
