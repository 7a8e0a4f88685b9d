// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the page table and the page know besides the contents: dirty, soft-dirty, locked. It must survive the way to a
 * device and home, and a way that ends at once because somebody holds the page.
 */
#include <sys/uio.h>
#include <sys/utsname.h>
#include <tap.h>
#include "more.h"

enum { pagemap_soft_dirty = 55, held = 16 };

static struct dmirror *const devices[] = { &private, &coherent };
static const char *const names[] = { "private", "coherent" };

/* A pipe that holds a reference to each of the first pages: they cannot be migrated. */
static void hold(int pipe_ends[2], char *at)
{
	struct iovec all = { at, held * PAGE };

	if (pipe(pipe_ends) || vmsplice(pipe_ends[1], &all, 1, 0) != (ssize_t)(held * PAGE))
		tap_bail("vmsplice: %s", strerror(errno));
}

static void release(int pipe_ends[2])
{
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static uint64_t zero_pages(const char *at)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < pages; i++)
		count += zeroed(at + i * PAGE, PAGE);
	return count;
}

/*
 * A page after MADV_FREE may be dropped until it is written again: the dirty bit of its entry is all that tells. A
 * migration that forgets the bit loses the page at the next reclaim.
 */
void lazily_freed(void)
{
	char *at = buffer(pages);
	uint64_t dropped, moved;
	int ends[2];

	stamp_all(at, 20, 0, pages);
	madvise(at, pages * PAGE, MADV_FREE);
	madvise(at, pages * PAGE, MADV_PAGEOUT);
	dropped = zero_pages(at);
	if (!tap_ok(dropped > pages / 2, "pages that are free to go are dropped"))
		tap_note("%lu of %d", dropped, pages);
	munmap(at, pages * PAGE);

	for (int kind = 0; kind < 2; kind++) {
		at = buffer(pages);
		stamp_all(at, 21, 0, pages);
		madvise(at, pages * PAGE, MADV_FREE);
		stamp_all(at, 22, 0, pages);
		to_device(devices[kind], at, pages);
		moved = on_device(devices[kind], at, pages);
		if (!tap_ok(moved == pages, "%s: pages that were written again go to the device", names[kind]))
			tap_note("%lu of %d", moved, pages);
		dmirror_do(devices[kind], HMM_DMIRROR_MIGRATE_TO_SYS, at, pages, NULL);
		madvise(at, pages * PAGE, MADV_PAGEOUT);
		tap_ok(right(at, 22, 0, pages), "%s: and are not dropped when they are home", names[kind]);

		stamp_all(at, 23, 0, pages);
		madvise(at, pages * PAGE, MADV_FREE);
		stamp_all(at, 24, 0, pages);
		hold(ends, at);
		to_device(devices[kind], at, pages);
		moved = on_device(devices[kind], at, held);
		if (!tap_ok(moved == 0, "%s: pages that are held do not go", names[kind]))
			tap_note("%lu of %d went", moved, held);
		release(ends);
		madvise(at, held * PAGE, MADV_PAGEOUT);
		tap_ok(right(at, 24, 0, pages), "%s: and are not dropped when they are let go", names[kind]);
		munmap(at, pages * PAGE);
	}
}

/* Every second page is written after the bits were cleared. How many of those have the bit, and of the others. */
static void count_soft_dirty(const char *at, uint64_t *written, uint64_t *others)
{
	*written = *others = 0;
	for (uint64_t i = 0; i < pages; i++)
		*(i % 2 ? others : written) += with_bit(at + i * PAGE, 1, pagemap_soft_dirty);
}

/* 6.1 marks pages of a failed migration that were not written, which is allowed; 6.12 and 7.3 mark none. */
static int marks_more(void)
{
	int major = 0, minor = 0;
	struct utsname name;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 && major * 100 + minor < 612;
}

/* Documentation/admin-guide/mm/soft-dirty.rst */
void soft_dirty(void)
{
	uint64_t written, others;
	int ends[2];

	for (int kind = 0; kind < 2; kind++) {
		char *at = buffer(pages);

		stamp_all(at, 25, 0, pages);
		if (write_to("/proc/self/clear_refs", "4"))
			tap_bail("clear_refs: %s", strerror(errno));
		for (uint64_t i = 0; i < pages; i += 2)
			stamp(at + i * PAGE, 25, i);
		count_soft_dirty(at, &written, &others);
		if (!kind && (written != pages / 2 || others)) {
			tap_skip("soft-dirty", "%lu and %lu of %d bits: not tracked here", written, others, pages / 2);
			return;
		}
		hold(ends, at);
		to_device(devices[kind], at, held);
		release(ends);
		count_soft_dirty(at, &written, &others);
		if (!tap_ok(written == pages / 2 && (!others || marks_more()), "%s: a migration that fails changes no bit",
			    names[kind]))
			tap_note("%lu and %lu of %d", written, others, pages / 2);
		to_device(devices[kind], at, pages);
		tap_ok(on_device(devices[kind], at, pages) == pages, "%s: the pages go to the device", names[kind]);
		count_soft_dirty(at, &written, &others);
		if (!tap_ok(written == pages / 2, "%s: what was written is still soft-dirty there", names[kind]))
			tap_note("%lu of %d", written, pages / 2);
		dmirror_do(devices[kind], HMM_DMIRROR_MIGRATE_TO_SYS, at, pages, NULL);
		count_soft_dirty(at, &written, &others);
		if (!tap_ok(written == pages / 2, "%s: and at home", names[kind]))
			tap_note("%lu of %d", written, pages / 2);
		tap_ok(right(at, 25, 0, pages), "%s: with its data", names[kind]);
		munmap(at, pages * PAGE);
	}
}

/* Each CPU puts pages off that it is to lock or unlock, up to a batch: drop_caches makes all of them do it. */
static long locked_pages(void)
{
	write_to("/proc/sys/vm/drop_caches", "1");
	return vmstat("nr_mlock");
}

/* Locked pages count for as long as their process has them, wherever they are. */
void locked(void)
{
	for (int kind = 0; kind < 2; kind++) {
		char *at = buffer(pages);
		long before = locked_pages(), home, after;
		uint64_t moved;

		if (mlock(at, pages * PAGE))
			tap_bail("mlock: %s", strerror(errno));
		stamp_all(at, 26, 0, pages);
		to_device(devices[kind], at, pages);
		moved = on_device(devices[kind], at, pages);
		tap_note("%lu of %d locked pages went", moved, pages);
		tap_ok(right(at, 26, 0, pages), "%s: locked pages keep their data", names[kind]);
		dmirror_do(devices[kind], HMM_DMIRROR_MIGRATE_TO_SYS, at, pages, NULL);
		home = locked_pages();
		if (!tap_ok(home == before + pages, "%s: at home they are locked again", names[kind]))
			tap_note("%ld locked pages, %ld before", home, before);
		to_device(devices[kind], at, pages);
		munmap(at, pages * PAGE);
		after = locked_pages();
		if (!tap_ok(after == before, "%s: without their process they are not", names[kind]))
			tap_note("%ld locked pages, %ld before", after, before);
	}
}
