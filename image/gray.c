/* SPDX-License-Identifier: MIT
 * From colour and transparency to gray: what is allowed, and how. */
#include "gray.h"

#include "bytes.h"
#include "diag.h"

static inline unsigned sample_at(const void *samples, size_t i, unsigned n_bytes)
{
    uint16_t v;
    if (n_bytes == 1)
        return ((const uint8_t *)samples)[i];
    memcpy(&v, (const uint8_t *)samples + 2 * i, 2);
    return v;
}

static inline void put_sample(void *samples, size_t i, unsigned n_bytes, unsigned v)
{
    const uint16_t v16 = (uint16_t)v;
    if (n_bytes == 1)
        ((uint8_t *)samples)[i] = (uint8_t)v;
    else
        memcpy((uint8_t *)samples + 2 * i, &v16, 2);
}

/* Convert pixels up to the first that is refused; returns its index, or n_px.  Called with
 * constants for the last two arguments, so that each combination becomes a loop of its own. */
static inline size_t convert(const struct pxr_gray_span *s, unsigned n_channels, unsigned n_bytes)
{
    const bool has_alpha = n_channels == 2 || n_channels == 4;
    for (size_t i = 0; i < s->n_px; i++) {
        const size_t at = i * n_channels;
        unsigned v = sample_at(s->src, at, n_bytes);
        if (has_alpha && sample_at(s->src, at + n_channels - 1, n_bytes) != s->maxval)
            return i;
        if (n_channels >= 3) {
            const unsigned g = sample_at(s->src, at + 1, n_bytes);
            const unsigned b = sample_at(s->src, at + 2, n_bytes);
            if (v != g || v != b) {
                if (!s->luma)
                    return i;
                v = (2126 * v + 7152 * g + 722 * b + 5000) / 10000; /* <= 655,355,000 */
            }
        }
        put_sample(s->dst, i, n_bytes, v);
    }
    return s->n_px;
}

static enum pxr_err refuse(const struct pxr_gray_span *s, size_t i, struct pxr_diag *diag)
{
    const unsigned n_bytes = s->bits / 8u;
    const uint64_t x = s->x + (uint64_t)i * s->x_step;
    const size_t at = i * s->n_channels;
    const unsigned last = sample_at(s->src, at + s->n_channels - 1, n_bytes);
    if ((s->n_channels == 2 || s->n_channels == 4) && last != s->maxval)
        return pxr_fail(diag, PXR_E_MISMATCH,
                        "pixel (%u, %u) is transparent (alpha %u of %u): transparency cannot be "
                        "stored, and there is no option that removes it",
                        (unsigned)x, s->y, last, s->maxval);
    return pxr_fail(diag, PXR_E_MISMATCH,
                    "pixel (%u, %u) is coloured (red %u, green %u, blue %u): --luma turns colour "
                    "into gray",
                    (unsigned)x, s->y, sample_at(s->src, at, n_bytes),
                    sample_at(s->src, at + 1, n_bytes), sample_at(s->src, at + 2, n_bytes));
}

enum pxr_err pxr_gray_convert(const struct pxr_gray_span *s, struct pxr_diag *diag)
{
    size_t n = 0;
    if (s->keep_channels) {
        memcpy(s->dst, s->src, s->n_px * s->n_channels * (s->bits / 8u));
        return PXR_OK;
    }
    switch (s->n_channels * 16 + s->bits / 8) {
    case 0x11:
    case 0x12:
        memcpy(s->dst, s->src, s->n_px * (s->bits / 8u));
        return PXR_OK;
    case 0x21:
        n = convert(s, 2, 1);
        break;
    case 0x22:
        n = convert(s, 2, 2);
        break;
    case 0x31:
        n = convert(s, 3, 1);
        break;
    case 0x32:
        n = convert(s, 3, 2);
        break;
    case 0x41:
        n = convert(s, 4, 1);
        break;
    case 0x42:
        n = convert(s, 4, 2);
        break;
    }
    return n == s->n_px ? PXR_OK : refuse(s, n, diag);
}
