#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every view of every frame, and all frames as one file, by programs and libraries that are not ours.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

n_tools=0
tool() { # tool NAME WHAT COMMAND...: must succeed in silence
    local name=$1 what=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" || fail "$name: $what: $(head -c 500 "$work/out" "$work/err")"
    [ ! -s "$work/err" ] || fail "$name complains about $what: $(head -c 500 "$work/err")"
    n_tools=$((n_tools + 1))
}

# All samples of all frames, little endian, one behind the other.
all_samples() {
    local file
    for file in "$1"/*.pgm; do
        if [ "$2" = 16 ]; then samples "$file" | dd conv=swab status=none; else samples "$file"; fi
    done
}

with_libtiff() {
    local n
    has tiffinfo && has tiffcmp || return 0
    tool tiffinfo stack.tif tiffinfo -D "$m/stack.tif"
    n=$(grep -c '^=== TIFF directory' "$work/out")
    [ "$n" = "$(find "$dir" -name '*.pgm' | wc -l)" ] || fail "tiffinfo counts $n pages"
    tool tiffinfo stack.ij.tif tiffinfo -D "$m/stack.ij.tif"
    # The pages of the stack and the files of the tif view, joined by libtiff: the same pictures.  (-t: not
    # the tags, of which tiffcp adds one.)
    tool tiffcp tif tiffcp -8 "$m"/tif/*.tif "$work/joined.tif"
    tool tiffcmp stack.tif tiffcmp -t "$work/joined.tif" "$m/stack.tif"
    cp "$work/joined.tif" "$work/other.tif"
    printf '\001\002' | dd of="$work/other.tif" bs=1 seek=20 conv=notrunc status=none
    ! tiffcmp -t "$work/other.tif" "$m/stack.tif" >/dev/null 2>&1 || fail "tiffcmp sees no difference"
    rm -f "$work/joined.tif" "$work/other.tif"
}

with_imagemagick() {
    local convert=
    for name in convert-im6.q16 magick convert; do
        if has "$name" && grep -q ImageMagick <("$name" -version 2>/dev/null); then convert=$name && break; fi
    done
    [ -n "$convert" ] || return 0
    tool ImageMagick stack.tif "$convert" "$m/stack.tif" -depth "$depth" -endian LSB "gray:$work/decoded"
    # More than one picture goes into files with numbers.
    if [ ! -e "$work/decoded" ]; then find "$work" -name 'decoded-*' | sort -V | xargs cat >"$work/decoded"; fi
    cmp "$work/decoded" "$work/all" || fail "ImageMagick: stack.tif"
    rm -f "$work"/decoded*
    for view in png png-small tif pgm; do
        # ImageMagick scales samples to the depth of the file; a maxval of 2^12 - 1 is not one.
        [ "$view" != pgm ] || [ "$bits" = "$depth" ] || continue
        for file in "$m/$view"/*; do
            tool ImageMagick "$file" "$convert" "$file" -depth "$depth" -endian LSB "gray:$work/one"
            cat "$work/one" >>"$work/decoded"
        done
        cmp "$work/decoded" "$work/all" || fail "ImageMagick: $view"
        rm -f "$work/decoded"
    done
}

with_ffmpeg() {
    local format=gray n
    has ffmpeg && has ffprobe || return 0
    [ "$depth" = 8 ] || format=gray16le
    tool ffprobe stack.y4m ffprobe -v error -count_frames -of csv=p=0 \
        -show_entries stream=pix_fmt,width,height,nb_read_frames "$m/stack.y4m"
    n=$(find "$dir" -name '*.pgm' | wc -l)
    [ "$(cat "$work/out")" = "$width,$height,$format,$n" ] || fail "ffprobe: $(cat "$work/out")"
    tool ffmpeg stack.y4m ffmpeg -v error -i "$m/stack.y4m" -f rawvideo -pix_fmt "$format" -y "$work/decoded"
    cmp "$work/decoded" "$work/all" || fail "ffmpeg: stack.y4m"
    tool ffmpeg png ffmpeg -v error -pattern_type glob -i "$m/png/*.png" -f rawvideo -pix_fmt "$format" -y "$work/decoded"
    cmp "$work/decoded" "$work/all" || fail "ffmpeg: png"
    tool ffmpeg png-small ffmpeg -v error -pattern_type glob -i "$m/png-small/*.png" -f rawvideo -pix_fmt "$format" -y \
        "$work/decoded"
    cmp "$work/decoded" "$work/all" || fail "ffmpeg: png-small"
    for view in tif pgm; do
        # ffmpeg scales samples to the format's depth, too.
        [ "$view" != pgm ] || [ "$bits" = "$depth" ] || continue
        tool ffmpeg "$view" ffmpeg -v error -pattern_type glob -i "$m/$view/*.$view" -f rawvideo -pix_fmt "$format" -y \
            "$work/decoded"
        cmp "$work/decoded" "$work/all" || fail "ffmpeg: $view"
    done
    tool ffmpeg preview ffmpeg -v error -pattern_type glob -i "$m/preview/*.png" -f rawvideo -y "$work/decoded"
    [ "$(wc -c <"$work/decoded")" = $((n * ((width + 7) / 8) * ((height + 7) / 8))) ] || fail "ffmpeg: preview"
    rm -f "$work/decoded"
}

with_libspng() {
    local file status
    for file in "$dir"/*.pgm; do
        status=0
        samples "$file" >"$work/samples"
        "$bin/mount_probe" spng "$m/png-small/$(basename "$file" .pgm).png" "$work/samples" >/dev/null || status=$?
        [ "$status" = 0 ] || [ "$status" = 77 ] || fail "libspng: png-small of $file"
    done
}

# The whole tree by tools that copy: what arrives is what was there.
with_copies() {
    cp -r "$m" "$work/copied"
    mkdir "$work/untarred"
    tar -C "$m" -cf - . | tar -C "$work/untarred" -xf -
    (cd "$m" && find . -type f -not -name stats.json -exec md5sum {} +) | sort -k2 >"$work/sums"
    for copy in copied untarred; do
        (cd "$work/$copy" && md5sum -c --quiet "$work/sums") || fail "$copy"
        [ "$(find "$work/$copy" | wc -l)" = "$(find "$m" | wc -l)" ] || fail "$copy: number of files"
    done
    if has rsync; then
        rsync -a --exclude=stats.json "$m/" "$work/synced"
        (cd "$work/synced" && md5sum -c --quiet "$work/sums") || fail "rsync"
        # Nothing is different, by sizes and times or by contents.
        for option in -ain -acin; do
            [ -z "$(rsync "$option" --exclude=stats.json "$m/" "$work/synced")" ] || fail "rsync $option"
        done
        chmod -R u+w "$work/synced"
        printf x | dd of="$work/synced/stack.npy" bs=1 seek=5000 conv=notrunc status=none
        [ "$(rsync -acin --exclude=stats.json "$m/stack.npy" "$work/synced" | wc -l)" = 1 ] || fail "rsync -c sees nothing"
        rm -rf "$work/synced"
        n_tools=$((n_tools + 3))
    fi
    chmod -R u+w "$work/copied" "$work/untarred"
    rm -rf "$work/copied" "$work/untarred"
    n_tools=$((n_tools + 3))
}

# check BITS DEPTH WIDTH HEIGHT FRAMES [PACK OPTION...]
check() {
    bits=$1 depth=$2 width=$3 height=$4
    local n=$5 status=0
    shift 5
    dir=$work/source m=$work/m
    rm -rf "$dir"
    "$bin/reelsim" -b "$bits" -W "$width" -H "$height" -n "$n" -o "$dir"
    "$bin/pixelrain" pack -q "$dir" -o "$work/a.pxr" --force --index png-small "$@"
    mount_on "$m" "$work/a.pxr"
    all_samples "$dir" "$depth" >"$work/all"
    cmp <(cat "$m"/raw/*) "$work/all" || fail "raw"
    /usr/bin/python3 "$here/view_readers.py" "$m" "$dir" || status=$?
    [ "$status" = 0 ] || [ "$status" = 77 ] || fail "$bits bits, $width x $height, $n frames"
    with_libtiff
    with_imagemagick
    with_ffmpeg
    with_libspng
    with_copies
    unmount "$m"
    wait_gone "$mount_pid" 20 || fail "still there after unmounting"
}

check 8 8 331 217 20 --block 8x64x331
check 12 16 200 131 12 --block 100x8x8
check 16 16 129 65 6 --block 3x64x64
check 16 16 64 31 1
check 8 8 37 1 5
check 8 8 2100 1300 3
[ "$n_tools" -gt 0 ] || skip "no libtiff, ImageMagick or ffmpeg"
echo "VIEWS $n_tools runs of programs ok"
