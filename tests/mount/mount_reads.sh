#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Frames read through the mount are the frames that went in: by cp, cmp, mmap, dd, foreign readers.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

convert=
for name in convert-im6.q16 magick convert; do
    if has "$name" && grep -q ImageMagick <("$name" -version 2>/dev/null); then
        convert=$name
        break
    fi
done
n_foreign=0

# Each png and pgm by readers that are not ours; $1 = bits, $2 = name without extension, $3 = source.
foreign() {
    local bits=$1 name=$2 source=$3
    samples "$source" >"$work/samples"
    if has pngtopnm; then
        pngtopnm "$m/png/$name.png" >"$work/decoded.pgm" || fail "pngtopnm refuses $name.png"
        samples "$work/decoded.pgm" | cmp - "$work/samples" || fail "pngtopnm: $name.png"
        # The text form, back to numbers: netpbm's reader of our pgm.
        pnmtoplainpnm "$m/pgm/$name.pgm" | /usr/bin/python3 -c '
import array, sys
words = sys.stdin.buffer.read().split()
a = array.array("B" if int(words[3]) < 256 else "H", map(int, words[4:]))
if a.itemsize == 2: a.byteswap()
sys.stdout.buffer.write(a.tobytes())' | cmp - "$work/samples" || fail "netpbm: $name.pgm"
        n_foreign=$((n_foreign + 2))
    fi
    if [ -n "$convert" ]; then
        "$convert" "$m/png/$name.png" -depth "$bits" -endian MSB "gray:$work/decoded" ||
            fail "ImageMagick refuses $name.png"
        cmp "$work/decoded" "$work/samples" || fail "ImageMagick: $name.png"
        n_foreign=$((n_foreign + 1))
    fi
    local status=0
    "$bin/mount_probe" spng "$m/png/$name.png" "$work/samples" >/dev/null || status=$?
    case $status in
    0) n_foreign=$((n_foreign + 1)) ;;
    77) ;;
    *) fail "libspng: $name.png" ;;
    esac
}

# round BITS DEPTH WIDTH HEIGHT FRAMES BLOCK
round() {
    local bits=$1 depth=$2 width=$3 height=$4 n=$5 block=$6 source name off bytes
    m=$work/m-$bits-$width
    local dir=$work/source-$bits-$width
    "$bin/reelsim" -b "$bits" -W "$width" -H "$height" -n "$n" -o "$dir"
    "$bin/pixelrain" pack -q "$dir" -o "$work/a.pxr" --force --block "$block"
    mount_on "$m" "$work/a.pxr"

    diff -r "$dir" "$m/pgm" || fail "pgm differs from what was packed"
    cp -r "$m/png" "$work/copy"
    diff -r "$work/copy" "$m/png" || fail "the copy of png differs"
    (cd "$m" && find . -type f -not -path './.pixelrain/*' -exec md5sum {} +) >"$work/sums"
    # Once more with a cold page cache, in another order.
    unmount "$m"
    wait_gone "$mount_pid" 150 || fail "still there after unmounting"
    mount_on "$m" "$work/a.pxr"
    (cd "$m" && sort -R "$work/sums" --random-source=/dev/zero | md5sum -c --quiet) || fail "md5sum"

    source=$(find "$dir" -name '*.pgm' | sort | sed -n 2p)
    name=$(basename "$source" .pgm)
    "$bin/mount_probe" mmap "$m/pgm/$name.pgm" "$source"
    "$bin/mount_probe" mmap "$m/png/$name.png" "$work/copy/$name.png"
    bytes=$(stat -c %s "$work/copy/$name.png")
    for off in 0 1 7 33 40 48 4095 4097 65535 65590 $((bytes - 29)) $((bytes - 1)) "$bytes"; do
        for count in 1 13 70000; do
            dd if="$m/png/$name.png" bs=1 skip="$off" count="$count" status=none 2>/dev/null |
                cmp - <(tail -c +$((off + 1)) "$work/copy/$name.png" | head -c "$count") ||
                fail "dd of $name.png at $off"
        done
    done
    tail -c +1 "$m/raw/$name.raw" | cmp - <(samples "$source" |
        if [ "$depth" = 16 ]; then dd conv=swab status=none; else cat; fi) || fail "raw"
    while read -r source; do
        foreign "$depth" "$(basename "$source" .pgm)" "$source"
    done < <(find "$dir" -name '*.pgm' | sort)

    unmount "$m"
    rm -rf "$work/copy"
}

round 8 8 331 217 10 4x50x100
round 12 16 200 131 10 100x8x8
round 16 16 129 65 6 3x64x64
round 10 16 64 1 5 2x1x64
[ "$n_foreign" -gt 0 ] || skip "neither netpbm nor ImageMagick nor libspng"

# Names, times and sBIT of PNG sources; the widest rows.
mkdir "$work/odd"
/usr/bin/python3 - "$work/odd" <<'END'
import struct, sys, zlib
def chunk(t, d): return struct.pack('>I', len(d)) + t + d + struct.pack('>I', zlib.crc32(t + d))
def png(w, h, rows, sbit):
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, 16, 0, 0, 0, 0)) +
            chunk(b'sBIT', bytes([sbit])) + chunk(b'IDAT', zlib.compress(rows, 1)) + chunk(b'IEND', b''))
w, h = 65535, 3
for i, name in enumerate(['a, b', 'größe', "it's"]):
    rows = b''.join(b'\0' + bytes((x * 7 + y + i) & 255 for x in range(2 * w)) for y in range(h))
    open(f'{sys.argv[1]}/{name}.png', 'wb').write(png(w, h, rows, 12))
END
"$bin/pixelrain" pack -q "$work/odd" -o "$work/odd.pxr"
mount_on "$work/m-odd" "$work/odd.pxr"
for name in 'a, b' größe "it's"; do
    if has pngtopnm; then
        pngtopnm "$work/odd/$name.png" >"$work/x.pgm" 2>/dev/null
        pngtopnm "$work/m-odd/png/$name.png" 2>/dev/null | cmp - "$work/x.pgm" || fail "png '$name'"
    fi
    /usr/bin/python3 -c 'import os, sys
sys.exit(os.getxattr(sys.argv[1], "user.pixelrain.sbit") != b"12")' "$work/m-odd/png/$name.png" ||
        fail "sbit of '$name'"
    grep -q sBIT <(tail -c +38 "$work/m-odd/png/$name.png" | head -c 21) || fail "no sBIT in '$name'"
done
echo "FOREIGN $n_foreign decodes ok"
