/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests of device memory ask of single pages: contents that tell where they belong, the physical address behind
 * a virtual one, pins through the kernel's gup_test, and accesses that may fault.
 */
#ifndef PGMAP_PAGES_H
#define PGMAP_PAGES_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define WORDS (PAGE / sizeof(uint64_t))
#define MiB (1UL << 20)

/* Word i of the page with that number under that seed: no two pages and no two seeds look alike. */
static inline uint64_t stamp_word(uint64_t seed, uint64_t number, unsigned int i)
{
	return (number + 1) * 0x9e3779b97f4a7c15UL + seed * 0xc2b2ae3d27d4eb4fUL + i * 0x165667b19e3779f9UL;
}

static inline void stamp(void *page, uint64_t seed, uint64_t number)
{
	for (unsigned int i = 0; i < WORDS; i++)
		((volatile uint64_t *)page)[i] = stamp_word(seed, number, i);
}

static inline void stamp_all(void *start, uint64_t seed, uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		stamp((char *)start + i * PAGE, seed, first + i);
}

static inline int stamped(const void *page, uint64_t seed, uint64_t number)
{
	for (unsigned int i = 0; i < WORDS; i++)
		if (((const volatile uint64_t *)page)[i] != stamp_word(seed, number, i))
			return 0;
	return 1;
}

/* Number of pages that do not hold what they should; *where is the first of them. */
static inline uint64_t stamps_wrong(const void *start, uint64_t seed, uint64_t first, uint64_t count, uint64_t *where)
{
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < count; i++)
		if (!stamped((const char *)start + i * PAGE, seed, first + i) && !wrong++)
			*where = first + i;
	return wrong;
}

static inline int zeroed(const void *start, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes / 8; i++)
		if (((const volatile uint64_t *)start)[i])
			return 0;
	return 1;
}

/* Page frame numbers behind mapped pages (proc/pid/pagemap); 0 where none is present. */
static inline int page_frames(const void *start, uint64_t count, uint64_t *pfn)
{
	static int fd = -1;
	static pid_t owner;

	if (fd < 0 || owner != getpid()) {
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		owner = getpid();
	}
	if (pread(fd, pfn, count * 8, (uintptr_t)start / PAGE * 8) != (ssize_t)(count * 8))
		return -1;
	for (uint64_t i = 0; i < count; i++)
		pfn[i] = pfn[i] >> 63 ? pfn[i] & ((1UL << 55) - 1) : 0;
	return 0;
}

static inline uint64_t page_frame(const void *page)
{
	uint64_t pfn;

	return page_frames(page, 1, &pfn) ? 0 : pfn;
}

/* A number from a file of sysfs or procfs, decimal or 0x…; def if there is no such file. */
static inline uint64_t number_in(uint64_t def, const char *fmt, ...)
{
	char path[256], text[64] = "";
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	f = fopen(path, "r");
	if (!f)
		return def;
	if (!fgets(text, sizeof(text), f))
		text[0] = 0;
	fclose(f);
	return text[0] ? strtoull(text, NULL, 0) : def;
}

static inline int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Is this PFN System RAM or below it in /proc/iomem? Device memory is not. */
static inline int in_system_ram(uint64_t pfn)
{
	char line[256];
	uint64_t start, end, at = pfn * PAGE;
	int found = 0;
	FILE *f = fopen("/proc/iomem", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start <= at && at <= end &&
		    strstr(line, ": System RAM"))
			found = 1;
	if (f)
		fclose(f);
	return found;
}

/* A counter of /proc/vmstat, per-CPU remainders folded in. */
static inline long vmstat(const char *name)
{
	char line[128];
	long value = -1;
	size_t len = strlen(name);
	FILE *f;

	write_to("/proc/sys/vm/stat_refresh", "1");
	f = fopen("/proc/vmstat", "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ' ')
			value = atol(line + len);
	if (f)
		fclose(f);
	return value;
}

/* What limits are compared with: on a kernel that a checker makes slower, this clock is slower by the same factor. */
static inline double seconds(void)
{
	const char *slower = getenv("PGMAP_SLOWER");
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec + t.tv_nsec / 1e9) / (slower ? atoi(slower) : 1);
}

/* One access that may fault: 0, or the signal. The value read or to be written is in *value. */
static sigjmp_buf fault_jump;

static inline void fault_handler(int sig)
{
	siglongjmp(fault_jump, sig);
}

static inline int fault_on(volatile void *at, int write, uint64_t *value)
{
	struct sigaction now = { .sa_handler = fault_handler }, bus, segv;
	int sig;

	sigaction(SIGBUS, &now, &bus);
	sigaction(SIGSEGV, &now, &segv);
	sig = sigsetjmp(fault_jump, 1);
	if (!sig) {
		if (write)
			*(volatile uint64_t *)at = *value;
		else
			*value = *(volatile uint64_t *)at;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return sig;
}

/* mm/gup_test.h, which is no UAPI but has kept its numbers. */
struct gup_test {
	uint64_t get_delta_usec, put_delta_usec, addr, size;
	uint32_t nr_pages_per_call, gup_flags, test_flags, which_pages[8];
};

#define GUP_FAST _IOWR('g', 1, struct gup_test)
#define PIN_FAST _IOWR('g', 2, struct gup_test)
#define PIN_LONGTERM _IOWR('g', 3, struct gup_test)
#define GUP_BASIC _IOWR('g', 4, struct gup_test)
#define PIN_BASIC _IOWR('g', 5, struct gup_test)

/* Bytes that could be pinned (they are let go again), -errno if that kernel has no gup_test. */
static inline long gup(unsigned long request, void *start, uint64_t bytes, int write, unsigned int batch)
{
	struct gup_test test = {
		.addr = (uintptr_t)start,
		.size = bytes,
		.nr_pages_per_call = batch,
		.gup_flags = write ? 1 : 0, /* FOLL_WRITE */
	};
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = ioctl(fd, request, &test) ? -errno : 0;
	close(fd);
	/* Refusal is a success with nothing pinned. */
	return err ? err : (long)test.size;
}

#endif
