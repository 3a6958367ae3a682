#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Completions: every command and option of --help is in each of them, and the shells understand them.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mapfile -t commands < <("$pixelrain" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
claim 'there are commands' [ "${#commands[@]}" -ge 8 ]
for shell in bash zsh fish; do
    ok "$pixelrain" --completions "$shell"
    cp "$scratch/out" "$scratch/$shell"
done
run "$pixelrain" --completions tcsh
expect 2 '' "pixelrain: --completions is one of bash, zsh, fish, not 'tcsh'
Try 'pixelrain --help'."

# section SHELL COMMAND: what the script has to say about a command
section() {
    case $1 in
    fish) grep -F "from $2'" "$scratch/fish" ;;
    *) awk -v it="    $2)" '/^    [a-z]*\)$/ { is_in = $0 == it } is_in' "$scratch/$1" ;;
    esac
}
n_options=0
for command in "${commands[@]}"; do
    mapfile -t options < <("$pixelrain" "$command" --help | sed -n 's/^ .* *--\([a-z-]*\).*/\1/p' | grep -v version)
    claim "$command has options" [ "${#options[@]}" -ge 1 ]
    for option in "${options[@]}"; do
        n_options=$((n_options + 1))
        claim "--$option of $command in bash" grep -q -- "--$option " <(section bash "$command")
        claim "--$option of $command in zsh" grep -qE -- "--${option}['}]" <(section zsh "$command")
        claim "--$option of $command in fish" grep -q -- " -l $option " <(section fish "$command")
    done
done
claim 'options were compared' [ "$n_options" -ge 40 ]

# ---- bash: the function called as bash would
PATH=$(dirname "$pixelrain"):$PATH
# shellcheck disable=SC1091 # it was made just now
. "$scratch/bash"
# shellcheck disable=SC2317 # called by the function
compopt() { :; } # outside a completion it complains
# completes WORD...: what the last word could become, one a line
completes() {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _pixelrain
    printf '%s\n' "${COMPREPLY[@]}"
}
claim 'commands' [ "$(completes pixelrain e)" = extract ]
claim 'options' [ "$(completes pixelrain pack --du)" = --duplicate-names ]
claim 'choices' [ "$(completes pixelrain pack --preset f)" = fast ]
claim 'files are left to bash' [ -z "$(completes pixelrain info a)" ]
claim 'not of another command' [ -z "$(completes pixelrain info --du)" ]
if [ -x "$(dirname "$pixelrain")/mount.pixelrain" ]; then
    claim 'options of the mount' [ "$(completes pixelrain mount a.pxr m -o allow_other,lay)" = allow_other,layout= ]
fi
bash -n "$scratch/bash" || failed 'bash does not understand its script'

# ---- zsh and fish, where they are there
if command -v zsh >/dev/null; then
    claim 'zsh understands it' zsh -n "$scratch/zsh"
fi
if command -v fish >/dev/null; then
    # shellcheck disable=SC2016 # for fish
    claim 'fish completes' [ "$(HOME=$scratch fish --no-config -c 'source $argv[1]; complete -C "pixelrain pack --dup"' "$scratch/fish" |
        cut -f 1)" = --duplicate-names ]
    # shellcheck disable=SC2016
    claim 'fish completes choices' [ "$(HOME=$scratch fish --no-config -c 'source $argv[1]; complete -C "pixelrain pack --preset f"' "$scratch/fish" |
        cut -f 1)" = fast ]
fi
passed
