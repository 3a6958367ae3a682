#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# pack: files of the still formats become frames, and come back the same.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir f in out
for i in 0 1 2 3 4 5; do pgm f/n$i.pgm 8 6 $((i * 100)); done
ok "$pixelrain" convert f/n0.pgm in/n0.px2
ok "$pixelrain" convert f/n1.pgm in/n1.pxs
ok "$pixelrain" convert f/n2.pgm in/n2.dci
ok "$pixelrain" convert f/n3.pgm in/n3.vcbn
ok "$pixelrain" convert f/n4.pgm in/n4.png
cp f/n5.pgm in
run "$pixelrain" pack in -o a.pxr
expect 0 '' '6 frames, 288 B -> PACKED, TIME'
ok "$pixelrain" extract -q --format pgm a.pxr -o back
claim 'each format, under its own name' diff -r f back

# Sprites have four levels; a batch needs its table beside it, which is no picture itself.
printf 'P5\n4 2\n255\n\000\125\252\377\377\252\125\000' >s1.pgm
printf 'P5\n4 2\n255\n\000\000\252\377\377\252\000\000' >s2.pgm
ok "$pixelrain" convert s1.pgm s2.pgm --to pceb -o sprites
run "$pixelrain" pack sprites -o s.pxr
expect 0 '' '2 frames, 16 B -> PACKED, TIME, 1 other file skipped (table.pcet)'
ok "$pixelrain" extract -q --format pgm s.pxr -o sprites-back
claim 'a sprite' cmp -s s2.pgm sprites-back/s2.pgm

# An animation is its frames; one that was cut is refused, since an archive should hold no guesses.
ok "$pixelrain" convert f/n?.pgm film.px2
run "$pixelrain" pack film.px2 -o b.pxr
expect 0 '' '6 frames, 288 B -> PACKED, TIME'
claim 'numbered' [ "$("$pixelrain" list b.pxr | head -n 1)" = film-000000 ]
ok "$pixelrain" cat --frames : b.pxr
claim 'its frames' [ "$("$pixelrain" cat --frames : b.pxr | cksum)" = "$(cat f/n?.pgm | cksum)" ]
ok "$pixelrain" convert --layout spec film.px2 film.pxs
run "$pixelrain" pack film.pxs -o c.pxr
expect 0 '' '6 frames, 288 B -> PACKED, TIME'
head -c -5 in/n0.px2 >cut.px2
run "$pixelrain" pack cut.px2 -o d.pxr
expect 1 '' 'pixelrain: cut.px2: the file is too short for its pixels (offset 75, pixel bytes: expected 48, found 43)'
claim 'no archive' [ ! -e d.pxr ]

# Colour and transparency are refused as those of other formats are.
printf 'P6\n1 1\n255\n\001\002\003' >rgb.ppm
ok "$pixelrain" convert rgb.ppm rgb.px2
run "$pixelrain" pack rgb.px2 -o d.pxr
expect 1 '' 'pixelrain: rgb.px2: pixel (0, 0) is coloured (red 1, green 2, blue 3): --luma turns colour into gray'
ok "$pixelrain" pack --luma rgb.px2 -o d.pxr
cp "$PXR_SOURCE/tests/vectors/bad/dci_v2_extra.dci" in
run "$pixelrain" pack in -o e.pxr
claim 'a broken picture is an error' [ "$code" = 1 ]
passed
