#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whole sequences through the real program: packed, checked to the last pixel, extracted, compared.
# Usage: sequences.sh FOLDER_OF_PROGRAMS simulated|real; real ones come from $PXR_DATA.
set -euo pipefail
bin=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

# round_trip NAME: $work/NAME is a folder of PGM files
round_trip() {
    local name=$1
    cd "$work"
    "$bin/pixelrain" pack -q -j 1 "$name" -o "$name.pxr"
    "$bin/pixelrain" pack -q -j 3 "$name" -o "$name.again.pxr"
    cmp "$name.pxr" "$name.again.pxr"
    "$bin/pixelrain" check --deep "$name.pxr" >/dev/null
    "$bin/pixelrain" extract -q "$name.pxr" --format pgm -o "$name.out"
    diff -r "$name" "$name.out"
    n=$((n + 1))
    rm -rf "$name" "$name.pxr" "$name.again.pxr" "$name.out"
}

simulated() {
    local mode bits
    for mode in reel stage still mask noise; do
        for bits in 8 10 12 16; do
            "$bin/reelsim" -m "$mode" -b "$bits" -W 203 -H 111 -n 37 -o "$work/$mode$bits"
            round_trip "$mode$bits"
        done
    done
}

real() {
    local archive name
    if [ ! -d "${PXR_DATA:-}" ]; then
        echo "no folder of real sequences: PXR_DATA='${PXR_DATA:-}'"
        [ "${PXR_REQUIRE_DATA:-0}" = 1 ] && exit 1
        exit 77
    fi
    for archive in "$PXR_DATA"/*.pgm.tar.zst; do
        name=$(basename "$archive" .pgm.tar.zst)
        mkdir "$work/$name"
        zstd -dqc --long=27 "$archive" | tar -x -C "$work/$name" --strip-components=1 --wildcards '*.pgm'
        round_trip "$name"
    done
    [ "$n" -gt 0 ]
}

"$2"
echo "SEQUENCES $n $2 ok"
