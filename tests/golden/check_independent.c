/* SPDX-License-Identifier: MIT
 * The library and the independent decoders of predict, match, adaptive and sorted must agree: on the blocks of the
 * golden archives, on blocks of every kind that the encoders make, and on damaged ones.
 *
 *   check_independent [--hashes] FOLDER...     all *.pxr of the folders, then made blocks
 *
 * --hashes prints hashes of made blocks, to be compared between machines, and leaves out damaged ones.  Without
 * zstd there is no sorted. */
#include "adaptive.h"
#include "independent.h"
#include "made_blocks.h"
#include "match.h"
#include "sorted.h"
#include "unit_order.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

struct encoded {
    struct pxr_block_shape shape;
    const uint8_t *header, *payload;
    size_t header_bytes, payload_bytes;
};

/* What was met: each of these must have been, or the test proves less than it says. */
static struct {
    unsigned blocks[PXR_N_BLOCK_CODECS], golden_blocks[PXR_N_BLOCK_CODECS], refused[PXR_N_BLOCK_CODECS],
        decoded_damaged[PXR_N_BLOCK_CODECS];
    unsigned modes[24], orders[3], classes[17], depths[17]; /* of match, of adaptive, of sorted, of adaptive */
    unsigned motion, ranks, sequential, dyadic, narrow, wide, shifted, single_tables;
    unsigned lanes[65], group[4];
} seen;

static void note_predict(const struct independent_block *b)
{
    seen.motion += b->has_motion;
    seen.ranks += b->has_ranks;
    seen.sequential += b->order == 0 && b->shape.n_frames > 1;
    seen.dyadic += b->order == 1 && b->shape.n_frames > 1;
    seen.narrow += b->depth <= 8;
    seen.wide += b->depth > 8;
    seen.shifted += b->shift > 0;
    seen.single_tables += b->n_single_tables;
    seen.lanes[b->lanes]++;
    for (unsigned g = 0; g < 4; g++)
        seen.group[g] += b->groups >> g & 1;
}

static void note(const struct encoded *e, const struct independent_block *predict)
{
    const uint8_t *const params = e->header + PXR_BLOCK_OFF_PARAMS;
    const unsigned codec = e->header[PXR_BLOCK_OFF_CODEC];
    seen.blocks[codec]++;
    if (codec == PXR_BLOCK_PREDICT)
        note_predict(predict);
    else if (codec == PXR_BLOCK_MATCH)
        seen.modes[params[0]]++;
    else if (codec == PXR_BLOCK_SORTED)
        seen.classes[params[0]]++;
    else {
        seen.orders[params[0]]++;
        seen.depths[params[1]]++;
    }
}

static bool was_predict_seen(void)
{
    bool is_good = seen.motion && seen.ranks && seen.sequential && seen.dyadic && seen.narrow && seen.wide &&
                   seen.shifted && seen.single_tables;
    for (unsigned i = 0; i < 4; i++)
        is_good = is_good && seen.group[i] && (i == 3 || seen.lanes[16u << i]);
    printf("predict: motion %u, ranks %u, sequential %u, dyadic %u, narrow %u, wide %u, shifted %u\n", seen.motion,
           seen.ranks, seen.sequential, seen.dyadic, seen.narrow, seen.wide, seen.shifted);
    return is_good;
}

static bool were_others_seen(void)
{
    const struct independent_match_seen *const m = &independent_match_seen;
    unsigned n_modes = 0, n_classes = 0, n_depths = 0;
    for (unsigned i = 0; i < 24; i++)
        n_modes += seen.modes[i] > 0;
    for (unsigned i = 0; i < 17; i++) {
        n_classes += seen.classes[i] > 0;
        n_depths += seen.depths[i] > 0;
    }
    printf("match: %u modes; same %u, intra %u, moved %u, clean spans %u, broken spans %u, candidates %u, ranks %u, "
           "numbers %u\nadaptive: dyadic %u, from the middle %u, %u depths\nsorted: %u numbers of classes\n",
           n_modes, m->same, m->intra, m->moved, m->clean_spans, m->broken_spans, m->candidates, m->ranks, m->numbers,
           seen.orders[1], seen.orders[2], n_depths, n_classes);
    return n_modes > 2 && m->same && m->intra && m->moved && m->clean_spans && m->broken_spans && m->candidates &&
           m->ranks && m->numbers && seen.orders[1] && seen.orders[2] && n_depths > 2;
}

/* ---- both decoders ---------------------------------------------------------------------------- */

static size_t n_samples(const struct pxr_block_shape *s)
{
    return (size_t)s->n_frames * s->height_px * s->width_px;
}

static void widen(uint16_t *dst, const uint8_t *src, size_t n, uint8_t bits)
{
    for (size_t i = 0; i < n; i++)
        if (bits == 8)
            dst[i] = src[i];
        else
            memcpy(&dst[i], src + 2 * i, 2);
}

static bool library_units(const struct pxr_block_header *h, const uint8_t *payload, uint8_t *states)
{
    static pxr_block_decoder *d; /* one for all: making its memory anew would take most of the time */
    bool *const done = calloc(h->n_units, sizeof *done);
    bool is_good = d || pxr_block_decoder_new(&d, NULL) == PXR_OK;
    const size_t state_bytes = pxr_block_unit_state_bytes(h, 0);
    for (uint32_t from = 0, u; is_good && (u = unit_next(h, done, &from)) < h->n_units; done[u] = true) {
        const struct pxr_block_unit at = pxr_block_unit_at(h, u);
        const void *refs[2];
        unit_states(h, u, states, refs);
        is_good = pxr_block_unit_decode(d, h, u, refs, payload + at.off_bytes, at.n_bytes,
                                        states + u * state_bytes, NULL) == PXR_OK;
    }
    free(done);
    return is_good;
}

/* false: the library refuses the block, or it is of another codec. */
static bool library_decode(const struct encoded *e, enum pxr_block_codec codec, uint16_t *samples)
{
    struct pxr_block_header h;
    const size_t n = n_samples(&e->shape) / e->shape.n_frames;
    if (pxr_block_header_parse(&h, e->header, e->header_bytes, &e->shape, 0, NULL) != PXR_OK ||
        h.codec != codec || h.header_bytes != e->header_bytes ||
        h.payload_bytes != e->payload_bytes)
        return false;
    const size_t state_bytes = pxr_block_unit_state_bytes(&h, 0);
    uint8_t *const states = calloc(h.n_units, state_bytes);
    const bool is_good = library_units(&h, e->payload, states);
    for (uint32_t u = 0; is_good && u < h.n_units; u++) {
        uint32_t first, n_frames;
        pxr_block_unit_frames(&h, u, &first, &n_frames);
        widen(samples + first * n, states + u * state_bytes, n_frames * n, e->shape.bits);
    }
    free(states);
    return is_good;
}

/* The codecs that have two decoders. */
static const struct codec {
    enum pxr_block_codec id;
    const char *(*decode)(const struct independent_shape *, const uint8_t *header, size_t header_bytes,
                          const uint8_t *payload, size_t payload_bytes, const struct independent_draws *,
                          uint16_t *samples); /* NULL: predict's, which says more */
    unsigned step; /* of made blocks one in this many is looked at: some are slow */
} codecs[] = {
    {PXR_BLOCK_PREDICT, NULL, 1},
    {PXR_BLOCK_MATCH, independent_match, 11},
    {PXR_BLOCK_ADAPTIVE, independent_adaptive, 11},
#ifdef PXR_TEST_ZSTD
    {PXR_BLOCK_SORTED, independent_sorted, 5},
#endif
};
#define N_CODECS (sizeof codecs / sizeof *codecs)

static bool is_possible(const struct codec *c, const struct pxr_block_shape *s)
{
    switch (c->id) {
    case PXR_BLOCK_MATCH:
        return pxr_match_is_possible(s);
    case PXR_BLOCK_ADAPTIVE:
        return pxr_adaptive_is_possible(s);
    case PXR_BLOCK_SORTED:
        return pxr_sorted_is_possible(s);
    default:
        return true;
    }
}

/* The same verdict and the same samples.  *b: only of predict.  *why: the independent decoder's verdict. */
static bool agree(const struct codec *c, const struct encoded *e, uint16_t *samples, struct independent_block *b,
                  const char **why)
{
    const size_t n = n_samples(&e->shape);
    const struct independent_shape shape = {e->shape.n_frames, e->shape.height_px, e->shape.width_px,
                                            e->shape.bits};
    uint16_t *const other = calloc(n, sizeof *other);
    const bool is_good = library_decode(e, c->id, other);
    *why = c->decode ? c->decode(&shape, e->header, e->header_bytes, e->payload, e->payload_bytes, NULL, samples)
                     : independent_decode(b, &shape, e->header, e->header_bytes, e->payload, e->payload_bytes, NULL,
                                          samples);
    const bool are_equal = is_good == !*why && (!is_good || !memcmp(samples, other, n * sizeof *other));
    free(other);
    return are_equal;
}

/* A block that nobody has damaged.  samples: what it holds, or NULL where only the decoders know. */
static bool check_block(const struct codec *c, const struct encoded *e, const uint16_t *want, const char *name,
                        unsigned number)
{
    const size_t n = n_samples(&e->shape);
    uint16_t *const samples = calloc(n, sizeof *samples);
    struct independent_block b;
    const char *why;
    const bool are_equal = agree(c, e, samples, &b, &why);
    const bool is_good = are_equal && !why && (!want || !memcmp(samples, want, n * sizeof *want));
    if (is_good)
        note(e, &b);
    else
        printf("codec %u: %s %u (%u x %u x %u, %u bits): %s\n", c->id, name, number, e->shape.n_frames, e->shape.height_px,
               e->shape.width_px, e->shape.bits,
               why         ? why
               : are_equal ? "not the samples that were encoded"
                           : "other samples, or refused by the library");
    free(samples);
    return is_good;
}

/* ---- blocks of archives ----------------------------------------------------------------------- */

/* The blocks of a GROUP record's body; docs/format.md, "Groups". */
static bool check_group(const uint8_t *file, const uint8_t *group, const struct pxr_block_shape *frame,
                        const char *name)
{
    const uint32_t n_frames = pxr_load_u32le(group + 8), n_blocks = pxr_load_u32le(group + 12);
    const uint32_t bh = pxr_load_u32le(group + 16), bw = pxr_load_u32le(group + 20);
    const uint32_t across = (frame->width_px + bw - 1) / bw;
    const uint8_t *header = group + 40 + 8 * n_blocks;
    bool is_good = true;
    for (uint32_t i = 0; i < n_blocks; i++) {
        struct pxr_block_header h;
        const uint32_t y = i / across * bh, x = i % across * bw;
        const struct pxr_block_shape s = {n_frames, bh < frame->height_px - y ? bh : frame->height_px - y,
                                          bw < frame->width_px - x ? bw : frame->width_px - x, frame->bits};
        if (pxr_block_header_parse(&h, header, UINT32_MAX, &s, 0, NULL) != PXR_OK)
            return false;
        const struct encoded e = {s, header, file + pxr_load_u64le(group + 40 + 8 * i), h.header_bytes,
                                  h.payload_bytes};
        for (unsigned c = 0; c < N_CODECS; c++)
            if (h.codec == codecs[c].id) {
                is_good &= check_block(&codecs[c], &e, NULL, name, i);
                seen.golden_blocks[h.codec]++;
            }
        header += h.header_bytes;
    }
    return is_good;
}

/* A torn append leaves records whose header is whole and whose body is not; a SKIP record accounts for them. */
static bool is_whole(const uint8_t *record)
{
    const uint64_t n = pxr_load_u64le(record + 8);
    return pxr_load_u64le(record + 48 + (n + 7) / 8 * 8) == pxr_xxh3_64(record + 48, n);
}

/* Every GROUP record, from the superblock on; docs/format.md, "Records". */
static bool check_archive(const char *path)
{
    bool is_good = false;
    FILE *f = fopen(path, "rb");
    uint8_t *file = calloc(1, 1 << 20);
    const size_t n = f ? fread(file, 1, 1 << 20, f) : 0;
    if (n > 128 && n < 1 << 20) {
        const struct pxr_block_shape frame = {0, pxr_load_u32le(file + 44), pxr_load_u32le(file + 40), file[48]};
        is_good = true;
        for (size_t at = 128; at + 56 <= n; at += 56 + (pxr_load_u64le(file + at + 8) + 7) / 8 * 8)
            if (file[at + 4] == 1 && is_whole(file + at))
                is_good &= check_group(file, file + at + 48, &frame, path);
    }
    if (f)
        fclose(f);
    free(file);
    return is_good;
}

static bool check_folder(const char *folder)
{
    bool is_good = true;
    DIR *d = opendir(folder);
    for (struct dirent *entry; d && (entry = readdir(d));) {
        char path[4096];
        const char *dot = strrchr(entry->d_name, '.');
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (dot && !strcmp(dot, ".pxr") && !check_archive(path)) {
            printf("%s: FAILED\n", path);
            is_good = false;
        }
    }
    if (d)
        closedir(d);
    return d && is_good;
}

/* ---- made blocks, whole and damaged ----------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void flip_bit(uint8_t *bytes, size_t n_bytes, uint32_t *random)
{
    const size_t at = next_random(random) % n_bytes;
    bytes[at] ^= (uint8_t)(1 << next_random(random) % 8);
}

/* A copy of a block with one to three bits flipped: in its fixed parameters, which hardly matter to what
 * follows; anywhere in its header; or in its payload, which is nearly always seen at the end. */
static void damage(const struct encoded *e, unsigned i, uint32_t *random, uint8_t *header, uint8_t *payload)
{
    memcpy(header, e->header, e->header_bytes);
    memcpy(payload, e->payload, e->payload_bytes);
    for (unsigned k = 0; k <= i / 3 % 3; k++)
        if (i % 3 == 0)
            flip_bit(header + 20, 12, random);
        else if (i % 3 == 1)
            flip_bit(header, e->header_bytes, random);
        else
            flip_bit(payload, e->payload_bytes, random);
}

/* The decoders must agree on what is damaged, too. */
static bool check_damaged(const struct codec *c, const struct encoded *e, unsigned number)
{
    uint8_t *const header = malloc(e->header_bytes), *const payload = malloc(e->payload_bytes);
    uint16_t *const samples = calloc(n_samples(&e->shape), sizeof *samples);
    const struct encoded damaged = {e->shape, header, payload, e->header_bytes, e->payload_bytes};
    uint32_t random = number;
    bool is_good = true;
    for (unsigned i = 0; i < 30; i++) {
        struct independent_block b;
        const char *why;
        damage(e, i, &random, header, payload);
        const bool are_equal = agree(c, &damaged, samples, &b, &why);
        seen.refused[c->id] += are_equal && why;
        seen.decoded_damaged[c->id] += are_equal && !why;
        if (!are_equal)
            printf("codec %u, block %u, damage %u: decoders differ; %s\n", c->id, number, i, why ? why : "decoded");
        is_good &= are_equal;
    }
    free(header);
    free(payload);
    free(samples);
    return is_good;
}

static void print_hashes(unsigned number, const struct encoded *e, const uint16_t *samples)
{
    printf("%u codec %u %016llx %016llx %016llx\n", number, e->header[0],
           (unsigned long long)pxr_xxh3_64(e->header, e->header_bytes),
           (unsigned long long)pxr_xxh3_64(e->payload, e->payload_bytes),
           (unsigned long long)pxr_xxh3_64(samples, n_samples(&e->shape) * sizeof *samples));
}

static bool check_made(const struct codec *c, unsigned number, bool prints_hashes)
{
    const struct made_block m = made_block(number);
    const size_t n = n_samples(&m.shape);
    struct pxr_buffer header = {0}, payload = {0};
    bool is_good = made_block_encode(&m, c->id, &header, &payload);
    uint16_t *const want = malloc(n * sizeof *want);
    const struct encoded e = {m.shape, header.bytes, payload.bytes, header.n_bytes, payload.n_bytes};
    widen(want, m.pixels, n, m.shape.bits);
    is_good = is_good && check_block(c, &e, want, made_block_name(&m), number);
    if (is_good && prints_hashes)
        print_hashes(number, &e, want);
    else if (is_good && n < 2000)
        is_good = check_damaged(c, &e, number);
    free(want);
    pxr_free(m.pixels);
    pxr_buffer_fini(&header);
    pxr_buffer_fini(&payload);
    return is_good;
}

#ifdef __SANITIZE_ADDRESS__
enum { FEWER = 3 }; /* minutes otherwise */
#else
enum { FEWER = 1 };
#endif

/* What zstd makes may differ between its versions, so that sorted has no hashes. */
static bool check_codec(const struct codec *c, bool prints_hashes)
{
    bool is_good = true;
    for (unsigned i = 0; i < made_blocks_count() && !(prints_hashes && c->id == PXR_BLOCK_SORTED); i += c->step * FEWER) {
        const struct made_block m = made_block(i);
        pxr_free(m.pixels);
        is_good &= !is_possible(c, &m.shape) || check_made(c, i, prints_hashes);
    }
    printf("codec %u: %u blocks, %u of archives; damaged: %u refused, %u decoded\n", c->id, seen.blocks[c->id],
           seen.golden_blocks[c->id], seen.refused[c->id], seen.decoded_damaged[c->id]);
    return is_good && seen.golden_blocks[c->id] && (prints_hashes || (seen.refused[c->id] && seen.decoded_damaged[c->id]));
}

int main(int argc, char **argv)
{
    bool is_good = true, prints_hashes = false;
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--hashes"))
            prints_hashes = true;
        else
            is_good &= check_folder(argv[i]);
    for (unsigned c = 0; c < N_CODECS; c++)
        is_good &= check_codec(&codecs[c], prints_hashes);
    is_good = was_predict_seen() && is_good;
    return were_others_seen() && is_good ? 0 : 1;
}
