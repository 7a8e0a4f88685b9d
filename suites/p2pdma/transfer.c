// SPDX-License-Identifier: GPL-2.0-only
/*
 * T19: a program maps peer-to-peer memory and lets two NVMe disks, the provider itself and its peer below the same
 * switch, write from it and read into it with O_DIRECT. Data is compared through ordinary memory, with a page before
 * and behind it that must not change.
 */
#include "tests.h"

#include "p2pmem.h"
#include "tap.h"

#define MOST (33 * PAGE)
#define AT (1024 * 1024)
/* Contents of the pages around. */
#define GUARD 0x67756172ULL

struct shape {
	size_t offset, size; /* offset in the first page */
};

/* A page, part of one, an odd number of pages, and more than one list of pages of a command. */
static const struct shape shapes[] = { { 0, PAGE }, { 512, 1024 }, { 0, 5 * PAGE }, { 1024, 2 * PAGE }, { 0, MOST } };
#define NR_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static char *p2p; /* MOST + 2 pages of the provider */
static char *ram; /* as much ordinary memory */
static uint64_t seed;

static int open_disk(const struct nvme *nvme)
{
	int fd = open(nvme->disk, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		tap_bail("open %s: %s", nvme->disk, strerror(errno));
	return fd;
}

/* 512 bytes are the unit of transfer, so the part around ends with the unit that the shape ends in. */
static bool same(const char *buffer, const struct shape *shape, uint64_t content, const char *what)
{
	const char *body = buffer + PAGE + shape->offset;
	const char *tail = body + shape->size;
	const struct {
		const char *name, *from;
		size_t size;
		uint64_t seed;
	} parts[] = {
		{ "before the data", buffer, PAGE + shape->offset, GUARD },
		{ "the data", body, shape->size, content },
		{ "behind the data", tail, PAGE, GUARD + 1 },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		long long at = mismatch(parts[i].from, parts[i].size, parts[i].seed);

		if (at >= 0) {
			tap_note("%s: %zu bytes at %zu: wrong from byte %lld on %s", what, shape->size, shape->offset,
				 at, parts[i].name);
			return false;
		}
	}
	return true;
}

static void lay_out(char *buffer, const struct shape *shape, uint64_t content)
{
	fill(buffer, PAGE + shape->offset, GUARD);
	fill(buffer + PAGE + shape->offset, shape->size, content);
	fill(buffer + PAGE + shape->offset + shape->size, PAGE, GUARD + 1);
}

static bool moved(ssize_t got, size_t want, const char *what)
{
	if (got == (ssize_t)want)
		return true;
	if (got < 0)
		tap_note("%s of %zu bytes: %s", what, want, strerror(errno));
	else
		tap_note("%s of %zu bytes moved %zd", what, want, got);
	return false;
}

/* Both disks have the layout at AT - PAGE - offset, so that what is around the data can be checked there too. */
static size_t whole(const struct shape *shape)
{
	return 2 * PAGE + shape->offset + shape->size;
}

static bool put_disk(int disk, const struct shape *shape, uint64_t content)
{
	lay_out(ram, shape, content);
	return moved(pwrite(disk, ram, whole(shape), AT - PAGE - shape->offset), whole(shape), "write from RAM");
}

static bool disk_has(int disk, const struct shape *shape, uint64_t content)
{
	memset(ram, 0, whole(shape));
	return moved(pread(disk, ram, whole(shape), AT - PAGE - shape->offset), whole(shape), "read to RAM") &&
	       same(ram, shape, content, "on the disk");
}

static bool write_from_p2p(int disk, const struct shape *shape)
{
	uint64_t content = ++seed;

	if (!put_disk(disk, shape, ++seed))
		return false;
	lay_out(p2p, shape, content);
	return moved(pwrite(disk, p2p + PAGE + shape->offset, shape->size, AT), shape->size, "write from p2pmem") &&
	       disk_has(disk, shape, content);
}

static bool read_to_p2p(int disk, const struct shape *shape)
{
	uint64_t content = ++seed;

	if (!put_disk(disk, shape, content))
		return false;
	lay_out(p2p, shape, ++seed);
	return moved(pread(disk, p2p + PAGE + shape->offset, shape->size, AT), shape->size, "read to p2pmem") &&
	       same(p2p, shape, content, "in p2pmem");
}

static bool disk_to_disk(int from, int to, const struct shape *shape)
{
	uint64_t content = ++seed;
	char *body = p2p + PAGE + shape->offset;

	return put_disk(from, shape, content) && put_disk(to, shape, ++seed) &&
	       moved(pread(from, body, shape->size, AT), shape->size, "read to p2pmem") &&
	       moved(pwrite(to, body, shape->size, AT), shape->size, "write from p2pmem") &&
	       disk_has(to, shape, content);
}

static bool all_shapes(bool (*one)(int, const struct shape *), int disk)
{
	bool right = true;

	for (size_t i = 0; i < NR_SHAPES; i++)
		right = one(disk, &shapes[i]) && right;
	return right;
}

void test_transfer(void)
{
	struct nvme provider = nvme_find(PROVIDER), peer = nvme_find(PEER);
	int own = open_disk(&provider), other = open_disk(&peer);
	long long available = p2pmem_number(&provider, "available"), pins = pins_held();

	seed = (uint64_t)time(NULL) << 16;
	ram = aligned_alloc(PAGE, MOST + 2 * PAGE);
	p2p = p2pmem_map(&provider, MOST + 2 * PAGE);
	if (!tap_ok(p2p != NULL, "peer-to-peer memory can be mapped")) {
		tap_note("%s", strerror(errno));
		tap_done();
	}
	tap_ok(all_shapes(write_from_p2p, own), "the provider's own disk stores what it reads from the memory");
	tap_ok(all_shapes(read_to_p2p, own), "the provider's own disk puts what it has into the memory");
	tap_ok(all_shapes(write_from_p2p, other), "the peer's disk stores what it reads from the memory");
	tap_ok(all_shapes(read_to_p2p, other), "the peer's disk puts what it has into the memory");
	tap_ok(disk_to_disk(own, other, &shapes[NR_SHAPES - 1]) && disk_to_disk(other, own, &shapes[2]),
	       "data goes from disk to disk through the memory");
	munmap(p2p, MOST + 2 * PAGE);
	if (!tap_ok(p2pmem_number(&provider, "available") == available, "all of the memory is available again"))
		tap_note("was %lld, is %lld", available, p2pmem_number(&provider, "available"));
	if (!tap_ok(pins_held() == pins, "no page stays pinned"))
		tap_note("was %lld, is %lld", pins, pins_held());
	tap_done();
}
