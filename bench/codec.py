# SPDX-License-Identifier: MIT
"""The codec benchmark: size and speed of one thread beside every peer of peers/peers.py."""
import array
import contextlib
import hashlib
import json
import math
import os
import re
import shlex
import subprocess
import time

from measure import Wrong, file_hash, note, one_core, run, table
from peers.peers import PEERS

MAX_PASSES, ENOUGH_S = 5, 0.5  # the best of up to five, while they are short: as pxr_peers does
FEW_LEVELS = {"seglabels8", "depth16", "still8", "mask8"}  # labels, holes, and what does not move
NOISE = {"noise8"}  # nothing can be won: no part of any mean


def best_of(action):
    """The least of the seconds that action returns."""
    seconds, start = [], time.monotonic()
    while not seconds or len(seconds) < MAX_PASSES and time.monotonic() - start < ENOUGH_S:
        seconds.append(action())
    return min(seconds)


def used_bits(seq):
    """What the largest sample needs: several peers gain from knowing it."""
    if seq.sample_bytes == 1:
        return 8
    with open(seq.raw, "rb") as f:
        return max(9, max(array.array("H", f.read())).bit_length())


# ---- ours -----------------------------------------------------------------------------------------

def presets(build):
    """Names and options of the presets that `pack` offers; the default one needs no option."""
    words = run(os.path.join(build, "bin/pixelrain"), "pack", "--help").decode()
    found = re.search(r"--preset\b.*?(?=\n +-|\Z)", words, re.DOTALL)
    offered = re.findall(r"\b(fast|max)\b", found.group()) if found else []
    return [("pixelrain", [])] + [(f"pixelrain {p}", ["--preset", p]) for p in ("fast", "max") if p in offered]


def code_by_us(seq, build, options):
    program, archive = os.path.join(build, "bin/pixelrain"), seq.path(".pxr")

    def pack():
        start = time.perf_counter()
        run(program, "pack", "-q", "-f", "-j", 1, *options, seq.folder, "-o", archive)
        return time.perf_counter() - start

    def decode():
        result = json.loads(run(os.path.join(build, "bin/pxr_bench_decode"), "-j", 1, "-r", 1, archive))
        return seq.pixel_bytes / result["decode_mb_s"] / 1e6

    encode_s, decode_s = best_of(pack), best_of(decode)
    back = run(program, "cat", archive, "--frames", f"0:{len(seq.files)}", "--format", "raw")
    if hashlib.sha1(back).hexdigest() != seq.raw_hash:
        raise Wrong(f"{seq.name}: pixelrain does not give back its source")
    n_bytes = os.path.getsize(archive)
    os.unlink(archive)
    return {"bytes": n_bytes, "encode_s": encode_s, "decode_s": decode_s}


# ---- peers ----------------------------------------------------------------------------------------

def available(build):
    """What peers can need and this machine has."""
    try:
        words = run("ffmpeg", "-hide_banner", "-encoders").decode()
        found = set(re.findall(r"^ V\S+ (\S+)", words, re.MULTILINE))
    except OSError:
        found = set()
    return found | set(run(os.path.join(build, "bin/pxr_peers"), "--list").decode().split()[0::2])


def package_version(package):
    """Of the installed Debian package, or nothing."""
    with contextlib.suppress(OSError, RuntimeError):
        return run("dpkg-query", "-W", "-f", "${Version}", package).decode()
    return ""


def ffmpeg_s(command, out):
    done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, check=False)
    words = done.stderr.decode(errors="replace")
    found = re.search(r"bench: .*rtime=([0-9.]+)s", words)
    if done.returncode or not found:
        raise RuntimeError(f"{shlex.join(command)}: exit {done.returncode}\n{words[-2000:]}")
    return max(float(found.group(1)), 0.001)


def code_by_peer(peer, seq, build, bits):
    coded = seq.path(".mkv")
    pix_fmt = next(f for most, f in ((8, "gray"), (10, "gray10le"), (12, "gray12le"), (16, "gray16le"))
                   if bits <= most)
    fields = {"raw": seq.raw, "coded": coded, "width": seq.width, "height": seq.height, "bits": bits,
              "pix_fmt": pix_fmt}
    encode, decode = (shlex.split(c.format(**fields)) for c in (peer.encode, peer.decode))
    if encode[0] == "pxr_peers":
        return json.loads(run(os.path.join(build, "bin", encode[0]), *encode[1:]))
    result = {"encode_s": best_of(lambda: ffmpeg_s(encode, subprocess.DEVNULL)),
              "decode_s": best_of(lambda: ffmpeg_s(decode, subprocess.DEVNULL)),
              "bytes": os.path.getsize(coded)}
    back = seq.path(".back")
    with open(back, "wb") as out:
        ffmpeg_s(decode, out)
    if file_hash(back) != seq.raw_hash:
        raise Wrong(f"{seq.name}: {peer.name} does not give back its source")
    os.unlink(back)
    os.unlink(coded)
    return result


# ---- measuring ------------------------------------------------------------------------------------

def group_of(seq):
    if seq.name in NOISE:
        return None
    if seq.name in FEW_LEVELS:
        return "few-level, static"
    return "simulated camera" if seq.simulation else f"natural {8 * seq.sample_bytes} bit"


def measure_sequence(seq, build, subjects):
    n_px, bits = seq.width * seq.height * len(seq.files), used_bits(seq)
    row = {"frames": len(seq.files), "width": seq.width, "height": seq.height, "used_bits": bits,
           "pixel_bytes": seq.pixel_bytes, "group": group_of(seq), "methods": {}}
    if seq.simulation:
        words = run(os.path.join(build, "bin/reelsim"), *seq.simulation, "--noise-bits")
        row["noise_bpp"] = float(words) or None
    for name, max_bits, code in subjects:
        if bits > max_bits:
            continue
        note(f"codec: {seq.name}: {name}")
        r = code(seq, bits)
        row["methods"][name] = {
            "bytes": r["bytes"], "bpp": r["bytes"] * 8 / n_px, "ratio": seq.pixel_bytes / r["bytes"],
            "encode_mb_s": seq.pixel_bytes / r["encode_s"] / 1e6,
            "decode_mb_s": seq.pixel_bytes / r["decode_s"] / 1e6}
    return row


def bench_codec(sequences, build, max_frames):
    has = available(build)
    ours = presets(build)
    subjects = [(name, 16, lambda seq, _bits, o=options: code_by_us(seq, build, o)) for name, options in ours]
    subjects += [(p.name, p.max_bits, lambda seq, bits, p=p: code_by_peer(p, seq, build, bits))
                 for p in PEERS if p.needs in has]
    with one_core():
        rows = {seq.name: measure_sequence(seq, build, subjects) for seq in sequences}
    return {"max_frames": max_frames, "ours": [name for name, _ in ours],
            "peers": {p.name: {**p._asdict(), "version": package_version(p.package), "is_missing": p.needs not in has}
                      for p in PEERS},
            "sequences": rows}


# ---- telling --------------------------------------------------------------------------------------

def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def groups(rows):
    """Names of the means and the sequences that belong to them."""
    found = {}
    for name, row in rows.items():
        if row["group"]:
            found.setdefault(row["group"], []).append(name)
    real = [n for n, row in rows.items() if "noise_bpp" not in row]
    every = [n for names in found.values() for n in names]
    return [*sorted(found.items()), ("all real", real), ("all", every)]


def tell_values(title, rows, names, value, digits, more=()):
    """A row per sequence, then one per group: its geometric mean where there is a value for each."""
    print(f"{title}\n")
    out = []
    values = {seq: [value(row, n) for n in names] for seq, row in rows.items()}
    for seq, cells in values.items():
        out.append([seq, *cells, *(f(rows[seq]) for _, f in more)])
    for group, members in groups(rows):
        columns = list(zip(*(values[m] for m in members)))
        means = [geometric_mean(c) if c and None not in c else None for c in columns]
        if columns:
            out.append([f"{group} ({len(members)})", *means, *(None for _ in more)])
    table(["", *names, *(title_ for title_, _ in more)],
          [[c if isinstance(c, str) else "-" if c is None else f"{c:.{digits}f}" for c in row] for row in out])


def method_value(key):
    return lambda row, name: row["methods"][name][key] if name in row["methods"] else None


def tell_beside(rows, ours, peers):
    """Ours divided by each peer, and by the smallest of each sequence."""
    def best(row):
        found = {n: row["methods"][n]["bpp"] for n in peers if n in row["methods"]}
        return min(found, key=found.get) if found else None

    def over(key, name):
        def value(row, _column):
            other = best(row) if name is None else name
            methods = row["methods"]
            return methods[ours][key] / methods[other][key] if other in methods else None
        return value

    columns = {"size / best": over("bpp", None)}
    for peer in ("ffv1", "ffv1 g100", "jpeg-ls", "jxl e7"):
        columns[f"/ {peer}"] = over("bpp", peer)
    for peer in ("ffv1", "jpeg-ls"):
        columns[f"decode x {peer}"] = over("decode_mb_s", peer)
    more = [("best peer", lambda row: best(row) or "-"),
            ("its bpp", lambda row: f"{row['methods'][best(row)]['bpp']:.3f}" if best(row) else "-")]
    tell_values(f"{ours} beside its peers: size (smaller is better), decoding speed (larger is better)", rows,
                list(columns), lambda row, column: columns[column](row, column), 3, more)


def tell_codec(results):
    rows, ours, peers = results["sequences"], results["ours"], results["peers"]
    print(f"At most the first {results['max_frames']} frames of each sequence, the same for everybody, one thread on "
          "one core.\nEverything was decoded and compared. -: cannot code so many bits, or is missing.\n"
          f"Behind the sequences stand geometric means, without {', '.join(sorted(NOISE))}.\n")
    print("Peers (Debian package; what is decoded for one frame; what was run: all of it is in bench/peers/peers.py)\n")
    for name, p in peers.items():
        shown = "missing, see ./dev deps --bench" if p["is_missing"] else re.sub(r"^.*(?=-c:v)", "ffmpeg ", p["encode"])
        print(f"  {name:<10} {p['package'] + ' ' + p['version']:<30} {p['reach']:<11} {shown}")
    print()
    names = ours + [name for name, p in peers.items() if not p["is_missing"]]
    bound = [("noise", lambda row: f"{row['noise_bpp']:.3f}" if row.get("noise_bpp") else "-")]
    tell_values("Bits per pixel (noise: the entropy of a simulation's noise, which nobody can beat)", rows, names,
                method_value("bpp"), 3, bound)
    tell_values("Raw size / stored size", rows, names, method_value("ratio"), 2)
    tell_values("Encoding, MB/s of raw samples (pixelrain: the whole command, from PGM files to an archive on disk)",
                rows, names, method_value("encode_mb_s"), 1)
    tell_values("Decoding, MB/s of raw samples", rows, names, method_value("decode_mb_s"), 1)
    for name in ours:
        tell_beside(rows, name, [n for n, p in peers.items() if not p["is_missing"]])
