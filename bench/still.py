# SPDX-License-Identifier: MIT
"""The still codecs beside PNG: frames, masks and sprites, one picture after the other, one thread."""
import json
import os
import shutil

from measure import note, one_core, run, table
from sequences import Sequence, real, simulated

# Name, codec and level of pxr_peers, bits at most, levels at most.
SUBJECTS = [
    ("png -1", "png", 1, 16, None), ("png -6", "png", 6, 16, None), ("png -9", "png", 9, 16, None),
    ("px2", "px2", 0, 16, None), ("px2 relative", "px2", 3, 16, None), ("pxs", "pxs", 0, 8, None),
    ("vcbn", "vcbn", 0, 16, None), ("dci", "dci", 0, 8, None), ("dci, 8 off", "dci", 8, 8, None),
    ("dci, 20 off", "dci", 20, 8, None), ("pce", "pce", 0, 8, 4), ("pce batch", "pce", 1, 8, 4),
]
SIMULATED = ["reel8", "reel16", "bright8", "mask8"]
REAL = ["bulkwater8", "mechanism8", "mri16", "seglabels8"]
SPRITE_SIDE, N_SPRITES = 56, 151


def sprite(number):
    """A round creature of four levels: an outline, a shadow, eyes; another one for each number."""
    state = number * 2654435761 + 12345
    parts = []
    for _ in range(3 + number % 4):
        state = (state * 1103515245 + 12345) % (1 << 31)
        parts.append((12 + state // 97 % 32, 12 + state // 5011 % 32, 5 + state // 70001 % 10))
    rows = bytearray()
    for y in range(SPRITE_SIDE):
        for x in range(SPRITE_SIDE):
            level = 255
            for cx, cy, r in parts:
                d = (x - cx) ** 2 + (y - cy) ** 2
                if d <= r * r:
                    level = 85 if x - cx + y - cy > r // 2 else 170
                elif d <= (r + 1) * (r + 1) and level == 255:
                    level = 0
            cx, cy, _ = parts[0]
            if abs(y - cy) <= 1 and abs(abs(x - cx) - 2) <= 0:
                level = 0
            rows.append(level)
    return bytes(rows)


def sprites(work):
    folder = os.path.join(work, "sprites")
    os.mkdir(folder)
    for i in range(N_SPRITES):
        with open(os.path.join(folder, f"{i:03}.pgm"), "wb") as f:
            f.write(b"P5\n%d %d\n255\n" % (SPRITE_SIDE, SPRITE_SIDE) + sprite(i))
    yield Sequence("sprites", folder, work)
    shutil.rmtree(folder)


def sequences(build, work, data, wanted, max_frames):
    if not wanted or "sprites" in wanted:
        yield from sprites(work)
    yield from simulated(build, work, max_frames, [n for n in SIMULATED if not wanted or n in wanted] or ["-"])
    if os.path.isdir(data):
        yield from real(data, work, [n for n in REAL if not wanted or n in wanted] or ["-"], max_frames)
    else:
        print(f"Real sequences: skipped, PXR_DATA ({data or 'unset'}) is not a folder\n")


def n_levels(seq):
    """Of an 8-bit sequence, else more than any codec here counts."""
    if seq.sample_bytes == 2:
        return 1 << 16
    with open(seq.raw, "rb") as f:
        return len(set(f.read()))


def measure(seq, build):
    bits, levels = 8 * seq.sample_bytes, n_levels(seq)
    row = {"frames": len(seq.files), "width": seq.width, "height": seq.height, "bits": bits,
           "pixel_bytes": seq.pixel_bytes, "methods": {}}
    for name, codec, level, most_bits, most_levels in SUBJECTS:
        if bits > most_bits or most_levels and levels > most_levels:
            continue
        note(f"still: {seq.name}: {name}")
        r = json.loads(run(os.path.join(build, "bin/pxr_peers"), codec, level, f"{seq.width}x{seq.height}x{bits}",
                           seq.raw))
        row["methods"][name] = {"bytes": r["bytes"], "ratio": seq.pixel_bytes / r["bytes"],
                                "encode_mb_s": seq.pixel_bytes / r["encode_s"] / 1e6,
                                "decode_mb_s": seq.pixel_bytes / r["decode_s"] / 1e6}
    return row


def bench_still(build, work, data, wanted, max_frames):
    with one_core():
        return {seq.name: measure(seq, build) for seq in sequences(build, work, data, wanted, max_frames)}


def tell_still(rows):
    names = [s[0] for s in SUBJECTS]
    for key, title, digits in (("ratio", "Raw size / size (larger is better); 'N off': samples may be wrong by N", 2),
                               ("encode_mb_s", "Encoding, MB/s of raw samples", 0),
                               ("decode_mb_s", "Decoding, MB/s of raw samples", 0)):
        print(f"{title}\n")
        table(["sequence", *names],
              [[f"{seq} {row['width']}x{row['height']}",
                *(f"{row['methods'][n][key]:.{digits}f}" if n in row["methods"] else "-" for n in names)]
               for seq, row in rows.items()])
