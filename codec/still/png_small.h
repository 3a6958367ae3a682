/* SPDX-License-Identifier: MIT
 * Rows of a frame as parts of a small PNG: filtered by Up, coded with one table of literals that all frames
 * share (docs/format.md, "png-small").  Pure memory. */
#ifndef PXR_STILL_PNG_SMALL_H
#define PXR_STILL_PNG_SMALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PXR_SMALL_SYMBOLS 257u /* bytes, and the end of a block */
#define PXR_SMALL_MAX_LENGTH 12u

/* Bands of a frame: what can be made alone. */
struct pxr_small_bands {
    uint32_t width_px, height_px;
    uint8_t bits;
    size_t row_bytes;   /* of the stream, with the filter type     */
    uint32_t band_rows; /* of each but the last                    */
    uint32_t n_bands;
};
/* False: too wide. */
bool pxr_small_bands_init(struct pxr_small_bands *b, uint32_t width_px, uint32_t height_px, uint8_t bits);
/* Rows of a band. */
uint32_t pxr_small_band_rows(const struct pxr_small_bands *b, uint32_t band);
/* Bytes that a filtered band may have, and a coded one (with room for the coder to write ahead). */
size_t pxr_small_stream_bound(const struct pxr_small_bands *b);
size_t pxr_small_coded_bound(const struct pxr_small_bands *b);

/* The rows of a band as they stand in the stream; src: adjacent rows, native samples.  Returns the bytes. */
size_t pxr_small_filter(const struct pxr_small_bands *b, const void *src, uint32_t n_rows, uint8_t *dst);

/* A code. */
struct pxr_small_table {
    uint8_t lengths[PXR_SMALL_SYMBOLS];
    uint32_t codes[PXR_SMALL_SYMBOLS]; /* the code, lowest bit first, and above 16 bits its length */
};
/* False: these lengths are no complete code of 1 to 12 bits. */
bool pxr_small_table_init(struct pxr_small_table *t, const uint8_t lengths[PXR_SMALL_SYMBOLS]);
/* Lengths of a good code for such counts; zero counts get a code as well.  The same on every machine. */
void pxr_small_choose_lengths(uint8_t lengths[PXR_SMALL_SYMBOLS], const uint64_t counts[PXR_SMALL_SYMBOLS]);

/* Add the bytes of a stream to counts of 256. */
void pxr_small_count(uint64_t counts[256], const uint8_t *stream, size_t stream_bytes);
/* How long a band with these bytes becomes, without the zlib header. */
uint64_t pxr_small_coded_bytes(const struct pxr_small_table *t, const uint64_t counts[256], bool is_last);
/* Code a filtered band; dst has pxr_small_coded_bound.  Returns the bytes: those of pxr_small_coded_bytes. */
size_t pxr_small_encode(const struct pxr_small_table *t, const uint8_t *stream, size_t stream_bytes, bool is_last,
                        uint8_t *dst);

#endif
