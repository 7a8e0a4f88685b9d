// SPDX-License-Identifier: GPL-2.0-only
/*
 * section DAX-DEVICE: the device begins in the middle of a memory section. A program has much of that section's RAM,
 * and keeps it while the device is used, unbound and bound. Pages of the RAM are the page allocator's all the time, and
 * pages of the device never are: /proc/kpageflags only shows what pfn_to_online_page() gives.
 */
#include <sys/sysinfo.h>
#include <tap.h>
#include "../devdax/dax-device.h"

#define SECTION (128 * MiB)
#define KPF_NOPAGE (1UL << 20)
/* Taken before there was a page allocator, and never given to it. */
#define KPF_RESERVED (1UL << 32)
#define DRIVER "/sys/bus/dax/drivers/device_dax/"

static struct dax_device d;
/* Pages of the program that lie in the section, by address, and where they lie. */
static char **mine;
static uint64_t *frame, count;

/* Of each page, from /proc/kpageflags; the file ends where RAM does. */
static const uint64_t *flags_of(uint64_t first, uint64_t end)
{
	static uint64_t flags[SECTION / PAGE];
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);

	for (uint64_t i = 0; i < end - first; i++)
		flags[i] = KPF_NOPAGE;
	if (fd < 0 || pread(fd, flags, (end - first) * 8, first * 8) < 0)
		tap_bail("/proc/kpageflags: %s", strerror(errno));
	close(fd);
	return flags;
}

/* How many pages can be allocated at all. KASAN's shadow may lie on all there are. */
static uint64_t allocatable(uint64_t first, uint64_t end)
{
	const uint64_t *flags = flags_of(first, end);
	uint64_t found = 0;

	for (uint64_t i = 0; i < end - first; i++)
		found += !(flags[i] & (KPF_NOPAGE | KPF_RESERVED));
	return found;
}

/* Asks the page allocator until enough of it comes from there; what comes from elsewhere is kept, or it would come again. */
static void take_ram(uint64_t first, uint64_t end)
{
	enum { enough = 1024, step = 4096 };
	static uint64_t pfn[step];
	struct sysinfo info;

	if (allocatable(first, end) < enough)
		return;
	mine = malloc((enough + step) * sizeof(*mine));
	frame = malloc((enough + step) * 8);
	do {
		char *at = mmap(NULL, step * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (at == MAP_FAILED || page_frames(at, step, pfn))
			tap_bail("RAM: %s", strerror(errno));
		for (uint64_t i = 0; i < step; i++) {
			if (pfn[i] < first || pfn[i] >= end)
				continue;
			mine[count] = at + i * PAGE;
			frame[count++] = pfn[i];
		}
		sysinfo(&info);
	} while (count < enough && info.freeram > 64 * MiB);
	if (count < enough / 2)
		tap_bail("only %lu pages of the section's RAM are to be had", count);
	for (uint64_t i = 0; i < count; i++)
		stamp(mine[i], 1, frame[i]);
}

static void check_ram(const char *when)
{
	uint64_t wrong = 0, moved = 0;
	char name[80];

	snprintf(name, sizeof(name), "%s: RAM of the section is untouched", when);
	if (!count) {
		tap_skip(name, "the kernel kept the section's RAM for itself when it booted");
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		wrong += !stamped(mine[i], 1, frame[i]);
		moved += page_frame(mine[i]) != frame[i];
	}
	if (!tap_ok(!wrong && !moved, "%s", name))
		tap_note("of %lu pages %lu changed and %lu moved", count, wrong, moved);
}

/*
 * How many of the pages have no flags to show. 7.x says 0 of what is no page, which it may also say of the kernel's own
 * pages: `or_zero` counts those too.
 */
static uint64_t without_flags(uint64_t first, uint64_t end, int or_zero)
{
	const uint64_t *flags = flags_of(first, end);
	uint64_t none = 0;

	for (uint64_t i = 0; i < end - first; i++)
		none += flags[i] == KPF_NOPAGE || (or_zero && !flags[i]);
	return none;
}

static void check_flags(const char *when, uint64_t first, uint64_t start, uint64_t end)
{
	uint64_t lost = without_flags(first, start, 0), shown = end - start - without_flags(start, end, 1);

	if (!tap_ok(!lost && !shown, "%s: the RAM's pages are the allocator's and the device's are not", when))
		tap_note("%lu of the RAM's are not, %lu of the device's are", lost, shown);
}

/* What pgmap_probe says of one PFN. */
static int is_page(uint64_t pfn, const char *type)
{
	int fd = open("/proc/pgmap_probe/pfn", O_RDWR | O_CLOEXEC);
	char text[256], want[64];
	ssize_t got;

	snprintf(text, sizeof(text), "%#lx", pfn);
	snprintf(want, sizeof(want), " type=%s ", type);
	got = fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = 0;
	if (strstr(text, want))
		return 1;
	tap_note("not %s: %s", type, text);
	return 0;
}

int main(int argc, char **argv)
{
	const char *missing = argc < 2 ? "no device was named" : dax_device(argv[1], &d);
	uint64_t start, end, first, where = 0;
	char *at;

	if (missing)
		tap_bail("%s", missing);
	start = d.range[0].start / PAGE;
	end = (d.range[0].end + 1) / PAGE;
	first = start * PAGE / SECTION * SECTION / PAGE;
	take_ram(first, start);
	tap_note("%lu of %lu pages of the section's RAM, %lu can be allocated", count, start - first,
		 allocatable(first, start));
	at = dax_map(&d, 0, d.size, PROT_READ | PROT_WRITE, MAP_SHARED);
	if (at == MAP_FAILED)
		tap_bail("mmap of %s: %s", d.name, strerror(errno));
	/* The checks of ./edges are for the rest. */
	stamp_all(at, 2, 0, 1024);
	stamp_all(at + (d.pages - 1024) * PAGE, 2, d.pages - 1024, 1024);
	tap_ok(!stamps_wrong(at, 2, 0, 1024, &where) &&
		       !stamps_wrong(at + (d.pages - 1024) * PAGE, 2, d.pages - 1024, 1024, &where),
	       "first and last pages of the device are its own");
	tap_ok(page_frame(at) == start && page_frame(at + (d.pages - 1) * PAGE) == end - 1,
	       "its first and last pages lie where they should");
	/* The last 2 MiB, a page at a time and over their end: what is tail pages of a compound page, if any. */
	tap_ok(gup(PIN_LONGTERM, at + (d.pages - 512) * PAGE, 512 * PAGE, 1, 1) == 512 * (long)PAGE &&
		       gup(PIN_FAST, at + (d.pages - 700) * PAGE, 700 * PAGE, 0, 100) == 700 * (long)PAGE &&
		       gup(GUP_FAST, at, 700 * PAGE, 1, 7) == 700 * (long)PAGE,
	       "its first and last pages can be pinned");
	if (access("/proc/pgmap_probe", F_OK))
		tap_skip("generic pages begin and end with the device", "no pgmap_probe");
	else
		tap_ok(is_page(start - 1, "none") & is_page(start, "MEMORY_DEVICE_GENERIC") &
			       is_page(start + 511, "MEMORY_DEVICE_GENERIC") & is_page(end - 1, "MEMORY_DEVICE_GENERIC"),
		       "generic pages begin and end with the device");
	check_flags("bound", first, start, end);
	check_ram("bound");
	munmap(at, d.size);
	tap_ok(!write_to(DRIVER "unbind", d.name), "the device is unbound");
	check_flags("unbound", first, start, end);
	if (access("/proc/pgmap_probe", F_OK))
		tap_skip("it has no pages any more", "no pgmap_probe");
	else
		tap_ok(is_page(start - 1, "none") & is_page(start, "none") & is_page(end - 1, "none"), "it has no pages any more");
	check_ram("unbound");
	tap_ok(!write_to(DRIVER "bind", d.name), "the device is bound again");
	check_flags("bound again", first, start, end);
	check_ram("bound again");
	tap_done();
}
