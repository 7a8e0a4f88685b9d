// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that memremap_pages() must refuse: with the right error, with the one WARNING that belongs to it, and without
 * anything left behind. Source: memremap_pages() and pagemap_range(), mm/memremap.c.
 */
#include "remap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <tap.h>
#include <unistd.h>

#define REMAP " memremap_pages pagemap_range devmap_managed_enable_get "
#define ADD " __add_pages add_pages arch_add_memory check_pfn_span "

struct refusal {
	const char *name;
	const char *request;
	struct span span; /* must belong to nobody afterwards; end 0: not looked at */
	int error, other_error; /* other_error 0: only the first */
	const char *said; /* NULL: it must be silent */
	const char *functions;
	int most; /* WARNINGs; there must be one at least if said is set */
};

#define FREE_SPAN SPAN(0, 128 * MIB)
#define GENERIC "map MEMORY_DEVICE_GENERIC "

/* What is live meanwhile: 0x128000000-0x12fffffff. */
static const struct span live = SPAN(128 * MIB, 128 * MIB);

static const struct refusal refusals[] = {
	/* Type 0 only warns: that it is RAM is what is refused. */
	{ "a type that was never set is complained about", "map 0 0x100000000-0x107ffffff", { 0, 0 }, ENXIO, EINVAL,
	  "Invalid pgmap type 0", REMAP, 2 },
	{ "private memory without operations", "map MEMORY_DEVICE_PRIVATE without=ops 0x120000000-0x127ffffff", FREE_SPAN,
	  EINVAL, 0, "Missing migrate_to_ram method", REMAP, 1 },
	{ "private memory that cannot migrate back", "map MEMORY_DEVICE_PRIVATE without=migrate 0x120000000-0x127ffffff",
	  FREE_SPAN, EINVAL, 0, "Missing migrate_to_ram method", REMAP, 1 },
	{ "private memory that cannot be freed", "map MEMORY_DEVICE_PRIVATE without=free 0x120000000-0x127ffffff", FREE_SPAN,
	  EINVAL, 0, "_free method", REMAP, 1 },
	{ "private memory without an owner", "map MEMORY_DEVICE_PRIVATE without=owner 0x120000000-0x127ffffff", FREE_SPAN,
	  EINVAL, 0, "Missing owner", REMAP, 1 },
	/* Without any operations at all, up to 7.3 dereferences NULL: not asked here. */
	{ "coherent memory that cannot be freed", "map MEMORY_DEVICE_COHERENT without=free 0x120000000-0x127ffffff",
	  FREE_SPAN, EINVAL, 0, "_free method", REMAP, 1 },
	{ "coherent memory without an owner", "map MEMORY_DEVICE_COHERENT without=owner 0x120000000-0x127ffffff", FREE_SPAN,
	  EINVAL, 0, "Missing owner", REMAP, 1 },
	{ "no range at all", GENERIC "nr=0 0x120000000-0x127ffffff", FREE_SPAN, EINVAL, 0, "nr_range must be specified",
	  REMAP, 1 },
	{ "a range in RAM", GENERIC "0x100000000-0x107ffffff", { 0, 0 }, ENXIO, 0, "attempted on ram region", REMAP, 1 },
	{ "a range half in RAM", GENERIC "0x118000000-0x127ffffff", FREE_SPAN, ENXIO, 0, "attempted on mixed region", REMAP,
	  1 },
	{ "a start off its 2 MiB", "map MEMORY_DEVICE_PRIVATE 0x120100000-0x127ffffff", FREE_SPAN, EINVAL, 0, "isaligned",
	  ADD, 2 },
	{ "a size off its 2 MiB", "map MEMORY_DEVICE_PRIVATE 0x120000000-0x1200fffff", FREE_SPAN, EINVAL, 0, "isaligned",
	  ADD, 2 },
	{ "a start in a live mapping", GENERIC "0x12fe00000-0x137ffffff", SPAN(256 * MIB, 128 * MIB), ENOMEM, 0,
	  "Conflicting mapping in same section", REMAP, 1 },
	{ "an end in a live mapping", GENERIC "0x120000000-0x1281fffff", FREE_SPAN, ENOMEM, 0,
	  "Conflicting mapping in same section", REMAP, 1 },
	{ "a range inside a live mapping", GENERIC "0x12a000000-0x12bffffff", { 0, 0 }, ENOMEM, 0,
	  "Conflicting mapping in same section", REMAP, 1 },
	{ "a live mapping once more", "map MEMORY_DEVICE_FS_DAX 0x128000000-0x12fffffff", { 0, 0 }, ENOMEM, 0,
	  "Conflicting mapping in same section", REMAP, 1 },
	{ "a memmap in the first of two ranges", GENERIC "altmap=1024 0x120000000-0x121ffffff 0x130000000-0x131ffffff",
	  FREE_SPAN, EINVAL, 0, "altmap not supported for multiple ranges", REMAP, 1 },
	/* Where physical addresses end: 2^46 or, with five levels of page tables, 2^52. */
	{ "a range beyond all physical addresses", GENERIC "0x10000000000000-0x10000007ffffff",
	  { 0x10000000000000, 0x10000007ffffff }, EINVAL, ERANGE, NULL, NULL, 0 },
	{ "private memory beyond all physical addresses", "map MEMORY_DEVICE_PRIVATE 0x10000000000000-0x10000007ffffff",
	  { 0x10000000000000, 0x10000007ffffff }, EINVAL, ERANGE, NULL, NULL, 0 },
};

/* WARN_ONCE() once more. */
static void warn_again(void)
{
	int file = open("/sys/kernel/debug/clear_warn_once", O_WRONLY);

	if (file < 0 || write(file, "1", 1) != 1)
		tap_bail("WARN_ONCE() cannot be cleared: %s", strerror(errno));
	close(file);
}

static bool live_is_whole(void)
{
	struct page_facts first = page_at(live.start), last = page_at(live.end);

	return strcmp(first.type, "MEMORY_DEVICE_GENERIC") == 0 && strcmp(last.type, "MEMORY_DEVICE_GENERIC") == 0 &&
	       first.range.end == live.end && last.range.start == live.start;
}

static void refuse(const struct refusal *one)
{
	int file = remap_open();
	struct report report;
	bool right_error, right_words, tidy;
	int error;

	warn_again();
	listen_kernel();
	error = remap(file, "%s", one->request);
	report = heard(one->said, one->functions);
	close(file);
	if (error == ENODEV) {
		tap_skip(one->name, "this tree has no such type");
		return;
	}
	right_error = error && (error == one->error || error == one->other_error);
	right_words = report.warnings <= one->most && !report.foreign && (!one->said || (report.said && report.warnings));
	tidy = (one->span.end == 0 || is_free(one->span)) && live_is_whole();
	if (!right_error)
		tap_note("want %s, got %s", strerror(one->error), error ? strerror(error) : "success");
	if (!right_words)
		tap_note("want %s, %d WARNING at most; got %d WARNING: %s", one->said ? one->said : "silence", one->most,
			 report.warnings, report.first);
	if (!tidy)
		tap_note("left behind: %s", page_at(one->span.start).line);
	tap_ok(right_error && right_words && tidy, "%s", one->name);
}

void test_refusals(void)
{
	int holder = remap_open();
	int error = remap(holder, GENERIC "%#" PRIx64 "-%#" PRIx64, live.start, live.end);
	unsigned int i;

	if (error)
		tap_bail("nothing can be mapped at all: %s", strerror(error));
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		refuse(&refusals[i]);

	listen_kernel();
	tap_ok(remap(holder, "touch") == 0 && remap(holder, "unmap") == 0, "what was live all the time still works and goes");
	error = remap(holder, GENERIC "%#llx-%#llx", BASE, BASE + BASE_SIZE - 1);
	if (!tap_ok(error == 0, "all of it can be mapped now"))
		tap_note("%s", strerror(error));
	tap_ok(remap(holder, "touch") == 0 && remap(holder, "unmap") == 0, "and used, and unmapped");
	tap_ok(heard(NULL, NULL).warnings == 0, "all that without a word of the kernel");
	close(holder);
	tap_done();
}
