/* SPDX-License-Identifier: MIT
 * Pictures as PNG files, through libpng. */
#include "export.h"

#include "diag.h"

#include <png.h>
#include <setjmp.h>

/* What lives across a longjmp is in here. */
struct png_out {
    struct pxr_buffer *dst;
    const struct pxr_image *image;
    png_structp png;
    png_infop info;
    int level; /* negative: libpng's own */
    enum pxr_err err;
    struct pxr_diag *diag;
};

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    struct png_out *const o = png_get_error_ptr(png);
    if (o->err == PXR_OK)
        o->err = pxr_fail(o->diag, PXR_E_LIMIT, "libpng cannot write the picture: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t n_bytes)
{
    struct png_out *const o = png_get_mem_ptr(png);
    void *const p = pxr_alloc(n_bytes);
    if (!p && o->err == PXR_OK)
        o->err = pxr_fail_nomem(o->diag, n_bytes);
    return p;
}

static void on_free(png_structp png, png_voidp p)
{
    (void)png;
    pxr_free(p);
}

static void on_write(png_structp png, png_bytep src, size_t n_bytes)
{
    struct png_out *const o = png_get_io_ptr(png);
    if (pxr_buffer_add(o->dst, src, n_bytes))
        return;
    o->err = pxr_fail_nomem(o->diag, o->dst->n_bytes + n_bytes);
    png_error(png, "");
}

static void on_flush(png_structp png)
{
    (void)png;
}

/* Only this calls what may longjmp. */
static void write_all(struct png_out *o)
{
    static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    const struct pxr_image *const image = o->image;
    const uint8_t sbit = image->sbit;
    png_set_write_fn(o->png, o, on_write, on_flush);
    png_set_user_limits(o->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(o->png, o->info, image->width_px, image->height_px, image->bits, types[image->n_channels],
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (sbit)
        png_set_sBIT(o->png, o->info, &(png_color_8){sbit, sbit, sbit, sbit, image->bits});
    if (o->level >= 0)
        png_set_compression_level(o->png, o->level);
    png_write_info(o->png, o->info);
    if (image->bits == 16 && pxr_is_little_endian())
        png_set_swap(o->png);
    for (uint32_t y = 0; y < image->height_px; y++)
        png_write_row(o->png, (png_const_bytep)image->pixels + y * image->stride_bytes);
    png_write_end(o->png, o->info);
}

enum pxr_err pxr_png_put_level(struct pxr_buffer *dst, const struct pxr_image *image, int level,
                               struct pxr_diag *diag)
{
    struct png_out o = {.dst = dst, .image = image, .level = level, .diag = diag};
    o.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &o, on_error, on_warning, &o, on_alloc, on_free);
    o.info = o.png ? png_create_info_struct(o.png) : NULL;
    if (!o.info)
        o.err = o.err != PXR_OK ? o.err : pxr_fail_nomem(diag, sizeof o);
    else if (!setjmp(png_jmpbuf(o.png)))
        write_all(&o);
    png_destroy_write_struct(&o.png, &o.info);
    return o.err;
}

enum pxr_err pxr_png_put(struct pxr_buffer *dst, const struct pxr_image *image, struct pxr_diag *diag)
{
    return pxr_png_put_level(dst, image, -1, diag);
}
