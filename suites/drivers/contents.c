// SPDX-License-Identifier: GPL-2.0-only
/*
 * contents write|check FILE BYTES SEED: every page of a file or a device is stored through a mapping, or compared.
 */
#include <tap.h>
#include <pages.h>

int main(int argc, char **argv)
{
	uint64_t bytes, seed, wrong, where = 0;
	char *at;
	int fd, storing;

	if (argc < 5)
		tap_bail("usage: contents write|check FILE BYTES SEED");
	storing = !strcmp(argv[1], "write");
	bytes = strtoull(argv[3], NULL, 0);
	seed = strtoull(argv[4], NULL, 0);
	fd = open(argv[2], O_RDWR | O_CLOEXEC | (storing && strncmp(argv[2], "/dev/", 5) ? O_CREAT : 0), 0600);
	if (fd < 0 || (storing && strncmp(argv[2], "/dev/", 5) && posix_fallocate(fd, 0, bytes)))
		tap_bail("%s: %s", argv[2], strerror(errno));
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		tap_bail("mmap of %s: %s", argv[2], strerror(errno));
	if (storing) {
		stamp_all(at, seed, 0, bytes / PAGE);
		if (strncmp(argv[2], "/dev/", 5) && fsync(fd))
			tap_bail("fsync of %s: %s", argv[2], strerror(errno));
	}
	wrong = stamps_wrong(at, seed, 0, bytes / PAGE, &where);
	if (!tap_ok(bytes && !wrong, "%s: every page is as it was stored", argv[2]))
		tap_note("%lu of %lu are wrong, the first is %lu", wrong, bytes / PAGE, where);
	tap_done();
}
