// SPDX-License-Identifier: GPL-2.0-only
/* T21, first half: what sysfs, the memory type list and pgmap_probe say about a controller memory buffer at rest. */
#include "tests.h"

#include "p2pmem.h"
#include "tap.h"

static bool line_is_p2pdma(const char *line, const struct nvme *nvme)
{
	char range[96];

	snprintf(range, sizeof(range), " start=%#llx end=%#llx", (unsigned long long)nvme->start,
		 (unsigned long long)nvme->end);
	return strstr(line, " type=MEMORY_DEVICE_PCI_P2PDMA ") && strstr(line, " zone=Device ") &&
	       strstr(line, range);
}

/* The page before and the page after the buffer are no part of it. */
static void check_pages(const struct nvme *nvme)
{
	const uint64_t first = nvme->start / PAGE, last = nvme->end / PAGE;
	const uint64_t inside[] = { first, first + 1, (first + last) / 2, last - 1, last };
	const uint64_t outside[] = { first - 1, last + 1 };
	char *line = probe_line(first);
	int wrong = 0;

	if (!line) {
		tap_skip("pages of the buffer are ZONE_DEVICE pages of type MEMORY_DEVICE_PCI_P2PDMA", "no pgmap_probe");
		return;
	}
	free(line);
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		line = probe_line(inside[i]);
		if (!line_is_p2pdma(line, nvme)) {
			wrong++;
			tap_note("%s", line);
		}
		free(line);
	}
	tap_ok(!wrong, "pages of the buffer are ZONE_DEVICE pages of type MEMORY_DEVICE_PCI_P2PDMA");
	wrong = 0;
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		line = probe_line(outside[i]);
		if (strstr(line, " type=MEMORY_DEVICE_")) {
			wrong++;
			tap_note("%s", line);
		}
		free(line);
	}
	tap_ok(!wrong, "the pages before and after the buffer are not device pages");
}

static void check_coverage(const struct nvme *nvme)
{
	struct coverage seen;

	if (!coverage_get(&seen)) {
		tap_skip("each mapping covers the buffer and one is live", "no pgmap_probe");
		return;
	}
	if (!tap_ok(seen.mappings == seen.unmapped + 1 && seen.failed == 0 &&
			    seen.pages == seen.mappings * (long long)(bar_size(nvme) / PAGE),
		    "each mapping covers the buffer and one is live"))
		tap_note("mappings=%lld unmapped=%lld failed=%lld pages=%lld, buffer of %llu pages", seen.mappings,
			 seen.unmapped, seen.failed, seen.pages, (unsigned long long)bar_size(nvme) / PAGE);
}

/* The driver keeps submission queues in the buffer: the kernel's own use of peer-to-peer memory. */
static void check_disk(const struct nvme *nvme)
{
	const uint64_t seed = time(NULL), count = 16, rounds = 8;
	char *buffer = aligned_alloc(PAGE, count * PAGE);
	int fd = open(nvme->disk, O_RDWR | O_DIRECT | O_CLOEXEC);
	uint64_t wrong = 0, where = 0;

	if (fd < 0 || !buffer)
		tap_bail("open %s: %s", nvme->disk, strerror(errno));
	for (uint64_t i = 0; i < rounds && !wrong; i++) {
		stamp_all(buffer, seed, i * count, count);
		wrong = pwrite(fd, buffer, count * PAGE, i * count * PAGE) != (ssize_t)(count * PAGE);
	}
	for (uint64_t i = 0; i < rounds && !wrong; i++)
		wrong = pread(fd, buffer, count * PAGE, i * count * PAGE) != (ssize_t)(count * PAGE) ||
			stamps_wrong(buffer, seed, i * count, count, &where);
	tap_ok(!wrong, "the disk works with its queues in the buffer");
	close(fd);
	free(buffer);
}

void test_numbers(void)
{
	struct nvme nvme = nvme_find(PROVIDER);
	long long size = p2pmem_number(&nvme, "size"), available = p2pmem_number(&nvme, "available");
	int uncached = is_uncached(&nvme);

	if (!tap_ok(size == (long long)bar_size(&nvme), "size is the size of the buffer's BAR"))
		tap_note("size %lld, BAR %llu", size, (unsigned long long)bar_size(&nvme));
	if (!tap_ok(available > 0 && available <= size && available % PAGE == 0,
		    "available is at most size and a number of whole pages"))
		tap_note("size %lld, available %lld", size, available);
	tap_ok(p2pmem_number(&nvme, "published") == 1, "the memory is published");
	if (uncached < 0)
		tap_skip("the kernel maps the buffer uncached-minus", "no list of memory types in debugfs");
	else
		tap_ok(uncached, "the kernel maps the buffer uncached-minus");
	check_pages(&nvme);
	check_coverage(&nvme);
	check_disk(&nvme);
	tap_done();
}
