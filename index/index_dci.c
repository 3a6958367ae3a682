/* SPDX-License-Identifier: MIT
 * What the index of dci holds: the length of each frame's file. */
#include "index_kind.h"

#include "dci.h"
#include "diag.h"

enum {
    RECORD_BYTES = 4,
    /* A file is made whole to read any part of it, so a reader must have room for some: 2^28 bytes each at most. */
    MAX_PX = 1 << 26,
};

static const char *refusal(uint32_t width_px, uint32_t height_px, uint8_t bits)
{
    if (bits != 8)
        return "it holds 8 bits of a sample, and these have 16";
    return width_px > PXR_DCI_MAX_SIDE_PX || height_px > PXR_DCI_MAX_SIDE_PX || (uint64_t)width_px * height_px > MAX_PX
               ? "the frames are too large for it"
               : NULL;
}

static uint32_t entry_bytes(const struct pxr_superblock *sb)
{
    (void)sb;
    return 4;
}

static size_t state_bytes(const struct pxr_superblock *sb)
{
    (void)sb;
    return sizeof(struct pxr_dci_state);
}

static enum pxr_err init(void *state, const struct pxr_superblock *sb, const uint8_t *params, uint32_t params_bytes,
                         uint64_t off, struct pxr_diag *diag)
{
    (void)params;
    *(struct pxr_dci_state *)state = (struct pxr_dci_state){sb->width_px, sb->height_px};
    return params_bytes ? pxr_fail_field(diag, PXR_E_CORRUPT, off, "params_bytes", 0, params_bytes,
                                         "an index of dci has no params")
                        : PXR_OK;
}

/* A head and 1 to W x H records. */
static bool is_possible(const void *state, const uint8_t *entry)
{
    const struct pxr_dci_state *s = state;
    const uint32_t n = pxr_load_u32le(entry);
    return n > PXR_DCI_HEADER_BYTES && (n - PXR_DCI_HEADER_BYTES) % RECORD_BYTES == 0 &&
           (n - PXR_DCI_HEADER_BYTES) / RECORD_BYTES <= (uint64_t)s->width_px * s->height_px;
}

enum pxr_err pxr_index_dci_make(const struct pxr_dci_state *s, const uint8_t *pixels, struct pxr_buffer *out,
                                struct pxr_diag *diag)
{
    const struct pxr_dci_picture picture = {pixels, s->width_px, s->width_px, s->height_px, 1};
    const struct pxr_dci_opts opts = {.layout = PXR_DCI_V2, .average = PXR_DCI_AVERAGE_EXACT};
    return pxr_dci_encode(out, &picture, &opts, diag);
}

static enum pxr_err make(const void *state, const uint8_t *pixels, struct pxr_buffer *scratch, uint8_t *entry,
                         struct pxr_diag *diag)
{
    scratch->n_bytes = 0;
    const enum pxr_err e = pxr_index_dci_make(state, pixels, scratch, diag);
    pxr_store_u32le(entry, (uint32_t)scratch->n_bytes); /* at most 2^28 and a head */
    return e;
}

const struct pxr_index_kind pxr_index_dci = {.number = PXR_VIEW_INDEX_DCI,
                                             .name = "dci",
                                             .refusal = refusal,
                                             .entry_bytes = entry_bytes,
                                             .state_bytes = state_bytes,
                                             .init = init,
                                             .is_possible = is_possible,
                                             .make = make};
