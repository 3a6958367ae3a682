#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# NPY files that numpy wrote, and what pack says about others.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
here=$PXR_SOURCE/tests/cli
/usr/bin/python3 -B "$here/import_formats.py" "$pixelrain" npy || exit
n_claims=$((n_claims + 1))

mkdir f
/usr/bin/python3 - <<'END'
import numpy as np
np.save("f/a.npy", np.arange(12, dtype="u1").reshape(3, 4))
np.save("f/b.npy", np.arange(24, dtype="u1").reshape(2, 3, 4))
np.save("x.npy", np.zeros((3, 4), "f4"))
END
# In a folder, and named after their files.
ok "$pixelrain" pack -q f -o a.pxr
run "$pixelrain" list a.pxr
expect 0 'a
b-000000
b-000001' ''
ok bash -c "'$pixelrain' pack -q - -o p.pxr <f/b.npy"
run "$pixelrain" list p.pxr
expect 0 '000000
000001' ''
run "$pixelrain" pack x.npy -o x.pxr
expect 4 '' "pixelrain: x.npy: the array's type is '<f4': only unsigned samples of 8 and 16 bits are read; array.astype('u2') converts, and cuts what does not fit (offset 10)"
head -c 140 f/b.npy >f/c.npy
run "$pixelrain" pack f -o x.pxr
expect 1 '' 'pixelrain: f/c.npy: the input ends within a frame (frame 1, offset 140, frame bytes: expected 12, found 0)'
claim 'errors leave nothing' [ ! -e x.pxr ]
passed
