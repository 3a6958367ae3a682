#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bench.py [ratio|mount|all|codec|still|serve|hashing|near|blocks] --build DIR: size and speed of PixelRain beside what people use
today.

Inputs are simulated reels and, where $PXR_DATA is a folder, the real sequences in it.  One run makes
the tables and, with --json FILE, all numbers.  Whatever is timed is also compared with its source.
"""
import argparse
import contextlib
import datetime
import itertools
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time

from codec import bench_codec, tell_codec
from hashing import bench_hashing, tell_hashing
from measure import MIB, Wrong, file_hash, folder_bytes, note, run, table, timed
from mount import bench_mount, tell_mount
from sequences import real, simulated
from near import bench_near, tell_near
from serve import bench_serve, tell_serve
from still import bench_still, tell_still

# ---- ratio ----------------------------------------------------------------------------------------

def ours(seq, build):
    archive = seq.path(".pxr")
    seconds, _ = timed(os.path.join(build, "bin/pixelrain"), "pack", "-q", "-f", seq.folder, "-o", archive)
    result = json.loads(run(os.path.join(build, "bin/pxr_bench_decode"), archive))
    if result["n_wrong"] or result["pixel_bytes"] != seq.pixel_bytes:
        raise Wrong(f"{seq.name}: PixelRain: {result}")
    out = run(os.path.join(build, "bin/pixelrain"), "cat", archive, "--frame", len(seq.files) // 2, "--format", "pgm")
    with open(seq.files[len(seq.files) // 2], "rb") as f:
        if out != f.read():
            raise Wrong(f"{seq.name}: PixelRain: the middle frame differs")
    return {"bytes": os.path.getsize(archive), "pack_s": seconds,
            "unpack_s": seq.pixel_bytes / result["decode_mb_s"] / 1e6,
            "decode_threads_mb_s": result["decode_threads_mb_s"],
            "random_frame_us": result["random_frame_us"]}


def ffmpeg(*arguments, **options):
    return timed("ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", *arguments, **options)


def through_ffmpeg(seq, target, inputs, encoder, size_of):
    pack_s, _ = ffmpeg(*seq.raw_input(), "-threads", "1", *encoder, target)
    unpack_s, _ = ffmpeg(*inputs, "-f", "null", "-")
    back = seq.path(".back")
    ffmpeg(*inputs, "-f", "rawvideo", "-pix_fmt", seq.pix_fmt, back)
    if file_hash(back) != seq.raw_hash:
        raise Wrong(f"{seq.name}: {target} does not give back its source")
    os.unlink(back)
    return {"bytes": size_of(), "pack_s": pack_s, "unpack_s": unpack_s}


def png_files(seq, _build):
    folder = seq.path(".pngs")
    os.mkdir(folder)
    # PNG has 8 and 16 bits; going from 10 or 12 bits ffmpeg would scale.
    fmt = "gray" if seq.sample_bytes == 1 else "gray16be"
    was, seq.pix_fmt = seq.pix_fmt, "gray" if seq.sample_bytes == 1 else "gray16le"
    try:
        pattern = os.path.join(folder, "%06d.png")
        return through_ffmpeg(seq, pattern, ["-i", pattern], ["-c:v", "png", "-pix_fmt", fmt],
                              lambda: folder_bytes(folder))
    finally:
        seq.pix_fmt = was
        shutil.rmtree(folder)


def ffv1(seq, _build):
    target = seq.path(".mkv")
    return through_ffmpeg(seq, target, ["-i", target], ["-c:v", "ffv1", "-level", "3"],
                          lambda: os.path.getsize(target))


def zstd(*level):
    def pack(seq, _build):
        whole, target = seq.path(".cat"), seq.path(".zst")
        with open(whole, "wb") as out:
            for path in seq.files:
                with open(path, "rb") as f:
                    shutil.copyfileobj(f, out, MIB)
        pack_s, _ = timed("zstd", "-q", "-f", "-T1", *level, whole, "-o", target)
        unpack_s, _ = timed("zstd", "-q", "-d", "--long=31", "-c", target, stdout=subprocess.DEVNULL)
        run("zstd", "-q", "-d", "-f", "--long=31", target, "-o", whole + ".back")
        if file_hash(whole) != file_hash(whole + ".back"):
            raise Wrong(f"{seq.name}: zstd does not give back its source")
        n_bytes = os.path.getsize(target)
        for path in (whole, whole + ".back", target):
            os.unlink(path)
        return {"bytes": n_bytes, "pack_s": pack_s, "unpack_s": unpack_s}
    return pack


def squashfs(seq, _build):
    target, folder = seq.path(".sqsh"), seq.path(".unsquashed")
    pack_s, _ = timed("mksquashfs", seq.folder, target, "-comp", "zstd", "-noappend", "-quiet",
                      "-no-progress", "-processors", "1")
    unpack_s, _ = timed("unsquashfs", "-q", "-n", "-p", "1", "-d", folder, target)
    for path in seq.files:
        if file_hash(path) != file_hash(os.path.join(folder, os.path.basename(path))):
            raise Wrong(f"{seq.name}: squashfs does not give back {path}")
    shutil.rmtree(folder)
    return {"bytes": os.path.getsize(target), "pack_s": pack_s, "unpack_s": unpack_s}


METHODS = [("pixelrain", ours), ("png", png_files), ("zstd -3", zstd("-3")),
           ("zstd -19 --long", zstd("-19", "--long=27")), ("ffv1", ffv1), ("squashfs", squashfs)]


def bench_ratio(sequences, build):
    rows = {}
    for seq in sequences:
        rows[seq.name] = {"frames": len(seq.files), "width": seq.width, "height": seq.height,
                          "maxval": seq.maxval, "pixel_bytes": seq.pixel_bytes, "methods": {}}
        for name, method in METHODS:
            note(f"ratio: {seq.name}: {name}")
            result = method(seq, build)
            result["ratio"] = seq.pixel_bytes / result["bytes"]
            result["pack_mb_s"] = seq.pixel_bytes / result.pop("pack_s") / 1e6
            result["unpack_mb_s"] = seq.pixel_bytes / result.pop("unpack_s") / 1e6
            rows[seq.name]["methods"][name] = result
        for suffix in (".pxr", ".mkv", ".sqsh"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(seq.path(suffix))
    return rows


# ---- telling --------------------------------------------------------------------------------------

def first_line(*command):
    with contextlib.suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return lines[0].strip() if lines else ""
    return "absent"


def machine(build):
    cpu = "unknown"
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = next((l.split(":", 1)[1].strip() for l in f if l.startswith("model name")), cpu)
    with open("/proc/meminfo", encoding="utf-8") as f:
        memory_gib = int(f.readline().split()[1]) / MIB
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpu, "cores": len(os.sched_getaffinity(0)), "memory_gib": round(memory_gib, 1),
        "kernel": platform.release(), "python": platform.python_version(),
        "pixelrain": first_line(os.path.join(build, "bin/pixelrain"), "--version"),
        "zstd": first_line("zstd", "--version"), "ffmpeg": first_line("ffmpeg", "-version"),
        "mksquashfs": first_line("mksquashfs", "-version"), "fusermount3": first_line("fusermount3", "-V"),
    }


def tell_ratio(rows):
    names = [name for name, _ in METHODS]
    for key, title in (("ratio", "Raw size / stored size (larger is better)"),
                       ("pack_mb_s", "Packing, MB/s of raw samples (pixelrain: all cores, the others one)"),
                       ("unpack_mb_s", "Decoding, MB/s of raw samples, one thread (pixelrain: in process; "
                                       "squashfs writes files)")):
        print(f"{title}\n")
        digits = 2 if key == "ratio" else 0
        table(["sequence", *names],
              [[seq, *(f"{row['methods'][n][key]:.{digits}f}" for n in names)] for seq, row in rows.items()])
    print("One random frame from the archive, in process\n")
    table(["sequence", "frame", "us"],
          [[seq, f"{row['width']}x{row['height']} max {row['maxval']}",
            f"{row['methods']['pixelrain']['random_frame_us']:.0f}"] for seq, row in rows.items()])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", default="all",
                        choices=("ratio", "mount", "all", "codec", "still", "serve", "hashing", "near", "blocks"),
                        help="all: ratio and mount; codec: many more peers, some minutes; "
                             "still: single pictures beside PNG; serve: the viewer's stream beside PNG files; "
                             "hashing: what hashes and commits cost; "
                             "near: near-lossless archives beside JPEG-LS; "
                             "blocks: orders and divisions of blocks that are not in the archive (python3-numpy)")
    parser.add_argument("--build", default="build", help="build folder with bin/pixelrain")
    parser.add_argument("--frames", type=int, default=120, help="of each simulated sequence (120)")
    parser.add_argument("--mount-frames", type=int, default=1024, help="files of 256 KiB for mounts (1024)")
    parser.add_argument("--tiny-frames", type=int, default=10 ** 7,
                        help="of the archive whose opening is measured (10^7); 0: none")
    parser.add_argument("--max-frames", type=int, default=64, help="of each sequence for codec and still (64)")
    parser.add_argument("--repeats", type=int, default=5, help="of each mount measurement (5)")
    parser.add_argument("--only", action="append", help="sequence; may be given several times")
    parser.add_argument("--json", help="write every number to this file")
    o = parser.parse_args()
    build, data = os.path.abspath(o.build), os.environ.get("PXR_DATA", "")
    facts = machine(build)
    results = {"machine": facts}
    for key, value in facts.items():
        print(f"{key + ':':<13} {value}")
    print(flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as work:
        if o.what in ("ratio", "all"):
            results["ratio"] = bench_ratio(simulated(build, work, o.frames, o.only), build)
            if os.path.isdir(data):
                results["ratio"] |= bench_ratio(real(data, work, o.only), build)
            else:
                print(f"Real sequences: skipped, PXR_DATA ({data or 'unset'}) is not a folder\n")
            note("")
            tell_ratio(results["ratio"])
        if o.what in ("mount", "all") and not os.access("/dev/fuse", os.R_OK | os.W_OK):
            print("Mounts: skipped, no access to /dev/fuse\n")
        elif o.what in ("mount", "all"):
            results["mount"], goals = bench_mount(build, o.mount_frames, o.repeats, o.tiny_frames)
            note("")
            tell_mount(results["mount"], goals)
    if o.what == "codec":
        with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as work:
            sequences = simulated(build, work, o.max_frames, o.only)
            if os.path.isdir(data):
                sequences = itertools.chain(real(data, work, o.only, o.max_frames), sequences)
            else:
                print(f"Real sequences: skipped, PXR_DATA ({data or 'unset'}) is not a folder\n")
            results["codec"] = bench_codec(sequences, build, o.max_frames)
        note("")
        tell_codec(results["codec"])
    if o.what == "still":
        with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as work:
            results["still"] = bench_still(build, work, data, o.only, o.max_frames)
        note("")
        tell_still(results["still"])
    if o.what == "serve":
        with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as work:
            results["serve"] = bench_serve(simulated(build, work, o.frames, o.only or ["reel8", "reel16"]), build)
        note("")
        tell_serve(results["serve"])
    if o.what == "hashing":
        with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as work:
            results["hashing"] = bench_hashing(simulated(build, work, o.frames, o.only or ["reel8", "reel12"]), build, o.repeats)
        note("")
        tell_hashing(results["hashing"])
    if o.what == "near":
        with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as work:
            results["near"] = bench_near(real(data, work, o.only, o.max_frames), build)
        note("")
        tell_near(results["near"])
    if o.what == "blocks":
        from blocks import bench_blocks, tell_blocks  # it needs numpy, which nothing else does
        with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as work:
            results["blocks"] = bench_blocks(build, work, data, o.only)
        note("")
        tell_blocks(results["blocks"])
    if o.json:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1)
    print("Every sequence that was read back equals its source" +
          (", or is as far off as its column says." if o.what in ("still", "near") else "."))


if __name__ == "__main__":
    main()
