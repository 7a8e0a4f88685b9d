// SPDX-License-Identifier: GPL-2.0-only
/*
 * more TEST: what else owns the state of a page that goes to a device: swap, userfaultfd, a cgroup, a second process,
 * memory of the other kind, and a device that is full.
 */
#include <linux/userfaultfd.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <tap.h>
#include "more.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

enum { pagemap_wp = 57, pagemap_swap = 62 };

struct dmirror private, coherent;
char *mirror;

char *buffer(uint64_t count)
{
	char *at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		tap_bail("no memory for %lu pages: %s", count, strerror(errno));
	return at;
}

long to_device(struct dmirror *d, char *at, uint64_t count)
{
	return dmirror_do(d, HMM_DMIRROR_MIGRATE_TO_DEV, at, count, mirror);
}

uint64_t on_device(struct dmirror *d, char *at, uint64_t count)
{
	return dmirror_count(d, at, count, d->local);
}

int right(const char *at, uint64_t seed, uint64_t first, uint64_t count)
{
	uint64_t where = 0, wrong = stamps_wrong(at, seed, first, count, &where);

	if (wrong)
		tap_note("%lu of %lu pages hold something else, the first is %lu", wrong, count, where);
	return !wrong;
}

uint64_t with_bit(const char *at, uint64_t count, int bit)
{
	uint64_t entry[count], found = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (pread(fd, entry, count * 8, (uintptr_t)at / PAGE * 8) != (ssize_t)(count * 8))
		tap_bail("pagemap: %s", strerror(errno));
	close(fd);
	for (uint64_t i = 0; i < count; i++)
		found += entry[i] >> bit & 1;
	return found;
}

static int status_of(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return status;
}

/* What mkswap writes: version 1, number of the last page, a signature at the end of the first page. */
static int swap_on(const char *disk, uint64_t bytes)
{
	char *head = aligned_alloc(PAGE, PAGE);
	uint32_t *info = (uint32_t *)(head + 1024);
	int fd = open(disk, O_RDWR | O_CLOEXEC), err;

	memset(head, 0, PAGE);
	info[0] = 1;
	info[1] = bytes / PAGE - 1;
	memcpy(head + PAGE - 10, "SWAPSPACE2", 10);
	err = pwrite(fd, head, PAGE, 0) != (ssize_t)PAGE || fsync(fd);
	close(fd);
	free(head);
	return err || swapon(disk, 0);
}

/* Pages that are in swap, and pages that are in RAM but still have their place there (swap cache). */
static void swapped(void)
{
	char *at = buffer(pages);
	int go[2], status;
	uint64_t out, moved;
	pid_t child;

	if (write_to("/sys/block/zram0/disksize", "64M") || swap_on("/dev/zram0", 64 * MiB))
		tap_bail("no swap on zram0: %s", strerror(errno));
	stamp_all(at, 1, 0, pages);
	madvise(at, pages * PAGE, MADV_PAGEOUT);
	out = with_bit(at, pages, pagemap_swap);
	if (!tap_ok(out > pages / 2, "pages are swapped out"))
		tap_note("%lu of %d", out, pages);
	to_device(&private, at, pages);
	tap_ok(right(at, 1, 0, pages), "migrating what is in swap loses nothing");

	/* With a second process that has it in swap, a page that one reads back keeps its place there. */
	stamp_all(at, 2, 0, pages);
	madvise(at, pages * PAGE, MADV_PAGEOUT);
	if (pipe(go))
		tap_bail("pipe: %s", strerror(errno));
	child = fork();
	if (!child) {
		char byte;

		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(2);
		_exit(!right(at, 2, 0, pages));
	}
	close(go[0]);
	tap_ok(right(at, 2, 0, pages), "pages are read back from swap");
	moved = to_device(&private, at, pages);
	moved = on_device(&private, at, pages);
	tap_note("%lu of %d shared pages with a place in swap are on the device", moved, pages);
	tap_ok(right(at, 2, 0, pages), "migrating them loses nothing");
	to_device(&private, at, pages);
	if (write(go[1], "", 1) != 1)
		tap_note("no go");
	status = status_of(child);
	tap_ok(status == 0, "the other process has its copy from swap");
	stamp_all(at, 3, 0, pages);
	madvise(at, pages * PAGE, MADV_PAGEOUT);
	tap_ok(right(at, 3, 0, pages), "they are swapped and read again");
	to_device(&private, at, pages);
	moved = on_device(&private, at, pages);
	if (!tap_ok(moved == pages, "and go to the device when nobody else has them"))
		tap_note("%lu of %d", moved, pages);
	/* Swap goes off while pages that were there are on the device. */
	tap_ok(!swapoff("/dev/zram0"), "swap can be switched off meanwhile");
	tap_ok(right(at, 3, 0, pages), "and nothing is lost");
	munmap(at, pages * PAGE);
}

static int protect(int fd, char *at, int on)
{
	struct uffdio_writeprotect wp = { .range = { (uintptr_t)at, pages * PAGE },
					  .mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0 };

	return ioctl(fd, UFFDIO_WRITEPROTECT, &wp);
}

/* Events come as SIGBUS (UFFD_FEATURE_SIGBUS), which needs no second thread. */
static void userfault(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS | UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC), events = 0, early = 0;
	struct dmirror *devices[] = { &private, &coherent };
	uint64_t value, kept;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api)) {
		tap_skip("userfaultfd", "none, or it cannot write protect: %s", strerror(errno));
		return;
	}
	for (int kind = 0; kind < 2; kind++) {
		const char *name = kind ? "coherent" : "private";
		char *at = buffer(pages);

		early = events = 0;
		stamp_all(at, 5, 0, pages);
		reg.range.start = (uintptr_t)at;
		reg.range.len = pages * PAGE;
		if (ioctl(fd, UFFDIO_REGISTER, &reg) || protect(fd, at, 1))
			tap_bail("userfaultfd does not take the range: %s", strerror(errno));
		to_device(devices[kind], at, pages);
		tap_ok(on_device(devices[kind], at, pages) == pages, "%s: protected pages go to the device", name);
		kept = with_bit(at, pages, pagemap_wp);
		if (!tap_ok(kept == pages, "%s: and stay protected there", name))
			tap_note("%lu of %d", kept, pages);
		tap_ok(right(at, 5, 0, pages / 2), "%s: reading them is no event", name);
		for (int i = 0; i < pages; i += 7) {
			value = 0;
			events += fault_on(at + i * PAGE, 1, &value) == SIGBUS;
		}
		if (!tap_ok(events == (pages + 6) / 7, "%s: writing each of them is", name))
			tap_note("%d events of %d", events, (pages + 6) / 7);
		tap_ok(right(at, 5, 0, pages), "%s: and changes nothing", name);
		protect(fd, at, 0);
		for (int i = 0; i < pages; i++) {
			value = stamp_word(5, i, 0);
			early += fault_on(at + i * PAGE, 1, &value) != 0;
		}
		tap_ok(!early && right(at, 5, 0, pages), "%s: without protection they can be written", name);
		ioctl(fd, UFFDIO_UNREGISTER, &reg.range);
		munmap(at, pages * PAGE);
	}
	close(fd);
}

/* A page that two processes share is evicted for both. */
static void two_mappers(void)
{
	char *at = buffer(pages);
	struct dmirror own = dmirror_open(private.minor, 0);
	int go[2], ready[2], status;
	pid_t child;
	char byte;

	stamp_all(at, 6, 0, pages);
	to_device(&private, at, pages);
	if (pipe(go) || pipe(ready))
		tap_bail("pipe: %s", strerror(errno));
	child = fork();
	if (!child) {
		close(private.fd);
		close(own.fd);
		close(go[1]);
		if (write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(2);
		if (!right(at, 6, 0, pages))
			_exit(1);
		stamp_all(at, 7, 0, pages);
		_exit(!right(at, 7, 0, pages));
	}
	close(go[0]);
	/* Only the last close of a file counts, so the child's must be over. */
	if (read(ready[0], &byte, 1) != 1)
		tap_note("no child");
	/* Closing a device file brings all pages of the device home (dmirror_fops_release()). */
	close(own.fd);
	tap_ok(on_device(&private, at, pages) == 0, "eviction takes shared pages off the device");
	if (write(go[1], "", 1) != 1)
		tap_note("no go");
	status = status_of(child);
	tap_ok(status == 0 && right(at, 6, 0, pages), "both processes keep their data");
	munmap(at, pages * PAGE);
}

/* From one kind to the other and back, over RAM; and without going over RAM, which drivers may refuse. */
static void across(void)
{
	struct dmirror *order[] = { &private, &coherent, &private, &coherent };
	char *at = buffer(pages);
	int good = 1, there = 1;

	stamp_all(at, 8, 0, pages);
	for (int i = 0; i < 4; i++) {
		dmirror_do(order[i], HMM_DMIRROR_MIGRATE_TO_DEV, at, pages, mirror);
		there &= on_device(order[i], at, pages) == pages;
		good &= right(mirror, 8, 0, pages);
		dmirror_do(order[i], HMM_DMIRROR_MIGRATE_TO_SYS, at, pages, NULL);
		there &= on_device(order[i], at, pages) == 0;
	}
	tap_ok(there, "pages go from private to coherent memory and back");
	tap_ok(good && right(at, 8, 0, pages), "with their data");
	to_device(&coherent, at, pages);
	to_device(&private, at, pages);
	tap_ok(right(at, 8, 0, pages), "so they have when one device takes them from the other");
	munmap(at, pages * PAGE);
}

static uint64_t dying(void)
{
	char line[128];
	uint64_t count = 0;
	FILE *f = fopen("/sys/fs/cgroup/cgroup.stat", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "nr_dying_descendants %lu", &count) == 1)
			break;
	if (f)
		fclose(f);
	return count;
}

/* A cgroup whose pages went to devices is charged for them, and can be destroyed: nothing holds it. */
static void charge(void)
{
	const char *group = "/sys/fs/cgroup/pgmap-more";
	uint64_t before = dying(), after, charged;
	int ready[2], status;
	double until;
	char byte;
	pid_t child;

	if (write_to("/sys/fs/cgroup/cgroup.subtree_control", "+memory")) {
		tap_skip("a cgroup goes with its pages", "no memory controller");
		return;
	}
	for (int round = 0; round < 4; round++) {
		if (pipe(ready))
			tap_bail("pipe: %s", strerror(errno));
		mkdir(group, 0755);
		child = fork();
		if (!child) {
			struct dmirror d = dmirror_open(round % 2 ? 2 : 0, round % 2);
			char *at;

			if (write_to("/sys/fs/cgroup/pgmap-more/cgroup.procs", "0"))
				_exit(2);
			at = buffer(pages);
			stamp_all(at, round, 0, pages);
			if (to_device(&d, at, pages) != pages)
				_exit(3);
			/* Some come home, the rest goes with the process. */
			if (!right(at, round, 0, pages / 3) || write(ready[1], "", 1) != 1)
				_exit(4);
			pause();
		}
		/* Without an end of ours, a child that fails ends the read. */
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			tap_note("the child says nothing");
		close(ready[0]);
		charged = number_in(0, "%s/memory.current", group);
		if (!round)
			tap_ok(charged >= pages * PAGE / 2, "a cgroup is charged for pages on the device");
		if (charged < pages * PAGE / 2)
			tap_note("%lu bytes", charged);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		until = seconds() + 2;
		while (rmdir(group) && seconds() < until)
			usleep(5000);
	}
	write_to("/proc/sys/vm/drop_caches", "3");
	until = seconds() + 5;
	while ((after = dying()) > before && seconds() < until)
		usleep(20000);
	if (!tap_ok(after <= before, "cgroups whose pages were on devices do not linger"))
		tap_note("%lu dying, %lu before", after, before);
}

/* More than the 256 MiB that a device has at first: it gets a second range. */
static void grow(void)
{
	enum { most = 66 * 1024, step = 64, wanted = 65536 + 512 };
	char *at = buffer(most);
	uint64_t there = 0, wrong = 0;
	int moved = 1;

	for (uint64_t i = 0; i < wanted; i++)
		*(volatile uint64_t *)(at + i * PAGE + i % WORDS * 8) = stamp_word(9, i, 0);
	for (uint64_t i = 0; i < wanted; i += 512) {
		struct hmm_dmirror_cmd cmd = { .addr = (uintptr_t)at + i * PAGE, .ptr = (uintptr_t)mirror, .npages = 512 };

		if (ioctl(private.fd, HMM_DMIRROR_MIGRATE_TO_DEV, &cmd))
			moved = 0;
	}
	for (uint64_t i = 0; i < wanted; i += 512)
		there += on_device(&private, at + i * PAGE, 512);
	if (!tap_ok(moved && there == wanted, "a device takes more pages than it had room for at first"))
		tap_note("%lu of %d are there", there, wanted);
	for (uint64_t i = 0; i < wanted; i += 5)
		wrong += *(volatile uint64_t *)(at + i * PAGE + i % WORDS * 8) != stamp_word(9, i, 0);
	tap_ok(!wrong, "they come home with their data");
	munmap(at, most * PAGE);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = { { "swap", swapped }, { "userfault", userfault }, { "two-mappers", two_mappers },
		      { "across", across }, { "charge", charge },	{ "grow", grow },
		      { "lazy-free", lazily_freed }, { "soft-dirty", soft_dirty }, { "locked", locked } };
	const char *name = argc > 1 ? argv[1] : "";

	private = dmirror_open(0, 0);
	coherent = dmirror_open(2, 1);
	if (private.fd < 0 || coherent.fd < 0)
		tap_bail("no device files of test_hmm");
	mirror = buffer(pages);
	for (unsigned int i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		if (!strcmp(name, tests[i].name)) {
			tests[i].run();
			tap_done();
		}
	tap_bail("no test is called %s", name);
}
