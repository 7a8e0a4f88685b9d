// SPDX-License-Identifier: GPL-2.0-only
/*
 * refused FILE BYTES: nothing can be moved away from device memory, so taking pages out of use with their contents kept
 * (soft offline) is refused, by address and by physical address; and poison is not taken back (unpoison). The data stay
 * as they are.
 */
#include <sys/wait.h>
#include <tap.h>
#include <pages.h>

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

static const char soft_offline[] = "/sys/devices/system/memory/soft_offline_page";
static const char unpoison[] = "/sys/kernel/debug/hwpoison/unpoison-pfn";

static long corrupted_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "HardwareCorrupted: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static int refused(int err, const char *what, uint64_t page)
{
	if (err == -EIO)
		return 1;
	tap_note("%s of page %lu: %s", what, page, err ? strerror(-err) : "taken");
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t bytes, count, where = 0, moved = 0;
	uint64_t places[4], frames[4];
	int fd, advised = 1, written = 1, taken_back = 1;
	char text[32], *at;
	long kib;

	if (argc < 3)
		tap_bail("usage: refused FILE BYTES");
	bytes = strtoull(argv[2], NULL, 0);
	count = bytes / PAGE;
	places[0] = 0, places[1] = 1, places[2] = count / 2 + 7, places[3] = count - 1;
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || at == MAP_FAILED)
		tap_bail("%s: %s", argv[1], strerror(errno));
	stamp_all(at, 1, 0, count);
	kib = corrupted_kib();
	for (int i = 0; i < 4; i++) {
		char *page = at + places[i] * PAGE;

		frames[i] = page_frame(page);
		advised &= refused(madvise(page, PAGE, MADV_SOFT_OFFLINE) ? -errno : 0, "MADV_SOFT_OFFLINE", places[i]);
		snprintf(text, sizeof(text), "%#lx", frames[i] * PAGE);
		written &= refused(write_to(soft_offline, text), "soft_offline_page", places[i]);
		snprintf(text, sizeof(text), "%#lx", frames[i]);
		taken_back &= refused(write_to(unpoison, text), "unpoison-pfn", places[i]);
	}
	tap_ok(advised, "soft offline by address gives EIO");
	tap_ok(written, "soft offline by physical address gives EIO");
	tap_ok(taken_back, "unpoison of what is not poisoned gives EIO");
	for (int i = 0; i < 4; i++)
		moved += page_frame(at + places[i] * PAGE) != frames[i];
	tap_ok(!moved, "the pages are where they were");
	tap_ok(!stamps_wrong(at, 1, 0, count, &where), "all pages hold what they did");
	tap_ok(corrupted_kib() == kib, "nothing counts as corrupted");

	/* One that is really poisoned stays so. In a child, which the error may kill. */
	if (!fork()) {
		signal(SIGBUS, SIG_DFL);
		_exit(madvise(at + places[2] * PAGE, PAGE, MADV_HWPOISON) != 0);
	}
	wait(NULL);
	munmap(at, bytes);
	tap_ok(corrupted_kib() == kib + (long)(PAGE / 1024), "a poisoned page counts as corrupted");
	snprintf(text, sizeof(text), "%#lx", frames[2]);
	tap_ok(refused(write_to(unpoison, text), "unpoison-pfn", places[2]), "unpoison of it gives EIO");
	tap_ok(corrupted_kib() == kib + (long)(PAGE / 1024), "and it still counts");
	tap_done();
}
