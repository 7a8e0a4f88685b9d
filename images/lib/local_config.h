/* SPDX-License-Identifier: GPL-2.0-only */
/* For upstream's cow and gup_longterm, which ask here what the host has: no liburing. */
