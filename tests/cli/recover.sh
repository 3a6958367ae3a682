#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# recover: a new archive of what is left, and a list of what is not.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir f
for i in {10..49}; do pgm "f/$i.pgm" 32 32 "$i"; done
printf '{"camera": 7}' >meta.json
ok "$pixelrain" pack -q --codec store --block 4x32x32 --meta meta.json --time mtime f -o a.pxr
cp a.pxr before

run "$pixelrain" recover a.pxr -o new.pxr
claim 'a sound archive: exit' [ "$code" = 0 ]
claim 'and the summary' grep -Eq '^new.pxr: 40 frames, .*; of 13 records 0 were damaged, 0 gaps: 0 frames lost, 0 numbered$' <<<"$out"
for command in "list -l" "info --json"; do
    # shellcheck disable=SC2086
    claim "$command says the same" cmp <("$pixelrain" $command a.pxr | grep -o '"meta".*\|^[0-9].*') \
        <("$pixelrain" $command new.pxr | grep -o '"meta".*\|^[0-9].*')
done
run "$pixelrain" recover a.pxr -o new.pxr
claim 'an existing file is not replaced' [ "$code" = 3 ]
run "$pixelrain" recover -f a.pxr -o a.pxr
claim 'the damaged one never' [ "$code" = 2 ]
claim 'it stays' cmp a.pxr before

# One sample of one frame, and the index of all.
/usr/bin/python3 - <<'PYTHON' || failed 'the samples are not in the archive'
pixels = open("f/31.pgm", "rb").read()[-1024:]
archive = bytearray(open("a.pxr", "rb").read())
archive[archive.index(pixels) + 500] ^= 1
open("bad.pxr", "wb").write(archive)
for i in range(len(archive) - 2200, len(archive)):
    archive[i] = 0
open("worse.pxr", "wb").write(archive[:-300])
PYTHON
run "$pixelrain" recover bad.pxr -o r1.pxr
claim 'something is lost: exit' [ "$code" = 1 ]
claim 'what is lost, by name' grep -q '^lost: frame 21 (31): ' <<<"$out"
claim 'one frame' grep -q '1 frames lost, 0 numbered$' <<<"$out"
run "$pixelrain" check --deep -q r1.pxr
expect 0 '' ''
ok "$pixelrain" extract -q --format pgm r1.pxr -o o1
rm f/31.pgm
claim 'all other frames, with names and times' diff -r o1 f
run "$pixelrain" recover --json bad.pxr -o r2.pxr
claim 'json' grep -q '"losses":\[{"first_frame":21,"frames":1,"first_name":"31","last_name":"31","is_kept":false,' <<<"$out"
claim 'is the same' cmp r1.pxr r2.pxr

# Another copy, damaged elsewhere: what one has lost, the other one has.
/usr/bin/python3 - <<'PYTHON'
archive = bytearray(open("a.pxr", "rb").read())
for i in range(300, 900):
    archive[i] ^= 85
open("bad2.pxr", "wb").write(archive)
PYTHON
run "$pixelrain" recover bad.pxr bad2.pxr -o both.pxr
claim 'two copies: exit' [ "$code" = 0 ]
claim 'how much of the second' grep -Eq '^second copy: [0-9]+ bytes taken$' <<<"$out"
claim 'nothing is lost' grep -q ' 0 frames lost, 0 numbered$' <<<"$out"
claim 'it is the same as of the sound one' cmp both.pxr new.pxr
run "$pixelrain" recover -f bad.pxr bad2.pxr -o bad2.pxr
claim 'the second one is not replaced either' [ "$code" = 2 ]
run "$pixelrain" recover bad.pxr r1.pxr -o no.pxr
claim 'not a copy: exit' [ "$code" = 1 ]
claim 'and why' grep -q 'not copies of one archive' <<<"$err"

run "$pixelrain" info worse.pxr
claim 'no commit: it cannot be opened' [ "$code" = 1 ]
run "$pixelrain" recover worse.pxr -o r3.pxr
claim 'nor is there an index' [ "$code" = 1 ]
claim 'frames are numbered' grep -q '^numbered: frames 0 to 3: their frame page is lost$' <<<"$out"
claim 'but those that nothing proves are lost' grep -q '^lost: frames 20 to 23: nothing is left that proves them right$' <<<"$out"
ok "$pixelrain" extract -q --format pgm r3.pxr -o o3
claim 'pixels are right' cmp o3/000005.pgm f/15.pgm
run "$pixelrain" check --deep -q r3.pxr
expect 0 '' ''

head -c 3000 /dev/urandom >noise.pxr
run "$pixelrain" recover noise.pxr -o r4.pxr
expect 1 '' 'pixelrain: noise.pxr: has neither a superblock nor a commit that holds a copy of it (offset 0)'
claim 'no file appears' [ ! -e r4.pxr ]
claim 'nor a temporary one' [ -z "$(find . -name '*.tmp')" ]

# What a torn append left.
cp before torn.pxr
ok "$pixelrain" append -q --names number torn.pxr f
head -c $(($(stat -c %s torn.pxr) - 3)) torn.pxr >torn2.pxr
run "$pixelrain" check torn2.pxr
claim 'check says that frames can be saved' grep -q 'whole records, which recover can save' <<<"$out"
run "$pixelrain" recover torn2.pxr -o r5.pxr
claim 'nothing is lost' [ "$code" = 0 ]
claim 'says so' grep -q '^39 frames that no commit counted were kept$' <<<"$out"
claim 'all are there' [ "$("$pixelrain" list r5.pxr | wc -l)" = 79 ]
passed
