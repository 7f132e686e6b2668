#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: check_sim_names.sh LIBSIM LIBCHIP LIBFORWARD
# The simulator's build of the core must not define a name of the shipped one:
# in one program the linker would take either, and their bounds differ.
set -eu
names() { nm --defined-only -g "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
names "$1" >"$tmp/sim"
shift
names "$@" >"$tmp/core"
echo 1..1
both=$(comm -12 "$tmp/sim" "$tmp/core" | tr '\n' ' ')
if [ -n "$both" ]; then
	echo "not ok 1 - in both builds, and missing in src/sim/bounds.h: $both"
	exit 1
fi
[ -s "$tmp/sim" ] && [ -s "$tmp/core" ] || { echo "not ok 1 - no names found"; exit 1; }
echo "ok 1 - no name is in both builds"
