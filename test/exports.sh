#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# exports.sh LIBRARY HEADER: the shared library exports what the header declares.
set -eu
exported=$(nm -D --defined-only "$1" | awk '{ print $3 }' | sort)
declared=$(grep -o 'irqfwd_[a-z_]*(' "$2" | tr -d '(' | sort -u)
echo "1..2"
foreign=$(echo "$exported" | grep -v '^irqfwd_' || true)
[ -z "$foreign" ] && echo "ok 1 - nothing else is exported" ||
	echo "not ok 1 - also exported: $foreign"
missing=""
for name in $declared; do
	echo "$exported" | grep -qx "$name" || missing="$missing $name"
done
[ -z "$missing" ] && echo "ok 2 - all that is declared is exported" ||
	echo "not ok 2 - not exported:$missing"
