/* SPDX-License-Identifier: MIT
 * Read the golden archives and compare every pixel; with "make DIR", write them anew (only when the
 * format changes, together with docs/format.md). */
#include "golden_specs.h"
#include "view_index.h"
#include "zstd_wrap.h"

#include <fcntl.h>
#include <unistd.h>

/* NULL: it is not indexed. */
static const struct golden_index *find_index(size_t i)
{
    for (size_t k = 0; k < N_GOLDEN_INDEXED; k++)
        if (!strcmp(golden_indexed[k].name, golden[i].name))
            return &golden_indexed[k];
    return NULL;
}

/* The archive of a spec, with its index where it has one. */
static enum pxr_err write_golden(struct kept_file *k, size_t i)
{
    const struct pxr_write_opts opts = {.n_threads = 1};
    const struct golden_index *g = find_index(i);
    struct pxr_diag d;
    pxr_writer *w;
    uint64_t n;
    enum pxr_err e = golden_write(k, i);
    if (e != PXR_OK || !g)
        return e;
    e = pxr_writer_append_io(&w, &k->io, k->memory.arg, &opts, &d);
    return e != PXR_OK ? e
                       : pxr_index_add(w,
                                       g->view == PXR_VIEW_DCI   ? &pxr_index_dci
                                       : g->view == PXR_VIEW_PCE ? &pxr_index_pce
                                                                 : &pxr_index_png_small,
                                       1, NULL, NULL, &n, &d);
}

/* Files that people have copied must never change. */
static enum pxr_err check_files(pxr_archive *a, size_t i, struct pxr_diag *d)
{
    static uint8_t bytes[1 << 20];
    const struct golden_index *g = find_index(i);
    struct pxr_archive_info info;
    const char *name;
    uint32_t crc = 0;
    size_t got;
    pxr_decoder *decoder;
    if (!g)
        return PXR_OK;
    pxr_archive_info(a, &info);
    enum pxr_err e = pxr_decoder_new(&decoder, a);
    for (unsigned k = 0; e == PXR_OK; k++) {
        e = pxr_view_companion(a, g->view, k, &name, bytes, sizeof bytes, &got, d);
        if (e != PXR_OK || !name)
            break;
        crc = pxr_crc32(crc, bytes, got);
    }
    const uint32_t n_tiles = pxr_view_n_tiles(&info, g->view);
    for (uint64_t f = 0; f < golden[i].spec.n_frames * (uint64_t)n_tiles && e == PXR_OK; f++) {
        e = pxr_view_read_tile(decoder, f / n_tiles, g->view, (uint32_t)(f % n_tiles), 0, bytes, sizeof bytes, &got);
        if (e == PXR_OK)
            crc = pxr_crc32(crc, bytes, got);
        else
            *d = *pxr_decoder_diag(decoder);
    }
    pxr_decoder_free(decoder);
    if (e == PXR_OK && crc != g->crc32)
        e = pxr_fail_field(d, PXR_E_MISMATCH, PXR_NONE, "crc32", g->crc32, crc, "files of a view have other bytes");
    return e;
}

static bool make_one(const char *dir, size_t i)
{
    char path[4096];
    struct kept_file k;
    size_t n;
    kept_init(&k, NULL, 0);
    if (write_golden(&k, i) != PXR_OK)
        return false;
    const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, &n);
    snprintf(path, sizeof path, "%s/%s.pxr", dir, golden[i].name);
    FILE *f = fopen(path, "wb");
    const bool is_written = f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0;
    kept_fini(&k);
    return is_written;
}

/* Where no library's choices are in the file, the writer must give its very bytes, on any machine. */
static bool writer_agrees(size_t i, const char *path, char *why, size_t why_bytes)
{
    struct kept_file k;
    size_t n, n_file = 0;
    uint8_t *file = NULL;
    const int fd = open(path, O_RDONLY);
    kept_init(&k, NULL, 0);
    bool is_equal = fd >= 0 && pxr_read_all(fd, 1 << 24, &file, &n_file, NULL) == PXR_OK &&
                    write_golden(&k, i) == PXR_OK;
    const uint8_t *bytes = pxr_file_memory_bytes(&k.memory, &n);
    is_equal = is_equal && n == n_file && !memcmp(bytes, file, n);
    if (!is_equal)
        snprintf(why, why_bytes, "the writer gives other bytes (%zu, not %zu)", n, n_file);
    kept_fini(&k);
    pxr_free(file);
    if (fd >= 0)
        close(fd);
    return is_equal;
}

static bool check_one(const char *dir, size_t i)
{
    char path[4096], why[1600] = "";
    struct pxr_archive_info info;
    struct pxr_check_report report = {0};
    struct pxr_diag d = {0};
    pxr_archive *a;
    snprintf(path, sizeof path, "%s/%s.pxr", dir, golden[i].name);
    enum pxr_err e = pxr_archive_open(&a, path, NULL, &d);
    if (e == PXR_OK) {
        pxr_archive_info(a, &info);
        e = info.n_frames == golden[i].spec.n_frames
                ? test_verify(a, &golden[i].spec, info.n_frames, &d)
                : pxr_fail(&d, PXR_E_MISMATCH, "another number of frames");
        if (e == PXR_OK)
            e = check_files(a, i, &d);
        pxr_archive_close(a);
    }
    if (e == PXR_OK)
        e = pxr_archive_check(path, PXR_CHECK_DEEP, 2, NULL, NULL, NULL, &report, &d);
    const bool is_makeable = !golden[i].spec.parity || pxr_parity_is_built_in();
    if (e == PXR_E_UNSUPPORTED && !pxr_zstd_is_built_in()) {
        printf("%-12s skipped: this build has no zstd\n", golden[i].name);
        return true;
    }
    if (e != PXR_OK)
        pxr_diag_line(&d, why, sizeof why);
    else if (report.n_damages)
        snprintf(why, sizeof why, "check finds damage");
    else if (!is_makeable)
        ; /* it was read; this build writes no parity */
    else if (golden[i].spec.codec == PXR_CODEC_STORE || golden[i].spec.codec == PXR_CODEC_PREDICT ||
             golden[i].spec.codec == PXR_CODEC_MATCH || golden[i].spec.content == TEST_ZERO)
        writer_agrees(i, path, why, sizeof why);
    printf("%-12s %s%s\n", golden[i].name, why[0] ? "FAILED: " : "ok", why);
    return !why[0];
}

int main(int argc, char **argv)
{
    const bool is_making = argc == 3 && !strcmp(argv[1], "make");
    bool is_good = argc == (is_making ? 3 : 2);
    for (size_t i = 0; is_good && i < N_GOLDEN; i++)
        is_good = is_making ? make_one(argv[2], i) : is_good & check_one(argv[1], i);
    return is_good ? 0 : 1;
}
