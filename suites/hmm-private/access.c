// SPDX-License-Identifier: GPL-2.0-only
/*
 * access private|coherent: pages on the device, and everybody who may touch them: CPU, system calls, other processes,
 * children, the other device, and the end of a mapping, a process, a file. The data must be right each time, and pages
 * must be where they belong: private ones come back to RAM when the CPU touches them, coherent ones stay.
 */
#include <linux/fs.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <tap.h>
#include "dmirror.h"

/* Not a multiple of the 64 pages that test_hmm works in, and over more than one page table. */
enum { pages = 600 };

static int coherent;
static struct dmirror dev, other;
static char *mirror;

static char *buffer(uint64_t count)
{
	char *at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		tap_bail("no memory for %lu pages: %s", count, strerror(errno));
	return at;
}

/* Stamps and migrates; whether all of it went there. */
static int to_device(char *at, uint64_t seed, uint64_t count)
{
	stamp_all(at, seed, 0, count);
	return dmirror_do(&dev, HMM_DMIRROR_MIGRATE_TO_DEV, at, count, mirror) == (long)count;
}

static char *on_device(uint64_t seed)
{
	char *at = buffer(pages);

	if (!to_device(at, seed, pages))
		tap_note("not every page went to the device (seed %lu)", seed);
	return at;
}

static int right(const char *at, uint64_t seed, uint64_t first, uint64_t count)
{
	uint64_t where = 0, wrong = stamps_wrong(at, seed, first, count, &where);

	if (wrong)
		tap_note("%lu of %lu pages hold something else, the first is %lu", wrong, count, where);
	return !wrong;
}

static uint64_t still_there(char *at, uint64_t count)
{
	return dmirror_count(&dev, at, count, dev.local);
}

static int child_says(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return status == 0;
}

static void migration(void)
{
	char *at = buffer(pages);
	uint64_t pfn[pages], ram = 0, same = 0;

	tap_ok(to_device(at, 1, pages), "every page goes to the device");
	tap_ok(right(mirror, 1, 0, pages), "the device sees what the CPU wrote");
	tap_ok(still_there(at, pages) == pages, "a snapshot shows every page on this device");
	tap_ok(dmirror_count(&other, at, pages, other.remote) == (coherent ? pages : 0),
	       "a snapshot of the other device does not call them its own");
	if (coherent) {
		page_frames(at, pages, pfn);
		for (int i = 0; i < pages; i++) {
			ram += !pfn[i] || in_system_ram(pfn[i]);
			for (int j = 0; j < i; j++)
				same += pfn[i] == pfn[j];
		}
		tap_ok(!ram && !same, "every page has its own frame, outside of System RAM");
	} else {
		tap_ok(!page_frame(at) && !page_frame(at + (pages - 1) * PAGE), "no page is present for the CPU");
	}
	stamp_all(mirror, 2, 0, pages);
	tap_ok(dmirror_do(&dev, HMM_DMIRROR_WRITE, at, pages, mirror) == pages && right(at, 2, 0, pages),
	       "the CPU sees what the device wrote");
	tap_ok(still_there(at, pages) == (coherent ? pages : 0),
	       coherent ? "pages stay on the device when the CPU reads" : "pages come back when the CPU reads");
	munmap(at, pages * PAGE);

	at = on_device(3);
	tap_ok(dmirror_do(&dev, HMM_DMIRROR_MIGRATE_TO_SYS, at, pages, NULL) >= 0 && still_there(at, pages) == 0 &&
		       right(at, 3, 0, pages),
	       "the driver brings every page back with its data");
	munmap(at, pages * PAGE);

	at = buffer(pages);
	tap_ok(dmirror_do(&dev, HMM_DMIRROR_MIGRATE_TO_DEV, at, pages, mirror) >= 0 && zeroed(at, pages * PAGE),
	       "memory that was never touched is zero on the device and after it");
	munmap(at, pages * PAGE);
}

static void cpu_write(void)
{
	char *at = on_device(10);
	int wrong = 0;

	/* Backwards and with gaps: the first touch of a page table is not its first page. */
	for (int i = pages - 1; i >= 0; i -= 2)
		stamp(at + i * PAGE, 11, i);
	/*
	 * One page at a time: when a read misses a page, test_hmm asks for the rest of the range and would take pages
	 * that are on the device for RAM (dmirror_do_fault(), 6.12).
	 */
	for (int i = 0; i < pages; i++)
		wrong += dmirror_do(&dev, HMM_DMIRROR_READ, at + i * PAGE, 1, mirror) != 1 ||
			 !stamped(mirror, (pages - 1 - i) % 2 ? 10 : 11, i);
	tap_ok(!wrong, "the device sees the CPU's writes and its own pages between them");
	munmap(at, pages * PAGE);
}

static void system_calls(void)
{
	char *at = on_device(20), *plain = buffer(pages);
	int file = memfd_create("pgmap", 0), pipes[2];
	pid_t child;

	tap_ok(pwrite(file, at, pages * PAGE, 0) == pages * PAGE &&
		       pread(file, plain, pages * PAGE, 0) == pages * PAGE && right(plain, 20, 0, pages),
	       "write(2) takes the data from the device");
	munmap(at, pages * PAGE);

	at = on_device(21);
	tap_ok(pread(file, at, pages * PAGE, 0) == pages * PAGE && right(at, 20, 0, pages),
	       "read(2) puts data over pages on the device");
	munmap(at, pages * PAGE);

	at = on_device(22);
	child = fork();
	if (!child) {
		char path[64];

		munmap(at, pages * PAGE);
		snprintf(path, sizeof(path), "/proc/%d/mem", getppid());
		_exit(pread(open(path, O_RDONLY), plain, pages * PAGE, (uintptr_t)at) != pages * PAGE ||
		      !right(plain, 22, 0, pages));
	}
	tap_ok(child_says(child), "another process reads them through /proc/pid/mem");
	munmap(at, pages * PAGE);

	at = on_device(23);
	if (!pipe(pipes)) {
		struct iovec few = { at, 8 * PAGE };

		tap_ok(vmsplice(pipes[1], &few, 1, 0) == 8 * PAGE && read(pipes[0], plain, 8 * PAGE) == 8 * PAGE &&
			       right(plain, 23, 0, 8),
		       "vmsplice(2) puts them into a pipe");
		close(pipes[0]);
		close(pipes[1]);
	}
	munmap(at, pages * PAGE);
	munmap(plain, pages * PAGE);
	close(file);
}

static void pins(void)
{
	static const struct {
		const char *name;
		unsigned long request;
	} kinds[] = { { "get_user_pages_fast", GUP_FAST },
		      { "get_user_pages", GUP_BASIC },
		      { "pin_user_pages_fast", PIN_FAST },
		      { "pin_user_pages", PIN_BASIC },
		      { "pin_user_pages for long", PIN_LONGTERM } };
	long taken = vmstat("nr_foll_pin_acquired"), given = vmstat("nr_foll_pin_released");

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char *at = on_device(30 + i);
		long got = gup(kinds[i].request, at, pages * PAGE, i % 2, i % 2 ? 1 : 50);

		if (!tap_ok(got == pages * PAGE && right(at, 30 + i, 0, pages), "%s gets every page", kinds[i].name))
			tap_note("%ld bytes", got);
		if (kinds[i].request == PIN_LONGTERM) {
			uint64_t pfn[pages], ram = 0;

			page_frames(at, pages, pfn);
			for (int j = 0; j < pages; j++)
				ram += pfn[j] && in_system_ram(pfn[j]);
			tap_ok(ram == pages, "pages pinned for long are in RAM");
		}
		munmap(at, pages * PAGE);
	}
	taken = vmstat("nr_foll_pin_acquired") - taken;
	given = vmstat("nr_foll_pin_released") - given;
	if (!tap_ok(taken > 0 && taken == given, "every pin is released"))
		tap_note("%ld taken, %ld released", taken, given);
}

static void address_space(void)
{
	char *at = on_device(40), *to;
	uint64_t value = 0;
	int good;

	mprotect(at, pages * PAGE, PROT_READ);
	good = right(at, 40, 0, pages / 2);
	tap_ok(good && fault_on(at + (pages - 1) * PAGE, 1, &value) == SIGSEGV, "mprotect(2) makes them read only");
	/* The mapping itself is read only, so only one that is mapped again shows what its entry had become. */
	tap_ok(fault_on(at, 1, &value) == SIGSEGV, "and those that are back");
	mprotect(at, pages * PAGE, PROT_READ | PROT_WRITE);
	stamp_all(at, 41, 0, pages / 2);
	tap_ok(right(at, 41, 0, pages / 2) && right(at + pages / 2 * PAGE, 40, pages / 2, pages - pages / 2),
	       "and writable again");
	munmap(at, pages * PAGE);

	at = on_device(42);
	to = buffer(pages + 1);
	munmap(to, (pages + 1) * PAGE);
	to = mremap(at, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE);
	tap_ok(to != MAP_FAILED && right(to, 42, 0, pages), "mremap(2) takes them along");
	if (to != MAP_FAILED)
		munmap(to, pages * PAGE);

	at = on_device(43);
	munmap(at + 100 * PAGE, 200 * PAGE);
	tap_ok(right(at, 43, 0, 100) && right(at + 300 * PAGE, 43, 300, pages - 300),
	       "munmap(2) in the middle leaves the others");
	munmap(at, pages * PAGE);

	at = on_device(44);
	tap_ok(!madvise(at + PAGE, (pages - 2) * PAGE, MADV_DONTNEED) && zeroed(at + PAGE, (pages - 2) * PAGE) &&
		       right(at, 44, 0, 1) && right(at + (pages - 1) * PAGE, 44, pages - 1, 1),
	       "MADV_DONTNEED empties what it is told and no more");
	munmap(at, pages * PAGE);

	at = on_device(45);
	madvise(at, pages * PAGE, MADV_COLD);
	madvise(at, pages * PAGE, MADV_PAGEOUT);
	tap_ok(right(at, 45, 0, pages), "MADV_PAGEOUT loses nothing");
	munmap(at, pages * PAGE);
}

/* What proc says about a mapping whose pages are on a device: all of it is resident, private ones look swapped. */
static void accounted(void)
{
	char *at = on_device(47), line[256];
	uint64_t entry[pages], from, to, resident = 0, swapped = 0, first;
	int file = open("/proc/self/pagemap", O_RDONLY), mine = 0;
	FILE *smaps = fopen("/proc/self/smaps", "r");

	if (pread(file, entry, sizeof(entry), (uintptr_t)at / PAGE * 8) != sizeof(entry))
		tap_note("pagemap: %s", strerror(errno));
	close(file);
	for (int i = 0; i < pages; i++)
		swapped += (entry[i] >> 62) == 1;
	/* The mapping may have been merged with a neighbour. */
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			mine = from <= (uintptr_t)at && (uintptr_t)at < to;
		else if (mine && sscanf(line, "Rss: %lu", &first) == 1)
			resident = first;
	}
	if (smaps)
		fclose(smaps);
	if (!tap_ok(resident >= pages * 4 && swapped == (coherent ? 0 : pages), "proc counts them as what they are"))
		tap_note("%lu KiB resident, %lu of %d pages swapped", resident, swapped, pages);
	munmap(at, pages * PAGE);
}

/* A huge page is split on its way to the device; newer kernels can move it whole. */
static void huge(void)
{
	char *room = buffer(3 * 512), *at = (char *)(((uintptr_t)room + 2 * MiB - 1) & ~(2 * MiB - 1));
	int there;

	madvise(at, 4 * MiB, MADV_HUGEPAGE);
	stamp_all(at, 48, 0, 1024);
	there = dmirror_do(&dev, HMM_DMIRROR_MIGRATE_TO_DEV, at, 512, mirror) == 512 && still_there(at, 512) == 512;
	tap_ok(there && right(at + 2 * MiB, 48, 512, 512) && right(at, 48, 0, 512), "a huge page goes to the device and back");
	munmap(room, 3 * 512 * PAGE);
}

static void private_file(void)
{
	int file = memfd_create("pgmap", 0);
	char *at, *shared;

	if (ftruncate(file, pages * PAGE))
		tap_bail("memfd: %s", strerror(errno));
	shared = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	stamp_all(shared, 50, 0, pages);
	at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	stamp_all(at, 51, 0, pages / 2);
	/* Only the half that was written is anonymous and may go. */
	dmirror_do(&dev, HMM_DMIRROR_MIGRATE_TO_DEV, at, pages, mirror);
	tap_ok(still_there(at, pages) == pages / 2, "the private pages of a file mapping go to the device, no others");
	tap_ok(right(at, 51, 0, pages / 4) && right(at + pages / 2 * PAGE, 50, pages / 2, pages / 2) &&
		       right(shared, 50, 0, pages),
	       "private file pages keep their data and the file its own");
	munmap(at, pages * PAGE);
	munmap(shared, pages * PAGE);
	close(file);
}

/* Three generations, each writes its third; the youngest goes first or last. */
static void forks(int parent_first)
{
	char *at = on_device(60 + parent_first);
	int seed = 60 + parent_first, third = pages / 3, pipes[2];
	pid_t child;
	char go = 0;

	if (pipe(pipes))
		return;
	child = fork();
	if (!child) {
		pid_t grandchild;

		if (parent_first && read(pipes[0], &go, 1) != 1)
			_exit(1);
		stamp_all(at, 70, 0, third);
		grandchild = fork();
		if (!grandchild) {
			stamp_all(at + third * PAGE, 71, third, third);
			_exit(!(right(at, 70, 0, third) && right(at + third * PAGE, 71, third, third) &&
				right(at + 2 * third * PAGE, seed, 2 * third, third)));
		}
		_exit(!(child_says(grandchild) && right(at, 70, 0, third) &&
			right(at + third * PAGE, seed, third, 2 * third)));
	}
	if (parent_first) {
		/* The parent writes first and lets go of its copy of the last third. */
		stamp_all(at, 72, 0, third);
		munmap(at + 2 * third * PAGE, third * PAGE);
		if (write(pipes[1], &go, 1) != 1)
			tap_note("no go");
		tap_ok(child_says(child) && right(at, 72, 0, third) && right(at + third * PAGE, seed, third, third),
		       "fork: a parent that writes first and its children see only their own writes");
		munmap(at, 2 * third * PAGE);
	} else {
		tap_ok(child_says(child) && right(at, seed, 0, pages),
		       "fork: children's writes stay theirs, over three generations");
		munmap(at, pages * PAGE);
	}
	close(pipes[0]);
	close(pipes[1]);
}

/* Only for coherent pages: hmm_range_fault() gives private ones of its owner out read only, and test_hmm warns. */
static void fork_then_device(void)
{
	char *at = on_device(65);
	int pipes[2], back[2];
	pid_t child;
	char go = 0;

	if (pipe(pipes) || pipe(back))
		return;
	child = fork();
	if (!child) {
		if (write(back[1], &go, 1) != 1 || read(pipes[0], &go, 1) != 1)
			_exit(1);
		_exit(!right(at, 65, 0, pages));
	}
	if (read(back[0], &go, 1) != 1)
		tap_note("no child");
	stamp_all(mirror, 66, 0, pages);
	long wrote = dmirror_do(&dev, HMM_DMIRROR_WRITE, at, pages, mirror);

	if (write(pipes[1], &go, 1) != 1)
		tap_note("no go");
	tap_ok(wrote == pages && child_says(child) && right(at, 66, 0, pages),
	       "fork: what the device writes for the parent does not reach the child");
	munmap(at, pages * PAGE);
	for (int i = 0; i < 2; i++) {
		close(pipes[i]);
		close(back[i]);
	}
}

static void other_device(void)
{
	char *at = on_device(80);

	tap_ok(dmirror_do(&other, HMM_DMIRROR_MIGRATE_TO_SYS, at, pages, NULL) == 0 && still_there(at, pages) == pages,
	       "the other device cannot send pages home that are not its own");
	tap_ok(dmirror_do(&other, HMM_DMIRROR_READ, at, pages, mirror) == pages && right(mirror, 80, 0, pages),
	       "the other device reads them");
	munmap(at, pages * PAGE);

	at = on_device(81);
	stamp_all(mirror, 82, 0, pages);
	tap_ok(dmirror_do(&other, HMM_DMIRROR_WRITE, at, pages, mirror) == pages && right(at, 82, 0, pages),
	       "the other device writes them");
	munmap(at, pages * PAGE);

	at = on_device(83);
	dmirror_do(&other, HMM_DMIRROR_MIGRATE_TO_SYS, at, pages, NULL);
	dmirror_do(&dev, HMM_DMIRROR_MIGRATE_TO_SYS, at, pages, NULL);
	tap_ok(dmirror_do(&other, HMM_DMIRROR_MIGRATE_TO_DEV, at, pages, mirror) == pages &&
		       dmirror_count(&other, at, pages, other.local) == pages && right(at, 83, 0, pages),
	       "pages go from one device to the other");
	munmap(at, pages * PAGE);
}

/* Pages handed out by the page allocator since boot. */
static long allocated(void)
{
	static const char *const zones[] = { "dma", "dma32", "normal", "movable", "device" };
	long sum = 0;

	for (unsigned int i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
		char name[32];
		long pages_of_zone;

		snprintf(name, sizeof(name), "pgalloc_%s", zones[i]);
		pages_of_zone = vmstat(name);
		sum += pages_of_zone > 0 ? pages_of_zone : 0;
	}
	return sum;
}

/* Closing brings every page in use home; a page that nobody uses must not be mistaken for one. */
static void unused(void)
{
	struct dmirror own = dmirror_open(dev.minor, coherent);
	long before = allocated(), moved;

	close(own.fd);
	moved = allocated() - before;
	if (!tap_ok(moved < 8192, "closing a device that holds nothing moves nothing"))
		tap_note("%ld pages were allocated for it", moved);
}

static void ends(void)
{
	char *at = on_device(90);
	struct dmirror own = dmirror_open(dev.minor, coherent);
	struct stat none;
	pid_t child;

	/* Closing takes every page of the device home. */
	close(own.fd);
	tap_ok(right(at, 90, 0, pages), "data survives the close of a device file");
	munmap(at, pages * PAGE);

	child = fork();
	if (!child) {
		struct dmirror mine = dmirror_open(dev.minor, coherent);

		dev = mine;
		at = on_device(91);
		kill(getpid(), SIGKILL);
	}
	waitpid(child, NULL, 0);
	tap_ok(!stat("/dev/hmm_dmirror0", &none) && to_device(at = buffer(pages), 92, pages) && right(at, 92, 0, pages),
	       "the device works on after a process was killed with pages on it");
	munmap(at, pages * PAGE);
}

/* A cgroup that used device pages is charged nothing once they are gone. */
static void charge(void)
{
	const char *group = "/sys/fs/cgroup/pgmap-access";
	char procs[64], current[64];
	uint64_t left = 0;
	pid_t child;

	write_to("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", group);
	snprintf(current, sizeof(current), "%s/memory.current", group);
	mkdir(group, 0755);
	child = fork();
	if (!child) {
		char *at;

		if (write_to(procs, "0"))
			_exit(2);
		dev = dmirror_open(dev.minor, coherent);
		for (int i = 0; i < 4; i++) {
			at = on_device(95 + i);
			if (!right(at, 95 + i, 0, pages / 2))
				_exit(1);
			munmap(at, (i % 2 ? pages : pages / 4) * PAGE);
		}
		_exit(0);
	}
	if (!child_says(child)) {
		tap_skip("a cgroup is charged nothing for pages that are gone", "no memory controller");
	} else {
		/* What is freed late: page tables over RCU, stocks of 64 pages per CPU. */
		double until = seconds() + 3;

		do
			left = number_in(0, "%s", current);
		while (left > 1 * MiB && seconds() < until && !usleep(20000));
		if (!tap_ok(left <= 1 * MiB, "a cgroup is charged nothing for pages that are gone"))
			tap_note("%lu bytes are left", left);
	}
	rmdir(group);
}

int main(int argc, char **argv)
{
	coherent = argc > 1 && !strcmp(argv[1], "coherent");
	dev = dmirror_open(coherent ? 2 : 0, coherent);
	other = dmirror_open(coherent ? 3 : 1, coherent);
	if (dev.fd < 0 || other.fd < 0)
		tap_bail("no device files of test_hmm");
	mirror = buffer(pages);
	unused();
	migration();
	cpu_write();
	system_calls();
	pins();
	address_space();
	accounted();
	huge();
	private_file();
	forks(0);
	forks(1);
	if (coherent)
		fork_then_device();
	other_device();
	ends();
	charge();
	tap_done();
}
