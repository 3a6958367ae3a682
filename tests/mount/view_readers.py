#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every view of a mount by readers that are not ours, over all frames.

    view_readers.py MOUNT SOURCE   SOURCE: the folder of PGM files that was packed

Prints how many comparisons were made with each library that is there; exit code 77: not even NumPy.
"""
import glob
import json
import os
import struct
import sys
import warnings

warnings.simplefilter("error")  # a reader that complains about a file has found a fault in it
try:
    import numpy
except ImportError:
    sys.exit(77)
counts = {}


def library(name):
    """A module, or None; the packages of some distributions warn about each other while they are loaded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return __import__(name, fromlist=["x"])
    except ImportError:
        return None


def same(reader, what, found, expected):
    if found.shape != expected.shape or found.dtype.itemsize != expected.dtype.itemsize:
        sys.exit(f"{reader}: {what}: {found.shape} {found.dtype}, expected {expected.shape} {expected.dtype}")
    if not (found == expected).all():
        where = tuple(int(i[0]) for i in numpy.nonzero(found != expected))
        sys.exit(f"{reader}: {what}: differs at {where}")
    counts[reader] = counts.get(reader, 0) + 1


def read_pgm(path):
    with open(path, "rb") as f:
        _, size, maxval = f.readline(), f.readline(), int(f.readline())
        width, height = map(int, size.split())
        return numpy.frombuffer(f.read(), ">u2" if maxval > 255 else "u1").reshape(height, width), maxval


def small(picture, maxval):
    """What a preview holds, in other words than the library's."""
    height, width = picture.shape
    rows = numpy.add.reduceat(picture.astype(numpy.int64), range(0, width, 8), axis=1)
    sums = numpy.add.reduceat(rows, range(0, height, 8), axis=0)
    n = numpy.outer([min(8, height - y) for y in range(0, height, 8)],
                    [min(8, width - x) for x in range(0, width, 8)])
    return ((255 * sums + n * maxval // 2) // (n * maxval)).astype(numpy.uint8)


mount, source = sys.argv[1:]
names = sorted(os.path.basename(p)[:-4] for p in glob.glob(source + "/*.pgm"))
pictures, maxvals = zip(*(read_pgm(f"{source}/{n}.pgm") for n in names))
reference = numpy.stack(pictures)
reference = reference.astype(reference.dtype.newbyteorder("<"))


def path(view, name, extension=None):
    return f"{mount}/{view}/{name}.{extension or view}"


# ---- NumPy
mapped = numpy.load(mount + "/stack.npy", mmap_mode="r")
assert mapped.offset == 4096 and not mapped.flags.writeable
same("numpy", "stack.npy mapped", mapped, reference)
same("numpy", "stack.npy read", numpy.load(mount + "/stack.npy"), reference)
y, x = reference.shape[1] // 2, reference.shape[2] // 3
same("numpy", "a sample in time", mapped[:, y, x], reference[:, y, x])
for i, name in enumerate(names):
    same("numpy", name + ".npy", numpy.load(path("npy", name), mmap_mode="r"), reference[i])
    same("numpy", name + ".raw", numpy.fromfile(path("raw", name), reference.dtype).reshape(reference.shape[1:]),
         reference[i])

# ---- the still formats, read by their description alone


def stream_order(height, width):
    """Rows and columns of Pixel Stream's order A: base-4 digits of the address, the lowest first."""
    side = 1
    while side < max(height, width):
        side *= 2
    address = numpy.arange(side * side)
    rows, columns = numpy.zeros_like(address), numpy.zeros_like(address)
    half = side // 2
    while half:
        digit = address % 4
        columns += half * (digit % 2)
        rows += half * ((digit == 1) | (digit == 2))
        address //= 4
        half //= 2
    inside = (rows < height) & (columns < width)
    return rows[inside], columns[inside]


def from_stream(samples):
    picture = numpy.zeros(reference.shape[1:], reference.dtype)
    picture[order] = samples
    return picture


def read(file):
    with open(file, "rb") as f:
        return f.read()


order = stream_order(*reference.shape[1:])
for i, name in enumerate(names):
    data = read(path("px2", name))
    bits = 8 * reference.itemsize
    assert data[:16] == b"\x89PX2\r\n\x1a\n" + struct.pack(">II", *reference.shape[:0:-1])
    assert data[16:32] == bytes([1, 0, 0, 1, bits]) + bytes(10) + b"\1"
    same("px2", name, from_stream(numpy.frombuffer(data[32:], f">u{bits // 8}")), reference[i])
    data = read(path("vcbn", name))
    end = 9 + int.from_bytes(data[5:9], "big")
    head = json.loads(data[9:end])
    assert data[:5] == b"VCBN\1" and head["shape"] == list(reference.shape[1:]) and head["dtype"] == f"uint{bits}"
    assert head["vmax"] == head["resolution"] == (255 if bits == 8 else 4096 if maxvals[i] <= 4096 else 65535)
    same("vcbn", name, numpy.frombuffer(data[end + end % 2:], reference.dtype).reshape(reference.shape[1:]), reference[i])
    if bits == 8:
        data = read(path("pxs", name))
        assert data[:8] == struct.pack(">II", *reference.shape[:0:-1])
        for channel in range(3):
            same("pxs", name, from_stream(numpy.frombuffer(data[8 + channel::3], "u1")), reference[i])
assert os.path.isdir(mount + "/pxs") == (reference.itemsize == 1)

# ---- tifffile
tifffile = library("tifffile")
if tifffile:
    for file in ("stack.tif", "stack.ij.tif"):
        with tifffile.TiffFile(f"{mount}/{file}") as f:
            assert f.is_bigtiff == (file == "stack.tif") and f.is_imagej == (file == "stack.ij.tif")
            assert len(f.series) == 1
            same("tifffile", file, f.series[0].asarray().reshape(reference.shape), reference)
            if not f.is_imagej:
                assert len(f.pages) == len(names), len(f.pages)
                for i, page in enumerate(f.pages):
                    same("tifffile", f"{file}, page {i}", page.asarray(), reference[i])
    same("tifffile", "stack.tif mapped",
         tifffile.memmap(mount + "/stack.tif", mode="r").reshape(reference.shape), reference)
    for i, name in enumerate(names):
        same("tifffile", name + ".tif", tifffile.imread(path("tif", name)), reference[i])

# ---- PIL
image = library("PIL.Image")
if image:
    for i, name in enumerate(names):
        for view in ("png", "png-small", "pgm", "tif"):
            with image.open(path(view, name, "png" if view == "png-small" else None)) as f:
                found = numpy.array(f)
            # PIL scales a PGM whose maxval is neither 255 nor 65535.
            if view != "pgm" or maxvals[i] in (255, 65535):
                same("PIL", f"{view} of {name}", found.astype(reference.dtype), reference[i])
        with image.open(path("preview", name, "png")) as f:
            same("PIL", "preview of " + name, numpy.array(f), small(pictures[i], maxvals[i]))
    with image.open(mount + "/stack.tif") as f:
        assert f.n_frames == len(names), f.n_frames
        for i in range(f.n_frames):
            f.seek(i)
            same("PIL", f"stack.tif, page {i}", numpy.array(f).astype(reference.dtype), reference[i])

# ---- Zarr
zarr = library("zarr")
if zarr:
    array = zarr.open(mount + "/zarr", mode="r")
    same("zarr", "zarr", array[:], reference)
    same("zarr", "a sample in time", array[:, y, x], reference[:, y, x])
    assert array.attrs["_ARRAY_DIMENSIONS"] == ["t", "y", "x"]
    edge = f"{mount}/zarr/{len(names) - 1}/{array.cdata_shape[1] - 1}/0"
    assert os.path.getsize(edge) == numpy.prod(array.chunks) * reference.itemsize, "edge chunks are padded"
print("READERS " + ", ".join(f"{n} {c}" for n, c in counts.items()) + " ok")
