# SPDX-License-Identifier: MIT
"""The inputs of all benchmarks: simulated reels, and the real sequences of $PXR_DATA."""
import glob
import hashlib
import os
import re
import shutil
import subprocess

from measure import file_hash, folder_bytes, run

class Sequence:
    """A folder of equally large PGM files, and the same samples as one raw file."""

    def __init__(self, name, folder, work, simulation=None):
        self.name, self.folder, self.work = name, folder, work
        self.simulation = simulation  # reelsim's arguments
        self.files = sorted(glob.glob(os.path.join(folder, "*.pgm")))
        with open(self.files[0], "rb") as f:
            head = f.read(64)
        found = re.match(rb"P5\s+(\d+)\s+(\d+)\s+(\d+)\s", head)
        self.width, self.height, self.maxval = map(int, found.groups())
        self.sample_bytes = 1 if self.maxval < 256 else 2
        self.frame_bytes = self.width * self.height * self.sample_bytes
        self.pixel_bytes = self.frame_bytes * len(self.files)
        self.pgm_bytes = folder_bytes(folder)
        self.pix_fmt = {1023: "gray10le", 4095: "gray12le"}.get(self.maxval, "gray16le")
        if self.sample_bytes == 1:
            self.pix_fmt = "gray"
        self.raw = os.path.join(work, name + ".raw")
        self.raw_hash = self.write_raw()

    def write_raw(self):
        digest = hashlib.sha1()
        with open(self.raw, "wb") as out:
            for path in self.files:
                with open(path, "rb") as f:
                    samples = f.read()[-self.frame_bytes:]
                if self.sample_bytes == 2:
                    swapped = bytearray(samples)
                    swapped[0::2], swapped[1::2] = samples[1::2], samples[0::2]
                    samples = bytes(swapped)
                out.write(samples)
                digest.update(samples)
        return digest.hexdigest()

    def pgm_hashes(self):
        return {os.path.basename(p): file_hash(p) for p in self.files}

    def raw_input(self):
        """ffmpeg's arguments for the raw file (a PGM of maxval 4095 would be scaled by ffmpeg)."""
        return ["-f", "rawvideo", "-pix_fmt", self.pix_fmt, "-s", f"{self.width}x{self.height}",
                "-i", self.raw]

    def path(self, suffix):
        return os.path.join(self.work, self.name + suffix)


def simulated(build, work, n_frames, wanted):
    # bright8: so much light that hardly any noise is left.
    for name, mode, bits, *more in [("reel8", "reel", 8), ("reel12", "reel", 12), ("reel16", "reel", 16),
                                    ("bright8", "reel", 8, "--full-well", 1000000, "--read-noise", 0),
                                    ("stage8", "stage", 8), ("still8", "still", 8), ("mask8", "mask", 8),
                                    ("noise8", "noise", 8)]:
        if wanted and name not in wanted:
            continue
        folder = os.path.join(work, name)
        simulation = ["--mode", mode, "--bits", bits, "--frames", n_frames, *more]
        run(os.path.join(build, "bin/reelsim"), *simulation, "-o", folder)
        yield Sequence(name, folder, work, simulation)
        shutil.rmtree(folder)
        os.unlink(os.path.join(work, name + ".raw"))


def real(data, work, wanted, max_frames=None):
    for archive in sorted(glob.glob(os.path.join(data, "*.pgm.tar.zst"))):
        name = os.path.basename(archive).split(".")[0]
        if wanted and name not in wanted:
            continue
        folder = os.path.join(work, name)
        os.mkdir(folder)
        unpack = subprocess.Popen(["zstd", "-dqc", "--long=27", archive], stdout=subprocess.PIPE)
        run("tar", "-x", "-C", folder, "--strip-components=1", stdin=unpack.stdout)
        if unpack.wait():
            raise RuntimeError(f"{archive} cannot be unpacked")
        for path in glob.glob(os.path.join(folder, "*")):
            if not path.endswith(".pgm"):
                os.unlink(path)
        for path in sorted(glob.glob(os.path.join(folder, "*")))[max_frames:] if max_frames else []:
            os.unlink(path)
        yield Sequence(name, folder, work)
        shutil.rmtree(folder)
        os.unlink(os.path.join(work, name + ".raw"))
