#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""convert between NPY and VCBN, for every envelope of the vectors, with NumPy as the judge of the arrays.

    convert_arrays.py PIXELRAIN FOLDER_OF_VECTORS
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("convert_arrays: numpy is missing")
    sys.exit(77)

DIALECTS = {"VCBN v1": "vcbn", "CBIN v1": "cbin", "IMPK v1": "impk"}


def main():
    program, vectors = sys.argv[1:]
    n, failures = 0, []

    def read(path):
        with open(path, "rb") as f:
            return f.read()

    def convert(*args):
        done = subprocess.run([program, "convert", "-f", *args], capture_output=True, text=True, check=False)
        if done.returncode or done.stderr:
            failures.append(f"{' '.join(args)}: exit {done.returncode}: {done.stderr}")

    with open(os.path.join(vectors, "MANIFEST.json"), encoding="utf-8") as f:
        entries = [v for v in json.load(f)["vectors"] if v["system"] == "vcbn" and v["version"] != "bad"]
    with tempfile.TemporaryDirectory() as scratch:
        npy, envelope = os.path.join(scratch, "a.npy"), os.path.join(scratch, "a.vcbn")
        for v in entries[::3]:  # each takes two processes
            p, encoded = v["params"], os.path.join(vectors, v["encoded"]["file"])
            convert(encoded, npy)
            array = np.load(npy)
            if array.tobytes() != read(os.path.join(vectors, v["decoded"]["file"])) or list(array.shape) != p["shape"]:
                failures.append(f"{v['id']}: decodes to another array")
            numbers = np.frombuffer(read(os.path.join(vectors, v["input"]["file"])), dtype=p["in_dtype"])
            np.save(npy, numbers.reshape(p["shape"]).astype(numbers.dtype.newbyteorder(">" if n % 2 else "<")))
            bits = ["--bits", str(p["bits"])] if p.get("bits") and not p["dtype"].startswith("float") else []
            order = ["--big-endian"] if p.get("endianness") == "BE" else []
            convert("--dialect", DIALECTS.get(v["version"], "head"), "--dtype", p["dtype"], "--vmin", repr(p["vmin"]),
                    "--vmax", repr(p["vmax"]), *bits, *order, npy, envelope)
            if read(envelope) != read(encoded):
                failures.append(f"{v['id']}: another envelope")
            n += 1
    for line in failures:
        print(line, file=sys.stderr)
    print(f"ARRAYS {n} envelopes, failed {len(failures)}")
    return 1 if failures or not n else 0


if __name__ == "__main__":
    sys.exit(main())
