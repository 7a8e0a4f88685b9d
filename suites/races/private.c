// SPDX-License-Identifier: GPL-2.0-only
/*
 * private SECONDS SEED: threads fault, migrate, fork and unmap the same pages of a device that the CPU cannot address. A
 * version number for each page says what it must hold. The device reads nothing by itself: when it has lost its own
 * pointer to one of its pages (a fork does that), test_hmm's dmirror_do_fault() takes the device page for RAM and dies
 * (6.12).
 */
#include <pthread.h>
#include "../hmm-private/dmirror.h"
#include "race.h"

enum { pages = 256, threads = 4 };

static char *area;
static struct dmirror dev[2];
static struct {
	pthread_mutex_t lock;
	uint64_t version; /* 0: never written, all zero */
} page[pages];
static struct stage *stage;
static uint64_t seed;

static int holds(uint64_t i)
{
	char *at = area + i * PAGE;

	return page[i].version ? stamped(at, page[i].version, i) : zeroed(at, PAGE);
}

static void wrong(const char *what, uint64_t i)
{
	if (!stage->wrong++)
		tap_note("%s: page %lu does not hold version %lu", what, i, page[i].version);
}

static void write_page(uint64_t i, uint64_t version)
{
	pthread_mutex_lock(&page[i].lock);
	if (!holds(i))
		wrong("before a write", i);
	stamp(area + i * PAGE, version, i);
	page[i].version = version;
	pthread_mutex_unlock(&page[i].lock);
}

static void read_page(uint64_t i)
{
	pthread_mutex_lock(&page[i].lock);
	if (!holds(i))
		wrong("a read", i);
	pthread_mutex_unlock(&page[i].lock);
}

static void drop_page(uint64_t i, int unmap)
{
	char *at = area + i * PAGE;

	pthread_mutex_lock(&page[i].lock);
	if (unmap) {
		munmap(at, PAGE);
		if (mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			wrong("mmap", i);
	} else {
		madvise(at, PAGE, MADV_DONTNEED);
	}
	page[i].version = 0;
	pthread_mutex_unlock(&page[i].lock);
}

/* Nobody locks pages for this: it must not change what they hold. Ranges that are in motion may be refused. */
static void migrate(struct dmirror *d, int to_device, uint64_t first, uint64_t count, char *mirror)
{
	dmirror_do(d, to_device ? HMM_DMIRROR_MIGRATE_TO_DEV : HMM_DMIRROR_MIGRATE_TO_SYS, area + first * PAGE, count, mirror);
}

/* A child has the pages as they were, and writes stay its own. */
static void fork_off(uint64_t *random)
{
	uint64_t first = draw(random, pages), count = 1 + draw(random, 32);
	int status = 0;
	pid_t child;

	for (int i = 0; i < pages; i++)
		pthread_mutex_lock(&page[i].lock);
	child = fork();
	if (!child) {
		int bad = 0;

		for (uint64_t i = first; i < first + count; i++)
			bad |= !holds(i % pages);
		for (uint64_t i = first; i < first + count / 2; i++)
			stamp(area + i % pages * PAGE, ~0UL, i);
		_exit(bad);
	}
	for (int i = pages; i-- > 0;)
		pthread_mutex_unlock(&page[i].lock);
	if (child > 0 && waitpid(child, &status, 0) == child && status)
		wrong("a child", first);
}

static void *run(void *number)
{
	uint64_t me = (uintptr_t)number, random = draws(seed, me);
	char *mirror = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	while (!stage->stop) {
		uint64_t i = draw(&random, pages), count = 1 + draw(&random, pages - i);

		switch (draw(&random, 30)) {
		case 0 ... 7:
			write_page(i, 1 + me + 8 * (1 + draw(&random, 1000000)));
			break;
		case 8 ... 15:
			read_page(i);
			break;
		case 16 ... 22:
			migrate(&dev[draw(&random, 2)], 1, i, count < 64 ? count : 64, mirror);
			break;
		case 23 ... 25:
			migrate(&dev[draw(&random, 2)], 0, i, count, mirror);
			break;
		case 26 ... 27:
			drop_page(i, 0);
			break;
		case 28:
			drop_page(i, 1);
			break;
		case 29:
			fork_off(&random);
			break;
		}
		stage->rounds[me]++;
	}
	munmap(mirror, pages * PAGE);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread[threads];
	long rounds = 0;
	int bad = 0;

	if (argc < 3)
		tap_bail("usage: private SECONDS SEED");
	seed = seed_of(argv[2]);
	stage = stage_new();
	for (int i = 0; i < 2; i++) {
		dev[i] = dmirror_open(i, 0);
		if (dev[i].fd < 0)
			tap_bail("no /dev/hmm_dmirror%d", i);
	}
	area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < pages; i++)
		pthread_mutex_init(&page[i].lock, NULL);
	for (uintptr_t i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, run, (void *)i);
	usleep(atof(argv[1]) * 1000000);
	stage->stop = 1;
	for (int i = 0; i < threads; i++) {
		pthread_join(thread[i], NULL);
		rounds += stage->rounds[i];
	}
	tap_note("%ld operations", rounds);

	tap_ok(!stage->wrong && rounds >= threads, "no page ever holds what it should not");
	for (int i = 0; i < pages; i++)
		bad += !holds(i);
	tap_ok(!bad, "and none does in the end");
	munmap(area, pages * PAGE);
	tap_done();
}
