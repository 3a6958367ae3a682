#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a mount looks like: listings, sizes, times, attributes, the JSON files, layouts.
# shellcheck disable=SC2012 # ls is what people type
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

dir=$work/source
m=$work/m
"$bin/reelsim" -W 512 -H 512 -n 16 -o "$dir"
i=0
for f in "$dir"/*; do
    touch -d "2021-03-04 05:06:$((10 + i)).123456789 UTC" "$f"
    i=$((i + 1))
done
# Eight stripes of 64 rows; groups of 8 frames.
"$bin/pixelrain" pack -q "$dir" -o "$work/a.pxr" --time mtime --block 8x64x512
mount_on "$m" "$work/a.pxr"

# ---- one byte costs the units under one page of one frame: a stripe, at most log2(8) + 1 of its units
[ "$(stat_of "$m" units_decoded)" = 0 ] || fail "units were decoded before anybody read"
dd if="$m/pgm/reel_000005.pgm" bs=1 skip=114700 count=1 status=none |
    cmp - <(dd if="$dir/reel_000005.pgm" bs=1 skip=114700 count=1 status=none) || fail "one byte"
units=$(($(stat_of "$m" units_decoded) + $(stat_of "$m" units_prefetched)))
((units >= 1 && units <= 4)) || fail "one byte decoded $units units"
[ "$(stat_of "$m" requests.read)" -ge 1 ] || fail "reads are not counted"

# ---- listings
names=".pixelrain info.json npy pgm png preview px2 pxs raw stack.ij.tif stack.npy stack.px2 stack.tif stack.y4m tif vcbn zarr "
[ "$(ls -A "$m" | tr '\n' ' ')" = "$names" ] || fail "root: $(ls -A "$m")"
for view in png pgm raw tif npy preview vcbn px2 pxs; do
    diff <(ls "$m/$view") <(find "$dir" -name '*.pgm' -printf '%f\n' | sort | sed "s/pgm$/${view/preview/png}/") ||
        fail "names of $view"
done
ls -laR "$m" >"$work/listing"
# Frames nine times, five stacks, info and stats; of zarr two files and 16 frames of 8 stripes.
n_files=$(find "$m" -type f | wc -l) n_folders=$(find "$m" -type d | wc -l)
[ "$n_files" = $((16 * 9 + 5 + 2 + 2 + 16 * 8)) ] || fail "find counts $n_files files"
[ "$n_folders" = $((1 + 9 + 1 + 1 + 16 + 16 * 8)) ] || fail "find counts $n_folders folders"
[ "$(stat -c %h "$m")" = 13 ] || fail "links of the root"
[ "$(stat -c %h "$m/zarr" "$m/zarr/3" "$m/zarr/3/7" | tr '\n' ' ')" = "18 10 2 " ] || fail "links of zarr"
# What find and ls see as inode is what stat sees, also of "." and "..".
while read -r inode path; do
    [ "$(stat -c %i "$path")" = "$inode" ] || fail "inode of $path"
done < <(find "$m" -printf '%i %p\n')
ls -fi "$m/png" >"$work/listing" # "." and ".." with the inodes of the listing
for pair in "$(stat -c %i "$m/png") ." "$(stat -c %i "$m") .."; do
    grep -qE "^ *${pair//./\\.}\$" "$work/listing" || fail "no '$pair' in ls -fi"
done
for path in "$m/png/missing.png" "$m/png/reel_000001.pgm" "$m/png/reel_000001" "$m/png/.png" "$m/x" \
    "$m/png/reel_000001.png/x" "$m/pgm/reel_0000010.pgm"; do
    ! [ -e "$path" ] || fail "$path exists"
done
# ls -l must not ask every file for its access list.
before=$(stat_of "$m" requests.xattr)
ls -l "$m/png" "$m/pgm" "$m/raw" >/dev/null
after=$(stat_of "$m" requests.xattr)
[ $((after - before)) -le 4 ] || fail "ls -l asked for $((after - before)) extended attributes"

# ---- sizes, times, permissions
while read -r path; do
    [ "$(stat -c %s "$path")" = "$(wc -c <"$path")" ] || fail "size of $path"
    [ "$(dd if="$path" bs=7919 status=none | wc -c)" = "$(stat -c %s "$path")" ] ||
        fail "size of $path, read to its end"
done < <(find "$m" -type f)
for f in "$dir"/*; do
    name=$(basename "$f" .pgm)
    [ "$(stat -c %.9Y "$m/png/$name.png")" = "$(stat -c %.9Y "$f")" ] || fail "time of $name"
done
[ "$(stat -c %.9Y "$m/info.json")" = "$(stat -c %.9Y "$work/a.pxr")" ] || fail "time of info.json"
[ "$(stat -c '%a %u' "$m/png/reel_000001.png")" = "444 $(id -u)" ] || fail "permissions of a file"
[ "$(stat -c '%a %F' "$m/png")" = "555 directory" ] || fail "permissions of a folder"
read -r size blocks < <(stat -c '%s %b' "$m/png/reel_000001.png")
[ "$blocks" = $(((size + 511) / 512)) ] || fail "$blocks blocks for $size bytes"

# ---- nothing can be changed
for command in "touch $m/new" "mkdir $m/png/new" "rm -f $m/png/reel_000001.png" "mv $m/png $m/p" \
    "truncate -s 0 $m/png/reel_000001.png" "ln -s x $m/x" "chmod 600 $m/info.json"; do
    expect 1 sh -c "$command"
    said "Read-only file system"
done
! (: >>"$m/info.json") 2>/dev/null || fail "info.json can be opened for writing"

# ---- extended attributes, statfs, the two JSON files
/usr/bin/python3 - "$m" "$dir" "$work/a.pxr" <<'END'
import errno, json, os, sys
m, source, archive = sys.argv[1:]
frame = m + '/raw/reel_000009.raw'
x = {n: os.getxattr(frame, n).decode() for n in os.listxattr(frame)}
p = 'user.pixelrain.'
assert x[p + 'frame'] == '9', x
assert x[p + 'maxval'] == '255' and x[p + 'bits'] == '8', x
assert 1 <= int(x[p + 'significant_bits']) <= 8, x
assert x[p + 'group'] == '8' and x[p + 'group_frames'] == '8', x
assert int(x[p + 'time_ns']) == os.stat(source + '/reel_000009.pgm').st_mtime_ns, x
assert len(x[p + 'pixel_hash']) == 16, x
assert p + 'sbit' not in x, x
root = {n: os.getxattr(m, n).decode() for n in os.listxattr(m)}
assert root[p + 'frames'] == '16' and len(root[p + 'id']) == 32 and root[p + 'version'], root
for path, name, expected in [(frame, p + 'none', errno.ENODATA), (m + '/png', p + 'id', errno.ENODATA),
                             (m, p + 'frame', errno.ENODATA),
                             (frame, 'security.selinux', errno.EOPNOTSUPP)]:
    try:
        os.getxattr(path, name)
    except OSError as e:
        assert e.errno == expected, (path, name, e)
    else:
        raise AssertionError((path, name))
assert os.listxattr(m + '/png') == []
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
one = ctypes.create_string_buffer(1)
assert libc.listxattr(frame.encode(), one, 1) == -1 and ctypes.get_errno() == errno.ERANGE
assert libc.getxattr(frame.encode(), (p + 'maxval').encode(), one, 1) == -1
assert ctypes.get_errno() == errno.ERANGE
assert libc.getxattr(frame.encode(), (p + 'maxval').encode(), None, 0) == 3
s = os.statvfs(m)
assert s.f_bfree == 0 and s.f_bavail == 0 and s.f_namemax == 255 and s.f_flag & os.ST_RDONLY
assert abs(s.f_blocks * s.f_frsize - os.stat(archive).st_size) < 2 * s.f_frsize, s
n_entries = 1 + sum(len(folders) + len(files) for _, folders, files in os.walk(m))
assert s.f_files == n_entries and s.f_ffree == 0, (s.f_files, n_entries)
info = json.load(open(m + '/info.json'))
assert info['frames'] == 16 and info['width_px'] == 512 and info['bits'] == 8, info
assert info['id'] == root[p + 'id'] and info['views'][:3] == ['png', 'pgm', 'raw'], info
assert info['views'][-1] == 'zarr' and list(info['absent']) == ['png-small', 'dci', 'pce', 'stack.pxs'], info
assert 'pixelrain index' in info['absent']['png-small'], info
stats = json.load(open(m + '/.pixelrain/stats.json'))
assert stats['requests_failed'] == 0, stats
# The listing can be entered anywhere and read by many at once.
names = sorted(os.listdir(m + '/png'))
assert [e.name for e in sorted(os.scandir(m + '/png'), key=lambda e: e.name)] == names
END

# stats.json is never stale, also through one open file.
exec 8<"$m/.pixelrain/stats.json"
first=$(cat <&8)
cat "$m"/png/* >/dev/null
exec 8<&-
[ "$first" != "$(cat "$m/.pixelrain/stats.json")" ] || fail "stats.json is stale"
unmount "$m"

# ---- other trees of the same archive
mount_on "$work/one" "$work/a.pxr" -o view=pgm
diff -r "$dir" "$work/one" || fail "view=pgm is not the folder that was packed"
[ "$(ls -A "$work/one" | wc -l)" = 16 ] || fail "view=pgm lists more than frames"
for name in stats.json info.json; do
    [ -e "$work/one/.pixelrain/$name" ] || fail "view=pgm has no .pixelrain/$name"
done
unmount "$work/one"

mount_on "$work/two" "$work/a.pxr" -o views=raw:pgm
[ "$(ls "$work/two")" = "$(printf 'info.json\npgm\nraw')" ] || fail "views=raw:pgm: $(ls "$work/two")"
unmount "$work/two"

# Tiny frames, many of them: nested folders, names that are only counted.
"$bin/reelsim" -m noise -W 4 -H 3 -n 2345 -F raw |
    "$bin/pixelrain" pack -q --raw 4x3x8 - -o "$work/many.pxr"
mount_on "$work/nested" "$work/many.pxr" -o layout=nested
[ "$(ls "$work/nested/png")" = "$(printf '000000\n001000\n002000')" ] || fail "nested folders"
[ "$(ls "$work/nested/png/002000" | wc -l)" = 345 ] || fail "the last nested folder"
[ "$(find "$work/nested/raw" -type f | wc -l)" = 2345 ] || fail "find in nested folders"
[ "$(stat -c %h "$work/nested/png")" = 5 ] || fail "links of a nested view"
name=$(ls "$work/nested/png/001000" | sed -n 1p)
[ -e "$work/nested/png/001000/$name" ] || fail "a frame is not found in its folder"
! [ -e "$work/nested/png/000000/$name" ] || fail "a frame is found in a wrong folder"
mount_on "$work/flat" "$work/many.pxr"
[ "$(ls -f "$work/flat/raw" | wc -l)" = 2347 ] || fail "ls -f of a flat view"
find "$work/nested/raw" -name '*.raw' -exec cat {} + | md5sum >"$work/x"
(find "$work/flat/raw" -name '*.raw' -print0 | xargs -0 cat) | md5sum | cmp - "$work/x" ||
    fail "flat and nested differ, or their order"
"$bin/reelsim" -m noise -W 4 -H 3 -n 2345 -F raw | md5sum | cmp - "$work/x" || fail "raw frames"
echo "TREE ok"
