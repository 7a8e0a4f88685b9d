// SPDX-License-Identifier: GPL-2.0-only
/*
 * See sweep.h. Documentation/fault-injection/fault-injection.rst: a number n in /proc/thread-self/fail-nth makes the
 * n-th call of this task that can be made to fail do so; what is left of n can be read there.
 */
#include "sweep.h"

#include <tap.h>
#include <pages.h>

enum { many = 1000000 };

static int nth;

static void set_nth(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	if (pwrite(nth, text, strlen(text), 0) < 0)
		tap_bail("fail-nth: %s", strerror(errno));
}

static unsigned int get_nth(void)
{
	char text[16] = "";

	if (pread(nth, text, sizeof(text) - 1, 0) < 0)
		tap_bail("fail-nth: %s", strerror(errno));
	return strtoul(text, NULL, 10);
}

static void set_up(void)
{
	static const char *const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },	  { "failslab/cache-filter", "N" },
		{ "failslab/verbose", "0" },		  { "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" }, { "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
	};

	for (unsigned int i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		char path[96];

		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		if (write_to(path, settings[i][1]))
			tap_bail("%s cannot be set: %s", path, strerror(errno));
	}
	nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth < 0)
		tap_bail("no fail-nth: %s", strerror(errno));
}

/* The operation with its n-th allocation failing; *reached tells whether there are so many. */
static int act_failing(const struct operation *op, unsigned int n, unsigned int *left)
{
	int err;

	set_nth(n);
	err = op->act();
	*left = get_nth();
	set_nth(0);
	return err;
}

/* Free pages in KiB, those on per-CPU lists too, caches dropped. */
static long free_ram(void)
{
	char line[256];
	long sum = 0, pages;
	FILE *f;

	sync();
	write_to("/proc/sys/vm/drop_caches", "3");
	f = fopen("/proc/zoneinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " nr_free_pages %ld", &pages) == 1 || sscanf(line, " count: %ld", &pages) == 1)
			sum += pages;
	if (f)
		fclose(f);
	return sum * (long)(PAGE / 1024);
}

static int linear_map_same(void);

/* Without a failure; whether it works and can be undone, and all is as before. */
static int works(const struct operation *op, const char *when)
{
	int err = op->act();

	if (err) {
		tap_note("%s: %s without a failure: %s", when, op->name, strerror(-err));
		return 0;
	}
	err = op->undo();
	if (err)
		tap_note("%s: undoing it: %s", when, strerror(-err));
	return !err && (!op->same || op->same()) && linear_map_same();
}

void sweep(const struct operation *op, unsigned int limit)
{
	unsigned int total, left, steps, failed = 0, survived = 0, unreached = 0, wrong = 0, other = 0;
	long before, lost;
	int err;

	set_up();
	memory_state_save();
	/* The first round keeps some memory for good. */
	if (!tap_ok(works(op, "first"), "%s works and is undone", op->name))
		return;
	before = free_ram();
	err = act_failing(op, many, &left);
	total = many - left;
	if (err || op->undo() || !total) {
		tap_ok(0, "%s makes allocations that can fail", op->name);
		tap_note("%s, %u allocations", strerror(-err), total);
		return;
	}
	steps = total < limit ? total : limit;
	for (unsigned int i = 0; i < steps && wrong < 3; i++) {
		unsigned int n = 1 + (unsigned long)i * total / steps;

		err = act_failing(op, n, &left);
		if (left) {
			/* Caches differ from one time to the next. */
			unreached++;
		} else if (err) {
			failed++;
			other += err != -ENOMEM;
		} else {
			survived++;
		}
		if (!err && op->undo()) {
			tap_note("allocation %u: it works, but cannot be undone", n);
			wrong++;
		}
		if (op->same && !op->same()) {
			tap_note("after allocation %u failed (%s)", n, err ? strerror(-err) : "survived");
			wrong++;
		} else if (i % 8 == 7 && !works(op, "after a failure")) {
			tap_note("after allocation %u failed", n);
			wrong++;
		}
	}
	tap_note("%u allocations, %u made to fail%s: %u times an error (%u not ENOMEM), %u survived, %u not reached", total,
		 steps, steps < total ? " (not all)" : "", failed, other, survived, unreached);
	tap_ok(!wrong, "%s leaves nothing behind when memory runs out", op->name);
	tap_ok(failed > 0, "%s says that it failed", op->name);
	tap_ok(works(op, "last"), "%s works when there is memory again", op->name);
	lost = before - free_ram();
	if (!tap_ok(lost < 8192, "no RAM is lost"))
		tap_note("%ld KiB", lost);
}

static char saved[65536], now[65536];
static long saved_linear;

static long meminfo(const char *format)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[256];
	long kb, sum = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &kb) == 1)
			sum += kb;
	if (f)
		fclose(f);
	return sum;
}

static void memory_state(char *to, size_t size)
{
	FILE *f = fopen("/proc/iomem", "r");
	size_t used = 0;

	if (f) {
		used = fread(to, 1, size - 64, f);
		fclose(f);
	}
	snprintf(to + used, size - used, "MemTotal %ld kB\n", meminfo("MemTotal: %ld"));
}

/*
 * Not looked at after a failure: x86's arch_add_memory() leaves the linear map in place when add_pages() fails behind it
 * (arch/x86/mm/init_64.c, at least up to 6.12). The next success takes it over, and its removal removes it.
 */
static int linear_map_same(void)
{
	long linear = meminfo("DirectMap%*[^:]: %ld");

	if (linear == saved_linear)
		return 1;
	tap_note("the linear map has %ld KiB, it had %ld", linear, saved_linear);
	return 0;
}

void memory_state_save(void)
{
	memory_state(saved, sizeof(saved));
	saved_linear = meminfo("DirectMap%*[^:]: %ld");
}

int memory_state_same(void)
{
	const char *is = now, *was = saved;

	memory_state(now, sizeof(now));
	if (!strcmp(saved, now))
		return 1;
	while (*is && *is == *was)
		is++, was++;
	while (is > now && is[-1] != '\n')
		is--, was--;
	tap_note("was: %.*s", (int)strcspn(was, "\n"), was);
	tap_note("is:  %.*s", (int)strcspn(is, "\n"), is);
	return 0;
}
