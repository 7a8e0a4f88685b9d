// SPDX-License-Identifier: GPL-2.0-only
/*
 * touch KIND [FILE]: uses a device once, all that a program can do with it, and lets go of everything. Says nothing;
 * exits with 1 and a word on standard error if something goes wrong.
 */
#include <pages.h>
#include <sys/wait.h>
#include "../hmm-private/dmirror.h"

enum { pages = 64 };

static int wrong(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

/* Writes and reads through a mapping, pins it in the ways there are, and shares it with a child. */
static int use(char *at, uint64_t bytes)
{
	int status = 1;
	pid_t child;

	for (uint64_t i = 0; i < bytes; i += PAGE)
		*(volatile uint64_t *)(at + i) = stamp_word(1, i, 0);
	gup(GUP_FAST, at, bytes, 1, 8);
	gup(PIN_FAST, at, bytes, 1, 8);
	gup(PIN_LONGTERM, at, bytes, 1, 8);
	child = fork();
	if (!child)
		_exit(*(volatile uint64_t *)at != stamp_word(1, 0, 0));
	waitpid(child, &status, 0);
	for (uint64_t i = 0; i < bytes; i += PAGE)
		if (*(volatile uint64_t *)(at + i) != stamp_word(1, i, 0))
			return wrong("data");
	return status ? wrong("a child's data") : 0;
}

static int mapped(const char *path, int flags, uint64_t bytes, int grow)
{
	int fd = open(path, flags | O_CLOEXEC, 0600), err;
	char *at;

	if (fd < 0 || (grow && ftruncate(fd, bytes)))
		return wrong(path);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return wrong(path);
	err = use(at, bytes);
	munmap(at, bytes);
	if (grow && ftruncate(fd, 0))
		return wrong(path);
	close(fd);
	return err;
}

static int block(const char *path)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0 || pread(fd, page, PAGE, 0) != PAGE || pwrite(fd, page, PAGE, 0) != PAGE || fsync(fd))
		return wrong(path);
	close(fd);
	return 0;
}

static int device_pages(int coherent)
{
	struct dmirror d = dmirror_open(coherent ? 2 : 0, coherent);
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *mirror = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (d.fd < 0)
		return wrong("dmirror");
	stamp_all(at, 3, 0, pages);
	if (dmirror_do(&d, HMM_DMIRROR_MIGRATE_TO_DEV, at, pages, mirror) != pages)
		return wrong("to the device");
	if (use(at, pages / 2 * PAGE))
		return 1;
	dmirror_do(&d, HMM_DMIRROR_MIGRATE_TO_SYS, at + pages / 2 * PAGE, pages / 4, NULL);
	close(d.fd);
	return 0;
}

static int remap(const char *type)
{
	char request[128];
	int fd = open("/proc/pgmap_probe/remap", O_RDWR | O_CLOEXEC);
	const char *range = strcmp(type, "MEMORY_DEVICE_PRIVATE") ? "0x120000000-0x127ffffff" : "free:0x8000000";

	snprintf(request, sizeof(request), "map %s %s", type, range);
	/* A type that this tree does not have. */
	if (write(fd, request, strlen(request)) < 0)
		return errno == ENODEV ? 0 : wrong(request);
	if (write(fd, "unmap", 5) < 0)
		return wrong("unmap");
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "", *path = argc > 2 ? argv[2] : "";

	if (!strcmp(kind, "block"))
		return block(path);
	if (!strcmp(kind, "device"))
		return mapped(path, O_RDWR, 4 * MiB, 0);
	if (!strcmp(kind, "file"))
		return mapped(path, O_RDWR | O_CREAT, 4 * MiB, 1);
	if (!strcmp(kind, "p2pmem"))
		return mapped(path, O_RDWR, pages * PAGE, 0);
	if (!strcmp(kind, "private") || !strcmp(kind, "coherent"))
		return device_pages(!strcmp(kind, "coherent"));
	if (!strcmp(kind, "remap"))
		return remap(path);
	fprintf(stderr, "usage: touch KIND [FILE]\n");
	return 2;
}
