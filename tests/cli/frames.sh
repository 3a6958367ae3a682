#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Choosing frames: --frames, --frame, --name.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir f
for i in {0..9}; do pgm "f/n$i.pgm" 4 3 "$i"; done
ok "$pixelrain" pack -q --block 3x3x4 f -o a.pxr

# RANGE, then the numbers that it chooses.
while read -r range want; do
    run "$pixelrain" list --frames "$range" a.pxr
    expect 0 "$(for n in $want; do echo "n$n"; done)" ''
done <<'LIST'
: 0 1 2 3 4 5 6 7 8 9
:: 0 1 2 3 4 5 6 7 8 9
0 0
9 9
0:1 0
3:6 3 4 5
8: 8 9
8:100 8 9
:2 0 1
::4 0 4 8
1::4 1 5 9
1:9:4 1 5
1:10:4 1 5 9
:5:3 0 3
0:10:18446744073709551615 0
0:18446744073709551615 0 1 2 3 4 5 6 7 8 9
LIST
for range in '' x -1 1:x 1:2:0 1:2:3:4 1-2 ' 1' 99999999999999999999 1:2: 18446744073709551615; do
    run "$pixelrain" list --frames "$range" a.pxr
    case $range in
    1:2:) expect 0 n1 '' ;;
    *) expect 2 '' "pixelrain: a.pxr: --frames wants A:B, A:B:STEP or N, not '$range'" ;;
    esac
done
for range in 10 10: 5:5 6:5 100:200; do
    run "$pixelrain" list --frames "$range" a.pxr
    expect 2 '' "pixelrain: a.pxr: '$range' chooses no frame: the archive has 10, counted from 0"
done

# cat
"$pixelrain" cat --frame 3 a.pxr >got
claim 'cat --frame' cmp f/n3.pgm got
"$pixelrain" cat --name n7 a.pxr >got
claim 'cat --name' cmp f/n7.pgm got
cat f/n1.pgm f/n4.pgm f/n7.pgm >want
"$pixelrain" cat --frames 1::3 a.pxr >got
claim 'cat --frames' cmp want <(head -c "$(stat -c %s want)" got)
claim 'cat --frames ends there' [ "$(stat -c %s got)" = "$(stat -c %s want)" ]
run "$pixelrain" cat --frame 10 a.pxr
expect 2 '' 'pixelrain: a.pxr: has no frame 10: it has 10, counted from 0'
run "$pixelrain" cat --name nobody a.pxr
expect 2 '' "pixelrain: a.pxr: has no frame of the name 'nobody'"
if command -v script >/dev/null; then
    script -qec "'$pixelrain' cat a.pxr" /dev/null </dev/null >"$scratch/tty"
    code=$?
    claim 'cat to a terminal is refused' [ "$code" = 2 ]
    claim 'with a hint' grep -q "pictures are not for a terminal" "$scratch/tty"
    claim 'nothing else is written' [ "$(wc -l <"$scratch/tty")" = 2 ]
else
    echo 'skipped: no script(1)'
fi
"$pixelrain" cat a.pxr >/dev/full 2>"$scratch/err"
code=$? out='' err=$(cat "$scratch/err")
expect 3 '' 'pixelrain: standard output: cannot be written: No space left on device'
"$pixelrain" list a.pxr | head -n 1 >got
claim 'a reader that stops early is no error' [ "${PIPESTATUS[0]}" = 0 ] || [ "${PIPESTATUS[0]}" = 141 ]
passed
