#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Files of foreign formats, written by other programs' libraries, packed by ours: are the samples the same?

    import_formats.py PIXELRAIN FORMAT     npy | tiff | ser | fits

Runs in an empty folder.  Exit 77: what writes this format is not installed.
"""
import struct
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    print("skipped: no numpy")
    sys.exit(77)

rng = np.random.default_rng(7)
pixelrain = sys.argv[1]
n_compared = 0


def noise(shape, dtype, maximum=None):
    top = np.iinfo(dtype).max if maximum is None else maximum
    return rng.integers(0, top + 1, shape).astype(dtype)


def pack(*arguments):
    return subprocess.run([pixelrain, "pack", "-q", "-f", "-o", "out.pxr", *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def compare(expected, *arguments):
    """Pack, and compare what comes out with an array (frames, rows, columns)."""
    global n_compared
    done = pack(*arguments)
    if done.returncode:
        sys.exit(f"FAILED: pack {' '.join(arguments)}: {done.stderr}")
    raw = subprocess.run([pixelrain, "cat", "--format", "raw", "out.pxr"], check=True, capture_output=True).stdout
    expected = np.asarray(expected)
    if expected.ndim == 2:
        expected = expected[None]
    found = np.frombuffer(raw, "<u2" if expected.dtype.itemsize == 2 else "u1")
    if found.size != expected.size or (found != expected.ravel()).any():
        sys.exit(f"FAILED: {' '.join(arguments)}: other samples than {expected.shape} {expected.dtype}")
    n_compared += 1


def test_npy():
    for dtype in ("u1", "<u2", ">u2"):
        for shape in ((17, 23), (1, 17, 23), (5, 17, 23)):
            array = noise(shape, dtype)
            np.save("a.npy", array)
            compare(array, "a.npy")
    array = np.asfortranarray(noise((17, 23), "<u2"))
    np.save("a.npy", array)
    compare(array, "a.npy")
    np.save("a.npy", noise((40, 17, 23), "u1")[::3, ::2, ::-1])
    compare(np.load("a.npy"), "a.npy")
    mapped = np.lib.format.open_memmap("a.npy", "w+", "<u2", (6, 9, 8))
    mapped[:] = noise((6, 9, 8), "<u2")
    mapped.flush()
    compare(np.load("a.npy"), "a.npy")
    np.lib.format.write_array(open("a.npy", "wb"), array, version=(2, 0))
    compare(array, "a.npy")


def write_imagej_single_page(path, stack, order):
    """As ImageJ writes stacks beyond 4 GB: one page, the frames behind it, big endian."""
    n, height, width = stack.shape
    text = f"ImageJ=1.53t\nimages={n}\nslices={n}\nloop=false\n\0".encode()
    bits = stack.dtype.itemsize * 8
    first = 8 + 2 + 9 * 12 + 4
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, 1),
            (270, 2, len(text), first), (273, 4, 1, first + len(text)), (278, 4, 1, height),
            (279, 4, 1, width * height * bits // 8)]
    with open(path, "wb") as f:
        f.write((b"MM" if order == ">" else b"II") + struct.pack(order + "HIH", 42, 8, len(tags)))
        for tag, kind, count, value in tags:
            f.write(struct.pack(order + "HHI", tag, kind, count))
            f.write(struct.pack(order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,))))
        f.write(bytes(4) + text + stack.astype(stack.dtype.newbyteorder(order)).tobytes())


def tiffcp(*arguments):
    subprocess.run(["tiffcp", *arguments], check=True)


def test_tiff():
    try:
        import tifffile
    except ImportError:
        print("skipped: no tifffile")
        sys.exit(77)
    for dtype in ("u1", "<u2"):
        stack = noise((5, 37, 53), dtype)
        for big in (False, True):
            for order in "<>":
                tifffile.imwrite("a.tif", stack, bigtiff=big, byteorder=order, photometric="minisblack")
                compare(stack, "a.tif")
                tifffile.imwrite("a.tif", stack, bigtiff=big, byteorder=order, photometric="minisblack",
                                 tile=(16, 32))
                compare(stack, "a.tif")
                tifffile.imwrite("a.tif", stack, bigtiff=big, byteorder=order, photometric="minisblack",
                                 rowsperstrip=5, compression="zlib", predictor=False)
                compare(stack, "a.tif")
        tifffile.imwrite("a.tif", stack, imagej=True)
        compare(tifffile.imread("a.tif"), "a.tif")
        tifffile.imwrite("a.tif", stack, photometric="miniswhite")
        compare(np.iinfo(dtype).max - stack, "a.tif")
        tifffile.imwrite("a.tif", stack[0], photometric="minisblack", metadata=None)
        compare(stack[0], "a.tif")
        for order in "<>":
            write_imagej_single_page("a.tif", stack, order)
            compare(stack, "a.tif")
            if not (tifffile.imread("a.tif") == stack).all():
                sys.exit("FAILED: tifffile does not see the ImageJ stack that was made")
    # Compressions, through libtiff's own tool; a smooth picture, so that predictors and runs matter.
    smooth = (np.add.outer(np.arange(64), np.arange(80)) * 3 + noise((64, 80), "u1", 3)).astype("u1")
    for array in (smooth, smooth.astype("<u2") * 200):
        tifffile.imwrite("plain.tif", array, photometric="minisblack", metadata=None)
        for kind in ("lzw", "lzw:2", "zip", "zip:2", "packbits", "zstd", "none"):
            tiffcp("-c", kind, "plain.tif", "a.tif")
            compare(array, "a.tif")
            tiffcp("-c", kind, "-t", "-w", "32", "-l", "16", "plain.tif", "a.tif")
            compare(array, "a.tif")
    # A bitmap: white is 0 in a fax.
    bits = noise((33, 77), "u1", 1)
    tifffile.imwrite("plain.tif", bits.astype(bool), photometric="miniswhite", metadata=None)
    for kind in ("none", "g3", "g3:2d", "g4", "packbits", "lzw"):
        tiffcp("-c", kind, "plain.tif", "a.tif")
        compare(255 - bits * 255, "a.tif")
        tiffcp("-c", kind, "-f", "lsb2msb", "plain.tif", "a.tif")
        compare(255 - bits * 255, "a.tif")
    gray = noise((20, 30, 1), "u1").repeat(3, axis=2)
    tifffile.imwrite("a.tif", gray, photometric="rgb")
    compare(gray[:, :, 0], "a.tif")
    gray = noise((20, 30, 1), "u2").repeat(3, axis=2)
    tifffile.imwrite("a.tif", gray, photometric="rgb", compression="zlib")
    compare(gray[:, :, 0], "a.tif")


def write_ser(path, stack, depth, order_field, stamps=None):
    n, height, width = stack.shape
    with open(path, "wb") as f:
        f.write(struct.pack("<14siiiiiii40s40s40sqq", b"LUCAM-RECORDER", 0, 0, order_field, width, height, depth, n,
                            b"observer", b"camera", b"telescope", 0, 0))
        f.write(stack.tobytes())
        if stamps is not None:
            f.write(np.asarray(stamps, "<i8").tobytes())


def test_ser():
    stack = noise((7, 21, 34), "u1")
    write_ser("a.ser", stack, 8, 0, np.arange(7) + 637502400000000000)
    compare(stack, "a.ser")
    for depth in (10, 12, 16):
        stack = noise((7, 21, 34), "<u2", (1 << depth) - 1)
        write_ser("a.ser", stack, depth, 0)
        compare(stack, "a.ser")
        write_ser("a.ser", stack.astype(">u2"), depth, 1)
        compare(stack, "a.ser")
        compare(stack, "--byte-order", "be", "a.ser")


def test_fits():
    try:
        from astropy.io import fits
    except ImportError:
        print("skipped: no astropy")
        sys.exit(77)
    for shape in ((17, 23), (5, 17, 23), (2, 3, 17, 23), (1, 1, 64, 64)):
        for dtype in ("u1", "u2"):
            array = noise(shape, dtype)
            fits.PrimaryHDU(array).writeto("a.fits", overwrite=True)
            compare(array.reshape(-1, *shape[-2:]), "a.fits")
    array = noise((17, 23), "i2", 32767)
    fits.PrimaryHDU(array).writeto("a.fits", overwrite=True)
    compare(array.astype("u2"), "a.fits")
    # Units of all kinds: an empty first one, a table, images with many cards.
    array = noise((3, 17, 23), "u2")
    table = fits.BinTableHDU.from_columns([fits.Column("x", "J", array=np.arange(1000))])
    image = fits.ImageHDU(array[1:], name="SCI")
    for i in range(100):
        image.header[f"KEY{i}"] = (i, "a comment with 'quotes' and / strokes")
    image.header["HISTORY"] = "NAXIS1  = 99"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(array[:1]), table, image]).writeto("a.fits", overwrite=True)
    compare(array, "a.fits")


def main():
    globals()["test_" + sys.argv[2]]()
    print(f"IMPORT {sys.argv[2]}: {n_compared} files compared")
    return 0 if n_compared else 1


if __name__ == "__main__":
    sys.exit(main())
