#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the process of a mount gives up: files, calls, privileges, descriptors; and that it ends as it should without.
#
# Some containers keep /dev/fuse for root.  Then a copy that all may open lies over it, for this script alone: what
# somebody who is not root sees must be tested too.
may_all_mount() { setpriv --reuid=65534 --regid=65534 --clear-groups -- sh -c ': <>/dev/fuse' 2>/dev/null; }
if [ "$(id -u)" = 0 ] && [ -z "${PXR_OWN_DEVICE:-}" ] && [ -c /dev/fuse ] && ! may_all_mount && unshare -m true; then
    # shellcheck disable=SC2016 # expanded there
    PXR_OWN_DEVICE=1 exec unshare -m bash -c '
        mount -t tmpfs none /mnt && mknod -m 666 /mnt/fuse c 10 229 && mount --bind /mnt/fuse /dev/fuse && umount -l /mnt
        exec "$0" "$@"' "$0" "$@"
fi
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

mount=$bin/mount.pixelrain
m=$work/m
mkdir "$m"
"$bin/reelsim" -W 64 -H 48 -n 40 -o "$work/source"
"$bin/pixelrain" pack -q "$work/source" -o "$work/a.pxr"
echo "to be left alone" >"$work/victim"
export PXR_VICTIM=$work/victim PXR_OPEN_FD=9

# What kernel and build have; a test of what they have not would show nothing.
expect 0 "$mount" -V -v
said "sandbox: "
text=$(sed -n 's/^sandbox: //p' "$work/said")
has_filter=0
has_landlock=0
case $text in *"no seccomp"*) ;; *seccomp*) has_filter=1 ;; esac
case $text in *"no Landlock"*) ;; *Landlock*) has_landlock=1 ;; esac
case $text in *"no seccomp: built without"*) ;; *"no seccomp: "*) [ ! -e /proc/sys/kernel/seccomp ] || fail "$text" ;; esac

status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }

# helper_of PROCESS: the one that unmounts for it, which comes a moment after the mount
helper_of() {
    local i
    for ((i = 0; i < 100; i++)); do
        ! pgrep -P "$1" || return 0
        sleep 0.05
    done
    fail "no process that unmounts"
}

# ---- every thread tries what it must not: nothing succeeds
# attempts OPTIONS: one line for each thread in $work/lines, as many as there are threads
attempts() {
    local n_tasks n_lines=0 i log=$work/attempts.log
    "$bin/mount_forbidden" -f "$work/a.pxr" "$m" -o "workers=3,max_threads=3,idle_timeout=100,$1" \
        9>>"$work/victim" 2>"$log" &
    mount_pid=$!
    pids+=("$mount_pid")
    mounts+=("$m")
    for ((i = 0; i < 200; i++)); do
        ! is_mounted "$m" || break
        sleep 0.05
    done
    # Enough at once for a second thread of libfuse's.
    for ((i = 0; i < 20; i++)); do
        printf '%s\0' "$m"/*/*.* | xargs -0 -P 8 -n 20 cat >/dev/null
        [ "$(grep -c '^FORBIDDEN fuse' "$log")" -lt 2 ] || break
    done
    n_tasks=$(find "/proc/$mount_pid/task" -mindepth 1 -maxdepth 1 | wc -l)
    # The thread sanitizer has one of its own, made in its own way.
    ! grep -q libtsan <(ldd "$mount") || n_tasks=$((n_tasks - 1))
    for ((i = 0; i < 100; i++)); do
        n_lines=$(grep -c ^FORBIDDEN "$log")
        [ "$n_lines" -lt "$n_tasks" ] || break
        sleep 0.05
    done
    [ "$n_lines" -ge "$n_tasks" ] || fail "$n_tasks threads, $n_lines of them tried: $(cat "$log")"
    grep ^FORBIDDEN "$log" >"$work/lines"
}

attempts ro
grep -q '^FORBIDDEN main' "$work/lines" || fail "the main thread did not try"
[ "$(grep -c '^FORBIDDEN own' "$work/lines")" -ge 4 ] || fail "threads that decode, and the one that waits for idleness"
[ "$(grep -c '^FORBIDDEN fuse' "$work/lines")" -ge 2 ] || fail "threads that answer"
! grep -v ' 0 succeeded:$' "$work/lines" || fail "something that is forbidden succeeds"
wanted=0
[ "$has_landlock" = 0 ] || wanted=9
[ "$has_filter" = 0 ] || wanted=30
while read -r _ _ n_tried _; do
    [ "$n_tried" -ge "$wanted" ] || fail "only $n_tried attempts"
done <"$work/lines"
n_tried=$(cut -d" " -f3 "$work/lines" | sort -n | sed -n 1p)
echo "SANDBOX $(wc -l <"$work/lines") threads, $n_tried forbidden calls each: none succeeds ($text)"
[ "$(cat "$work/victim")" = "to be left alone" ] || fail "a file was changed"
for task in "/proc/$mount_pid/task"/*; do
    grep -q '^NoNewPrivs:.*1' "$task/status" || fail "a thread may gain privileges"
    [ "$has_filter" = 0 ] || grep -q '^Seccomp:.*2' "$task/status" || fail "a thread without a filter"
done
[ "$(stat_of "$m" sandbox)" = "$text" ] || fail "stats.json"
unmount "$m"
wait_gone "$mount_pid" 150 || fail "it does not end"

# The same attempts do succeed where there is no sandbox.
PXR_CONTROL=1 attempts nosandbox
while read -r _ _ n_tried _ n_succeeded _; do
    if [ "$n_tried" -lt 15 ] || [ "$n_succeeded" != "$n_tried" ]; then
        fail "control: $n_tried tried, $n_succeeded succeeded"
    fi
done <"$work/lines"
[ "$(stat_of "$m" sandbox)" = off ] || fail "stats.json with nosandbox"
[ "$(status_of "$mount_pid" Seccomp)" = 0 ] || fail "a filter with nosandbox"
unmount "$m"
wait_gone "$mount_pid" 150 || fail "it does not end without a sandbox"

# Calls in the manner of another architecture, which a filter does not understand, end the process.
if [ "$has_filter" = 1 ] && [ "$(uname -m)" = x86_64 ]; then
    status=0
    PXR_X32=1 "$bin/mount_forbidden" -f "$work/a.pxr" "$m" 2>"$work/x32.log" || status=$?
    [ "$status" = 159 ] || fail "exit code $status after a call of another architecture"
    ! is_mounted "$m" || fusermount3 -uz "$m"
fi

# A sandbox that the system should have and that fails is no reason to go on without: no mount stays.
if [ "$has_filter" = 1 ]; then
    for foreground in -f -v; do
        PXR_FAIL=1 expect 3 "$bin/mount_forbidden" "$foreground" "$work/a.pxr" "$m"
        said "the system calls cannot be limited (seccomp): Bad address"
        said "-o nosandbox"
        ! is_mounted "$m" || fail "mounted without the sandbox"
    done
    PXR_CONTROL=1 PXR_FAIL=1 expect 0 "$bin/mount_forbidden" "$work/a.pxr" "$m" -o nosandbox
    unmount "$m"
fi

# ---- who wants to know is told
exec 8>"$work/notified"
"$mount" "$work/a.pxr" "$m" -o notify_fd=8
exec 8>&-
[ "$(head -n 1 "$work/notified")" = ready ] || fail "notified: $(cat "$work/notified")"
case $text in
"Landlock (version "*"); seccomp"*) [ "$(wc -l <"$work/notified")" = 1 ] ;;
*) grep -qxF "sandbox: $text" "$work/notified" ;;
esac || fail "what is missing: $(cat "$work/notified")"
unmount "$m"
mount_on "$m" "$work/a.pxr" -d
grep -qF "sandbox: $text" "$work"/mount-*.log || fail "-d does not tell"
unmount "$m"

# ---- descriptors of the caller: a lock that it holds must not outlive it
exec 8>"$work/lock"
flock 8
expect 0 "$mount" "$work/a.pxr" "$m"
exec 8>&-
flock -n "$work/lock" true || fail "the caller's lock is still held"
daemon=$(pgrep -f "^$mount $work/a.pxr") || fail "no daemon, or two"
[ "$(wc -w <<<"$daemon")" = 1 ] || fail "processes: $daemon"
helper=$(helper_of "$daemon")
grep -qz "^pxr-unmount: $m" "/proc/$helper/cmdline" || fail "its name: $(tr '\0' ' ' <"/proc/$helper/cmdline")"
if [ -r "/proc/$daemon/fd" ]; then
    for process in "$daemon" "$helper"; do
        files=$(find "/proc/$process/fd" -type l -printf '%l\n' | grep -Ev '^(/dev/null|/dev/fuse|socket:.*)$' || true)
        [ "$files" = "$([ "$process" = "$helper" ] || echo "$work/a.pxr")" ] || fail "open files of $process: $files"
    done
    ! grep -q fuse <(find "/proc/$helper/fd" -type l -printf '%l\n') || fail "the helper keeps the mount alive"
fi

# ---- the helper: signals for all processes do not end it first; it ends with the mount
kill -TERM "$helper"
kill -INT "$helper"
sleep 0.1
kill -0 "$helper" || fail "the helper ends before the mount"
kill -TERM "$daemon" "$helper"
wait_gone "$daemon" 100 || fail "still there 10 s after SIGTERM"
wait_gone "$helper" 50 || fail "the helper is left"
! is_mounted "$m" || fail "still mounted after SIGTERM"

# Killed: what is mounted stays, and nobody goes on.
mount_on "$m" "$work/a.pxr"
helper=$(helper_of "$mount_pid")
kill -KILL "$mount_pid"
wait_gone "$helper" 50 || fail "the helper outlives a killed mount"
is_mounted "$m" || fail "a dead mount was removed"
unmount "$m"

# Without the helper the process still ends in time; what it left is explained to the next one.
mount_on "$m" "$work/a.pxr"
kill -KILL "$(helper_of "$mount_pid")"
kill -TERM "$mount_pid"
wait_gone "$mount_pid" 100 || fail "without its helper: still there 10 s after SIGTERM"
expect 3 "$mount" "$work/a.pxr" "$m"
said "fusermount3 -u"
unmount "$m"

# ---- over an archive that is mounted: only on request
mount_on "$m" "$work/a.pxr"
lower=$mount_pid
expect 3 "$mount" "$work/a.pxr" "$m"
said "$work/a.pxr is mounted here already"
said "-o nonempty"
# fusermount3 wants a folder that one may write to: only root can do this.
if [ "$(id -u)" = 0 ]; then
    expect 0 "$mount" "$work/a.pxr" "$m" -o nonempty,view=raw
    [ -e "$m/reel_000000.raw" ] || fail "nonempty"
    unmount "$m"
    [ -e "$m/raw/reel_000000.raw" ] || fail "the lower one is gone too"
    # What is on top belongs to others: it stays when the lower one ends.
    mount -t tmpfs none "$m"
    kill -TERM "$lower"
    wait_gone "$lower" 100 || fail "covered: still there 10 s after SIGTERM"
    [ "$(stat -f -c %T "$m")" = tmpfs ] || fail "somebody else's mount was removed"
    umount "$m"
    ! is_mounted "$m" || unmount "$m"
else
    unmount "$m"
fi

# ---- privileges
if [ "$(id -u)" = 0 ]; then
    mount_on "$m" "$work/a.pxr"
    [ "$(status_of "$mount_pid" CapPrm)" = 0000000000000000 ] || fail "root's capabilities are kept"
    unmount "$m"
    for sandbox in ro nosandbox; do
        mount_on "$m" "$work/a.pxr" -o "uid=12345,gid=54321,allow_other,$sandbox"
        [ "$(status_of "$mount_pid" Uid)" = "$(printf '12345\t12345\t12345\t12345')" ] || fail "user"
        [ "$(status_of "$mount_pid" Gid)" = "$(printf '54321\t54321\t54321\t54321')" ] || fail "group"
        [ -z "$(status_of "$mount_pid" Groups | tr -d ' ')" ] || fail "groups: $(status_of "$mount_pid" Groups)"
        [ "$(status_of "$mount_pid" CapPrm)" = 0000000000000000 ] || fail "capabilities"
        diff -r "$work/source" "$m/pgm"
        kill -TERM "$mount_pid"
        wait_gone "$mount_pid" 100 || fail "uid=: still there 10 s after SIGTERM"
        ! is_mounted "$m" || fail "uid=: still mounted after SIGTERM"
    done
    mount_on "$m" "$work/a.pxr" -o uid=12345,idle_timeout=1
    wait_gone "$mount_pid" 60 || fail "uid=, idle_timeout: still there"
    ! is_mounted "$m" || fail "uid=, idle_timeout: still mounted"
fi

# ---- somebody who is not root: the same, through fusermount3
if [ "$(id -u)" = 0 ] && has setpriv && [ -u "$(command -v fusermount3)" ]; then
    as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }
    chmod 755 "$work"
    mkdir "$work/theirs"
    chown 65534:65534 "$work/theirs"
    if as_nobody test -x "$mount" && as_nobody sh -c ': <>/dev/fuse' 2>/dev/null; then
        mounts+=("$work/theirs")
        for options in ro nosandbox; do
            expect 0 as_nobody "$mount" "$work/a.pxr" "$work/theirs" -o "$options"
            daemon=$(pgrep -U 65534 -f "^$mount $work/a.pxr") || fail "no daemon"
            [ "$options" = nosandbox ] || [ "$(status_of "$daemon" NoNewPrivs)" = 1 ] || fail "nobody may gain privileges"
            as_nobody diff -r "$work/source" "$work/theirs/pgm"
            as_nobody kill -TERM "$daemon"
            wait_gone "$daemon" 100 || fail "nobody: still there 10 s after SIGTERM"
            ! is_mounted "$work/theirs" || fail "nobody: still mounted after SIGTERM"
        done
        expect 0 as_nobody "$mount" "$work/a.pxr" "$work/theirs" -o idle_timeout=1
        daemon=$(pgrep -U 65534 -f "^$mount $work/a.pxr") || fail "no daemon"
        wait_gone "$daemon" 60 || fail "nobody, idle_timeout: still there"
        ! is_mounted "$work/theirs" || fail "nobody, idle_timeout: still mounted"
    else
        echo "SKIPPED: nobody cannot run this program or open /dev/fuse"
    fi
fi
echo "SANDBOX ok"
