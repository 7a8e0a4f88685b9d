// SPDX-License-Identifier: GPL-2.0-only
/*
 * T21, second half: what must not be possible with peer-to-peer memory, and that a refusal costs nothing.
 * Only callers that ask for it may have pages of it pinned; everybody may copy through the CPU.
 */
#include "tests.h"

#include <sys/uio.h>

#include "p2pmem.h"
#include "tap.h"

static struct nvme nvme;

static void refuse_map(const char *what, int flags, size_t size, off_t offset, int want)
{
	long long before = p2pmem_number(&nvme, "available");
	int fd = p2pmem_open(&nvme);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);
	int error = errno;

	close(fd);
	if (memory != MAP_FAILED)
		munmap(memory, size);
	if (!tap_ok(memory == MAP_FAILED && error == want && p2pmem_number(&nvme, "available") == before, "%s: %s", what,
		    strerror(want)))
		tap_note("%s; available was %lld, is %lld", memory == MAP_FAILED ? strerror(error) : "mapped", before,
			 p2pmem_number(&nvme, "available"));
}

/* Pinning gives EREMOTEIO, or EFAULT where it only says how far it came; /proc/PID/mem makes EIO of that. */
static void refuse_pin(const char *what, ssize_t got, int error)
{
	if (!tap_ok(got < 0 && (error == EREMOTEIO || error == EFAULT || error == EIO), "%s", what))
		tap_note("%s, %zd bytes", got < 0 ? strerror(error) : "done", got);
}

static void check_pinning(char *memory)
{
	char copy[64];
	struct iovec there = { memory, sizeof(copy) };
	int self = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	int ends[2];
	ssize_t got;

	if (self < 0 || pipe(ends) < 0)
		tap_bail("/proc/self/mem or pipe: %s", strerror(errno));
	got = vmsplice(ends[1], &there, 1, SPLICE_F_NONBLOCK);
	refuse_pin("a pipe may not take its pages", got, errno);
	got = pread(self, copy, sizeof(copy), (uintptr_t)memory);
	refuse_pin("another process may not look at its pages", got, errno);
	got = pwrite(self, copy, sizeof(copy), (uintptr_t)memory);
	refuse_pin("another process may not change its pages", got, errno);
	close(self);
	close(ends[0]);
	close(ends[1]);
}

/* The kernel's own test driver, which does not ask for such pages either. Refusal is a success with nothing pinned. */
static void check_gup(char *memory)
{
	static const struct {
		const char *name;
		unsigned long request;
	} ways[] = {
		{ "get_user_pages", GUP_BASIC },
		{ "get_user_pages_fast", GUP_FAST },
		{ "pin_user_pages", PIN_BASIC },
		{ "pin_user_pages_fast", PIN_FAST },
		{ "pin_user_pages for a long time", PIN_LONGTERM },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		long to_read = gup(ways[i].request, memory, PAGE, 0, 1), to_write = gup(ways[i].request, memory, PAGE, 1, 1);

		if (to_read == -ENOENT)
			tap_skip(ways[i].name, "no gup_test");
		else if (!tap_ok(to_read <= 0 && to_write <= 0, "%s does not give its pages", ways[i].name))
			tap_note("%ld bytes to read, %ld to write", to_read, to_write);
	}
}

static void check_copy(char *memory)
{
	char copy[PAGE];
	int fd = open("/dev/shm/p2pdma", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	unlink("/dev/shm/p2pdma");
	fill(memory, PAGE, 4);
	tap_ok(pwrite(fd, memory, PAGE, 0) == PAGE && pread(fd, copy, PAGE, 0) == PAGE && mismatch(copy, PAGE, 4) < 0,
	       "a file that copies from it has the same data");
	fill(copy, PAGE, 5);
	tap_ok(pwrite(fd, copy, PAGE, 0) == PAGE && pread(fd, memory, PAGE, 0) == PAGE &&
		       mismatch(memory, PAGE, 5) < 0,
	       "a file that copies to it has the same data");
	close(fd);
}

void test_refusals(void)
{
	long long at_rest, pins = pins_held();
	char *memory;

	nvme = nvme_find(PROVIDER);
	at_rest = p2pmem_number(&nvme, "available");
	refuse_map("a private mapping", MAP_PRIVATE, PAGE, 0, EINVAL);
	refuse_map("an offset", MAP_SHARED, PAGE, PAGE, EINVAL);
	refuse_map("a mapping of more than the buffer", MAP_SHARED, bar_size(&nvme) + PAGE, 0, ENOMEM);

	memory = p2pmem_map(&nvme, PAGE);
	if (!memory)
		tap_bail("mmap: %s", strerror(errno));
	/* A page is mapped read-only until it is written; fast pinning would already stop at that. */
	fill(memory, PAGE, 3);
	check_pinning(memory);
	check_gup(memory);
	check_copy(memory);
	munmap(memory, PAGE);
	tap_ok(p2pmem_number(&nvme, "available") == at_rest, "all of the memory is available again");
	tap_ok(pins_held() == pins, "no page stays pinned");
	tap_done();
}
