// SPDX-License-Identifier: GPL-2.0-only
/*
 * writes DISK FILE LIST: blocks of a DAX file, or of the disk itself (with direct I/O), are put on the disk's list of bad
 * ones and are written to: alone, in part, and within a longer write. Whether that clears the error depends on the
 * hardware (ACPI's Clear Uncorrectable Error); either way what a write says is true: what it has taken is there and is
 * good, what it has not taken stays bad, and no other page changes. Which pages were taken goes to LIST.
 * writes - FILE LIST: later, when the list of bad blocks is gone: every page holds what was written to it last.
 */
#define _GNU_SOURCE
#include <tap.h>
#include <pages.h>

enum { pages = 1024, window = 8 };

/* Pages with errors; a test each, and 32 pages for each. */
enum { alone, part, within, tests };
static const char *const names[tests] = { "a bad page", "a part of a bad page", "a bad page within others" };

static int bad_page(int test)
{
	return test * 32 + 19;
}

/* What a page holds: 0, what it had first (seed 1); 2, what was written to it (seed 2); 1, a write failed in it. */
static unsigned char taken[pages];
static char buffer[pages * PAGE] __attribute__((aligned(PAGE)));

static void make_bad(const char *disk, uint64_t sector)
{
	char path[96], text[64];
	int err;

	snprintf(path, sizeof(path), "/sys/block/%s/badblocks", disk);
	snprintf(text, sizeof(text), "%lu 8", sector);
	err = write_to(path, text);
	if (err)
		tap_bail("%s to %s: %s", text, path, strerror(-err));
}

static int is_listed(const char *disk, uint64_t sector)
{
	char path[96];
	uint64_t start, count;
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/badblocks", disk);
	f = fopen(path, "r");
	while (f && fscanf(f, "%lu %lu", &start, &count) == 2)
		found |= start <= sector && sector < start + count;
	if (f)
		fclose(f);
	return found;
}

static int others_same(int fd)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));

	for (int i = 0; i < pages; i++) {
		int bad = i < tests * 32 && i == bad_page(i / 32);

		if (bad || taken[i] == 1)
			continue;
		if (pread(fd, page, PAGE, i * PAGE) != (ssize_t)PAGE || !stamped(page, taken[i] ? taken[i] : 1, i)) {
			tap_note("page %d is not what was written last, seed %d", i, taken[i]);
			return 0;
		}
	}
	return 1;
}

static int try_write(int test, int fd, int direct, const char *disk, uint64_t sector)
{
	int bad = bad_page(test), first = bad, count = 1, size = PAGE;
	ssize_t done;

	if (test == within)
		first = bad - 3, count = window, size = window * PAGE;
	if (test == part)
		size = 512;
	stamp_all(buffer, 2, first, count);
	errno = 0;
	done = pwrite(fd, buffer, size, first * PAGE);
	tap_note("%s: %zd of %d bytes%s%s", names[test], done, size, done < 0 ? ", " : "", done < 0 ? strerror(errno) : "");
	if (done < 0 && errno != EIO && errno != EFAULT)
		return 0;
	for (int i = 0; i < count; i++) {
		int64_t has = done - (int64_t)(i * PAGE);

		if (has >= (int64_t)PAGE)
			taken[first + i] = 2;
		/* A disk that ends a transfer with an error may have taken pages around the bad one. */
		else if (has > 0 || first + i == bad || direct)
			taken[first + i] = 1;
	}
	if (test == part && done == size)
		taken[bad] = 1;
	/* Good again as soon as it is said to be written; else still bad. */
	return done == size ? !is_listed(disk, sector) : is_listed(disk, sector) && taken[bad] == 1;
}

static void save(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(taken, 1, pages, f) != pages || fclose(f))
		tap_bail("%s: %s", path, strerror(errno));
}

static void load(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f || fread(taken, 1, pages, f) != pages)
		tap_bail("%s: %s", path, strerror(errno));
	fclose(f);
}

static void later(int fd)
{
	uint64_t wrong = 0, where = 0;

	if (!tap_ok(pread(fd, buffer, sizeof(buffer), 0) == (ssize_t)sizeof(buffer), "all pages can be read again"))
		tap_note("%s", strerror(errno));
	for (int i = 0; i < pages; i++)
		if (taken[i] != 1)
			wrong += stamps_wrong(buffer + i * PAGE, taken[i] ? taken[i] : 1, i, 1, &where);
	if (!tap_ok(!wrong, "those that no write failed in hold what was written last"))
		tap_note("%lu are wrong, the last is %lu", wrong, where);
	stamp_all(buffer, 3, 0, pages);
	tap_ok(pwrite(fd, buffer, sizeof(buffer), 0) == (ssize_t)sizeof(buffer) && !fsync(fd), "all can be written");
	memset(buffer, 0, sizeof(buffer));
	tap_ok(pread(fd, buffer, sizeof(buffer), 0) == (ssize_t)sizeof(buffer) &&
		       !stamps_wrong(buffer, 3, 0, pages, &where),
	       "and hold that");
}

/* The disk's sector behind a page of the file, or of the disk itself. */
static uint64_t sector_of(int fd, int direct, const char *disk, int page)
{
	uint64_t sector;
	char *at;

	if (direct)
		return page * PAGE / 512;
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page * PAGE);
	if (at == MAP_FAILED)
		tap_bail("mmap: %s", strerror(errno));
	(void)*(volatile char *)at;
	sector = (page_frame(at) * PAGE - number_in(0, "/sys/block/%s/device/resource", disk)) / 512;
	munmap(at, PAGE);
	return sector;
}

int main(int argc, char **argv)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	uint64_t sector[tests], wrong = 0;
	int fd, direct;

	if (argc < 4)
		tap_bail("usage: writes DISK|- FILE LIST");
	direct = !strncmp(argv[2], "/dev/", 5);
	fd = open(argv[2], O_RDWR | O_CLOEXEC | (direct ? O_DIRECT : O_CREAT), 0600);
	if (fd < 0)
		tap_bail("%s: %s", argv[2], strerror(errno));
	if (!strcmp(argv[1], "-")) {
		load(argv[3]);
		later(fd);
		tap_done();
	}
	stamp_all(buffer, 1, 0, pages);
	if (pwrite(fd, buffer, sizeof(buffer), 0) != (ssize_t)sizeof(buffer) || fsync(fd))
		tap_bail("%s: %s", argv[2], strerror(errno));
	for (int i = 0; i < tests; i++)
		sector[i] = sector_of(fd, direct, argv[1], bad_page(i));
	for (int i = 0; i < tests; i++)
		make_bad(argv[1], sector[i]);
	for (int i = 0; i < tests; i++) {
		errno = 0;
		wrong += pread(fd, page, PAGE, bad_page(i) * PAGE) >= 0 || errno != EIO;
	}
	tap_ok(!wrong, "the pages cannot be read");
	tap_ok(others_same(fd), "all others can");
	for (int i = 0; i < tests; i++) {
		tap_ok(try_write(i, fd, direct, argv[1], sector[i]), "%s: what the write says is so", names[i]);
		tap_ok(others_same(fd), "%s: no other page changes", names[i]);
	}
	save(argv[3]);
	tap_done();
}
