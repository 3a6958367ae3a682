#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kill -9 of the real program at random times.

    torture_kill.py PIXELRAIN [COUNT]

A recording is killed, gone on with by append, killed again, and so on until all frames are there.  After each
kill what the archive holds is the beginning of what went in, and no less than another process saw before; in
the end it is sound and complete.  Every third torn archive goes on from what recover makes of it.
"""
import os
import random
import subprocess
import sys
import tempfile
import time

W, H, FRAMES = 64, 48, 120
FRAME = W * H
has_nameless = False


def run(*args, check=True):
    done = subprocess.run(args, capture_output=True, check=False)
    if check and done.returncode:
        fail(f"{' '.join(args)}: exit {done.returncode}: {done.stderr.decode()}")
    return done


def fail(text):
    print(f"FAILED: {text}", file=sys.stderr)
    sys.exit(1)


def held(pixelrain, path, source):
    """How many frames are there; all must be those that went in."""
    if not os.path.exists(path):
        return 0
    pixels = run(pixelrain, "cat", "--format", "raw", path).stdout
    if not source.startswith(pixels) or len(pixels) % FRAME:
        fail(f"{path} holds {len(pixels)} bytes that are not the beginning of what was recorded")
    return len(pixels) // FRAME


def one_life(pixelrain, source, dice, counts, want):
    """Record all frames, however often the program is killed."""
    path, raw, n = "a.pxr", "source.raw", 0
    # append goes on with the parity that pack begins with; exit 4: this build has none
    has_parity = subprocess.run([pixelrain, "merge", "--parity", "9%", "/dev/null", "-o", "none.pxr"],
                                stderr=subprocess.DEVNULL).returncode != 4
    parity = ["--parity", "9%"] if has_parity and dice.random() < 0.5 else []
    while n < FRAMES and counts["kills"] < want:
        command = [pixelrain, "append", "--skip-tail", path] if n else [pixelrain, "pack", "-o", path] + parity
        every = dice.choice(["1", "4", "17", "0.01s"])
        process = subprocess.Popen(command + ["-q", "--raw", f"{W}x{H}x8", "--skip", str(n * FRAME), "--names", "number",
                                              "-j", "2", "--commit-every", every, raw])
        time.sleep(dice.random() * dice.choice([0.004, 0.03, 0.15]))
        seen = held(pixelrain, path, source) if dice.random() < 0.5 else n
        was_running = process.poll() is None
        process.kill()
        if process.wait() not in (0, -9):
            fail(f"exit {process.returncode}: {' '.join(command)}")
        counts["kills"] += was_running
        before, n = n, held(pixelrain, path, source)
        if n < max(before, seen):
            fail(f"{n} frames are left of {max(before, seen)}")
        if os.path.exists(path):
            torn = run(pixelrain, "check", "-q", path, check=False).returncode
            if torn not in (0, 1):
                fail(f"check: exit {torn}")
            counts["torn"] += torn
            if torn and dice.random() < 0.3:
                if run(pixelrain, "recover", "-q", "-f", path, "-o", "b.pxr", check=False).returncode not in (0, 1):
                    fail("recover fails")
                os.replace("b.pxr", path)
                counts["recovered"] += 1
                # What the torn append left may be among them: the pictures are numbered as they were.
                if held(pixelrain, path, source) < n:
                    fail("recover loses committed frames")
                n = held(pixelrain, path, source)
        for name in os.listdir("."):
            if name.endswith(".tmp"):
                if has_nameless and os.path.getsize(name):
                    fail(f"{name} is left")
                os.unlink(name)  # of a recover -f that was about to replace a file, or of a pack where files have names
    if n == FRAMES:
        run(pixelrain, "check", "--deep", "-q", path)
        counts["complete"] += 1
    if os.path.exists(path):
        os.unlink(path)


def files_without_names():
    """Whether this file system has them: then nothing is left of a pack that was killed before its first commit."""
    try:
        os.close(os.open(".", os.O_TMPFILE | os.O_RDWR))
        return os.path.exists("/proc/self/fd")
    except OSError:
        return False


def main():
    global has_nameless
    pixelrain = os.path.abspath(sys.argv[1])
    want = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    dice = random.Random(5)
    counts = {"kills": 0, "torn": 0, "recovered": 0, "complete": 0}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        has_nameless = files_without_names()
        source = b"".join(bytes((x * 3 + y + f + dice.randrange(4)) & 255 for y in range(H) for x in range(W))
                          for f in range(FRAMES))
        with open("source.raw", "wb") as f:
            f.write(source)
        while counts["kills"] < want:
            one_life(pixelrain, source, dice, counts, want)
        os.chdir("/")
    print(f"KILL {counts['kills']} kills, {counts['torn']} torn archives, {counts['recovered']} recovered, "
          f"{counts['complete']} completed: 0 committed frames lost")


if __name__ == "__main__":
    main()
