/* SPDX-License-Identifier: MIT
 * JPEG-LS by CharLS, told how many bits the samples use.  level: how far samples may be off. */
#include "peers.h"

#include <charls/charls.h>

static bool encode(const struct peer_shape *s, int level, const uint8_t *samples, size_t n_bytes,
                   uint8_t *coded, size_t *n_coded)
{
    const charls_frame_info info = {s->width_px, s->height_px, (int32_t)s->bits, 1};
    charls_jpegls_encoder *encoder = charls_jpegls_encoder_create();
    const bool is_done = encoder && !charls_jpegls_encoder_set_frame_info(encoder, &info) &&
                         !charls_jpegls_encoder_set_near_lossless(encoder, level) &&
                         !charls_jpegls_encoder_set_destination_buffer(encoder, coded, *n_coded) &&
                         !charls_jpegls_encoder_encode_from_buffer(encoder, samples, n_bytes, 0) &&
                         !charls_jpegls_encoder_get_bytes_written(encoder, n_coded);
    charls_jpegls_encoder_destroy(encoder);
    return is_done;
}

static bool decode(const struct peer_shape *s, const uint8_t *coded, size_t n_coded,
                   uint8_t *samples, size_t n_bytes)
{
    (void)s;
    charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
    const bool is_done = decoder &&
                         !charls_jpegls_decoder_set_source_buffer(decoder, coded, n_coded) &&
                         !charls_jpegls_decoder_read_header(decoder) &&
                         !charls_jpegls_decoder_decode_to_buffer(decoder, samples, n_bytes, 0);
    charls_jpegls_decoder_destroy(decoder);
    return is_done;
}

const struct peer_codec peer_jpegls = {"jpeg-ls", "charls", true, encode, decode};
