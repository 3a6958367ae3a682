#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every kind of input comes back bit for bit.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# Canonical PGM files come back as they were: 8 bit, maxval below 255, 1000, 4095, 65535.
mkdir in8 in16
for i in 1 2 3 4 5; do pgm "in8/f$i.pgm" 13 7 "$i"; done
{ printf 'P5\n13 7\n15\n'; for i in {1..91}; do bytes $((i % 16)); done; } >in8/f6.pgm
pgm16 in16/a.pgm 11 5 1000 1
pgm16 in16/b.pgm 11 5 4095 2
pgm16 in16/c.pgm 11 5 65535 3
pgm16 in16/d.pgm 11 5 256 4
for set in in8 in16; do
    for block in 100x8x8 2x3x5 1x1x1 3x7x13; do
        ok "$pixelrain" pack -q -f --block "$block" "$set" -o "$set.pxr"
        rm -rf out
        ok "$pixelrain" extract -q "$set.pxr" --format pgm -o out
        claim "$set, blocks of $block" diff -r "$set" out
    done
    for codec in store zstd; do
        ok "$pixelrain" pack -q -f --codec "$codec" "$set" -o "$set.pxr"
        rm -rf out
        ok "$pixelrain" extract -q "$set.pxr" --format pgm -o out
        claim "$set, codec $codec" diff -r "$set" out
        ok "$pixelrain" check --deep "$set.pxr"
    done
done

# Presets, on frames wide enough for all codecs; the default one is what happens without the option.
mkdir wide8 wide16
for i in 1 2 3 4 5 6; do
    pgm "wide8/f$i.pgm" 70 40 "$i"
    pgm16 "wide16/f$i.pgm" 70 40 65535 "$i"
done
for set in wide8 wide16; do
    for preset in default fast max; do
        ok "$pixelrain" pack -q -f --preset "$preset" "$set" -o "$set-$preset.pxr"
        rm -rf out
        ok "$pixelrain" extract -q "$set-$preset.pxr" --format pgm -o out
        claim "$set, preset $preset" diff -r "$set" out
        ok "$pixelrain" check --deep "$set-$preset.pxr"
    done
    ok "$pixelrain" pack -q -f "$set" -o "$set.pxr"
    claim "$set without --preset" cmp "$set.pxr" "$set-default.pxr"
done

# Raw: what is in the file, in the machine's order of bytes.
tail -c 91 in8/f3.pgm >f3.raw
ok "$pixelrain" extract -q in8.pxr --format raw -o raw8
claim 'raw 8 bit' cmp f3.raw raw8/f3.raw
tail -c 110 in16/c.pgm | od -An -tu2 -v -w2 --endian=big >want
ok "$pixelrain" extract -q in16.pxr --format raw -o raw16
od -An -tu2 -v -w2 --endian=little raw16/c.raw >got
claim 'raw 16 bit is little endian' cmp want got

# Headerless input: from files and pipes, both orders of bytes, skip and stride, a file of any length.
ok "$pixelrain" pack -q --raw 11x5x16le raw16 -o r.pxr
run "$pixelrain" list r.pxr
expect 0 'a
b
c
d' ''
"$pixelrain" cat r.pxr --format raw >r.raw
cat raw16/*.raw >raw16.all
claim 'raw files' cmp raw16.all r.raw
"$pixelrain" pack -q --raw 11x5x16le - -o r2.pxr <raw16.all
run "$pixelrain" list r2.pxr
expect 0 '000000
000001
000002
000003' ''
"$pixelrain" cat r2.pxr --format raw >r.raw
claim 'raw from standard input' cmp raw16.all r.raw
for file in a b c d; do tail -c 110 "in16/$file.pgm"; done >be.raw
ok "$pixelrain" pack -q --raw 11x5x16be be.raw -o r3.pxr
run "$pixelrain" list r3.pxr
expect 0 'be-000000
be-000001
be-000002
be-000003' ''
"$pixelrain" cat r3.pxr --format raw >r.raw
claim 'raw big endian' cmp raw16.all r.raw
{ printf 'HEADER'; for f in raw16/*.raw; do cat "$f"; printf '__'; done; } >gaps.bin
ok "$pixelrain" pack -q --raw 11x5x16 --skip 6 --stride 112 gaps.bin -o r4.pxr
"$pixelrain" cat r4.pxr --format raw >r.raw
claim 'raw with skip and stride' cmp raw16.all r.raw
head -c 300 raw16.all >cut.raw
run "$pixelrain" pack --raw 11x5x16 cut.raw -o r5.pxr
claim 'raw that ends within a frame' [ "$code" = 1 ]
run "$pixelrain" pack --raw 11x5x17 cut.raw -o r5.pxr
claim 'raw with 17 bits' [ "$code" = 2 ]
claim 'errors leave nothing' [ ! -e r5.pxr ]

# Twelve bits in PGM: the declared maximum comes back.
ok "$pixelrain" pack -q --raw 11x5x12 --names number raw16/a.raw -o r6.pxr
"$pixelrain" cat r6.pxr >twelve.pgm
claim 'maxval of 12-bit samples' [ "$(sed -n 3p twelve.pgm)" = 4095 ]

# Pictures one behind the other: PNM from a file and a pipe, Y4M.
cat in8/f1.pgm in8/f2.pgm in8/f3.pgm >many.pgm
ok "$pixelrain" pack -q in8/f5.pgm many.pgm -o many.pxr
run "$pixelrain" list many.pxr
expect 0 'f5
many-000000
many-000001
many-000002' ''
"$pixelrain" cat many.pxr --frames 1: >got.pgm
claim 'many pictures in one PGM file' cmp many.pgm got.pgm
"$pixelrain" pack -q - -o pipe.pxr < <(cat many.pgm)
"$pixelrain" cat pipe.pxr >got.pgm
claim 'many pictures from a pipe' cmp many.pgm got.pgm
"$pixelrain" pack -q <(cat many.pgm) --names number -o fd.pxr
"$pixelrain" cat fd.pxr >got.pgm
claim 'a pipe with a name' cmp many.pgm got.pgm
{
    printf 'YUV4MPEG2 W13 H7 F25:1 Ip A1:1 Cmono\n'
    for i in 1 2 3; do printf 'FRAME\n'; tail -c 91 "in8/f$i.pgm"; done
} >v.y4m
ok "$pixelrain" pack -q v.y4m -o y.pxr
run "$pixelrain" list y.pxr
expect 0 'v-000000
v-000001
v-000002' ''
"$pixelrain" pack -q - -o y2.pxr <v.y4m
"$pixelrain" cat y2.pxr >got.pgm
claim 'Y4M from standard input' cmp many.pgm got.pgm
"$pixelrain" pack - -o none.pxr </dev/null 2>"$scratch/err"
code=$? out='' err=$(cat "$scratch/err")
expect 1 '' 'pixelrain: standard input: is empty (offset 0)'

# PNG out and in: read by a program that is not ours, and by ours.
ok "$pixelrain" extract -q in16.pxr -o png16
ok "$pixelrain" extract -q in8.pxr -o png8
if command -v pngtopnm >/dev/null; then
    pngtopnm png8/f3.png >got.pgm
    claim 'pngtopnm, 8 bit' cmp in8/f3.pgm got.pgm
    pngtopnm png16/c.png >got.pgm
    claim 'pngtopnm, 16 bit' cmp in16/c.pgm got.pgm
else
    echo 'skipped: no pngtopnm'
fi
ok "$pixelrain" pack -q png16 -o again.pxr
ok "$pixelrain" extract -q again.pxr -o png16b
claim 'PNG in, PNG out' diff -r png16 png16b
ok "$pixelrain" extract -q again.pxr --format raw -o raw16b
claim 'PNG keeps all samples' diff -r raw16 raw16b
passed
