#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command line: what is refused, with which words and exit code; paths; owners; who may mount.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

mount=$bin/mount.pixelrain
mkdir "$work/m" "$work/empty"
"$bin/reelsim" -W 40 -H 30 -n 5 -o "$work/source"
"$bin/pixelrain" pack -q "$work/source" -o "$work/a.pxr"
echo "this is no archive, only a line of text that is long enough" >"$work/text.pxr"
head -c 300 "$work/a.pxr" >"$work/short.pxr"

# ---- refused: options by name and before the archive is looked at
expect 2 "$mount" "$work/missing.pxr" "$work/m" -o ro,bogus=3
said "unknown option 'bogus'"
expect 2 "$mount" -o view=gif "$work/missing.pxr" "$work/m"
said gif
expect 2 "$mount" "$work/missing.pxr" "$work/m" -o view=png,pgm
said colons
expect 2 "$mount" -q "$work/a.pxr" "$work/m"
said "'-q'"
expect 2 "$mount" "$work/a.pxr"
said usage
expect 2 "$mount" "$work/a.pxr" "$work/m" -o cache=1
said "cache=1 is too small"
smallest=$(sed -n 's/.*it needs cache=\([0-9]*\).*/\1/p' "$work/said")
expect 0 "$mount" -h
said "layout=flat|nested"
expect 0 "$mount" --version
said "mount.pixelrain "

# ---- the machine, the data
expect 3 "$mount" "$work/missing.pxr" "$work/m"
said "missing.pxr"
expect 3 "$mount" "$work/a.pxr" "$work/nowhere"
said "nowhere"
expect 3 "$mount" "$work/a.pxr" "$work/text.pxr"
said "Not a directory"
expect 1 "$mount" "$work/text.pxr" "$work/m"
said "text.pxr"
expect 1 "$mount" "$work/short.pxr" "$work/m"
said "short.pxr"
! is_mounted "$work/m" || fail "a refused archive is mounted"
! grep -q 'reelsim\|Sanitizer' "$work/said" || fail "unexpected words"

# ---- the smallest cache that was named is enough
mount_on "$work/m" "$work/a.pxr" -o "cache=$smallest"
diff -r "$work/source" "$work/m/pgm"
unmount "$work/m"

# ---- as a daemon: the caller waits for the mount and no longer, and hears nothing
mounts+=("$work/m" "$work/with, comma \\ and 'quotes'")
expect 0 "$mount" "$work/a.pxr" "$work/m"
[ ! -s "$work/said" ] || fail "it talks: $(cat "$work/said")"
diff -r "$work/source" "$work/m/pgm"
expect 3 "$mount" "$work/a.pxr" "$work/a.pxr"
unmount "$work/m"

# ---- relative paths, commas and quotes in both paths
cd "$work"
mkdir "with, comma \\ and 'quotes'"
cp a.pxr "a,b\\c 'd'.pxr"
expect 0 "$mount" -v "a,b\\c 'd'.pxr" "with, comma \\ and 'quotes'"
said "is mounted on"
diff -r source "with, comma \\ and 'quotes'/pgm"
/usr/bin/python3 - "$work/a,b\\c 'd'.pxr" <<'END'
import re, sys
undo = lambda s: re.sub(r'\\([0-7]{3})', lambda m: chr(int(m[1], 8)), s)
sources = [undo(line.split()[0]) for line in open('/proc/mounts')]
assert sys.argv[1] in sources, sources
END
[ "$(id -u)" != 0 ] || [ ! -d /sys/class/bdi ] || [ "$(cat "/sys/class/bdi/$(mountpoint -d "with, comma \\ and 'quotes'")/read_ahead_kb")" = 256 ] ||
    fail "readahead"
unmount "with, comma \\ and 'quotes'"

# ---- what mount(8) passes; the mount is read-only all the same
mount_on "$work/m" "$work/a.pxr" -n -s -v -o rw,nofail,user,_netdev,exec,suid,dev,x-systemd.automount
grep -qE "^[^ ]+ $work/m fuse.pixelrain ro,nosuid,nodev,noexec" /proc/mounts || fail "$(cat /proc/mounts)"
unmount "$work/m"

# ---- owners and permissions
mount_on "$work/m" "$work/a.pxr" -o uid=12,gid=34,umask=027,max_threads=1,workers=0,readahead=0
[ "$(stat -c '%u %g %a' m/pgm)" = "12 34 550" ] || fail "folder: $(stat -c '%u %g %a' m/pgm)"
[ "$(stat -c '%u %g %a' m/info.json)" = "12 34 440" ] || fail "file: $(stat -c '%u %g %a' m/info.json)"
diff -r source m/pgm
unmount "$work/m"

# ---- pixelrain mount is the same program
expect 0 "$bin/pixelrain" mount a.pxr m -o view=raw
[ -e m/reel_000000.raw ] || fail "pixelrain mount -o view=raw"
unmount "$work/m"
expect 2 "$bin/pixelrain" mount a.pxr m -o bogus
said bogus

# ---- a kernel that refuses, as in a container: its reason and what to do instead, in one line
if [ "$(id -u)" = 0 ] && has setpriv; then
    expect 3 setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$mount" a.pxr m
    said "$work/m: cannot be mounted on: fusermount3: mount failed: Operation not permitted; 'pixelrain extract'"
    [ "$(wc -l <"$work/said")" = 1 ] || fail "more than one line: $(cat "$work/said")"
fi

# ---- somebody who is not root, through fusermount3; and others only when allowed
if [ "$(id -u)" = 0 ] && has setpriv && [ -u "$(command -v fusermount3)" ]; then
    as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }
    chmod 755 "$work"
    mkdir "$work/theirs"
    chown 65534:65534 "$work/theirs"
    # libfuse opens the device itself; some containers keep it for root.
    if as_nobody test -x "$mount" && as_nobody sh -c ': <>/dev/fuse' 2>/dev/null; then
        mounts+=("$work/theirs")
        expect 0 as_nobody "$mount" a.pxr theirs
        as_nobody diff -r source theirs/pgm || fail "nobody cannot read the own mount"
        [ "$(as_nobody stat -c %u theirs/png)" = 65534 ] || fail "owner"
        as_nobody fusermount3 -u theirs
    fi
    mount_on "$work/m" "$work/a.pxr"
    ! as_nobody ls "$work/m" 2>/dev/null || fail "others can read without allow_other"
    unmount "$work/m"
    mount_on "$work/m" "$work/a.pxr" -o allow_other
    as_nobody diff -r source m/pgm || fail "others cannot read with allow_other"
    unmount "$work/m"
    mount_on "$work/m" "$work/a.pxr" -o allow_other,umask=007
    ! as_nobody ls "$work/m" 2>/dev/null || fail "umask=007 lets others in"
    unmount "$work/m"
fi
echo "OPTIONS ok"
