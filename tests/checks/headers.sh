#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each header compiles alone, twice in a row, with gcc and clang; the public one also as C++.
# Usage: headers.sh [ROOT]; `headers.sh --self-test` checks that an incomplete header is found.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

# check_header COMPILER LANGUAGE ROOT HEADER [FLAG...]
check_header() {
    local compiler=$1 language=$2 root=$3 header=$4
    shift 4
    printf '#include "%s"\n#include "%s"\n' "$root/$header" "$root/$header" |
        "$compiler" -x "$language" -fsyntax-only -Wall -Wextra -Wundef -Werror \
            -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 "$@" -
}

check_tree() {
    local root=$1 n=0 n_failed=0 header compiler folder
    local -a headers folders=() system=()
    mapfile -t headers < <(cd "$root" && find . -name '*.h' -not -path './build*' -not -path './.*/*' |
        sed 's|^\./||' | sort)
    for folder in $(for header in "${headers[@]}"; do dirname "$header"; done | sort -u); do
        folders+=("-I$root/$folder")
    done
    read -ra system < <(pkg-config --cflags fuse3 libzstd libpng 2>/dev/null || echo)
    for header in "${headers[@]}"; do
        for compiler in gcc clang; do
            command -v "$compiler" >/dev/null || continue
            n=$((n + 1))
            check_header "$compiler" c "$root" "$header" -std=c11 "${folders[@]}" "${system[@]}" ||
                { echo "$header: does not compile alone with $compiler" >&2; n_failed=$((n_failed + 1)); }
        done
    done
    if [ -e "$root/include/pixelrain.h" ] && command -v g++ >/dev/null; then
        n=$((n + 1))
        check_header g++ c++ "$root" include/pixelrain.h ||
            { echo "pixelrain.h: does not compile as C++" >&2; n_failed=$((n_failed + 1)); }
    fi
    echo "HEADERS $n compilations, $n_failed failed"
    [ "$n" -gt 0 ] && [ "$n_failed" -eq 0 ]
}

self_test() {
    local root
    root=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$root'" EXIT
    echo 'static inline int fine(int x) { return x; }' >"$root/fine.h"
    sed -i '1i #ifndef FINE_H\n#define FINE_H' "$root/fine.h"
    echo '#endif' >>"$root/fine.h"
    check_tree "$root" || { echo "a sound header is refused" >&2; return 1; }
    echo 'uint32_t lacks_stdint(void);' >"$root/wrong.h"
    if check_tree "$root" 2>/dev/null; then
        echo "a header that needs another is not found" >&2
        return 1
    fi
}

if [ "${1:-}" = --self-test ]; then
    self_test
else
    check_tree "$(cd "${1:-$here/../..}" && pwd)"
fi
