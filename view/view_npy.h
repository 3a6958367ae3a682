/* SPDX-License-Identifier: MIT
 * The head of a NumPy file. */
#ifndef PXR_VIEW_NPY_H
#define PXR_VIEW_NPY_H

#include "pixelrain.h"

/* Store a head of exactly dst_bytes (NPY version 1.0) of an array of unsigned little-endian samples of
 * the shape (n_frames, height_px, width_px), or (height_px, width_px) where n_frames is PXR_NONE.
 * dst_bytes: 128 to 65535. */
void pxr_npy_store_head(uint8_t *dst, size_t dst_bytes, uint8_t bits, uint64_t n_frames,
                        uint32_t height_px, uint32_t width_px);

#endif
