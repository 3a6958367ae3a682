#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""torture.py [--build DIR] [--short] [--only PROPERTY]... [--resume] [--list]: all torture programs, one line a property.

Each program takes a number of cases, ends with 0 when all went well, and prints a line that begins with a word and the
number of cases that it has run.  A property holds when both are so and the number reaches its goal.  Status 0: all hold;
1: one does not; 2: usage.  Results are kept in DIR/torture.json; --resume leaves out what has held there with the same goal.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# (property, what is counted, command with {build}, {here} and {count}, goal, count of the long form, of the short form)
PROPERTIES = [
    ("io", "failing system calls", ["{build}/bin/torture_io", "{count}"], 20000, 20000, 500),
    ("alloc", "failing requests for memory", ["{build}/bin/torture_alloc", "{count}"], 5000, 5000, 300),
    ("power", "images after a loss of power", ["{build}/bin/torture_power", "{count}"], 10000, 10000, 500),
    ("kill", "kill -9 of the real program",
     ["/usr/bin/python3", "-B", "{here}/torture_kill.py", "{build}/bin/pixelrain", "{count}"], 500, 500, 20),
    ("flips", "bits flipped and files cut", ["{build}/bin/torture_flips", "{count}"], 500000, 1000000, 10000),
    ("parity", "damaged archives with parity", ["{build}/bin/torture_parity", "{count}"], 10000, 10000, 100),
    ("reads", "random reads of mounts, compared",
     ["{here}/torture_mount.sh", "{build}/bin", "{count}", "0", "0"], 10000000, 10000000, 20000),
    ("sigterm", "SIGTERM with busy readers", ["{here}/torture_mount.sh", "{build}/bin", "0", "{count}", "0"], 40, 40, 4),
    ("cycles", "mounts again and again", ["{here}/torture_mount.sh", "{build}/bin", "0", "0", "{count}"], 1000, 1000, 20),
    ("hostile", "forged archives", ["{build}/bin/torture_hostile", "{count}"], 10000, 10000, 400),
]


def run_one(entry, build, is_short):
    """(holds, cases, seconds, the program's line or what it said instead)"""
    _, _, command, goal, long, short = entry
    count = short if is_short else long
    words = [w.format(build=build, here=HERE, count=count) for w in command]
    start = time.monotonic()
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except OSError as e:
        return False, 0, 0, f"{words[0]}: {e.strerror}"
    seconds = time.monotonic() - start
    said = done.stdout.decode(errors="replace").strip().splitlines() or ["nothing was printed"]
    match = re.match(r"[A-Z]+ (\d+)\b", said[-1])
    cases = int(match.group(1)) if match else 0
    if done.returncode == 77:
        return None, 0, seconds, said[-1]
    if done.returncode or not match:
        return False, cases, seconds, f"status {done.returncode}: " + "\n".join(said[-5:])
    # Some kinds of case are fewer than asked for in the short form, which samples.
    return cases >= (count * 9 // 10 if is_short else goal), cases, seconds, said[-1]


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="build folder with bin/torture_*")
    parser.add_argument("--short", action="store_true", help="some seconds each instead of reaching the goals")
    parser.add_argument("--only", action="append", metavar="PROPERTY", help="may be given several times")
    parser.add_argument("--resume", action="store_true", help="leave out what has held before")
    parser.add_argument("--list", action="store_true", help="print properties and goals")
    args = parser.parse_args()
    known = [p[0] for p in PROPERTIES]
    for name in args.only or []:
        if name not in known:
            parser.error(f"no property '{name}': {', '.join(known)}")
    if args.list:
        for name, what, _, goal, _, short in PROPERTIES:
            print(f"{name:<10} {goal:>9} {what} (short form: {short})")
        return 0
    kept_path = os.path.join(args.build, "torture.json")
    kept = load(kept_path) if args.resume else {}
    n_failed = n_skipped = 0
    total = 0.0
    for entry in PROPERTIES:
        name, goal = entry[0], entry[5 if args.short else 3]
        if args.only and name not in args.only:
            continue
        before = kept.get(name, {})
        if before.get("holds") and before.get("goal") == goal:
            print(f"{name:<10} held before: {before['line']}", flush=True)
            continue
        holds, cases, seconds, line = run_one(entry, args.build, args.short)
        total += seconds
        n_failed += holds is False
        n_skipped += holds is None
        verdict = "skipped" if holds is None else "ok" if holds else "FAILED"
        print(f"{name:<10} {verdict:<7} {cases:>8} of {goal:>8} {seconds:>6.0f} s  {line}", flush=True)
        kept[name] = {"holds": bool(holds), "goal": goal, "cases": cases, "seconds": round(seconds, 1), "line": line}
        with open(kept_path, "w", encoding="utf-8") as f:
            json.dump(kept, f, indent=1)
    print(f"TORTURE {n_failed} failed, {n_skipped} skipped, {total:.0f} s")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
