/* SPDX-License-Identifier: MIT
 * Pixel Countdown Encoding: streams of single sprites, and the numbers that a batch shares. */
#include "pce.h"

#include "diag.h"
#include "msb_bits.h"

#include <stdlib.h>

enum {
    MAX_VALUE = 65535,    /* of a table's entry */
    MAX_PREFIX_ONES = 14, /* of a number's code: with 14 the largest sprite's largest number is covered */
    MAX_SINGLE_VALUE = 255,
};

/* ---- the tokens of a sprite ------------------------------------------------------------------- */

/* A sprite taken apart.  One allocation, of symbols and gaps. */
struct runs {
    uint32_t n_px;
    uint32_t first_at[PXR_PCE_N_SYMBOLS]; /* where a colour occurs first; n_px: nowhere */
    uint8_t *symbols;                     /* without gaps between rows */
    uint16_t *gap; /* at the first pixel of a run: pixels from its end to the next run of its colour, or to the end */
};

static enum pxr_err check_sprite(const struct pxr_pce_sprite *s, struct pxr_diag *diag)
{
    if (!s->width_px || s->width_px > PXR_PCE_MAX_SIDE_PX || !s->height_px || s->height_px > PXR_PCE_MAX_SIDE_PX)
        return pxr_fail(diag, PXR_E_INVALID, "a sprite of %u x %u pixels: both sides must be 1 to 255", s->width_px,
                        s->height_px);
    for (uint32_t y = 0; y < s->height_px; y++)
        for (uint32_t x = 0; x < s->width_px; x++)
            if (s->symbols[y * s->stride_bytes + x] >= PXR_PCE_N_SYMBOLS)
                return pxr_fail(diag, PXR_E_INVALID, "the pixel %u, %u of a sprite has no colour", x, y);
    return PXR_OK;
}

static void find_gaps(struct runs *r)
{
    uint32_t end = r->n_px; /* of the run at hand */
    for (unsigned c = 0; c < PXR_PCE_N_SYMBOLS; c++)
        r->first_at[c] = r->n_px;
    /* Backwards, so that the next run of each colour is known when a run begins. */
    for (uint32_t i = r->n_px; i-- > 0;) {
        const uint8_t c = r->symbols[i];
        if (i && r->symbols[i - 1] == c)
            continue;
        r->gap[i] = (uint16_t)(r->first_at[c] - end);
        r->first_at[c] = end = i;
    }
}

static enum pxr_err runs_init(struct runs *r, const struct pxr_pce_sprite *s, struct pxr_diag *diag)
{
    const enum pxr_err e = check_sprite(s, diag);
    if (e)
        return e;
    r->n_px = s->width_px * s->height_px;
    r->gap = pxr_alloc(3 * (size_t)r->n_px);
    if (!r->gap)
        return pxr_fail_nomem(diag, 3 * (size_t)r->n_px);
    r->symbols = (uint8_t *)(r->gap + r->n_px);
    for (uint32_t y = 0; y < s->height_px; y++)
        memcpy(r->symbols + (size_t)y * s->width_px, s->symbols + y * s->stride_bytes, s->width_px);
    find_gaps(r);
    return PXR_OK;
}

static void runs_fini(struct runs *r)
{
    pxr_free(r->gap);
}

static bool has_alpha(const struct runs *r)
{
    return r->first_at[PXR_PCE_TRANSPARENT] < r->n_px;
}

/* The colours but the first one: those that occur by their first pixel, then the others by their number. */
static unsigned order_entries(const struct runs *r, uint8_t entries[PXR_PCE_N_SYMBOLS])
{
    const unsigned n_colours = has_alpha(r) ? 5 : 4;
    unsigned n = 0;
    for (uint8_t c = 0; c < n_colours; c++) {
        if (r->first_at[c] == 0)
            continue;
        unsigned i = n++;
        for (; i && r->first_at[entries[i - 1]] > r->first_at[c]; i--)
            entries[i] = entries[i - 1];
        entries[i] = c;
    }
    return n;
}

/* The first pixel of the next run, or n_px. */
static uint32_t next_run(const struct runs *r, uint32_t at)
{
    const uint8_t c = r->symbols[at];
    while (at < r->n_px && r->symbols[at] == c)
        at++;
    return at;
}

/* ---- numbers ---------------------------------------------------------------------------------- */

/* p ones, a zero, p + 1 bits: 2^(p+1) numbers from 2^(p+1) - 2 on. */
static void put_number(struct pxr_msb_writer *w, uint32_t v)
{
    const unsigned p = 30 - (unsigned)__builtin_clz(v + 2);
    pxr_msb_put(w, (2u << p) - 2, p + 1);
    pxr_msb_put(w, v + 2 - (2u << p), p + 1);
}

/* False: no number begins like this.  Past the end it is one, and the reader says so. */
static bool get_number(struct pxr_msb_reader *r, uint32_t *v)
{
    unsigned p = 0;
    while (pxr_msb_get(r, 1))
        if (++p > MAX_PREFIX_ONES)
            return false;
    *v = (2u << p) - 2 + pxr_msb_get(r, p + 1);
    return true;
}

/* ---- the table -------------------------------------------------------------------------------- */

struct pxr_pce_counts {
    uint64_t of_value[PXR_PCE_MAX_PX + 1];
};

struct pxr_pce_table {
    uint32_t n_values, n_single; /* the single-byte ones come first */
    uint16_t value[MAX_VALUE];   /* by rank; never 0 */
    uint16_t rank[MAX_VALUE + 1]; /* plus 1; 0: not in the table */
};

enum pxr_err pxr_pce_counts_new(pxr_pce_counts **out, struct pxr_diag *diag)
{
    *out = pxr_alloc_zero(1, sizeof **out);
    return *out ? PXR_OK : pxr_fail_nomem(diag, sizeof **out);
}

void pxr_pce_counts_free(pxr_pce_counts *c)
{
    pxr_free(c);
}

enum pxr_err pxr_pce_counts_add(pxr_pce_counts *c, const struct pxr_pce_sprite *sprite, struct pxr_diag *diag)
{
    struct runs r;
    uint8_t entries[PXR_PCE_N_SYMBOLS];
    const enum pxr_err e = runs_init(&r, sprite, diag);
    if (e)
        return e;
    const unsigned n_entries = order_entries(&r, entries);
    for (unsigned i = 0; i < n_entries; i++)
        c->of_value[r.first_at[entries[i]]]++;
    for (uint32_t at = 0, next; (next = next_run(&r, at)) < r.n_px; at = next)
        c->of_value[r.gap[at]]++;
    runs_fini(&r);
    return PXR_OK;
}

struct counted {
    uint64_t n;
    uint16_t value;
};

static int compare_counted(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    const bool x_is_double = x->value > MAX_SINGLE_VALUE, y_is_double = y->value > MAX_SINGLE_VALUE;
    if (x_is_double != y_is_double)
        return x_is_double ? 1 : -1;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static void table_add(pxr_pce_table *t, uint16_t value)
{
    t->n_single += value <= MAX_SINGLE_VALUE;
    t->value[t->n_values++] = value;
    t->rank[value] = (uint16_t)t->n_values;
}

enum pxr_err pxr_pce_table_new(pxr_pce_table **out, const pxr_pce_counts *c, struct pxr_diag *diag)
{
    size_t n = 0;
    for (uint32_t v = 1; v <= PXR_PCE_MAX_PX; v++)
        n += c->of_value[v] != 0;
    struct counted *const used = pxr_alloc(n ? n * sizeof *used : 1);
    pxr_pce_table *const t = pxr_alloc_zero(1, sizeof *t);
    *out = NULL;
    if (!used || !t) {
        pxr_free(used);
        pxr_free(t);
        return pxr_fail_nomem(diag, n * sizeof *used + sizeof *t);
    }
    n = 0;
    for (uint32_t v = 1; v <= PXR_PCE_MAX_PX; v++)
        if (c->of_value[v])
            used[n++] = (struct counted){c->of_value[v], (uint16_t)v};
    qsort(used, n, sizeof *used, compare_counted);
    for (size_t i = 0; i < n; i++)
        table_add(t, used[i].value);
    pxr_free(used);
    *out = t;
    return PXR_OK;
}

void pxr_pce_table_free(pxr_pce_table *t)
{
    pxr_free(t);
}

size_t pxr_pce_table_bytes(void)
{
    return sizeof(struct pxr_pce_table);
}

/* The numbers of [first, last] that a table has, and behind them those that it has not. */
static void add_all(pxr_pce_table *t, const uint16_t *had, uint32_t n_had, uint32_t first, uint32_t last)
{
    for (uint32_t i = 0; i < n_had; i++)
        table_add(t, had[i]);
    for (uint32_t v = first; v <= last; v++)
        if (!t->rank[v])
            table_add(t, (uint16_t)v);
}

bool pxr_pce_table_complete(pxr_pce_table *t, const pxr_pce_table *from, uint32_t max_value)
{
    const uint32_t max_single = max_value < MAX_SINGLE_VALUE ? max_value : MAX_SINGLE_VALUE;
    for (uint32_t i = 0; i < from->n_values; i++)
        if (from->value[i] > max_value)
            return false;
    memset(t, 0, sizeof *t);
    add_all(t, from->value, from->n_single, 1, max_single);
    add_all(t, from->value + from->n_single, from->n_values - from->n_single, MAX_SINGLE_VALUE + 1, max_value);
    return true;
}

size_t pxr_pce_table_file_bytes(const pxr_pce_table *t)
{
    return 1 + t->n_single + 2 * (size_t)(t->n_values - t->n_single);
}

bool pxr_pce_table_write(const pxr_pce_table *t, struct pxr_buffer *out)
{
    uint8_t *at = pxr_buffer_extend(out, pxr_pce_table_file_bytes(t));
    if (!at)
        return false;
    *at++ = (uint8_t)t->n_single;
    for (uint32_t i = 0; i < t->n_single; i++)
        *at++ = (uint8_t)t->value[i];
    for (uint32_t i = t->n_single; i < t->n_values; i++, at += 2)
        pxr_store_u16be(at, t->value[i]);
    return true;
}

static enum pxr_err parse_values(pxr_pce_table *t, const uint8_t *src, size_t n_bytes, struct pxr_diag *diag)
{
    const uint8_t n_single = src[0];
    for (size_t at = 1; at < n_bytes;) {
        const bool is_single = at <= n_single;
        const uint16_t v = is_single ? src[at] : pxr_load_u16be(src + at);
        if (!v || t->rank[v])
            return pxr_fail_at(diag, PXR_E_CORRUPT, at, v ? "the table holds the number %u twice"
                                                          : "the table holds the number %u", v);
        if (!is_single && v <= MAX_SINGLE_VALUE)
            return pxr_fail_at(diag, PXR_E_CORRUPT, at, "the number %u of the table has two bytes, not one", v);
        table_add(t, v);
        at += is_single ? 1 : 2;
    }
    return PXR_OK;
}

enum pxr_err pxr_pce_table_parse(pxr_pce_table **out, const uint8_t *src, size_t n_bytes, struct pxr_diag *diag)
{
    *out = NULL;
    if (!n_bytes || n_bytes - 1 < src[0])
        return pxr_fail_field(diag, PXR_E_TRUNCATED, n_bytes, "table", n_bytes ? 1u + src[0] : 1, n_bytes,
                              "the table ends within its single-byte numbers");
    if ((n_bytes - 1 - src[0]) % 2)
        return pxr_fail_at(diag, PXR_E_CORRUPT, n_bytes - 1, "the table ends within a number of two bytes");
    pxr_pce_table *const t = pxr_alloc_zero(1, sizeof *t);
    if (!t)
        return pxr_fail_nomem(diag, sizeof *t);
    const enum pxr_err e = parse_values(t, src, n_bytes, diag);
    if (e)
        pxr_pce_table_free(t);
    else
        *out = t;
    return e;
}

/* ---- encoding --------------------------------------------------------------------------------- */

/* False: the table has no such number. */
static bool put_value(struct pxr_msb_writer *w, const pxr_pce_table *t, uint32_t v)
{
    const uint32_t rank = t ? t->rank[v] : v + 1;
    if (rank)
        put_number(w, rank - 1);
    return rank != 0;
}

static bool put_sprite(struct pxr_msb_writer *w, const struct runs *r, const struct pxr_pce_sprite *s,
                       const pxr_pce_table *table)
{
    const unsigned code_bits = has_alpha(r) ? 3 : 2;
    uint8_t entries[PXR_PCE_N_SYMBOLS];
    const unsigned n_entries = order_entries(r, entries);
    bool is_known = true;
    pxr_msb_put(w, s->height_px, 8);
    pxr_msb_put(w, s->width_px, 8);
    pxr_msb_put(w, has_alpha(r), 1);
    pxr_msb_put(w, r->symbols[0], code_bits);
    for (unsigned i = 0; i < n_entries; i++) {
        pxr_msb_put(w, entries[i], code_bits);
        is_known &= put_value(w, table, r->first_at[entries[i]]);
    }
    for (uint32_t at = 0, next; (next = next_run(r, at)) < r->n_px; at = next)
        is_known &= put_value(w, table, r->gap[at]);
    pxr_msb_end(w);
    return is_known;
}

enum pxr_err pxr_pce_encode(struct pxr_buffer *out, const struct pxr_pce_sprite *sprite, const pxr_pce_table *table,
                            struct pxr_diag *diag)
{
    const size_t before = out->n_bytes;
    struct pxr_msb_writer w = {.to = out};
    struct runs r;
    enum pxr_err e = runs_init(&r, sprite, diag);
    if (e)
        return e;
    if (!put_sprite(&w, &r, sprite, table))
        e = pxr_fail(diag, PXR_E_INVALID, "the table was not made from this sprite");
    else if (w.is_failed)
        e = pxr_fail_nomem(diag, out->capacity);
    if (e)
        out->n_bytes = before;
    runs_fini(&r);
    return e;
}

/* ---- decoding --------------------------------------------------------------------------------- */

struct decoding {
    struct pxr_msb_reader in;
    const pxr_pce_table *table; /* or NULL */
    struct pxr_diag *diag;
    struct pxr_pce_header h;
    uint32_t n_px;
    uint32_t next_at[PXR_PCE_N_SYMBOLS]; /* where a colour's next run starts; UINT32_MAX: it has none that is known */
    uint8_t *symbols;
    size_t stride_bytes;
};

static enum pxr_err fail(struct decoding *d, const char *text)
{
    if (d->in.is_past_end)
        return pxr_fail_at(d->diag, PXR_E_TRUNCATED, d->in.n_bytes, "the sprite's stream ends too early");
    return pxr_fail_at(d->diag, PXR_E_CORRUPT, d->in.at ? d->in.at - 1 : 0, "%s", text);
}

static enum pxr_err get_header(struct decoding *d)
{
    d->h.height_px = pxr_msb_get(&d->in, 8);
    d->h.width_px = pxr_msb_get(&d->in, 8);
    d->h.has_alpha = pxr_msb_get(&d->in, 1);
    if (d->in.is_past_end || !d->h.height_px || !d->h.width_px)
        return fail(d, "a sprite without pixels");
    d->n_px = d->h.width_px * d->h.height_px;
    return PXR_OK;
}

enum pxr_err pxr_pce_header_parse(struct pxr_pce_header *out, const uint8_t *src, size_t n_bytes,
                                  struct pxr_diag *diag)
{
    struct decoding d = {.in = {.src = src, .n_bytes = n_bytes}, .diag = diag};
    const enum pxr_err e = get_header(&d);
    *out = e ? (struct pxr_pce_header){0} : d.h;
    return e;
}

/* Read where the next run of colour c starts: that many pixels behind from. */
static enum pxr_err get_start(struct decoding *d, uint8_t c, uint32_t from)
{
    uint32_t v;
    if (!get_number(&d->in, &v) || d->in.is_past_end)
        return fail(d, "no number begins with 15 ones");
    if (d->table) {
        if (v >= d->table->n_values)
            return fail(d, "a rank beyond the end of the table");
        v = d->table->value[v];
    }
    if (!v || v > d->n_px - from)
        return fail(d, v ? "a run that would start behind the last pixel" : "a run that follows one of its own colour");
    const uint32_t start = from + v;
    for (unsigned other = 0; other < PXR_PCE_N_SYMBOLS; other++)
        if (start < d->n_px && d->next_at[other] == start)
            return fail(d, "two runs that would start at the same pixel");
    d->next_at[c] = start;
    return PXR_OK;
}

/* The colour of the first pixel, and where the others start. */
static enum pxr_err get_entries(struct decoding *d, uint8_t *first)
{
    const unsigned n_colours = d->h.has_alpha ? 5 : 4, code_bits = d->h.has_alpha ? 3 : 2;
    unsigned seen = 0;
    uint32_t before = 0;
    for (unsigned c = 0; c < PXR_PCE_N_SYMBOLS; c++)
        d->next_at[c] = UINT32_MAX;
    for (unsigned i = 0; i < n_colours; i++) {
        const uint8_t c = (uint8_t)pxr_msb_get(&d->in, code_bits);
        if (d->in.is_past_end || c >= n_colours || seen >> c & 1)
            return fail(d, c >= n_colours ? "a colour code beyond the last colour" : "a colour that is listed twice");
        seen |= 1u << c;
        if (!i) {
            *first = c;
            continue;
        }
        const enum pxr_err e = get_start(d, c, 0);
        if (e)
            return e;
        if (d->next_at[c] < before)
            return fail(d, "colours that are not listed in the order in which they occur");
        before = d->next_at[c];
    }
    return PXR_OK;
}

static void paint(struct decoding *d, uint32_t from, uint32_t to, uint8_t c)
{
    while (from < to) {
        const uint32_t y = from / d->h.width_px, x = from % d->h.width_px;
        const uint32_t n = to - from < d->h.width_px - x ? to - from : d->h.width_px - x;
        memset(d->symbols + y * d->stride_bytes + x, c, n);
        from += n;
    }
}

static enum pxr_err get_body(struct decoding *d, uint8_t c)
{
    for (uint32_t at = 0;;) {
        uint8_t next = 0;
        for (uint8_t other = 1; other < PXR_PCE_N_SYMBOLS; other++)
            if (d->next_at[other] < d->next_at[next])
                next = other;
        const uint32_t end = d->next_at[next];
        paint(d, at, end, c);
        if (end == d->n_px)
            return PXR_OK;
        d->next_at[next] = UINT32_MAX;
        const enum pxr_err e = get_start(d, c, end);
        if (e)
            return e;
        c = next;
        at = end;
    }
}

static enum pxr_err decode(struct decoding *d, size_t *used_bytes)
{
    uint8_t first = 0;
    enum pxr_err e = get_entries(d, &first);
    if (!e)
        e = get_body(d, first);
    if (e)
        return e;
    if (pxr_msb_rest_of_byte(&d->in))
        return fail(d, "the bits that fill the last byte are not zero");
    if (used_bytes)
        *used_bytes = d->in.at;
    else if (d->in.at != d->in.n_bytes)
        return pxr_fail_field(d->diag, PXR_E_CORRUPT, d->in.at, "stream", d->in.at, d->in.n_bytes,
                              "bytes behind the end of the sprite");
    return PXR_OK;
}

enum pxr_err pxr_pce_decode(const uint8_t *src, size_t n_bytes, const pxr_pce_table *table, uint8_t *symbols,
                            size_t stride_bytes, size_t *used_bytes, struct pxr_diag *diag)
{
    struct decoding d = {.in = {.src = src, .n_bytes = n_bytes}, .table = table, .diag = diag, .symbols = symbols,
                         .stride_bytes = stride_bytes};
    enum pxr_err e = get_header(&d);
    if (e)
        return e;
    e = decode(&d, used_bytes);
    if (e)
        paint(&d, 0, d.n_px, 0);
    return e;
}
