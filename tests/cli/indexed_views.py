#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The files of dci and pce made anew from docs/format.md, dci.md and pce.md: an archive's view index, its frames as PGM, and
the files to compare, if there are any.  Prints the CRC-32 of all files, companions first.

    indexed_views.py dci|pce ARCHIVE PGM_FOLDER [FILES_FOLDER]
"""
import os
import re
import struct
import sys
import zlib


def view_index(data, wanted):
    """(params, entries): sections 11 and 12."""
    commit = data[len(data) - 232 + 48:]
    root_off, root_bytes = struct.unpack_from("<QI", commit, 128)
    root = data[root_off:root_off + root_bytes]
    n_tables = struct.unpack_from("<H", root, 2)[0]
    for i in range(root[45]):
        off, n_bytes, view, _, n_frames = struct.unpack_from("<QII8sQ", root, 80 + 32 * n_tables + 32 * i)
        if view == wanted:
            break
    else:
        sys.exit("there is no such index")
    page = data[off:off + n_bytes]
    count, entry_bytes, page_frames, params_bytes, zero = struct.unpack_from("<QIIII", page, 8)
    assert page[0] == 8 and (count, zero) == (n_frames, 0)
    first = 32 + params_bytes + -params_bytes % 8
    assert not any(page[32 + params_bytes:first])
    entries = []
    for k in range(-(-n_frames // page_frames)):
        at = struct.unpack_from("<Q", page, first + 16 * k)[0]
        n = min(page_frames, n_frames - k * page_frames)
        assert data[at] == 9 and struct.unpack_from("<HIQ", data, at + 2) == (n, 16 + n * entry_bytes, k * page_frames)
        entries += [data[at + 16 + i * entry_bytes:at + 16 + (i + 1) * entry_bytes] for i in range(n)]
    return page[32:32 + params_bytes], entries


def read_pgm(path):
    with open(path, "rb") as f:
        pgm = f.read()
    width, height, maxval = map(int, re.match(rb"P5\s(\d+) (\d+)\s(\d+)\s", pgm).groups())
    n = width * height
    if maxval > 255:
        return width, height, 16, list(struct.unpack(f">{n}H", pgm[-2 * n:]))
    return width, height, 8, list(pgm[-n:])


# ---- dci ---------------------------------------------------------------------------------------------


def dci_file(width, height, samples):
    parts = []

    def cut(x0, y0, x1, y1, depth):
        flat = [samples[y * width + x] for y in range(y0, y1) for x in range(x0, x1)]
        if min(flat) == max(flat):
            parts.append((y0, x0, depth, flat[0]))
        elif x1 - x0 > y1 - y0:
            middle = x0 + (x1 - x0) // 2
            cut(x0, y0, middle, y1, depth + 1)
            cut(middle, y0, x1, y1, depth + 1)
        else:
            middle = y0 + (y1 - y0) // 2
            cut(x0, y0, x1, middle, depth + 1)
            cut(x0, middle, x1, y1, depth + 1)

    cut(0, 0, width, height, 0)
    return struct.pack("<BBII", 2, 0, width, height) + b"".join(
        bytes([depth, v, v, v]) for _, _, depth, v in sorted(parts))


# ---- pce ---------------------------------------------------------------------------------------------


def number(v):
    p = (v + 2).bit_length() - 2
    return "1" * p + "0" + format(v + 2 - (2 << p), f"0{p + 1}b")


def pce_stream(width, height, symbols, ranks):
    """ranks: of each number in the table, or None: alone."""
    def value(v):
        return number(v if ranks is None else ranks[v])

    n = width * height
    bits = format(height, "08b") + format(width, "08b") + "0" + format(symbols[0], "02b")
    others = [(symbols.index(c) if c in symbols else n, c) for c in range(4) if c != symbols[0]]
    bits += "".join(format(c, "02b") + value(at) for at, c in sorted(others))
    at = 0
    while True:
        end = at
        while end < n and symbols[end] == symbols[at]:
            end += 1
        if end == n:
            break
        following = next((i for i in range(end, n) if symbols[i] == symbols[at]), n)
        bits += value(following - end)
        at = end
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def palette(params, bits):
    """{level: symbol} and the text of palette.txt, or None."""
    n, levels = params[0], struct.unpack("<4H", params[4:12])
    assert 1 <= n <= 4 and params[1:4] == b"\0\0\0" and not any(levels[n:])
    levels = levels[:n]
    assert list(levels) == sorted(set(levels), reverse=True)
    unit = 85 if bits == 8 else 85 * 257
    if all(v % unit == 0 for v in levels):
        symbols = [3 - v // unit for v in levels]
    else:
        symbols = list(range(n))
        if n > 1:
            symbols[-1] = 3
    text = None
    if bits != 8 or any(v % 85 for v in levels):
        text = f"bits {bits}\n" + "".join(f"{s} {v}\n" for s, v in zip(symbols, levels))
    return dict(zip(levels, symbols)), text


def table(params, width, height):
    """All numbers by rank, and the file."""
    largest = min(width, 255) * min(height, 255)
    n_single, rest = params[12], params[13:]
    single = list(rest[:n_single])
    double = list(struct.unpack(f">{(len(rest) - n_single) // 2}H", rest[n_single:]))
    assert all(1 <= v <= 255 for v in single) and all(255 < v <= largest for v in double)
    single += [v for v in range(1, min(largest, 255) + 1) if v not in set(single)]
    double += [v for v in range(256, largest + 1) if v not in set(double)]
    assert len(set(single + double)) == len(single + double) == largest
    data = bytes([len(single)]) + bytes(single) + struct.pack(f">{len(double)}H", *double)
    assert len(data) == 1 + min(largest, 255) + 2 * max(0, largest - 255)
    return {v: i for i, v in enumerate(single + double)}, data


def pce_files(name, width, height, samples, symbol_of, ranks):
    for y in range(0, height, 255):
        for x in range(0, width, 255):
            w, h = min(255, width - x), min(255, height - y)
            symbols = [symbol_of[samples[(y + j) * width + x + i]] for j in range(h) for i in range(w)]
            file = f"{name}.{y // 255}.{x // 255}.pceb" if ranks else f"{name}.pce"
            yield file, pce_stream(w, h, symbols, ranks)


def main():
    view, archive, pgms = sys.argv[1:4]
    folder = sys.argv[4] if len(sys.argv) > 4 else None
    with open(archive, "rb") as f:
        params, entries = view_index(f.read(), {"dci": 2, "pce": 3}[view])
    names = sorted(n[:-4] for n in os.listdir(pgms))
    assert len(names) == len(entries), (len(names), len(entries))
    files, ranks, symbol_of = {}, None, None
    if view == "pce":
        width, height, bits, _ = read_pgm(f"{pgms}/{names[0]}.pgm")
        symbol_of, text = palette(params, bits)
        if width > 255 or height > 255:
            ranks, files["table.pcet"] = table(params, width, height)
        else:
            assert len(params) == 12
        if text:
            files["palette.txt"] = text.encode()
    for name, entry in zip(names, entries):
        width, height, bits, samples = read_pgm(f"{pgms}/{name}.pgm")
        own = dict(pce_files(name, width, height, samples, symbol_of, ranks)) if view == "pce" else {
            f"{name}.dci": dci_file(width, height, samples)}
        assert entry == b"".join(struct.pack("<I", len(data)) for data in own.values()), f"{name}: entry"
        files.update(own)
    crc = 0
    for name, data in files.items():
        crc = zlib.crc32(data, crc)
        if folder and (view == "dci" or name.endswith((".pce", ".pceb")) or os.path.exists(f"{folder}/{name}")):
            with open(f"{folder}/{name}", "rb") as f:
                assert f.read() == data, f"{name}: other bytes"
    print(f"INDEXED {view}: {len(files)} files as the document says, {crc:#010x}")


main()
