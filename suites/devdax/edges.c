// SPDX-License-Identifier: GPL-2.0-only
/*
 * edges DAX-DEVICE [BLOCK-DEVICE]: pages of a device-dax device, those at its edges and at 2 MiB edges before all others.
 * Each has its own contents and lies where sysfs says; what must be refused is; pins and direct I/O get every page.
 */
#include <sys/wait.h>
#include <tap.h>
#include "dax-device.h"

enum { most = 64 };

static struct dax_device d;
static uint64_t place[most];
static int places;

static void add_place(uint64_t page)
{
	for (int i = 0; i < places; i++)
		if (place[i] == page)
			return;
	if (page < d.pages && places < most)
		place[places++] = page;
}

/* The last page is first: nothing may depend on a page that was touched before it. */
static void choose_places(void)
{
	add_place(d.pages - 1);
	add_place(0);
	for (int i = 0; i < d.ranges; i++) {
		add_place(d.range[i].first);
		add_place(d.range[i].first + (d.range[i].end + 1 - d.range[i].start) / PAGE - 1);
	}
	add_place(d.pages / 2);
	add_place(d.pages / 2 - 1);
	add_place(d.pages - 512);
	add_place(d.pages - 513);
	add_place(511);
	add_place(512);
	add_place(1);
	add_place(d.pages - 2);
	for (uint64_t i = 1; i < 32; i++)
		add_place(d.pages / 32 * i + i * 37);
}

static char *whole(int prot)
{
	char *at = dax_map(&d, 0, d.size, prot, MAP_SHARED);

	if (at == MAP_FAILED)
		tap_bail("mmap of %s: %s", d.name, strerror(errno));
	return at;
}

static int all_right(const char *at, uint64_t seed)
{
	for (int i = 0; i < places; i++)
		if (!stamped(at + place[i] * PAGE, seed, place[i])) {
			tap_note("page %lu of %lu holds something else", place[i], d.pages);
			return 0;
		}
	return 1;
}

static void contents(void)
{
	char *at = whole(PROT_READ | PROT_WRITE);
	uint64_t window = d.align > 2 * MiB ? d.align : 2 * MiB, value = 0;
	int dead = 0, astray = 0, good = 1;

	for (int i = 0; i < places; i++) {
		int signal = fault_on(at + place[i] * PAGE, 1, &value);

		if (signal) {
			tap_note("page %lu of %lu: signal %d", place[i], d.pages, signal);
			dead++;
		} else {
			stamp(at + place[i] * PAGE, 1, place[i]);
		}
	}
	if (!tap_ok(!dead, "every page can be touched, the last one first")) {
		tap_note("%d of %d cannot", dead, places);
		tap_done();
	}
	for (int i = 0; i < places; i++) {
		uint64_t pfn = page_frame(at + place[i] * PAGE);

		if (pfn != dax_frame(&d, place[i]) && !astray++)
			tap_note("page %lu is at frame %#lx, not %#lx", place[i], pfn, dax_frame(&d, place[i]));
	}
	tap_ok(!astray, "every page lies where sysfs says");
	tap_ok(all_right(at, 1), "no page shows what was stored in another");
	munmap(at, d.size);

	at = whole(PROT_READ);
	tap_ok(all_right(at, 1), "the contents are there for the next one who opens it");
	tap_ok(fault_on(at, 1, &value) == SIGSEGV, "a mapping for reading cannot be written");
	munmap(at, d.size);

	/* Through small windows, so that offset and address differ. */
	for (int i = 0; i < places && good; i++) {
		uint64_t start = place[i] * PAGE / window * window;

		if (start + window > d.size)
			window = d.size - start;
		at = dax_map(&d, start, window, PROT_READ, MAP_SHARED);
		good = at != MAP_FAILED && stamped(at + place[i] * PAGE - start, 1, place[i]);
		if (!good)
			tap_note("page %lu through a window at %#lx: %s", place[i], start,
				 at == MAP_FAILED ? strerror(errno) : "something else");
		if (at != MAP_FAILED)
			munmap(at, window);
	}
	tap_ok(good, "and through windows at other offsets");
}

/* One word a page, in order: a slip in the middle shows as well. In huge pages a sample will do. */
static void sweep(void)
{
	char *at = whole(PROT_READ | PROT_WRITE);
	uint64_t wrong = 0, where = 0, step = d.align > PAGE ? 15 : 1;

	for (uint64_t i = 0; i < d.pages; i += step)
		*(volatile uint64_t *)(at + i * PAGE) = stamp_word(2, i, 0);
	for (uint64_t i = 0; i < d.pages; i += step)
		if (*(volatile uint64_t *)(at + i * PAGE) != stamp_word(2, i, 0) && !wrong++)
			where = i;
	if (!tap_ok(!wrong, "pages all over the device hold a word of their own"))
		tap_note("%lu do not, the first is %lu", wrong, where);
	munmap(at, d.size);
}

static int refused(uint64_t offset, uint64_t bytes, int prot, int flags, int want)
{
	char *at = dax_map(&d, offset, bytes, prot, flags);

	if (at != MAP_FAILED) {
		munmap(at, bytes);
		return 0;
	}
	if (errno != want)
		tap_note("refused with %s, not %s", strerror(errno), strerror(want));
	return errno == want;
}

static void refusals(void)
{
	int fd = open(d.path, O_RDONLY | O_CLOEXEC);
	char *at, word[8];
	uint64_t value = 0;

	tap_ok(refused(0, d.align, PROT_READ | PROT_WRITE, MAP_PRIVATE, EINVAL), "a private mapping is refused");
	if (d.align > PAGE)
		tap_ok(refused(0, d.align + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, EINVAL) &&
			       refused(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, EINVAL),
		       "a length that is no multiple of the alignment is refused");
	at = mmap(NULL, d.align, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	tap_ok(at == MAP_FAILED && errno == EACCES, "a file opened for reading cannot be mapped for writing");
	tap_ok(read(fd, word, 8) < 0, "there is no read(2)");
	close(fd);

	at = dax_map(&d, d.size - d.align, 2 * d.align, PROT_READ | PROT_WRITE, MAP_SHARED);
	if (at == MAP_FAILED) {
		tap_ok(errno == EINVAL || errno == ENXIO, "a mapping past the end is refused");
	} else {
		tap_ok(fault_on(at + d.align, 0, &value) == SIGBUS && fault_on(at + 2 * d.align - 8, 1, &value) == SIGBUS &&
			       !fault_on(at + d.align - 8, 0, &value),
		       "past the end is SIGBUS, and not before it");
		munmap(at, 2 * d.align);
	}

	at = dax_map(&d, 0, 4 * d.align, PROT_READ | PROT_WRITE, MAP_SHARED);
	stamp_all(at, 3, 0, 4 * d.align / PAGE);
	if (d.align > PAGE)
		tap_ok(munmap(at + PAGE, PAGE) && errno == EINVAL && stamped(at + PAGE, 3, 1),
		       "a part of a 2 MiB page cannot be unmapped");
	munmap(at + d.align, d.align);
	tap_ok(stamped(at, 3, 0) && stamped(at + 2 * d.align, 3, 2 * d.align / PAGE) &&
		       fault_on(at + d.align, 0, &value) == SIGSEGV,
	       "unmapping the middle leaves the rest");
	munmap(at, 4 * d.align);
}

static void children(void)
{
	char *at = whole(PROT_READ | PROT_WRITE);
	int status = -1;
	pid_t child;

	stamp(at, 4, 0);
	child = fork();
	if (!child) {
		int good = stamped(at, 4, 0);

		stamp(at, 5, 0);
		stamp(at + (d.pages - 1) * PAGE, 5, d.pages - 1);
		_exit(!good);
	}
	waitpid(child, &status, 0);
	tap_ok(!status && stamped(at, 5, 0) && stamped(at + (d.pages - 1) * PAGE, 5, d.pages - 1),
	       "parent and child share it");
	munmap(at, d.size);
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
	/* From the middle of one 2 MiB page to the middle of another, and the end of the device. */
	struct {
		uint64_t first, count;
	} spans[] = { { 300, 900 }, { d.pages - 700, 700 }, { d.pages - 1, 1 } };
	long taken = vmstat("nr_foll_pin_acquired"), given = vmstat("nr_foll_pin_released");
	char *at = whole(PROT_READ | PROT_WRITE);

	for (int s = 0; s < 3; s++)
		stamp_all(at + spans[s].first * PAGE, 6, spans[s].first, spans[s].count);
	for (unsigned int k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		int good = 1;

		for (int s = 0; s < 3; s++)
			for (int batch = 1; batch < 200 && good; batch += 122) {
				long got = gup(kinds[k].request, at + spans[s].first * PAGE, spans[s].count * PAGE,
					       batch == 1, batch);

				good = got == (long)(spans[s].count * PAGE);
				if (!good)
					tap_note("%ld of %lu bytes from page %lu", got, spans[s].count * PAGE,
						 spans[s].first);
			}
		tap_ok(good, "%s gets every page", kinds[k].name);
	}
	for (int s = 0; s < 3; s++) {
		uint64_t where = 0;

		if (stamps_wrong(at + spans[s].first * PAGE, 6, spans[s].first, spans[s].count, &where))
			tap_ok(0, "pins change nothing, but page %lu is another", where);
	}
	taken = vmstat("nr_foll_pin_acquired") - taken;
	given = vmstat("nr_foll_pin_released") - given;
	if (!tap_ok(taken > 0 && taken == given, "every pin is released"))
		tap_note("%ld taken, %ld released", taken, given);
	munmap(at, d.size);
}

static void direct_io(const char *block)
{
	enum { count = 700 };
	char *at = whole(PROT_READ | PROT_WRITE), *end = at + (d.pages - count) * PAGE, path[64];
	uint64_t where = 0;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", block);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	stamp_all(at + 400 * PAGE, 7, 400, count);
	tap_ok(pwrite(fd, at + 400 * PAGE, count * PAGE, 0) == (ssize_t)(count * PAGE) &&
		       pread(fd, end, count * PAGE, 0) == (ssize_t)(count * PAGE) &&
		       !stamps_wrong(end, 7, 400, count, &where),
	       "direct I/O takes pages of the device and fills others");
	close(fd);
	munmap(at, d.size);
}

int main(int argc, char **argv)
{
	const char *missing = argc < 2 ? "no device was named" : dax_device(argv[1], &d);

	if (missing)
		tap_bail("%s", missing);
	choose_places();
	contents();
	sweep();
	refusals();
	children();
	pins();
	if (argc > 2)
		direct_io(argv[2]);
	tap_done();
}
