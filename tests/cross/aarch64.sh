#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The block codecs on 64-bit Arm, under qemu: the second decoders must agree with the library there too,
# everything encoded must have the hashes that it has here, and the unit tests of predict compare its kernels for
# NEON with the portable ones.
#
#   aarch64.sh CHECK_INDEPENDENT     the program of that name, built for this machine
#
# Exit status 77: compiler, emulator or xxhash.h are missing.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
native=${1:?usage: aarch64.sh CHECK_INDEPENDENT}
compiler=aarch64-linux-gnu-gcc
emulator=qemu-aarch64
flags=(-std=c11 -O3 -ffp-contract=off -Wall -Wextra -D_GNU_SOURCE)

skip() {
    printf 'skipped: %s\n' "$*"
    printf 'on Debian: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user libxxhash-dev\n'
    exit 77
}

command -v "$compiler" >/dev/null || skip "there is no $compiler"
command -v "$emulator" >/dev/null || emulator=qemu-aarch64-static
command -v "$emulator" >/dev/null || skip "there is no qemu-aarch64"
xxhash=$(printf '#include <xxhash.h>\n' | cc -E - 2>/dev/null | sed -n 's/^# 1 "\(.*\/xxhash\.h\)".*/\1/p' | sed -n 1p)
[ -n "$xxhash" ] || skip "there is no xxhash.h"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$xxhash" "$work/" # alone: the folder that it lies in holds headers of this machine
printf 'int main(void) { return 0; }\n' >"$work/probe.c"
"$compiler" -static "$work/probe.c" -o "$work/probe" 2>/dev/null || skip "$compiler has no C library"

sources=("$root"/tests/cross/checksum_xxh3.c "$root"/util/{alloc,cpu,diag}.c)
for source in "$root"/codec/block/*.c; do
    case $source in
    *_tmpl.c | *_avx2.c | *_avx512.c | */zstd_wrap.c) ;; # included by others; of other machines; needs libzstd
    *) sources+=("$source") ;;
    esac
done
includes=(-I "$work")
for folder in include util codec codec/block tests/bodies tests/golden tests/unit tests/cross; do
    includes+=(-I "$root/$folder")
done
objects=()
for source in "${sources[@]}"; do
    object=$work/$(basename "$source" .c).o
    "$compiler" "${flags[@]}" "${includes[@]}" -c "$source" -o "$object"
    objects+=("$object")
done

program() { # NAME SOURCE...
    "$compiler" "${flags[@]}" -static "${includes[@]}" "${@:2}" "${objects[@]}" -lm -o "$work/$1"
}
program check_independent "$root"/tests/golden/{check_independent,independent_{predict,match,adaptive},made_blocks}.c

"$native" --hashes "$root/tests/golden" >"$work/here"
"$emulator" "$work/check_independent" --hashes "$root/tests/golden" >"$work/there" || {
    grep -v '^[0-9]* codec ' "$work/there" || true
    printf 'aarch64: the decoders disagree\n'
    exit 1
}
# What is counted at the end has codecs that want zstd, which only this machine's program has.
for side in here there; do grep '^[0-9]* codec ' "$work/$side" >"$work/$side.blocks"; done
if ! cmp -s "$work/here.blocks" "$work/there.blocks"; then
    diff "$work/here.blocks" "$work/there.blocks" | head -n 20
    printf 'aarch64: other bytes than here (number and codec of the block, hashes of header, payload and samples)\n'
    exit 1
fi
printf 'aarch64: %d blocks, the same bytes as here\n' "$(wc -l <"$work/there.blocks")"

# Of the codecs that work without zstd only this one has kernels of its own for NEON.
program test_block_predict "$root/tests/unit/test_block_predict.c"
"$emulator" "$work/test_block_predict" >"$work/said" || {
    cat "$work/said"
    printf 'aarch64: the kernels for NEON and the portable ones differ\n'
    exit 1
}
printf 'aarch64: NEON and portable kernels agree, %s\n' "$(tail -n 1 "$work/said")"
