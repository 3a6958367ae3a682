# SPDX-License-Identifier: MIT
"""What hashing and commits cost.

Hashing: the same commands with a build that leaves out XXH3 (PXR_BENCH_NO_HASH, in BUILD-nohash), one thread.
Commits: pack with a commit every N frames beside one commit at the end, with groups of the same length (--block N) so that only
the commits differ; and beside an archive with long groups, which is what a recording really gives up.

CPU seconds (the least of several runs) and instructions in user space, where perf can count them. Where it cannot, in most virtual
machines, the share of samples in libxxhash says what hashing costs, whoever else works on the machine.
"""
import json
import os
import re
import resource
import shutil
import subprocess

from measure import Wrong, note, one_core, run, table, timed

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOAL_PERCENT = 3.0


def build_without_hashes(build):
    folder = build.rstrip("/") + "-nohash"
    run("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DPXR_BENCH_NO_HASH=ON",
        "-DPXR_TESTS=OFF", "-DPXR_FUSE=OFF", "-DPXR_SERVE=OFF", "-DPXR_INSTALL=OFF")
    run("cmake", "--build", folder, "--target", "pixelrain")
    return folder


def perf_says(*arguments):
    """What perf stat or report print, or None."""
    if not shutil.which("perf"):
        return None
    done = subprocess.run(["perf", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return None if done.returncode else done.stdout.decode(errors="replace")


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measured(n_repeats, *command):
    """{"s": least seconds, "cpu_s": of the processors, "instructions": of user space, or None}"""
    best = {"s": float("inf"), "cpu_s": float("inf")}
    for _ in range(n_repeats):
        before = cpu_s()
        seconds, _ = timed(*command, stdout=subprocess.DEVNULL)
        best["s"] = min(best["s"], seconds)
        best["cpu_s"] = min(best["cpu_s"], cpu_s() - before)
    found = re.search(r"^(\d+),[^,]*,instructions", perf_says("stat", "-x,", "-e", "instructions:u", "-o", "/dev/stdout", "--",
                                                             "sh", "-c", '"$@" >/dev/null', "sh", *command) or "", re.MULTILINE)
    best["instructions"] = int(found.group(1)) if found else None
    return best


def share_of_xxhash(work, *command):
    """Percent that samples in libxxhash add to all others, or None."""
    data = os.path.join(work, "perf.data")
    perf_says("record", "-q", "-e", "cpu-clock:u", "-F", 4000, "-o", data, "--", "sh", "-c", '"$@" >/dev/null', "sh", *command)
    report = perf_says("report", "-i", data, "--sort", "dso", "--stdio") or ""
    shares = {m.group(2): float(m.group(1)) for m in re.finditer(r"^ *([0-9.]+)% +(\S+)", report, re.MULTILINE)}
    hashes = sum(v for k, v in shares.items() if k.startswith("libxxhash"))
    return 100 * hashes / (100 - hashes) if len(shares) > 1 else None


def percent(with_it, without, key):
    """What the first takes more, of the second."""
    if not with_it[key] or not without[key]:
        return None
    return 100 * (with_it[key] / without[key] - 1)


def cost_of_hashes(seq, build, bare, n_repeats):
    """[(what, percent of time, percent of instructions)]"""
    rows = []
    for preset in (["--preset", "default"], ["--preset", "fast"], ["--codec", "store"]):
        results = {}
        for folder in (build, bare):
            tool, archive = os.path.join(folder, "bin/pixelrain"), seq.path(f".{os.path.basename(folder)}.pxr")
            commands = [[tool, "pack", "-q", "-f", "-j", 1, *preset, "--raw",
                         f"{seq.width}x{seq.height}x{8 * seq.sample_bytes}le", seq.raw, "-o", archive],
                        [tool, "cat", "--format", "raw", archive]]
            results[folder] = [measured(n_repeats, *command) for command in commands]
            if folder == build:
                shares = [share_of_xxhash(seq.work, *command) for command in commands]
            back = run(tool, "cat", "--format", "raw", archive)
            with open(seq.raw, "rb") as f:
                if back != f.read():
                    raise Wrong(f"{seq.name}: {folder} does not give back its source")
            os.unlink(archive)
        for i, what in enumerate(("pack", "read")):
            with_it, without = results[build][i], results[bare][i]
            rows.append({"sequence": seq.name, "what": f"{what} {preset[1]}", "with": with_it, "without": without,
                         "cpu_percent": percent(with_it, without, "cpu_s"), "samples_percent": shares[i],
                         "instructions_percent": percent(with_it, without, "instructions")})
    return rows


def cost_of_commits(seq, build, n_repeats):
    tool, archive = os.path.join(build, "bin/pixelrain"), seq.path(".commits.pxr")
    command = [tool, "pack", "-q", "-f", "-j", 1, "--raw", f"{seq.width}x{seq.height}x{8 * seq.sample_bytes}le",
               seq.raw, "-o", archive]
    long_groups = measured(n_repeats, *command) | {"bytes": os.path.getsize(archive)}
    rows = []
    for every in (1, 10, 100):
        block = ["--block", f"{every}x{seq.height}x{seq.width}"]
        alone = measured(n_repeats, *command, *block) | {"bytes": os.path.getsize(archive)}
        many = measured(n_repeats, *command, *block, "--commit-every", every) | {"bytes": os.path.getsize(archive)}
        info = json.loads(run(tool, "info", "--json", archive))
        if info["frames"] != len(seq.files) or info["commit"] < len(seq.files) // every:
            raise Wrong(f"{seq.name}: {info['commit']} commits of {info['frames']} frames")
        rows.append({"sequence": seq.name, "every": every, "commits": info["commit"], "with": many, "without": alone,
                     "long_groups": long_groups} |
                    {f"{key}_percent": percent(many, alone, name)
                     for key, name in (("time", "s"), ("cpu", "cpu_s"), ("instructions", "instructions"), ("bytes", "bytes"))} |
                    {"bytes_beside_long_groups_percent": percent(many, long_groups, "bytes")})
        os.unlink(archive)
    return rows


def bench_hashing(sequences, build, n_repeats):
    note("a build without hashes")
    bare = build_without_hashes(build)
    results = {"hashes": [], "commits": []}
    with one_core():
        for seq in sequences:
            note(f"{seq.name}: hashes")
            results["hashes"] += cost_of_hashes(seq, build, bare, n_repeats)
            note(f"{seq.name}: commits")
            results["commits"] += cost_of_commits(seq, build, n_repeats)
    return results


def shown(value):
    return "-" if value is None else f"{value:+.2f} %"


def verdict(row, is_goal):
    """By what disturbs least."""
    values = [row.get(k) for k in ("instructions_percent", "samples_percent", "cpu_percent")]
    value = next(v for v in values if v is not None)
    return "" if not is_goal else "yes" if value <= GOAL_PERCENT else "NO"


def tell_hashing(results):
    print(f"Hashes, beside a build without (goal for the presets: {GOAL_PERCENT:.0f} %)\n")
    table(["sequence", "what", "CPU s", "without", "CPU time", "instructions", "samples", "goal"],
          [[r["sequence"], r["what"], f"{r['with']['cpu_s']:.3f}", f"{r['without']['cpu_s']:.3f}", shown(r["cpu_percent"]),
            shown(r["instructions_percent"]), shown(r["samples_percent"]), verdict(r, "store" not in r["what"])]
           for r in results["hashes"]])
    print("Commits, beside one commit with groups of the same length; and the size beside long groups\n")
    table(["sequence", "every", "commits", "CPU s", "without", "time", "CPU time", "instructions", "bytes", "beside long groups",
           "goal"],
          [[r["sequence"], r["every"], r["commits"], f"{r['with']['cpu_s']:.3f}", f"{r['without']['cpu_s']:.3f}",
            shown(r["time_percent"]), shown(r["cpu_percent"]), shown(r["instructions_percent"]), shown(r["bytes_percent"]),
            shown(r["bytes_beside_long_groups_percent"]), verdict(r, True)] for r in results["commits"]])
