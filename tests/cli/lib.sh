# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Running the real program and comparing what it prints.  A test sources this file with the path of the
# program as $1; it then stands in an empty folder that disappears at the end.
set -u
# shellcheck disable=SC2034
pixelrain=$(realpath "$1")
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
mkdir "$scratch/work"
cd "$scratch/work" || exit 1
export LC_ALL=C
n_claims=0

failed() {
    printf 'FAILED (%s, line %s): %s\n' "${0##*/}" "${BASH_LINENO[1]}" "$1" >&2
    exit 1
}

# Seconds, rates and the sizes that zstd's version decides are not part of the claim.
stable() {
    sed -E -e 's/[0-9.]+ s, [0-9]+ MB\/s/TIME/' -e 's/-> [0-9.]+ [KMG]?i?B, [0-9.]+x/-> PACKED/'
}

# Run a command: run COMMAND...; its results stand in $code, $out and $err.
run() {
    "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
    code=$?
    out=$(stable <"$scratch/out")
    err=$(stable <"$scratch/err")
}

# Compare them: expect CODE STDOUT STDERR.
expect() {
    n_claims=$((n_claims + 1))
    if [ "$code" != "$1" ] || [ "$out" != "$2" ] || [ "$err" != "$3" ]; then
        printf -- '--- expected exit %s\n%s\n--- stderr\n%s\n' "$1" "$2" "$3" >&2
        printf -- '--- got exit %s\n%s\n--- stderr\n%s\n---\n' "$code" "$out" "$err" >&2
        failed "not as expected"
    fi
}

# Run a command that must succeed: its output does not matter here.
ok() {
    n_claims=$((n_claims + 1))
    run "$@"
    [ "$code" = 0 ] || { printf '%s\n' "$err" >&2; failed "exit $code: $*"; }
}

# claim WHAT COMMAND...: a condition that must hold.
claim() {
    n_claims=$((n_claims + 1))
    local what=$1
    shift
    "$@" || failed "$what"
}

passed() {
    printf '%s: %d claims hold\n' "${0##*/}" "$n_claims"
    exit 0
}

# bytes N...: these values as bytes.
bytes() {
    local n
    for n in "$@"; do
        # shellcheck disable=SC2059
        printf "\\$(printf %03o "$n")"
    done
}

# pgm FILE WIDTH HEIGHT SEED: an 8-bit picture; equal seeds give equal pictures.
pgm() {
    printf 'P5\n%d %d\n255\n' "$2" "$3" >"$1"
    seq "$4" 100000 | head -c $(($2 * $3)) >>"$1"
}

# pgm16 FILE WIDTH HEIGHT MAXVAL SEED: a picture of 16-bit samples, each at most MAXVAL.
pgm16() {
    local i v=$5
    printf 'P5\n%d %d\n%d\n' "$2" "$3" "$4" >"$1"
    for ((i = 0; i < $2 * $3; i++)); do
        v=$(((v * 7919 + 12345) % ($4 + 1)))
        bytes $((v >> 8)) $((v & 255))
    done >>"$1"
}
