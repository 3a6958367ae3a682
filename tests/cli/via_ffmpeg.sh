#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Videos through pack --via-ffmpeg: the samples are those that ffmpeg's own rawvideo gives.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
command -v ffmpeg >/dev/null || { echo 'skipped: no ffmpeg'; exit 77; }

video() { # FILE OPTION...: a noisy second of 8 frames
    local file=$1
    shift
    ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=size=80x60:rate=8:duration=1 -vf noise=alls=20 "$@" "$file"
}
same() { # FILE RAWFORMAT PACK_OPTION...: the archive's samples are those of -pix_fmt RAWFORMAT
    local file=$1 format=$2
    shift 2
    ok "$pixelrain" pack -q -f --via-ffmpeg "$@" "$file" -o a.pxr
    "$pixelrain" cat --format raw a.pxr >got.raw
    # shellcheck disable=SC2086 # several words
    ffmpeg -v error -nostdin -y -i "$file" -fps_mode passthrough -f rawvideo $format want.raw
    claim "the samples of $file" cmp got.raw want.raw
    claim "eight frames of $file" [ "$("$pixelrain" list a.pxr | wc -l)" = 8 ]
}

video gray.mkv -c:v ffv1 -pix_fmt gray
same gray.mkv '-pix_fmt gray'
video gray10.mkv -c:v ffv1 -strict -2 -pix_fmt gray10le
same gray10.mkv '-pix_fmt gray10le'
run "$pixelrain" info --json a.pxr
claim 'ten bits are known' grep -q '"bits":16' "$scratch/out"
video gray16.mkv -c:v ffv1 -pix_fmt gray16le
same gray16.mkv '-pix_fmt gray16le'
video raw.avi -c:v rawvideo -pix_fmt gray
same raw.avi '-pix_fmt gray'
video yuv.mp4 -c:v mpeg4 -q:v 2 -pix_fmt yuv420p
same yuv.mp4 '-vf extractplanes=y' --luma
video yuv10.mkv -c:v ffv1 -pix_fmt yuv422p10le
same yuv10.mkv '-vf extractplanes=y' --luma
video graypng.mkv -vf format=gray -c:v png -pix_fmt rgb24
same graypng.mkv '-pix_fmt gray'
# A name that begins like an option, and one with spaces and a colon.
cp gray.mkv ./-i.mkv
ok "$pixelrain" pack -q --via-ffmpeg -o dash.pxr -- -i.mkv
run "$pixelrain" list --frames 7 dash.pxr
expect 0 '-i-000007' ''
cp gray.mkv 'http: film.mkv'
run "$pixelrain" pack --via-ffmpeg 'http: film.mkv' -o name.pxr
expect 0 '' "pixelrain: running: ffmpeg -v error -nostdin -noautorotate -i 'file:http: film.mkv' -map 0:v:0 -fps_mode passthrough -f yuv4mpegpipe -strict -1 -pix_fmt gray -
8 frames, 37.5 KiB -> PACKED, TIME"

# What is lossy is called so; what would lose something is refused.
run "$pixelrain" pack --via-ffmpeg --luma yuv.mp4 -o yuv.pxr
expect 0 '' 'pixelrain: running: ffmpeg -v error -nostdin -noautorotate -i file:yuv.mp4 -map 0:v:0 -vf extractplanes=y -fps_mode passthrough -f yuv4mpegpipe -strict -1 -pix_fmt gray -
pixelrain: yuv.mp4: is coded with mpeg4, which is lossy (or may be): the archive keeps what it decodes to, bit for bit
8 frames, 37.5 KiB -> PACKED, TIME'
run "$pixelrain" pack --via-ffmpeg yuv.mp4 -o x.pxr
expect 1 '' 'pixelrain: yuv.mp4: the video has colour planes (yuv420p): --luma takes its Y plane alone'
video rgb.mkv -c:v ffv1 -pix_fmt bgr0
run "$pixelrain" pack -q --via-ffmpeg rgb.mkv -o x.pxr
claim 'a coloured pixel' grep -q 'rgb.mkv: pixel (0, 0) is coloured' "$scratch/err"
video alpha.mkv -c:v ffv1 -pix_fmt bgra
run "$pixelrain" pack --via-ffmpeg alpha.mkv -o x.pxr
expect 4 '' 'pixelrain: alpha.mkv: its pixels (bgra) cannot be handed over unchanged: convert them with ffmpeg, to gray or gray16le in FFV1 for instance'
ffmpeg -v error -nostdin -f lavfi -i sine=duration=1 sound.wav
run "$pixelrain" pack --via-ffmpeg sound.wav -o x.pxr
expect 1 '' 'pixelrain: sound.wav: ffprobe finds no video in it'
echo text >text.mkv
run "$pixelrain" pack -q --via-ffmpeg text.mkv -o x.pxr
claim 'not a video' [ "$code" = 1 ]
claim 'with words' grep -q '^pixelrain: text.mkv: ffprobe cannot read it$' "$scratch/err"
run "$pixelrain" pack --via-ffmpeg - -o x.pxr
expect 2 '' 'pixelrain: standard input: --via-ffmpeg wants a file'
run env PATH=/nowhere "$pixelrain" pack --via-ffmpeg gray.mkv -o x.pxr
expect 3 '' 'pixelrain: gray.mkv: the program ffprobe is needed and is not there (package ffmpeg): No such file or directory'
# An ffmpeg that fails half way: nothing is kept.
mkdir bin
printf '#!/bin/sh\nprintf "YUV4MPEG2 W1 H1 Cmono\\nFRAME\\na"\nexit 7\n' >bin/ffmpeg
chmod +x bin/ffmpeg
run env PATH="$PWD/bin:$PATH" "$pixelrain" pack -q --via-ffmpeg gray.mkv -o x.pxr
expect 1 '' 'pixelrain: gray.mkv: ffmpeg has failed (status 7); what it could read may be incomplete'
claim 'errors leave nothing' [ ! -e x.pxr ]
passed
