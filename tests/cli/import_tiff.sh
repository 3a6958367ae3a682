#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# TIFF files that tifffile and tiffcp wrote, and what pack says about others.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
"$pixelrain" -Vv | grep -q libtiff || { echo 'skipped: built without libtiff'; exit 77; }
command -v tiffcp >/dev/null || { echo 'skipped: no tiffcp'; exit 77; }
/usr/bin/python3 -B "$PXR_SOURCE/tests/cli/import_formats.py" "$pixelrain" tiff || exit
n_claims=$((n_claims + 1))

mkdir f
/usr/bin/python3 - <<'END'
import numpy as np, tifffile
tifffile.imwrite("f/a.tif", np.arange(12, dtype="u1").reshape(3, 4))
tifffile.imwrite("f/b.tiff", np.arange(24, dtype="u1").reshape(2, 3, 4), photometric="minisblack")
tifffile.imwrite("x.tif", np.zeros((3, 4), "f4"))
tifffile.imwrite("two.tif", np.zeros((3, 4), "u1"))
tifffile.imwrite("two.tif", np.zeros((2, 4), "u1"), append=True)
tifffile.imwrite("rgb.tif", np.arange(36, dtype="u1").reshape(3, 4, 3), photometric="rgb")
END
ok "$pixelrain" pack -q f -o a.pxr
run "$pixelrain" list a.pxr
expect 0 'a
b-000000
b-000001' ''
run "$pixelrain" pack x.tif -o x.pxr
expect 4 '' 'pixelrain: x.tif: the TIFF has floating point or complex samples of 32 bits: only unsigned ones are read'
run "$pixelrain" pack two.tif -o x.pxr
expect 1 '' 'pixelrain: two.tif: is 4x2x8, expected 4x3x8 like the first frame; --keep-going skips such frames (frame 1)'
run "$pixelrain" pack rgb.tif -o x.pxr
expect 1 '' 'pixelrain: rgb.tif: pixel (0, 0) is coloured (red 0, green 1, blue 2): --luma turns colour into gray'
ok "$pixelrain" pack -q --luma rgb.tif -o luma.pxr
"$pixelrain" cat --format raw luma.pxr >luma.raw
claim 'luma' [ "$(od -A n -t u1 luma.raw | tr -s ' \n' ' ')" = ' 1 4 7 10 13 16 19 22 25 28 31 34 ' ]
run bash -c "cat two.tif | '$pixelrain' pack - -o x.pxr"
expect 4 '' 'pixelrain: standard input: a TIFF is not read in order: it must be a file, not a pipe'
claim 'errors leave nothing' [ ! -e x.pxr ]
passed
