# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completion for xenvirtiod(8) and xenvirtioctl(8): the programs themselves know what may come.
# They get the line's words up to the cursor, as far as blanks divide them. Readline has words
# of its own, which begin behind = and : as well (COMP_WORDBREAKS), and wants the rest of a
# candidate from there. Where the programs know nothing it offers files.
_xenvirtiod() {
	local line=${COMP_LINE:0:COMP_POINT} breaks="[${COMP_WORDBREAKS//[^=:]/}]"
	local words candidate cut
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	# shellcheck disable=SC2295 # a pattern
	cut=${words[-1]%"${words[-1]##*$breaks}"}
	COMPREPLY=()
	while read -r candidate; do
		COMPREPLY+=("${candidate#"$cut"}")
	done < <("$1" --complete "${words[@]:1}" 2>/dev/null)
	# A key's value, or another key, follows.
	[[ ${COMPREPLY[0]-} == *= || ${words[-1]} == *=* ]] && compopt -o nospace 2>/dev/null
	return 0
}

complete -o default -F _xenvirtiod xenvirtiod xenvirtioctl
