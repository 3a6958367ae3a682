#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The views of the still systems: each file of each of them comes back to the pixels that were packed, by convert and by
# pack; tiles and what lies beside them; indexes that are missing, or that lie; many frames.
# shellcheck disable=SC2012 # the names are ours
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"
root=$(cd "$here/../.." && pwd)
pixelrain=$bin/pixelrain
m=$work/m
cd "$work"

# comes_back FOLDER SOURCE: all files of a folder of the mount, through convert and through pack, copied and in place.
comes_back() {
    local folder=$1 source=$2 files=()
    rm -rf copied converted packed.pxr extracted
    cp -r "$folder" copied
    mapfile -t files < <(find copied -type f ! -name table.pcet ! -name palette.txt | sort)
    "$pixelrain" convert -q "${files[@]}" --to pgm -o converted || fail "convert $folder"
    diff -r "$source" converted || fail "convert $folder: other pixels"
    "$pixelrain" pack -q "$folder" -o packed.pxr 2>/dev/null || fail "pack $folder"
    "$pixelrain" extract -q packed.pxr -o extracted --format pgm
    diff -r "$source" extracted || fail "pack $folder: other pixels"
    chmod -R u+w copied
}

# sizes_hold FOLDER: stat says what there is.
sizes_hold() {
    local file
    for file in "$1"/*; do
        [ "$(stat -c %s "$file")" = "$(wc -c <"$file")" ] || fail "size of $file"
    done
}

# mask FOLDER N WIDTH HEIGHT LEVEL...: pictures of some levels
mask() {
    mkdir -p "$1"
    /usr/bin/python3 -c 'import sys
n, w, h = map(int, sys.argv[2:5]); levels = list(map(int, sys.argv[5:]))
size = 1 + (max(levels) > 255)
for i in range(n):
    with open(f"{sys.argv[1]}/mask_{i:04}.pgm", "wb") as f:
        f.write(b"P5\n%d %d\n%d\n" % (w, h, 65535 if size == 2 else 255))
        f.write(b"".join(levels[(x // 11 + y // 7 + i) % len(levels)].to_bytes(size, "big") for y in range(h) for x in range(w)))
' "$@"
}

# ---- frames of 8 bits: the acceptance of the still systems, as one types it, with commas
"$bin/reelsim" -W 151 -H 97 -n 9 -o source
"$pixelrain" pack -q source -o a.pxr --index dci
mount_on "$m" a.pxr -o views=png,pxs,px2,dci,vcbn
[ "$(ls "$m" | tr '\n' ' ')" = "dci info.json png px2 pxs vcbn " ] || fail "views: $(ls "$m")"
for view in png pxs px2 dci vcbn; do
    sizes_hold "$m/$view"
    comes_back "$m/$view" source
done
# The beginning of a file is a whole, coarser picture.
head -c 5000 "$m/px2/reel_000004.px2" >part.px2
"$pixelrain" convert -q part.px2 part.pgm
[ "$(head -n 2 part.pgm | tail -n 1)" = "151 97" ] || fail "the beginning of a px2 file is no picture of 151 x 97"
# Any piece of a file that can only be made whole.
before=$(stat_of "$m" units_decoded)
file=$m/dci/reel_000004.dci
cp "$file" whole.dci
/usr/bin/python3 - "$file" whole.dci <<'END' || fail "pieces of $file"
import os, random, sys
whole = open(sys.argv[2], "rb").read()
f = os.open(sys.argv[1], os.O_RDONLY)
random.seed(1)
for _ in range(300):
    off, n = random.randrange(len(whole) + 3), random.randrange(9000)
    assert os.pread(f, n, off) == whole[off:off + n], (off, n)
END
[ "$(stat_of "$m" units_decoded)" = "$before" ] || fail "a frame that was just decoded was decoded again"
unmount "$m"

# All frames as an animation: of any depth, and with a loss that has to be asked for.
expect 5 "$bin/mount.pixelrain" a.pxr "$m" -o views=stack.pxs
said lossy-views
mount_on "$m" a.pxr -o views=stack.px2:stack.pxs,lossy-views
[ "$(stat -c %s "$m/stack.px2")" = $((32 + 9 * 151 * 97)) ] || fail "size of stack.px2"
[ "$(stat -c %s "$m/stack.pxs")" = $((16 + 9 * 2 * 151 * 97 + 8)) ] || fail "size of stack.pxs"
cp "$m"/stack.* .
"$pixelrain" pack -q stack.px2 -o packed.pxr -f
[ "$("$pixelrain" cat packed.pxr --frames : --format raw | md5sum)" = "$("$pixelrain" cat a.pxr --frames : --format raw | md5sum)" ] ||
    fail "stack.px2: other pixels"
"$pixelrain" pack -q stack.pxs -o packed.pxr -f --luma
"$pixelrain" cat packed.pxr --frames : --format raw >five
"$pixelrain" cat a.pxr --frames : --format raw >eight
/usr/bin/python3 -c '
a, b = open("five", "rb").read(), open("eight", "rb").read()
assert len(a) == len(b) and all(x == (y >> 3) * 8 + (y >> 5) for x, y in zip(a, b))' || fail "stack.pxs: not the highest 5 bits"
unmount "$m"
"$bin/reelsim" -b 16 -W 70 -H 50 -n 4 -o deep
"$pixelrain" pack -q deep -o deep.pxr
mount_on "$m" deep.pxr -o views=px2:vcbn:stack.px2
for view in px2 vcbn; do comes_back "$m/$view" deep; done
cp "$m/stack.px2" .
"$pixelrain" pack -q stack.px2 -o packed.pxr -f
[ "$("$pixelrain" cat packed.pxr --frames : --format raw | md5sum)" = "$("$pixelrain" cat deep.pxr --frames : --format raw | md5sum)" ] ||
    fail "stack.px2 of 16 bits: other pixels"
unmount "$m"

# ---- masks: sprites, tiles, other levels than those of PCE, 16 bits; nested, alone, some frames
mask sprites 5 120 80 0 255
mask labels 5 120 80 0 1 2 3
mask deep_labels 5 120 80 0 300 65535
mask tiles 5 300 270 0 85 255
mask label_tiles 5 270 100 0 7
for kind in sprites labels deep_labels tiles label_tiles; do
    "$pixelrain" pack -q "$kind" -o "$kind.pxr" --index pce
    mount_on "$m" "$kind.pxr" -o views=pce
    [ "$(find "$m" | wc -l)" = "$(stat -f -c %c "$m")" ] || fail "$kind: number of files"
    sizes_hold "$m/pce"
    comes_back "$m/pce" "$kind"
    /usr/bin/python3 "$root/tests/cli/indexed_views.py" pce "$kind.pxr" "$kind" "$m/pce" || fail "$kind: other files than the document says"
    unmount "$m"
done
mount_on "$m" label_tiles.pxr -o view=pce,layout=nested,frames=1:4
[ "$(ls "$m" | tr '\n' ' ')" = "000001 palette.txt table.pcet " ] || fail "nested: $(ls "$m")"
[ "$(ls "$m/000001" | wc -l)" = 6 ] || fail "nested: $(ls "$m/000001")"
cmp "$m/000001/mask_0002.0.1.pceb" copied/mask_0002.0.1.pceb || fail "a tile is another one when nested"
for name in mask_0002.pceb mask_0002.0.2.pceb mask_0002.1.0.pceb mask_0002.00.1.pceb mask_0002.0.1.pce mask_0000.0.1.pceb .0.1.pceb; do
    [ ! -e "$m/000001/$name" ] || fail "there is no $name"
done
unmount "$m"

# ---- what is not indexed, or wrongly
expect 5 "$bin/mount.pixelrain" a.pxr "$m" -o views=png:pce
said "pixelrain index ARCHIVE pce"
expect 5 "$bin/mount.pixelrain" deep.pxr "$m" -o view=dci
said "8 bits"
"$pixelrain" pack -q source -o wrong.pxr
"$bin/mount_probe" wrong-dci wrong.pxr
mount_on "$m" wrong.pxr -o view=dci
log=$work/mount-$((${#mounts[@]} - 1)).log
for file in "$m"/*; do
    status=0
    cat "$file" >got 2>said || status=$?
    if [ "$status" != 1 ] || [ -s got ] || ! grep -q 'Input/output error' said; then
        fail "a length that is wrong: $(cat said)"
    fi
done
grep -q 'the index of dci has another length' "$log" || fail "nothing is said about wrong lengths: $(cat "$log")"
unmount "$m"

# ---- many frames: listed and described without a table of them
n=60000
head -c $((n * 16)) /dev/zero | "$pixelrain" pack -q --raw 4x4x8 - -o many.pxr --index dci,pce
mount_on "$m" many.pxr -o views=dci:pce
for view in dci pce; do
    [ "$(find "$m/$view" -type f -size -200c | wc -l)" = $n ] || fail "$view: $n frames"
done
[ "$(stat -c %s "$m/dci/059999.dci")" = 14 ] || fail "a blank frame of dci has 14 bytes"
rss_kb=$(awk '/^VmRSS/ { print $2 }' "/proc/$mount_pid/status")
[ "$rss_kb" -lt 400000 ] || fail "$rss_kb KiB for $n frames"
unmount "$m"
echo "SYSTEMS the files of 5 views and 5 kinds of masks come back"
