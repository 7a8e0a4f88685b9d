// SPDX-License-Identifier: GPL-2.0-only
/*
 * errors LIMIT bind DRIVER DEVICE     a driver takes a device; DRIVER is its folder in sysfs
 *              kmem DEVICE START END  kmem takes a dax device and its memory blocks are taken offline again
 *              offline BLOCK          a memory block goes offline
 *              p2pmem PCI-DEVICE      a program maps peer-to-peer memory; PCI-DEVICE is its folder in sysfs
 *
 * Each of them with its n-th memory allocation failing, for up to LIMIT values of n.
 */
#include <tap.h>
#include <pages.h>
#include "sweep.h"

static char path_to[4][160];
static const char *device;
static uint64_t start, end, block;

static int bind(void)
{
	return write_to(path_to[0], device);
}

static int unbind(void)
{
	return write_to(path_to[1], device);
}

/* A failed probe must not leave the device with its driver. */
static int unbound(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", path_to[2], device);
	if (access(path, F_OK) == 0) {
		tap_note("%s still has its driver", device);
		return 0;
	}
	return memory_state_same();
}

static int offline_all(void)
{
	char path[96];
	int err = 0;

	for (uint64_t number = end / block; number-- > start / block;) {
		snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu/state", number);
		if (access(path, F_OK))
			continue;
		/* A page may be in use for a moment; a block that is offline already says EINVAL. */
		for (int tries = 0; tries < 5 && (err = write_to(path, "offline")) == -EBUSY; tries++)
			usleep(20000);
		if (err && err != -EINVAL)
			return err;
	}
	return 0;
}

static int offline_and_unbind(void)
{
	int err = offline_all();

	return err ? err : unbind();
}

static int offline(void)
{
	return write_to(path_to[0], "offline");
}

static int online(void)
{
	return write_to(path_to[0], "online_movable");
}

static int is_online(void)
{
	char text[32] = "";
	FILE *f = fopen(path_to[0], "r");

	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = 0;
		fclose(f);
	}
	if (strncmp(text, "online", 6)) {
		tap_note("the block is %s", text);
		return 0;
	}
	return memory_state_same();
}

enum { mapped_pages = 700 };

static int p2pmem_fd;
static char *mapping;

static int map(void)
{
	mapping = mmap(NULL, mapped_pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, p2pmem_fd, 0);
	return mapping == MAP_FAILED ? -errno : 0;
}

static int unmap(void)
{
	/* Every page is there and is nobody else's. */
	for (int i = 0; i < mapped_pages; i++)
		*(volatile uint64_t *)(mapping + i * PAGE) = i;
	for (int i = 0; i < mapped_pages; i++)
		if (*(volatile uint64_t *)(mapping + i * PAGE) != (uint64_t)i)
			return -EIO;
	return munmap(mapping, mapped_pages * PAGE) ? -errno : 0;
}

static uint64_t available;

static int all_available(void)
{
	uint64_t is = number_in(0, "%s/available", path_to[1]);

	if (is == available)
		return 1;
	tap_note("%lu bytes are available, %lu were", is, available);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int limit = argc > 3 ? atoi(argv[1]) : 0;
	const char *what = argc > 3 ? argv[2] : "";
	struct operation op = { 0 };

	if (!limit)
		tap_bail("usage: errors LIMIT bind|kmem|offline|p2pmem ...");
	block = strtoull("0", NULL, 16);
	if (!strcmp(what, "bind") || !strcmp(what, "kmem")) {
		const char *driver = !strcmp(what, "bind") ? argv[3] : "/sys/bus/dax/drivers/kmem";

		snprintf(path_to[0], sizeof(path_to[0]), "%s/bind", driver);
		snprintf(path_to[1], sizeof(path_to[1]), "%s/unbind", driver);
		snprintf(path_to[2], sizeof(path_to[2]), "%s", driver);
	}
	if (!strcmp(what, "bind") && argc > 4) {
		device = argv[4];
		op = (struct operation){ "taking a device", bind, unbind, unbound };
	} else if (!strcmp(what, "kmem") && argc > 5) {
		char text[32] = "";
		FILE *f = fopen("/sys/devices/system/memory/block_size_bytes", "r");

		if (!f || !fgets(text, sizeof(text), f))
			tap_bail("no memory blocks");
		fclose(f);
		block = strtoull(text, NULL, 16);
		device = argv[3];
		start = strtoull(argv[4], NULL, 0);
		end = strtoull(argv[5], NULL, 0);
		op = (struct operation){ "taking memory as RAM", bind, offline_and_unbind, unbound };
	} else if (!strcmp(what, "offline")) {
		snprintf(path_to[0], sizeof(path_to[0]), "/sys/devices/system/memory/memory%s/state", argv[3]);
		op = (struct operation){ "taking a memory block offline", offline, online, is_online };
	} else if (!strcmp(what, "p2pmem")) {
		snprintf(path_to[0], sizeof(path_to[0]), "%s/p2pmem/allocate", argv[3]);
		snprintf(path_to[1], sizeof(path_to[1]), "%s/p2pmem", argv[3]);
		p2pmem_fd = open(path_to[0], O_RDWR | O_CLOEXEC);
		if (p2pmem_fd < 0)
			tap_bail("%s: %s", path_to[0], strerror(errno));
		available = number_in(0, "%s/available", path_to[1]);
		op = (struct operation){ "mapping peer-to-peer memory", map, unmap, all_available };
	} else {
		tap_bail("no such operation: %s", what);
	}
	sweep(&op, limit);
	tap_done();
}
