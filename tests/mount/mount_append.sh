#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A mounted archive is appended to, torn, and gone on with: the mount shows what it showed, and a new one shows all.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

m=$work/m
"$bin/reelsim" -W 160 -H 120 -n 60 -o "$work/source"
mkdir "$work/one" "$work/two"
cp "$work"/source/reel_0000[0-2]*.pgm "$work/one"
cp "$work"/source/reel_0000[3-5]*.pgm "$work/two"
"$bin/pixelrain" pack -q "$work/one" -o "$work/a.pxr" --block 4x120x160
mount_on "$m" "$work/a.pxr" -o workers=2
cp "$m/info.json" "$work/info"

# Read it again and again while frames are committed behind it.
(
    while [ ! -e "$work/stop" ]; do
        diff -r "$m/pgm" "$work/one" >"$work/differs" || touch "$work/wrong"
        echo read >>"$work/rounds"
    done
) &
reader=$!
pids+=("$reader")
"$bin/pixelrain" append -q --commit-every 1 "$work/a.pxr" "$work/two"
# A torn append, and one that goes on behind it.
cp "$work/a.pxr" "$work/b.pxr"
"$bin/pixelrain" append -q --names number --commit-every 3 "$work/b.pxr" "$work/one"
n=$(stat -c %s "$work/a.pxr")
dd if="$work/b.pxr" of="$work/a.pxr" bs=1 skip="$n" seek="$n" count=$((($(stat -c %s "$work/b.pxr") - n) / 2)) status=none
"$bin/pixelrain" append -q --skip-tail --names number "$work/a.pxr" "$work/one/reel_000007.pgm"
for ((i = 0; i < 100; i++)); do
    [ "$(wc -l <"$work/rounds")" -ge 3 ] && break
    sleep 0.1
done
touch "$work/stop"
wait "$reader" || true
[ ! -e "$work/wrong" ] || fail "while frames were appended: $(head -n 3 "$work/differs")"
cmp "$m/info.json" "$work/info"
diff -r "$m/pgm" "$work/one"
unmount "$m"
wait_gone "$mount_pid" 150 || fail "the mount does not end"
[ "$mount_status" = 0 ] || fail "exit code $mount_status"

mount_on "$m" "$work/a.pxr"
mkdir "$work/out"
cp "$m"/pgm/reel_*.pgm "$work/out"
diff -r "$work/out" "$work/source"
"$bin/pixelrain" check --deep -q "$work/a.pxr"
echo "MOUNT APPEND $(wc -l <"$work/rounds") rounds over 30 frames, the same all the while"
