#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The line that says how far a long command is.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# A pipe that stops for a while: before the first group is written there is nothing to compare with.
{ head -c 48000 /dev/zero; sleep 0.3; head -c 4800 /dev/zero; } |
    "$pixelrain" pack --progress --raw 80x60x8 - -o a.pxr 2>"$scratch/err" || failed 'pack --progress'
tr '\r' '\n' <"$scratch/err" >lines
claim 'progress was shown' [ "$(grep -c '^packed [0-9]* frames, [0-9]* MB/s *$' lines)" -ge 1 ]
claim 'no ratio of nothing' [ "$(grep '^packed' lines | grep -c 'x *$')" = 0 ]
claim 'one line in the end' grep -Eq '^11 frames, 51.6 KiB -> [0-9.]+ K?i?B, [0-9.]+x, [0-9.]+ s, [0-9]+ MB/s$' lines

# With groups of one frame the ratio appears, and it is one of what was written.
{ for ((i = 0; i < 3; i++)); do head -c 2400000 /dev/zero; sleep 0.3; done; } |
    "$pixelrain" pack --progress --block 1x600x400 --codec store -j 1 --raw 400x600x8 - -o b.pxr 2>"$scratch/err"
tr '\r' '\n' <"$scratch/err" >lines
ratio=$(sed -n 's/^packed .* MB\/s, \([0-9]*\)\.[0-9]*x *$/\1/p' lines | tail -n 1)
claim 'a ratio once groups are written' [ -n "$ratio" ]

# Files: their number is known, so there are a bar and the time left.
mkdir f
for ((i = 0; i < 40; i++)); do pgm "f/$i.pgm" 200 200 "$i"; done
run "$pixelrain" pack --progress f -o c.pxr
claim 'a bar' grep -Eq 'packed \[[#.]{10}\] [0-9]+/40 frames, [0-9]+ MB/s' "$scratch/err"
claim 'lines fit into 80 columns' [ "$(tr '\r' '\n' <"$scratch/err" | awk 'length > 79' | wc -l)" = 0 ]
run "$pixelrain" pack -f f -o c.pxr
claim 'none where standard error is no terminal' [ "$(grep -c 'packed \[' "$scratch/err")" = 0 ]
passed
