/* SPDX-License-Identifier: MIT
 * Frames chosen by a person: A:B:S. */
#include "frame_range.h"

#include "bytes.h"
#include "diag.h"
#include "option.h"

#include <inttypes.h>

/* A number up to the next colon or the end; where there is none, *out keeps its value. */
static bool parse_part(const char **text, uint64_t min, uint64_t *out)
{
    char digits[24];
    const size_t n = strcspn(*text, ":");
    if (n >= sizeof digits)
        return false;
    memcpy(digits, *text, n);
    digits[n] = 0;
    *text += n;
    return !n || pxr_parse_u64(digits, min, UINT64_MAX, out);
}

static bool parse_text(struct pxr_frame_range *r, const char *text)
{
    if (!*text || !parse_part(&text, 0, &r->first))
        return false;
    if (!*text) { /* one frame */
        r->end = r->first;
        return pxr_add_u64(r->first, 1, &r->end);
    }
    text++;
    if (!parse_part(&text, 0, &r->end))
        return false;
    if (*text && (text++, !parse_part(&text, 1, &r->step)))
        return false;
    return !*text;
}

enum pxr_err pxr_frame_range_parse(struct pxr_frame_range *out, const char *text, uint64_t n_frames,
                                   const char *option, struct pxr_diag *diag)
{
    *out = (struct pxr_frame_range){.first = 0, .end = n_frames, .step = 1};
    if (!text)
        return PXR_OK;
    if (!parse_text(out, text))
        return pxr_fail(diag, PXR_E_INVALID, "%s wants A:B, A:B:STEP or N, not '%.100s'", option,
                        text);
    out->end = pxr_min_u64(out->end, n_frames);
    if (out->first >= out->end)
        return pxr_fail(diag, PXR_E_RANGE,
                        "'%s' chooses no frame: the archive has %" PRIu64 ", counted from 0", text,
                        n_frames);
    return PXR_OK;
}

uint64_t pxr_frame_range_count(const struct pxr_frame_range *r)
{
    return r->first < r->end ? (r->end - r->first - 1) / r->step + 1 : 0;
}
