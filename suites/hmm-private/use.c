// SPDX-License-Identifier: GPL-2.0-only
/*
 * use private|coherent: a load that touches everything once and checks it, for tests that are about what comes after.
 * Says nothing, exits with 1 if the data went wrong.
 */
#include "dmirror.h"
#include <sys/wait.h>

enum { pages = 2048 };

static int round_trip(int minor, int coherent)
{
	struct dmirror d = dmirror_open(minor, coherent);
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *mirror = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t where = 0;
	pid_t child;
	int status;

	if (d.fd < 0 || at == MAP_FAILED || mirror == MAP_FAILED)
		return 1;
	stamp_all(at, minor, 0, pages);
	if (dmirror_do(&d, HMM_DMIRROR_MIGRATE_TO_DEV, at, pages, mirror) != pages) {
		fprintf(stderr, "not all pages went to device %d\n", minor);
		return 1;
	}
	child = fork();
	if (!child)
		_exit(!!stamps_wrong(at, minor, 0, pages / 2, &where));
	waitpid(child, &status, 0);
	/* A third comes back by faults, a third by the driver, the rest goes with the process. */
	if (status || stamps_wrong(mirror, minor, 0, pages, &where) || stamps_wrong(at, minor, 0, pages / 3, &where) ||
	    dmirror_do(&d, HMM_DMIRROR_MIGRATE_TO_SYS, at + pages / 3 * PAGE, pages / 3, NULL) < 0 ||
	    stamps_wrong(at + pages / 3 * PAGE, minor, pages / 3, pages / 3, &where)) {
		fprintf(stderr, "page %lu of device %d holds something else\n", where, minor);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int coherent = argc > 1 && !strcmp(argv[1], "coherent");

	return round_trip(coherent ? 2 : 0, coherent) | round_trip(coherent ? 3 : 1, coherent);
}
