/* SPDX-License-Identifier: MIT
 * Putting symbols, one by one: the specification of what vectors do.  Included by the levels without vectors for it.
 *
 * Everything runs backwards: the decoder takes what was put last.  In each chunk of all lanes the raw bits, which are read
 * last, come first, then the symbols. */

/* Without branches, which nobody could predict.  due: 0 or 1. */
static inline uint32_t give_word(uint32_t x, unsigned due, uint8_t **to)
{
    pxr_store_u16le(*to - 2, (uint16_t)x);
    *to -= 2 * due;
    return x >> 16 * due;
}

static inline uint32_t put_symbol(uint32_t x, uint32_t coder, const struct pxr_predict_coders *c, uint8_t **to)
{
    const uint32_t f = coder & 0xFFF, cells = (coder >> 12 & 0x1FF) * PXR_PREDICT_CELL;
    x = give_word(x, x >> (32 - PXR_PREDICT_TABLE_BITS) >= f, to);
    const uint32_t q = (uint32_t)(x * c->reciprocals[f] >> PXR_PREDICT_RECIPROCAL_BITS), rest = x - q * f;
    const bool is_in_cell = (rest < f / PXR_PREDICT_CELL * PXR_PREDICT_CELL) & (rest + cells < c->n_coarse);
    return (q << PXR_PREDICT_TABLE_BITS) + rest + (is_in_cell ? cells : coder >> 21);
}

static inline uint32_t put_raw(uint32_t x, uint32_t v, unsigned n, uint8_t **to)
{
    x = give_word(x, (uint64_t)x >> (32 - n) != 0, to);
    return x << n | v;
}

static uint8_t *put_8(const struct pxr_predict_coders *coders, const uint8_t *contexts, const void *residuals,
                      size_t n, size_t lanes, uint32_t *x, uint8_t *to)
{
    const uint8_t *const z = residuals;
    for (size_t i = n; i-- > 0;) {
        uint32_t *const lane = &x[i & (lanes - 1)];
        *lane = put_symbol(*lane, coders->of[contexts[i]][z[i]], coders, &to);
    }
    return to;
}

static uint8_t *put_16(const struct pxr_predict_coders *coders, const uint8_t *contexts, const void *residuals,
                       size_t n, size_t lanes, uint32_t *x, uint8_t *to)
{
    for (size_t chunk = (n + lanes - 1) / lanes; chunk-- > 0;) {
        const size_t first = chunk * lanes, count = pxr_min_u64(lanes, n - first);
        const uint16_t *const z = (const uint16_t *)residuals + first;
        for (size_t i = count; i-- > 0;) {
            const unsigned raw = pxr_token_raw_bits(pxr_token_of(z[i]));
            x[i] = put_raw(x[i], z[i] & ((1u << raw) - 1), raw, &to);
        }
        for (size_t i = count; i-- > 0;)
            x[i] = put_symbol(x[i], coders->of[contexts[first + i]][pxr_token_of(z[i])], coders, &to);
    }
    return to;
}
