#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Output and errors do not depend on the number of threads.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir f
for i in {1..150}; do pgm "f/$i.pgm" 40 30 "$i"; done
for j in 1 2 3 8; do
    ok "$pixelrain" pack -q -j "$j" --block 16x8x40 f -o "$j.pxr"
    claim "the archive of -j $j" cmp 1.pxr "$j.pxr"
    ok "$pixelrain" extract -q -j "$j" --format pgm "$j.pxr" -o "out$j"
    claim "the files of -j $j" diff -r f "out$j"
    "$pixelrain" cat -j "$j" --format raw "$j.pxr" >"$j.raw"
    claim "the samples of -j $j" cmp 1.raw "$j.raw"
    run "$pixelrain" check --deep -j "$j" "$j.pxr"
    expect 0 "$j.pxr: ${out#*: }" ''
done
cat f/{1..150}.pgm >want
"$pixelrain" cat 8.pxr >got
claim 'cat writes all frames in order' cmp want got

# Two of the files are broken, one does not fit: the first is reported, whoever came across it.
truncate -s 100 f/70.pgm f/72.pgm
pgm f/71.pgm 3 3 1
run "$pixelrain" pack -j1 f -o bad.pxr
claim 'a broken file' [ "$code" = 1 ]
first=$err
for j in 2 8; do
    for _ in 1 2 3; do
        run "$pixelrain" pack -j "$j" f -o bad.pxr
        expect 1 '' "$first"
    done
done
run "$pixelrain" pack -j1 --keep-going f -o k1.pxr
first=$err
for j in 2 8; do
    run "$pixelrain" pack -j "$j" --keep-going f -o "k$j.pxr"
    expect 1 '' "$first"
    claim "what is left at -j $j" cmp k1.pxr "k$j.pxr"
done
passed
