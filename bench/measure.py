# SPDX-License-Identifier: MIT
"""What all benchmarks use: commands that are timed, one core, progress, tables."""
import contextlib
import hashlib
import os
import subprocess
import sys
import time

MIB = 1 << 20


class Wrong(Exception):
    """What was read is not what was written."""


def run(*command, **options):
    """Run a command silently; return its standard output as bytes."""
    done = subprocess.run([str(c) for c in command], stdout=options.pop("stdout", subprocess.PIPE),
                          stderr=subprocess.PIPE, check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}\n"
                           f"{done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def timed(*command, **options):
    start = time.perf_counter()
    out = run(*command, **options)
    return time.perf_counter() - start, out


def file_hash(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha1").hexdigest()


def folder_bytes(folder):
    return sum(e.stat().st_size for e in os.scandir(folder))


@contextlib.contextmanager
def one_core():
    """This process and what it starts share one core."""
    was = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(was)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, was)


def note(text):
    if sys.stderr.isatty():
        print(f"\r{text:<78}", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


def table(head, rows):
    cells = [head] + [[str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for n, row in enumerate(cells):
        print("| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w)
                                for i, (c, w) in enumerate(zip(row, widths))) + " |")
        if n == 0:
            print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    print()
