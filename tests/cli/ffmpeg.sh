#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The recipe of the manual: a video from ffmpeg through a pipe.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
command -v ffmpeg >/dev/null || { echo 'skipped: no ffmpeg'; exit 77; }

source=(-f lavfi -i testsrc=size=160x120:rate=25:duration=2)
ffmpeg -v error -nostdin "${source[@]}" -f rawvideo -pix_fmt gray16le - >want.raw
ffmpeg -v error -nostdin "${source[@]}" -f rawvideo -pix_fmt gray16le - |
    "$pixelrain" pack -q --raw 160x120x16le - -o b.pxr
claim 'pack from ffmpeg' [ "${PIPESTATUS[*]}" = '0 0' ]
"$pixelrain" cat --format raw b.pxr >got.raw
claim 'samples from ffmpeg' cmp want.raw got.raw
ffmpeg -v error -nostdin "${source[@]}" -f yuv4mpegpipe -pix_fmt gray -strict -1 - |
    "$pixelrain" pack -q - -o y.pxr
claim 'Y4M from ffmpeg' [ "${PIPESTATUS[*]}" = '0 0' ]
ffmpeg -v error -nostdin "${source[@]}" -f rawvideo -pix_fmt gray - >want.raw
"$pixelrain" cat --format raw y.pxr >got.raw
claim 'Y4M samples' cmp want.raw got.raw

# And back: ffmpeg reads what cat and extract write.
"$pixelrain" cat --format pgm b.pxr | ffmpeg -v error -f image2pipe -c:v pgm -i - -f rawvideo -pix_fmt gray16le - >got.raw
ffmpeg -v error -nostdin "${source[@]}" -f rawvideo -pix_fmt gray16le - >want.raw
claim 'ffmpeg reads cat' cmp want.raw got.raw
ok "$pixelrain" extract -q b.pxr -o png
ffmpeg -v error -nostdin -i png/%06d.png -f rawvideo -pix_fmt gray16le - >got.raw
claim 'ffmpeg reads our PNG files' cmp want.raw got.raw
passed
