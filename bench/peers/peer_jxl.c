/* SPDX-License-Identifier: MIT
 * JPEG XL by libjxl: `cjxl -d 0 -e EFFORT --num_threads=0` and djxl, without processes and files.
 */
#include "peers.h"

#include <jxl/decode.h>
#include <jxl/encode.h>

static JxlPixelFormat format_of(const struct peer_shape *s)
{
    return (JxlPixelFormat){1, s->sample_bytes == 1 ? JXL_TYPE_UINT8 : JXL_TYPE_UINT16,
                            JXL_LITTLE_ENDIAN, 0};
}

/* libjxl 0.7 stretches samples to the range of their type: with fewer bits than that it is not
 * lossless. */
static bool start(JxlEncoder *encoder, const struct peer_shape *s)
{
    JxlBasicInfo info;
    JxlEncoderInitBasicInfo(&info);
    info.xsize = s->width_px;
    info.ysize = s->height_px;
    info.bits_per_sample = s->sample_bytes == 1 ? 8 : 16;
    info.num_color_channels = 1;
    info.uses_original_profile = JXL_TRUE;
    JxlColorEncoding color;
    JxlColorEncodingSetToSRGB(&color, JXL_TRUE);
    return !JxlEncoderSetBasicInfo(encoder, &info) &&
           !JxlEncoderSetColorEncoding(encoder, &color) &&
           !JxlEncoderSetCodestreamLevel(encoder, JxlEncoderGetRequiredCodestreamLevel(encoder));
}

static bool encode(const struct peer_shape *s, int level, const uint8_t *samples, size_t n_bytes,
                   uint8_t *coded, size_t *n_coded)
{
    const JxlPixelFormat format = format_of(s);
    JxlEncoder *encoder = JxlEncoderCreate(NULL);
    bool is_done = encoder && start(encoder, s);
    JxlEncoderFrameSettings *settings =
        is_done ? JxlEncoderFrameSettingsCreate(encoder, NULL) : NULL;
    is_done = settings &&
              !JxlEncoderFrameSettingsSetOption(settings, JXL_ENC_FRAME_SETTING_EFFORT, level) &&
              !JxlEncoderSetFrameLossless(settings, JXL_TRUE) &&
              !JxlEncoderAddImageFrame(settings, &format, samples, n_bytes);
    if (is_done) {
        uint8_t *next = coded;
        size_t left_bytes = *n_coded;
        JxlEncoderCloseInput(encoder);
        is_done = JxlEncoderProcessOutput(encoder, &next, &left_bytes) == JXL_ENC_SUCCESS;
        *n_coded = (size_t)(next - coded);
    }
    if (encoder)
        JxlEncoderDestroy(encoder);
    return is_done;
}

static bool decode(const struct peer_shape *s, const uint8_t *coded, size_t n_coded,
                   uint8_t *samples, size_t n_bytes)
{
    const JxlPixelFormat format = format_of(s);
    JxlDecoder *decoder = JxlDecoderCreate(NULL);
    bool is_done = decoder && !JxlDecoderSubscribeEvents(decoder, JXL_DEC_FULL_IMAGE) &&
                   !JxlDecoderSetInput(decoder, coded, n_coded);
    if (is_done) {
        JxlDecoderCloseInput(decoder);
        is_done = JxlDecoderProcessInput(decoder) == JXL_DEC_NEED_IMAGE_OUT_BUFFER &&
                  !JxlDecoderSetImageOutBuffer(decoder, &format, samples, n_bytes) &&
                  JxlDecoderProcessInput(decoder) == JXL_DEC_FULL_IMAGE;
    }
    if (decoder)
        JxlDecoderDestroy(decoder);
    return is_done;
}

const struct peer_codec peer_jxl = {"jxl", "libjxl", true, encode, decode};
