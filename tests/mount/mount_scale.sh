#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 10^4 open files, 64 readers of all views at once: right bytes, and memory within the cache and 64 MiB.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

m=$work/m cache=8 n=240
# More samples than cache and allowance together, so that what is kept for ever shows.
if grep -q -e __asan_init -e __tsan_init "$bin/mount.pixelrain"; then n=40; fi
"$bin/reelsim" -n "$n" -o "$work/source"
"$bin/pixelrain" pack -q "$work/source" -o "$work/a.pxr" --index png-small
mount_on "$m" "$work/a.pxr" -o "cache=${cache}M"
find "$m" -type f ! -name stats.json -exec cat {} + >/dev/null
/usr/bin/python3 -B - "$m" "$work/source" <<'END'
import glob, os, random, resource, sys, threading
mount, source = sys.argv[1:]
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
n_handles = min(10000, hard - 100)
resource.setrlimit(resource.RLIMIT_NOFILE, (n_handles + 100, hard))
expected = {os.path.basename(p)[:-4]: open(p, "rb").read() for p in glob.glob(source + "/*.pgm")}
names = sorted(expected)
head = len(b"P5\n640 480\n255\n")
stack = bytes(4096) + b"".join(expected[n][head:] for n in names)
views = {v: (os.listdir(f"{mount}/{v}")[0].split(".")[-1]) for v in
         ("png", "png-small", "pgm", "raw", "tif", "npy", "preview", "vcbn", "px2", "pxs")}
files = [(f"{v}/{n}.{x}", {"pgm": expected[n], "raw": expected[n][head:]}.get(v)) for n in names for v, x in views.items()]
files += [("stack.npy", stack), ("stack.tif", None), ("stack.ij.tif", None), ("stack.y4m", None), ("info.json", None)]
chance = random.Random(1)
chance.shuffle(files)
handles = [(os.open(f"{mount}/{p}", os.O_RDONLY), p, b) for p, b in (files[i % len(files)] for i in range(n_handles))]
wrong = []


def reader(seed):
    chance = random.Random(seed)
    for _ in range(60):
        fd, path, whole = chance.choice(handles)
        size = os.fstat(fd).st_size
        off = chance.randrange(4096 if path == "stack.npy" else 0, size)
        found = os.pread(fd, chance.randrange(1, 200000), off)
        if not found or whole and found != whole[off:off + len(found)]:
            wrong.append(path)


threads = [threading.Thread(target=reader, args=(seed,)) for seed in range(64)]
for t in threads:
    t.start()
for t in threads:
    t.join()
for fd, _, _ in handles:
    os.close(fd)
if wrong:
    sys.exit(f"differ from their source: {wrong[:5]}")
print(f"{n_handles} handles, {64 * 60} reads")
END
[ "$(stat_of "$m" requests_failed)" = 0 ] || fail "requests failed"
peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$mount_pid/status")
echo "SCALE cache $cache MiB, at most $((peak / 1024)) MiB in use"
if [ "$n" = 240 ]; then
    [ "$peak" -le $(((cache + 64) * 1024)) ] || fail "$peak KiB in use, cache and 64 MiB are $(((cache + 64) * 1024))"
fi
unmount "$m"
wait_gone "$mount_pid" 20 || fail "the mount does not end"
