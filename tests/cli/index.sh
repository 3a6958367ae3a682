#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# index: png-small, dci and pce as the document says; appending; what is refused; damage.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
here=$PXR_SOURCE/tests/cli

mkdir one more
for i in {10..24}; do pgm "one/$i.pgm" 90 31 "$i"; done
for i in {25..31}; do pgm "more/$i.pgm" 90 31 "$i"; done
ok "$pixelrain" pack -q one -o plain.pxr --block 4x16x90
cp plain.pxr a.pxr

run "$pixelrain" extract a.pxr -o out --format png-small
claim 'without an index there is no such file' [ "$code" != 0 ]
claim 'the message says what is missing' grep -q 'not indexed' <<<"$err"
run "$pixelrain" index a.pxr png-small
expect 0 '' '15 frames indexed for png-small'
claim 'what was there stays' cmp -n "$(stat -c %s plain.pxr)" plain.pxr a.pxr
run "$pixelrain" check --deep -q a.pxr
expect 0 '' ''
rm -rf out
ok "$pixelrain" extract -q a.pxr -o out --format png-small
claim 'files and entries are those of the document' /usr/bin/python3 "$here/small_png.py" a.pxr one out
for name in 10 24; do
    "$pixelrain" cat a.pxr --name "$name" --format png-small >cat.png
    claim "cat gives the file of $name" cmp cat.png "out/$name.png"
done
cp a.pxr again.pxr
run "$pixelrain" index a.pxr png-small
expect 0 '' '0 frames indexed for png-small'
claim 'a second time changes nothing' cmp a.pxr again.pxr

# The same bytes whatever the threads, and with pack --index.
for j in 1 5; do
    cp plain.pxr j.pxr
    ok "$pixelrain" index -q -j "$j" j.pxr png-small
    claim "$j threads" cmp a.pxr j.pxr
done
ok "$pixelrain" pack -q one -o packed.pxr --block 4x16x90 --index png-small
claim 'pack --index' cmp a.pxr packed.pxr

# Appended frames: the old ones keep their entries and bytes, the table stays; the new ones are indexed on demand.
cp a.pxr before.pxr
ok "$pixelrain" append -q a.pxr more --index none
run "$pixelrain" check --deep -q a.pxr
expect 0 '' ''
run sh -c "$pixelrain cat a.pxr --name 31 --format png-small >cat.out"
claim 'a frame that is not indexed has no such file' [ "$code" != 0 ]
"$pixelrain" cat a.pxr --name 10 --format png-small >cat.png
claim 'one that is indexed has it still' cmp cat.png out/10.png
run "$pixelrain" info a.pxr
claim 'info counts' grep -q '^indexed  *png-small, 15 of 22 frames$' <<<"$out"
run "$pixelrain" info --json a.pxr
claim 'info --json counts' grep -q '"png_small_frames":15' <<<"$out"
run "$pixelrain" index a.pxr png-small
expect 0 '' '7 frames indexed for png-small'
run "$pixelrain" check --deep -q a.pxr
expect 0 '' ''
mkdir all
cp one/* more/* all
mv out before
ok "$pixelrain" extract -q a.pxr -o out --format png-small
claim 'old and new frames' /usr/bin/python3 "$here/small_png.py" a.pxr all out
for file in before/*; do
    claim 'bytes never change' cmp "$file" "out/${file#before/}"
done

# 16 bits, several bands, frames of one row, of one column.
mkdir deep wide tall
for i in 1 2; do pgm16 "deep/$i.pgm" 23 17 4095 "$i"; done
pgm wide/1.pgm 400 700 5
pgm tall/1.pgm 1 300 5
for kind in deep wide tall; do
    ok "$pixelrain" pack -q "$kind" -o "$kind.pxr" --index png-small
    ok "$pixelrain" extract -q "$kind.pxr" -o "$kind.out" --format png-small
    claim "$kind" /usr/bin/python3 "$here/small_png.py" "$kind.pxr" "$kind" "$kind.out"
done

# dci: of 8 bits, no part is lost; convert reads what the view gives and writes the same.
ok "$pixelrain" pack -q one -o b.pxr --block 4x16x90 --index dci
rm -rf out
ok "$pixelrain" extract -q b.pxr -o out --format dci
claim 'files and entries are those of the document' /usr/bin/python3 "$here/indexed_views.py" dci b.pxr one out
for name in 10 24; do
    ok "$pixelrain" convert -q "out/$name.dci" back.pgm -f
    claim "back to the pixels of $name" cmp back.pgm "one/$name.pgm"
    ok "$pixelrain" convert -q "one/$name.pgm" made.dci -f
    claim 'convert writes the same bytes' cmp made.dci "out/$name.dci"
done
ok "$pixelrain" pack -q -f out -o back.pxr
rm -rf back
ok "$pixelrain" extract -q back.pxr -o back --format pgm
claim 'pack reads them' diff -r one back
run "$pixelrain" index deep.pxr dci
claim '16 bits: unsupported' [ "$code" = 4 ]
claim 'and said so' grep -q '8 bits' <<<"$err"

# pce: masks of four levels; of 16 bits, other levels, and tiles.  Each against the document; one level too many.
mask() { # FILE WIDTH HEIGHT SEED LEVEL...: bands of some levels
    /usr/bin/python3 -c 'import sys
w, h, seed = map(int, sys.argv[2:5]); levels = list(map(int, sys.argv[5:]))
deep = max(levels) > 255; size = 1 + deep
with open(sys.argv[1], "wb") as f:
    f.write(b"P5\n%d %d\n%d\n" % (w, h, 65535 if deep else 255))
    f.write(b"".join(levels[(x // 7 + y // 3 + seed) % len(levels)].to_bytes(size, "big") for y in range(h) for x in range(w)))
' "$@"
}
mkdir sprite label mask16 tiles
for i in 1 2 3; do
    mask "sprite/$i.pgm" 70 40 "$i" 0 255
    mask "label/$i.pgm" 70 40 "$i" 0 1 2
    mask "mask16/$i.pgm" 70 40 "$i" 0 4000 65535
    mask "tiles/$i.pgm" 300 520 "$i" 0 85 170 255
done
for kind in sprite label mask16 tiles; do
    ok "$pixelrain" pack -q "$kind" -o "$kind.pxr" --index pce
    run "$pixelrain" check --deep -q "$kind.pxr"
    expect 0 '' ''
    claim "$kind" /usr/bin/python3 "$here/indexed_views.py" pce "$kind.pxr" "$kind"
done
rm -rf out
ok "$pixelrain" extract -q sprite.pxr -o out --format pce
claim 'files of pce' /usr/bin/python3 "$here/indexed_views.py" pce sprite.pxr sprite out
ok "$pixelrain" pack -q -f out -o back.pxr
rm -rf back
ok "$pixelrain" extract -q back.pxr -o back --format pgm
claim 'pack reads them' diff -r sprite back
run "$pixelrain" extract tiles.pxr -o none --format pce
claim 'tiles are no files of extract' [ "$code" = 4 ]
claim 'and are said to be in a mount' grep -q 'several files' <<<"$err"
mkdir five
mask five/9.pgm 70 40 1 0 9 255
cp sprite.pxr grown.pxr
run "$pixelrain" append -q grown.pxr five
claim 'append goes on with what is indexed' [ "$code" = 0 ]
claim 'or says why not' grep -q 'warning: new frames have no pce files' <<<"$err"
run "$pixelrain" index grown.pxr pce
claim 'a level that the index lacks' [ "$code" = 4 ]
claim 'names the frame' grep -q 'frame 3' <<<"$err"
run "$pixelrain" check --deep -q grown.pxr
expect 0 '' ''
run "$pixelrain" index -q a.pxr pce
claim 'more than four levels' [ "$code" = 4 ]
# Several at once, each with bytes of its own.
cp plain.pxr two.pxr
run "$pixelrain" index two.pxr png-small dci
expect 0 '' '15 frames indexed for png-small
15 frames indexed for dci'
ok "$pixelrain" pack -q -f one -o packed.pxr --block 4x16x90 --index png-small,dci
claim 'pack --index with two' cmp two.pxr packed.pxr
run "$pixelrain" check --deep -q two.pxr
expect 0 '' ''

# append, merge, repack and recover keep what is indexed: entries and tables, so that old files keep their bytes.
ok "$pixelrain" append -q before.pxr more
run "$pixelrain" index before.pxr png-small
expect 0 '' '0 frames indexed for png-small'
# shellcheck disable=SC2317 # claim calls it
same_files() { # ARCHIVE VIEW FOLDER: the files of FOLDER are among the archive's
    local file
    rm -rf kept
    "$pixelrain" extract -q "$1" -o kept --format "$2" && "$pixelrain" check --deep -q "$1" || return 1
    for file in "$3"/*; do cmp "$file" "kept/${file##*/}" || return 1; done
}
claim 'append' same_files before.pxr png-small before
cp before.pxr fast.pxr
ok "$pixelrain" index -q fast.pxr dci
rm -rf all.dci all.png
ok "$pixelrain" extract -q fast.pxr -o all.dci --format dci
ok "$pixelrain" extract -q fast.pxr -o all.png --format png-small
ok "$pixelrain" repack -q fast.pxr --block 7x31x90 --codec store
claim 'repack' same_files fast.pxr png-small all.png
claim 'repack: another view' same_files fast.pxr dci all.dci
ok "$pixelrain" pack -q more -o others.pxr --index png-small
ok "$pixelrain" index -q packed.pxr png-small dci
ok "$pixelrain" merge -q packed.pxr others.pxr -o merged.pxr
claim 'merge' same_files merged.pxr png-small before
claim 'merge: another view' same_files merged.pxr dci all.dci
run "$pixelrain" info merged.pxr
claim 'frames of both' grep -q '^indexed  *png-small, 22 of 22 frames$' <<<"$out"
ok "$pixelrain" merge -q others.pxr packed.pxr -o turned.pxr -j 3
claim 'the tables are those of the first one' [ "$("$pixelrain" info turned.pxr | grep -c '22 of 22')" = 1 ]
claim 'turned' "$pixelrain" check --deep -q turned.pxr
ok "$pixelrain" merge -q packed.pxr others.pxr -o bare.pxr --no-index
claim 'merge --no-index' [ "$("$pixelrain" info bare.pxr | grep -c ^indexed)" = 0 ]
ok "$pixelrain" pack -q five -o five.pxr
ok "$pixelrain" merge -q sprite.pxr five.pxr -o levels.pxr
run "$pixelrain" info levels.pxr
claim 'an index that cannot go on ends' grep -q '^indexed  *pce, 3 of 4 frames$' <<<"$out"
claim 'and is sound' "$pixelrain" check --deep -q levels.pxr
run "$pixelrain" recover -q fast.pxr -o saved.pxr
claim 'recover: nothing lost' [ "$code" = 0 ]
claim 'recover' same_files saved.pxr png-small all.png
cp fast.pxr hurt.pxr
/usr/bin/python3 -c 'f = open("hurt.pxr", "r+b"); f.seek(3000); b = f.read(1)[0]; f.seek(3000); f.write(bytes([b ^ 4]))'
run "$pixelrain" recover -q hurt.pxr -o saved.pxr -f
claim 'recover: frames are lost' [ "$code" = 1 ]
n=$("$pixelrain" list saved.pxr | wc -l)
claim 'what is left has its files' [ "$("$pixelrain" info saved.pxr | grep -c "$n of $n frames")" = 2 ]
claim 'and they are right' "$pixelrain" check --deep -q saved.pxr

# Damage to the index: found by check, and no wrong file.
index_off=$(/usr/bin/python3 -c 'import struct
d = open("a.pxr", "rb").read()
root = struct.unpack_from("<Q", d, len(d) - 232 + 48 + 128)[0]
tables = struct.unpack_from("<H", d, root + 2)[0]
print(struct.unpack_from("<Q", d, root + 80 + 32 * tables)[0])')
for at in 16 24 40 300; do
    cp a.pxr damaged.pxr
    /usr/bin/python3 -c 'import sys
f = open("damaged.pxr", "r+b"); at = int(sys.argv[1])
f.seek(at); b = f.read(1)[0]; f.seek(at); f.write(bytes([b ^ 4]))' $((index_off + at))
    run "$pixelrain" check --quick -q damaged.pxr
    claim "a bit of the index at $at is missed by check" [ "$code" = 1 ]
    run sh -c "$pixelrain cat damaged.pxr --name 10 --format png-small >cat.out"
    claim "a bit of the index at $at" [ "$code" = 1 ]
    run sh -c "$pixelrain cat damaged.pxr --name 10 --format png >cat.out"
    claim 'pixels do not need the index' [ "$code" = 0 ]
done

# Refused
run "$pixelrain" index a.pxr png
claim 'a view with a formula' [ "$code" = 2 ]
run "$pixelrain" index a.pxr nothing
claim 'an unknown view' [ "$code" = 2 ]
run "$pixelrain" index a.pxr
claim 'no view' [ "$code" = 2 ]
run "$pixelrain" index missing.pxr png-small
claim 'no file' [ "$code" = 3 ]
run "$pixelrain" pack one -o x.pxr --index dci,pgm
claim 'pack --index pgm' [ "$code" = 2 ]
claim 'nothing was written' [ ! -e x.pxr ]
passed
