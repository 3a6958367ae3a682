#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Draw a contact sheet of a mounted archive: small copies of its frames in one PNG.

    pixelrain mount reel.pxr mnt
    contact_sheet.py mnt/pgm sheet.png --frames 24 --columns 6 --shrink 4

A mounted frame is a file.  So this needs no library of ours and nothing but Python: it lists a folder,
opens PGM files, and averages squares of --shrink pixels."""
import argparse
import os
import struct
import zlib

GAP = 4  # pixels between the pictures
GROUND = 255  # what is between them


def read_pgm(path):
    """Width, height, largest value and samples of a binary PGM file."""
    with open(path, "rb") as f:
        data = f.read()
    magic, size, maxval, samples = data.split(b"\n", 3)
    if magic != b"P5":
        raise SystemExit(f"{path} is no binary PGM file")
    width, height = map(int, size.split())
    if int(maxval) > 255:  # two bytes a sample, big endian
        samples = struct.unpack(f">{width * height}H", samples)
    return width, height, int(maxval), samples


def shrink(path, n):
    """Rows of bytes: the frame, n times smaller in each direction."""
    width, height, maxval, samples = read_pgm(path)
    rows = []
    for y in range(0, height - n + 1, n):
        sums = [0] * (width // n)
        for line in range(y, y + n):
            row = samples[line * width:line * width + width // n * n]
            for x in range(n):
                sums = [a + b for a, b in zip(sums, row[x::n])]
        rows.append(bytes(255 * s // (maxval * n * n) for s in sums))
    return rows


def write_png(path, rows):
    """rows: bytes of equal length, 8-bit gray."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)))
        f.write(chunk(b"IDAT", zlib.compress(b"".join(b"\x00" + row for row in rows), 9)) + chunk(b"IEND", b""))


def sheet(pictures, columns):
    """One picture of many of equal size."""
    blank = [bytes([GROUND]) * len(pictures[0][0])] * len(pictures[0])
    pictures += [blank] * (-len(pictures) % columns)
    gap = bytes([GROUND]) * GAP
    width = columns * (len(blank[0]) + GAP) + GAP
    rows = [bytes([GROUND]) * width] * GAP
    for first in range(0, len(pictures), columns):
        for lines in zip(*pictures[first:first + columns]):
            rows.append(gap + gap.join(lines) + gap)
        rows += [bytes([GROUND]) * width] * GAP
    return rows


def main():
    options = argparse.ArgumentParser(description="A contact sheet of a folder of PGM files.")
    options.add_argument("folder")
    options.add_argument("output")
    options.add_argument("--frames", type=int, default=24, help="how many, evenly spread (24)")
    options.add_argument("--columns", type=int, default=6)
    options.add_argument("--shrink", type=int, default=4, help="n: n x n pixels become one (4)")
    o = options.parse_args()
    names = sorted(os.listdir(o.folder))
    n = min(o.frames, len(names))
    chosen = [names[i * len(names) // n] for i in range(n)]
    write_png(o.output, sheet([shrink(os.path.join(o.folder, name), o.shrink) for name in chosen], o.columns))


if __name__ == "__main__":
    main()
