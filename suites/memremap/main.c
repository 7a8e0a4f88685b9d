// SPDX-License-Identifier: GPL-2.0-only
/* memremap TEST [ARGUMENT...]: one test of memremap_pages() itself, called through pgmap_probe. */
#include "remap.h"

#include <string.h>
#include <tap.h>

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "type") == 0)
		test_type(argc - 2, argv + 2);
	if (argc == 2 && strcmp(argv[1], "refusals") == 0)
		test_refusals();
	if (argc == 2 && strcmp(argv[1], "ranges") == 0)
		test_ranges();
	/* Each ends the program. */
	tap_bail("usage: memremap type NAME [WORD...] | refusals | ranges");
}
