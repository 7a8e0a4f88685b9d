// SPDX-License-Identifier: GPL-2.0-only
/*
 * revoke DAX-DEVICE [NAMESPACE]: maps the device, takes its driver away and gives it back, then destroys the namespace.
 * Whoever has it mapped gets SIGBUS from then on, and nobody waits for him.
 */
#include <sys/wait.h>
#include <tap.h>
#include "dax-device.h"

static struct dax_device d;

/* Runs in a child, because it may never come back. */
static int in_time(double limit, int (*what)(const char *), const char *with)
{
	double until = seconds() + limit;
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(what(with));
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (seconds() > until) {
			tap_note("not over after %.0f s", limit);
			return 0;
		}
		usleep(5000);
	}
	if (status)
		tap_note("status %#x", status);
	return status == 0;
}

static int unbind(const char *name)
{
	return write_to("/sys/bus/dax/drivers/device_dax/unbind", name) != 0;
}

static int bind_again(const char *name)
{
	return write_to("/sys/bus/dax/drivers/device_dax/bind", name) != 0;
}

static int destroy(const char *namespace)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, 1);
	dup2(null, 2);
	execlp("ndctl", "ndctl", "destroy-namespace", "-f", namespace, NULL);
	return 127;
}

static char *mapped(void)
{
	char *at = dax_map(&d, 0, d.size, PROT_READ | PROT_WRITE, MAP_SHARED);

	if (at == MAP_FAILED)
		tap_bail("mmap of %s: %s", d.name, strerror(errno));
	return at;
}

static int gone(char *at)
{
	uint64_t value = 0, last = (d.pages - 1) * PAGE;

	return fault_on(at, 0, &value) == SIGBUS && fault_on(at + last, 1, &value) == SIGBUS &&
	       fault_on(at + d.align, 0, &value) == SIGBUS;
}

int main(int argc, char **argv)
{
	const char *missing = argc < 2 ? "no device was named" : dax_device(argv[1], &d);
	char *at;

	if (missing)
		tap_bail("%s", missing);
	at = mapped();
	stamp(at, 1, 0);
	stamp(at + (d.pages - 1) * PAGE, 1, d.pages - 1);
	gup(PIN_LONGTERM, at, 4 * MiB, 1, 100);
	gup(GUP_FAST, at, 4 * MiB, 0, 1);
	tap_ok(in_time(5, unbind, d.name), "%s is unbound while it is mapped", d.name);
	tap_ok(gone(at), "its mapping is gone: SIGBUS");
	tap_ok(gup(PIN_FAST, at, 2 * MiB, 0, 1) <= 0, "nothing of it can be pinned");
	/* Opening it again now is left out: 6.12 gives the file no device and dies in dax_mmap(). */
	/* Not with the old mapping alive either: the driver would initialise a cdev that is in use (6.12). */
	munmap(at, d.size);
	tap_ok(in_time(5, bind_again, d.name), "it is bound again");
	for (int i = 0; i < 100 && access(d.path, R_OK); i++)
		usleep(10000);
	at = mapped();
	tap_ok(stamped(at, 1, 0) && stamped(at + (d.pages - 1) * PAGE, 1, d.pages - 1), "a new one shows the old contents");
	if (argc < 3)
		tap_done();
	gup(PIN_FAST, at, 4 * MiB, 1, 100);
	tap_ok(in_time(5, destroy, argv[2]), "%s is destroyed while it is mapped", argv[2]);
	tap_ok(gone(at), "its mapping is gone: SIGBUS");
	munmap(at, d.size);
	tap_done();
}
