// SPDX-License-Identifier: GPL-2.0-only
/*
 * slow DISK PMEM: reads from a slow disk, with O_DIRECT, into the pages of a DAX file on PMEM, which is mounted, and takes
 * blocks away from the file meanwhile. Whoever frees a block waits for the transfer into it, or it would end in what
 * the block is by then. So when it returns, all of the data has arrived in the freed blocks.
 */
#include <linux/falloc.h>
#include <pthread.h>
#include <tap.h>
#include <pages.h>

enum { pages = 1024 };

static const char *disk, *pmem;
static uint64_t data_start, frames[pages];
static char *at;
static volatile ssize_t done;

/* The disk is all zeros. */
static void *transfer(void *unused)
{
	char path[64];
	int fd;

	(void)unused;
	snprintf(path, sizeof(path), "/dev/%s", disk);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	done = pread(fd, at, pages * PAGE, 0);
	if (done < 0)
		done = -errno;
	close(fd);
	return NULL;
}

/* Pages of the range that still hold what they did before the transfer, wherever they belong by now. */
static int not_arrived(int first, int count)
{
	static char page[PAGE] __attribute__((aligned(4096)));
	char path[64];
	int fd, left = 0;

	snprintf(path, sizeof(path), "/dev/%s", pmem);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	for (int i = first; i < first + count; i++)
		left += pread(fd, page, PAGE, frames[i] * PAGE - data_start) != (ssize_t)PAGE || stamped(page, 1, i);
	close(fd);
	return left;
}

static int cut(int fd, int first, int count)
{
	if (first + count == pages)
		return ftruncate(fd, first * PAGE);
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first * PAGE, count * PAGE);
}

static void check(const char *what, int first, int count)
{
	int fd = open("/mnt/dax/slow", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), left, error;
	uint64_t where = 0;
	pthread_t thread;
	double begin;
	int tries = 0;

	if (fd < 0 || posix_fallocate(fd, 0, pages * PAGE))
		tap_bail("/mnt/dax/slow: %s", strerror(errno));
	at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	/* A host that is busy may sleep through a transfer. */
	do {
		stamp_all(at, 1, 0, pages);
		page_frames(at, pages, frames);
		if (tries)
			pthread_join(thread, NULL);
		if (tries++ == 5)
			tap_bail("the disk is not slow: %zd", done);
		done = 0;
		pthread_create(&thread, NULL, transfer, NULL);
		/* The first data has arrived, so the whole transfer is pinned, or will be in a moment. */
		for (begin = seconds(); !done && stamped(at, 1, 0) && seconds() - begin < 5;)
			usleep(2000);
		usleep(20000);
	} while (done || !not_arrived(pages - 1, 1));
	error = cut(fd, first, count) ? errno : 0;
	left = not_arrived(first, count);
	if (!tap_ok(!error && !left, "%s waits for a transfer into the pages", what))
		tap_note("%s, %d of %d pages had not arrived", error ? strerror(error) : "it ended", left, count);
	pthread_join(thread, NULL);
	if (!tap_ok(done == (ssize_t)(pages * PAGE), "%s: the transfer ends as if nothing had been", what))
		tap_note("%zd", done);
	tap_ok(zeroed(at, first * PAGE), "%s: what is left of the file has the data", what);
	/* They may be this file's again, and hold what it then stored. */
	if (first + count == pages && ftruncate(fd, pages * PAGE))
		tap_bail("ftruncate: %s", strerror(errno));
	tap_ok(zeroed(at + first * PAGE, count * PAGE), "%s: what is gone is zero", what);
	stamp_all(at + first * PAGE, 2, first, count);
	tap_ok(!stamps_wrong(at + first * PAGE, 2, first, count, &where), "%s: and can be had again", what);
	munmap(at, pages * PAGE);
	close(fd);
	unlink("/mnt/dax/slow");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		tap_bail("usage: slow DISK PMEM");
	disk = argv[1];
	pmem = argv[2];
	data_start = number_in(0, "/sys/block/%s/device/resource", pmem);
	check("truncate", 3, pages - 3);
	check("punching a hole", pages / 2 - 100, pages / 2 - 50);
	tap_done();
}
