#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bench.py [ratio|mount|all|codec|still|hashing|near|blocks] --build DIR: size and speed of PixelRain beside what people use
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
import random
import shutil
import statistics
import subprocess
import tempfile
import time

from codec import bench_codec, tell_codec
from hashing import bench_hashing, tell_hashing
from measure import MIB, Wrong, file_hash, folder_bytes, note, one_core, run, table, timed
from sequences import real, simulated
from near import bench_near, tell_near
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


# ---- mount ----------------------------------------------------------------------------------------

def evict(path):
    """Drop a file, or the files of a folder, from the page cache."""
    paths = [path] if os.path.isfile(path) else [e.path for e in os.scandir(path)]
    for p in paths:
        fd = os.open(p, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def is_mounted(folder):
    with open("/proc/self/mounts", encoding="utf-8") as f:
        return any(line.split()[1] == folder for line in f)


def raise_readahead(folder):
    """What mount.pixelrain does for itself when root: the null server gets the same."""
    device = os.stat(folder).st_dev
    with contextlib.suppress(OSError):
        path = f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb"
        with open(path, "w", encoding="ascii") as f:
            f.write("256")


@contextlib.contextmanager
def mounted(command, folder, frames, raises=False):
    """A mount by a new process; frames is the folder in it that has the files."""
    os.makedirs(folder, exist_ok=True)
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not is_mounted(folder):
        if time.monotonic() > deadline or process.poll() not in (None, 0):
            raise RuntimeError(f"{command}: does not mount")
        time.sleep(0.01)
    try:
        if raises:
            raise_readahead(folder)
        yield frames
    finally:
        run(*(["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]), folder)
        process.wait(20)


@contextlib.contextmanager
def on_disk(folder):
    yield folder


def read_files(paths, buffer):
    """Seconds to read whole files as cp does, 256 KiB at a time."""
    view = memoryview(buffer)
    start = time.perf_counter()
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        while os.readv(fd, [view]):
            pass
        os.close(fd)
    return time.perf_counter() - start


class Subject:
    """Something that shows the frames as files, and how to see it for the first time."""

    def __init__(self, name, stored, show):
        self.name, self.stored, self.show = name, stored, show

    def measure(self, seq, expected):
        buffer = bytearray(256 << 10)
        names = sorted(expected)
        result = {}
        evict(self.stored)
        with self.show() as folder:
            paths = [os.path.join(folder, n) for n in names]
            result["cold_mb_s"] = seq.pgm_bytes / read_files(paths, buffer) / 1e6
            result["warm_mb_s"] = seq.pgm_bytes / read_files(paths, buffer) / 1e6
            for name, path in zip(names, paths):
                if file_hash(path) != expected[name]:
                    raise Wrong(f"{seq.name}: {self.name}: {name} differs")
        evict(self.stored)
        with self.show() as folder:
            chosen = random.Random(1).sample(names, min(60, len(names)))
            each = [read_files([os.path.join(folder, n)], buffer) for n in chosen]
            result["random_frame_us"] = statistics.median(each) * 1e6
        evict(self.stored)
        with self.show() as folder:
            result["ls_s"], listing = timed("ls", "-l", folder)
            if listing.count(b"\n") != len(names) + 1:
                raise Wrong(f"{seq.name}: {self.name}: ls -l shows another number of files")
        return result


def subjects(seq, build):
    pxr, image = seq.path(".pxr"), seq.path(".sqsh")
    mount, null_file = seq.path(".mnt"), seq.files[0]
    run(os.path.join(build, "bin/pixelrain"), "pack", "-q", "-f", seq.folder, "-o", pxr)
    run("mksquashfs", seq.folder, image, "-comp", "zstd", "-noappend", "-quiet", "-no-progress")
    null_names = {f"reel_{i:06}.pgm": file_hash(null_file) for i in range(len(seq.files))}
    names = seq.pgm_hashes()
    return [
        (Subject("pixelrain", pxr, lambda: mounted(
            [os.path.join(build, "bin/mount.pixelrain"), "-f", pxr, mount], mount,
            os.path.join(mount, "pgm"))), names),
        (Subject("null server", null_file, lambda: mounted(
            [os.path.join(build, "bin/nullfs"), "--file", null_file, "--frames", len(seq.files), mount],
            mount, mount, raises=os.geteuid() == 0)), null_names),
        (Subject("squashfuse", image, lambda: mounted(["squashfuse", "-f", image, mount], mount, mount)),
         names),
        (Subject("plain files", seq.folder, lambda: on_disk(seq.folder)), names),
    ]


def median_of(results):
    return {key: statistics.median(r[key] for r in results) for key in results[0]}


def bench_mount(sequences, build, n_repeats):
    rows = {}
    for seq in sequences:
        row = rows[seq.name] = {"frames": len(seq.files), "pgm_bytes": seq.pgm_bytes, "subjects": {}}
        pairs = subjects(seq, build)
        results = {subject.name: [] for subject, _ in pairs}
        shared = {subject.name: [] for subject, _ in pairs}
        for i in range(n_repeats):  # all subjects in turn: a slow minute hits everybody
            for subject, expected in pairs:
                note(f"mount: {seq.name}: {subject.name} ({i + 1}/{n_repeats})")
                results[subject.name].append(subject.measure(seq, expected))
                with one_core():
                    shared[subject.name].append(subject.measure(seq, expected))
        for name, values in results.items():
            row["subjects"][name] = median_of(values)
            row["subjects"][name]["one_core"] = median_of(shared[name])
        decode = [os.path.join(build, "bin/pxr_bench_decode"), seq.path(".pxr")]
        row["in_process"] = json.loads(run(*decode))
        with one_core():
            row["in_process"]["one_core"] = json.loads(run(*decode))
        for suffix in (".pxr", ".sqsh"):
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


def tell_mount(rows):
    print("Through a mount: frames as PGM files, read whole and in order (plain files: no mount)\n")
    out = []
    for seq, row in rows.items():
        for name, r in row["subjects"].items():
            out.append([f"{seq} {name}", *(f"{r[k]:.0f}" for k in ("cold_mb_s", "warm_mb_s", "random_frame_us")),
                        f"{r['ls_s'] * 1000:.0f}", f"{r['one_core']['cold_mb_s']:.0f}",
                        f"{r['one_core']['warm_mb_s']:.0f}"])
    table(["", "cold MB/s", "warm MB/s", "random frame us", "ls -l ms", "one core: cold", "one core: warm"], out)
    print("Ratios\n")
    out = []
    for seq, row in rows.items():
        ours_, null = row["subjects"]["pixelrain"], row["subjects"]["null server"]
        inside = row["in_process"]
        out.append([seq, f"{ours_['warm_mb_s'] / null['warm_mb_s']:.2f}",
                    f"{ours_['cold_mb_s'] / null['cold_mb_s']:.2f}",
                    f"{inside['decode_mb_s']:.0f}",
                    f"{ours_['cold_mb_s'] / inside['decode_mb_s']:.2f}",
                    f"{ours_['one_core']['cold_mb_s'] / inside['one_core']['decode_mb_s']:.2f}"])
    table(["sequence", "warm / null", "cold / null", "decode MB/s", "cold / decode",
           "one core: cold / decode"], out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", default="all",
                        choices=("ratio", "mount", "all", "codec", "still", "hashing", "near", "blocks"),
                        help="all: ratio and mount; codec: many more peers, some minutes; "
                             "still: single pictures beside PNG; hashing: what hashes and commits cost; "
                             "near: near-lossless archives beside JPEG-LS; "
                             "blocks: orders and divisions of blocks that are not in the archive (python3-numpy)")
    parser.add_argument("--build", default="build", help="build folder with bin/pixelrain")
    parser.add_argument("--frames", type=int, default=120, help="of each simulated sequence (120)")
    parser.add_argument("--mount-frames", type=int, default=300, help="the same for mounts (300)")
    parser.add_argument("--max-frames", type=int, default=64, help="of each sequence for codec and still (64)")
    parser.add_argument("--repeats", type=int, default=3, help="of each mount measurement (3)")
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
            wanted = o.only or ["reel8", "reel12", "mask8"]
            results["mount"] = bench_mount(simulated(build, work, o.mount_frames, wanted), build, o.repeats)
            note("")
            tell_mount(results["mount"])
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
