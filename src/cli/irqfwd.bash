# SPDX-License-Identifier: Apache-2.0
# Completion of irqfwd for bash. What can be completed, irqfwd itself says.

_irqfwd_devices() {
	local dev keys='irq= policy= resample= slot='
	case $1 in
	*,irq=*) printf '%s\n' "${1%,irq=*},irq="{auto,intx,msi,msix} ;;
	*,policy=*) printf '%s\n' "${1%,policy=*},policy="{unmask,sample,eoi} ;;
	*,resample=*) printf '%s\n' "${1%,resample=*},resample="{eventfd,ioctl} ;;
	vfio-pci,host=*,*)
		for dev in $keys; do printf '%s\n' "${1%,*},$dev"; done
		;;
	*)
		printf 'vfio-pci,host=\n'
		for dev in /sys/bus/pci/drivers/vfio-pci/*:*; do
			[ ! -e "$dev" ] || printf 'vfio-pci,host=%s\n' "${dev##*/}"
		done
		;;
	esac
}

# values OPTION CURRENT: what may stand behind it; fails if it takes none.
_irqfwd_values() {
	case $1 in
	--stats) printf '%s\n' table json ;;
	--policy) printf '%s\n' unmask sample eoi ;;
	--device | -d) _irqfwd_devices "$2" ;;
	--property) irqfwd explore --property '?' 2>&1 | sed 's/.*there are: //' ;;
	--variant) irqfwd explore --list 2>/dev/null | sed -n 's/^  *\([^ ]*\) .*/\1/p' ;;
	--append | --cpus | --mem | -[acm] | --max-* | --time | --workers | --seed | --steps | --runs) ;;
	*) return 1 ;;
	esac
}

_irqfwd() {
	# Not bash's own words: it breaks them at '=' and ':', which addresses have.
	local line=${COMP_LINE:0:COMP_POINT} words cur prev choices broken
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	cur=${words[-1]} prev=${words[-2]}
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*} cur=${cur#*=}
	fi
	COMPREPLY=()
	case ${words[1]}$prev in	# sim's --trace takes no file
	run--kernel | run-[ki] | run--initrd | run--env | run--stats-file | run--trace | *--replay | *--save)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	if [ ${#words[@]} -eq 2 ]; then
		choices="$(irqfwd --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p') --help --version"
	elif choices=$(_irqfwd_values "$prev" "$cur"); then
		[[ $prev != --device && $prev != -d ]] || compopt -o nospace 2>/dev/null
	elif [[ $cur == -* || ${words[1]} == run ]]; then
		# Every subcommand says in its help what it takes, a line for each.
		choices=$(irqfwd "${words[1]}" --help 2>/dev/null |
			sed -n 's/^  *\(-.,\)\? *\(--[a-z][a-z-]*\).*/\2/p')
	else
		choices=$(irqfwd explore --list 2>/dev/null | sed -n 's/^\([^ :]*\):.*/\1/p')
	fi
	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
	broken=${cur%"${cur##*[=:]}"}
	COMPREPLY=("${COMPREPLY[@]#"$broken"}")
}

complete -F _irqfwd irqfwd
