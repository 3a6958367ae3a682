#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The programs of examples/ do what they say.  Usage: examples.sh BUILD_FOLDER
set -euo pipefail
export LC_ALL=C
build=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
pixelrain=$build/bin/pixelrain
fail() { echo "FAILED: $*" >&2; exit 1; }
is() { [ "$1" = "$2" ] || fail "$3: '$1', not '$2'"; }

# ---- write: names, times, metadata, maxval; whole or not at all
"$build/examples/write_archive" waves.pxr 40 >said
grep -qE '^40 frames, 6144000 bytes of samples in [0-9]+$' said || fail "write_archive says: $(cat said)"
"$pixelrain" check -q --deep waves.pxr
is "$("$pixelrain" list --frames 3 waves.pxr)" wave_0003 "name"
is "$("$pixelrain" list -l --frames 1 waves.pxr | awk '{ print $2, $4, $5 }')" \
    "12 4095 2023-11-14T22:13:20.040000000Z" "used bits, maxval, time"
status=0
"$build/examples/write_archive" no/such/folder.pxr 1 2>said || status=$?
is "$status" 3 "exit code for a folder that does not exist"
grep -q 'no/such/folder.pxr' said || fail "the message does not name the file: $(cat said)"

# ---- read: the same samples as those of the raw view
"$pixelrain" cat --frame 7 --format raw waves.pxr | od -A n -v -t u2 -w640 >frame7
"$build/examples/read_archive" waves.pxr region 7 10 20 5 3 >part
is "$(cat part)" "$(sed -n 21,23p frame7 | awk '{ print $11, $12, $13, $14, $15 }')" "region"
"$build/examples/read_archive" waves.pxr pixel 200 100 >series
is "$(wc -l <series)" 40 "samples of the series"
is "$(sed -n 8p series)" "1700000000280000000 $(sed -n 101p frame7 | awk '{ print $201 }')" "frame 7 of the series"
for wrong in 'region 7 318 0 5 1' 'region 7 0 239 5 2' 'region 99 0 0 1 1' 'pixel 320 0' 'pixel 0 240' 'nothing'; do
    status=0
    # shellcheck disable=SC2086 # words
    "$build/examples/read_archive" waves.pxr $wrong >out 2>said || status=$?
    is "$status" 2 "exit code of '$wrong'"
    [ -s said ] || fail "'$wrong' ends without a message"
done

# ---- a camera: each frame in order or counted as lost
"$build/examples/camera_loop" reel.pxr 90 30 >said
n=$(sed -n 's/^\([0-9]*\) frames recorded, \([0-9]*\) lost$/\1 + \2/p' said)
is "$((n))" 90 "frames recorded and lost"
"$pixelrain" check -q --deep reel.pxr
[ "$("$pixelrain" info --json reel.pxr | grep -oE '"commit":[ 0-9]+' | grep -oE '[0-9]+')" -ge 2 ] || fail "no commits"
"$pixelrain" cat --frame 1 --format raw reel.pxr >first
is "$(od -A n -t u1 -N 8 first | tr -s ' ')" " 0 0 0 1 1 1 1 2" "frame 1 of the ramp"

# ---- Python
if [ -n "${PXR_SANITIZE:-}" ]; then
    echo "EXAMPLES ok; Python is no program for a sanitizer's library"
    exit 0
fi
LIBPIXELRAIN=$build/lib/libpixelrain.so /usr/bin/python3 -B "$root/examples/read_with_ctypes.py" waves.pxr >means
is "$(head -n 1 means)" "40 frames of 320 x 240 pixels, 16 bit" "read_with_ctypes.py"
is "$(awk '$1 == 7 { printf "%.6f", $2 }' means)" \
    "$(awk '{ for (i = 1; i <= NF; i++) s += $i } END { printf "%.6f", s / 76800 }' frame7)" "mean of frame 7"
head -c 300 waves.pxr >torn.pxr
! LIBPIXELRAIN=$build/lib/libpixelrain.so /usr/bin/python3 -B "$root/examples/read_with_ctypes.py" torn.pxr 2>said ||
    fail "a torn archive is read"
grep -q '^OSError: torn.pxr' said || fail "of a torn archive it says: $(cat said)"
echo "EXAMPLES ok"
