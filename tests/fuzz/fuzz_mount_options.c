/* SPDX-License-Identifier: MIT
 * Fuzz target: the command line of mount.pixelrain, with what follows -o.  Input: arguments, each ended by a NUL.
 * Whatever is accepted keeps what the mount relies on; whatever is refused is refused with a sentence. */
#include "fuzz_require.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ARGS = 16 };

static void expect_usable(const struct pxr_mount_options *o)
{
    require(o->wants_help || o->wants_version || (o->source && o->mount_point));
    require(o->n_views <= PXR_N_VIEWS && o->n_stacks <= PXR_N_STACKS);
    for (unsigned i = 0; i < o->n_views; i++)
        for (unsigned j = 0; j < i; j++)
            require(o->views[i] != o->views[j] && (unsigned)o->views[i] < PXR_N_VIEWS);
    for (unsigned i = 0; i < o->n_stacks; i++)
        for (unsigned j = 0; j < i; j++)
            require(o->stacks[i] != o->stacks[j] && (unsigned)o->stacks[i] < PXR_N_STACKS);
    require(!o->is_single || o->n_views == 1);
    require(o->n_views || o->n_stacks || o->has_zarr);
    require(memchr(o->frames, 0, sizeof o->frames) != NULL);
    require(o->n_workers <= 256 && o->max_threads >= 1 && o->max_threads <= 64);
    require(o->file_mask <= 0777 && o->folder_mask <= 0777 && o->readahead_bytes <= (uint64_t)1 << 26);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    char *argv[MAX_ARGS + 2] = {"mount.pixelrain"};
    struct pxr_mount_options o;
    struct pxr_diag diag;
    int argc = 1;
    char *const text = malloc(n_bytes + 1);
    require(text != NULL);
    memcpy(text, data, n_bytes);
    text[n_bytes] = 0;
    for (size_t at = 0; at < n_bytes && argc <= MAX_ARGS; at += strlen(text + at) + 1)
        argv[argc++] = text + at;
    argv[argc] = NULL;
    memset(&diag, 0xA5, sizeof diag);
    const enum pxr_err e = pxr_mount_options_parse(&o, argc, argv, &diag);
    if (e == PXR_OK)
        expect_usable(&o);
    else
        require((e == PXR_E_INVALID || e == PXR_E_RANGE) && diag.code == e && diag.text[0] &&
                memchr(diag.text, 0, sizeof diag.text));
    free(text);
    return 0;
}
