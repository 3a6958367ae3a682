# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For the scripts beside this one: a work folder, mounts that never outlive the test, comparisons.
set -euo pipefail
export LC_ALL=C.UTF-8

bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export here

skip() {
    echo "SKIPPED: $*"
    exit 77
}
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null; }
is_sanitized() { grep -q 'lib[at]san' <(ldd "$bin/mount.pixelrain"); }

# ---- can this machine mount? Asked without our own program: a broken one must not skip its tests.
[ -e /dev/fuse ] || skip "no /dev/fuse"
has fusermount3 || skip "no fusermount3"
if [ "$(id -u)" = 0 ]; then
    (exec 9<>/dev/fuse) 2>/dev/null || skip "/dev/fuse cannot be opened"
    unshare -m true 2>/dev/null || skip "this container may not mount"
else
    [ -u "$(command -v fusermount3)" ] || skip "fusermount3 is not setuid root"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/pxr-mount-XXXXXX")
pids=()
mounts=()

is_mounted() { grep -qF " $(printf '%s' "$1" | sed 's/ /\\040/g') fuse.pixelrain " <(cut -d' ' -f2- /proc/mounts | sed 's/^/ /'); }

unmount() { fusermount3 -uq -- "$1" || umount "$1"; }

cleanup() {
    local status=$? dir pid
    set +e
    cd /
    for dir in "${mounts[@]}"; do
        is_mounted "$dir" && { fusermount3 -uzq -- "$dir" || umount -l "$dir"; }
    done
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null
    done
    for pid in "${pids[@]}"; do
        wait "$pid" 2>/dev/null
    done
    # A sanitizer's report and the mount's own messages are of interest only where something went wrong.
    if grep -hE '(ERROR|WARNING): (Address|Leak|Thread)Sanitizer|runtime error:' "$work"/*.log 2>/dev/null; then
        status=1
    fi
    [ "$status" = 0 ] || [ "$status" = 77 ] || tail -n 40 "$work"/*.log 2>/dev/null >&2
    chmod -R u+w "$work" 2>/dev/null
    rm -rf --one-file-system "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# mount_on DIR ARCHIVE [OPTION...]: in the foreground below this shell; $mount_pid is its process.
mount_on() {
    local dir=$1 archive=$2 log i
    shift 2
    mkdir -p "$dir"
    log=$work/mount-${#mounts[@]}.log
    "$bin/mount.pixelrain" -f "$archive" "$dir" "$@" 2>"$log" &
    mount_pid=$!
    pids+=("$mount_pid")
    mounts+=("$dir")
    for ((i = 0; i < 200; i++)); do
        if is_mounted "$dir"; then
            # Mounted it has still to confine itself and to start threads; it answers after that.
            stat "$dir/." >/dev/null 2>&1 || true
            return 0
        fi
        kill -0 "$mount_pid" 2>/dev/null || break
        sleep 0.05
    done
    fail "no mount on $dir: $(cat "$log")"
}

# shellcheck disable=SC2034 # mount_status is for the scripts
# The process of mount_on has ended: within N tenths of a second; sets $mount_status.
wait_gone() {
    local pid=$1 tenths=$2 i
    for ((i = 0; i <= tenths * 2; i++)); do
        if [ ! -e "/proc/$pid" ] || grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; then
            mount_status=0
            wait "$pid" 2>/dev/null || mount_status=$? # 127: not ours, a daemon
            return 0
        fi
        sleep 0.05
    done
    return 1
}

# stat_of MOUNT KEY: a number of .pixelrain/stats.json
stat_of() {
    /usr/bin/python3 -c 'import json, sys
v = json.load(open(sys.argv[1] + "/.pixelrain/stats.json"))
for key in sys.argv[2].split("."): v = v[key]
print(v)' "$1" "$2"
}

# samples FILE.pgm: what follows the header
samples() { tail -c +"$(($(head -n 3 "$1" | wc -c) + 1))" "$1"; }

# expect STATUS COMMAND...: runs it, its messages are in $work/said
expect() {
    local wanted=$1 status=0
    shift
    "$@" >"$work/said" 2>&1 || status=$?
    [ "$status" = "$wanted" ] || fail "exit code $status, not $wanted, of: $* ($(cat "$work/said"))"
}
said() { grep -qF -- "$1" "$work/said" || fail "'$(cat "$work/said")' does not say '$1'"; }
