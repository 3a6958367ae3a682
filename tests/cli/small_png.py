#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""png-small made anew from docs/format.md: an archive's view index, its frames as PGM, and the files to compare.

    small_png.py ARCHIVE PGM_FOLDER PNG_FOLDER
"""
import os
import re
import struct
import sys
import zlib


def view_index(data):
    """(code lengths, entries) of png-small: sections 11 and 12."""
    commit = data[len(data) - 232 + 48:]
    root_off, root_bytes = struct.unpack_from("<QI", commit, 128)
    root = data[root_off:root_off + root_bytes]
    n_tables, n_indexes = struct.unpack_from("<H", root, 2)[0], root[45]
    assert root_bytes == 80 + 32 * n_tables + 32 * n_indexes
    for i in range(n_indexes):
        off, n_bytes, view, _, n_frames = struct.unpack_from("<QII8sQ", root, 80 + 32 * n_tables + 32 * i)
        if view == 1:
            break
    else:
        sys.exit("there is no index of png-small")
    page = data[off:off + n_bytes]
    count, entry_bytes, page_frames, params_bytes, zero = struct.unpack_from("<QIIII", page, 8)
    assert page[0] == 8 and (count, params_bytes, zero) == (n_frames, 257, 0)
    entries = []
    for k in range(-(-n_frames // page_frames)):
        at = struct.unpack_from("<Q", page, 32 + 264 + 16 * k)[0]
        n = min(page_frames, n_frames - k * page_frames)
        assert data[at] == 9 and struct.unpack_from("<HIQ", data, at + 2) == (n, 16 + n * entry_bytes, k * page_frames)
        entries += [data[at + 16 + i * entry_bytes:at + 16 + (i + 1) * entry_bytes] for i in range(n)]
    return list(page[32:32 + 257]), entries


def canonical(lengths):
    """The code of each symbol as text, first bit first: RFC 1951, 3.2.2."""
    codes, code = [""] * len(lengths), 0
    for n in range(1, 16):
        code <<= 1
        for symbol, length in enumerate(lengths):
            if length == n:
                codes[symbol] = format(code, f"0{n}b")
                code += 1
    return codes


def low_first(value, n):
    return format(value, f"0{n}b")[::-1]


def packed(bits):
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8][::-1], 2) for i in range(0, len(bits), 8))


def band_data(stream, lengths, codes, is_last):
    head = low_first(is_last, 1) + low_first(2, 2) + low_first(0, 5) + low_first(1, 5) + low_first(15, 4)
    head += "".join(low_first(0 if i < 3 else 4, 3) for i in range(19))
    head += "".join(format(n, "04b") for n in lengths + [1, 1])
    bits = head + "".join(codes[b] for b in stream) + codes[256]
    return packed(bits) if is_last else packed(bits + "000") + b"\0\0\xff\xff"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def small_png(path, lengths, codes, entry):
    with open(path, "rb") as f:
        pgm = f.read()
    width, height, maxval = map(int, re.match(rb"P5\s(\d+) (\d+)\s(\d+)\s", pgm).groups())
    size = 2 if maxval > 255 else 1
    samples = pgm[len(pgm) - width * height * size:]
    rows = [samples[y * width * size:(y + 1) * width * size] for y in range(height)]
    band_rows = max(1, 131072 // (1 + width * size))
    streams = []
    for first in range(0, height, band_rows):
        stream = bytearray()
        for y in range(first, min(height, first + band_rows)):
            other = bytes(size) + rows[y][:-size] if y == first else rows[y - 1]
            stream.append(1 if y == first else 2)
            stream += bytes((a - b) & 255 for a, b in zip(rows[y], other))
        streams.append(bytes(stream))
    bands = [band_data(s, lengths, codes, k + 1 == len(streams)) for k, s in enumerate(streams)]
    adler = zlib.adler32(b"".join(streams))
    assert entry == struct.pack(f"<{1 + len(bands)}I", adler, *map(len, bands)), f"{path}: entry"
    data = [b"\x78\x01" + bands[0], *bands[1:], struct.pack(">I", adler)]
    assert zlib.decompress(b"".join(data)) == b"".join(streams), f"{path}: not a zlib stream of its rows"
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * size, 0, 0, 0, 0)) +
            b"".join(chunk(b"IDAT", d) for d in data) + chunk(b"IEND", b""))


def main():
    archive, pgms, pngs = sys.argv[1:]
    with open(archive, "rb") as f:
        lengths, entries = view_index(f.read())
    assert sum(1 << (12 - n) for n in lengths) == 1 << 12 and 1 <= min(lengths) and max(lengths) <= 12
    codes = canonical(lengths)
    names = sorted(os.listdir(pgms))
    assert len(names) == len(entries), (len(names), len(entries))
    for name, entry in zip(names, entries):
        with open(f"{pngs}/{name[:-4]}.png", "rb") as f:
            assert f.read() == small_png(f"{pgms}/{name}", lengths, codes, entry), f"{name}: other bytes"
    print(f"SMALL {len(names)} files as the document says")


main()
