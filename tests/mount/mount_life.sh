#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How a mount ends: unmounted while read, by a signal with readers in flight, by violence.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

m=$work/m
# Noise does not compress: every read has something to decode. A small cache, so that it always has.
"$bin/reelsim" -m noise -W 700 -H 600 -n 24 -b 16 -F raw |
    "$bin/pixelrain" pack -q --raw 700x600x16 - -o "$work/a.pxr"

# start_readers N: programs that read until the mount is gone; $readers are their processes
start_readers() {
    local i file files=("$m"/png/*)
    readers=()
    for ((i = 0; i < $1; i++)); do
        file=${files[i * 5 % ${#files[@]}]}
        "$bin/mount_probe" hold "$file" >"$work/reader-$i" 2>&1 &
        readers+=($!)
        pids+=($!)
    done
    for ((i = 0; i < 100; i++)); do
        [ "$(cat "$work"/reader-* 2>/dev/null | grep -c holding)" != "$1" ] || return 0
        sleep 0.05
    done
    fail "readers do not start"
}
# They got an error: not a crash, not silence, and not wrong data (that is for other tests).
check_readers() {
    local pid
    for pid in "${readers[@]}"; do
        wait_gone "$pid" 30 || fail "a reader hangs"
    done
    [ "$(cat "$work"/reader-* | grep -c ended:)" = "${#readers[@]}" ] || fail "readers: $(cat "$work"/reader-*)"
    rm -f "$work"/reader-*
}

for signal in TERM INT HUP; do
    mount_on "$m" "$work/a.pxr"
    start_readers 6
    sleep 0.3
    kill -s "$signal" "$mount_pid"
    wait_gone "$mount_pid" 100 || fail "still there 10 s after SIG$signal"
    [ "$mount_status" = 0 ] || fail "exit code $mount_status after SIG$signal"
    ! is_mounted "$m" || fail "still mounted after SIG$signal"
    check_readers
done

# A stopped reader holds a request's answer; idle mounts end at once too.
mount_on "$m" "$work/a.pxr"
kill -TERM "$mount_pid"
wait_gone "$mount_pid" 100 || fail "an idle mount is still there 10 s after SIGTERM"

# ---- a disk that does not answer: in order is impossible, in time is not (torture_mount measures two seconds)
if is_sanitized; then
    echo "a preloaded library and a sanitizer do not go together: no hanging disk"
else
    export PXR_HANG=$work/hang
    echo 0 >"$PXR_HANG"
    LD_PRELOAD=$bin/mount_hang.so mount_on "$m" "$work/a.pxr"
    printf 1 | dd of="$PXR_HANG" conv=notrunc status=none
    cat "$m/png/000009.png" >/dev/null 2>&1 &
    pids+=($!)
    sleep 0.3
    kill -TERM "$mount_pid"
    wait_gone "$mount_pid" 100 || fail "with a hanging disk: still there 10 s after SIGTERM"
    [ "$mount_status" = 3 ] || fail "exit code $mount_status with a hanging disk"
    ! is_mounted "$m" || fail "with a hanging disk: still mounted"
    unset PXR_HANG
fi

# ---- unmounted from outside: lazily while read, then plainly
mount_on "$m" "$work/a.pxr"
start_readers 4
if [ "$(id -u)" = 0 ]; then umount -l "$m"; else fusermount3 -uz "$m"; fi
! is_mounted "$m" || fail "umount -l"
kill -0 "$mount_pid" || fail "the mount ended while programs still read"
for pid in "${readers[@]}"; do
    kill "$pid"
done
wait_gone "$mount_pid" 150 || fail "the process outlives the last reader"
rm -f "$work"/reader-*

mount_on "$m" "$work/a.pxr"
start_readers 1
! unmount "$m" 2>/dev/null || fail "umount of a busy mount"
kill "${readers[0]}"
wait_gone "${readers[0]}" 20 || fail "the reader does not end"
unmount "$m"
wait_gone "$mount_pid" 150 || fail "the process outlives the mount"
[ "$mount_status" = 0 ] || fail "exit code $mount_status after umount"
rm -f "$work"/reader-*

# ---- the daemon ends by a signal as well, found by the folder that it serves
"$bin/mount.pixelrain" "$work/a.pxr" "$m"
daemon=$(pgrep -f "mount.pixelrain $work/a.pxr") || fail "no daemon"
[ "$(readlink "/proc/$daemon/cwd")" = / ] || fail "the daemon keeps a folder busy"
[ "$(readlink "/proc/$daemon/fd/2")" = /dev/null ] || fail "the daemon holds the caller's terminal"
kill -TERM "$daemon"
wait_gone "$daemon" 100 || fail "the daemon is still there 10 s after SIGTERM"
! is_mounted "$m" || fail "the daemon left its mount"

# ---- killed: the dead mount point is explained, and not cleaned up behind the user's back
mount_on "$m" "$work/a.pxr"
kill -KILL "$mount_pid"
wait_gone "$mount_pid" 150 || fail "SIGKILL"
expect 3 "$bin/mount.pixelrain" "$work/a.pxr" "$m"
said "fusermount3 -u '$m'"
is_mounted "$m" || fail "the dead mount was removed"
sh -c "$(sed -n "s/.*\(fusermount3 -u .*\)/\1/p" "$work/said")" || fail "the line that was printed does not work"

# ---- again and again; two mounts of one archive
for _ in 1 2 3 4 5 6 7 8 9 10; do
    "$bin/mount.pixelrain" "$work/a.pxr" "$m"
    [ -e "$m/info.json" ] || fail "the mount is not ready when the caller returns"
    unmount "$m"
done
mount_on "$m" "$work/a.pxr"
mount_on "$work/m2" "$work/a.pxr"
cmp "$m/png/000003.png" "$work/m2/png/000003.png"
unmount "$m"
unmount "$work/m2"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    pgrep -f "mount.pixelrain .*$work/a.pxr" >"$work/left" || break
    sleep 0.1
done
while read -r pid; do
    grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null || fail "process $pid is left"
done <"$work/left"
echo "LIFE ok"
