#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Near-lossless archives: the bound holds for every sample, is shown, and stays with the archive.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

/usr/bin/python3 "$here/near_frames.py" make 8 255 30 a
/usr/bin/python3 "$here/near_frames.py" make 16 65535 20 b
/usr/bin/python3 "$here/near_frames.py" make 16 4001 20 c # an odd maxval
for spec in 'a 1' 'a 2' 'a 7' 'a 127' 'a 255' 'b 1' 'b 9' 'b 300' 'b 65535' 'c 1' 'c 40' 'c 5000'; do
    name=${spec% *} n=${spec#* }
    ok "$pixelrain" pack -q -f --max-error "$n" "$name" -o n.pxr
    ok "$pixelrain" check --deep -q n.pxr
    rm -rf out
    ok "$pixelrain" extract -q --format pgm n.pxr -o out
    ok /usr/bin/python3 "$here/near_frames.py" compare "$n" "$name" out
done
for options in '--preset fast' '--preset max' '--block 7x9x11 -j 3' '--codec match'; do
    # shellcheck disable=SC2086
    ok "$pixelrain" pack -q -f $options --max-error 3 c -o n.pxr
    ok "$pixelrain" check --deep -q n.pxr
    rm -rf out
    ok "$pixelrain" extract -q --format pgm n.pxr -o out
    ok /usr/bin/python3 "$here/near_frames.py" compare 3 c out
done

ok "$pixelrain" pack -q -f --preset fast --max-error 3 c -o n.pxr
ok "$pixelrain" info n.pxr
claim 'the codec of fast does not see that few values occur' [ -z "$(grep sorted "$scratch/out")" ]

# It is said wherever an archive is described.
ok "$pixelrain" pack -f --json --max-error 2 a -o n.pxr
claim 'json of pack' grep -q '"max_error":2,"largest_error":2,' "$scratch/out"
claim 'the summary' grep -q ', largest error 2 of 2$' "$scratch/err"
ok "$pixelrain" info n.pxr
claim 'info' grep -qx 'max error      2: near-lossless, so far may a sample be from its source' "$scratch/out"
ok "$pixelrain" info --json n.pxr
claim 'info --json' grep -q '"max_error":2,' "$scratch/out"
ok "$pixelrain" pack -q --max-error 0 a -o l.pxr
ok "$pixelrain" pack -q a -o m.pxr
claim 'by default, and with 0, lossless' cmp l.pxr m.pxr
ok "$pixelrain" info l.pxr
claim 'nothing is said of a lossless one' [ -z "$(grep -i error "$scratch/out")" ]
ok "$pixelrain" info --json l.pxr
claim 'but as JSON' grep -q '"max_error":0,' "$scratch/out"
claim 'it is smaller' [ $(($(stat -c %s n.pxr) * 4)) -lt $(($(stat -c %s l.pxr) * 3)) ]

# Views agree with each other, and with what convert makes of them.
for format in png tif npy; do
    rm -rf out back
    ok "$pixelrain" extract -q --format pgm n.pxr -o out
    ok "$pixelrain" extract -q --format "$format" n.pxr -o back
    ok "$pixelrain" pack -q -f back -o v.pxr
    rm -rf back
    ok "$pixelrain" extract -q --format pgm v.pxr -o back
    claim "$format holds the same pixels" diff -r out back
done
"$pixelrain" cat n.pxr --frame 3 --format png >x.png
ok "$pixelrain" convert -q x.png x.pgm
claim 'convert' cmp x.pgm out/"$(cd out && printf '%s\n' * | sed -n 4p)"

# The bound belongs to the archive.
/usr/bin/python3 "$here/near_frames.py" make 8 255 7 more
ok "$pixelrain" append -q --names number n.pxr more
rm -rf out
ok "$pixelrain" extract -q --format pgm --frames 30:37 n.pxr -o out
ok /usr/bin/python3 "$here/near_frames.py" compare 2 more out
run "$pixelrain" append --max-error 1 n.pxr more
expect 2 '' "pixelrain: unknown option '--max-error'
Try 'pixelrain append --help'."
ok "$pixelrain" list -l n.pxr
before=$out
ok "$pixelrain" repack -q --codec match n.pxr
ok "$pixelrain" list -l n.pxr
claim 'repack keeps samples' [ "$out" = "$before" ]
ok "$pixelrain" info n.pxr
claim 'and the bound' grep -q '^max error      2:' "$scratch/out"
run "$pixelrain" repack --max-error 3 n.pxr
claim 'which cannot be changed' [ "$code" = 2 ]
run "$pixelrain" merge --duplicate-names suffix n.pxr l.pxr -o x.pxr
expect 1 '' 'pixelrain: l.pxr: is lossless, unlike the first one; archives that are merged need one bound of errors (max_error: expected 2, found 0)'
run "$pixelrain" merge --duplicate-names suffix l.pxr n.pxr -o x.pxr
expect 1 '' 'pixelrain: n.pxr: is near-lossless, unlike the first one; archives that are merged need one bound of errors (max_error: expected 0, found 2)'
ok "$pixelrain" merge -q --duplicate-names suffix n.pxr n.pxr -o twice.pxr
ok "$pixelrain" check --deep -q twice.pxr
ok "$pixelrain" recover -q n.pxr -o r.pxr
ok "$pixelrain" list -l r.pxr
claim 'recover keeps samples' [ "$out" = "$before" ]
ok "$pixelrain" info r.pxr
claim 'and the bound' grep -q '^max error      2:' "$scratch/out"

# Wrong uses.
run "$pixelrain" pack --max-error 256 a -o x.pxr
expect 2 '' 'pixelrain: x.pxr: a largest error of 256; samples of 8 bits are at most 255'
run "$pixelrain" pack --max-error 65536 a -o x.pxr
expect 2 '' "pixelrain: --max-error wants a number from 0 to 65535, not '65536'
Try 'pixelrain pack --help'."
run "$pixelrain" pack --max-error -1 a -o x.pxr
claim 'a negative one' [ "$code" = 2 ]
claim 'no file' [ ! -e x.pxr ]

# A reader of an older version must say that it is older, not that the file is damaged: bit 0 of features_refuse.
claim 'a feature' [ "$(od -An -tu1 -j32 -N8 n.pxr | tr -d ' ')" = 10000000 ]
claim 'of these only' [ "$(od -An -tu1 -j32 -N8 l.pxr | tr -d ' ')" = 00000000 ]
claim 'the bound' [ "$(od -An -tu2 -j50 -N2 n.pxr | tr -d ' ')" = 2 ]
passed
