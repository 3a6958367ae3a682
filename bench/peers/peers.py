# SPDX-License-Identifier: MIT
"""The peers of `./dev bench codec`, and precisely what is run.

{raw} holds all frames of a sequence, one after the other; {bits} is what its largest sample needs (8 for
bytes, else 9 to 16) and {pix_fmt} the narrowest of gray, gray10le, gray12le, gray16le that has room.

ffmpeg peers: encode makes {coded}; decode writes the samples to standard output, compared once with
the source and else sent to /dev/null.  Seconds are what -benchmark prints as rtime: without start-up.
pxr_peers (peers_main.c, peer_*.c): CODEC LEVEL; everything in memory, compared, timed in the process.
All run on one core, with one thread.
"""
import collections

# reach: what has to be decoded for one frame.  needs: an encoder of ffmpeg, or a codec of pxr_peers.
Peer = collections.namedtuple("Peer", "name package reach needs max_bits encode decode")

FROM_RAW = ("ffmpeg -nostdin -hide_banner -nostats -benchmark -y -f rawvideo -pix_fmt {pix_fmt} -color_range pc "
            "-s {width}x{height} -i {raw} -threads 1 -color_range pc ")
TO_RAW = ("ffmpeg -nostdin -hide_banner -nostats -benchmark -threads 1 -i {coded} "
          "-f rawvideo -pix_fmt {pix_fmt} -")


def by_ffmpeg(name, package, reach, max_bits, encoder, options):
    return Peer(name, package, reach, encoder, max_bits,
                f"{FROM_RAW}-c:v {encoder} {options} {{coded}}", TO_RAW)


def by_library(name, package, reach, codec, level):
    return Peer(name, package, reach, codec, 16,
                f"pxr_peers {codec} {level} {{width}}x{{height}}x{{bits}} {{raw}}", "")


PEERS = [
    # The large context model (-context 1) that archivists' recipes ask for is 8 % larger on intra frames
    # of this size and 1 % over a GOP, and the four slices are the fewest that level 3 has: FFV1 at its best.
    by_ffmpeg("ffv1", "ffmpeg", "frame", 16, "ffv1", "-level 3 -coder 1 -context 0 -slices 4 -g 1"),
    by_ffmpeg("ffv1 g100", "ffmpeg", "100 frames", 16, "ffv1", "-level 3 -coder 1 -context 0 -slices 4 -g 100"),
    by_library("jpeg-ls", "libcharls-dev", "frame", "jpeg-ls", 0),
    by_library("jxl e1", "libjxl-dev", "frame", "jxl", 1),
    by_library("jxl e3", "libjxl-dev", "frame", "jxl", 3),
    by_library("jxl e7", "libjxl-dev", "frame", "jxl", 7),
    by_ffmpeg("x264", "ffmpeg", "250 frames", 10, "libx264", "-preset medium -qp 0"),
    by_ffmpeg("x265", "ffmpeg", "250 frames", 12, "libx265",
              "-preset medium -x265-params lossless=1:pools=none:frame-threads=1"),
    by_library("png", "libpng-dev", "frame", "png", 6),
    by_library("zstd -3", "libzstd-dev", "all", "zstd", 3),
    by_library("zstd -19L", "libzstd-dev", "all", "zstd-long", 19),
    by_library("xz -6", "liblzma-dev", "all", "xz", 6),
    by_library("blosc", "libblosc-dev", "32 frames", "blosc-shuffle", 5),
    by_library("blosc bit", "libblosc-dev", "32 frames", "blosc-bitshuffle", 5),
]
