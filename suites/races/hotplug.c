// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug SECONDS SEED DAX-DEVICE RAM-DEVICE START END: one task unbinds and binds a device-dax, another gives a second one
 * to kmem, onlines and offlines its memory blocks and takes it back, and two more read what proc says about memory.
 */
#include "race.h"

enum { workers = 4 };

static struct stage *stage;

static void binder(uint64_t *random, const char *device)
{
	const char *driver = "/sys/bus/dax/drivers/device_dax";
	char path[96];
	int bound = 1;

	while (!stage->stop || !bound) {
		snprintf(path, sizeof(path), "%s/%s", driver, bound ? "unbind" : "bind");
		if (write_to(path, device)) {
			stage->wrong = 1;
			_exit(1);
		}
		bound = !bound;
		stage->rounds[0]++;
		usleep(draw(random, 5000));
	}
	_exit(0);
}

static int offline(uint64_t first, uint64_t last)
{
	char path[96];

	for (uint64_t number = last + 1; number-- > first;) {
		int err = 0;

		snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu/state", number);
		for (int tries = 0; tries < 100 && (err = write_to(path, "offline")) == -EBUSY; tries++)
			usleep(10000);
		if (err && err != -EINVAL)
			return err;
	}
	return 0;
}

static void hotplugger(uint64_t *random, const char *device, uint64_t first, uint64_t last)
{
	const char *driver = "/sys/bus/dax/drivers/kmem";
	char path[96];
	int plugged = 1, err;

	while (!stage->stop || plugged) {
		if (!plugged) {
			snprintf(path, sizeof(path), "%s/bind", driver);
			err = write_to(path, device);
		} else if (!stage->stop && draw(random, 3)) {
			/* One block goes and comes. */
			uint64_t number = first + draw(random, last - first + 1);

			err = offline(number, number);
			snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu/state", number);
			if (!err)
				err = write_to(path, "online_movable");
			plugged = !plugged;
		} else {
			err = offline(first, last);
			snprintf(path, sizeof(path), "%s/unbind", driver);
			if (!err)
				err = write_to(path, device);
		}
		if (err) {
			stage->wrong = -err;
			_exit(2);
		}
		plugged = !plugged;
		stage->rounds[1]++;
		usleep(draw(random, 5000));
	}
	_exit(0);
}

static void reader(uint64_t *random, int number)
{
	static const char *const paths[] = { "/proc/zoneinfo", "/proc/pagetypeinfo", "/proc/iomem", "/proc/buddyinfo",
					     "/proc/kpageflags", "/proc/kpagecount", "/proc/meminfo" };
	static char buffer[65536];

	while (!stage->stop) {
		const char *path = paths[draw(random, sizeof(paths) / sizeof(*paths))];
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		/* Frames of the devices, and those around. */
		if (!strncmp(path, "/proc/kpage", 11))
			lseek(fd, (0x100000UL + draw(random, 0x60000)) * 8, SEEK_SET);
		for (int i = 0; i < 4 && read(fd, buffer, sizeof(buffer)) > 0;)
			i++;
		close(fd);
		stage->rounds[number]++;
	}
	_exit(0);
}

static int enough(void)
{
	return stage->rounds[0] > 2 && stage->rounds[1] > 2 && stage->rounds[2] + stage->rounds[3] > 2;
}

int main(int argc, char **argv)
{
	uint64_t seed, start, end, block;
	char text[32] = "";
	pid_t pids[workers];
	FILE *f;

	if (argc < 7)
		tap_bail("usage: hotplug SECONDS SEED DAX-DEVICE RAM-DEVICE START END");
	seed = seed_of(argv[2]);
	start = strtoull(argv[5], NULL, 0);
	end = strtoull(argv[6], NULL, 0);
	f = fopen("/sys/devices/system/memory/block_size_bytes", "r");
	if (!f || !fgets(text, sizeof(text), f))
		tap_bail("no memory blocks");
	fclose(f);
	block = strtoull(text, NULL, 16);
	stage = stage_new();
	for (int i = 0; i < workers; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			uint64_t random = draws(seed, i);

			if (i == 0)
				binder(&random, argv[3]);
			if (i == 1)
				hotplugger(&random, argv[4], (start + block - 1) / block, end / block - 1);
			reader(&random, i);
		}
	}
	usleep(atof(argv[1]) * 1000000);
	/* A slow machine gets more time, up to twice as much. */
	for (int i = 0; i < atof(argv[1]) * 10 && !enough(); i++)
		usleep(100000);
	tap_ok(all_end(stage, pids, workers, 10) && !stage->wrong, "devices and memory blocks come and go at the same time");
	tap_note("%ld times a driver, %ld times memory, %ld times proc; code %d", stage->rounds[0], stage->rounds[1],
		 stage->rounds[2] + stage->rounds[3], stage->wrong);
	tap_ok(enough(), "more than once");
	tap_done();
}
