// SPDX-License-Identifier: GPL-2.0-only
/*
 * badblocks DISK FILE: the block behind one page of a DAX file is put on the disk's list of bad ones (as a machine check
 * or a scrub of the DIMM does). Reading it gives EIO, through the file and through the disk, a mapping gives SIGBUS, and
 * pages beside it are read as before.
 */
#include <tap.h>
#include <pages.h>

enum { pages = 1024, bad = 515 };

int main(int argc, char **argv)
{
	char path[96], text[64], *at, *buffer = aligned_alloc(PAGE, PAGE);
	uint64_t sector, value = 0, start, where;
	int fd, disk, err;

	if (argc < 3)
		tap_bail("usage: badblocks DISK FILE");
	fd = open(argv[2], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, pages * PAGE))
		tap_bail("%s: %s", argv[2], strerror(errno));
	at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		tap_bail("mmap: %s", strerror(errno));
	stamp_all(at, 1, 0, pages);
	msync(at, pages * PAGE, MS_SYNC);
	start = number_in(0, "/sys/block/%s/device/resource", argv[1]);
	sector = (page_frame(at + bad * PAGE) * PAGE - start) / 512;
	munmap(at, pages * PAGE);

	snprintf(path, sizeof(path), "/sys/block/%s/badblocks", argv[1]);
	snprintf(text, sizeof(text), "%lu 8", sector);
	err = write_to(path, text);
	if (err)
		tap_bail("%s to %s: %s", text, path, strerror(-err));
	tap_note("sectors %s of %s are bad", text, argv[1]);

	errno = 0;
	tap_ok(pread(fd, buffer, PAGE, bad * PAGE) < 0 && errno == EIO, "read(2) of the page gives EIO");
	errno = 0;
	tap_ok(pread(fd, buffer, 512, bad * PAGE + 1024) < 0 && errno == EIO, "and of a part of it");
	tap_ok(pread(fd, buffer, PAGE, (bad - 1) * PAGE) == (ssize_t)PAGE && stamped(buffer, 1, bad - 1) &&
		       pread(fd, buffer, PAGE, (bad + 1) * PAGE) == (ssize_t)PAGE && stamped(buffer, 1, bad + 1),
	       "its neighbours are read");
	snprintf(path, sizeof(path), "/dev/%s", argv[1]);
	disk = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	errno = 0;
	tap_ok(pread(disk, buffer, PAGE, sector * 512) < 0 && errno == EIO, "the disk gives EIO there");
	tap_ok(pread(disk, buffer, PAGE, (sector + 8) * 512) == (ssize_t)PAGE, "and reads behind it");
	close(disk);

	at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	tap_ok(fault_on(at + bad * PAGE + 8, 0, &value) == SIGBUS, "a load from a new mapping gives SIGBUS");
	tap_ok(fault_on(at + bad * PAGE + 8, 1, &value) == SIGBUS, "and so does a store");
	tap_ok(!stamps_wrong(at, 1, 0, bad, &where) && !stamps_wrong(at + (bad + 1) * PAGE, 1, bad + 1, pages - bad - 1, &where),
	       "all other pages of the mapping are there");
	munmap(at, pages * PAGE);
	close(fd);
	tap_done();
}
