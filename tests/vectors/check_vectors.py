#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The still codecs against files of the programs that they follow: MANIFEST.json says what must come of each.

    check_vectors.py DRIVER [SYSTEM...]

Every file named there is compared with its length and SHA-256 first.  Then each vector is decoded to the exact
pixels, and encoded to the exact bytes, by the program DRIVER (vector_driver.c), one process each.  What stands in
bad/ must be refused, in one second of processor time and 256 MiB at most.
"""
import collections
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MAX_SECONDS, MAX_RSS_KIB = 1.0, 256 << 10
REFUSED = (1, 4, 5)  # damaged, unsupported, beyond a limit


class Failure(Exception):
    pass


def strict_json(path):
    def unique(pairs):
        keys = [k for k, _ in pairs]
        if len(set(keys)) != len(keys):
            raise Failure(f"{path}: a key stands twice: {keys}")
        return dict(pairs)
    with open(path, encoding="utf-8") as f:
        return json.load(f, object_pairs_hook=unique)


def at(name):
    return os.path.join(HERE, name)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def named_files(entry):
    """Every {file, bytes, sha256} within an entry."""
    if isinstance(entry, dict):
        if "file" in entry and "sha256" in entry:
            yield entry
        for value in entry.values():
            yield from named_files(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from named_files(value)


def check_files(entry):
    for f in named_files(entry):
        data = read(at(f["file"]))
        if len(data) != f["bytes"] or hashlib.sha256(data).hexdigest() != f["sha256"]:
            raise Failure(f"{f['file']} is not the file that the manifest describes")


class Driver:
    def __init__(self, path, scratch):
        self.path, self.scratch = path, scratch

    def run(self, *args):
        """Exit code, standard output and error, processor seconds, KiB at most."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            p = subprocess.Popen([self.path, *map(str, args)], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            try:
                # Looking on from outside: memory limits do not go with the address sanitizer.
                _, status, usage = os.wait4(p.pid, 0)
            except BaseException:
                p.kill()
                raise
            p.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            return (p.returncode, out.read().decode(), err.read().decode(errors="replace"),
                    usage.ru_utime + usage.ru_stime, usage.ru_maxrss)

    def ok(self, *args):
        code, out, err, _, _ = self.run(*args)
        if code or err:
            raise Failure(f"exit {code} of {' '.join(map(str, args))}: {err.strip()}")
        return out

    def refuses(self, *args):
        code, _, err, seconds, kib = self.run(*args)
        if code not in REFUSED:
            raise Failure(f"not refused: exit {code} of {' '.join(map(str, args))}: {err.strip()}")
        if not err.strip() or "Sanitizer" in err or "runtime error" in err:
            raise Failure(f"refused without a proper message: {err.strip()}")
        if seconds > MAX_SECONDS or kib > MAX_RSS_KIB:
            raise Failure(f"refused, but it took {seconds:.1f} s and {kib} KiB")

    def result(self, name):
        return os.path.join(self.scratch, name)


def equal(found, expected):
    if read(found) != read(at(expected)):
        raise Failure(f"differs from {expected}")


def as_list(value):
    return value if isinstance(value, list) else [value]


# ---- PXS -----------------------------------------------------------------------------------------

def pxs_decode(d, v, layout, mode):
    out = d.result("pxs")
    printed = d.ok("pxs", "decode", layout, v["params"]["order"], mode, at(v["encoded"]["file"]), out)
    expected = as_list(v["decoded"])
    if len(printed.splitlines()) != len(expected):
        raise Failure(f"{len(expected)} frames expected: {printed}")
    for i, picture in enumerate(expected):
        equal(f"{out}.{i}.ppm", picture["file"])
    return printed


def run_pxs(d, v):
    kind, p = v["version"].split(" ")[0], v.get("params", {})
    if kind == "coordinate":
        d.ok("pxs", "order", p["order"], p["V"], d.result("tab"))
        equal(d.result("tab"), v["encoded"]["file"])
        return
    if kind == "legacy24-progressive":
        printed = pxs_decode(d, v, "auto", "progressive")
        if printed != f"missing {p['width'] * p['height'] - p['pixels']}\n":
            raise Failure(f"says: {printed}")
        d.refuses("pxs", "decode", "auto", p["order"], "strict", at(v["encoded"]["file"]), d.result("cut"))
        return
    for layout in [kind] if kind.startswith("headerless") else [kind, "auto"]:
        for mode in "strict", "progressive":
            printed = pxs_decode(d, v, layout, mode)
            if set(printed.split()) != {"missing", "0"}:
                raise Failure(f"says: {printed}")
    inputs = [at(i["file"]) for i in as_list(v["input"])]
    d.ok("pxs", "encode", kind, p["order"], d.result("encoded"), *inputs)
    equal(d.result("encoded"), v["encoded"]["file"])


def refuse_pxs(d, v):
    d.refuses("pxs", "decode", "auto", "A", "strict", at(v["encoded"]["file"]), d.result("bad"))


# ---- DCI -----------------------------------------------------------------------------------------

def run_dci(d, v):
    kind = v["version"]
    with_gray = read(at(v["decoded"]["file"])).split(b"\n255\n", 1)[1]
    is_gray = with_gray[0::3] == with_gray[1::3] == with_gray[2::3]
    for layout in kind, "auto":
        printed = d.ok("dci", "decode", layout, at(v["encoded"]["file"]), d.result("dci.ppm"))
        equal(d.result("dci.ppm"), v["decoded"]["file"])
        if printed.split() != [kind.removesuffix("-proposal"), "gray" if is_gray else "colour"]:
            raise Failure(f"says: {printed}")
    d.ok("dci", "encode", kind, v["params"]["threshold"], d.result("dci"), at(v["input"]["file"]))
    equal(d.result("dci"), v["encoded"]["file"])


def refuse_dci(d, v):
    d.refuses("dci", "decode", "auto", at(v["encoded"]["file"]), d.result("bad"))


# ---- PCE -----------------------------------------------------------------------------------------

def pce_both_ways(d, table, picture, pixels, encoded):
    printed = d.ok("pce", "decode", table, at(encoded), d.result("px"))
    equal(d.result("px"), pixels)
    if printed.split() != [str(picture["width"]), str(picture["height"]), ["opaque", "alpha"][picture["hasAlpha"]]]:
        raise Failure(f"says: {printed}")
    d.ok("pce", "encode", table, picture["width"], picture["height"], at(pixels), d.result("pce"))
    equal(d.result("pce"), encoded)


def run_pce(d, v):
    if v["version"] == "solo":
        pce_both_ways(d, "-", v["params"], v["input"]["file"], v["encoded"]["file"])
    elif v["version"] == "batch":
        sprites = [x for i in v["images"] for x in (i["width"], i["height"], at(i["input"]))]
        d.ok("pce", "table", d.result("pcet"), *sprites)
        equal(d.result("pcet"), v["table"]["file"])
        for i in v["images"]:
            pce_both_ways(d, at(v["table"]["file"]), i, i["input"], i["encoded"]["file"])
    elif d.ok("pce", "numbers", *v["table"]).split() != list(v["table"].values()):
        raise Failure("numbers have other codes")


def refuse_pce(d, v):
    table = at(v["table"]["file"]) if "table" in v else "-"
    d.refuses("pce", "decode", table, at(v["encoded"]["file"]), d.result("bad"))


# ---- VCBN ----------------------------------------------------------------------------------------

def run_vcbn(d, v):
    p, encoded = v["params"], v["encoded"]["file"]
    dialect = {"VCBN v1": "vcbn", "CBIN v1": "cbin", "IMPK v1": "impk"}.get(v["version"], "head")
    height, width = p["shape"]
    printed = d.ok("vcbn", "decode", at(encoded), d.result("raw"))
    equal(d.result("raw"), v["decoded"]["file"])
    container = v.get("decoded_dtype", p["dtype"])
    if printed.split() != [dialect, p["dtype"], container, str(width), str(height)]:
        raise Failure(f"says: {printed}")
    bits = 0 if p["dtype"].startswith("float") else p.get("bits", 0)
    d.ok("vcbn", "encode", dialect, p["dtype"], bits, repr(p["vmin"]), repr(p["vmax"]), p.get("endianness", "LE"),
         p["in_dtype"], width, height, at(v["input"]["file"]), d.result("env"))
    equal(d.result("env"), encoded)


def refuse_vcbn(d, v):
    d.refuses("vcbn", "decode", at(v["encoded"]["file"]), d.result("bad"))


# Two functions each: what a vector must do, and how a bad one is tried.
SYSTEMS = {
    "pxs": (run_pxs, refuse_pxs),
    "dci": (run_dci, refuse_dci),
    "pce": (run_pce, refuse_pce),
    "vcbn": (run_vcbn, refuse_vcbn),
}


def main():
    if len(sys.argv) < 2 or set(sys.argv[2:]) - set(SYSTEMS):
        print(__doc__, file=sys.stderr)
        return 2
    wanted = sys.argv[2:] or list(SYSTEMS)
    counts, failures = collections.Counter(), []
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as scratch:
        driver = Driver(sys.argv[1], scratch)
        for v in strict_json(at("MANIFEST.json"))["vectors"]:
            if v["system"] not in wanted:
                continue
            is_bad = v["version"] == "bad"
            try:
                check_files(v)
                SYSTEMS[v["system"]][is_bad](driver, v)
                counts[v["system"] + (" refused" if is_bad else "")] += 1
            except (Failure, OSError) as e:
                failures.append(f"{v['id']}: {e}")
    for line in failures:
        print(line, file=sys.stderr)
    print("VECTORS", ", ".join(f"{k} {n}" for k, n in sorted(counts.items())), f"failed {len(failures)}")
    return 1 if failures or not counts else 0


if __name__ == "__main__":
    sys.exit(main())
