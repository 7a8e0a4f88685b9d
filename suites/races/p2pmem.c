// SPDX-License-Identifier: GPL-2.0-only
/*
 * p2pmem SECONDS SEED: disks transfer to and from peer-to-peer memory, a program maps and unmaps more of it, and the
 * driver that gives it out is taken away at some moment. Errors are fine, hanging is not, and all memory comes back.
 */
#include "../p2pdma/p2pmem.h"
#include "race.h"

enum { workers = 3, length = 8 };

static struct stage *stage;

/* Stops by itself when the memory is gone. */
static void transfer(uint64_t *random, const struct nvme *from, const char *disk, int number)
{
	char *memory = p2pmem_map(from, length * PAGE);
	int fd = open(disk, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (!memory || fd < 0)
		_exit(0);
	while (!stage->stop) {
		uint64_t first = draw(random, length), count = 1 + draw(random, length - first);
		ssize_t want = count * PAGE, got = draw(random, 2) ? pwrite(fd, memory + first * PAGE, want, 0) :
								     pread(fd, memory + first * PAGE, want, 0);

		if (got != want)
			_exit(0);
		stage->rounds[number]++;
	}
	_exit(0);
}

static void mapper(uint64_t *random, const struct nvme *from, int number)
{
	while (!stage->stop) {
		uint64_t count = 1 + draw(random, 32), value = 1;
		char path[128], *at;
		int fd, sig;

		snprintf(path, sizeof(path), "%s/p2pmem/allocate", from->pci);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			_exit(0);
		at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		if (at == MAP_FAILED)
			continue;
		sig = fault_on(at + draw(random, count) * PAGE, 1, &value);
		if (sig && sig != SIGBUS)
			stage->wrong = sig;
		munmap(at, count * PAGE);
		stage->rounds[number]++;
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *const driver = "/sys/bus/pci/drivers/nvme";
	struct nvme provider = nvme_find(PROVIDER), peer = nvme_find(PEER);
	long long available = p2pmem_number(&provider, "available"), size = p2pmem_number(&provider, "size");
	double until, slowest = 0, began;
	uint64_t seed, random;
	int rounds = 0, good = 1;

	if (argc < 3)
		tap_bail("usage: p2pmem SECONDS SEED");
	until = seconds() + atof(argv[1]);
	seed = seed_of(argv[2]);
	random = draws(seed, 99);
	stage = stage_new();
	/* Twice at least, however slow the machine is, and until all of them had their turn. */
	while (good && (rounds < 2 || seconds() < until ||
			(rounds < 20 && !(stage->rounds[0] && stage->rounds[1] && stage->rounds[2])))) {
		char path[96], *name;
		pid_t pids[workers];

		provider = nvme_find(PROVIDER);
		name = strrchr(provider.pci, '/') + 1;
		stage->stop = 0;
		for (int i = 0; i < workers; i++) {
			pids[i] = fork();
			if (!pids[i]) {
				uint64_t own = draws(seed + rounds, i);

				if (i == 2)
					mapper(&own, &provider, i);
				transfer(&own, &provider, i ? provider.disk : peer.disk, i);
			}
		}
		usleep(20000 + draw(&random, 150000));
		began = seconds();
		snprintf(path, sizeof(path), "%s/unbind", driver);
		if (write_to(path, name))
			good = 0;
		if (seconds() - began > slowest)
			slowest = seconds() - began;
		good &= all_end(stage, pids, workers, 5);
		snprintf(path, sizeof(path), "%s/bind", driver);
		if (write_to(path, name))
			good = 0;
		rounds++;
	}
	tap_note("%d rounds; %ld and %ld transfers, %ld mappings; the slowest unbind took %.2f s", rounds,
		 stage->rounds[0], stage->rounds[1], stage->rounds[2], slowest);
	tap_ok(good && slowest < 5, "the driver goes in time while its memory is used");
	tap_ok(!stage->wrong, "programs get SIGBUS or nothing");
	tap_ok(stage->rounds[0] > 0 && stage->rounds[1] > 0 && stage->rounds[2] > 0, "all of them did something");
	provider = nvme_find(PROVIDER);
	for (int i = 0; i < 100 && p2pmem_number(&provider, "available") != available; i++)
		usleep(10000);
	if (!tap_ok(p2pmem_number(&provider, "available") == available && p2pmem_number(&provider, "size") == size,
		    "all of the memory is there again"))
		tap_note("%lld of %lld are available, %lld were", p2pmem_number(&provider, "available"), size, available);
	tap_done();
}
