// SPDX-License-Identifier: GPL-2.0-only
/*
 * flush count|storm DEVICE: a file system with DAX is mounted from a virtio-pmem, for which every flush is a request to the
 * host through a queue of its own, answered by an interrupt.
 * count: no way to make data durable ends without such a request.
 * storm: writers that sync all the time keep their data, and more requests at once than the queue has room for all end.
 */
#include <glob.h>
#include <pthread.h>
#include <sys/wait.h>
#include <tap.h>
#include <pages.h>

enum { rounds = 20, pages = 16, writers = 8, seconds_of_storm = 5, crowd = 160, crowd_rounds = 5 };

static char disk[64];

/* Interrupts of the device so far, on all processors: the host's answers. -1 if there is no such device. */
static long answers(void)
{
	char line[512], name[300] = "";
	long sum = -1;
	glob_t found;
	FILE *f;

	if (!glob("/sys/bus/virtio/drivers/virtio_pmem/virtio*", 0, NULL, &found)) {
		snprintf(name, sizeof(name), " %s", strrchr(found.gl_pathv[0], '/') + 1);
		globfree(&found);
	}
	f = fopen("/proc/interrupts", "r");
	while (f && fgets(line, sizeof(line), f)) {
		char *at = strchr(line, ':'), *end, *device = name[0] ? strstr(line, name) : NULL;

		/* One interrupt of its own, or one for each queue: virtio1-flush_queue. */
		if (!at || !device || !strchr(" ,-\n", device[strlen(name)]))
			continue;
		for (sum = sum < 0 ? 0 : sum, at++;; at = end) {
			long count = strtol(at, &end, 10);

			if (end == at)
				break;
			sum += count;
		}
	}
	if (f)
		fclose(f);
	return sum;
}

static int open_file(const char *name, int flags)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/mnt/dax/%s", name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
	if (fd < 0)
		tap_bail("%s: %s", path, strerror(errno));
	return fd;
}

static char buffer[pages * PAGE] __attribute__((aligned(4096)));

static int by_fsync(int fd, char *at, int round)
{
	(void)at;
	stamp_all(buffer, round, 0, pages);
	return pwrite(fd, buffer, sizeof(buffer), 0) != (ssize_t)sizeof(buffer) || fsync(fd);
}

static int by_fdatasync(int fd, char *at, int round)
{
	(void)at;
	stamp_all(buffer, round, 0, pages);
	return pwrite(fd, buffer, sizeof(buffer), 0) != (ssize_t)sizeof(buffer) || fdatasync(fd);
}

static int by_msync(int fd, char *at, int round)
{
	(void)fd;
	stamp(at + (pages - 1) * PAGE, round, pages - 1);
	return msync(at, pages * PAGE, MS_SYNC);
}

static int by_dsync(int fd, char *at, int round)
{
	int again = open_file("count", O_DSYNC);
	int bad;

	(void)fd, (void)at;
	stamp_all(buffer, round, 0, pages);
	bad = pwrite(again, buffer, sizeof(buffer), 0) != (ssize_t)sizeof(buffer);
	close(again);
	return bad;
}

static int by_disk(int fd, char *at, int round)
{
	int whole = open(disk, O_RDONLY | O_CLOEXEC), bad = fsync(whole);

	(void)fd, (void)at, (void)round;
	close(whole);
	return bad;
}

static void count(void)
{
	static const struct {
		const char *name;
		int (*once)(int fd, char *at, int round);
	} ways[] = { { "fsync", by_fsync },
		     { "fdatasync", by_fdatasync },
		     { "msync of a mapping", by_msync },
		     { "a write with O_DSYNC", by_dsync },
		     { "fsync of the disk", by_disk } };
	int fd = open_file("count", 0);
	char *at;

	if (answers() < 0)
		tap_bail("no virtio-pmem in /proc/interrupts");
	by_fsync(fd, NULL, 0);
	at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		long before = answers(), made;
		int bad = 0;

		for (int round = 1; round <= rounds; round++)
			bad += !!ways[i].once(fd, at, round);
		made = answers() - before;
		if (!tap_ok(!bad && made >= rounds, "each %s asks the host", ways[i].name))
			tap_note("%d failed, %ld answers to %d requests", bad, made, rounds);
	}
	munmap(at, pages * PAGE);
	close(fd);
}

/* Its own file, over and over, by write and by mapping; what it read back must be what it stored. */
static int writer(int number)
{
	double until = seconds() + seconds_of_storm;
	char name[16], *at;
	uint64_t where = 0;
	int fd, round;

	snprintf(name, sizeof(name), "storm%d", number);
	fd = open_file(name, 0);
	if (posix_fallocate(fd, 0, sizeof(buffer)))
		return 1;
	at = mmap(NULL, sizeof(buffer), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (round = 0; seconds() < until || round < 4; round++) {
		uint64_t seed = number * 100000 + round;

		if (round % 2) {
			stamp_all(at, seed, 0, pages);
			if (msync(at, sizeof(buffer), MS_SYNC))
				return 2;
		} else {
			stamp_all(buffer, seed, 0, pages);
			if (pwrite(fd, buffer, sizeof(buffer), 0) != (ssize_t)sizeof(buffer) || fsync(fd))
				return 3;
		}
		if (stamps_wrong(at, seed, 0, pages, &where))
			return 4;
	}
	stamp_all(at, number, 0, pages);
	return fsync(fd) ? 5 : 0;
}

static void *sync_disk(void *failed)
{
	int fd = open(disk, O_RDONLY | O_CLOEXEC);

	for (int i = 0; i < crowd_rounds; i++)
		if (fd < 0 || fsync(fd))
			__atomic_add_fetch((int *)failed, 1, __ATOMIC_RELAXED);
	close(fd);
	return NULL;
}

static void storm(void)
{
	static pthread_t thread[crowd];
	int status, bad = 0, failed = 0, started = 0;
	uint64_t where = 0, wrong = 0;
	pthread_attr_t small;

	for (int i = 0; i < writers; i++)
		if (!fork())
			_exit(writer(i));
	while (wait(&status) > 0)
		if (status) {
			tap_note("a writer ended with %#x", status);
			bad++;
		}
	tap_ok(!bad, "%d writers that sync all the time read what they wrote", writers);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	while (started < crowd && !pthread_create(&thread[started], &small, sync_disk, &failed))
		started++;
	for (int i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	if (!tap_ok(started == crowd && !failed, "more requests at once than the queue has room for all end"))
		tap_note("%d of %d threads, %d failed", started, crowd, failed);
	for (int i = 0; i < writers; i++) {
		char name[16];
		int fd;

		snprintf(name, sizeof(name), "storm%d", i);
		fd = open_file(name, 0);
		if (pread(fd, buffer, sizeof(buffer), 0) != (ssize_t)sizeof(buffer))
			wrong++;
		wrong += stamps_wrong(buffer, i, 0, pages, &where);
		close(fd);
	}
	tap_ok(!wrong, "every file has its last contents");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		tap_bail("usage: flush count|storm DEVICE");
	snprintf(disk, sizeof(disk), "/dev/%s", argv[2]);
	if (!strcmp(argv[1], "count"))
		count();
	else
		storm();
	tap_done();
}
