/* SPDX-License-Identifier: MIT
 * pxr_peers CODEC LEVEL WxHxBITS FILE: code the raw frames of a file in memory, decode them,
 * compare, and print bytes and seconds as JSON.  pxr_peers --list: the codecs that were built in.
 */
#include "peers.h"

#include "alloc.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The best of up to five passes, while they are short: the same rule as for the commands. */
#define MAX_PASSES 5
#define ENOUGH_S   0.5

static const struct peer_codec *const codecs[] = {
    &peer_png, &peer_px2, &peer_pxs, &peer_dci, &peer_vcbn, &peer_pce,
#ifdef PEER_CHARLS
    &peer_jpegls,
#endif
#ifdef PEER_JXL
    &peer_jxl,
#endif
#ifdef PEER_ZSTD
    &peer_zstd,
    &peer_zstd_long,
#endif
#ifdef PEER_LZMA
    &peer_xz,
#endif
#ifdef PEER_BLOSC
    &peer_blosc_shuffle,
    &peer_blosc_bitshuffle,
#endif
};
#define N_CODECS (sizeof codecs / sizeof *codecs)

struct coded {
    uint8_t *bytes; /* room_bytes for each piece, of which piece i uses used_bytes[i] */
    size_t *used_bytes;
    size_t room_bytes, piece_bytes, n_pieces;
};

static int fail(const char *what)
{
    fprintf(stderr, "pxr_peers: %s\n", what);
    return 3;
}

static uint8_t *read_file(const char *path, size_t *n_bytes)
{
    uint8_t *bytes = NULL;
    FILE *f = fopen(path, "rb");
    long end = -1;
    if (f && !fseek(f, 0, SEEK_END) && (end = ftell(f)) > 0 && !fseek(f, 0, SEEK_SET)) {
        *n_bytes = (size_t)end;
        bytes = pxr_alloc(*n_bytes);
        if (bytes && fread(bytes, 1, *n_bytes, f) != *n_bytes) {
            pxr_free(bytes);
            bytes = NULL;
        }
    }
    if (f)
        fclose(f);
    return bytes;
}

static bool encode_all(const struct peer_codec *codec, const struct peer_shape *s, int level,
                       const uint8_t *samples, struct coded *c)
{
    for (size_t i = 0; i < c->n_pieces; i++) {
        c->used_bytes[i] = c->room_bytes;
        if (!codec->encode(s, level, samples + i * c->piece_bytes, c->piece_bytes,
                           c->bytes + i * c->room_bytes, &c->used_bytes[i]))
            return false;
    }
    return true;
}

static bool decode_all(const struct peer_codec *codec, const struct peer_shape *s,
                       const struct coded *c, uint8_t *samples)
{
    for (size_t i = 0; i < c->n_pieces; i++)
        if (!codec->decode(s, c->bytes + i * c->room_bytes, c->used_bytes[i],
                           samples + i * c->piece_bytes, c->piece_bytes))
            return false;
    return true;
}

/* Some still codecs have no way to keep noise small. */
static size_t most_times(const struct peer_codec *codec)
{
    return codec == &peer_dci || codec == &peer_pce ? 5 : codec == &peer_pxs ? 3 : 1;
}

static bool is_near(const uint8_t *a, const uint8_t *b, size_t n_bytes, size_t sample_bytes, int most)
{
    for (size_t i = 0; i < n_bytes; i += sample_bytes) {
        uint16_t x = a[i], y = b[i];
        if (sample_bytes == 2) {
            memcpy(&x, a + i, 2);
            memcpy(&y, b + i, 2);
        }
        if (abs(x - y) > most)
            return false;
    }
    return true;
}

/* The level of some is a bound: samples may come back wrong by as much. */
static bool has_bound(const struct peer_codec *codec)
{
#ifdef PEER_CHARLS
    if (codec == &peer_jpegls)
        return true;
#endif
    return codec == &peer_dci;
}

static int measure(const struct peer_codec *codec, const struct peer_shape *s, int level,
                   const uint8_t *samples, uint8_t *back, struct coded *c)
{
    const size_t n_bytes = c->n_pieces * c->piece_bytes;
    double encode_s = 1e9, decode_s = 1e9, sum_s = 0;
    for (int i = 0; i < MAX_PASSES && sum_s < ENOUGH_S; i++) {
        const double start_s = pxr_clock_s();
        if (!encode_all(codec, s, level, samples, c))
            return fail("cannot encode");
        const double took_s = pxr_clock_s() - start_s;
        encode_s = took_s < encode_s ? took_s : encode_s;
        sum_s += took_s;
    }
    sum_s = 0;
    for (int i = 0; i < MAX_PASSES && sum_s < ENOUGH_S; i++) {
        memset(back, 0xa5, n_bytes);
        const double start_s = pxr_clock_s();
        if (!decode_all(codec, s, c, back))
            return fail("cannot decode");
        const double took_s = pxr_clock_s() - start_s;
        decode_s = took_s < decode_s ? took_s : decode_s;
        sum_s += took_s;
        if (!is_near(back, samples, n_bytes, s->sample_bytes, has_bound(codec) ? level : 0))
            return fail("what was decoded differs from its source");
    }
    size_t total_bytes = 0;
    for (size_t i = 0; i < c->n_pieces; i++)
        total_bytes += c->used_bytes[i];
    printf("{\"bytes\": %zu, \"encode_s\": %.6f, \"decode_s\": %.6f}\n", total_bytes, encode_s,
           decode_s);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        for (size_t i = 0; i < N_CODECS; i++)
            printf("%s %s\n", codecs[i]->name, codecs[i]->library);
        return 0;
    }
    struct peer_shape s = {0};
    if (argc != 5 || sscanf(argv[3], "%ux%ux%u", &s.width_px, &s.height_px, &s.bits) != 3 ||
        !s.width_px || !s.height_px || s.bits < 8 || s.bits > 16) {
        fprintf(stderr, "Usage: pxr_peers CODEC LEVEL WxHxBITS FILE | --list\n");
        return 2;
    }
    const struct peer_codec *codec = NULL;
    for (size_t i = 0; i < N_CODECS; i++)
        if (!strcmp(codecs[i]->name, argv[1]))
            codec = codecs[i];
    if (!codec)
        return fail("no such codec was built in");
    size_t n_bytes = 0;
    uint8_t *samples = read_file(argv[4], &n_bytes);
    s.sample_bytes = s.bits > 8 ? 2 : 1;
    s.frame_bytes = (size_t)s.width_px * s.height_px * s.sample_bytes;
    s.n_frames = n_bytes / s.frame_bytes;
    if (!samples || !s.n_frames || n_bytes != s.n_frames * s.frame_bytes)
        return fail("the file is not a whole number of frames");

    struct coded c = {.n_pieces = codec->is_per_frame ? s.n_frames : 1};
    c.piece_bytes = n_bytes / c.n_pieces;
    c.room_bytes =
        c.piece_bytes * most_times(codec) + c.piece_bytes / 4 + 65536; /* noise grows a little in any codec */
    c.bytes = pxr_alloc(c.n_pieces * c.room_bytes);
    c.used_bytes = pxr_alloc_zero(c.n_pieces, sizeof *c.used_bytes);
    uint8_t *back = pxr_alloc(n_bytes);
    const int code = c.bytes && c.used_bytes && back
                         ? measure(codec, &s, (int)strtol(argv[2], NULL, 10), samples, back, &c)
                         : fail("not enough memory");
    pxr_free(back);
    pxr_free(c.used_bytes);
    pxr_free(c.bytes);
    pxr_free(samples);
    return code;
}
