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

# options_of SUBCOMMAND: those that its help has a line for
options_of() {
	irqfwd "$1" --help | sed -n 's/^  *\(-.,\)\? *\(--[a-z][a-z-]*\).*/\2/p' | sort
}

# manual_of SUBCOMMAND: those that its manual page has a paragraph for
manual_of() {
	sed 's/\\-/-/g' "$(dirname "$0")/../docs/man/irqfwd-$1.1" |
		awk '/^\.SH/ { options = /OPTIONS/ } tag && options; { tag = /^\.TP/ }' |
		grep -o -- '--[a-z][a-z-]*' | sort
}

# same SUBCOMMAND: help, manual page and completion know the same options
same() {
	local help manual offered line="irqfwd $1 -"
	COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
	_irqfwd
	help=$(options_of "$1") manual=$(manual_of "$1")
	offered=$(printf '%s\n' "${COMPREPLY[@]}" | sort)
	number=$((number + 1))
	if [ -n "$help" ] && [ "$help" = "$manual" ] && [ "$help" = "$offered" ]; then
		echo "ok $number - $1: $(wc -l <<<"$help") options"
	else
		echo "not ok $number - $1: help, manual and Tab differ"
		diff <(echo "$help") <(echo "$manual") | sed 's/^/# manual /'
		diff <(echo "$help") <(echo "$offered") | sed 's/^/# Tab /'
	fi
}

# takes SUBCOMMAND: each option that the help has is one that it knows
takes() {
	local option unknown=
	for option in $(options_of "$1"); do
		irqfwd "$1" "$option" --help </dev/null 2>&1 |
			grep -q 'unrecognized\|ambiguous' && unknown+=" $option"
	done
	number=$((number + 1))
	[ -z "$unknown" ] || echo -n 'not '
	echo "ok $number - $1 takes what its help has:$unknown"
}

echo 1..21
offers 'irqfwd ' run explore sim --help
offers 'irqfwd ex' explore
offers 'irqfwd run ' --kernel --device --test-device --stats
offers 'irqfwd run --stats ' table json
offers 'irqfwd run --stats=j' json
offers 'irqfwd run --device vf' vfio-pci,host=
offers 'irqfwd run -d vf' vfio-pci,host=
offers 'irqfwd run --device vfio-pci,host=0000:00:04.0,po' 04.0,policy=
offers 'irqfwd run --device vfio-pci,host=0000:00:04.0,policy=' unmask sample eoi
offers 'irqfwd explore one' oneshot
offers 'irqfwd explore oneshot --policy ' unmask sample eoi
offers 'irqfwd explore --property no-' no-spurious no-storm
offers 'irqfwd sim lev' level
offers 'irqfwd sim level --s' --seed --steps --save
offers 'irqfwd sim level --trace --s' --seed --steps --save
for subcommand in run explore sim; do
	same $subcommand
	takes $subcommand
done
