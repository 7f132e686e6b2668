# SPDX-License-Identifier: Apache-2.0
# Completion of irqfwd for bash.

_irqfwd_devices() {
	local dev
	for dev in /sys/bus/pci/drivers/vfio-pci/*:*; do
		[ -e "$dev" ] && printf 'vfio-pci,host=%s\n' "${dev##*/}"
	done
}

_irqfwd() {
	local cur=$2 prev=$3 words
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$(irqfwd --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$words --help --version" -- "$cur")
		return
	fi
	case $prev in
	--kernel | --initrd | --env | --stats-file | --trace)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--stats)
		mapfile -t COMPREPLY < <(compgen -W 'table json' -- "$cur")
		return
		;;
	--device)
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -W "$(_irqfwd_devices)" -- "$cur")
		return
		;;
	esac
	# Every subcommand says in its help what it takes.
	words=$(irqfwd "${COMP_WORDS[1]}" --help 2>/dev/null | grep -o -- '--[a-z][a-z-]*' | sort -u)
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _irqfwd irqfwd
