// SPDX-License-Identifier: GPL-2.0-only
/*
 * T70: a disk on the root complex, outside the switch of the memory's provider. The host bridge is not on the kernel's
 * list of those that forward between their ports, so every transfer is refused with EREMOTEIO before it starts (EINVAL
 * where the block layer maps requests itself, in blk_dma_map_iter_start(), since 6.17), the kernel says so once per
 * pair, and nothing is moved, kept or broken by it.
 */
#include "tests.h"

#include "p2pmem.h"
#include "tap.h"

#define SIZE (5 * PAGE)
#define AT (1024 * 1024)
#define REFUSAL "cannot be used for peer-to-peer DMA"

static char *p2p, *ram;
static int refusal;

/* Whether the kernel has that function, which says BLK_STS_INVAL. */
static bool block_layer_maps(void)
{
	char line[256];
	bool found = false;
	FILE *f = fopen("/proc/kallsyms", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " blk_rq_dma_map_iter_start\n");
	if (f)
		fclose(f);
	return found;
}

static bool ram_moves(int disk, uint64_t seed)
{
	fill(ram, SIZE, seed);
	if (pwrite(disk, ram, SIZE, AT) != (ssize_t)SIZE)
		return false;
	memset(ram, 0, SIZE);
	return pread(disk, ram, SIZE, AT) == (ssize_t)SIZE && mismatch(ram, SIZE, seed) < 0;
}

static bool p2p_moves(int disk, uint64_t seed)
{
	fill(p2p, SIZE, seed);
	if (pwrite(disk, p2p, SIZE, AT) != (ssize_t)SIZE)
		return false;
	fill(p2p, SIZE, seed + 1);
	return pread(disk, p2p, SIZE, AT) == (ssize_t)SIZE && mismatch(p2p, SIZE, seed) < 0;
}

static bool refused(ssize_t got, const char *what)
{
	if (got < 0 && errno == refusal)
		return true;
	tap_note("%s: %s", what, got < 0 ? strerror(errno) : "done");
	return false;
}

/* How many lines that refuse this client have been printed; the kernel log is read from where fd stands. */
static int refusals_in_log(int log, const struct nvme *client)
{
	const char *address = strrchr(client->pci, '/') + 1;
	char line[1024];
	ssize_t got;
	int found = 0;

	while ((got = read(log, line, sizeof(line) - 1)) > 0 || (got < 0 && errno == EPIPE)) {
		line[got > 0 ? got : 0] = 0;
		found += strstr(line, REFUSAL) && strstr(line, address);
	}
	return found;
}

/* First, a middle and the last page of the mapping, and all of it. */
static void check_refused(int disk, const char *how)
{
	static const struct {
		size_t offset, size;
	} parts[] = { { 0, PAGE }, { 2 * PAGE, 512 }, { SIZE - PAGE, PAGE }, { 0, SIZE } };
	bool write = true, read = true;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		write = refused(pwrite(disk, p2p + parts[i].offset, parts[i].size, AT), "write") && write;
		read = refused(pread(disk, p2p + parts[i].offset, parts[i].size, AT), "read") && read;
	}
	tap_ok(write, "%s: it may not fetch from the memory: %s", how, strerror(refusal));
	tap_ok(read, "%s: nor put anything there", how);
}

void test_far(void)
{
	struct nvme provider = nvme_find(PROVIDER), peer = nvme_find(PEER), far = nvme_find(FAR);
	long long available = p2pmem_number(&provider, "available"), pins = pins_held();
	int near_disk = open(peer.disk, O_RDWR | O_DIRECT | O_CLOEXEC);
	int far_disk = open(far.disk, O_RDWR | O_DIRECT | O_CLOEXEC);
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int said;

	refusal = block_layer_maps() ? EINVAL : EREMOTEIO;
	ram = aligned_alloc(PAGE, SIZE);
	p2p = p2pmem_map(&provider, SIZE);
	if (near_disk < 0 || far_disk < 0 || log < 0 || !p2p)
		tap_bail("disk, log or mmap: %s", strerror(errno));
	lseek(log, 0, SEEK_END);
	tap_ok(ram_moves(far_disk, 1), "the disk works with ordinary memory");
	fill(p2p, SIZE, 2);
	check_refused(far_disk, "first");
	said = refusals_in_log(log, &far);
	tap_ok(said >= 1, "the kernel log says so");
	check_refused(far_disk, "again");
	tap_ok(mismatch(p2p, SIZE, 2) < 0, "the memory has what it had");
	memset(ram, 0, SIZE);
	tap_ok(pread(far_disk, ram, SIZE, AT) == (ssize_t)SIZE && mismatch(ram, SIZE, 1) < 0, "and so has the disk");
	tap_ok(ram_moves(far_disk, 3), "which still works with ordinary memory");
	tap_ok(p2p_moves(near_disk, 4), "a disk below the switch is still served");
	tap_ok(refusals_in_log(log, &peer) == 0, "and nothing is said of that one");
	munmap(p2p, SIZE);
	if (!tap_ok(p2pmem_number(&provider, "available") == available, "all of the memory is available again"))
		tap_note("was %lld, is %lld", available, p2pmem_number(&provider, "available"));
	if (!tap_ok(pins_held() == pins, "no page stays pinned"))
		tap_note("was %lld, is %lld", pins, pins_held());
	tap_done();
}
