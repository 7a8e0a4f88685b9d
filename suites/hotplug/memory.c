// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory in use, for the shell tests: the exit code tells, standard error says why.
 *
 *	memory hold START SIZE BYTES [STATE FILE...]	a program's memory lies in the range, and is whole after it had to
 *							leave it, because the memory blocks were taken offline
 *	memory file PATH START SIZE			writes a file by mapping and by write(2), reads it by the other;
 *							the pages of the mapping lie in the range
 *	memory verify PATH				the file is as `file` left it
 */
#include <err.h>

#include "pages.h"

#define FILE_PAGES 1024UL
#define HALF (FILE_PAGES / 2)

static void check(const void *memory, uint64_t seed, uint64_t first, uint64_t count, const char *what)
{
	uint64_t where = 0, wrong = stamps_wrong(memory, seed, first, count, &where);

	if (wrong)
		errx(1, "%s: %lu of %lu pages are wrong, the first is %lu", what, wrong, count, where);
}

/* How many of the pages are present with a PFN in the range of physical addresses. */
static uint64_t pages_in(const void *memory, uint64_t count, uint64_t start, uint64_t range)
{
	uint64_t *pfns = malloc(count * sizeof(*pfns)), inside = 0;

	if (!pfns || page_frames(memory, count, pfns))
		err(1, "/proc/self/pagemap");
	for (uint64_t i = 0; i < count; i++)
		inside += pfns[i] >= start / PAGE && pfns[i] < (start + range) / PAGE;
	free(pfns);
	return inside;
}

/* Page faults are served from the zone of movable pages first, so what was plugged last is used first. */
static void hold(uint64_t start, uint64_t range, uint64_t bytes, char **states)
{
	const uint64_t count = bytes / PAGE;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t inside;

	if (memory == MAP_FAILED)
		err(1, "mmap");
	stamp_all(memory, 1, 0, count);
	inside = pages_in(memory, count, start, range);
	if (inside < count / 4 * 3)
		errx(1, "only %lu of %lu pages lie in the new memory", inside, count);
	check(memory, 1, 0, count, "in the new memory");
	if (!*states)
		return;
	for (; *states; states++) {
		int error = write_to(*states, "offline");

		if (error)
			errx(1, "offline to %s: %s", *states, strerror(-error));
	}
	inside = pages_in(memory, count, start, range);
	if (inside)
		errx(1, "%lu pages still lie in memory that is offline", inside);
	check(memory, 1, 0, count, "after it had to move");
}

/* First half written through the mapping, second by write(2). */
static void write_file(const char *path, uint64_t start, uint64_t range)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	const ssize_t half = HALF * PAGE;
	char *mapped, *copy = malloc(half);
	uint64_t inside;

	if (fd < 0 || !copy || ftruncate(fd, 2 * half) < 0)
		err(1, "%s", path);
	mapped = mmap(NULL, 2 * half, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		err(1, "mmap %s", path);
	stamp_all(mapped, 2, 0, HALF);
	stamp_all(copy, 2, HALF, HALF);
	if (pwrite(fd, copy, half, half) != half)
		err(1, "write %s", path);
	check(mapped + half, 2, HALF, HALF, "the mapping of what was written");
	if (pread(fd, copy, half, 0) != half)
		err(1, "read %s", path);
	check(copy, 2, 0, HALF, "what is read of the mapping");
	inside = pages_in(mapped, FILE_PAGES, start, range);
	if (inside != FILE_PAGES)
		errx(1, "%lu of %lu pages of the file lie in the device", inside, FILE_PAGES);
	if (fsync(fd) < 0)
		err(1, "sync %s", path);
	close(fd);
}

static void verify_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	char *mapped = mmap(NULL, FILE_PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);

	if (mapped == MAP_FAILED)
		err(1, "%s", path);
	check(mapped, 2, 0, FILE_PAGES, "the file");
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc >= 5 && strcmp(argv[1], "hold") == 0)
		hold(strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0), argv + 5);
	else if (argc == 5 && strcmp(argv[1], "file") == 0)
		write_file(argv[2], strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0));
	else if (argc == 3 && strcmp(argv[1], "verify") == 0)
		verify_file(argv[2]);
	else
		errx(2, "usage: memory hold|file|verify ...");
	return 0;
}
