# SPDX-License-Identifier: MIT
"""The mount beside its goals: a null FUSE server, the same files on ext4 and tmpfs, squashfs with zstd.

All subjects in turn, several rounds; a figure is the median of its rounds.  Archives and images lie in the
page cache, so no disk is measured; "cold" means that the mount is new: the kernel has no page of its files
and the server has decoded nothing.
"""
import contextlib
import ctypes
import glob
import hashlib
import json
import math
import mmap
import os
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

from measure import MIB, Wrong, note, run, table, timed

WIDTH = HEIGHT = 512  # 8 bits: files of 256 KiB
STEP = 33             # frames that are this far apart lie in different groups
N_PASSES = 5          # over all files of a mount: the first one is cold
READER_CACHE_MIB = 64


# ---- goals -----------------------------------------------------------------------------------------

class Goals:
    """Figures beside what they should be."""

    def __init__(self):
        self.rows = []

    def add(self, what, value, unit="", least=None, most=None, remark=""):
        ok = None if least is None and most is None else not (
            least is not None and value < least or most is not None and value > most)
        self.rows.append({"figure": what, "value": value, "unit": unit, "at_least": least, "at_most": most,
                          "ok": ok, "remark": remark})

    def tell(self):
        def number(v):
            return f"{v:.0f}" if abs(v) >= 100 or v == int(v) and abs(v) >= 10 else f"{v:.3g}"
        out = []
        for r in self.rows:
            goal = (f">= {number(r['at_least'])}" if r["at_least"] is not None else
                    f"<= {number(r['at_most'])}" if r["at_most"] is not None else "")
            verdict = {True: "ok", False: "MISSED", None: ""}[r["ok"]]
            out.append([r["figure"] + (f" ({r['remark']})" if r["remark"] else ""),
                        (number(r["value"]) + " " + r["unit"]).strip(), goal, verdict])
        table(["figure", "value", "goal", ""], out)
        judged = [r for r in self.rows if r["ok"] is not None]
        print(f"{sum(r['ok'] for r in judged)} of {len(judged)} goals reached\n")


# ---- mounts ----------------------------------------------------------------------------------------

def is_mounted(folder):
    with open("/proc/self/mounts", encoding="utf-8") as f:
        return any(line.split()[1] == folder for line in f)


def raise_readahead(folder):
    """What mount.pixelrain does for itself when root: the others get the same."""
    device = os.stat(folder).st_dev
    with contextlib.suppress(OSError):
        path = f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb"
        with open(path, "w", encoding="ascii") as f:
            f.write("256")


def unmount(folder, process):
    run(*(["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]), folder)
    process.wait(20)


@contextlib.contextmanager
def other_mount(command, folder):
    os.makedirs(folder, exist_ok=True)
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not is_mounted(folder):
        if time.monotonic() > deadline or process.poll() not in (None, 0):
            raise RuntimeError(f"{command}: does not mount")
        time.sleep(0.005)
    try:
        if os.geteuid() == 0:
            raise_readahead(folder)
        yield folder
    finally:
        unmount(folder, process)


class Mount:
    """Our mount by a new process: ready_s until it says so, stats(), status()."""

    def __init__(self, build, archive, folder, *options):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        reading, writing = os.pipe()
        words = ",".join([f"notify_fd={writing}", *options])
        start = time.perf_counter()
        self.process = subprocess.Popen([os.path.join(build, "bin/mount.pixelrain"), "-f", archive, folder, "-o",
                                         words], pass_fds=[writing])
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.readline()
        self.ready_s = time.perf_counter() - start
        if said != b"ready\n":
            raise RuntimeError(f"mount.pixelrain -o {words}: does not mount ({said})")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        unmount(self.folder, self.process)

    def stats(self):
        with open(os.path.join(self.folder, ".pixelrain/stats.json"), "rb") as f:
            return json.loads(f.read())

    def status_mib(self, key):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(key)) / 1024


def path_list(paths):
    f = tempfile.TemporaryFile()
    f.write("\n".join(paths).encode() + b"\n")
    f.seek(0)
    return f


def read_files(build, paths, *options):
    with path_list(paths) as f:
        return json.loads(run(os.path.join(build, "bin/pxr_bench_read"), *options, stdin=f))["passes"]


# ---- whole files, in order and apart ----------------------------------------------------------------

class Stage:
    """A sequence as an archive, plain files (ext4 and tmpfs), a squashfs image and a null server's file."""

    def __init__(self, build, work, shared, n_frames):
        self.build, self.n_frames = build, n_frames
        self.point = os.path.join(work, "mnt")
        self.archive, self.image = os.path.join(work, "a.pxr"), os.path.join(work, "a.sqsh")
        self.disk, self.memory = os.path.join(work, "raw"), os.path.join(shared, "raw")
        self.bytes = n_frames * WIDTH * HEIGHT
        source, pixelrain = os.path.join(work, "pgm"), os.path.join(build, "bin/pixelrain")
        run(os.path.join(build, "bin/reelsim"), "-n", n_frames, "-W", WIDTH, "-H", HEIGHT, "-o", source)
        run(pixelrain, "pack", "-q", source, "-o", self.archive)
        os.mkdir(self.disk)
        for path in glob.glob(source + "/*.pgm"):
            with open(path, "rb") as f:
                samples = f.read()[-WIDTH * HEIGHT:]
            with open(os.path.join(self.disk, os.path.basename(path)[:-3] + "raw"), "wb") as f:
                f.write(samples)
        shutil.rmtree(source)
        self.names = sorted(os.listdir(self.disk))
        shutil.copytree(self.disk, self.memory)
        run("mksquashfs", self.disk, self.image, "-comp", "zstd", "-noappend", "-quiet", "-no-progress")
        self.stack = os.path.join(work, "stack")
        with open(self.stack, "wb") as out:
            for name in self.names:
                with open(os.path.join(self.disk, name), "rb") as f:
                    shutil.copyfileobj(f, out)
        run("cat", self.archive, self.image, stdout=subprocess.DEVNULL)
        run("sync")

    def null(self, file, n_files, *options):
        return other_mount([os.path.join(self.build, "bin/nullfs"), "--file", file, "--frames", n_files, *options,
                            self.point], self.point)

    def squashfuse(self):
        program = "squashfuse_ll" if shutil.which("squashfuse_ll") else "squashfuse"
        return other_mount([program, "-f", self.image, self.point], self.point)

    def ours(self, *options):
        return Mount(self.build, self.archive, self.point, *options)

    def paths(self, folder, step=1):
        return [os.path.join(folder, n) for n in self.names[::step]]

    def null_paths(self, step=1):
        return [os.path.join(self.point, f"reel_{i:06}.pgm") for i in range(0, self.n_frames, step)]

    def passes(self, paths):
        passes = read_files(self.build, paths, "--passes", N_PASSES)
        if any(p["bytes"] != self.bytes for p in passes):
            raise Wrong("a pass has read another number of bytes")
        return {"cold_s": passes[0]["seconds"], "warm_s": statistics.median(p["seconds"] for p in passes[1:]),
                "warm_us": statistics.median(p["median_us"] for p in passes[1:])}


def one_round(s):
    """Every subject once."""
    r = {}
    for name, options in (("pixelrain", []), ("fastopen", ["fastopen"])):
        with s.ours(*options) as m:
            r[name] = s.passes(s.paths(m.folder + "/raw"))
            r[name]["stats"] = m.stats()
    for name, options in (("null", []), ("null fastopen", ["--fastopen"])):
        with s.null(os.path.join(s.disk, s.names[0]), s.n_frames, *options):
            r[name] = s.passes(s.null_paths())
    with s.squashfuse() as folder:
        r["squashfuse"] = s.passes(s.paths(folder))
    r["disk"], r["memory"] = s.passes(s.paths(s.disk)), s.passes(s.paths(s.memory))
    with s.ours() as m:
        r["stack"] = stack_passes(s, m.folder + "/stack.npy")
    with s.null(s.stack, 1):
        r["null stack"] = stack_passes(s, s.point + "/reel_000000.pgm")
    r["decode"] = json.loads(run(os.path.join(s.build, "bin/pxr_bench_decode"), "-j", 2, "--step", STEP, s.archive))
    with s.ours() as m:
        r["frame_us"] = read_files(s.build, s.paths(m.folder + "/raw", STEP))[0]["median_us"]
    with s.null(os.path.join(s.disk, s.names[0]), s.n_frames):
        r["null_frame_us"] = read_files(s.build, s.null_paths(STEP))[0]["median_us"]
    return r


def stack_passes(s, path):
    passes = read_files(s.build, [path], "--passes", N_PASSES)
    if any(p["bytes"] - s.bytes not in (0, 4096) for p in passes):
        raise Wrong("a stack has another number of bytes")
    return {"cold_s": passes[0]["seconds"], "warm_s": statistics.median(p["seconds"] for p in passes[1:])}


def same_as_source(s):
    """What was timed is what was packed."""
    for options in ([], ["fastopen"]):
        with s.ours(*options) as m:
            for name in s.names:
                with open(os.path.join(m.folder, "raw", name), "rb") as a, \
                     open(os.path.join(s.disk, name), "rb") as b:
                    if hashlib.file_digest(a, "sha1").digest() != hashlib.file_digest(b, "sha1").digest():
                        raise Wrong(f"{name} differs from its source")


def tell_rounds(goals, rounds):
    def median(of):
        return statistics.median(of(r) for r in rounds)

    def ratio(what, of, to):
        return median(lambda r: r[to][what] / r[of][what])
    goals.add("warm frames in order, speed / null server", ratio("warm_s", "pixelrain", "null"), least=0.95)
    goals.add("warm stack.npy in order, speed / null server", ratio("warm_s", "stack", "null stack"), least=0.95)
    goals.add("warm 256 KiB files, speed / ext4", ratio("warm_s", "pixelrain", "disk"), least=0.9)
    goals.add("  with fastopen, speed / ext4", ratio("warm_s", "fastopen", "disk"), least=1.0)
    goals.add("  the null server, speed / ext4", ratio("warm_s", "null", "disk"))
    goals.add("  the null server with fastopen, speed / ext4", ratio("warm_s", "null fastopen", "disk"))
    goals.add("  tmpfs, speed / ext4", ratio("warm_s", "memory", "disk"))
    goals.add("  speed / tmpfs", ratio("warm_s", "pixelrain", "memory"))
    goals.add("  speed / squashfuse", ratio("warm_s", "pixelrain", "squashfuse"))
    goals.add("cold frames in order, time / (decoding by 2 threads + null server)",
              median(lambda r: r["pixelrain"]["cold_s"] / (r["decode"]["decode_threads_s"] + r["null"]["cold_s"])),
              most=1.1)
    goals.add("  ours", median(lambda r: r["pixelrain"]["cold_s"]), "s")
    goals.add("  decoding in process by 2 threads", median(lambda r: r["decode"]["decode_threads_s"]), "s")
    goals.add("  null server", median(lambda r: r["null"]["cold_s"]), "s")
    goals.add("cold stack.npy in order, time / (decoding + null server)",
              median(lambda r: r["stack"]["cold_s"] / (r["decode"]["decode_threads_s"] + r["null stack"]["cold_s"])),
              most=1.1)
    goals.add("cold frames in order, speed / squashfuse", ratio("cold_s", "pixelrain", "squashfuse"), least=2)
    goals.add("open + read + close of 256 KiB, warm", median(lambda r: r["pixelrain"]["warm_us"]), "us", most=60)
    goals.add("  null server", median(lambda r: r["null"]["warm_us"]), "us")
    goals.add("  ext4", median(lambda r: r["disk"]["warm_us"]), "us")
    goals.add("  cold, above decoding in process", median(lambda r: r["frame_us"] - r["decode"]["step_frame_us"]), "us",
              most=100)
    goals.add("  cold", median(lambda r: r["frame_us"]), "us")
    goals.add("  cold, null server", median(lambda r: r["null_frame_us"]), "us")
    goals.add("frames decoded twice, reading in order", median(lambda r: r["pixelrain"]["stats"]["units_decoded"] +
              r["pixelrain"]["stats"]["units_prefetched"]) - rounds[0]["decode"]["n_frames"])


# ---- what is decoded --------------------------------------------------------------------------------

def units_of_frame(path):
    """The most that one frame of its group can need of a block: log2(n) + 1, rounded up."""
    n = int(os.getxattr(path, "user.pixelrain.group_frames"))
    return math.ceil(math.log2(n)) + 1


def resident_pages(array):
    """Which pages of a mapping the kernel has read: mincore(2)."""
    n_pages = -(-array.nbytes // mmap.PAGESIZE)
    there = (ctypes.c_ubyte * n_pages)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mincore(ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes), there):
        raise OSError(ctypes.get_errno(), "mincore")
    return [i for i, v in enumerate(there) if v & 1]


def region(s, goals):
    import numpy
    with s.ours() as m:
        with open(m.folder + "/info.json", "rb") as f:
            block_height = json.load(f)["block"]["height_px"]
        each = units_of_frame(os.path.join(m.folder, "raw", s.names[s.n_frames // 2]))
        before = m.stats()
        stack = numpy.load(m.folder + "/stack.npy", mmap_mode="r")
        found = stack[s.n_frames // 2, 200:264, 100:164].copy()
        pages, after = resident_pages(stack), m.stats()
        del stack
    with open(os.path.join(s.disk, s.names[s.n_frames // 2]), "rb") as f:
        if not (numpy.frombuffer(f.read(), "u1").reshape(HEIGHT, WIDTH)[200:264, 100:164] == found).all():
            raise Wrong("a region of stack.npy differs from its source")
    blocks = {(i // HEIGHT, i % HEIGHT // block_height) for p in pages
              for i in range(p * mmap.PAGESIZE // WIDTH, (p + 1) * mmap.PAGESIZE // WIDTH)}
    goals.add("units decoded for 64 x 64 samples of stack.npy, mapped", after["units_decoded"] - before["units_decoded"],
              most=len(blocks) * each, remark=f"{len(pages)} pages of {len({f for f, _ in blocks})} frames")
    goals.add("  prefetched", after["units_prefetched"] - before["units_prefetched"])


def random_readers(s, goals):
    """1000 frames anywhere, read by 8 processes at once."""
    chance = random.Random(1)
    with s.ours() as m:
        with open(m.folder + "/info.json", "rb") as f:
            n_blocks = -(-HEIGHT // json.load(f)["block"]["height_px"])
        lists = [[os.path.join(m.folder, "raw", chance.choice(s.names)) for _ in range(125)] for _ in range(8)]
        most = sum(units_of_frame(p) * n_blocks for l in lists for p in l)
        before, readers = m.stats(), []
        start = time.perf_counter()
        for paths in lists:
            with path_list(paths) as f:
                readers.append(subprocess.Popen([os.path.join(s.build, "bin/pxr_bench_read")], stdin=f,
                                                stdout=subprocess.DEVNULL))
        if any(r.wait() for r in readers):
            raise Wrong("a reader failed")
        seconds, after = time.perf_counter() - start, m.stats()
    goals.add("units decoded for 1000 random frames, 8 processes", after["units_decoded"] - before["units_decoded"],
              most=most)
    goals.add("  prefetched", after["units_prefetched"] - before["units_prefetched"])
    goals.add("  frames per second", 1000 / seconds, "1/s")


def many_readers(s, goals):
    """Memory while 64 threads read five views through 10^4 open handles."""
    views = ("png", "pgm", "raw", "tif", "npy")
    with s.ours(f"cache={READER_CACHE_MIB}M") as m:
        files = [os.path.join(m.folder, v, n[:-3] + v) for v in views for n in s.names]
        files = [files[i % len(files)] for i in range(10000)]
        result = read_files(s.build, files, "--threads", 64, "--reads", 4000)[0]
        peak = m.status_mib("VmHWM")
        if m.stats()["requests_failed"]:
            raise Wrong("requests failed")
    goals.add("64 readers, 10^4 open handles: peak memory above the cache", peak - READER_CACHE_MIB, "MiB", most=64,
              remark=f"cache {READER_CACHE_MIB} MiB")
    goals.add("  read", result["bytes"] / result["seconds"] / 1e6, "MB/s")
    goals.add("  opening a file", result["open_us"], "us")


# ---- many frames ------------------------------------------------------------------------------------

def pack_tiny(build, path, n_frames):
    """n frames of 8 x 8, all black."""
    with open("/dev/zero", "rb") as zero:
        head = subprocess.Popen(["head", "-c", str(n_frames * 64)], stdin=zero, stdout=subprocess.PIPE)
        run(os.path.join(build, "bin/pixelrain"), "pack", "-q", "-f", "--raw", "8x8x8", "-", "-o", path,
            stdin=head.stdout)
        head.wait()


def listings(build, work, goals, repeats):
    environment = dict(os.environ, LC_ALL="C")
    for n, power, names_s, long_s in ((10 ** 5, "10^5", None, 0.7), (10 ** 6, "10^6", 0.4, 6)):
        archive, folder = os.path.join(work, "tiny.pxr"), os.path.join(work, "tiny")
        pack_tiny(build, archive, n)
        seconds = {"ls -l": [], "ls": [], "ls -f": []}
        for command, found in seconds.items():
            for _ in range(repeats):
                note(f"mount: {command} of {power} frames")
                with Mount(build, archive, folder):
                    took, out = timed(*command.split(), os.path.join(folder, "raw"), env=environment)
                if out.count(b"\n") != n + {"ls": 0, "ls -l": 1, "ls -f": 2}[command]:
                    raise Wrong(f"{command} shows another number of files")
                found.append(took)
        goals.add(f"ls -l of {power} frames", statistics.median(seconds["ls -l"]), "s", most=long_s)
        goals.add("  names only, as they come (ls -f)", statistics.median(seconds["ls -f"]), "s", most=names_s)
        goals.add("  names only, sorted (ls)", statistics.median(seconds["ls"]), "s", most=None if names_s else 0.4)
        os.unlink(archive)
    note("mount: ls -l of the null server")
    with open(archive, "wb") as f:
        f.write(bytes(64))
    with other_mount([os.path.join(build, "bin/nullfs"), "--file", archive, "--frames", 10 ** 6, folder], folder):
        goals.add("  ls -l, null server", timed("ls", "-l", folder, env=environment)[0], "s")


def ready(build, work, goals, n_frames, repeats):
    archive, folder = os.path.join(work, "tiny.pxr"), os.path.join(work, "tiny")
    note(f"mount: an archive of {n_frames} frames")
    start = time.perf_counter()
    pack_tiny(build, archive, n_frames)
    packed_s = time.perf_counter() - start
    seconds, memory = [], []
    for _ in range(repeats):
        with Mount(build, archive, folder) as m:
            seconds.append(m.ready_s)
            memory.append(m.status_mib("VmRSS"))
            if os.stat(os.path.join(folder, "stack.npy")).st_size < n_frames * 64:
                raise Wrong("frames are missing")
    goals.add(f"mount of {n_frames:.0e} frames, ready".replace("1e+0", "10^").replace("e+0", " x 10^"), statistics.median(seconds) * 1000, "ms",
              most=50)
    goals.add("  memory", max(memory), "MiB", most=64)
    goals.add("  packing it", packed_s, "s")
    os.unlink(archive)


# ---- all -------------------------------------------------------------------------------------------

def bench_mount(build, n_frames, n_rounds, n_tiny):
    goals = Goals()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 16384), hard), hard))
    results = {}
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as work, \
         tempfile.TemporaryDirectory(prefix="bench-", dir=shared) as memory:
        note("mount: making files")
        stage = Stage(build, work, memory, n_frames)
        results["plain_files_on"] = run("df", "--output=fstype", work).decode().split()[-1]
        rounds = []
        for i in range(n_rounds):
            note(f"mount: round {i + 1} of {n_rounds}")
            rounds.append(one_round(stage))
        same_as_source(stage)
        tell_rounds(goals, rounds)
        results["rounds"] = rounds
        region(stage, goals)
        random_readers(stage, goals)
        note("mount: many readers")
        many_readers(stage, goals)
        listings(build, work, goals, min(n_rounds, 3))
        if n_tiny:
            ready(build, work, goals, n_tiny, n_rounds)
    sums = json.loads(run(os.path.join(build, "bin/pxr_bench_sums")))
    for name, value in sums.items():
        goals.add(f"{name} of 64 KiB", value, "GB/s", least=8)
    results["figures"] = goals.rows
    results["frames"], results["frame_bytes"] = n_frames, WIDTH * HEIGHT
    return results, goals


def tell_mount(results, goals):
    print(f"Through a mount: {results['frames']} files of {results['frame_bytes'] // 1024} KiB, default codec; "
          f"plain files on {results['plain_files_on']}\n")
    goals.tell()
