#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# merge and repack: the same frames in one archive, or coded in another way.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir one two all
for i in {10..19}; do pgm "one/$i.pgm" 40 30 "$i"; done
for i in {20..34}; do pgm "two/$i.pgm" 40 30 "$i"; done
cp one/* two/* all
printf '{"camera": 7}' >meta.json
ok "$pixelrain" pack -q --meta meta.json --time mtime one -o one.pxr
ok "$pixelrain" pack -q --preset fast two -o two.pxr
ok "$pixelrain" append -q --codec store one.pxr two/20.pgm
ok "$pixelrain" append -q --names number two.pxr one/11.pgm

run "$pixelrain" merge one.pxr two.pxr -o both.pxr
expect 1 '' "pixelrain: two.pxr: the name '20' exists already (frame 0)"
claim 'nothing appears' [ -z "$(find . -name '*both*')" ]
run "$pixelrain" merge --duplicate-names suffix one.pxr two.pxr -o both.pxr
claim 'merge' [ "$code" = 0 ]
claim 'the summary' grep -q '^2 archives, 27 frames, ' <<<"$err"
run "$pixelrain" check --deep -q both.pxr
expect 0 '' ''
ok "$pixelrain" extract -q --format pgm both.pxr -o out
claim 'the same name twice' cmp out/20.pgm out/20-2.pgm
claim 'the number of an unnamed frame' cmp out/000015.pgm one/11.pgm
rm out/20-2.pgm out/000015.pgm
claim 'all frames' diff -r out all
claim 'times' cmp <("$pixelrain" list -l --frames :10 one.pxr) <("$pixelrain" list -l --frames :10 both.pxr)
claim 'metadata of the first' cmp <("$pixelrain" info --json one.pxr | grep -o '"meta".*') \
    <("$pixelrain" info --json both.pxr | grep -o '"meta".*')
ok "$pixelrain" append -q --names number both.pxr one/12.pgm
pgm other.pgm 41 30 1
ok "$pixelrain" pack -q other.pgm -o other.pxr
run "$pixelrain" merge one.pxr other.pxr -o x.pxr
expect 1 '' 'pixelrain: other.pxr: is of 41x30x8, expected 40x30x8 like the first one'
cp one.pxr bad.pxr
printf '\377' | dd of=bad.pxr bs=1 seek=300 conv=notrunc status=none
run "$pixelrain" merge bad.pxr -o x.pxr
claim 'a damaged block is not copied' [ "$code" = 1 ]
claim 'no file' [ ! -e x.pxr ]

# repack
ok "$pixelrain" list -l both.pxr
before=$out
for options in '--preset max' '--codec store --block 7x9x11' '--preset fast' '--codec zstd -l 9' ''; do
    # shellcheck disable=SC2086
    ok "$pixelrain" repack $options both.pxr
    ok "$pixelrain" check --deep -q both.pxr
    ok "$pixelrain" list -l both.pxr
    claim "the same frames after repack $options" [ "$out" = "$before" ]
done
cp both.pxr kept.pxr
ok "$pixelrain" repack -q --codec store both.pxr -o other2.pxr
claim 'with -o the old one stays' cmp both.pxr kept.pxr
run "$pixelrain" repack both.pxr -o other2.pxr
claim 'and a third one as well' [ "$code" = 3 ]
run "$pixelrain" repack --json --codec store -f both.pxr -o other2.pxr
claim 'json' grep -q '^{"type":"repack","version":1,"archive":"other2.pxr","frames":28,' <<<"$out"
cp bad.pxr bad.before
chmod 640 other2.pxr
ok "$pixelrain" repack -q other2.pxr
claim 'what is private stays private in its place' [ "$(stat -c %a other2.pxr)" = 640 ]
chmod 600 other2.pxr
ok "$pixelrain" repack -q -f both.pxr -o other2.pxr
claim 'and when it is replaced' [ "$(stat -c %a other2.pxr)" = 600 ]
run "$pixelrain" repack bad.pxr
claim 'a damaged archive cannot be repacked' [ "$code" = 1 ]
claim 'and stays' cmp bad.pxr bad.before
mkfifo pipe
"$pixelrain" append -q --raw 40x30x8 both.pxr - <pipe 2>/dev/null &
exec 7>pipe
sleep 0.3
run "$pixelrain" repack both.pxr
claim 'not while somebody appends' [ "$code" = 3 ]
claim 'says who' grep -q 'is being written by ' <<<"$err"
exec 7>&-
wait
claim 'no temporary files' [ -z "$(find . -name '*.tmp')" ]
passed
