// SPDX-License-Identifier: GPL-2.0-only
/* p2pdma TEST: one static program for the suite, because starting programs is what takes time in a guest. */
#include <stdio.h>
#include <string.h>

#include "tests.h"

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "numbers", test_numbers },
	{ "transfer", test_transfer },
	{ "far", test_far },
	{ "pool", test_pool },
	{ "refusals", test_refusals },
	{ "remove", test_remove },
	{ "remove-mapped", test_remove_mapped },
	{ "remove-busy", test_remove_busy },
	{ "rebind", test_rebind },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(tests) / sizeof(tests[0]); i++)
		if (strcmp(argv[1], tests[i].name) == 0)
			tests[i].run();
	fprintf(stderr, "usage: p2pdma TEST\n");
	return 2;
}
