# SPDX-License-Identifier: MIT
"""Frames for near.sh, and the comparison of what came out with them.

    near_frames.py make BITS MAXVAL N_FRAMES FOLDER    a scene that moves, noise, and samples of 0 and MAXVAL
    near_frames.py compare MAX_ERROR FOLDER FOLDER     in the order of names
"""
import os
import random
import re
import sys

WIDTH, HEIGHT = 61, 47


def make(bits, maxval, n_frames, folder):
    os.mkdir(folder)
    rng = random.Random(bits + maxval)
    for t in range(n_frames):
        samples = []
        for i in range(WIDTH * HEIGHT):
            x, y = i % WIDTH, i // WIDTH
            scene = (x * 5 + y * 3 + (t if y > 20 else 0)) * (maxval // 600 + 1)
            v = scene + (rng.randrange(9) if x < 40 else rng.randrange(maxval))
            samples.append(0 if x == 7 else maxval if x == 8 else min(v, maxval))
        with open(f"{folder}/{t:04}.pgm", "wb") as f:
            f.write(b"P5\n%d %d\n%d\n" % (WIDTH, HEIGHT, maxval))
            f.write(b"".join(v.to_bytes(bits // 8, "big") for v in samples))


def load(path):
    with open(path, "rb") as f:
        data = f.read()
    head = re.match(rb"P5\s(\d+)\s(\d+)\s(\d+)\s", data)
    maxval = int(head.group(3))
    step = 1 if maxval < 256 else 2
    return maxval, [int.from_bytes(data[i:i + step], "big") for i in range(head.end(), len(data), step)]


def compare(max_error, before, after):
    names = sorted(os.listdir(before)), sorted(os.listdir(after))
    assert len(names[0]) == len(names[1]) > 0, names
    for a, b in zip(*names):
        (maxval, source), (same, got) = load(f"{before}/{a}"), load(f"{after}/{b}")
        assert maxval == same and len(source) == len(got) == WIDTH * HEIGHT, b
        for v, w in zip(source, got):
            assert abs(v - w) <= max_error and 0 <= w <= maxval and (v or not w), (b, v, w)


if sys.argv[1] == "make":
    make(*map(int, sys.argv[2:5]), sys.argv[5])
else:
    compare(int(sys.argv[2]), *sys.argv[3:])
