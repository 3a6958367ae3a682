/* SPDX-License-Identifier: MIT
 * The libraries that pixelrain is compared with, behind one interface: memory to memory, one thread. */
#ifndef PXR_PEERS_H
#define PXR_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Adjacent frames of samples in native byte order (the formats' codecs are told little endian). */
struct peer_shape {
    uint32_t width_px, height_px;
    unsigned bits; /* that samples use: 8 in one byte, 9 to 16 in two */
    size_t sample_bytes, frame_bytes, n_frames;
};

struct peer_codec {
    const char *name;
    const char *library;
    bool is_per_frame; /* else encode and decode get all frames at once */
    /* level means what the codec says.  n_coded is the room at coded before, the bytes used after. */
    bool (*encode)(const struct peer_shape *s, int level, const uint8_t *samples, size_t n_bytes,
                   uint8_t *coded, size_t *n_coded);
    bool (*decode)(const struct peer_shape *s, const uint8_t *coded, size_t n_coded,
                   uint8_t *samples, size_t n_bytes);
};

extern const struct peer_codec peer_png;       /* level: zlib's */
extern const struct peer_codec peer_jpegls;    /* level: how far samples may be off */
extern const struct peer_codec peer_jxl;       /* level: effort */
extern const struct peer_codec peer_zstd;      /* level */
extern const struct peer_codec peer_zstd_long; /* level, with a window of 128 MiB */
extern const struct peer_codec peer_xz;        /* level: preset */
extern const struct peer_codec peer_blosc_shuffle;    /* level: of zstd over 32 x 64 x 64 samples */
extern const struct peer_codec peer_blosc_bitshuffle; /* the same */

/* The still codecs of the house. */
extern const struct peer_codec peer_px2;  /* level: 1 relative, 2 squares of one value, 3 both */
extern const struct peer_codec peer_pxs;  /* no level */
extern const struct peer_codec peer_dci;  /* level: threshold */
extern const struct peer_codec peer_vcbn; /* no level */
extern const struct peer_codec peer_pce;  /* level: 0 solo, 1 with one table; at most four levels of gray */

#endif
