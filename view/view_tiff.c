/* SPDX-License-Identifier: MIT
 * Little-endian TIFF: heads and directories of uncompressed gray pages of one strip. */
#include "view_tiff.h"

#include "bytes.h"

enum { ASCII = 2, SHORT = 3, LONG = 4, LONG8 = 16 };

void pxr_tiff_store_head(uint8_t *dst, uint64_t ifd_off_bytes)
{
    memcpy(dst, "II\x2a\x00", 4);
    pxr_store_u32le(dst + 4, (uint32_t)ifd_off_bytes);
}

void pxr_tiff_store_big_head(uint8_t *dst, uint64_t ifd_off_bytes)
{
    memcpy(dst, "II\x2b\x00\x08\x00\x00\x00", 8); /* offsets of 8 bytes, a reserved zero */
    pxr_store_u64le(dst + 8, ifd_off_bytes);
}

/* Entries lie one behind the other, in the order of their tags, their number in front. */
struct ifd {
    uint8_t *at;
    bool is_big;
    unsigned n;
};

static void add(struct ifd *d, uint16_t tag, uint16_t type, uint64_t count, uint64_t value)
{
    pxr_store_u16le(d->at, tag);
    pxr_store_u16le(d->at + 2, type);
    if (d->is_big) {
        pxr_store_u64le(d->at + 4, count);
        pxr_store_u64le(d->at + 12, value); /* smaller types stand in front, and the rest is zero */
        d->at += 20;
    } else {
        pxr_store_u32le(d->at + 4, (uint32_t)count);
        pxr_store_u32le(d->at + 8, (uint32_t)value);
        d->at += 12;
    }
    d->n++;
}

size_t pxr_tiff_store_ifd(uint8_t *dst, const struct pxr_tiff_page *p)
{
    const uint16_t offset = p->is_big ? LONG8 : LONG;
    struct ifd d = {.at = dst + (p->is_big ? 8 : 2), .is_big = p->is_big};
    add(&d, 254, LONG, 1, 0); /* NewSubfileType: a picture */
    add(&d, 256, LONG, 1, p->width_px);
    add(&d, 257, LONG, 1, p->height_px);
    add(&d, 258, SHORT, 1, p->bits);
    add(&d, 259, SHORT, 1, 1); /* Compression: none */
    add(&d, 262, SHORT, 1, 1); /* PhotometricInterpretation: 0 is black */
    if (p->text_bytes)
        add(&d, 270, ASCII, p->text_bytes, p->text_off_bytes); /* ImageDescription */
    add(&d, 273, offset, 1, p->data_off_bytes);                /* StripOffsets */
    add(&d, 277, SHORT, 1, 1);                                 /* SamplesPerPixel */
    add(&d, 278, LONG, 1, p->height_px);                       /* RowsPerStrip */
    add(&d, 279, offset, 1, (uint64_t)p->width_px * p->height_px * (p->bits / 8u));
    add(&d, 339, SHORT, 1, 1); /* SampleFormat: unsigned */
    if (p->is_big) {
        pxr_store_u64le(dst, d.n);
        pxr_store_u64le(d.at, p->next_off_bytes);
        return (size_t)(d.at + 8 - dst);
    }
    pxr_store_u16le(dst, (uint16_t)d.n);
    pxr_store_u32le(d.at, (uint32_t)p->next_off_bytes);
    return (size_t)(d.at + 4 - dst);
}
