#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Missing, foreign and damaged archives: messages and exit codes.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir f
for i in {1..40}; do pgm "f/$i.pgm" 32 32 "$i"; done
ok "$pixelrain" pack -q --codec store --block 4x32x32 f -o a.pxr
printf 'this is no archive but it is long enough to be read as one: %0200d\n' 0 >text.pxr
: >empty.pxr

for command in info list check 'extract -o out' cat; do
    # shellcheck disable=SC2086
    run "$pixelrain" $command missing.pxr
    expect 3 '' 'pixelrain: missing.pxr: cannot be opened: No such file or directory'
    # shellcheck disable=SC2086
    run "$pixelrain" $command text.pxr
    claim "$command of a text: exit" [ "$code" = 1 ]
    claim "$command of a text: message" grep -q '^pixelrain: text.pxr: ' "$scratch/err"
    # shellcheck disable=SC2086
    run "$pixelrain" $command empty.pxr
    claim "$command of nothing: exit" [ "$code" = 1 ]
    # shellcheck disable=SC2086
    run "$pixelrain" $command f
    claim "$command of a folder: exit" [ "$code" = 2 ]
    claim "$command of a folder: message" grep -q '^pixelrain: f: is not a regular file' "$scratch/err"
done
claim 'failed extracts create no folder' [ ! -e out ]

run "$pixelrain" check a.pxr
claim 'a sound archive' [ "$code" = 0 ]
claim 'says so' grep -q '^a.pxr: 40 frames, 10 groups, .* (full): sound$' "$scratch/out"
run "$pixelrain" check --json a.pxr
claim 'and has read all of it' grep -q "\"bytes_checked\":$(stat -c %s a.pxr)[,}]" "$scratch/out"
run "$pixelrain" check --quick a.pxr
claim 'quick' grep -q '(quick): sound$' "$scratch/out"
run "$pixelrain" check --deep -q a.pxr
expect 0 '' ''

# One flipped bit in the samples of frame 20 (index 20, the name is 21).
size=$(stat -c %s a.pxr)
/usr/bin/python3 - <<'PYTHON' || failed 'the samples are not in the archive'
pixels = open("f/21.pgm", "rb").read()[-1024:]
archive = bytearray(open("a.pxr", "rb").read())
at = archive.index(pixels) + 500
archive[at] ^= 1
open("bad.pxr", "wb").write(archive)
PYTHON
run "$pixelrain" info bad.pxr
claim 'info reads no samples' [ "$code" = 0 ]
for depth in '' --deep; do
    # shellcheck disable=SC2086
    run "$pixelrain" check $depth bad.pxr
    claim "check $depth finds it" [ "$code" = 1 ]
    claim 'damages go to standard output' grep -q '^bad.pxr: .*offset ' "$scratch/out"
    claim 'the last line counts' grep -Eq '^bad.pxr: 40 frames.* [0-9]+ damages?$' "$scratch/out"
done
run "$pixelrain" extract -q --format pgm bad.pxr -o o1
claim 'extract stops' [ "$code" = 1 ]
claim 'extract says where' grep -q '^pixelrain: bad.pxr: .*frame 20' "$scratch/err"
claim 'no file of the damaged frame' [ ! -e o1/21.pgm ]
run "$pixelrain" extract --keep-going --format pgm bad.pxr -o o2
claim 'extract --keep-going exits with 1' [ "$code" = 1 ]
claim 'the summary' grep -Eq '^39 frames, .*, 1 damaged$' <<<"$err"
rm f/21.pgm
claim 'all other frames' diff -r f o2
run "$pixelrain" cat --frame 20 bad.pxr
claim 'cat of the damaged frame' [ "$code" = 1 ]

# Truncated at many places, the archive is never taken for sound, and nothing crashes.
for ((n = 0; n < size; n += 1 + size / 60)); do
    head -c "$n" a.pxr >cut.pxr
    run "$pixelrain" check cut.pxr
    claim "check of the first $n bytes" [ "$code" = 1 ]
done
{ cat a.pxr; printf 'torn'; } >tail.pxr
run "$pixelrain" info tail.pxr
claim 'bytes behind the last commit' grep -q '^tail bytes *4 behind the last commit' "$scratch/out"
run "$pixelrain" check tail.pxr
claim 'check reports them' [ "$code" = 1 ]
passed
