# SPDX-License-Identifier: MIT
"""Near-lossless archives beside JPEG-LS with the same bound: sizes, and the bound held against the source."""
import array
import json
import os

from codec import used_bits
from measure import Wrong, note, run, table

BOUNDS = [0, 1, 2, 4, 10]


def samples(data, seq):
    return array.array("B" if seq.sample_bytes == 1 else "H", data)


def pack(seq, build, bound):
    """The archive's size and its largest error."""
    program, archive = os.path.join(build, "bin/pixelrain"), seq.path(".pxr")
    run(program, "pack", "-q", "-f", "--max-error", bound, seq.folder, "-o", archive)
    back = samples(run(program, "cat", archive, "--frames", f"0:{len(seq.files)}", "--format", "raw"), seq)
    with open(seq.raw, "rb") as f:
        source = samples(f.read(), seq)
    error = max(map(abs, map(int.__sub__, source, back)))
    if len(source) != len(back) or error > bound:
        raise Wrong(f"{seq.name}: off by {error}, not by {bound} at most")
    return os.path.getsize(archive), error


def bench_near(sequences, build):
    rows = {}
    for seq in sequences:
        shape = f"{seq.width}x{seq.height}x{used_bits(seq)}"
        row = rows[seq.name] = {"pixel_bytes": seq.pixel_bytes, "bounds": {}}
        for bound in BOUNDS:
            note(f"near: {seq.name}: {bound}")
            n_bytes, error = pack(seq, build, bound)
            peer = json.loads(run(os.path.join(build, "bin/pxr_peers"), "jpeg-ls", bound, shape, seq.raw))
            row["bounds"][bound] = {"bytes": n_bytes, "largest_error": error, "jpeg_ls_bytes": peer["bytes"]}
    return rows


def tell_near(rows):
    for title, cell in (
            ("Raw size / size by --max-error", lambda row, b: row["pixel_bytes"] / row["bounds"][b]["bytes"]),
            ("Size / size with JPEG-LS and the same bound",
             lambda row, b: row["bounds"][b]["bytes"] / row["bounds"][b]["jpeg_ls_bytes"])):
        print(f"{title}\n")
        table(["sequence", *(str(b) for b in BOUNDS)],
              [[name, *(f"{cell(row, b):.2f}" for b in BOUNDS)] for name, row in rows.items()])
