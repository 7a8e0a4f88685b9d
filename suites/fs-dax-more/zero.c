// SPDX-License-Identifier: GPL-2.0-only
/*
 * zero make|check FOLDER: a file for each of several ranges, in which that range is zeroed, punched or cut off and grown
 * again; with and without a mapping of it. `make` compares at once, `check` once more after the file system was mounted
 * again. What is right is told by a copy in RAM, to the byte, through read(2) and through a mapping.
 */
#define _GNU_SOURCE
#include <linux/falloc.h>
#include <sys/stat.h>
#include <tap.h>
#include <pages.h>

/* Two huge pages and a half page. */
enum { length = 4 * 1024 * 1024 + 2048 };

static const struct {
	uint64_t start, bytes;
} ranges[] = {
	{ 0, 4096 },		  /* the first page */
	{ 4096, 8192 },		  /* whole pages */
	{ 1, 1 },		  /* one byte */
	{ 4095, 2 },		  /* two, in two pages */
	{ 100, 3000 },		  /* within a page */
	{ 4096 * 7 + 512, 4096 }, /* parts of two pages */
	{ 8191, 4096 * 3 + 2 },	  /* a byte, three pages, a byte */
	{ 2 * MiB - 3, 6 },	  /* over a huge page's end */
	{ 2 * MiB, 2 * MiB },	  /* a huge page */
	{ 1 * MiB + 5, 2 * MiB }, /* parts of two huge pages */
	{ length - 2049, 2049 },  /* up to the end */
	{ 4097, length - 4097 },  /* almost everything */
};
#define RANGES (sizeof(ranges) / sizeof(*ranges))

enum { zero, punch, cut, ways };
static const char *const way_names[ways] = { "zeroed", "punched", "cut off and grown" };

static unsigned char *want, *got;

static void expected(unsigned int range, int way)
{
	uint64_t seed = range * ways + way + 1, end = ranges[range].start + ranges[range].bytes;

	stamp_all(want, seed, 0, (length + PAGE - 1) / PAGE);
	memset(want + ranges[range].start, 0, (way == cut ? length : end) - ranges[range].start);
}

/* Only as many words as it takes: the rest of the last page is beyond the file. */
static uint64_t differs(const unsigned char *is)
{
	uint64_t at = 0;

	while (at < length && is[at] == want[at])
		at++;
	return at;
}

static int same(const char *path, int fd, const unsigned char *mapped)
{
	struct stat st;
	uint64_t at;

	if (fstat(fd, &st) || st.st_size != length) {
		tap_note("%s: is %ld bytes long", path, (long)st.st_size);
		return 0;
	}
	if (pread(fd, got, length, 0) != length) {
		tap_note("%s: read(2): %s", path, strerror(errno));
		return 0;
	}
	at = differs(got);
	if (at < length) {
		tap_note("%s: byte %lu is %#x by read(2), not %#x", path, at, got[at], want[at]);
		return 0;
	}
	if (memcmp(mapped, want, length)) {
		at = differs(mapped);
		tap_note("%s: byte %lu is %#x in the mapping, not %#x", path, at, mapped[at], want[at]);
		return 0;
	}
	return 1;
}

static int change(int fd, unsigned int range, int way)
{
	uint64_t start = ranges[range].start, bytes = ranges[range].bytes;

	switch (way) {
	case zero:
		return fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, start, bytes);
	case punch:
		return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, bytes);
	}
	return ftruncate(fd, start) || ftruncate(fd, length);
}

/* One file: everything is stored through a mapping (or by write(2), and mapped only afterwards), and then changed. */
static int one(const char *folder, unsigned int range, int way, int mapping, int making)
{
	char path[128];
	unsigned char *at = MAP_FAILED;
	int fd, good;

	snprintf(path, sizeof(path), "%s/%u-%d-%d", folder, range, way, mapping);
	fd = open(path, O_RDWR | O_CLOEXEC | (making ? O_CREAT | O_TRUNC : 0), 0600);
	if (fd < 0)
		tap_bail("%s: %s", path, strerror(errno));
	expected(range, way);
	if (making) {
		stamp_all(got, range * ways + way + 1, 0, (length + PAGE - 1) / PAGE);
		if (mapping) {
			if (posix_fallocate(fd, 0, length))
				tap_bail("%s: no room", path);
			at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			if (at == MAP_FAILED)
				tap_bail("mmap of %s: %s", path, strerror(errno));
			memcpy(at, got, length);
		} else if (pwrite(fd, got, length, 0) != length) {
			tap_bail("%s: %s", path, strerror(errno));
		}
		if (change(fd, range, way)) {
			tap_note("%s: %s", path, strerror(errno));
			close(fd);
			return 0;
		}
	}
	if (at == MAP_FAILED)
		at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		tap_bail("mmap of %s: %s", path, strerror(errno));
	good = same(path, fd, at);
	/* Between the end of the file and that of its page there is nothing. */
	for (uint64_t i = length; i < (length + PAGE - 1) / PAGE * PAGE && !mapping; i++)
		if (at[i]) {
			tap_note("%s: byte %lu, behind the end, is %#x", path, i, at[i]);
			good = 0;
			break;
		}
	munmap(at, length);
	close(fd);
	return good;
}

int main(int argc, char **argv)
{
	int making;

	if (argc < 3)
		tap_bail("usage: zero make|check FOLDER");
	making = !strcmp(argv[1], "make");
	want = malloc(length + PAGE);
	got = malloc(length + PAGE);
	for (int way = 0; way < ways; way++)
		for (int mapping = 0; mapping < 2; mapping++) {
			int good = 1;

			for (unsigned int range = 0; range < RANGES; range++)
				good &= one(argv[2], range, way, mapping, making);
			tap_ok(good, "%s of %s files that is %s: exact to the byte",
			       making ? "a range" : "after mounting again, a range", mapping ? "mapped" : "written",
			       way_names[way]);
		}
	tap_done();
}
