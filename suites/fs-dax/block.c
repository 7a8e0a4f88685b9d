// SPDX-License-Identifier: GPL-2.0-only
/*
 * block write|check SEED DEVICE...: stamps the first, middle and last pages of block devices, or looks whether the
 * stamps are there. Other pages are not touched.
 */
#include <linux/fs.h>
#include <tap.h>
#include <pages.h>

static int each(const char *name, int writing, uint64_t seed)
{
	char path[64], *page = aligned_alloc(PAGE, PAGE);
	uint64_t bytes = 0, count;
	int fd, good = 1;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR | O_DIRECT);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes))
		return 0;
	count = bytes / PAGE;
	uint64_t places[] = { 0, 1, 511, 512, count / 2, count - 513, count - 512, count - 2, count - 1 };

	for (unsigned int i = 0; i < sizeof(places) / 8 && good; i++) {
		if (writing) {
			stamp(page, seed, places[i]);
			good = pwrite(fd, page, PAGE, places[i] * PAGE) == (ssize_t)PAGE;
		} else {
			good = pread(fd, page, PAGE, places[i] * PAGE) == (ssize_t)PAGE && stamped(page, seed, places[i]);
		}
		if (!good)
			fprintf(stderr, "page %lu of %lu of %s is wrong\n", places[i], count, name);
	}
	close(fd);
	free(page);
	return good;
}

int main(int argc, char **argv)
{
	int good = argc > 3;

	for (int i = 3; i < argc; i++)
		good &= each(argv[i], !strcmp(argv[1], "write"), strtoul(argv[2], NULL, 0) + i);
	return !good;
}
