#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Pictures that do not fit together or are broken.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir f
pgm f/1.pgm 4 3 1
pgm f/2.pgm 5 3 2
pgm f/3.pgm 4 3 3
pgm16 f/4.pgm 4 3 1000 4
pgm f/5.pgm 4 3 5
run "$pixelrain" pack f -o a.pxr
expect 1 '' 'pixelrain: f/2.pgm: is 5x3x8, expected 4x3x8 like the first frame; --keep-going skips such frames'
claim 'no archive after an error' [ -z "$(find . -name '*.pxr*')" ]
run "$pixelrain" pack --keep-going f -o a.pxr
expect 1 '' 'pixelrain: f/2.pgm: is 5x3x8, expected 4x3x8 like the first frame; --keep-going skips such frames
pixelrain: f/4.pgm: is 4x3x16, expected 4x3x8 like the first frame; --depth 16 takes both depths, --keep-going skips such frames
3 frames, 36 B -> PACKED, TIME, 2 broken or unfitting pictures skipped'
run "$pixelrain" list a.pxr
expect 0 '1
3
5' ''

# Both depths in one archive: values stay as they are.
rm f/2.pgm
ok "$pixelrain" pack -q --depth 16 f -o d.pxr
"$pixelrain" cat d.pxr --name 3 --format raw >three.raw
tail -c 12 f/3.pgm | od -An -tu1 -v -w1 | tr -d ' ' >want
od -An -tu2 -v -w2 --endian=little three.raw | tr -d ' ' >got
claim 'widened samples keep their values' cmp want got
"$pixelrain" cat d.pxr --name 4 --format pgm >four.pgm
claim '16-bit frames are not changed by --depth 16' cmp f/4.pgm four.pgm

# Broken pictures are errors, unless asked; unknown files in folders are not.
mkdir b
pgm b/1.pgm 4 3 1
pgm b/2.pgm 4 3 2
truncate -s -3 b/2.pgm
: >b/3.pgm
echo not a picture >b/4.png
echo not a picture >b/5
pgm b/6.pgm 4 3 6
run "$pixelrain" pack b -o b.pxr
claim 'a cut picture is damage' [ "$code" = 1 ]
claim 'the message names the file' grep -q '^pixelrain: b/2.pgm: ' "$scratch/err"
claim 'the message gives the place' grep -q 'offset ' "$scratch/err"
run "$pixelrain" pack --keep-going b -o b.pxr
claim 'pack --keep-going exits with 1' [ "$code" = 1 ]
claim 'a report for each' [ "$(grep -c '^pixelrain: b/[234]\.p' "$scratch/err")" = 3 ]
claim 'an empty picture' grep -q '^pixelrain: b/3.pgm: is empty (offset 0)' "$scratch/err"
claim 'a picture in name only' grep -q '^pixelrain: b/4.png: begins like no PNG' "$scratch/err"
claim 'the summary counts' grep -q '^2 frames, .*, 3 broken or unfitting pictures skipped, 1 other file skipped' "$scratch/err"
run "$pixelrain" list b.pxr
expect 0 '1
6' ''

# Pictures in one file: what comes before the broken one is kept when asked, one that does not fit is
# left out, and what follows in other files is read.
pgm odd.pgm 5 3 9
cat f/1.pgm odd.pgm f/3.pgm f/5.pgm >many.pgm
truncate -s -3 many.pgm
run "$pixelrain" pack --keep-going many.pgm f/5.pgm -o many.pxr
claim 'many pictures, one broken' [ "$code" = 1 ]
claim 'two reports' [ "$(grep -c '^pixelrain: many.pgm: ' "$scratch/err")" = 2 ]
run "$pixelrain" list many.pxr
expect 0 'many-000000
many-000002
5' ''
cat f/1.pgm b/2.pgm >two.pgm
run "$pixelrain" pack --keep-going two.pgm -o two.pxr
claim 'the second of two is broken' [ "$code" = 1 ]
run "$pixelrain" list two.pxr
expect 0 'two-000000' ''

# Colour is refused and names the option that helps.
{ printf 'P6\n2 1\n255\n'; bytes 10 20 30 200 100 50; } >c.ppm
run "$pixelrain" pack c.ppm -o c.pxr
claim 'colour is refused' [ "$code" = 1 ]
claim 'colour: --luma is named' grep -q -e '--luma' "$scratch/err"
ok "$pixelrain" pack --luma c.ppm -o c.pxr

# Metadata must be JSON.
printf '{"camera": "A",\n "gain": [1.5e3, -0, true, null, "\\u00e4\\n"]}\n' >meta.json
ok "$pixelrain" pack --meta meta.json b/1.pgm -o m.pxr
run "$pixelrain" info --json m.pxr
claim 'metadata in info --json' grep -q '"metadata":{"camera": "A",  "gain": \[1.5e3, -0, true, null, "\\u00e4\\n"\]} *}' "$scratch/out"
i=0
# shellcheck disable=SC2016
for bad in '' '{' '{"a" 1}' '{"a":1,}' '[1,]' '01' '1.' '-' '"a' '"\x"' 'tru' '{"a":1} x' "$(printf '"\t"')" \
    "$(printf '"\377"')" "$(printf '[%.0s' {1..65})$(printf ']%.0s' {1..65})"; do
    printf '%s' "$bad" >bad.json
    run "$pixelrain" pack --meta bad.json b/1.pgm -o "bad$i.pxr"
    claim "metadata '$bad' is refused" [ "$code" = 1 ]
    claim 'with its place' grep -q '^pixelrain: bad.json: is not JSON text (offset [0-9]*)$' "$scratch/err"
    i=$((i + 1))
done
passed
