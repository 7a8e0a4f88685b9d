// SPDX-License-Identifier: GPL-2.0-only
/*
 * more huge|reuse|share: files on the DAX file system at /mnt/dax whose mappings are huge and get split, whose blocks were
 * another file's a moment ago, and whose blocks are another file's still.
 * more end DEVICE NEIGHBOUR: the last bytes of a disk and the first of the one behind it.
 */
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <tap.h>
#include <pages.h>

/* Since 6.7 the page table can be asked for huge entries; older headers do not know that. */
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

struct scan_region {
	uint64_t start, end, categories;
};

#define SCAN _IOWR('f', 16, struct scan_arg)
#define SCAN_HUGE (1 << 6)

static int file(const char *name, uint64_t allocate)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/mnt/dax/%s", name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || (allocate && posix_fallocate(fd, 0, allocate)))
		tap_bail("%s: %s", path, strerror(errno));
	return fd;
}

/* At a multiple of 2 MiB, so that huge mappings are possible. */
static char *map(int fd, uint64_t bytes, int flags)
{
	char *room = mmap(NULL, bytes + 4 * MiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at = (char *)(((uintptr_t)room + 2 * MiB - 1) & ~(2 * MiB - 1));

	at = mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	if (at == MAP_FAILED)
		tap_bail("mmap: %s", strerror(errno));
	return at;
}

static int right(const char *what, const char *at, uint64_t seed, uint64_t first, uint64_t count)
{
	uint64_t where = 0, wrong = stamps_wrong(at, seed, first, count, &where);

	if (wrong)
		tap_note("%s: %lu of %lu pages hold something else, the first is %lu", what, wrong, count, where);
	return !wrong;
}

/* Bytes of the range that are mapped by huge entries, or -errno. */
static long huge_bytes(char *at, uint64_t bytes)
{
	struct scan_region found[64];
	struct scan_arg scan = { .size = sizeof(scan), .start = (uintptr_t)at, .end = (uintptr_t)at + bytes,
				 .vec = (uintptr_t)found, .vec_len = 64, .category_mask = SCAN_HUGE,
				 .return_mask = SCAN_HUGE };
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), count, err = errno;
	long sum = 0;

	count = ioctl(fd, SCAN, &scan);
	err = errno;
	close(fd);
	if (count < 0)
		return -err;
	for (int i = 0; i < count; i++)
		sum += found[i].end - found[i].start;
	return sum;
}

enum { huge_pages = 4096 };

/* A part of the file whose blocks lie in one 2 MiB piece; its number, or -1. */
static int in_one_piece(char *at, int from)
{
	uint64_t pfn[512];

	for (int k = from; k < huge_pages / 512; k++) {
		int i;

		page_frames(at + k * 2 * MiB, 512, pfn);
		for (i = 1; i < 512 && pfn[i] == pfn[0] + i;)
			i++;
		if (i == 512 && pfn[0] % 512 == 0)
			return k;
	}
	return -1;
}

static void huge(void)
{
	int fd = file("huge", huge_pages * PAGE), one, two;
	char *at = map(fd, huge_pages * PAGE, MAP_SHARED), *part;
	uint64_t value = 0;
	long got;

	stamp_all(at, 1, 0, huge_pages);
	one = in_one_piece(at, 0);
	two = one < 0 ? -1 : in_one_piece(at, one + 1);
	munmap(at, huge_pages * PAGE);
	if (two < 0) {
		tap_skip("huge mappings", "the file system gave no two blocks of 2 MiB in one piece");
		return;
	}
	at = map(fd, huge_pages * PAGE, MAP_SHARED);
	part = at + one * 2 * MiB;
	*(volatile uint64_t *)(part + 100 * PAGE) = stamp_word(1, one * 512 + 100, 0);
	got = huge_bytes(part, 2 * MiB);
	if (got == -ENOTTY || got == -EINVAL)
		tap_skip("one store maps 2 MiB", "this kernel does not tell (PAGEMAP_SCAN is of 6.7)");
	else if (!tap_ok(got == 2 * MiB, "one store maps 2 MiB"))
		tap_note("%ld bytes are mapped huge", got);
	tap_ok(right("huge", part, 1, one * 512, 512), "all of it is the file's");
	/* munmap(), mprotect() and madvise() of a part split it. */
	munmap(part + 200 * PAGE, 56 * PAGE);
	tap_ok(right("before", part, 1, one * 512, 200) && right("after", part + 256 * PAGE, 1, one * 512 + 256, 256),
	       "what is left of it after munmap(2) is too");
	got = huge_bytes(part, 2 * MiB);
	tap_ok(got <= 0, "and is not huge any more");
	part = at + two * 2 * MiB;
	*(volatile uint64_t *)part = stamp_word(1, two * 512, 0);
	mprotect(part + 64 * PAGE, 64 * PAGE, PROT_READ);
	tap_ok(fault_on(part + 70 * PAGE, 1, &value) == SIGSEGV && right("mprotect", part, 1, two * 512, 512),
	       "mprotect(2) of a part protects that part");
	value = stamp_word(1, two * 512 + 130, 0);
	tap_ok(fault_on(part + 130 * PAGE, 1, &value) == 0, "and no other");
	munmap(at, huge_pages * PAGE);

	at = map(fd, huge_pages * PAGE, MAP_PRIVATE);
	part = at + one * 2 * MiB;
	tap_ok(right("private", part, 1, one * 512, 512), "a private mapping shows the file");
	stamp(part + 77 * PAGE, 2, 77);
	tap_ok(stamped(part + 77 * PAGE, 2, 77) && right("private", part + 78 * PAGE, 1, one * 512 + 78, 400),
	       "and has a page of its own where it was written");
	munmap(at, huge_pages * PAGE);
	at = map(fd, huge_pages * PAGE, MAP_SHARED);
	tap_ok(right("file", at, 1, 0, huge_pages), "the file has not changed");
	munmap(at, huge_pages * PAGE);
	close(fd);
}

static int order(const void *a, const void *b)
{
	return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : *(const uint64_t *)a > *(const uint64_t *)b;
}

/* Fills most of the file system with one file. */
static uint64_t most(void)
{
	struct statvfs s;

	if (statvfs("/mnt/dax", &s))
		tap_bail("statvfs: %s", strerror(errno));
	return s.f_bavail * s.f_frsize / PAGE * 3 / 4;
}

static void reuse(void)
{
	uint64_t count = most(), where, *first = malloc(count * 8), *second = malloc(count * 8), again = 0;
	int good = 1, status = -1;
	pid_t child;

	for (int round = 0; round < 3; round++) {
		int one = file("one", count * PAGE), two;
		char *at = map(one, count * PAGE, MAP_SHARED);

		stamp_all(at, 10 + round, 0, count);
		page_frames(at, count, first);
		/* Deleted while it is mapped, by us and by a child that ends later: blocks stay until both are done. */
		unlink("/mnt/dax/one");
		close(one);
		child = fork();
		if (!child) {
			uint64_t wrong = stamps_wrong(at, 10 + round, 0, count, &where);

			usleep(20000);
			_exit(!!wrong);
		}
		good &= right("deleted file", at, 10 + round, 0, count);
		munmap(at, count * PAGE);
		waitpid(child, &status, 0);
		good &= status == 0;
		sync();
		two = file("two", count * PAGE);
		at = map(two, count * PAGE, MAP_SHARED);
		good &= zeroed(at, count * PAGE);
		stamp_all(at, 20 + round, 0, count);
		page_frames(at, count, second);
		good &= right("new file", at, 20 + round, 0, count);
		qsort(first, count, 8, order);
		qsort(second, count, 8, order);
		for (uint64_t i = 0, j = 0; i < count && j < count;) {
			again += first[i] == second[j];
			if (first[i] <= second[j])
				i++;
			else
				j++;
		}
		munmap(at, count * PAGE);
		if (ftruncate(two, 0))
			good = 0;
		close(two);
		unlink("/mnt/dax/two");
		sync();
	}
	tap_ok(good, "a deleted file keeps its data while it is mapped, and a new one has none of it");
	if (!tap_ok(again > count, "although it has the same blocks"))
		tap_note("%lu of %lu", again, 3 * count);
	free(first);
	free(second);
}

enum { shared_pages = 700 };

static void share(void)
{
	int one = file("one", 0), two = file("two", 0), other = file("other", 0);
	char *a, *b, *bytes = malloc(shared_pages * PAGE);
	struct {
		struct file_dedupe_range range;
		struct file_dedupe_range_info info;
	} same = { .range = { .src_length = shared_pages * PAGE, .dest_count = 1 } };
	int good;

	stamp_all(bytes, 3, 0, shared_pages);
	good = pwrite(one, bytes, shared_pages * PAGE, 0) == (ssize_t)(shared_pages * PAGE) &&
	       pwrite(two, bytes, shared_pages * PAGE, 0) == (ssize_t)(shared_pages * PAGE);
	stamp(bytes + 300 * PAGE, 4, 0);
	good &= pwrite(other, bytes, shared_pages * PAGE, 0) == (ssize_t)(shared_pages * PAGE);
	a = map(one, shared_pages * PAGE, MAP_SHARED);
	b = map(two, shared_pages * PAGE, MAP_SHARED);
	good &= right("one", a, 3, 0, shared_pages) && right("two", b, 3, 0, shared_pages);
	tap_ok(good && page_frame(a) != page_frame(b), "two equal files have blocks of their own");

	same.info.dest_fd = two;
	good = !ioctl(one, FIDEDUPERANGE, &same.range);
	if (!tap_ok(good && same.info.status == 0 && same.info.bytes_deduped == shared_pages * PAGE, "FIDEDUPERANGE finds them equal"))
		tap_note("%s, status %d, %llu bytes", strerror(errno), same.info.status, (unsigned long long)same.info.bytes_deduped);
	good = right("one", a, 3, 0, shared_pages) && right("two", b, 3, 0, shared_pages);
	tap_ok(good && page_frame(a + 99 * PAGE) == page_frame(b + 99 * PAGE), "live mappings show the shared blocks");
	same.info.dest_fd = other;
	same.info.bytes_deduped = 0;
	same.info.status = 0;
	good = !ioctl(one, FIDEDUPERANGE, &same.range);
	tap_ok(good && same.info.status == FILE_DEDUPE_RANGE_DIFFERS, "and files that differ in one page different");

	good = !fallocate(two, FALLOC_FL_UNSHARE_RANGE, 100 * PAGE + 123, 50 * PAGE);
	if (!good)
		tap_note("fallocate: %s", strerror(errno));
	good &= right("one", a, 3, 0, shared_pages) && right("two", b, 3, 0, shared_pages);
	tap_ok(good, "unsharing a part changes no data");
	good = page_frame(a + 120 * PAGE) != page_frame(b + 120 * PAGE) &&
	       page_frame(a + 200 * PAGE) == page_frame(b + 200 * PAGE);
	if (!tap_ok(good, "but gives that part blocks of its own"))
		for (int i = 80; i < 220; i += 20)
			tap_note("page %d: %#lx and %#lx", i, page_frame(a + i * PAGE), page_frame(b + i * PAGE));
	stamp(b + 120 * PAGE, 5, 0);
	stamp(b + 400 * PAGE, 5, 1);
	tap_ok(right("one", a, 3, 0, shared_pages), "stores to one file do not show in the other");
	good = stamped(b + 120 * PAGE, 5, 0) && stamped(b + 400 * PAGE, 5, 1) && right("two", b + 401 * PAGE, 3, 401, 299) &&
	       right("two", b + 121 * PAGE, 3, 121, 279);
	tap_ok(good, "and change one page each");
	/* A child that has its private copy of a shared block. */
	good = !ftruncate(one, 10 * PAGE) && !ftruncate(one, shared_pages * PAGE) &&
	       zeroed(a + 10 * PAGE, (shared_pages - 10) * PAGE) && right("two", b + 200 * PAGE, 3, 200, 200);
	tap_ok(good, "truncating one file leaves the blocks to the other");
	munmap(a, shared_pages * PAGE);
	munmap(b, shared_pages * PAGE);
	close(one);
	close(two);
	close(other);
	free(bytes);
}

static void end(const char *device, const char *neighbour)
{
	char path[64], *pages = aligned_alloc(PAGE, 4 * PAGE), *before = aligned_alloc(PAGE, PAGE);
	uint64_t size = 0;
	int fd, next, good;

	snprintf(path, sizeof(path), "/dev/%s", device);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	snprintf(path, sizeof(path), "/dev/%s", neighbour);
	next = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0 || next < 0 || ioctl(fd, BLKGETSIZE64, &size))
		tap_bail("%s: %s", path, strerror(errno));
	stamp(before, 6, 0);
	good = pwrite(next, before, PAGE, 0) == (ssize_t)PAGE;
	stamp_all(pages, 7, 0, 4);
	good &= pwrite(fd, pages, 4 * PAGE, size - 2 * PAGE) == (ssize_t)(2 * PAGE);
	tap_ok(good, "a write over the end of the disk is short");
	errno = 0;
	tap_ok(pwrite(fd, pages, PAGE, size) < 0 && errno == ENOSPC, "and one behind it finds no space");
	tap_ok(pread(fd, pages, 4 * PAGE, size - 2 * PAGE) == (ssize_t)(2 * PAGE) && right("end", pages, 7, 0, 2),
	       "the last pages are there");
	tap_ok(pread(next, before, PAGE, 0) == (ssize_t)PAGE && stamped(before, 6, 0), "the next disk is not touched");
	close(fd);
	close(next);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "huge"))
		huge();
	else if (!strcmp(what, "reuse"))
		reuse();
	else if (!strcmp(what, "share"))
		share();
	else if (!strcmp(what, "end") && argc > 3)
		end(argv[2], argv[3]);
	else
		tap_bail("usage: more huge|reuse|share|end DEVICE NEIGHBOUR");
	tap_done();
}
