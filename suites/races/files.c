// SPDX-License-Identifier: GPL-2.0-only
/*
 * files SECONDS SEED FILE: tasks pin, touch, read and write a mapped DAX file while others truncate it and punch holes. A
 * page that is read back is zero or a stamp of its own.
 */
#include <linux/falloc.h>
#include "race.h"

enum { workers = 5, pages = 1024, batch = 64 };

static struct stage *stage;
static int file;

/* Holes, the part behind the end and pages that nobody wrote are zero; a whole stamp is written word by word. */
static int plausible(const volatile uint64_t *at, uint64_t page)
{
	uint64_t value;

	for (unsigned int i = 0; i < WORDS; i += 37) {
		value = at[i];
		if (value && value != stamp_word(1, page, i))
			return 0;
	}
	return 1;
}

static void worker(int number, uint64_t seed, char *at)
{
	uint64_t random = draws(seed, number), buffer[WORDS], value;
	void *copy = buffer;

	while (!stage->stop) {
		uint64_t page = draw(&random, pages - batch), count = 1 + draw(&random, batch);

		switch (number) {
		case 0:
			/* Pins are for writing: of a hole, gup_test would get the zero page, which is not pinned, and warn. */
			if (draw(&random, 2))
				gup(draw(&random, 2) ? PIN_FAST : PIN_BASIC, at + page * PAGE, count * PAGE, 1, count);
			else
				gup(GUP_FAST, at + page * PAGE, count * PAGE, draw(&random, 2), count);
			break;
		case 1:
			value = stamp_word(1, page, 0);
			if (fault_on(at + page * PAGE, draw(&random, 2), &value) == SIGSEGV)
				stage->wrong = 1;
			break;
		case 2:
			if (pread(file, copy, PAGE, page * PAGE) == (ssize_t)PAGE && !plausible(copy, page))
				stage->wrong = 2;
			break;
		case 3:
			stamp(copy, 1, page);
			if (pwrite(file, copy, PAGE, page * PAGE) != (ssize_t)PAGE)
				stage->wrong = errno == ENOSPC ? 0 : 3;
			break;
		case 4:
			if (draw(&random, 4) ? fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page * PAGE, count * PAGE) :
					       ftruncate(file, page * PAGE) || ftruncate(file, pages * PAGE))
				stage->wrong = 4;
			break;
		}
		stage->rounds[number]++;
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	long taken = vmstat("nr_foll_pin_acquired"), given = vmstat("nr_foll_pin_released");
	pid_t pids[workers];
	uint64_t seed;
	char *at;

	if (argc < 4)
		tap_bail("usage: files SECONDS SEED FILE");
	seed = seed_of(argv[2]);
	file = open(argv[3], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0 || ftruncate(file, pages * PAGE))
		tap_bail("%s: %s", argv[3], strerror(errno));
	at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (at == MAP_FAILED)
		tap_bail("mmap: %s", strerror(errno));
	stage = stage_new();
	for (int i = 0; i < workers; i++) {
		pids[i] = fork();
		if (!pids[i])
			worker(i, seed, at);
	}
	usleep(atof(argv[1]) * 1000000);
	tap_ok(all_end(stage, pids, workers, 5), "pins, faults, writes and truncation all end");
	tap_note("%ld pins, %ld touches, %ld reads, %ld writes, %ld holes", stage->rounds[0], stage->rounds[1],
		 stage->rounds[2], stage->rounds[3], stage->rounds[4]);
	if (!tap_ok(!stage->wrong, "none sees what it should not"))
		tap_note("code %d", stage->wrong);
	taken = vmstat("nr_foll_pin_acquired") - taken;
	given = vmstat("nr_foll_pin_released") - given;
	if (!tap_ok(taken == given, "every pin is released"))
		tap_note("%ld taken, %ld released", taken, given);
	munmap(at, pages * PAGE);
	close(file);
	tap_done();
}
