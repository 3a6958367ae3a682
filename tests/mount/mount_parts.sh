#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What parts of a stack cost, by the counters of stats.json: the units under the pages that were asked for.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

/usr/bin/python3 -c 'import numpy' 2>/dev/null || skip "no NumPy"
m=$work/m
# Eight stripes of 64 rows; groups of 8 frames: a frame's stripe needs at most log2(8) + 1 = 4 units.
"$bin/reelsim" -W 512 -H 512 -n 64 -F raw | "$bin/pixelrain" pack -q --raw 512x512x8 - -o "$work/a.pxr" --block 8x64x512
"$bin/reelsim" -W 512 -H 512 -n 64 -F raw >"$work/raw"

cat >"$work/parts.py" <<'END'
import json, mmap, os, sys
import numpy
mount, source, case = sys.argv[1:]
N, H, W, STRIPE, DEPTH = 64, 512, 512, 64, 4
reference = numpy.fromfile(source, "u1").reshape(N, H, W)

def stats():
    with open(mount + "/.pixelrain/stats.json") as f:
        return json.load(f)

def pages(frame, rows, columns):
    """Pages of stack.npy under a region."""
    first = [4096 + (frame * H + y) * W + columns.start for y in range(rows.start, rows.stop)]
    return {p for f in first for p in range(f // 4096, (f + columns.stop - columns.start - 1) // 4096 + 1)}

def units_under(touched):
    """Units of one frame's stripe, for each stripe of each frame under these pages."""
    px = {(p * 4096 - 4096) // W + i * (4096 // W) for p in touched if p > 0 for i in (0,)}
    return len({y // STRIPE for y in px}) * DEPTH

array = numpy.load(mount + "/stack.npy", mmap_mode="r")
if case.startswith("exact"):
    array._mmap.madvise(mmap.MADV_RANDOM)  # no readahead: a page is a page
before = stats()
if case.endswith("region"):
    frame, rows, columns = 37, slice(200, 264), slice(100, 164)  # rows of two stripes
    found = array[frame, rows, columns].copy()
    assert (found == reference[frame, rows, columns]).all()
    touched = pages(frame, rows, columns)
else:
    y, x = 333, 77
    found = array[:, y, x].copy()
    assert (found == reference[:, y, x]).all()
    touched = set()
    for frame in range(N):
        touched |= pages(frame, slice(y, y + 1), slice(x, x + 1))
after = stats()
decoded = after["units_decoded"] - before["units_decoded"]
ahead = after["units_prefetched"] - before["units_prefetched"]
n_bytes = after["view_bytes"] - before["view_bytes"]
limit = units_under(touched)
if case == "exact trace":
    limit = N  # in order, each unit of a stripe is decoded once
print(f"PARTS {case}: {len(touched)} pages, {n_bytes} bytes asked for, {decoded} units decoded (at most {limit}), "
      f"{ahead} ahead")
if case.startswith("exact"):
    assert n_bytes <= 4096 * len(touched), (n_bytes, len(touched))
    assert decoded + ahead <= limit if case == "exact region" else decoded <= limit, (decoded, limit)
else:
    # The kernel reads around: the pages that it asked for, not those that were looked at, must be paid for.
    limit = (n_bytes // (STRIPE * W) + 2 * (after["requests"]["read"] - before["requests"]["read"])) * DEPTH
    assert decoded <= limit, (decoded, limit)
assert decoded >= 1
END
for case in "exact region" "exact trace" region; do
    mount_on "$m" "$work/a.pxr"
    /usr/bin/python3 "$work/parts.py" "$m" "$work/raw" "$case" || fail "$case"
    unmount "$m"
    wait_gone "$mount_pid" 150 || fail "still there"
done

# A small readahead of the mount does what MADV_RANDOM does (only root can set it).
if [ "$(id -u)" = 0 ] && [ -d /sys/class/bdi ]; then
    mount_on "$m" "$work/a.pxr" -o readahead=4K
    [ "$(cat "/sys/class/bdi/$(mountpoint -d "$m")/read_ahead_kb")" = 4 ] || fail "readahead=4K"
    dd if="$m/stack.npy" of=/dev/null bs=4096 skip=300 count=1 status=none
    [ "$(stat_of "$m" view_bytes)" -le 8192 ] || fail "readahead=4K: $(stat_of "$m" view_bytes) bytes for a page"
    unmount "$m"
fi
# 1000 random frames by eight processes: at most 4 units for each stripe of a frame, and each frame's 8 stripes.
mount_on "$m" "$work/a.pxr"
for i in 1 2 3 4 5 6 7 8; do
    /usr/bin/python3 - "$m" "$work/raw" "$i" <<'END' &
import random, sys
import numpy
mount, source, seed = sys.argv[1:]
random.seed(int(seed))
reference = numpy.fromfile(source, "u1").reshape(64, 512, 512)
for _ in range(125):
    i = random.randrange(64)
    assert (numpy.load(f"{mount}/npy/{i:06d}.npy") == reference[i]).all(), i
END
    readers[i]=$!
done
for i in 1 2 3 4 5 6 7 8; do wait "${readers[i]}" || fail "a reader"; done
# Everything fits the cache: no unit is decoded twice, whoever asks first.
n=$(($(stat_of "$m" units_decoded) + $(stat_of "$m" units_prefetched)))
[ "$n" -le $((64 * 8)) ] || fail "$n units decoded of 512"
echo "PARTS eight processes: $n units of 512"
unmount "$m"
