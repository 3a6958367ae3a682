/* SPDX-License-Identifier: MIT
 * Fuzz target: names of frames.  Input: a byte of flags, then names, separated by line breaks.  What may be a name is split
 * and joined again; then an archive gets frames with all of these names, and each that it took is found at its place. */
#include "fuzz_require.h"
#include "kept_archive.h"
#include "name.h"
#include "utf8.h"

enum { MAX_NAMES = 200, MAX_BYTES = 8192, SUFFIXES = 1, COMMITS = 2 };

struct name {
    const char *text;
    size_t n_bytes;
};

/* A split says what the name was; the next name of the same kind continues it. */
static void split_and_join(const struct name *n)
{
    struct pxr_name_split s, next;
    char joined[256];
    size_t k;
    pxr_name_split(&s, n->text, n->n_bytes);
    k = pxr_name_join(&s, 0, joined);
    require(k == n->n_bytes && memcmp(joined, n->text, k) == 0 && joined[k] == 0);
    require(s.counter < pxr_name_counter_end(s.name_class));
    if (s.name_class == PXR_NAME_CLASS_PLAIN || s.counter + 1 >= pxr_name_counter_end(s.name_class))
        return;
    k = pxr_name_join(&s, 1, joined);
    if (k > PXR_NAME_MAX_BYTES)
        return;
    pxr_name_split(&next, joined, k);
    require(pxr_name_continues(&s, 1, &next) && pxr_name_key(&s) == pxr_name_key(&next));
}

static size_t split_input(const uint8_t *data, size_t n_bytes, struct name *names)
{
    size_t n = 0;
    for (size_t at = 0; at < n_bytes && n < MAX_NAMES;) {
        const uint8_t *const end = memchr(data + at, '\n', n_bytes - at);
        const size_t k = end ? (size_t)(end - data) - at : n_bytes - at;
        names[n++] = (struct name){(const char *)data + at, k};
        at += k + 1;
    }
    return n;
}

/* Which of the names became frames, in order. */
static size_t write_names(struct kept_file *file, unsigned flags, const struct name *names, size_t n_names, struct name *taken)
{
    const struct pxr_write_opts o = {.width_px = 1, .height_px = 1, .bits = 8, .n_threads = 1, .block_frames = 5,
                                     .codec = PXR_CODEC_STORE, .suffix_names = flags & SUFFIXES};
    struct pxr_diag diag;
    size_t n_taken = 0;
    pxr_writer *w;
    require(pxr_writer_create_io(&w, &file->io, file->memory.arg, &o, &diag) == PXR_OK);
    for (size_t i = 0; i < n_names; i++) {
        const uint8_t pixel = (uint8_t)i;
        const struct pxr_frame_in f = {.pixels = &pixel, .name = names[i].text, .name_bytes = names[i].n_bytes};
        const bool is_usable = !pxr_name_objection(names[i].text, names[i].n_bytes);
        if (!names[i].n_bytes)
            continue; /* length 0 means something else here: a string */
        const enum pxr_err e = pxr_writer_add(w, &f);
        require(is_usable ? e == PXR_OK || (!(flags & SUFFIXES) && e == PXR_E_MISMATCH) : e == PXR_E_INVALID);
        if (e == PXR_OK)
            taken[n_taken++] = names[i];
        if (flags & COMMITS && i % 7 == 6)
            require(pxr_writer_commit(w) == PXR_OK);
    }
    require(pxr_writer_n_frames(w) == n_taken && pxr_writer_finish(w, NULL, &diag) == PXR_OK);
    return n_taken;
}

/* The name, or the name with a number behind it, shortened by no more than it has to be. */
static bool is_name_of(const struct pxr_frame_info *f, const struct name *n)
{
    if (f->name_bytes == n->n_bytes && !memcmp(f->name, n->text, n->n_bytes))
        return true;
    const char *const dash = strrchr(f->name, '-');
    const size_t stem = dash ? (size_t)(dash - f->name) : 0;
    return dash && dash[1] && strspn(dash + 1, "0123456789") == strlen(dash + 1) && stem <= n->n_bytes &&
           !memcmp(f->name, n->text, stem) && (stem == n->n_bytes || f->name_bytes + 4 > PXR_NAME_MAX_BYTES);
}

static void find_names(struct kept_file *file, unsigned flags, const struct name *names, size_t n_names,
                       const struct name *taken, size_t n_taken)
{
    struct pxr_frame_info f;
    pxr_archive *a;
    uint64_t found;
    require(pxr_archive_open_io(&a, &file->io, file->memory.arg, NULL, NULL) == PXR_OK);
    for (size_t i = 0; i < n_taken; i++) {
        require(pxr_frame_info(a, i, &f, NULL) == PXR_OK && !pxr_name_objection(f.name, f.name_bytes));
        require(pxr_frame_find(a, f.name, f.name_bytes, &found, NULL) == PXR_OK && found == i);
        if (!(flags & SUFFIXES))
            require(f.name_bytes == taken[i].n_bytes && memcmp(f.name, taken[i].text, f.name_bytes) == 0);
        else
            require(is_name_of(&f, &taken[i]));
    }
    for (size_t i = 0; i < n_names; i++) { /* also what is no name, and names that were refused: found or not, no failure */
        require(pxr_frame_find(a, names[i].text, names[i].n_bytes, &found, NULL) == PXR_OK);
        require(found == PXR_NONE || found < n_taken);
        if (found != PXR_NONE)
            require(pxr_frame_info(a, found, &f, NULL) == PXR_OK && f.name_bytes == names[i].n_bytes &&
                    memcmp(f.name, names[i].text, f.name_bytes) == 0);
    }
    pxr_archive_close(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static struct name names[MAX_NAMES], taken[MAX_NAMES];
    struct kept_file file;
    if (n_bytes < 2 || n_bytes > MAX_BYTES)
        return 0;
    const size_t n_names = split_input(data + 1, n_bytes - 1, names);
    for (size_t i = 0; i < n_names; i++)
        if (!pxr_name_objection(names[i].text, names[i].n_bytes))
            split_and_join(&names[i]);
    kept_init(&file, NULL, 0);
    const size_t n_taken = write_names(&file, data[0], names, n_names, taken);
    find_names(&file, data[0], names, n_names, taken, n_taken);
    kept_fini(&file);
    return 0;
}
