#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Chromium opens pictures of a mount as file:// addresses: what it shows are the samples that were packed.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

has chromedriver || skip "no chromedriver"
# Every gray value in a frame, so that whatever maps values is seen; sizes that are not round.
/usr/bin/python3 - "$work" <<'END'
import os, sys
for bits, maxval in ((8, 255), (16, 65535)):
    folder = f"{sys.argv[1]}/source{bits}"
    os.mkdir(folder)
    for i in range(3):
        width, height = 301, 131
        values = [((x * 7 + y * 13 + i * 101) * (1 if bits == 8 else 257 + x % 5)) % (maxval + 1)
                  for y in range(height) for x in range(width)]
        with open(f"{folder}/f{i}.pgm", "wb") as f:
            f.write(b"P5\n%d %d\n%d\n" % (width, height, maxval))
            f.write(b"".join(v.to_bytes(bits // 8, "big") for v in values))
END
for bits in 8 16; do
    "$bin/pixelrain" pack -q "$work/source$bits" -o "$work/$bits.pxr" --index png-small
    mount_on "$work/m$bits" "$work/$bits.pxr"
done
/usr/bin/python3 -B "$here/mount_browser.py" "$work" || fail "Chromium"
