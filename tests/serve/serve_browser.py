#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The viewer in headless Chromium: the canvas shows what the frames say.

serve_browser.py PIXELRAIN SERVE REELSIM [SCREENSHOT.png]; status 77 where chromedriver is not installed."""
import base64
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

from browser import Browser
from client import Server

pixelrain, serve, reelsim = (os.path.abspath(p) for p in sys.argv[1:4])
n_claims = 0


def claim(what, holds):
    global n_claims
    n_claims += 1
    if not holds:
        raise SystemExit(f"FAILED: {what}")


def make(folder, name, *options):
    subprocess.run([reelsim, *options, "-o", f"{folder}/{name}"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([pixelrain, "pack", f"{folder}/{name}", "-o", f"{folder}/{name}.pxr"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return f"{folder}/{name}.pxr", [open(f, "rb").read().split(b"\n", 3)[3]
                                    for f in sorted(glob.glob(f"{folder}/{name}/*.pgm"))]


CANVAS = """const c = document.getElementById('frame');
const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
let s = ''; for (let i = 0; i < d.length; i += 4) {
  if (d[i] !== d[i + 1] || d[i] !== d[i + 2] || d[i + 3] !== 255) return 'not gray';
  s += String.fromCharCode(d[i]); }
return btoa(s);"""
SAMPLES = """const d = pixelrain.state.samples.data; let s = '';
for (const v of d) s += String.fromCharCode(v >> 8, v & 255); return btoa(s);"""


def canvas_of(b):
    return base64.b64decode(b.run(CANVAS))


def narrow(b, archive, frames):
    """8 bits with the full window: gray levels are the samples."""
    with Server(serve, archive) as s:
        b.open(s.url)
        b.wait("window.pixelrain && pixelrain.state.shown")
        claim("frame 0 on the canvas", canvas_of(b) == frames[0])
        for frame in (7, 3, len(frames) - 1):
            b.run(f"pixelrain.show({frame})")
            b.wait(f"pixelrain.state.shown.frame === {frame}")
            claim(f"frame {frame} on the canvas", canvas_of(b) == frames[frame])
        b.keys("\ue011")  # Home
        b.wait("pixelrain.state.shown.frame === 0")
        b.keys("\ue014\ue014")  # right, twice
        b.wait("pixelrain.state.shown.frame === 2")
        b.keys(" ")
        b.wait("pixelrain.state.playing && pixelrain.state.shown.frame > 8")
        b.keys(" ")
        b.wait("!pixelrain.state.playing")
        b.run("pixelrain.setWindow(50, 150)")
        shown = b.run("return pixelrain.state.shown.frame")
        want = bytes(max(0, min(255, (v - 50) * 255 // 100)) for v in frames[shown])
        claim("a window of 50 to 150", canvas_of(b) == want)
        b.run("pixelrain.setWindow(0, 255); pixelrain.setRegion([20, 10, 30, 16])")
        b.wait("pixelrain.state.samples.width === 30")
        rows = [frames[shown][(10 + y) * 160 + 20:][:30] for y in range(16)]
        claim("a region", canvas_of(b) == b"".join(rows))
        b.run("pixelrain.setRegion(null)")
        b.wait("pixelrain.state.samples.width === 160")
        b.keys("r")
        box = b.run("const r = document.getElementById('stage').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]")
        b.drag(int(box[0] + box[2] / 4), int(box[1] + box[3] / 4), int(box[0] + box[2] / 2), int(box[1] + box[3] / 2))
        b.wait("pixelrain.state.region")
        claim("a dragged region", 30 <= b.run("return pixelrain.state.region[2]") <= 50)
        claim("no complaint", b.run("return document.getElementById('error').hidden"))


def wide(b, archive, frames, screenshot):
    """16 bits: the samples themselves, and a picture of the whole."""
    with Server(serve, archive) as s:
        b.open(s.url)
        b.wait("window.pixelrain && pixelrain.state.shown")
        for frame in (0, 5):
            b.run(f"pixelrain.show({frame})")
            b.wait(f"pixelrain.state.shown.frame === {frame}")
            claim(f"samples of frame {frame}", base64.b64decode(b.run(SAMPLES)) == frames[frame])
        b.run("pixelrain.autoWindow(); pixelrain.setPlaying(true)")
        time.sleep(3)
        rate = b.run("return document.getElementById('speed').textContent")
        print(f"playing 640 x 480 x 16: {rate}")
        claim("frames pass", float(rate.split()[0]) > 2)
        if screenshot:
            b.picture(screenshot)


if not shutil.which("chromedriver"):
    print("chromedriver is not installed: skipped")
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    small = make(folder, "small", "-W", "160", "-H", "90", "-n", "40")
    large = make(folder, "large", "-b", "12", "-n", "60")
    browser = Browser(folder)
    try:
        narrow(browser, *small)
        wide(browser, *large, sys.argv[4] if len(sys.argv) > 4 else None)
    finally:
        browser.close()
print(f"serve_browser: {n_claims} claims hold")
