// SPDX-License-Identifier: GPL-2.0-only
/*
 * poison FILE BYTES: a memory error (MADV_HWPOISON) in the first, a middle and the last page of a DAX file or device.
 * Whoever maps the page gets one SIGBUS that says where and how much; whoever maps other pages gets nothing.
 * The pages stay poisoned until their namespace is gone.
 */
#include <sys/wait.h>
#include <tap.h>
#include <pages.h>

#ifndef BUS_MCEERR_AR
#define BUS_MCEERR_AR 4
#endif

struct report {
	int signals, code, shift, refused;
	uintptr_t addr, page;
};

static struct report *report;
static const char *path;
static uint64_t bytes;

static void on_bus(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	report->signals++;
	report->code = info->si_code;
	report->shift = info->si_addr_lsb;
	report->addr = (uintptr_t)info->si_addr;
}

static char *map(uint64_t offset, uint64_t length)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (fd < 0 || at == MAP_FAILED)
		tap_bail("mmap of %s: %s", path, strerror(errno));
	close(fd);
	return at;
}

static void victim(uint64_t page)
{
	struct sigaction act = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };
	char *at = map(0, bytes);

	sigaction(SIGBUS, &act, NULL);
	stamp(at + page * PAGE, 1, page);
	report->page = (uintptr_t)at + page * PAGE;
	if (madvise(at + page * PAGE, PAGE, MADV_HWPOISON))
		report->refused = errno;
	_exit(0);
}

static void poison(const char *name, uint64_t page)
{
	int status = -1;
	pid_t child;

	memset(report, 0, sizeof(*report));
	child = fork();
	if (!child)
		victim(page);
	waitpid(child, &status, 0);
	if (!tap_ok(report->signals == 1 && report->code == BUS_MCEERR_AR && (report->shift == 12 || report->shift == 21) &&
			    report->addr >> report->shift == report->page >> report->shift && !report->refused,
		    "an error in the %s page is told to who maps it", name))
		tap_note("status %#x, errno %d, %d signals, code %d, %#lx of %d bits instead of %#lx", status,
			 report->refused, report->signals, report->code, report->addr, report->shift, report->page);
}

int main(int argc, char **argv)
{
	uint64_t where = 0, half;
	char *other;

	if (argc < 3)
		tap_bail("usage: poison FILE BYTES");
	path = argv[1];
	bytes = strtoull(argv[2], NULL, 0);
	half = bytes / 2 / (2 * MiB) * 2 * MiB;
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	other = map(2 * MiB, 2 * MiB);
	stamp_all(other, 2, 512, 512);
	poison("first", 0);
	poison("last", bytes / PAGE - 1);
	poison("middle", half / PAGE + 5);
	tap_ok(!stamps_wrong(other, 2, 512, 512, &where), "other pages keep their data and nobody is killed for them");
	tap_done();
}
