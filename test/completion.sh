#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# completion.sh IRQFWD: what the Tab key offers, as TAP.
program=$(realpath "$1")
irqfwd() { "$program" "$@"; }
. "$(dirname "$0")/../src/cli/irqfwd.bash"

number=0
# offers LINE WORD…: among others, in any order
offers() {
	local line=$1 word missing=
	shift
	COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
	_irqfwd
	for word; do
		printf '%s\n' "${COMPREPLY[@]}" | grep -qxF -- "$word" || missing+=" $word"
	done
	number=$((number + 1))
	if [ -z "$missing" ]; then
		echo "ok $number - $line"
	else
		echo "not ok $number - $line: no$missing; but: ${COMPREPLY[*]}"
	fi
}

echo 1..13
offers 'irqfwd ' run explore sim --help
offers 'irqfwd ex' explore
offers 'irqfwd run ' --kernel --device --test-device --stats
offers 'irqfwd run --stats ' table json
offers 'irqfwd run --stats=j' json
offers 'irqfwd run --device vf' vfio-pci,host=
offers 'irqfwd run --device vfio-pci,host=0000:00:04.0,po' 04.0,policy=
offers 'irqfwd run --device vfio-pci,host=0000:00:04.0,policy=' unmask sample eoi
offers 'irqfwd explore one' oneshot
offers 'irqfwd explore oneshot --policy ' unmask sample eoi
offers 'irqfwd explore --property no-' no-spurious no-storm
offers 'irqfwd sim lev' level
offers 'irqfwd sim level --s' --seed --steps --save
