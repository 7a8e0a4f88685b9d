// SPDX-License-Identifier: GPL-2.0-only
/*
 * T20: the provider goes away and comes back. Whoever still holds a reference to one of its pages makes the removal
 * wait for ever, so removal is done by a child, against the clock.
 */
#include "tests.h"

#include <sys/wait.h>

#include "p2pmem.h"
#include "tap.h"

/* Seconds. */
#define LIMIT 5
#define SIZE (8 * PAGE)
#define DRIVER "/sys/bus/pci/drivers/nvme"

/* What has to be the same once the device is back. */
struct world {
	char *iomem;
	/* memmap: pages that hold struct pages; -1 before 6.11, which does not say. */
	long long size, available, direct_map, memmap;
	struct coverage coverage;
	bool counted;
};

static struct world look(const struct nvme *nvme)
{
	struct world world = {
		.iomem = get_text("/proc/iomem"),
		.size = p2pmem_number(nvme, "size"),
		.available = p2pmem_number(nvme, "available"),
		.direct_map = direct_map_kb(),
		.memmap = vmstat("nr_memmap_pages"),
	};

	world.counted = coverage_get(&world.coverage);
	return world;
}

/* False if the text is not taken in time, or not at all. */
static bool put_in_time(const char *path, const char *text)
{
	double begin = seconds();
	int status;
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		/* One that hangs must not hold on to the test's output. */
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		_exit(-write_to(path, text));
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (seconds() - begin > LIMIT) {
			tap_note("%s: not done after %d s", path, LIMIT);
			return false;
		}
		usleep(5000);
	}
	tap_note("%s: %.0f ms", path, (seconds() - begin) * 1000);
	if (status)
		tap_note("%s", WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "killed");
	return status == 0;
}

static const char *bus_address(const struct nvme *nvme)
{
	return strrchr(nvme->pci, '/') + 1;
}

static void check_gone(const struct nvme *nvme, const struct world *before)
{
	struct coverage now;
	long long direct_map = direct_map_kb(), memmap = vmstat("nr_memmap_pages");

	tap_ok(p2pmem_number(nvme, "size") < 0, "its attributes are gone");
	if (!tap_ok(direct_map == before->direct_map - (long long)bar_size(nvme) / 1024, "the linear map has let go of it"))
		tap_note("kB: was %lld, is %lld, buffer %llu", before->direct_map, direct_map,
			 (unsigned long long)bar_size(nvme) / 1024);
	if (memmap < 0)
		tap_skip("its struct pages are freed", "the kernel does not count them (before 6.11)");
	else if (!tap_ok(memmap < before->memmap, "its struct pages are freed"))
		tap_note("pages of them: was %lld, is %lld", before->memmap, memmap);
	if (is_uncached(nvme) < 0)
		tap_skip("its memory type is forgotten", "no list of memory types in debugfs");
	else
		tap_ok(is_uncached(nvme) == 0, "its memory type is forgotten");
	if (!before->counted || !coverage_get(&now))
		tap_skip("its pages are unmapped", "no pgmap_probe");
	else
		tap_ok(now.unmapped == before->coverage.unmapped + 1 && now.mappings == before->coverage.mappings,
		       "its pages are unmapped");
}

/* First line that differs. */
static void note_difference(const char *was, const char *is)
{
	while (*was && *is) {
		int old = strcspn(was, "\n"), new = strcspn(is, "\n");

		if (old != new || strncmp(was, is, old) != 0) {
			tap_note("was: %.*s", old, was);
			tap_note("is:  %.*s", new, is);
			return;
		}
		was += old + (was[old] == '\n');
		is += new + (is[new] == '\n');
	}
}

static void check_back(const struct world *before)
{
	double until = seconds() + LIMIT;
	struct nvme nvme;
	struct world now;
	bool back;

	while (!(back = nvme_look(PROVIDER, &nvme)) && seconds() < until)
		usleep(10000);
	if (!tap_ok(back, "the disk comes back"))
		tap_done();
	now = look(&nvme);
	if (!tap_ok(now.size == before->size && now.available == before->available &&
			    p2pmem_number(&nvme, "published") == 1,
		    "the memory comes back: same size, all available, published"))
		tap_note("size %lld, was %lld; available %lld, was %lld; published %lld", now.size, before->size,
			 now.available, before->available, p2pmem_number(&nvme, "published"));
	if (!tap_ok(strcmp(now.iomem, before->iomem) == 0, "the resource tree is as before"))
		note_difference(before->iomem, now.iomem);
	if (!tap_ok(now.direct_map == before->direct_map && now.memmap == before->memmap,
		    "the linear map and the memory map are as before"))
		tap_note("kB %lld, was %lld; pages %lld, was %lld", now.direct_map, before->direct_map, now.memmap,
			 before->memmap);
	if (!before->counted)
		tap_skip("one mapping is made, none fails", "no pgmap_probe");
	else
		tap_ok(now.coverage.mappings == before->coverage.mappings + 1 &&
			       now.coverage.failed == before->coverage.failed,
		       "one mapping is made, none fails");
	free(now.iomem);
}

/* The signal that a read gives, 0 if it succeeds. */
static int touch(char *memory)
{
	uint64_t value;

	return fault_on(memory, 0, &value);
}

/* A mapping that a disk has read from and written to: no reference of those may be left. */
static char *use(const struct nvme *nvme)
{
	char *memory = p2pmem_map(nvme, SIZE);
	struct nvme peer = nvme_find(PEER);
	int fd = open(peer.disk, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (!memory || fd < 0)
		tap_bail("mmap or open %s: %s", peer.disk, strerror(errno));
	fill(memory, SIZE, 6);
	if (!tap_ok(pwrite(fd, memory, SIZE, 0) == (ssize_t)SIZE && pread(fd, memory, SIZE, 0) == (ssize_t)SIZE &&
			    mismatch(memory, SIZE, 6) < 0,
		    "the memory works"))
		tap_note("%s", strerror(errno));
	close(fd);
	return memory;
}

/* away and back: files to write to; text: what; held: a mapping that is still there, or NULL. */
static void go_and_return(const char *how, const char *away, const char *gone, const char *back, const char *text,
			  char *held)
{
	struct nvme nvme = nvme_find(PROVIDER);
	struct world before = look(&nvme);

	/* What is mapped comes back with the device. */
	before.available += held ? (long long)SIZE : 0;
	if (!tap_ok(put_in_time(away, gone), "%s ends within %d s", how, LIMIT))
		tap_done();
	if (held) {
		tap_ok(touch(held) == SIGBUS && touch(held + SIZE - 8) == SIGBUS, "the live mapping gives SIGBUS");
		munmap(held, SIZE);
	}
	check_gone(&nvme, &before);
	if (!tap_ok(put_in_time(back, text), "bringing it back ends within %d s", LIMIT))
		tap_done();
	check_back(&before);
	free(before.iomem);
}

static void remove_and_rescan(char *held)
{
	struct nvme nvme = nvme_find(PROVIDER);
	char path[96];

	snprintf(path, sizeof(path), "%s/remove", nvme.pci);
	go_and_return("remove", path, "1", "/sys/bus/pci/rescan", "1", held);
}

void test_remove(void)
{
	remove_and_rescan(NULL);
	remove_and_rescan(NULL);
	tap_done();
}

void test_remove_mapped(void)
{
	struct nvme nvme = nvme_find(PROVIDER);
	char *memory = use(&nvme);

	remove_and_rescan(memory);

	/* Again, with pages that were used and given back. */
	nvme = nvme_find(PROVIDER);
	memory = use(&nvme);
	munmap(memory, SIZE);
	remove_and_rescan(NULL);
	tap_done();
}

/* Transfers until one fails, at most for twice the limit. The exit code is 0 if it ended with an error. */
static void transfer_until_error(char *memory, const char *disk)
{
	int fd = open(disk, O_RDWR | O_DIRECT | O_CLOEXEC);
	double until = seconds() + 2 * LIMIT;

	while (seconds() < until)
		if (pwrite(fd, memory, SIZE, 0) != (ssize_t)SIZE || pread(fd, memory, SIZE, 0) != (ssize_t)SIZE)
			_exit(0);
	_exit(1);
}

/* Requests in flight hold references too; they have to end, with whatever result. */
void test_remove_busy(void)
{
	struct nvme nvme = nvme_find(PROVIDER), peer = nvme_find(PEER);
	char *memory = use(&nvme);
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		transfer_until_error(memory, peer.disk);
	usleep(50000);
	tap_ok(waitpid(child, &status, WNOHANG) == 0, "a peer transfers");
	remove_and_rescan(memory);
	waitpid(child, &status, 0);
	tap_ok(status == 0, "transfers end with an error once the memory is gone");
	tap_done();
}

/* Without the PCI device going: what the driver made must be undone all the same. */
void test_rebind(void)
{
	struct nvme nvme = nvme_find(PROVIDER);

	go_and_return("unbind", DRIVER "/unbind", bus_address(&nvme), DRIVER "/bind", bus_address(&nvme), NULL);
	tap_done();
}
