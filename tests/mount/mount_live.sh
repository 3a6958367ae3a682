#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# -o live: what is committed while the archive is mounted appears, what was there stays as it was; torn tails, another
# archive under the name, and a file that is cut.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

m=$work/m
pxr=$bin/pixelrain
"$bin/reelsim" -W 160 -H 120 -n 90 -o "$work/source"
mkdir "$work"/{one,two,three}
cp "$work"/source/reel_0000[0-2]*.pgm "$work/one"
cp "$work"/source/reel_0000[3-5]*.pgm "$work/two"
cp "$work"/source/reel_0000[6-8]*.pgm "$work/three"
"$pxr" pack -q "$work/one" -o "$work/first.pxr" --block 4x60x160
cp "$work/first.pxr" "$work/all.pxr"
"$pxr" append -q "$work/all.pxr" "$work/two"
"$pxr" append -q "$work/all.pxr" "$work/three"

# soon COMMAND...: it succeeds within 5 s
soon() {
    local i
    for ((i = 0; i < 100; i++)); do
        ! "$@" || return 0
        sleep 0.05
    done
    fail "not within 5 s: $*"
}
n_frames() { [ "$(find "$m/pgm" -type f | wc -l)" = "$1" ]; }
start() {
    cp "$work/first.pxr" "$work/a.pxr"
    mount_on "$m" "$work/a.pxr" -o "$@"
}
stop() {
    kill -0 "$mount_pid" || fail "the mount died"
    unmount "$m"
    wait_gone "$mount_pid" 150 || fail "the mount does not end"
    [ "$mount_status" = 0 ] || fail "exit code $mount_status"
}
mount_log() { cat "$work/mount-$((${#mounts[@]} - 1)).log"; }

# ---- 64 readers of all views while frames are committed; every part is compared
mount_on "$work/plain" "$work/all.pxr"
mkdir "$work/reference"
for view in png pgm raw npy preview px2; do
    cp -r "$work/plain/$view" "$work/reference/$view"
done
diff -r "$work/source" "$work/reference/pgm"
start live,workers=2
n_frames 30 || fail "30 frames at first"
# What must not change: sizes of stacks, which programs have open or mapped.
mkdir "$work/stacks"
cp -r "$m"/stack.* "$m/zarr" "$work/stacks"
exec 7<"$m/pgm/reel_000003.pgm" 8<"$m/stack.npy"
[ ! -e "$m/png/reel_000030.png" ] || fail "a frame that is not there yet" # and the kernel must not remember that
blocks=$(stat -f -c %b "$m")
"$bin/mount_random" "$m" "$work/reference" 20000 64 1 "$work/done" >"$work/random" 2>"$work/random.log" &
random=$!
pids+=("$random")
# info.json is whole whenever it is read.
/usr/bin/python3 - "$m/info.json" "$work/done" <<'END' &
import json, os, sys
last = 0
while not os.path.exists(sys.argv[2]):
    n = json.load(open(sys.argv[1]))['frames']
    assert n >= last, (n, last)
    last = n
assert json.load(open(sys.argv[1]))['frames'] == 90
END
reader=$!
pids+=("$reader")
"$pxr" append -q --commit-every 1 "$work/a.pxr" "$work/two"
soon test -e "$m/png/reel_000059.png"
"$pxr" append -q --commit-every 7 -j 2 "$work/a.pxr" "$work/three"
soon n_frames 90
soon grep -q '"frames": 90,' "$m/info.json"
touch "$work/done"
wait "$random" || fail "random readers: $(cat "$work/random.log")"
wait "$reader" || fail "readers of info.json"
cat "$work/random"
for view in png pgm raw npy tif preview px2 vcbn; do
    diff -r "$work/plain/$view" "$m/$view" || fail "view $view"
done
for file in "$work"/stacks/stack.*; do
    cmp "$file" "$m/$(basename "$file")"
done
diff -r "$work/stacks/zarr" "$m/zarr"
cmp /dev/fd/7 "$work/source/reel_000003.pgm"
cmp /dev/fd/8 "$work/stacks/stack.npy"
exec 7<&- 8<&-
[ "$(stat -f -c %b "$m")" -gt "$blocks" ] || fail "the file system's size did not grow"
/usr/bin/python3 -c 'import os, sys
assert os.getxattr(sys.argv[1], "user.pixelrain.frames") == b"90"
assert os.getxattr(sys.argv[1] + "/pgm/reel_000089.pgm", "user.pixelrain.frame") == b"89"' "$m"
[ "$(stat_of "$m" requests_failed)" = 0 ] || fail "requests failed"
[ "$(find "/proc/$mount_pid/fd" | wc -l)" -lt 40 ] || fail "descriptors are left open"
stop
unmount "$work/plain"

# ---- other shapes of the same mount
start live,layout=nested,view=pgm
[ "$(ls "$m")" = 000000000 ] || fail "names of folders: $(ls "$m")"
# Never listed: the kernel asks for the name again although it was missing.
[ ! -e "$m/000000000/reel_000059.pgm" ] || fail "a frame that is not there yet"
"$pxr" append -q "$work/a.pxr" "$work/two"
soon test -e "$m/000000000/reel_000059.pgm"
stop
start live,frames=5:70:5,fastopen
"$pxr" append -q "$work/a.pxr" "$work/two" --commit-every 10
"$pxr" append -q "$work/a.pxr" "$work/three"
soon n_frames 13
cmp "$m/pgm/reel_000065.pgm" "$work/source/reel_000065.pgm"
soon grep -q '"frames": 90,' "$m/info.json"
stop
# Frames that are still to come may be asked for; without live they are an error.
start live,frames=40:
n_frames 0 || fail "frames=40:"
"$pxr" append -q "$work/a.pxr" "$work/two"
soon n_frames 20
stop
expect 2 "$bin/mount.pixelrain" "$work/first.pxr" "$m" -o frames=40:
expect 2 "$bin/mount.pixelrain" "$work/first.pxr" "$m" -o live=1

# ---- a view that must be indexed shows new frames once they are
cp "$work/first.pxr" "$work/a.pxr"
"$pxr" index -q "$work/a.pxr" png-small
mount_on "$m" "$work/a.pxr" -o live
"$pxr" append -q --index none "$work/a.pxr" "$work/two"
soon n_frames 60
[ "$(find "$m/png-small" -type f | wc -l)" = 30 ] || fail "png-small without index"
[ ! -e "$m/png-small/reel_000040.png" ] || fail "png-small of a frame that is not indexed"
"$pxr" index -q "$work/a.pxr" png-small
soon test -e "$m/png-small/reel_000059.png"
[ "$(find "$m/png-small" -type f | wc -l)" = 60 ] || fail "png-small with index"
stop

# ---- a recording from its first commit on
mkdir "$work/cam"
"$pxr" pack -q --follow "$work/cam" --commit-every 0.1s -o "$work/rec.pxr" 2>"$work/rec.log" &
recorder=$!
pids+=("$recorder")
cp "$work/one/reel_000000.pgm" "$work/cam"
soon test -e "$work/rec.pxr"
mount_on "$m" "$work/rec.pxr" -o live
for ((i = 1; i < 20; i++)); do
    cp "$work/source/reel_0000$(printf %02d "$i").pgm" "$work/cam"
    sleep 0.02
done
soon n_frames 20
for ((i = 0; i < 20; i++)); do
    name=reel_0000$(printf %02d "$i").pgm
    cmp "$m/pgm/$name" "$work/source/$name"
done
kill -TERM "$recorder"
wait "$recorder" || true
stop

# ---- a torn tail is nothing; who goes on behind it is followed
start live
bytes=$(stat -c %s "$work/first.pxr")
part() { dd if="$work/all.pxr" of="$work/a.pxr" iflag=skip_bytes,count_bytes oflag=seek_bytes skip="$1" seek="$1" \
    count="$2" conv=notrunc status=none; }
part "$bytes" 1000
sleep 0.3
n_frames 30 || fail "a torn tail shows frames"
cmp "$m/pgm/reel_000029.pgm" "$work/source/reel_000029.pgm"
"$pxr" append -q --skip-tail --commit-every 4 "$work/a.pxr" "$work/two"
soon n_frames 60
cmp <(cat "$m"/pgm/*) <(cat "$work"/{one,two}/*)
[ -z "$(mount_log)" ] || fail "a torn tail is no reason to complain: $(mount_log)"
stop
# And one that becomes whole after all.
start live
part "$bytes" 700
sleep 0.2
part $((bytes + 700)) 1000000
soon n_frames 90
diff -r "$work/source" "$m/pgm"
stop

# ---- another archive under the same name: the old one stays, and it is said once
start live
"$bin/reelsim" -s 2 -W 160 -H 120 -n 12 -o "$work/other"
"$pxr" pack -q "$work/other" -o "$work/b.pxr"
mv "$work/b.pxr" "$work/a.pxr"
said_gone() { grep -q 'was replaced or deleted' <(mount_log); }
soon said_gone
"$pxr" append -q --names number "$work/a.pxr" "$work/other"
sleep 1.5
diff -r "$work/one" "$m/pgm" || fail "after a replacement"
[ "$(mount_log | wc -l)" = 1 ] || fail "not said once: $(mount_log)"
stop

# ---- cut, or written over by another archive: errors, no crash, right frames or none
for how in cut over; do
    start live
    cmp "$m/pgm/reel_000000.pgm" "$work/one/reel_000000.pgm"
    if [ "$how" = cut ]; then
        truncate -s 5000 "$work/a.pxr"
    else
        "$pxr" pack -q "$work/other" -o "$work/b.pxr"
        cat "$work/b.pxr" >"$work/a.pxr"
    fi
    said_changed() { grep -q 'replaced or cut' <(mount_log); }
    soon said_changed
    for file in "$work"/one/*; do
        name=$(basename "$file")
        if cat "$m/pgm/$name" >"$work/got" 2>"$work/said"; then
            cmp "$work/got" "$file"
        else
            grep -qE 'Input/output error|Stale file handle' "$work/said" || fail "$(cat "$work/said")"
        fi
    done
    sleep 1.2
    [ "$(mount_log | wc -l)" -le 8 ] || fail "said too often: $(mount_log)"
    stop
done

# ---- without events the file's size is looked at
if is_sanitized; then
    echo "a preloaded library and a sanitizer do not go together: nothing without events"
else
    export PXR_NO_EVENTS=1
    LD_PRELOAD=$bin/mount_hang.so start live
    unset PXR_NO_EVENTS
    ! grep -q . <(find "/proc/$mount_pid/fd" -lname '*inotify*') || fail "there are events"
    "$pxr" append -q "$work/a.pxr" "$work/two"
    soon n_frames 60
    stop
fi
echo "LIVE ok"
