// SPDX-License-Identifier: GPL-2.0-only
/* Calls to pgmap_probe and what the kernel says meanwhile. */
#include "remap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <tap.h>
#include <unistd.h>

int remap_open(void)
{
	int file = open("/proc/pgmap_probe/remap", O_RDWR | O_CLOEXEC);

	if (file < 0)
		tap_bail("pgmap_probe cannot call memremap_pages(): %s", strerror(errno));
	return file;
}

int remap(int file, const char *format, ...)
{
	char request[512];
	va_list ap;
	int size;

	va_start(ap, format);
	size = vsnprintf(request, sizeof(request), format, ap);
	va_end(ap);
	return write(file, request, size) == size ? 0 : errno;
}

struct span remap_first_range(int file)
{
	struct span span = { 0, 0 };
	char text[256] = "";

	if (pread(file, text, sizeof(text) - 1, 0) <= 0 ||
	    sscanf(text, "%" SCNi64 "-%" SCNi64, (int64_t *)&span.start, (int64_t *)&span.end) != 2)
		tap_bail("pgmap_probe does not say what it mapped: '%s'", text);
	return span;
}

static const char *value_of(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? at + strlen(key) : "";
}

struct page_facts page_at(uint64_t address)
{
	struct page_facts facts = { .refcount = -1 };
	int file = open("/proc/pgmap_probe/pfn", O_RDWR | O_CLOEXEC);
	char pfn[32];
	int size = snprintf(pfn, sizeof(pfn), "%#" PRIx64, address >> 12);

	if (file < 0 || write(file, pfn, size) != size || pread(file, facts.line, sizeof(facts.line) - 1, 0) <= 0)
		tap_bail("pgmap_probe does not answer about PFN %s: %s", pfn, strerror(errno));
	close(file);
	facts.line[strcspn(facts.line, "\n")] = '\0';
	sscanf(value_of(facts.line, " type="), "%47s", facts.type);
	sscanf(value_of(facts.line, " zone="), "%15s", facts.zone);
	sscanf(value_of(facts.line, " refcount="), "%d", &facts.refcount);
	sscanf(value_of(facts.line, " start="), "%" SCNi64, (int64_t *)&facts.range.start);
	sscanf(value_of(facts.line, " end="), "%" SCNi64, (int64_t *)&facts.range.end);
	return facts;
}

bool is_free(struct span span)
{
	return strcmp(page_at(span.start).type, "none") == 0 && strcmp(page_at(span.end).type, "none") == 0;
}

static int kmsg = -1;

void listen_kernel(void)
{
	if (kmsg < 0)
		kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		tap_bail("the kernel log cannot be read: %s", strerror(errno));
}

/* `WARNING: CPU: 0 PID: 1 at mm/memremap.c:1 function+0x1/0x2`, since 6.17 `WARNING: mm/memremap.c:1 at function+0x1` */
static void function_of(const char *warning, char *name, size_t size)
{
	const char *end = strstr(warning, "+0x"), *start = end;

	while (start && start > warning && start[-1] != ' ')
		start--;
	snprintf(name, size, " %.*s ", end ? (int)(end - start) : 0, end ? start : "");
}

struct report heard(const char *text, const char *functions)
{
	struct report report = { 0 };
	char record[8192], name[80];
	ssize_t size;

	/* Each read gives one record; EPIPE: older ones were lost. */
	while ((size = read(kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		char *said;

		if (size <= 0)
			continue;
		record[size] = '\0';
		said = strchr(record, ';');
		if (!said)
			continue;
		said++;
		said[strcspn(said, "\n")] = '\0';
		if (text && strstr(said, text))
			report.said = true;
		if (strncmp(said, "WARNING: ", 9) != 0)
			continue;
		if (report.warnings++ == 0)
			snprintf(report.first, sizeof(report.first), "%s", said);
		function_of(said, name, sizeof(name));
		if (!functions || !strstr(functions, name))
			report.foreign = true;
	}
	return report;
}
