/* SPDX-License-Identifier: MIT
 * The formats of pixelrain convert. */
#include "still_format.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct pxr_still_format *const formats[] = {
    &pxr_still_png, &pxr_still_pnm, &pxr_still_npy, &pxr_still_y4m,  &pxr_still_pxs,
    &pxr_still_px2, &pxr_still_dci, &pxr_still_pce, &pxr_still_pceb, &pxr_still_vcbn,
};
enum { N_FORMATS = sizeof formats / sizeof formats[0], MAX_WORD_BYTES = 16 };

/* An extension is one of the words between spaces. */
static bool has_extension(const struct pxr_still_format *f, const char *word)
{
    char wanted[MAX_WORD_BYTES + 2];
    const int n = snprintf(wanted, sizeof wanted, " %s ", word);
    for (char *c = wanted; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return n > 2 && n < (int)sizeof wanted && strstr(f->extensions, wanted);
}

const struct pxr_still_format *pxr_still_format_find(const char *name)
{
    for (int i = 0; i < N_FORMATS; i++)
        if (!strcasecmp(formats[i]->name, name) || has_extension(formats[i], name))
            return formats[i];
    return NULL;
}

const struct pxr_still_format *pxr_still_format_of_path(const char *path)
{
    const char *const slash = strrchr(path, '/'), *const dot = strrchr(slash ? slash : path, '.');
    for (int i = 0; dot && i < N_FORMATS; i++)
        if (has_extension(formats[i], dot + 1))
            return formats[i];
    return NULL;
}

const struct pxr_still_format *pxr_still_format_detect(const uint8_t *head, size_t head_bytes, const char *path)
{
    const struct pxr_still_format *const named = pxr_still_format_of_path(path);
    /* A sprite may begin with any two sides, "P5" for instance. */
    if (named && named->is_strict_name && !named->is_like)
        return named;
    for (int i = 0; i < N_FORMATS; i++)
        if (formats[i]->is_like && formats[i]->is_like(head, head_bytes))
            return formats[i];
    return named && named->is_strict_name ? named : NULL;
}

const char *pxr_still_format_names(char *dst, size_t dst_bytes)
{
    size_t n = 0;
    *dst = 0;
    for (int i = 0; i < N_FORMATS; i++)
        if ((formats[i]->write || formats[i]->batch_add) && n < dst_bytes)
            n += (size_t)snprintf(dst + n, dst_bytes - n, "%s%s", n ? ", " : "", formats[i]->name);
    return dst;
}
