// SPDX-License-Identifier: GPL-2.0-only
/*
 * unbind SECONDS SEED DEVICE: tasks pin, touch and copy a mapped device-dax while its driver is taken away; they get
 * SIGBUS, EFAULT or nothing pinned, and the driver goes in time. Again and again.
 */
#include "race.h"

enum { workers = 4, batch = 64 };

static struct stage *stage;
static const char *device;
static uint64_t size;

static void pin(char *at, uint64_t *random, unsigned long request)
{
	uint64_t pages = 1 + draw(random, batch);
	long got = gup(request, at + draw(random, size / PAGE - batch) * PAGE, pages * PAGE, draw(random, 2), pages);

	if (got > (long)(pages * PAGE))
		stage->wrong = 1;
}

static void touch(char *at, uint64_t *random)
{
	uint64_t value = draw(random, 1000), page = draw(random, size / PAGE);
	int sig = fault_on(at + page * PAGE, draw(random, 2), &value);

	if (sig && sig != SIGBUS)
		stage->wrong = 2;
}

/* The kernel copies to and from the mapping itself. */
static void copy(char *at, uint64_t *random, int pipe_in, int pipe_out)
{
	uint64_t page = draw(random, size / PAGE);
	char drain[512];
	ssize_t got = write(pipe_in, at + page * PAGE, sizeof(drain));

	if (got < 0 && errno != EFAULT)
		stage->wrong = 3;
	if (got > 0 && read(pipe_out, drain, got) != got)
		stage->wrong = 4;
}

static void worker(int number, uint64_t seed, char *at)
{
	uint64_t random = draws(seed, number);
	int pipes[2];

	if (pipe(pipes))
		_exit(1);
	while (!stage->stop) {
		switch (number) {
		case 0:
			pin(at, &random, PIN_FAST);
			break;
		case 1:
			pin(at, &random, draw(&random, 2) ? GUP_FAST : PIN_LONGTERM);
			break;
		case 2:
			touch(at, &random);
			break;
		case 3:
			copy(at, &random, pipes[1], pipes[0]);
			break;
		}
		stage->rounds[number]++;
	}
	_exit(0);
}

static char *map(void)
{
	char path[64];
	char *at;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", device);
	for (int i = 0; (fd = open(path, O_RDWR | O_CLOEXEC)) < 0 && i < 200; i++)
		usleep(5000);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		tap_bail("mmap of %s: %s", device, strerror(errno));
	return at;
}

int main(int argc, char **argv)
{
	const char *const driver = "/sys/bus/dax/drivers/device_dax";
	char bind[96], unbind[96];
	long taken = vmstat("nr_foll_pin_acquired"), given = vmstat("nr_foll_pin_released");
	uint64_t seed, random;
	double until, slowest = 0, began;
	int rounds = 0, good = 1;

	if (argc < 4)
		tap_bail("usage: unbind SECONDS SEED DEVICE");
	until = seconds() + atof(argv[1]);
	seed = seed_of(argv[2]);
	device = argv[3];
	size = number_in(0, "/sys/bus/dax/devices/%s/size", device);
	snprintf(bind, sizeof(bind), "%s/bind", driver);
	snprintf(unbind, sizeof(unbind), "%s/unbind", driver);
	stage = stage_new();
	random = draws(seed, 99);
	/* Twice at least, however slow the machine is. */
	while (good && (rounds < 2 || seconds() < until)) {
		char *at = map();
		pid_t pids[workers];

		stage->stop = 0;
		for (int i = 0; i < workers; i++) {
			pids[i] = fork();
			if (!pids[i])
				worker(i, seed + rounds, at);
		}
		usleep(draw(&random, 60000));
		began = seconds();
		if (write_to(unbind, device)) {
			tap_note("round %d: unbind: %s", rounds, strerror(errno));
			good = 0;
		}
		if (seconds() - began > slowest)
			slowest = seconds() - began;
		usleep(draw(&random, 10000));
		good &= all_end(stage, pids, workers, 5);
		munmap(at, size);
		if (write_to(bind, device)) {
			tap_note("round %d: bind: %s", rounds, strerror(errno));
			good = 0;
		}
		rounds++;
	}
	tap_note("%d rounds; %ld pins, %ld others, %ld touches, %ld copies; the slowest unbind took %.2f s", rounds,
		 stage->rounds[0], stage->rounds[1], stage->rounds[2], stage->rounds[3], slowest);
	tap_ok(good, "the driver goes and comes while tasks use the device");
	if (!tap_ok(!stage->wrong, "they get SIGBUS, EFAULT or nothing"))
		tap_note("code %d", stage->wrong);
	taken = vmstat("nr_foll_pin_acquired") - taken;
	given = vmstat("nr_foll_pin_released") - given;
	if (!tap_ok(taken == given, "every pin is released"))
		tap_note("%ld taken, %ld released", taken, given);
	tap_done();
}
