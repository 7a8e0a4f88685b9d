// SPDX-License-Identifier: GPL-2.0-only
/*
 * T21 and T69: `available` follows every page that is mapped and given back, whichever way it comes back, and each
 * page is then as it was before.
 */
#include "tests.h"

#include <sys/wait.h>

#include "p2pmem.h"
#include "tap.h"

#define COUNT 16
#define CHUNK (1024 * PAGE)

static struct nvme nvme;
static long long at_rest;

/* Whether the pool lacks so many bytes, with a note if not. */
static bool lacks(long long bytes)
{
	long long available = p2pmem_number(&nvme, "available");

	if (available == at_rest - bytes)
		return true;
	tap_note("available is %lld, %lld less than at rest; %lld are mapped", available, at_rest - available, bytes);
	return false;
}

/* Placement and reference counts of single pages, over one mapping's life. */
static void check_pages(void)
{
	char *memory = p2pmem_map(&nvme, COUNT * PAGE);
	uint64_t pfns[COUNT];
	int outside = 0, twice = 0, changed = 0;

	if (!memory)
		tap_bail("mmap: %s", strerror(errno));
	fill(memory, PAGE, 1);
	for (int i = 0; i < COUNT; i++) {
		pfns[i] = page_frame(memory + i * PAGE);
		outside += pfns[i] < nvme.start / PAGE || pfns[i] > nvme.end / PAGE;
		for (int j = 0; j < i; j++)
			twice += pfns[j] == pfns[i];
	}
	tap_ok(!outside, "mapped pages lie in the buffer's BAR");
	tap_ok(!twice, "no page is mapped twice");
	tap_ok(lacks(COUNT * PAGE), "available falls by what is mapped");

	munmap(memory + 3 * PAGE, PAGE);
	munmap(memory + 7 * PAGE, 2 * PAGE);
	tap_ok(lacks((COUNT - 3) * PAGE), "pages from the middle of a mapping are available again");
	munmap(memory, COUNT * PAGE);
	tap_ok(lacks(0), "all pages are available again after munmap");

	/* The measure is the buffer's last page: nothing before the exhaustion below gets that far. */
	if (page_refs(nvme.end / PAGE) < 0) {
		tap_skip("pages given back have the reference count of pages never used", "no pgmap_probe");
		return;
	}
	for (int i = 0; i < COUNT; i++)
		if (page_refs(pfns[i]) != page_refs(nvme.end / PAGE)) {
			changed++;
			tap_note("PFN %#llx: %lld", (unsigned long long)pfns[i], page_refs(pfns[i]));
		}
	if (!tap_ok(!changed, "pages given back have the reference count of pages never used"))
		tap_note("never used: %lld", page_refs(nvme.end / PAGE));
}

/* The first to unmap must not take the page from the other. */
static void check_fork(void)
{
	char *memory = p2pmem_map(&nvme, 4 * PAGE);
	int status = -1;
	pid_t child;

	if (!memory)
		tap_bail("mmap: %s", strerror(errno));
	fill(memory, PAGE, 2);
	child = fork();
	if (child == 0) {
		bool right = mismatch(memory, PAGE, 2) < 0;

		fill(memory, PAGE, 3);
		_exit(!right);
	}
	waitpid(child, &status, 0);
	tap_ok(status == 0 && mismatch(memory, PAGE, 3) < 0, "a child shares the memory");
	tap_ok(lacks(4 * PAGE), "a child's exit leaves the parent's pages allocated");
	munmap(memory, 4 * PAGE);
	tap_ok(lacks(0), "the last one to unmap gives the pages back");
}

static void check_exhaustion(void)
{
	/* The buffer is 64 MiB; other sizes are cut to what fits here. */
	char *chunks[256];
	int count = 0, wrong = 0;

	while (count < 256 && (chunks[count] = p2pmem_map(&nvme, CHUNK))) {
		*(volatile uint64_t *)chunks[count] = 0x100 + count;
		count++;
	}
	if (!tap_ok(count > 0 && (count == 256 || (errno == ENOMEM && p2pmem_number(&nvme, "available") < (long long)(2 * CHUNK))),
		    "the whole pool can be mapped, then ENOMEM"))
		tap_note("%d chunks of %lu bytes, then %s; available is %lld", count, CHUNK, strerror(errno),
			 p2pmem_number(&nvme, "available"));
	for (int i = 0; i < count; i++)
		wrong += *(volatile uint64_t *)chunks[i] != (uint64_t)(0x100 + i);
	tap_ok(!wrong, "no two mappings share memory");
	for (int i = 1; i < count; i += 2)
		munmap(chunks[i], CHUNK);
	for (int i = 0; i < count; i += 2)
		munmap(chunks[i], CHUNK);
	tap_ok(lacks(0), "all of it is available again");
}

void test_pool(void)
{
	nvme = nvme_find(PROVIDER);
	at_rest = p2pmem_number(&nvme, "available");
	check_pages();
	check_fork();
	check_exhaustion();
	tap_done();
}
