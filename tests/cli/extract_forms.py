#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What extract writes, read by others: numpy, tifffile and PIL see the samples that were packed.

    extract_forms.py PIXELRAIN     in an empty folder
"""
import os
import subprocess
import sys

try:
    import numpy as np
    import tifffile
    from PIL import Image
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

pixelrain = sys.argv[1]
rng = np.random.default_rng(11)
n_compared = 0


def run(*arguments):
    done = subprocess.run([pixelrain, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"FAILED: {' '.join(arguments)}: {done.stderr}")


def same(found, expected, what):
    global n_compared
    found = np.asarray(found)
    if found.shape != expected.shape or found.dtype.itemsize != expected.dtype.itemsize or (found != expected).any():
        sys.exit(f"FAILED: {what}: {found.shape} {found.dtype}, not {expected.shape} {expected.dtype} as packed")
    n_compared += 1


def read_y4m(path, shape, dtype):
    with open(path, "rb") as f:
        head = f.readline().split()
        kind = b"Cmono" if np.dtype(dtype).itemsize == 1 else b"Cmono16"
        if head[0] != b"YUV4MPEG2" or kind not in head or b"W%d" % shape[2] not in head or b"H%d" % shape[1] not in head:
            sys.exit(f"FAILED: {path}: {head}")
        frames = []
        while f.readline() == b"FRAME\n":
            frames.append(np.frombuffer(f.read(shape[1] * shape[2] * np.dtype(dtype).itemsize), dtype))
    return np.array(frames).reshape(shape)


def check_stack(expected, *options):
    dtype = expected.dtype.newbyteorder("<") if expected.dtype.itemsize == 2 else expected.dtype
    for kind, name in (("npy", "s.npy"), ("tif", "s.tif"), ("ij.tif", "s.ij.tif"), ("y4m", "s.y4m"), ("raw", "s.raw")):
        for threads in "13" if not options else "2":
            run("extract", "-q", "-f", "a.pxr", "-j", threads, "--stack", kind, "-o", name, *options)
            if kind == "npy":
                same(np.load(name, mmap_mode="r"), expected, name)
            elif kind == "tif":
                same(tifffile.imread(name), expected, name)
                with tifffile.TiffFile(name) as f:
                    assert len(f.pages) == len(expected) and f.is_bigtiff
            elif kind == "ij.tif":
                same(tifffile.imread(name), expected if len(expected) > 1 else expected[0], name)
            elif kind == "y4m":
                same(read_y4m(name, expected.shape, dtype), expected, name)
            else:
                same(np.fromfile(name, dtype).reshape(expected.shape), expected, name)


def check_files(expected, *options):
    for kind, level in (("png", ()), ("png", ("--png-level", "0")), ("png", ("--png-level", "9")), ("tif", ()),
                        ("npy", ()), ("pgm", ()), ("raw", ())):
        subprocess.run(["rm", "-rf", "d"], check=True)
        run("extract", "-q", "a.pxr", "--format", kind, *level, "-o", "d", *options)
        names = sorted(os.listdir("d"))
        assert len(names) == len(expected), names
        for name, frame in zip(names, expected):
            path = "d/" + name
            if kind == "tif":
                found = tifffile.imread(path)
            elif kind == "npy":
                found = np.load(path)
            elif kind == "raw":
                found = np.fromfile(path, frame.dtype).reshape(frame.shape)
            else:
                found = np.asarray(Image.open(path)).astype(frame.dtype)
            same(found, frame, path)


for bits, shape in ((8, (9, 41, 67)), (16, (9, 41, 67)), (16, (1, 3, 5))):
    stack = rng.integers(0, 1 << bits, shape).astype(f"u{bits // 8}")
    np.save("a.npy", stack)
    run("pack", "-q", "-f", "a.npy", "-o", "a.pxr")
    check_stack(stack)
    check_files(stack)
    if len(stack) > 1:
        for x, y, w, h in ((5, 7, 30, 20), (0, 3, 67, 1)):
            part = stack[:, y:y + h, x:x + w]
            check_stack(part, "--region", f"{x},{y},{w},{h}")
            check_files(part[2:8:3], "--region", f"{x},{y},{w},{h}", "--frames", "2:8:3")
        check_stack(stack[1:8:2], "--frames", "1:8:2")
# Compression that is worth its name.
np.save("a.npy", np.zeros((1, 300, 400), "u1"))
run("pack", "-q", "-f", "a.npy", "-o", "a.pxr")
sizes = []
for level in ((), ("--png-level", "1"), ("--png-level", "9")):
    run("extract", "-q", "-f", "a.pxr", *level, "-o", "z")
    sizes.append(os.path.getsize("z/" + os.listdir("z")[0]))
assert sizes[0] > 120000 > 5000 > sizes[1] >= sizes[2], sizes
print(f"EXTRACT {n_compared} files compared")
