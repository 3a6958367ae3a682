#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Many readers at once: random ranges of all views by 64 threads equal slices of the whole files.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

m=$work/m
"$bin/reelsim" -W 500 -H 333 -b 12 -n 40 -o "$work/source"
"$bin/pixelrain" pack -q "$work/source" -o "$work/a.pxr" --block 16x64x256
mount_on "$m" "$work/a.pxr"
mkdir "$work/copy"
for view in png pgm raw; do
    cp -r "$m/$view" "$work/copy/$view"
done
diff -r "$work/source" "$work/copy/pgm"
unmount "$m"
# The smallest cache that is accepted: whatever it drops has to be decoded again, rightly.
expect 2 "$bin/mount.pixelrain" "$work/a.pxr" "$m" -o cache=1
smallest=$(sed -n 's/.*it needs cache=\([0-9]*\).*/\1/p' "$work/said")
for options in "cache=$smallest" "max_threads=8,workers=3"; do
    mount_on "$m" "$work/a.pxr" -o "$options"
    pairs=()
    while read -r file; do
        pairs+=("$m/$file" "$work/copy/$file")
    done < <(cd "$work/copy" && find . -type f | sort)
    "$bin/mount_probe" ranges 1 3 64 "${pairs[@]}" || fail "with -o $options"
    # Whole files by several programs at once, the page cache dropped by mounting anew.
    for _ in 1 2 3 4; do
        diff -r "$work/copy/png" "$m/png" &
        pids+=($!)
        diffs+=($!)
    done
    for pid in "${diffs[@]}"; do
        wait "$pid" || fail "diff of whole files, with -o $options"
    done
    diffs=()
    [ "$(stat_of "$m" requests_failed)" = 0 ] || fail "requests failed"
    unmount "$m"
    wait_gone "$mount_pid" 150 || fail "the mount does not end"
done
echo "READERS ok"
