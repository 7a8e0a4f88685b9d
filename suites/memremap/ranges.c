// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mapping of several ranges with gaps: whole or not at all. When its last range is refused, the ones before are
 * taken back.
 */
#include "remap.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <tap.h>
#include <unistd.h>

#define RANGES 3

static const struct span ranges[RANGES] = {
	SPAN(0, 128 * MIB),
	SPAN(192 * MIB, 2 * MIB),
	SPAN(320 * MIB, 64 * MIB),
};

static int map_all(int file, const char *type)
{
	return remap(file, "map %s %#" PRIx64 "-%#" PRIx64 " %#" PRIx64 "-%#" PRIx64 " %#" PRIx64 "-%#" PRIx64, type,
		     ranges[0].start, ranges[0].end, ranges[1].start, ranges[1].end, ranges[2].start, ranges[2].end);
}

static bool all_free(int count)
{
	bool all = true;
	int i;

	for (i = 0; i < count; i++)
		if (!is_free(ranges[i])) {
			tap_note("left behind: %s", page_at(ranges[i].start).line);
			all = false;
		}
	return all;
}

static bool each_is_own(const char *type)
{
	bool all = true;
	int i, end;

	for (i = 0; i < RANGES; i++)
		for (end = 0; end < 2; end++) {
			struct page_facts facts = page_at(end ? ranges[i].end : ranges[i].start);

			if (strcmp(facts.type, type) == 0 && strcmp(facts.zone, "Device") == 0 &&
			    facts.range.start == ranges[i].start && facts.range.end == ranges[i].end)
				continue;
			tap_note("range %d: %s", i + 1, facts.line);
			all = false;
		}
	return all;
}

static void one_type(const char *type)
{
	int file = remap_open(), in_the_way = remap_open();
	struct report report;
	int error, round;
	bool works = true, own = true, gaps = true, gone = true;

	error = remap(in_the_way, "map MEMORY_DEVICE_GENERIC %#" PRIx64 "-%#" PRIx64, ranges[2].start, ranges[2].end);
	if (error)
		tap_bail("nothing can be mapped at all: %s", strerror(error));
	listen_kernel();
	error = map_all(file, type);
	if (error == ENODEV) {
		tap_skip(type, "this tree does not have it");
		goto out;
	}
	report = heard("Conflicting mapping in same section", " memremap_pages pagemap_range ");
	if (!tap_ok(error == ENOMEM && report.warnings == 1 && report.said && !report.foreign,
		    "%s: a third range that overlaps is refused", type))
		tap_note("%s, %d WARNING: %s", error ? strerror(error) : "mapped", report.warnings, report.first);
	tap_ok(all_free(RANGES - 1), "%s: the first two ranges are taken back", type);
	tap_ok(strcmp(page_at(ranges[2].end).type, "MEMORY_DEVICE_GENERIC") == 0, "%s: what was in the way stays", type);
	remap(in_the_way, "unmap");

	listen_kernel();
	for (round = 0; round < 2; round++) {
		error = map_all(file, type);
		if (error)
			tap_note("%s", strerror(error));
		works &= error == 0;
		own &= each_is_own(type);
		gaps &= strcmp(page_at(ranges[0].end + 1).type, "none") == 0 &&
			strcmp(page_at(ranges[2].start - 1).type, "none") == 0;
		if (strcmp(type, "MEMORY_DEVICE_PRIVATE") != 0)
			works &= remap(file, "touch") == 0;
		gone &= remap(file, "unmap") == 0 && all_free(RANGES);
	}
	tap_ok(works, "%s: without that, it is mapped and works", type);
	tap_ok(own, "%s: every range has its own pages", type);
	tap_ok(gaps, "%s: gaps belong to nobody", type);
	tap_ok(gone, "%s: all of it goes", type);
	tap_ok(heard(NULL, NULL).warnings == 0, "%s: all that without a word of the kernel", type);
out:
	close(file);
	close(in_the_way);
}

void test_ranges(void)
{
	one_type("MEMORY_DEVICE_GENERIC");
	one_type("MEMORY_DEVICE_FS_DAX");
	one_type("MEMORY_DEVICE_PCI_P2PDMA");
	one_type("MEMORY_DEVICE_COHERENT");
	one_type("MEMORY_DEVICE_PRIVATE");
	tap_done();
}
