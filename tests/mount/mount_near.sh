#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A near-lossless archive, mounted: says what it is, and every view shows the samples that it holds.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

m=$work/m
"$bin/reelsim" -W 96 -H 64 -n 20 -o "$work/source"
"$bin/pixelrain" pack -q --max-error 3 "$work/source" -o "$work/near.pxr"
"$bin/pixelrain" pack -q "$work/source" -o "$work/exact.pxr"
mount_on "$m" "$work/near.pxr" -o views=png:pgm:raw:npy
mount_on "$work/e" "$work/exact.pxr"
"$bin/pixelrain" extract -q --format pgm "$work/near.pxr" -o "$work/out"
diff -r "$m/pgm" "$work/out"
/usr/bin/python3 - "$m" "$work/e" "$work/source" <<'END'
import json, os, sys
near, exact, source = sys.argv[1:]
name = 'user.pixelrain.max_error'
for mount, expected in (near, 3), (exact, 0):
    assert os.getxattr(mount, name) == b'%d' % expected, mount
    frames = sorted(os.listdir(mount + '/pgm'))
    assert len(frames) == 20
    for frame in frames:
        path = mount + '/pgm/' + frame
        assert os.getxattr(path, name) == b'%d' % expected and name in os.listxattr(path)
        a, b = open(path, 'rb').read(), open(source + '/' + frame, 'rb').read()
        assert len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b)) == expected, frame
        raw = open(mount + '/raw/' + frame.replace('.pgm', '.raw'), 'rb').read()
        assert a.endswith(raw) and len(raw) == 96 * 64
    assert json.load(open(mount + '/info.json'))['max_error'] == expected
END
echo "MOUNT NEAR 20 frames within 3 of their source"
