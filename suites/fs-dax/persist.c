// SPDX-License-Identifier: GPL-2.0-only
/*
 * persist write [DAX-DEVICE]: files are made durable in every way there is, and contents stored in a device-dax; then a
 * writer goes on without syncing, and is left running.
 * persist check [DAX-DEVICE]: after a reset, the files and the device hold what they did.
 */
#include <sys/stat.h>
#include <tap.h>
#include <pages.h>

#ifndef MAP_SYNC
#define MAP_SYNC 0x80000
#endif

enum { pages = 1500 };
static const uint64_t length = (pages - 1) * PAGE + 1234;

static char *buffer;

static int file(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/mnt/dax/%s", name);
	return open(path, O_RDWR | O_CLOEXEC | flags, 0600);
}

static char *map(int fd, int flags)
{
	return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
}

static int by_fsync(int fd)
{
	stamp_all(buffer, 1, 0, pages);
	return pwrite(fd, buffer, length, 0) != (ssize_t)length || fsync(fd);
}

static int by_msync(int fd)
{
	char *at = map(fd, MAP_SHARED);

	if (ftruncate(fd, length) || fsync(fd))
		return 1;
	stamp_all(at, 2, 0, pages);
	return msync(at, pages * PAGE, MS_SYNC);
}

/* Nothing is synced: the mapping promises that what was stored is durable. */
static int by_map_sync(int fd)
{
	char *at;

	if (ftruncate(fd, length) || fsync(fd))
		return 1;
	at = map(fd, MAP_SHARED_VALIDATE | MAP_SYNC);
	if (at == MAP_FAILED)
		return 1;
	stamp_all(at, 3, 0, pages);
	return 0;
}

/* Grown, cut, and grown again; the middle page is new. */
static int by_cutting(int fd)
{
	char *at = map(fd, MAP_SHARED);

	stamp_all(buffer, 9, 0, pages);
	if (pwrite(fd, buffer, length, 0) != (ssize_t)length || fsync(fd) || ftruncate(fd, 700 * PAGE) ||
	    ftruncate(fd, length))
		return 1;
	stamp_all(at, 4, 0, 500);
	stamp(at + 1000 * PAGE, 4, 1000);
	return fsync(fd);
}

static const struct {
	const char *name, *way;
	int (*store)(int fd);
	uint64_t seed;
} files[] = { { "written", "write(2) and fsync", by_fsync, 1 },
	      { "mapped", "a mapping and msync", by_msync, 2 },
	      { "synchronous", "a mapping with MAP_SYNC", by_map_sync, 3 },
	      { "cut", "a file that was cut and has grown", by_cutting, 4 } };
#define FILES (sizeof(files) / sizeof(*files))

static char *device(const char *name, uint64_t *count)
{
	char path[64], *at;
	int fd;

	*count = number_in(0, "/sys/bus/dax/devices/%s/size", name) / PAGE;
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	at = mmap(NULL, *count * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || at == MAP_FAILED)
		tap_bail("%s: %s", path, strerror(errno));
	close(fd);
	return at;
}

static int can_map_sync(void)
{
	int fd = file("try", O_CREAT | O_TRUNC), good = 0;
	char *at;

	if (!posix_fallocate(fd, 0, PAGE)) {
		at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
		good = at != MAP_FAILED;
	}
	close(fd);
	unlink("/mnt/dax/try");
	return good;
}

static void write_all(const char *dax)
{
	int map_sync = can_map_sync();

	buffer = malloc(pages * PAGE);
	for (size_t i = 0; i < FILES; i++) {
		if (files[i].store == by_map_sync && !map_sync)
			continue;
		tap_ok(!files[i].store(file(files[i].name, O_CREAT | O_TRUNC)), "%s", files[i].way);
	}
	if (dax) {
		uint64_t count;
		char *at = device(dax, &count);

		stamp_all(at, 5, 0, count);
		tap_ok(count > 0, "a device holds something");
	}
	/* Whatever becomes of this one, it must not harm the others. */
	if (!fork()) {
		int fd = file("unsynced", O_CREAT | O_TRUNC);

		freopen("/dev/null", "w", stdout);
		freopen("/dev/null", "w", stderr);
		for (uint64_t round = 0;; round++) {
			stamp_all(buffer, round, 0, 64);
			if (pwrite(fd, buffer, 64 * PAGE, round % 100 * 64 * PAGE) < 0)
				_exit(1);
			if (round % 10 == 9 && ftruncate(fd, 0))
				_exit(1);
		}
	}
}

static int holds(const char *name, uint64_t seed)
{
	uint64_t last[WORDS], where = 0;
	int fd = file(name, 0);
	struct stat is;
	char *at;

	if (fd < 0 || fstat(fd, &is) || is.st_size != (off_t)length) {
		tap_note("%s: %s, %ld bytes", name, fd < 0 ? strerror(errno) : "is there", fd < 0 ? 0 : (long)is.st_size);
		return 0;
	}
	at = map(fd, MAP_SHARED);
	if (!strcmp(name, "cut"))
		return !stamps_wrong(at, 4, 0, 500, &where) && !stamps_wrong(at + 500 * PAGE, 9, 500, 200, &where) &&
		       zeroed(at + 700 * PAGE, 300 * PAGE) && stamped(at + 1000 * PAGE, 4, 1000) &&
		       zeroed(at + 1001 * PAGE, length / 8 * 8 - 1001 * PAGE);
	for (unsigned int i = 0; i < WORDS; i++)
		last[i] = stamp_word(seed, pages - 1, i);
	if (stamps_wrong(at, seed, 0, pages - 1, &where) || memcmp(at + (pages - 1) * PAGE, last, 1234)) {
		tap_note("%s: wrong from page %lu on", name, where);
		return 0;
	}
	return pread(fd, last, 1234, (pages - 1) * PAGE) == 1234 && last[0] == stamp_word(seed, pages - 1, 0);
}

static void check_all(const char *dax)
{
	int map_sync = can_map_sync();

	for (size_t i = 0; i < FILES; i++) {
		if (files[i].store == by_map_sync && !map_sync)
			tap_skip(files[i].way, "this memory has to be flushed");
		else
			tap_ok(holds(files[i].name, files[i].seed), "%s: is all there", files[i].way);
	}
	if (dax) {
		uint64_t count, where = 0;
		char *at = device(dax, &count);

		tap_ok(count > 0 && !stamps_wrong(at, 5, 0, count, &where), "the device holds the same");
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		tap_bail("usage: persist write|check [DAX-DEVICE]");
	if (!strcmp(argv[1], "write"))
		write_all(argv[2]);
	else
		check_all(argv[2]);
	tap_done();
}
