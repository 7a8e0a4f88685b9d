// SPDX-License-Identifier: GPL-2.0-only
/*
 * heard FILE BYTES LEAST-SHIFT MOST-SHIFT [SHARER [STRANGER]]: memory errors (MADV_HWPOISON) in the first, a middle and
 * the last page of FILE. The task in which it happens hears of it with BUS_MCEERR_AR, another one that maps the page
 * and has asked to know (PR_MCE_KILL_EARLY) with BUS_MCEERR_AO, each at its own address; tasks that map other pages or another file (STRANGER) hear nothing.
 * SHARER is a file with the same blocks (reflink): who maps that has the page too.
 */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <tap.h>
#include <pages.h>

/* asm-generic/siginfo.h; not every libc has them under these conditions. */
#ifndef BUS_MCEERR_AR
#define BUS_MCEERR_AR 4
#define BUS_MCEERR_AO 5
#endif

enum { victim, mapper, sharer, stranger, outsider, roles };
static const char *const role_names[] = { "the task it happens in", "another task that maps the page",
					  "a task that maps a clone", "a task that maps other pages",
					  "a task that maps another file" };

struct heard {
	volatile int ready, signals, code, shift, refused;
	volatile uintptr_t addr, page;
};

static struct heard *heard, *mine;
static uint64_t bytes;
static int least, most;

static void on_bus(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	mine->code = info->si_code;
	mine->shift = info->si_addr_lsb;
	mine->addr = (uintptr_t)info->si_addr;
	mine->signals++;
	/* A fault that comes back would never end. */
	if (mine->signals > 3)
		_exit(1);
}

/*
 * Maps all of it, so that the address and the offset are the same modulo 2 MiB, or differ: then there can be no huge
 * mapping.
 */
static char *map(const char *path, int huge)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char *room = mmap(NULL, bytes + 6 * MiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at = (char *)(((uintptr_t)room + 2 * MiB - 1) & ~(2 * MiB - 1));

	at = mmap(huge ? at : at + 64 * PAGE, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (fd < 0 || at == MAP_FAILED)
		tap_bail("mmap of %s: %s", path, strerror(errno));
	close(fd);
	return at;
}

/* Maps, touches one page (writing to a clone would unshare it) and waits to be killed. */
static pid_t listen_at(int role, const char *path, uint64_t page, int huge)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	struct sigaction act = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };
	char *at = map(path, huge);

	mine = &heard[role];
	sigaction(SIGBUS, &act, NULL);
	if (role != victim)
		prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	mine->page = (uintptr_t)at + page * PAGE;
	(void)*(volatile char *)mine->page;
	mine->ready = 1;
	if (role == victim && madvise((void *)mine->page, PAGE, MADV_HWPOISON))
		mine->refused = errno;
	mine->ready = 2;
	for (;;)
		pause();
}

static int heard_it(int role, int code)
{
	const struct heard *h = &heard[role];

	if (h->signals == 1 && h->code == code && h->shift >= least && h->shift <= most && !h->refused &&
	    h->addr >> h->shift == h->page >> h->shift)
		return 1;
	tap_note("%s: errno %d, %d signals, the last with code %d for %#lx, %d bits; the page is %#lx", role_names[role],
		 h->refused, h->signals, h->code, h->addr, h->shift, h->page);
	return 0;
}

static int wait_until(int role, int what)
{
	double until = seconds() + 2;

	while (heard[role].ready < what && !heard[role].signals && seconds() < until)
		usleep(1000);
	return heard[role].ready >= what;
}

static void error_in(const char *name, uint64_t page, char **file, int huge)
{
	uint64_t other = page < 512 ? bytes / PAGE - 1 : 0;
	const char *const paths[roles] = { file[0], file[0], file[1], file[0], file[2] };
	pid_t pids[roles] = { 0 };
	int good;

	memset(heard, 0, roles * sizeof(*heard));
	/* The one in which it happens comes last. */
	for (int role = roles - 1; role >= 0; role--)
		if (paths[role]) {
			pids[role] = listen_at(role, paths[role], role == stranger ? other : page, huge);
			if (!wait_until(role, 1))
				tap_note("%s is not ready", role_names[role]);
		}
	wait_until(victim, 2);
	/* Signals for others are sent before madvise() returns, but they may take a moment to run. */
	for (int i = 0; i < 200 && !(heard[mapper].signals && (!file[1] || heard[sharer].signals)); i++)
		usleep(5000);
	good = heard_it(victim, BUS_MCEERR_AR) & heard_it(mapper, BUS_MCEERR_AO);
	if (file[1])
		good &= heard_it(sharer, BUS_MCEERR_AO);
	tap_ok(good, "%s page: all who map it hear where it was", name);
	good = 1;
	for (int role = stranger; role < roles; role++)
		if (paths[role] && (heard[role].signals || waitpid(pids[role], NULL, WNOHANG))) {
			tap_note("%s got code %d for %#lx", role_names[role], heard[role].code, heard[role].addr);
			good = 0;
		}
	tap_ok(good, "%s page: nobody else does", name);
	for (int role = 0; role < roles; role++)
		if (pids[role]) {
			kill(pids[role], SIGKILL);
			waitpid(pids[role], NULL, 0);
		}
}

int main(int argc, char **argv)
{
	char *file[3] = { argv[1], NULL, NULL }, *at;
	uint64_t half, wrong = 0, where = 0, places[3];
	int huge;

	if (argc < 5)
		tap_bail("usage: heard FILE BYTES LEAST-SHIFT MOST-SHIFT [SHARER [STRANGER]]");
	bytes = strtoull(argv[2], NULL, 0);
	least = atoi(argv[3]);
	most = atoi(argv[4]);
	for (int i = 5; i < argc && i < 7; i++)
		file[i - 4] = strcmp(argv[i], "-") ? argv[i] : NULL;
	huge = most > 12;
	half = bytes / 2 / (2 * MiB) * 512;
	places[0] = 0;
	places[1] = half + 5;
	places[2] = bytes / PAGE - 1;
	heard = mmap(NULL, roles * sizeof(*heard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!file[1]) {
		at = map(file[0], huge);
		stamp_all(at, 1, 0, bytes / PAGE);
		munmap(at, bytes);
	}
	error_in("first", places[0], file, huge);
	error_in("middle", places[1], file, huge);
	error_in("last", places[2], file, huge);
	if (!file[1]) {
		at = map(file[0], huge);
		/* 2 MiB around each error may be gone for programs. */
		for (uint64_t i = 0; i < bytes / PAGE; i++)
			if (i / 512 != places[0] / 512 && i / 512 != places[1] / 512 && i / 512 != places[2] / 512)
				wrong += stamps_wrong(at + i * PAGE, 1, i, 1, &where);
		if (!tap_ok(!wrong, "other pages keep their data"))
			tap_note("%lu are wrong, the last is %lu", wrong, where);
		munmap(at, bytes);
	}
	tap_done();
}
