/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TAP for C tests: one call per result, tap_done() last. A program that ends without it has no plan, and that is an
 * ERROR: nothing passes by dying early.
 */
#ifndef PGMAP_TAP_H
#define PGMAP_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int tap_count;
static int tap_failed;

__attribute__((format(printf, 1, 2))) static inline void tap_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("# ", stdout);
	vprintf(fmt, ap);
	putchar('\n');
	fflush(stdout);
	va_end(ap);
}

/* Passes if cond. Returns cond, so that a caller can add tap_note() lines before the next result. */
__attribute__((format(printf, 2, 3))) static inline int tap_ok(int cond, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("%sok %d ", cond ? "" : "not ", ++tap_count);
	vprintf(fmt, ap);
	putchar('\n');
	fflush(stdout);
	va_end(ap);
	if (!cond)
		tap_failed = 1;
	return cond;
}

__attribute__((format(printf, 2, 3))) static inline void tap_skip(const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("ok %d %s # SKIP ", ++tap_count, name);
	vprintf(fmt, ap);
	putchar('\n');
	fflush(stdout);
	va_end(ap);
}

/* What cannot be tested at all because something other than the kernel broke. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void tap_bail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("Bail out! ", stdout);
	vprintf(fmt, ap);
	putchar('\n');
	fflush(stdout);
	va_end(ap);
	exit(1);
}

__attribute__((noreturn)) static inline void tap_done(void)
{
	printf("1..%d\n", tap_count);
	fflush(stdout);
	exit(tap_failed);
}

#endif
