// SPDX-License-Identifier: GPL-2.0-only
/*
 * away keep FILE: writes and syncs a file that must survive.
 * away write FILE: says `ready` once it writes, then writes and syncs without end, until it is refused.
 * away check FILE: the file is as `keep` left it.
 * away disk DEVICE: the same as `write` with a disk, by O_DIRECT, at its end.
 */
#include <err.h>
#include <linux/fs.h>
#include <pages.h>

enum { pages = 300 };

static char buffer[pages * PAGE] __attribute__((aligned(4096)));

static void write_until_refused(const char *path, int flags, int from_end)
{
	int fd = open(path, O_RDWR | O_CREAT | flags, 0600);
	uint64_t bytes = 0, at = 0;

	if (fd < 0 || (from_end && ioctl(fd, BLKGETSIZE64, &bytes)))
		err(1, "%s", path);
	if (from_end)
		at = bytes - sizeof(buffer);
	for (unsigned int round = 0;; round++) {
		stamp_all(buffer, round, 0, pages);
		/* One that ends halfway, as when the disk goes between two bios of it, has no error: the next one has. */
		if (pwrite(fd, buffer, sizeof(buffer), at) < 0 || fsync(fd))
			break;
		if (!round) {
			puts("ready");
			fclose(stdout);
		}
	}
	switch (errno) {
	/* A disk that is gone has no size; a file system without one is read-only, or shut down. */
	case ENOSPC:
		if (!from_end)
			break;
		return;
	case EIO:
	case ENXIO:
	case ENODEV:
	case EROFS:
	case ESHUTDOWN:
	case EUCLEAN:
		return;
	}
	err(1, "refused with");
}

static int right(int fd)
{
	uint64_t where = 0;

	memset(buffer, 0, sizeof(buffer));
	if (pread(fd, buffer, sizeof(buffer), 0) != (ssize_t)sizeof(buffer))
		err(1, "read");
	return !stamps_wrong(buffer, 77, 0, pages, &where);
}

int main(int argc, char **argv)
{
	const char *verb = argc == 3 ? argv[1] : "";
	int fd;

	if (!strcmp(verb, "keep")) {
		fd = open(argv[2], O_RDWR | O_CREAT, 0600);
		stamp_all(buffer, 77, 0, pages);
		if (pwrite(fd, buffer, sizeof(buffer), 0) != (ssize_t)sizeof(buffer) || fsync(fd) || !right(fd))
			err(1, "%s", argv[2]);
	} else if (!strcmp(verb, "check")) {
		fd = open(argv[2], O_RDONLY);
		if (fd < 0)
			err(1, "%s", argv[2]);
		if (!right(fd))
			errx(1, "%s holds something else", argv[2]);
	} else if (!strcmp(verb, "write")) {
		write_until_refused(argv[2], 0, 0);
	} else if (!strcmp(verb, "disk")) {
		write_until_refused(argv[2], O_DIRECT, 1);
	} else {
		errx(2, "usage: away keep|write|check|disk FILE");
	}
	return 0;
}
