#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Read an archive from Python with nothing but ctypes and the shared library.

    read_with_ctypes.py FILE.pxr           what it holds, and the mean of each frame
    LIBPIXELRAIN=build/lib/libpixelrain.so read_with_ctypes.py FILE.pxr

With numpy, np.frombuffer(archive.read(7), archive.dtype).reshape(archive.shape) is an array.
Programs that work on whole sequences are better served by a mount: its files can be memory-mapped."""
import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char, c_char_p, c_int, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p


class Diag(ctypes.Structure):
    """struct pxr_diag: what went wrong, and where."""
    _fields_ = [("code", c_int), ("sys_errno", c_int), ("off_bytes", c_uint64), ("frame", c_uint64),
                ("block", c_uint64), ("has_values", ctypes.c_bool), ("expected", c_uint64), ("found", c_uint64),
                ("field", c_char * 32), ("text", c_char * 192), ("file", c_char * 1024)]


class Info(ctypes.Structure):
    """struct pxr_archive_info"""
    _fields_ = [("width_px", c_uint32), ("height_px", c_uint32), ("bits", c_uint8), ("n_frames", c_uint64),
                ("n_groups", c_uint64), ("pixel_bytes", c_uint64), ("archive_bytes", c_uint64),
                ("tail_bytes", c_uint64), ("commit", c_uint64), ("id", c_uint8 * 16),
                ("nominal_frames", c_uint32), ("nominal_height_px", c_uint32), ("nominal_width_px", c_uint32)]


def load():
    lib = ctypes.CDLL(os.environ.get("LIBPIXELRAIN", "libpixelrain.so.0"))
    lib.pxr_archive_open.argtypes = [POINTER(c_void_p), c_char_p, c_void_p, POINTER(Diag)]
    lib.pxr_archive_info.argtypes = [c_void_p, POINTER(Info)]
    lib.pxr_archive_close.argtypes = [c_void_p]
    lib.pxr_decoder_new.argtypes = [POINTER(c_void_p), c_void_p]
    lib.pxr_decoder_free.argtypes = [c_void_p]
    lib.pxr_decoder_diag.argtypes = [c_void_p]
    lib.pxr_decoder_diag.restype = POINTER(Diag)
    lib.pxr_diag_line.argtypes = [POINTER(Diag), c_char_p, c_size_t]
    lib.pxr_frame_read.argtypes = [c_void_p, c_uint64, c_uint32, c_uint32, c_void_p, c_size_t, c_size_t]
    return lib


class Archive:
    """One thread's view of an archive; use it in a with statement."""

    def __init__(self, path):
        self.lib, self.info, diag = load(), Info(), Diag()
        self.archive, self.decoder = c_void_p(), c_void_p()
        if self.lib.pxr_archive_open(byref(self.archive), os.fsencode(path), None, byref(diag)):
            raise OSError(self.line(diag))
        self.lib.pxr_archive_info(self.archive, byref(self.info))
        if self.lib.pxr_decoder_new(byref(self.decoder), self.archive):
            self.close()
            raise MemoryError
        self.shape = self.info.height_px, self.info.width_px
        self.dtype = "u1" if self.info.bits == 8 else "u2"

    def line(self, diag):
        text = ctypes.create_string_buffer(2048)
        self.lib.pxr_diag_line(byref(diag), text, len(text))
        return text.value.decode(errors="replace")

    def read(self, frame):
        """The samples of a frame, row by row, in the machine's byte order."""
        stride = self.info.width_px * self.info.bits // 8
        pixels = bytearray(stride * self.info.height_px)
        room = (c_char * len(pixels)).from_buffer(pixels)
        if self.lib.pxr_frame_read(self.decoder, frame, 0, self.info.height_px, room, len(pixels), stride):
            raise OSError(self.line(self.lib.pxr_decoder_diag(self.decoder).contents))
        return pixels

    def close(self):
        self.lib.pxr_decoder_free(self.decoder)
        self.lib.pxr_archive_close(self.archive)

    def __len__(self):
        return self.info.n_frames

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def main():
    with Archive(sys.argv[1]) as archive:
        print(f"{len(archive)} frames of {archive.shape[1]} x {archive.shape[0]} pixels, {archive.info.bits} bit")
        for frame in range(len(archive)):
            samples = memoryview(archive.read(frame)).cast("B" if archive.info.bits == 8 else "H")
            print(frame, sum(samples) / len(samples))


if __name__ == "__main__":
    main()
