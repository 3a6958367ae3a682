#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Options that change what is shown or how it is served: frames, fastopen, prefetch, verify, idle_timeout,
# notify_fd, masks, -d, -s.
# shellcheck disable=SC2012 # ls is what people type
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

mount=$bin/mount.pixelrain
m=$work/m
"$bin/reelsim" -W 300 -H 200 -n 60 -o "$work/source"
"$bin/pixelrain" pack -q "$work/source" -o "$work/a.pxr" --block 10x50x300
list_source() { find "$work/source" -name '*.pgm' -printf '%f\n' | sort; }

# ---- frames=A:B:S: names and inodes are those of the frames, stacks have these frames alone
mount_on "$work/all" "$work/a.pxr"
mount_on "$m" "$work/a.pxr" -o frames=7:50:6
diff <(ls "$m/pgm") <(list_source | sed -n '8~6p' | head -n 8) || fail "names of frames=7:50:6"
for file in "$m"/pgm/*; do
    name=${file##*/}
    cmp "$m/pgm/$name" "$work/source/$name"
    [ "$(stat -c %i "$m/pgm/$name")" = "$(stat -c %i "$work/all/pgm/$name")" ] || fail "inode of $name"
done
! [ -e "$m/pgm/reel_000008.pgm" ] || fail "a frame that was not chosen is there"
! [ -e "$m/pgm/reel_000055.pgm" ] || fail "a frame behind the end is there"
[ "$(ls "$m/zarr" | wc -l)" = 8 ] || fail "zarr of frames=7:50:6"
cat "$m"/raw/* | cmp - <(tail -c +4097 "$m/stack.npy") || fail "stack.npy"
cat "$m"/zarr/?/?/0 | cmp - <(tail -c +4097 "$m/stack.npy") || fail "zarr differs from stack.npy"
/usr/bin/python3 -c 'import json, sys
i = json.load(open(sys.argv[1] + "/info.json"))
assert i["shown_frames"] == {"first": 7, "step": 6, "count": 8} and i["frames"] == 60, i' "$m"
unmount "$m"
unmount "$work/all"
mkdir -p "$m"
expect 2 "$mount" "$work/a.pxr" "$m" -o frames=60:
said "chooses no frame"
expect 2 "$mount" "$work/a.pxr" "$m" -o frames=1-3
said "frames wants"
mount_on "$m" "$work/a.pxr" -o frames=59,views=stack.npy:stack.y4m:npy
[ "$(ls "$m" | tr '\n' ' ')" = "info.json npy stack.npy stack.y4m " ] || fail "views=stack.npy:...: $(ls "$m")"
[ "$(ls "$m/npy")" = reel_000059.npy ] || fail "frames=59"
unmount "$m"

# ---- what an archive cannot show is left out, said in info.json, and refused where it was asked for
"$bin/mount_probe" empty "$work/empty.pxr"
mount_on "$m" "$work/empty.pxr"
[ "$(find "$m" -name 'stack.*' | wc -l)" = 2 ] || fail "stacks of no frames: $(ls "$m")"
/usr/bin/python3 -c 'import json, sys
absent = json.load(open(sys.argv[1] + "/info.json"))["absent"]
assert set(absent) == {"stack.tif", "stack.ij.tif", "stack.px2", "stack.pxs", "png-small", "dci", "pce"} and "no frames" in absent["stack.tif"], absent' "$m"
[ "$(stat -c %s "$m/stack.npy")" = 4096 ] || fail "stack.npy of no frames"
unmount "$m"
mkdir -p "$m"
expect 5 "$mount" "$work/empty.pxr" "$m" -o views=png:stack.tif
said "cannot show stack.tif"

# png-small: not indexed, indexed in part, indexed
expect 5 "$mount" "$work/a.pxr" "$m" -o view=png-small
said "pixelrain index"
cp "$work/a.pxr" "$work/small.pxr"
"$bin/pixelrain" index -q "$work/small.pxr" png-small
mount_on "$m" "$work/small.pxr" -o view=png-small
[ "$(ls "$m" | wc -l)" = 60 ] || fail "view=png-small"
for file in "$m"/*; do
    [ "$(stat -c %s "$file")" = "$(wc -c <"$file")" ] || fail "size of $file"
done
[ "$(cat "$m"/* | wc -c)" -lt $((60 * 300 * 200 * 7 / 10)) ] || fail "png-small is not small"
unmount "$m"
"$bin/reelsim" -W 300 -H 200 -n 2 -o "$work/more"
"$bin/pixelrain" append -q --names number --index none "$work/small.pxr" "$work/more"
expect 5 "$mount" "$work/small.pxr" "$m" -o view=png-small
said "not all frames are indexed"

# ---- fastopen: files are opened without a request, stats.json is fresh all the same
mount_on "$m" "$work/a.pxr" -o fastopen
cat "$m"/pgm/*.pgm >/dev/null
diff -r "$work/source" "$m/pgm" || fail "fastopen: pgm"
[ "$(stat_of "$m" requests.open)" = 1 ] || fail "fastopen: $(stat_of "$m" requests.open) opens"
first=$(stat_of "$m" requests.read)
cat "$m"/png/*.png >/dev/null
[ "$(stat_of "$m" requests.read)" -gt "$first" ] || fail "fastopen: stats.json is stale"
! (: >>"$m/info.json") 2>/dev/null || fail "fastopen: info.json can be opened for writing"
# The kernel may drop pages at any time, and a system that saves memory does; so once in ten is enough.
is_read_from_pages() {
    local reads
    reads=$(stat_of "$m" requests.read)
    cat "$m"/pgm/*.pgm | md5sum >/dev/null
    [ $(($(stat_of "$m" requests.read) - reads)) -le 1 ]
}
for ((i = 0; i < 10; i++)); do
    ! is_read_from_pages || break
done
((i < 10)) || fail "fastopen: warm files are read again"
unmount "$m"

# ---- prefetch=0 decodes nothing ahead, and a reader in order is not harmed
for ahead in 0 2; do
    mount_on "$m" "$work/a.pxr" -o "prefetch=$ahead,workers=2"
    diff -r "$work/source" "$m/pgm" || fail "prefetch=$ahead"
    n=$(stat_of "$m" units_prefetched)
    total=$((n + $(stat_of "$m" units_decoded)))
    if [ "$ahead" = 0 ]; then
        [ "$n" = 0 ] || fail "prefetch=0 prefetched $n units"
    else
        [ "$n" -gt 0 ] || fail "prefetch=2 prefetched nothing"
    fi
    [ "$total" -le $((60 * 4)) ] || fail "prefetch=$ahead: $total units for 240 of them"
    unmount "$m"
done

# ---- who reads in order gives back memory behind, but not before it is a quarter of the cache; nothing is decoded twice
"$bin/reelsim" -n 300 -o "$work/long" # 88 MiB
"$bin/pixelrain" pack -q "$work/long" -o "$work/long.pxr"
for cache in 64 1000; do
    mount_on "$m" "$work/long.pxr" -o "cache=${cache}M,workers=2"
    diff -r "$work/long" "$m/pgm" || fail "cache=${cache}M"
    total=$(($(stat_of "$m" units_prefetched) + $(stat_of "$m" units_decoded)))
    [ "$total" = 300 ] || fail "cache=${cache}M: $total units decoded for 300 frames"
    kept=$(($(stat_of "$m" cache_bytes) >> 20))
    # A quarter, two groups that are read and decoded, and one for luck; or everything.
    if [ "$cache" = 64 ]; then
        [ "$kept" -le 46 ] || fail "cache=64M keeps $kept MiB"
    else
        [ "$kept" -ge 87 ] || fail "cache=1000M keeps $kept MiB"
    fi
    unmount "$m"
done
rm -rf "$work/long" "$work/long.pxr"

# ---- verify=unit finds a flipped bit of a sample; verify=off does not look
"$bin/pixelrain" pack -q "$work/source" -o "$work/stored.pxr" --codec store --block 10x50x300
cp "$work/stored.pxr" "$work/flipped.pxr"
/usr/bin/python3 - "$work/flipped.pxr" "$work/source/reel_000003.pgm" <<'END'
import sys
archive = bytearray(open(sys.argv[1], 'rb').read())
row = open(sys.argv[2], 'rb').read()[-300 * 60:][:300]
at = archive.find(row)
assert at > 0 and archive.find(row, at + 1) < 0
archive[at] ^= 1
open(sys.argv[1], 'wb').write(archive)
END
for verify in unit off; do
    mount_on "$m" "$work/flipped.pxr" -o "verify=$verify"
    if [ "$verify" = unit ]; then
        ! cat "$m/pgm/reel_000003.pgm" >/dev/null 2>&1 || fail "verify=unit reads damaged samples"
    else
        [ "$(cmp -l "$m/pgm/reel_000003.pgm" "$work/source/reel_000003.pgm" | wc -l)" = 1 ] || fail "verify=off"
    fi
    cmp "$m/pgm/reel_000020.pgm" "$work/source/reel_000020.pgm"
    unmount "$m"
done

# ---- masks
mount_on "$m" "$work/a.pxr" -o umask=077,fmask=133,dmask=022
[ "$(stat -c %a "$m/png" "$m/info.json" "$m/stack.tif" "$m/zarr/3/1/0" | tr '\n' ' ')" = "555 444 444 444 " ] ||
    fail "masks: $(stat -c %a "$m/png" "$m/info.json")"
unmount "$m"
mount_on "$m" "$work/a.pxr" -o fmask=7,dmask=5
[ "$(stat -c %a "$m/png" "$m/info.json" | tr '\n' ' ')" = "550 440 " ] || fail "masks"
unmount "$m"

# ---- notify_fd: one line, when the mount is ready or will never be, from the foreground and as a daemon
mkdir -p "$m"
mounts+=("$m")
for flags in "" -f; do
    mkfifo "$work/pipe"
    # shellcheck disable=SC2086 # no flag is no word
    "$mount" $flags "$work/a.pxr" "$m" -o notify_fd=7 7>"$work/pipe" 2>/dev/null &
    pids+=($!)
    line=$(cat "$work/pipe") # until everybody has closed it
    [ "${line%%$'\n'*}" = ready ] || fail "notify_fd said '$line'"
    [ -e "$m/info.json" ] || fail "notify_fd: not ready"
    unmount "$m"
    rm "$work/pipe"
done
"$mount" "$work/source/reel_000001.pgm" "$m" -o notify_fd=7 7>"$work/line" 2>/dev/null && fail "a picture was mounted"
[ "$(cat "$work/line")" = "failed 1" ] || fail "notify_fd said '$(cat "$work/line")'"
expect 2 "$mount" "$work/a.pxr" "$m" -o notify_fd=77
said notify_fd

# ---- idle_timeout: ends by itself, but not under somebody's feet
mount_on "$m" "$work/a.pxr" -o idle_timeout=1
exec 9<"$m/pgm/reel_000001.pgm"
sleep 2.5
is_mounted "$m" || fail "idle_timeout: unmounted with an open file"
exec 9<&-
(cd "$m" && sleep 2.5)
is_mounted "$m" || fail "idle_timeout: unmounted with somebody in it"
wait_gone "$mount_pid" 50 || fail "idle_timeout: still there"
[ "$mount_status" = 0 ] || fail "idle_timeout: exit code $mount_status"
! is_mounted "$m" || fail "idle_timeout: still mounted"

# ---- -d prints requests, -s answers with one thread
mount_on "$m" "$work/a.pxr" -d
log=$work/mount-$((${#mounts[@]} - 1)).log
cat "$m/info.json" >/dev/null
unmount "$m"
wait_gone "$mount_pid" 20 || fail "-d"
[ "$(grep -cE 'LOOKUP|READ' "$log")" -ge 2 ] || fail "-d prints no requests: $(head -n 5 "$log")"
rm "$log"
mount_on "$m" "$work/a.pxr" -s -o workers=0,prefetch=0
(cd "$m/pgm" && md5sum -- * >/dev/null & cd "$m/png" && md5sum -- * >/dev/null; wait)
n=$(find "/proc/$mount_pid/task" -mindepth 1 -maxdepth 1 | wc -l)
[ "$n" -le 2 ] || fail "-s: $n threads"
diff -r "$work/source" "$m/pgm" || fail "-s"
unmount "$m"
echo "MODES ok"
