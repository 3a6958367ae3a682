#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The archive is cut, overwritten or replaced while it is mounted: right bytes or an error, never a crash.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

m=$work/m
"$bin/reelsim" -W 320 -H 240 -n 64 -o "$work/source"
"$bin/pixelrain" pack -q "$work/source" -o "$work/good.pxr" --block 8x240x320
"$bin/reelsim" -s 2 -W 320 -H 240 -n 64 -o "$work/other"
"$bin/pixelrain" pack -q "$work/other" -o "$work/other.pxr" --block 8x240x320
bytes=$(stat -c %s "$work/good.pxr")

# read_all ERRNO...: each frame is what it was or fails with one of these; prints how many failed
read_all() {
    /usr/bin/python3 - "$m/pgm" "$work/source" "$@" <<'END'
import errno, os, sys
mounted, source, *allowed = sys.argv[1:]
allowed = {getattr(errno, name) for name in allowed}
n_failed = 0
for name in sorted(os.listdir(source)):
    try:
        got = open(f'{mounted}/{name}', 'rb').read()
    except OSError as e:
        n_failed += 1
        if e.errno not in allowed:
            sys.exit(f'{name}: {e}')
    else:
        if got != open(f'{source}/{name}', 'rb').read():
            sys.exit(f'{name}: wrong pixels')
print(n_failed)
END
}
# start: a fresh copy, mounted, one frame read
start() {
    cp "$work/good.pxr" "$work/a.pxr"
    mount_on "$m" "$work/a.pxr" -o workers=2
    cmp "$m/pgm/reel_000000.pgm" "$work/source/reel_000000.pgm"
}
# stop: the process is alive, says at most a few lines, and ends properly
stop() {
    kill -0 "$mount_pid" || fail "the mount died"
    ls -l "$m" >/dev/null || fail "the mount does not answer"
    unmount "$m"
    wait_gone "$mount_pid" 150 || fail "the mount does not end"
    [ "$mount_status" = 0 ] || fail "exit code $mount_status"
}
log_lines() { wc -l <"$work/mount-$((${#mounts[@]} - 1)).log"; }

# ---- truncated to half, to nothing
for kept in $((bytes / 2)) 100 0; do
    start
    truncate -s "$kept" "$work/a.pxr"
    n=$(read_all EIO ESTALE) || fail "after truncation to $kept bytes"
    [ "$n" -gt 0 ] || fail "no frame failed after truncation to $kept bytes"
    lines=$(log_lines)
    ((lines >= 1 && lines <= 10)) || fail "$lines lines in the log for $n failures"
    [ "$(stat_of "$m" requests_failed)" -gt 0 ] || fail "failures are not counted"
    stop
done

# ---- other bytes in the middle
start
/usr/bin/python3 - "$work/a.pxr" <<'END'
import os, sys
f = open(sys.argv[1], 'r+b')
n = os.path.getsize(sys.argv[1])
for off in range(n // 3, n // 3 + 20000, 100):
    f.seek(off)
    f.write(b'\xa5')
END
n=$(read_all EIO ESTALE) || fail "after damage in the middle"
((n > 0 && n < 64)) || fail "$n of 64 frames failed after local damage"
stop

# ---- another archive's bytes in the same file (cp over it)
start
cat "$work/other.pxr" >"$work/a.pxr"
n=$(read_all EIO ESTALE) || fail "after overwriting"
[ "$n" -gt 0 ] || fail "no frame failed after overwriting"
stop

# ---- replaced by renaming, and deleted: the open one is still whole
start
cp "$work/other.pxr" "$work/b.pxr"
mv "$work/b.pxr" "$work/a.pxr"
[ "$(read_all)" = 0 ] || fail "after renaming another archive over it"
stop
start
rm "$work/a.pxr"
[ "$(read_all)" = 0 ] || fail "after deleting it"
stop
echo "DAMAGE ok"
