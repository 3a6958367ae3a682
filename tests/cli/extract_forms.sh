#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# extract: files and stacks of each format, parts of frames, and what is refused.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 -B "$PXR_SOURCE/tests/cli/extract_forms.py" "$pixelrain" || exit
n_claims=$((n_claims + 1))
rm -rf ./*

mkdir f
for i in {1..4}; do pgm16 "f/n$i.pgm" 5 4 1000 "$i"; done
touch -d '2001-02-03 04:05:06.789 UTC' f/n2.pgm
ok "$pixelrain" pack -q --time mtime f -o a.pxr
# A whole frame as a region is the file that there is without one, maxval included; times stay.
for format in pgm raw tif npy; do
    ok "$pixelrain" extract -q --format "$format" a.pxr -o "whole.$format"
    ok "$pixelrain" extract -q --format "$format" --region 0,0,5,4 a.pxr -o "part.$format"
    claim "$format of a region" diff -r "whole.$format" "part.$format"
done
claim 'the time of a file' [ "$(stat -c %.9Y part.pgm/n2.pgm)" = "$(stat -c %.9Y f/n2.pgm)" ]
run "$pixelrain" extract --format pgm --region 1,2,3,2 a.pxr -o part
expect 0 '' '4 frames, 96 B, TIME'
claim 'the header' [ "$(head -n 3 part/n1.pgm | tr '\n' ' ')" = 'P5 3 2 1000 ' ]
# Stacks: to a pipe, replacing nothing unless asked, and leaving nothing behind.
ok bash -c "'$pixelrain' extract -q a.pxr --stack raw -o - >pipe.raw"
"$pixelrain" cat --format raw a.pxr >cat.raw
claim 'a stack through a pipe' cmp pipe.raw cat.raw
run "$pixelrain" extract a.pxr --stack npy -o a.npy
expect 0 '' '4 frames, 160 B, TIME'
run "$pixelrain" extract a.pxr --stack npy -o a.npy
expect 3 '' 'pixelrain: a.npy: exists already; -f replaces it'
ok "$pixelrain" extract -q -f a.pxr --stack npy -o a.npy
run "$pixelrain" extract a.pxr --stack tif -o no/such.tif
claim 'no folder' [ "$code" = 3 ]
for region in 1 1,2,3 1,2,3,4,5 a,b,c,d ',,,' -1,0,1,1 1,2,3,4x; do
    run "$pixelrain" extract a.pxr --region "$region" -o x
    expect 2 '' "pixelrain: a.pxr: --region wants X,Y,WIDTH,HEIGHT, not '$region'"
done
for region in 0,0,6,4 0,0,5,5 5,0,1,1 0,0,0,1 4294967295,0,1,1; do
    run "$pixelrain" extract a.pxr --region "$region" -o x
    expect 2 '' "pixelrain: a.pxr: the region $region does not lie inside frames of 5x4 pixels"
done
run "$pixelrain" extract a.pxr --format preview --region 0,0,1,1 -o x
expect 4 '' 'pixelrain: a.pxr: there is no such preview file of a part of a frame'
run "$pixelrain" extract a.pxr --format pgm --png-level 9 -o x
expect 2 '' "pixelrain: --png-level belongs to --format png
Try 'pixelrain extract --help'."
run "$pixelrain" extract a.pxr --stack tif --keep-going -o x.tif
expect 2 '' "pixelrain: a stack has no holes: --keep-going cannot leave frames out of it
Try 'pixelrain extract --help'."
# A damaged frame: no stack.
n=$(stat -c %s a.pxr)
for ((at = 200; at < n; at += n / 15)); do
    cp a.pxr b.pxr
    printf '\377\0\377' | dd of=b.pxr bs=1 seek="$at" conv=notrunc status=none
    run "$pixelrain" extract -q b.pxr --stack raw -o b.raw
    if [ "$code" = 0 ]; then
        claim 'no wrong sample' cmp b.raw cat.raw
        rm b.raw
    fi
    claim "nothing is left ($at)" [ -z "$(find . -name 'b.raw*' -o -name '.b.raw*')" ]
done
passed
