# SPDX-License-Identifier: MIT
"""What blocks would take that are divided and ordered in other ways: figures for docs/design.md.

Each is given more than a real codec has: the length that ideal adaptive coding of each of its contexts would reach, no headers, and
the best of several divisions or predictions for each sequence.  32 frames of each sequence are looked at, of these a part of at most
160 x 160 samples, which is also packed; sizes of the archive are those of whole files.
"""
import itertools
import json
import math
import os

import numpy

from measure import note, run, table
from near import BOUNDS
from sequences import real, simulated
from still import n_levels, sprites

N_FRAMES, SIDE, CUBE = 32, 160, 32
CODECS = ["auto", "predict", "match", "zstd"]


def cost_bits(symbols, contexts):
    """Of adaptive coding: the entropy in each context, and half a logarithm for each symbol that it has to learn."""
    symbols, contexts = symbols.ravel().astype(numpy.int64), contexts.ravel().astype(numpy.int64)
    if not symbols.size:
        return 0.0
    symbols = symbols - symbols.min()
    pairs, counts = numpy.unique(contexts * (symbols.max() + 1) + symbols, return_counts=True)
    _, which = numpy.unique(pairs // (symbols.max() + 1), return_inverse=True)
    totals = numpy.bincount(which, counts)
    return float((counts * (numpy.log2(totals)[which] - numpy.log2(counts))).sum() +
                 0.5 * numpy.log2(totals[which]).sum())


def residual_bits(residuals, contexts):
    """Tokens of magnitudes, as predict has them for deep samples, and raw bits."""
    z = numpy.where(residuals < 0, -2 * residuals - 1, 2 * residuals)
    e = numpy.maximum(numpy.floor(numpy.log2(numpy.maximum(z, 1))).astype(int), 4)
    raw = numpy.where(z < 16, 0, e - 2)
    tokens = numpy.where(z < 16, z, 16 + (e - 4) * 4 + (z >> numpy.maximum(e - 2, 0) & 3))
    return cost_bits(tokens, contexts) + float(raw.sum())


def activity(*differences):
    """A context: 16 levels of how much goes on."""
    total = sum(numpy.abs(d) for d in differences)
    return numpy.minimum((2 * numpy.log2(1 + total)).astype(int), 15)


def shifted(a, t, y, x):
    """a(t - t0, y - y0, x - x0), zeros outside."""
    padded = numpy.pad(a, ((max(t, 0), max(-t, 0)), (max(y, 0), max(-y, 0)), (max(x, 0), max(-x, 0))))
    n, h, w = a.shape
    return padded[max(-t, 0):, max(-y, 0):, max(-x, 0):][:n, :h, :w]


# ---- the dichotomy on three axes --------------------------------------------------------------------

def dichotomy_bytes(a, bound, order):
    """Boxes are halved, the axes in turn (order: from the smallest box up), until their samples differ by at most twice the bound.
    Flags see their three neighbours and their parent's; values see the samples before, above and to the left of a box's first one."""
    n, h, w = a.shape
    a = numpy.pad(a, ((0, -n % CUBE), (0, -h % CUBE), (0, -w % CUBE)), mode="edge").astype(numpy.int32)
    least, most, bits = a, a, 0.0
    levels = []  # least, most, box
    box = [1, 1, 1]
    levels.append((least, most, tuple(box)))
    for axis in itertools.islice(itertools.cycle(order), 3 * int(math.log2(CUBE))):
        even = [slice(None)] * 3
        odd = [slice(None)] * 3
        even[axis], odd[axis] = slice(0, None, 2), slice(1, None, 2)
        least = numpy.minimum(least[tuple(even)], least[tuple(odd)])
        most = numpy.maximum(most[tuple(even)], most[tuple(odd)])
        box[axis] *= 2
        levels.append((least, most, tuple(box)))
    whole = [m - l <= 2 * bound for l, m, _ in levels]
    value = a.copy()
    is_leaf_sample = numpy.zeros(a.shape, bool)
    level_of = numpy.zeros(a.shape, numpy.int8)
    inside = numpy.zeros(levels[-1][0].shape, bool)  # of a leaf already
    for k in range(len(levels) - 1, -1, -1):
        low, high, (bt, by, bx) = levels[k]
        if k + 1 < len(levels):
            up = [c // p for c, p in zip(low.shape, levels[k + 1][0].shape)]
            inside = (inside | whole[k + 1]).repeat(up[0], 0).repeat(up[1], 1).repeat(up[2], 2)
        asked = ~inside
        if k:  # single samples need no flag
            near = sum(shifted(whole[k].astype(int), *d) for d in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
            same = [shifted(whole[k].astype(int), *d) for d in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
            context = near * 8 + same[0] * 4 + same[1] * 2 + same[2]
            bits += cost_bits(whole[k][asked], context[asked])
        leaf = asked & whole[k]
        middle = (low + high) // 2
        big = [numpy.repeat(numpy.repeat(numpy.repeat(v, bt, 0), by, 1), bx, 2) for v in (leaf, middle)]
        value = numpy.where(big[0], big[1], value)
        first = numpy.zeros(a.shape, bool)
        first[::bt, ::by, ::bx] = leaf
        is_leaf_sample |= first
        level_of[first] = k
    assert numpy.abs(value - a).max() <= bound
    before, above, left = (shifted(value, *d) for d in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    corners = [shifted(value, *d) for d in ((0, 1, 1), (1, 1, 0), (1, 0, 1))]
    predictions = [before, left, (left + above) // 2, left + above - corners[0], before + left - corners[2],
                   before + ((left - corners[2]) + (above - corners[1])) // 2]
    around = activity(left - above, left - corners[0], above - corners[0], before - corners[1], before - corners[2])
    context = (around * 16 + level_of)[is_leaf_sample]
    return (bits + min(residual_bits((value - p)[is_leaf_sample], context) for p in predictions)) / 8


# ---- Pixel Stream order -----------------------------------------------------------------------------

def fitted_bits(target, taps):
    """Residuals of least squares over the taps, in contexts of how much these differ."""
    x = numpy.stack([t.ravel() for t in taps] + [numpy.ones(target.size)], 1).astype(numpy.float64)
    y = target.ravel().astype(numpy.float64)
    weights = numpy.linalg.lstsq(x.T @ x + 1e-3 * numpy.eye(x.shape[1]), x.T @ y, rcond=None)[0]
    residuals = (y - numpy.rint(x @ weights)).astype(numpy.int64)
    mean = x[:, :-1].mean(1)
    return residual_bits(residuals, activity(*(2 * (x[:, i] - mean) for i in range(x.shape[1] - 1))))


def clamped(a, y, x):
    """a(t, y - y0, x - x0), the edge where that is outside."""
    h, w = a.shape[1:]
    return a[:, numpy.clip(numpy.arange(h) - y, 0, h - 1)][:, :, numpy.clip(numpy.arange(w) - x, 0, w - 1)]


def raster_bytes(a):
    old = a[:-1]
    taps = [clamped(a, y, x)[1:] for y, x in ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))]
    taps += [clamped(old, y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return fitted_bits(a[1:], taps) / 8


def stream_bytes(a):
    """Lattices of distance 8, 4, 2, 1; each step first the centres of squares, then the middles of their sides.  What a lattice
    has of each frame is predicted by coarser ones around it and by the whole of the lattice's samples of the frame before."""
    old, bits, sums = a[:-1], 0.0, []
    now = a[1:]
    for step in (8, 4, 2, 1):
        d = step
        around_old = [clamped(old, y * d, x * d) for y in (-1, 0, 1) for x in (-1, 0, 1)]

        def part(y0, x0, places, d=d, around_old=around_old):
            pick = (slice(None), slice(y0, None, 2 * d if places else d), slice(x0, None, 2 * d if places else d))
            taps = [clamped(now, -y * d, -x * d)[pick] for y, x in places]
            if not places:
                taps = [clamped(now, y, x)[pick] for y, x in ((0, d), (d, 0), (d, d), (d, -d))]
            return fitted_bits(now[pick], taps + [t[pick] for t in around_old])

        if step == 8:
            bits += part(0, 0, ())
        else:
            bits += part(d, d, ((-1, -1), (-1, 1), (1, -1), (1, 1)))
            bits += part(d, 0, ((-1, 0), (1, 0), (0, 1), (0, -1)))
            bits += part(0, d, ((0, -1), (0, 1), (1, 0), (-1, 0)))
        sums.append(bits / 8)
    return sums


# ---- measuring --------------------------------------------------------------------------------------

def load(seq):
    """The part; it is a raw file as well."""
    samples = numpy.fromfile(seq.raw, "u1" if seq.sample_bytes == 1 else "<u2", N_FRAMES * seq.width * seq.height)
    y, x = (max(0, n - SIDE) // 2 for n in (seq.height, seq.width))
    a = samples.reshape(-1, seq.height, seq.width)[:, y:y + SIDE, x:x + SIDE]
    a.tofile(seq.path(".part"))
    return a.astype(numpy.int32)


def shape_of(a, seq):
    return f"{a.shape[2]}x{a.shape[1]}x{8 * seq.sample_bytes}"


def pack_bytes(seq, a, build, *options):
    archive = seq.path(".pxr")
    run(os.path.join(build, "bin/pixelrain"), "pack", "-q", "-f", *options, "--raw",
        shape_of(a, seq), seq.path(".part"), "-o", archive)
    return os.path.getsize(archive)


def measure(seq, build):
    a = load(seq)
    orders = [(2, 1, 0), (0, 2, 1)]
    row = {"pixel_bytes": a.size * seq.sample_bytes}
    note(f"blocks: {seq.name}: archive")
    row["archive"] = {c: pack_bytes(seq, a, build, "--codec", c) for c in CODECS}
    row["near"] = {b: pack_bytes(seq, a, build, "--max-error", b) for b in BOUNDS[1:]}
    note(f"blocks: {seq.name}: dichotomy")
    row["dichotomy"] = {b: min(dichotomy_bytes(a, b, o) for o in orders) for b in BOUNDS}
    if seq.sample_bytes == 1 and n_levels(seq) <= 4:
        peer = json.loads(run(os.path.join(build, "bin/pxr_peers"), "pce", 1, shape_of(a, seq), seq.path(".part")))
        row["countdown"] = peer["bytes"]
    if len(a) > 1:
        note(f"blocks: {seq.name}: orders")
        row["raster"], row["stream"] = raster_bytes(a), stream_bytes(a)
    return row


def bench_blocks(build, work, data, wanted):
    made = simulated(build, work, N_FRAMES, [n for n in ("reel8", "mask8") if not wanted or n in wanted] or ["-"])
    few = sprites(work) if not wanted or "sprites" in wanted else ()
    there = real(data, work, wanted, N_FRAMES) if os.path.isdir(data) else ()
    return {seq.name: measure(seq, build) for seq in itertools.chain(there, made, few)}


def tell_blocks(rows):
    def cell(value, whole):
        return "-" if value is None else f"{value / whole:.2f}"
    print(f"Bytes, divided by those of the archive (codec auto) of {N_FRAMES} frames\n")
    table(["sequence", *CODECS[1:], "dichotomy", "countdown"],
          [[name, *(cell(row["archive"][c], row["archive"]["auto"]) for c in CODECS[1:]),
            cell(row["dichotomy"][0], row["archive"]["auto"]), cell(row.get("countdown"), row["archive"]["auto"])]
           for name, row in rows.items()])
    print("The dichotomy with a bound, divided by the near-lossless archive of this bound\n")
    table(["sequence", *(str(b) for b in BOUNDS[1:])],
          [[name, *(cell(row["dichotomy"][b], row["near"][b]) for b in BOUNDS[1:])] for name, row in rows.items()])
    print("Pixel Stream order, divided by the order of rows (both fitted over the same number of taps); and what of it the\n"
          "pictures of 1/64, 1/16 and 1/4 of the samples need\n")
    table(["sequence", "stream / rows", "1/64", "1/16", "1/4"],
          [[name, cell(row["stream"][-1], row["raster"]), *(cell(s, row["stream"][-1]) for s in row["stream"][:-1])]
           for name, row in rows.items() if "stream" in row])
