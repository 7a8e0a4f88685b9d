#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# From a fresh clone to a tool that runs: npm packages, compiled sources, Debian packages. Does only what is missing.
set -e
cd "$(dirname "$0")/../.."
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
	npm ci --no-fund --no-audit >&2
fi
node_modules/.bin/tsc >&2
node dist/cli.js doctor --install --quiet >&2
