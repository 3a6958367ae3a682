#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Files of foreign formats, written by other programs' libraries, packed by ours: are the samples the same?

    import_formats.py PIXELRAIN FORMAT     npy | ...

Runs in an empty folder.  Exit 77: what writes this format is not installed.
"""
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    print("skipped: no numpy")
    sys.exit(77)

rng = np.random.default_rng(7)
pixelrain = sys.argv[1]
n_compared = 0


def noise(shape, dtype, maximum=None):
    top = np.iinfo(dtype).max if maximum is None else maximum
    return rng.integers(0, top + 1, shape).astype(dtype)


def pack(*arguments):
    return subprocess.run([pixelrain, "pack", "-q", "-f", "-o", "out.pxr", *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def compare(expected, *arguments):
    """Pack, and compare what comes out with an array (frames, rows, columns)."""
    global n_compared
    done = pack(*arguments)
    if done.returncode:
        sys.exit(f"FAILED: pack {' '.join(arguments)}: {done.stderr}")
    raw = subprocess.run([pixelrain, "cat", "--format", "raw", "out.pxr"], check=True, capture_output=True).stdout
    expected = np.asarray(expected)
    if expected.ndim == 2:
        expected = expected[None]
    found = np.frombuffer(raw, "<u2" if expected.dtype.itemsize == 2 else "u1")
    if found.size != expected.size or (found != expected.ravel()).any():
        sys.exit(f"FAILED: {' '.join(arguments)}: other samples than {expected.shape} {expected.dtype}")
    n_compared += 1


def test_npy():
    for dtype in ("u1", "<u2", ">u2"):
        for shape in ((17, 23), (1, 17, 23), (5, 17, 23)):
            array = noise(shape, dtype)
            np.save("a.npy", array)
            compare(array, "a.npy")
    array = np.asfortranarray(noise((17, 23), "<u2"))
    np.save("a.npy", array)
    compare(array, "a.npy")
    np.save("a.npy", noise((40, 17, 23), "u1")[::3, ::2, ::-1])
    compare(np.load("a.npy"), "a.npy")
    mapped = np.lib.format.open_memmap("a.npy", "w+", "<u2", (6, 9, 8))
    mapped[:] = noise((6, 9, 8), "<u2")
    mapped.flush()
    compare(np.load("a.npy"), "a.npy")
    np.lib.format.write_array(open("a.npy", "wb"), array, version=(2, 0))
    compare(array, "a.npy")


def main():
    globals()["test_" + sys.argv[2]]()
    print(f"IMPORT {sys.argv[2]}: {n_compared} files compared")
    return 0 if n_compared else 1


if __name__ == "__main__":
    sys.exit(main())
