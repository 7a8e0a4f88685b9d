// SPDX-License-Identifier: GPL-2.0-only
/*
 * files FSTYPE DEVICE [SCRATCH-DEVICE]: mounts the file system on /dev/DEVICE with DAX and looks at files from all sides at once: mapped,
 * read, written, through the block device at the place the page table says, pinned, shared with a child, truncated.
 */
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <tap.h>
#include <pages.h>

#ifndef STATX_ATTR_DAX
#define STATX_ATTR_DAX 0x00200000
#endif
#ifndef MAP_SYNC
#define MAP_SYNC 0x80000
#endif

/* Over two 2 MiB edges, and neither its pages nor its bytes are a round number. */
enum { pages = 1029, tail = 1234 };
static const uint64_t length = (pages - 1) * PAGE + tail;

static const char *fs, *device, *scratch;
static uint64_t data_start, data_size;

static void mount_it(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", device);
	mkdir("/mnt/dax", 0755);
	if (mount(path, "/mnt/dax", fs, 0, "dax=always"))
		tap_bail("mount -t %s -o dax=always %s: %s", fs, path, strerror(errno));
}

static int file(const char *name, uint64_t allocate)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/mnt/dax/%s", name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || (allocate && posix_fallocate(fd, 0, allocate)))
		tap_bail("%s: %s", path, strerror(errno));
	return fd;
}

/* At a multiple of 2 MiB, so that huge mappings are possible. */
static char *map(int fd, uint64_t bytes, int flags)
{
	char *room = mmap(NULL, bytes + 4 * MiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at = (char *)(((uintptr_t)room + 2 * MiB - 1) & ~(2 * MiB - 1));

	return mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
}

static int right(const char *what, const char *at, uint64_t seed, uint64_t first, uint64_t count)
{
	uint64_t where = 0, wrong = stamps_wrong(at, seed, first, count, &where);

	if (wrong)
		tap_note("%s: %lu of %lu pages hold something else, the first is %lu", what, wrong, count, where);
	return !wrong;
}

/* The last page of a file is there only in part. */
static int right_file(const char *what, const char *at, uint64_t seed)
{
	uint64_t last[WORDS];

	for (unsigned int i = 0; i < WORDS; i++)
		last[i] = stamp_word(seed, pages - 1, i);
	if (memcmp(at + (pages - 1) * PAGE, last, tail)) {
		tap_note("%s: the last page holds something else", what);
		return 0;
	}
	return right(what, at, seed, 0, pages - 1);
}

static int read_right(int fd, uint64_t seed)
{
	char *at = malloc(length + PAGE);
	int good = pread(fd, at, length, 0) == (ssize_t)length && right_file("read(2)", at, seed);

	free(at);
	return good;
}

static int write_stamps(int fd, uint64_t seed)
{
	char *at = malloc(pages * PAGE);
	int good;

	stamp_all(at, seed, 0, pages);
	good = pwrite(fd, at, length, 0) == (ssize_t)length;
	free(at);
	return good;
}

/* What the block device holds where the page table says the page is. */
static int on_device_right(const char *at, uint64_t seed, uint64_t step)
{
	char path[64], *buffer = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd, good = 1;

	snprintf(path, sizeof(path), "/dev/%s", device);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	for (uint64_t i = 0; i < pages - 1 && good; i += i % 512 == 511 || i % 512 == 0 ? 1 : step) {
		uint64_t place = page_frame(at + i * PAGE) * PAGE - data_start;

		good = pread(fd, buffer, PAGE, place) == (ssize_t)PAGE && stamped(buffer, seed, i);
		if (!good)
			tap_note("page %lu is not at byte %#lx of the device", i, place);
	}
	close(fd);
	munmap(buffer, PAGE);
	return good;
}

static int order(const void *a, const void *b)
{
	return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : 1;
}

static void placement(char *at)
{
	uint64_t pfn[pages], outside = 0, same = 0;

	page_frames(at, pages, pfn);
	for (int i = 0; i < pages; i++)
		outside += pfn[i] * PAGE < data_start || pfn[i] * PAGE >= data_start + data_size;
	if (!tap_ok(!outside, "every mapped page is memory of the namespace"))
		tap_note("%lu of %d are not in %#lx+%#lx, the first page is %#lx", outside, pages, data_start, data_size,
			 pfn[0] * PAGE);
	qsort(pfn, pages, 8, order);
	for (int i = 1; i < pages; i++)
		same += pfn[i] == pfn[i - 1];
	tap_ok(!same, "no two pages share a frame");
}

static void views(void)
{
	int fd = file("views", length);
	struct statx sx = { 0 };
	char *at, odd[3 * PAGE + 77];
	int good;

	good = !syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0, &sx);
	tap_ok(good && sx.stx_attributes & STATX_ATTR_DAX, "the file is DAX");
	good = write_stamps(fd, 1) && !fsync(fd);
	at = map(fd, pages * PAGE, MAP_SHARED);
	/* The last page first: nothing may depend on the order of faults. */
	good &= at[(pages - 1) * PAGE + tail] == 0;
	tap_ok(good && right_file("mapping", at, 1), "a mapping shows what write(2) wrote");
	tap_ok(zeroed(at + (pages - 1) * PAGE + (tail / 8 + 1) * 8, PAGE - (tail / 8 + 1) * 8), "and zeros after the end");
	placement(at);
	tap_ok(on_device_right(at, 1, 37), "the block device holds each page where the page table says it is");

	for (int i = pages - 1; i >= 0; i--)
		stamp(at + i * PAGE, 2, i);
	tap_ok(read_right(fd, 2), "read(2) shows what was stored through the mapping");
	tap_ok(!msync(at, pages * PAGE, MS_SYNC) && on_device_right(at, 2, 41), "and so does the block device");
	tap_ok(write_stamps(fd, 3) && right_file("mapping", at, 3), "a live mapping shows new writes");

	memset(odd, 0x5a, sizeof(odd));
	good = pwrite(fd, odd, sizeof(odd), 512 * PAGE - PAGE - 33) == sizeof(odd);
	good &= !memcmp(at + 511 * PAGE - 33, odd, sizeof(odd)) &&
		right("before", at, 3, 0, 510) && right("after", at + 515 * PAGE, 3, 515, 500);
	tap_ok(good, "an unaligned write over a 2 MiB edge changes its own bytes only");
	good = write_stamps(fd, 4);
	munmap(at, pages * PAGE);
	close(fd);

	good &= !umount("/mnt/dax");
	mount_it();
	fd = file("views", 0);
	at = map(fd, pages * PAGE, MAP_SHARED);
	tap_ok(good && right_file("mapping", at, 4) && read_right(fd, 4), "all of it is still there after a remount");
	munmap(at, pages * PAGE);
	close(fd);
}

static void holes(void)
{
	int fd = file("holes", 0);
	char *at, page[PAGE];
	struct stat was, is;
	int good;

	if (ftruncate(fd, 6 * MiB))
		tap_bail("ftruncate: %s", strerror(errno));
	fstat(fd, &was);
	at = map(fd, 6 * MiB, MAP_SHARED);
	tap_ok(zeroed(at, 6 * MiB), "a hole reads as zeros, in pages of 4 KiB and 2 MiB");
	stamp(at + 700 * PAGE, 1, 700);
	stamp(at + 511 * PAGE, 1, 511);
	stamp(at + 1535 * PAGE, 1, 1535);
	good = pread(fd, page, PAGE, 700 * PAGE) == PAGE && stamped(page, 1, 700);
	fstat(fd, &is);
	tap_ok(good && is.st_blocks > was.st_blocks && stamped(at + 511 * PAGE, 1, 511) &&
		       stamped(at + 1535 * PAGE, 1, 1535),
	       "a store into a hole gets a page of its own");
	tap_ok(zeroed(at, 511 * PAGE) && zeroed(at + 512 * PAGE, 188 * PAGE) && zeroed(at + 701 * PAGE, 834 * PAGE),
	       "and the rest stays zero");
	munmap(at, 6 * MiB);
	close(fd);
}

/* One page of a hole that is mapped huge, and one of a hole that is too small for that. */
static void filled_holes(void)
{
	const int total = 512 + 64, filled[] = { 300, 512 + 20 };
	int fd = file("filled", 0), good;
	char *at, page[PAGE];

	if (ftruncate(fd, total * PAGE))
		tap_bail("ftruncate: %s", strerror(errno));
	at = map(fd, total * PAGE, MAP_SHARED);
	good = zeroed(at, total * PAGE);
	for (int i = 0; i < 2; i++) {
		int n = filled[i];

		stamp(page, 2, n);
		good &= pwrite(fd, page, PAGE, (off_t)n * PAGE) == PAGE && stamped(at + n * PAGE, 2, n) &&
			zeroed(at + (n - 1) * PAGE, PAGE) && zeroed(at + (n + 1) * PAGE, PAGE);
	}
	tap_ok(good, "write(2) into a hole is seen by who has read the hole");
	munmap(at, total * PAGE);
	close(fd);
}

static void shorter(void)
{
	int fd = file("shorter", 4 * MiB);
	uint64_t value;
	char *at = map(fd, 4 * MiB, MAP_SHARED);
	int good;

	stamp_all(at, 5, 0, 1024);
	good = !fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100 * PAGE, 500 * PAGE);
	tap_ok(good && right("before", at, 5, 0, 100) && zeroed(at + 100 * PAGE, 500 * PAGE) &&
		       right("after", at + 600 * PAGE, 5, 600, 424),
	       "a punched hole is zero in the mapping, its neighbours are not");
	good = !ftruncate(fd, 50 * PAGE + 8);
	tap_ok(good && fault_on(at + 51 * PAGE, 0, &value) == SIGBUS && fault_on(at + 1023 * PAGE, 1, &value) == SIGBUS &&
		       right("before", at, 5, 0, 50),
	       "beyond a new end there is SIGBUS");
	good = !ftruncate(fd, 4 * MiB);
	tap_ok(good && zeroed(at + 50 * PAGE + 8, PAGE - 8) && zeroed(at + 51 * PAGE, 973 * PAGE),
	       "and zeros when the file grows again");
	munmap(at, 4 * MiB);
	close(fd);
}

static void children(void)
{
	int fd = file("children", 3 * MiB), status = -1;
	char *shared = map(fd, 3 * MiB, MAP_SHARED), *private = map(fd, 3 * MiB, MAP_PRIVATE);
	pid_t child;

	stamp_all(shared, 6, 0, 768);
	/* A page of one's own before the fork, file pages around it. */
	stamp(private + 10 * PAGE, 7, 10);
	child = fork();
	if (!child) {
		int good = right("child", shared, 6, 0, 768) && stamped(private + 10 * PAGE, 7, 10);

		stamp(shared + 20 * PAGE, 8, 20);
		stamp(private + 10 * PAGE, 8, 10);
		stamp(private + 30 * PAGE, 8, 30);
		_exit(!(good && stamped(private + 20 * PAGE, 8, 20)));
	}
	waitpid(child, &status, 0);
	tap_ok(!status && stamped(shared + 20 * PAGE, 8, 20), "a child's store into a shared mapping is seen");
	tap_ok(stamped(private + 10 * PAGE, 7, 10) && stamped(private + 30 * PAGE, 6, 30) &&
		       stamped(shared + 10 * PAGE, 6, 10) && stamped(shared + 30 * PAGE, 6, 30),
	       "into a private one it is not");
	munmap(shared, 3 * MiB);
	munmap(private, 3 * MiB);
	close(fd);
}

static void synchronous(void)
{
	char path[128], real[512] = "";
	int fd = file("sync", MiB), want = 0;
	char *at;

	snprintf(path, sizeof(path), "/sys/block/%s", device);
	if (!realpath(path, real))
		real[0] = 0;
	/* What must be flushed through a virtqueue cannot promise that stores are durable. */
	if (strstr(real, "/virtio"))
		want = EOPNOTSUPP;
	at = mmap(NULL, MiB, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
	tap_ok((at == MAP_FAILED ? errno : 0) == want, "MAP_SYNC is %s", want ? "refused" : "granted");
	if (at != MAP_FAILED) {
		stamp_all(at, 9, 0, 256);
		munmap(at, MiB);
		at = mmap(NULL, MiB, PROT_READ, MAP_SHARED, fd, 0);
		tap_ok(right("mapping", at, 9, 0, 256), "what was stored under MAP_SYNC is in the file");
		munmap(at, MiB);
	}
	close(fd);
}

static void pins(void)
{
	static const struct {
		const char *name;
		unsigned long request;
	} kinds[] = { { "get_user_pages_fast", GUP_FAST },
		      { "get_user_pages", GUP_BASIC },
		      { "pin_user_pages_fast", PIN_FAST },
		      { "pin_user_pages", PIN_BASIC } };
	long taken = vmstat("nr_foll_pin_acquired"), given = vmstat("nr_foll_pin_released"), got;
	int fd = file("pins", length);
	char *at = map(fd, pages * PAGE, MAP_SHARED);

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		stamp_all(at, i, 0, pages - 1);
		got = gup(kinds[i].request, at, pages * PAGE, i % 2, 1);
		if (got == (long)(pages * PAGE))
			got = gup(kinds[i].request, at, pages * PAGE, 1, 100);
		if (!tap_ok(got == (long)(pages * PAGE), "%s gets every page", kinds[i].name))
			tap_note("%ld of %lu bytes", got, pages * PAGE);
	}
	got = gup(PIN_LONGTERM, at, pages * PAGE, 1, 1);
	if (!tap_ok(got == 0, "a pin for long is refused"))
		tap_note("%ld bytes", got);
	tap_ok(right("mapping", at, 3, 0, pages - 1), "pins change nothing");
	taken = vmstat("nr_foll_pin_acquired") - taken;
	given = vmstat("nr_foll_pin_released") - given;
	if (!tap_ok(taken > 0 && taken == given, "every pin is released"))
		tap_note("%ld taken, %ld released", taken, given);
	munmap(at, pages * PAGE);
	close(fd);
}

/*
 * The block layer pins the buffer: it reads the pages of one file from the device into those of another, and writes
 * them to a second device (or, without one, to the first, if a mounted device may be written).
 */
static void direct_io(void)
{
	int from = file("from", length), to = file("to", length), dev;
	char *source = map(from, pages * PAGE, MAP_SHARED), *buffer = map(to, pages * PAGE, MAP_SHARED), path[64];
	uint64_t run, place;

	stamp_all(source, 11, 0, pages - 1);
	stamp_all(buffer, 12, 0, pages - 1);
	msync(source, pages * PAGE, MS_SYNC);
	place = page_frame(source);
	for (run = 1; run < 512 && page_frame(source + run * PAGE) == place + run;)
		run++;
	snprintf(path, sizeof(path), "/dev/%s", device);
	dev = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	tap_ok(pread(dev, buffer, run * PAGE, place * PAGE - data_start) == (ssize_t)(run * PAGE) &&
		       right("buffer", buffer, 11, 0, run) && right("rest", buffer + run * PAGE, 12, run, pages - 1 - run),
	       "direct I/O reads into DAX pages");
	close(dev);
	snprintf(path, sizeof(path), "/dev/%s", scratch ? scratch : device);
	dev = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (dev < 0) {
		tap_skip("direct I/O writes from DAX pages", "no second device, and a mounted one may not be written");
	} else {
		uint64_t to_where = scratch ? 0 : place * PAGE - data_start;

		stamp_all(buffer, 13, 0, run);
		tap_ok(pwrite(dev, buffer, run * PAGE, to_where) == (ssize_t)(run * PAGE) &&
			       pread(dev, source, run * PAGE, to_where) == (ssize_t)(run * PAGE) &&
			       right("file", source, 13, 0, run) &&
			       right("rest", source + run * PAGE, 11, run, pages - 1 - run),
		       "direct I/O writes from DAX pages");
		close(dev);
	}
	tap_note("%lu pages at a time", run);
	munmap(source, pages * PAGE);
	munmap(buffer, pages * PAGE);
	close(from);
	close(to);
}

static int older_than(int major, int minor)
{
	struct utsname name;
	int a = 0, b = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &a, &b);
	return a < major || (a == major && b < minor);
}

/* Blocks that two files share are copied when one of them is written, at its edges and through mappings too. */
static void clones(void)
{
	int from = file("origin", 0), to = file("clone", 0);
	char *a, *b, odd[PAGE];
	int good;

	write_stamps(from, 21);
	if (ioctl(to, FICLONE, from)) {
		tap_skip("a clone has the same contents", "this file system cannot share blocks here");
		close(from);
		close(to);
		return;
	}
	/*
	 * Until 6.2 counted the users of a shared page itself (PAGE_MAPPING_DAX_SHARED), mapping one that is shared and
	 * was mapped before it was, or unsharing it, warned in dax_associate_entry() and dax_disassociate_entry().
	 */
	if (older_than(6, 2)) {
		tap_skip("a clone has the same contents",
			 "a known defect before 6.2: mapping shared blocks warns in dax_associate_entry");
		close(from);
		close(to);
		unlink("clone");
		return;
	}
	a = map(from, pages * PAGE, MAP_SHARED);
	b = map(to, pages * PAGE, MAP_SHARED);
	tap_ok(right_file("origin", a, 21) && right_file("clone", b, 21), "a clone has the same contents");
	stamp(b + 511 * PAGE, 22, 511);
	stamp(a + 700 * PAGE, 22, 700);
	memset(odd, 0x77, sizeof(odd));
	good = pwrite(to, odd, sizeof(odd), 900 * PAGE - 50) == sizeof(odd);
	tap_ok(good && right("origin", a, 21, 0, 700) && stamped(a + 700 * PAGE, 22, 700) &&
		       right("origin", a + 701 * PAGE, 21, 701, pages - 702),
	       "what is written to the clone is not in the origin");
	good = !memcmp(b + 900 * PAGE - 50, odd, sizeof(odd)) &&
	       *(uint64_t *)(b + 900 * PAGE - 56) != 0x7777777777777777UL &&
	       *(uint64_t *)(b + 900 * PAGE - 64) == stamp_word(21, 899, WORDS - 8) &&
	       *(uint64_t *)(b + 901 * PAGE - 48) == stamp_word(21, 900, WORDS - 6);
	tap_ok(good && right("clone", b, 21, 0, 511) && stamped(b + 511 * PAGE, 22, 511) &&
		       right("clone", b + 512 * PAGE, 21, 512, 387) && right("clone", b + 901 * PAGE, 21, 901, 100),
	       "nor the other way, and what lies beside it is copied");
	tap_ok(page_frame(a) == page_frame(b) && page_frame(a + 511 * PAGE) != page_frame(b + 511 * PAGE),
	       "only what was not written is still shared");
	munmap(a, pages * PAGE);
	munmap(b, pages * PAGE);
	close(from);
	close(to);
}

static volatile int truncated;

static void *truncate_it(void *fd)
{
	if (ftruncate((int)(intptr_t)fd, 0))
		truncated = -1;
	else
		truncated = 1;
	return NULL;
}

/*
 * A page in a pipe is in use: its block must not be given to another file. The mapping stays: dax_layout_busy_page()
 * does not look for pages of a file that nobody maps.
 */
static void truncate_waits(void)
{
	int fd = file("held", MiB), pipes[2], early;
	char *at = map(fd, MiB, MAP_SHARED), *got = malloc(2 * PAGE);
	struct iovec two = { at, 2 * PAGE };
	pthread_t thread;

	stamp_all(at, 14, 0, 256);
	if (pipe(pipes) || vmsplice(pipes[1], &two, 1, 0) != 2 * PAGE)
		tap_bail("vmsplice: %s", strerror(errno));
	pthread_create(&thread, NULL, truncate_it, (void *)(intptr_t)fd);
	usleep(200000);
	early = truncated;
	tap_ok(read(pipes[0], got, 2 * PAGE) == 2 * PAGE && right("pipe", got, 14, 0, 2), "a page in a pipe keeps its data");
	for (int i = 0; i < 100 && !truncated; i++)
		usleep(20000);
	tap_ok(!early, "truncate waits for a page that is in use");
	if (tap_ok(truncated == 1, "and ends when it is not any more"))
		pthread_join(thread, NULL);
	close(pipes[0]);
	close(pipes[1]);
	munmap(at, MiB);
	free(got);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		tap_bail("usage: files FSTYPE DEVICE");
	fs = argv[1];
	device = argv[2];
	scratch = argv[3];
	data_start = number_in(0, "/sys/block/%s/device/resource", device);
	data_size = number_in(0, "/sys/block/%s/size", device) * 512;
	mount_it();
	views();
	holes();
	filled_holes();
	shorter();
	children();
	synchronous();
	pins();
	direct_io();
	clones();
	truncate_waits();
	tap_ok(!umount("/mnt/dax"), "the file system is idle in the end");
	tap_done();
}
