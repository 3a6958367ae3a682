#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SER videos: samples, time stamps, and headers that the data contradict.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 -B "$PXR_SOURCE/tests/cli/import_formats.py" "$pixelrain" ser || exit
n_claims=$((n_claims + 1))

head=$PXR_SOURCE/tests/cli
/usr/bin/python3 -B - "$head" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
sys.argv = ["", "", ""]
import numpy as np
from import_formats import write_ser
ramp = np.add.outer(np.arange(2) * 100, np.arange(100).reshape(10, 10) * 7 + 1000)
ticks = np.array([0, 2500000]) + 621355968000000000 + 17145648000000000
write_ser("right.ser", ramp.astype("<u2"), 12, 0, ticks)
write_ser("wrong.ser", ramp.astype(">u2"), 16, 0, ticks)
write_ser("lie.ser", ramp.astype("<u2"), 10, 0)
write_ser("size.ser", ramp.astype("<u2"), 8, 0)
END
ok "$pixelrain" pack -q --time source right.ser -o a.pxr
run "$pixelrain" list -l a.pxr
claim 'times of the trailer' grep -q '2024-05-01T12:00:00.250000000Z .* right-000001' "$scratch/out"
run "$pixelrain" pack wrong.ser -o b.pxr
expect 0 '' 'pixelrain: wrong.ser: warning: the samples look big endian, but the header stands for little endian: --byte-order be reads them so
2 frames, 400 B -> PACKED, TIME'
run "$pixelrain" pack --byte-order be wrong.ser -o c.pxr
expect 0 '' '2 frames, 400 B -> PACKED, TIME'
"$pixelrain" cat --format raw a.pxr >a.raw
"$pixelrain" cat --format raw c.pxr >c.raw
claim 'the same samples' cmp a.raw c.raw
run "$pixelrain" pack lie.ser -o d.pxr
expect 0 '' 'pixelrain: lie.ser: warning: frame 0 has a sample of 1028, above the 1023 that the header allows: all bits are kept
2 frames, 400 B -> PACKED, TIME'
run "$pixelrain" pack size.ser -o x.pxr
expect 1 '' 'pixelrain: size.ser: behind the frames should be a time stamp for each, or nothing: the header may be wrong; --raw WxHxBITS --skip 178 reads the samples in any case (offset 378, bytes: expected 16, found 200)'
run bash -c "'$pixelrain' pack --time source - -o x.pxr <lie.ser"
expect 1 '' 'pixelrain: standard input: warning: frame 0 has a sample of 1028, above the 1023 that the header allows: all bits are kept
pixelrain: standard input: holds no time stamp of this picture (frame 0)'
ok bash -c "'$pixelrain' pack -q - -o p.pxr <right.ser"
claim 'errors leave nothing' [ ! -e x.pxr ]
passed
