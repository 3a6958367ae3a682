#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pictures of mounts in headless Chromium: WORK/m8 and WORK/m16 against WORK/source8 and WORK/source16.

A canvas has 8 bits: of wider samples it has the high byte."""
import base64
import glob
import os
import pathlib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../serve"))
from browser import Browser

work = os.path.abspath(sys.argv[1])
CANVAS = """const i = document.images[0], c = document.createElement('canvas');
c.width = i.naturalWidth; c.height = i.naturalHeight;
const x = c.getContext('2d'); x.drawImage(i, 0, 0);
const d = x.getImageData(0, 0, c.width, c.height).data;
let s = ''; for (let k = 0; k < d.length; k += 4) {
  if (d[k] !== d[k + 1] || d[k] !== d[k + 2] || d[k + 3] !== 255) return [0, 0, 'not gray'];
  s += String.fromCharCode(d[k]); }
return [c.width, c.height, btoa(s)];"""


def source(path):
    with open(path, "rb") as f:
        _, size, maxval = f.readline(), f.readline(), int(f.readline())
        samples = f.read()
    width, height = map(int, size.split())
    if maxval > 255:
        samples = samples[::2]
    return width, height, samples


def shown(browser, path):
    browser.open(pathlib.Path(path).as_uri())
    browser.wait("document.images.length && document.images[0].complete && document.images[0].naturalWidth")
    width, height, samples = browser.run(CANVAS)
    return width, height, base64.b64decode(samples)


# Without the first option a page from a file may show a picture from a file but not read it.
browser = Browser(work, "--allow-file-access-from-files", "--force-color-profile=srgb")
n = 0
try:
    for bits in (8, 16):
        for path in sorted(glob.glob(f"{work}/source{bits}/*.pgm")):
            expected = source(path)
            name = os.path.basename(path)[:-4] + ".png"
            for view in ("png", "png-small"):
                found = shown(browser, f"{work}/m{bits}/{view}/{name}")
                if found != expected:
                    where = next((i for i, (a, b) in enumerate(zip(found[2], expected[2])) if a != b), None)
                    sys.exit(f"{bits} bits, {view}/{name}: {found[:2]} of {expected[:2]}, first difference {where}: "
                             f"{found[2][where or 0]} of {expected[2][where or 0]}")
                n += 1
            width, height, _ = shown(browser, f"{work}/m{bits}/preview/{name}")
            if (width, height) != tuple(-(-v // 8) for v in expected[:2]):
                sys.exit(f"{bits} bits, preview/{name}: {width} x {height}")
            n += 1
finally:
    browser.close()
print(f"BROWSER {n} pictures ok")
