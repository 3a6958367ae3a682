/* SPDX-License-Identifier: MIT
 * PixelRain: long sequences of grayscale frames in one lossless archive, each frame a file again. */
#ifndef PIXELRAIN_H
#define PIXELRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PXR_API __attribute__((visibility("default")))

/* Words: a *frame* is one picture; a *group* is a run of consecutive frames; a *block* is one group
 * seen through one spatial window; a *unit* is the smallest independently stored run of frames of a
 * block; a *view* is a frame seen as a file of some format.  docs/format.md defines them all.
 *
 * Reading an archive takes four calls:
 *
 *     pxr_archive *a;  pxr_decoder *d;  struct pxr_diag diag;
 *     if (pxr_archive_open(&a, "reel.pxr", NULL, &diag) != PXR_OK)  ... print diag ...
 *     pxr_decoder_new(&d, a);
 *     pxr_frame_read(d, 42, 0, height, pixels, height * stride, stride);
 *     pxr_decoder_free(d);  pxr_archive_close(a);
 */

/* ---- errors ----------------------------------------------------------------------------------- */

/* Pinned for ever.  Every function that can fail returns one of these and nothing else. */
enum pxr_err {
    PXR_OK = 0,
    /* the caller (exit code 2, EINVAL) */
    PXR_E_INVALID = 1, /* an argument makes no sense                   */
    PXR_E_STATE = 2,   /* the object has failed or finished before     */
    PXR_E_RANGE = 3,   /* no such frame, row or offset                 */
    /* the machine (exit code 3) */
    PXR_E_NOMEM = 16,
    PXR_E_IO = 17, /* diag->sys_errno says which               */
    PXR_E_NOSPACE = 18,
    PXR_E_BUSY = 19,
    PXR_E_CHANGED = 20, /* the archive was replaced underneath: ESTALE  */
    /* the data (exit code 1, EIO) */
    PXR_E_CORRUPT = 32,
    PXR_E_TRUNCATED = 33,
    PXR_E_NOTPXR = 34,   /* or: not a file of the expected format        */
    PXR_E_MISMATCH = 35, /* frames that do not fit together              */
    /* the version (exit code 4) */
    PXR_E_UNSUPPORTED = 48,
    /* policy (exit code 5, EFBIG) */
    PXR_E_LIMIT = 64,
};

#define PXR_NONE UINT64_MAX /* "no such offset, frame or block" in a diagnostic */

/* What went wrong, where, what was expected and what was found.  Owned by the caller, allocates
 * nothing.  A function that takes one fills it exactly when it fails. */
struct pxr_diag {
    enum pxr_err code;
    int sys_errno;      /* 0 or the errno of the failed call                */
    uint64_t off_bytes; /* place in the file, or PXR_NONE                   */
    uint64_t frame;     /* 0-based, or PXR_NONE                             */
    uint64_t block;     /* within its group, or PXR_NONE                    */
    bool has_values;    /* expected and found are meaningful                */
    uint64_t expected, found;
    char field[32];  /* name of the field in docs/format.md, or ""       */
    char text[192];  /* one short sentence                               */
    char file[1024]; /* path of the file, or ""; long paths lose their beginning */
};

/* A constant sentence fragment for any value; never NULL. */
PXR_API const char *pxr_err_text(enum pxr_err e);
/* The errno that a file system should answer. */
PXR_API int pxr_err_errno(enum pxr_err e);
/* The exit code that a command should end with: 0 ok, 1 data, 2 usage, 3 machine, 4 unsupported,
 * 5 limit. */
PXR_API int pxr_err_exit(enum pxr_err e);
/* Write the diagnostic as one line without a newline; returns dst.  dst_bytes >= 1. */
PXR_API char *pxr_diag_line(const struct pxr_diag *diag, char *dst, size_t dst_bytes);

PXR_API const char *pxr_version(void);

/* ---- limits and storage ----------------------------------------------------------------------- */

/* Everything beyond a limit fails with LIMIT before memory is taken for it; and how to read.  0 means
 * the default. */
struct pxr_limits {
    uint64_t max_frame_px;    /* 2^28                                                */
    uint64_t max_frames;      /* 2^32                                                */
    uint64_t max_index_bytes; /* of one index structure; 1 GiB                       */
    uint64_t cache_bytes;     /* of decoded units; 256 MiB.  Less than the archive needs to be
                                 read in order is raised to that (struct pxr_stats says) */
    uint64_t prefetch_frames; /* most that workers decode ahead of a reader in order: a group;
                                 PXR_NONE: nothing                                   */
    bool skips_unit_hashes;   /* compressed samples are decoded without a look at their hash:
                                 damage may show as wrong pixels.  The index is always checked */
};

/* One open file.  Each function may be called from any thread; on failure it returns IO or NOSPACE
 * and stores errno.  read_at sets *got to less than asked only at the end of the file.  An archive
 * opened for reading needs read_at, bytes and close; a writer needs all of them. */
struct pxr_io {
    enum pxr_err (*read_at)(void *arg, uint64_t off_bytes, void *dst, size_t dst_bytes, size_t *got,
                            int *sys_errno);
    enum pxr_err (*write_at)(void *arg, uint64_t off_bytes, const void *src, size_t src_bytes,
                             int *sys_errno);
    enum pxr_err (*bytes)(void *arg, uint64_t *total, int *sys_errno);
    /* A barrier: what was written before survives power loss before anything written after. */
    enum pxr_err (*sync)(void *arg, int *sys_errno);
    /* Give the finished file its final name; discard removes an unfinished one. */
    enum pxr_err (*publish)(void *arg, int *sys_errno);
    void (*discard)(void *arg);
    void (*close)(void *arg);
    /* Cut the file to total bytes: a writer that appends and gives up takes back what it has written
     * since its last commit.  NULL: it stays as a tail, which readers ignore. */
    enum pxr_err (*truncate)(void *arg, uint64_t total, int *sys_errno);
};

/* ---- reading ---------------------------------------------------------------------------------- */

typedef struct pxr_archive pxr_archive; /* opened for reading; immutable; shared between threads */
typedef struct pxr_decoder pxr_decoder; /* scratch memory of one thread                          */
typedef struct pxr_writer pxr_writer;   /* one new archive, or one that grows                    */

struct pxr_archive_info {
    uint32_t width_px, height_px;
    uint8_t bits; /* of the container: 8 or 16 */
    uint16_t max_error; /* 0: lossless; else samples differ by at most this from what was packed */
    uint64_t n_frames, n_groups;
    uint64_t pixel_bytes;   /* of all frames, as raw samples                         */
    uint64_t archive_bytes; /* up to and including the last commit                   */
    uint64_t tail_bytes;    /* behind the last commit: what a torn append left       */
    uint64_t commit;        /* number of the last commit, from 1                     */
    uint8_t id[16];         /* XXH3-128, big endian; docs/format.md, "Archive id"    */
    uint32_t nominal_frames, nominal_height_px, nominal_width_px; /* of a block      */
    uint64_t n_small_frames; /* that have a png-small view: the first so many        */
    uint64_t n_dci_frames, n_pce_frames; /* the same of dci and pce                  */
};

/* What the newest parity of an archive says. */
struct pxr_parity_info {
    uint8_t percent;        /* 0: it has none                                             */
    uint64_t covered_bytes; /* of archive_bytes: those in front, which parity covers      */
    uint32_t data_shards, parity_shards; /* of its span: docs/format.md, section 17       */
};

struct pxr_frame_info {
    uint64_t frame;
    uint32_t width_px, height_px;
    uint8_t bits;             /* of the container: 8 or 16                            */
    uint8_t significant_bits; /* 1..bits; information only, no bit is ever dropped    */
    uint8_t sbit;             /* of the source PNG's sBIT chunk, 0 if it had none     */
    uint16_t maxval;          /* of the source PGM, else 2^bits - 1                   */
    bool has_time;
    int64_t time_ns;     /* since 1970-01-01 UTC                                 */
    uint64_t pixel_hash; /* XXH3-64 of the samples, little endian, row by row    */
    uint32_t adler32;    /* of the PNG rows (filter byte 0, samples big endian)  */
    uint64_t group;      /* first frame of its group                             */
    uint32_t group_frames;
    size_t name_bytes;
    char name[256]; /* UTF-8, one path component without extension, NUL-terminated */
};

/* Open an archive for reading.  Reads the superblock, the last commit and the root; no pixel is
 * decoded.  *out is NULL on failure.  CORRUPT, TRUNCATED, NOTPXR: the file, diag says where;
 * UNSUPPORTED: made by a newer version; LIMIT; IO; NOMEM.  limits and diag may be NULL. */
PXR_API enum pxr_err pxr_archive_open(pxr_archive **out, const char *path,
                                      const struct pxr_limits *limits, struct pxr_diag *diag);
/* The same over the caller's own storage.  io is copied; io->close(io_arg) is called by
 * pxr_archive_close, and by this function when it fails. */
PXR_API enum pxr_err pxr_archive_open_io(pxr_archive **out, const struct pxr_io *io, void *io_arg,
                                         const struct pxr_limits *limits, struct pxr_diag *diag);
/* NULL is allowed.  All decoders must be gone. */
PXR_API void pxr_archive_close(pxr_archive *a);

/* Look for commits behind the one that a shows, when somebody appends to its file.  *newer: the archive as of the last
 * commit that is whole, open beside a; NULL: there is none.  It shares file, caches, workers and counters with a; a
 * stays what it is, and each is closed, in any order.  Costs a read for each record that was added.  CHANGED: the
 * file was cut or written over, a is all there is; else the errors of pxr_archive_open.  Any thread. */
PXR_API enum pxr_err pxr_archive_refresh(pxr_archive **newer, pxr_archive *a, struct pxr_diag *diag);

/* Reads some hundred bytes of the file. */
PXR_API void pxr_archive_parity(pxr_archive *a, struct pxr_parity_info *out);
PXR_API void pxr_archive_info(const pxr_archive *a, struct pxr_archive_info *out);

/* The free metadata of the archive: JSON text, *val_bytes = 0 where there is none.  Lives as long
 * as the archive. */
PXR_API const char *pxr_archive_meta(const pxr_archive *a, size_t *val_bytes);

/* Describe one frame; reads O(log n) index pages, decodes nothing.  RANGE: no such frame. */
PXR_API enum pxr_err pxr_frame_info(pxr_archive *a, uint64_t frame, struct pxr_frame_info *out,
                                    struct pxr_diag *diag);
/* The free metadata of one frame (UTF-8 JSON text): copies at most dst_bytes, sets *val_bytes to
 * the full length.  dst may be NULL when dst_bytes is 0. */
PXR_API enum pxr_err pxr_frame_meta(pxr_archive *a, uint64_t frame, char *dst, size_t dst_bytes,
                                    size_t *val_bytes, struct pxr_diag *diag);
/* Find a frame by name; reads O(log n) index pages.  *frame = PXR_NONE where there is none. */
PXR_API enum pxr_err pxr_frame_find(pxr_archive *a, const char *name, size_t name_bytes,
                                    uint64_t *frame, struct pxr_diag *diag);

struct pxr_group_info {
    uint64_t first_frame;
    uint32_t n_frames, n_blocks;
    uint32_t block_height_px, block_width_px;
    uint64_t stored_bytes; /* of its blocks; those that are shared with other groups count as well */
    uint64_t n_codec[8];   /* blocks per codec of docs/format.md */
};
/* Describe the group that holds a frame; reads O(log n) index pages and its header, decodes nothing.
 * RANGE: no such frame. */
PXR_API enum pxr_err pxr_group_info(pxr_archive *a, uint64_t frame, struct pxr_group_info *out,
                                    struct pxr_diag *diag);
/* "predict" for 3 and so on; "unknown" for a number that no codec has. */
PXR_API const char *pxr_block_codec_name(unsigned codec);

/* A decoder belongs to one thread at a time; an archive may have any number of them. */
PXR_API enum pxr_err pxr_decoder_new(pxr_decoder **out, pxr_archive *a);
PXR_API void pxr_decoder_free(pxr_decoder *d); /* NULL is allowed */
/* Read from another snapshot of the same file from now on, one that pxr_archive_refresh gave. */
PXR_API void pxr_decoder_move(pxr_decoder *d, pxr_archive *a);
/* What the last failed call of this decoder has to say; lives until the next call. */
PXR_API const struct pxr_diag *pxr_decoder_diag(const pxr_decoder *d);

/* Decode rows [row0, row0 + n_rows) of one frame into dst.  Samples are unsigned, in native byte
 * order, 1 or 2 bytes each; row r starts at dst + (r - row0) * stride_bytes.  On error every byte of
 * dst inside these rows is zero.  RANGE: frame or rows do not exist, or dst_bytes is too small. */
PXR_API enum pxr_err pxr_frame_read(pxr_decoder *d, uint64_t frame, uint32_t row0, uint32_t n_rows,
                                    void *dst, size_t dst_bytes, size_t stride_bytes);

/* Start n_workers threads that decode the blocks of one read in parallel and the frames that a
 * sequential reader will want next.  At most once per archive, and only when the process will not
 * fork again.  STATE: called twice. */
PXR_API enum pxr_err pxr_archive_start_workers(pxr_archive *a, unsigned n_workers);

/* Counters since open; each is exact, together they are not one instant. */
struct pxr_stats {
    uint64_t units_decoded;    /* because a reader wanted them                     */
    uint64_t units_prefetched; /* decoded before anybody asked                     */
    uint64_t unit_hits;        /* found in the cache                               */
    uint64_t bytes_read;       /* from the archive, index and data                 */
    uint64_t index_reads;      /* index pages and group headers read               */
    uint64_t cache_bytes, cache_limit_bytes;
};
PXR_API void pxr_archive_stats(const pxr_archive *a, struct pxr_stats *out);

/* ---- views ------------------------------------------------------------------------------------ */

/* A frame seen as a file.  Sizes are exact and need no decoding; bytes are a function of the frame
 * alone and never change between releases (docs/format.md, "Views"). */
enum pxr_view {
    PXR_VIEW_PNG = 0, /* stored deflate blocks: any part can be made without the rest */
    PXR_VIEW_PGM = 1, /* P5 with the source's maxval; 16 bit big endian               */
    PXR_VIEW_RAW = 2, /* samples, 16 bit little endian                                */
    PXR_VIEW_TIF = 3, /* TIFF of one strip, little endian                             */
    PXR_VIEW_NPY = 4, /* a NumPy array (height, width), little endian                 */
    PXR_VIEW_PREVIEW = 5, /* PNG of an eighth of width and height, 8 bits: not lossless   */
    PXR_VIEW_VCBN = 6, /* an ImgPack envelope: JSON head, then the samples              */
    PXR_VIEW_PX2 = 7,  /* Pixel Stream: every beginning of the file is a picture        */
    PXR_VIEW_PXS = 8,  /* the same for older viewers, three bytes a pixel; 8 bits only  */
    PXR_VIEW_PNG_SMALL = 9, /* compressed; its lengths must be indexed: pxr_archive_index */
    PXR_VIEW_DCI = 10, /* Dichotomic Compression, lossless; 8 bits only; indexed too        */
    PXR_VIEW_PCE = 11, /* Pixel Countdown Encoding: at most four levels; indexed too        */
    PXR_N_VIEWS = 12
};
PXR_API const char *pxr_view_name(enum pxr_view v);               /* "png"                   */
PXR_API const char *pxr_view_extension(enum pxr_view v);          /* of its files, no dot    */
PXR_API bool pxr_view_find(const char *name, enum pxr_view *out); /* false: no such view     */
/* Why an archive has no such view, as a clause, or NULL: it has it. */
PXR_API const char *pxr_view_refusal(const struct pxr_archive_info *archive, enum pxr_view v);
/* The length of the file by its formula; 0: this frame has no such file, or there is no formula. */
PXR_API uint64_t pxr_view_bytes(const struct pxr_frame_info *frame, enum pxr_view v);
/* The length of the file by formula or index; reads O(1) index pages.  Also where the frame has no such file: 0.
 * RANGE: there would be one, but this frame's length is not indexed. */
PXR_API enum pxr_err pxr_view_stat(pxr_archive *a, const struct pxr_frame_info *frame, enum pxr_view v,
                                   uint64_t *n_bytes, struct pxr_diag *diag);
/* Produce bytes [off_bytes, off_bytes + dst_bytes) of the view, decoding only what they need.
 * *got is less than asked only at the end of the file.  On error dst is zero-filled. */
PXR_API enum pxr_err pxr_view_read(pxr_decoder *d, uint64_t frame, enum pxr_view v,
                                   uint64_t off_bytes, void *dst, size_t dst_bytes, size_t *got);

/* A view may cut a frame into several files (pce, where a side is longer than 255 pixels): how many, mostly 1. */
PXR_API uint32_t pxr_view_n_tiles(const struct pxr_archive_info *archive, enum pxr_view v);
/* What follows the frame's name in that of a file: ".png", or of a tile in row Y and column X ".Y.X.pceb".  Returns dst. */
#define PXR_VIEW_SUFFIX_BYTES 32
PXR_API char *pxr_view_suffix(const struct pxr_archive_info *archive, enum pxr_view v, uint32_t tile,
                              char dst[PXR_VIEW_SUFFIX_BYTES]);
/* The tile that a file's name means and the length of that ending; n_tiles: none. */
PXR_API uint32_t pxr_view_find_tile(const struct pxr_archive_info *archive, enum pxr_view v, const char *name,
                                    size_t *suffix_bytes);
/* pxr_view_stat and pxr_view_read of one of these files; those do only for frames that are one file. */
PXR_API enum pxr_err pxr_view_stat_tile(pxr_archive *a, const struct pxr_frame_info *frame, enum pxr_view v,
                                        uint32_t tile, uint64_t *n_bytes, struct pxr_diag *diag);
PXR_API enum pxr_err pxr_view_read_tile(pxr_decoder *d, uint64_t frame, enum pxr_view v, uint32_t tile,
                                        uint64_t off_bytes, void *dst, size_t dst_bytes, size_t *got);
/* A file that those of a view's frames need beside them: of pce the table of tiles and, of other levels of gray than its own,
 * the palette.  companion counts from 0; *name: constant, NULL where there are no more.  Copies at most dst_bytes and sets
 * *n_bytes to the full length. */
PXR_API enum pxr_err pxr_view_companion(pxr_archive *a, enum pxr_view v, unsigned companion, const char **name,
                                        void *dst, size_t dst_bytes, size_t *n_bytes, struct pxr_diag *diag);

/* The frames first, first + step, ... of an archive, n_frames of them; step is at least 1. */
struct pxr_frames {
    uint64_t first, step, n_frames;
};
/* All of them are frames of the archive. */
PXR_API bool pxr_frames_exist(const struct pxr_archive_info *archive, const struct pxr_frames *frames);

/* All frames, or chosen ones, as one file.  Sizes and bytes as above; reading any part decodes what lies
 * under it and nothing else. */
enum pxr_stack {
    PXR_STACK_NPY = 0,    /* stack.npy: an array (frame, row, column); frames begin at 4096       */
    PXR_STACK_TIF = 1,    /* stack.tif: BigTIFF, a page per frame                                 */
    PXR_STACK_IJ_TIF = 2, /* stack.ij.tif: classic TIFF as ImageJ writes it, one directory        */
    PXR_STACK_Y4M = 3,    /* stack.y4m: mono or mono16, 25 frames a second                        */
    PXR_STACK_PX2 = 4,    /* stack.px2: a Pixel Stream animation                                  */
    PXR_STACK_PXS = 5,    /* stack.pxs: one for older viewers, 5 of the 8 bits: not lossless       */
    PXR_N_STACKS = 6
};
PXR_API bool pxr_stack_is_lossy(enum pxr_stack s);
PXR_API const char *pxr_stack_name(enum pxr_stack s); /* "stack.npy" */
PXR_API bool pxr_stack_find(const char *name, enum pxr_stack *out);
/* Why there is no such file of these frames, as a clause, or NULL: there is one. */
PXR_API const char *pxr_stack_refusal(const struct pxr_archive_info *archive,
                                      const struct pxr_frames *frames, enum pxr_stack s);
/* 0: there is no such file. */
PXR_API uint64_t pxr_stack_bytes(const struct pxr_archive_info *archive,
                                 const struct pxr_frames *frames, enum pxr_stack s);
PXR_API enum pxr_err pxr_stack_read(pxr_decoder *d, const struct pxr_frames *frames, enum pxr_stack s,
                                    uint64_t off_bytes, void *dst, size_t dst_bytes, size_t *got);

/* The same as a Zarr array (version 2, separator "/"): files .zarray, .zattrs and, for each frame and each
 * stripe of rows, one uncompressed chunk.  The chunk of the last stripe is padded with zeros. */
enum pxr_zarr_file { PXR_ZARR_ZARRAY = 0, PXR_ZARR_ZATTRS = 1, PXR_N_ZARR_FILES = 2 };
#define PXR_ZARR_TEXT_BYTES 512
PXR_API const char *pxr_zarr_refusal(const struct pxr_archive_info *archive);
PXR_API uint32_t pxr_zarr_n_stripes(const struct pxr_archive_info *archive);
PXR_API uint64_t pxr_zarr_chunk_bytes(const struct pxr_archive_info *archive);
/* The text of one of the two files, NUL-terminated; returns its length. */
PXR_API size_t pxr_zarr_text(const struct pxr_archive_info *archive, uint64_t n_frames,
                             enum pxr_zarr_file file, char dst[PXR_ZARR_TEXT_BYTES]);
PXR_API enum pxr_err pxr_zarr_read(pxr_decoder *d, uint64_t frame, uint32_t stripe, uint64_t off_bytes,
                                   void *dst, size_t dst_bytes, size_t *got);

/* ---- writing ---------------------------------------------------------------------------------- */

enum pxr_codec {
    PXR_CODEC_AUTO = 0, /* the smallest by trial */
    PXR_CODEC_STORE = 1,
    PXR_CODEC_ZSTD = 2,
    PXR_CODEC_PREDICT = 3,
    PXR_CODEC_MATCH = 4,
    PXR_CODEC_ADAPTIVE = 5,
    PXR_CODEC_SORTED = 6,
};

/* What AUTO aims at. */
enum pxr_preset {
    PXR_PRESET_DEFAULT = 0, /* small, and several hundred MB/s to read       */
    PXR_PRESET_FAST = 1,    /* fastest to read: blocks decode at 1.5 GB/s    */
    PXR_PRESET_MAX = 2,     /* smallest; some 20 MB/s on one core            */
};

/* Zero-initialise; zero is the default of every field. */
#define PXR_PARITY_NONE 255 /* of parity_percent */
/* Whether this build can make and use parity.  If not, asking for it is UNSUPPORTED; such archives are read as others are. */
PXR_API bool pxr_parity_is_built_in(void);

struct pxr_write_opts {
    uint32_t width_px, height_px; /* required */
    uint8_t bits;                 /* required: 8 or 16 */
    uint16_t max_error; /* 0: lossless; else each sample may be stored as another one that differs by at most this, which
                           the writer checks; at most 2^bits - 1.  Appending: 0 or what the archive has (MISMATCH) */
    uint32_t block_frames, block_height_px, block_width_px; /* 0: chosen from the frame size */
    enum pxr_codec codec;
    enum pxr_preset preset; /* DEFAULT unless codec is AUTO     */
    int level;          /* of zstd, 1..19; 0: 3               */
    unsigned n_threads; /* 0: one per core; bytes do not depend on it */
    bool overwrite;     /* replace an existing file           */
    bool suffix_names;  /* a name that exists gets -2, -3, ... (shortened where it is too long) instead of MISMATCH */
    const char *meta;   /* JSON text of the archive, or NULL  */
    size_t meta_bytes;
    bool publish_at_commit; /* a new archive gets its name with its first commit, not at the end */
    uint8_t parity_percent; /* 1..100: check bytes from which recover repairs lost ones, docs/format.md, section 17;
                               0: none, but append goes on as the archive does; PXR_PARITY_NONE: none */
    bool skip_tail; /* append: a tail that holds whole records, which recover could save, is skipped */
};

/* One frame to be added.  Everything is borrowed for the call. */
struct pxr_frame_in {
    const void *pixels;  /* unsigned samples, native byte order                       */
    size_t stride_bytes; /* from row to row; 0: rows are adjacent                     */
    const char *name;    /* UTF-8, one path component; NULL: the number, six digits   */
    size_t name_bytes;   /* 0: strlen(name)                                           */
    bool has_time;
    int64_t time_ns;
    uint16_t maxval;  /* 0: 2^bits - 1                                             */
    uint8_t sbit;     /* 0: none                                                   */
    const char *meta; /* JSON text, or NULL                                        */
    size_t meta_bytes;
};

/* Create an archive under a temporary name beside path; finish gives it its name.  *out is NULL on
 * failure.  One thread may use a writer at a time; it has threads of its own inside. */
PXR_API enum pxr_err pxr_writer_create(pxr_writer **out, const char *path,
                                       const struct pxr_write_opts *o, struct pxr_diag *diag);
PXR_API enum pxr_err pxr_writer_create_io(pxr_writer **out, const struct pxr_io *io, void *io_arg,
                                          const struct pxr_write_opts *o, struct pxr_diag *diag);
/* Go on writing an archive that exists: new frames follow its last one.  What is there is not touched, so
 * that readers go on undisturbed.  Of o, geometry may be zero or must be the archive's (MISMATCH); a block's
 * size is the archive's nominal one unless given; meta replaces the archive's.  overwrite and publish_at_commit
 * do not apply.  BUSY: another writer holds the archive (one at a time: flock), diag says which process.
 * STATE: what a torn append left behind the last commit holds whole records; pxr_archive_recover saves their frames,
 * skip_tail gives them up.  UNSUPPORTED: a newer version's archive, which this one may read but not write.
 * Else the errors of pxr_archive_open. */
PXR_API enum pxr_err pxr_writer_append(pxr_writer **out, const char *path,
                                       const struct pxr_write_opts *o, struct pxr_diag *diag);
/* The same over the caller's own storage, which must see to it that there is no other writer. */
PXR_API enum pxr_err pxr_writer_append_io(pxr_writer **out, const struct pxr_io *io, void *io_arg,
                                          const struct pxr_write_opts *o, struct pxr_diag *diag);
/* MISMATCH: the name exists already or a sample exceeds maxval; INVALID: the name is not a usable
 * file name.  Both leave the writer as it was.  Any other error is final. */
PXR_API enum pxr_err pxr_writer_add(pxr_writer *w, const struct pxr_frame_in *f);
/* After PXR_OK all frames added so far survive power loss. */
PXR_API enum pxr_err pxr_writer_commit(pxr_writer *w);

struct pxr_write_summary {
    uint64_t n_frames, n_blocks, n_blocks_shared;
    uint64_t pixel_bytes, archive_bytes;
    uint64_t n_codec[8]; /* blocks per codec of docs/format.md */
    uint32_t largest_error; /* of a sample that was added to a near-lossless archive: at most max_error */
};
/* What has been written so far. */
PXR_API void pxr_writer_summary(const pxr_writer *w, struct pxr_write_summary *out);
/* Frames of the archive with those that were added. */
PXR_API uint64_t pxr_writer_n_frames(const pxr_writer *w);
/* What the last failed call of this writer has to say; lives until the next call. */
PXR_API const struct pxr_diag *pxr_writer_diag(const pxr_writer *w);
/* Commit, publish under the final name, and free the writer: in every case.  When it fails, a new archive
 * is removed and one that was appended to is what its last commit was.  out may be NULL. */
PXR_API enum pxr_err pxr_writer_finish(pxr_writer *w, struct pxr_write_summary *out,
                                       struct pxr_diag *diag);
/* Remove a new archive; one that was appended to or has its name goes back to its last commit.  NULL is allowed. */
PXR_API void pxr_writer_abort(pxr_writer *w);

/* Append all frames of another archive without decoding them: its blocks are copied as they are, verified by
 * their hashes.  MISMATCH: another geometry or max_error, or a name that exists already (suffix_names); CORRUPT: a block is damaged.
 * Any error but another geometry or max_error is final. */
PXR_API enum pxr_err pxr_writer_copy(pxr_writer *w, pxr_archive *a,
                                     void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                                     struct pxr_diag *diag);

/* Give a new archive, to which all frames have been added, the indexes of views that another one has (pxr_archive_index),
 * with their tables.  What that says of frames that have the same number and the same pixels in both is copied; the others
 * are decoded.  Where an index cannot hold a frame it ends before that.  Commits.  Without indexes nothing happens.
 * pxr_archive_repack and pxr_archive_recover do this by themselves. */
PXR_API enum pxr_err pxr_writer_carry_indexes(pxr_writer *w, pxr_archive *like, unsigned n_threads,
                                              struct pxr_diag *diag);

struct pxr_repack_opts {
    struct pxr_write_opts write; /* geometry and max_error are the archive's; so is meta unless given */
    void (*progress)(void *arg, uint64_t done, uint64_t total); /* NULL is allowed */
    void *arg;
};
/* Code all frames of an archive anew.  fresh NULL: in its place.  What is written is decoded and compared with the old
 * archive, frame by frame, before it gets its name at once; until then, and after any error, the old one stays. */
PXR_API enum pxr_err pxr_archive_repack(const char *path, const char *fresh, const struct pxr_repack_opts *opts,
                                        struct pxr_write_summary *summary, struct pxr_diag *diag);
/* ---- indexing --------------------------------------------------------------------------------- */

/* Append to an archive what a view needs whose lengths no formula gives (PNG_SMALL, DCI, PCE; else INVALID), for the frames
 * that have none yet; *n_frames is their number.  Decodes each of them.  The tables of png-small and pce and the levels of pce
 * are made when the index is and never change.  UNSUPPORTED: the view is not lossless for such an archive, or a frame has a
 * level of gray that the index of pce lacks.  progress (may be NULL) is called from the calling thread; false ends the work: STATE, and the
 * archive is what it was.  BUSY, STATE: as for pxr_writer_append. */
PXR_API enum pxr_err pxr_archive_index(const char *path, enum pxr_view v, unsigned n_threads,
                                       bool (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                                       uint64_t *n_frames, struct pxr_diag *diag);

/* ---- checking --------------------------------------------------------------------------------- */

enum pxr_check_depth {
    PXR_CHECK_QUICK = 0, /* structure: every index page, group header and frame page    */
    PXR_CHECK_FULL = 1,  /* and every record's checksum                                 */
    PXR_CHECK_DEEP = 2,  /* and every frame decoded and compared with its stored hash   */
};
struct pxr_check_report {
    uint64_t n_frames, n_groups, n_records, n_damages;
    uint64_t bytes_checked; /* records read whole, and the superblock: all of a sound file unless QUICK */
    uint64_t n_parity_records;                    /* DEEP alone, also below                      */
    uint64_t n_bytes_repairable, n_bytes_unrepairable; /* damaged bytes of what they cover: whether
                                                     recover can repair them                  */
};
/* Called once per damage, from the calling thread. */
typedef void pxr_check_fn(void *arg, const struct pxr_diag *damage);

/* Verify an archive and report every damage.  PXR_OK: it could be examined; whether it is sound says
 * report->n_damages.  progress may be NULL. */
PXR_API enum pxr_err pxr_archive_check(const char *path, enum pxr_check_depth depth,
                                       unsigned n_threads, pxr_check_fn *each, void *arg,
                                       void (*progress)(void *arg, uint64_t done, uint64_t total),
                                       struct pxr_check_report *report, struct pxr_diag *diag);
/* The same over the caller's own storage, which is closed. */
PXR_API enum pxr_err pxr_archive_check_io(const struct pxr_io *io, void *io_arg, enum pxr_check_depth depth,
                                          unsigned n_threads, pxr_check_fn *each, void *arg,
                                          struct pxr_check_report *report, struct pxr_diag *diag);

/* ---- recovering ------------------------------------------------------------------------------- */

/* Frames of the damaged archive that are not in the new one, or are without name, time and metadata. */
struct pxr_loss {
    uint64_t first_frame, n_frames; /* numbers in the damaged archive                     */
    char first_name[256], last_name[256]; /* "": they are lost as well                     */
    bool is_kept;                 /* only names, times and metadata are lost: the frames are numbered */
    const struct pxr_diag *why;
};

/* Bytes of the damaged archive that its parity says are not what they were (of cells next to each other: from the first that
 * differs to the last). */
struct pxr_repair {
    uint64_t off_bytes, n_bytes;
    bool is_repaired; /* they could be computed */
};

struct pxr_recover_opts {
    bool overwrite;
    uint8_t parity_percent; /* of the new archive: 1..100; 0: as the damaged one has; PXR_PARITY_NONE: none */
    unsigned n_threads; /* 0: one per core */
    const char *second; /* another damaged copy of the same archive, or NULL: what is damaged in one is taken from the other */
    const struct pxr_io *second_io; /* the same over the caller's own storage, which is not closed, or NULL */
    void *second_arg;
    void (*repaired)(void *arg, const struct pxr_repair *range);         /* NULL is allowed, also below */
    void (*lost)(void *arg, const struct pxr_loss *loss);
    void (*progress)(void *arg, uint64_t done, uint64_t total); /* bytes, then frames */
    void *arg;
};

struct pxr_recover_report {
    uint64_t n_frames;             /* of the new archive                                        */
    uint64_t n_frames_lost;
    uint64_t n_frames_uncommitted; /* among n_frames: of a torn append, that no commit counted   */
    uint64_t n_names_lost;         /* among n_frames: numbered, because name and time are gone   */
    uint64_t n_groups_copied, n_groups_encoded; /* unchanged; anew, without their damaged frames */
    uint64_t n_records, n_records_damaged, n_gaps; /* gaps: bytes between records that are none */
    bool is_superblock_lost, is_meta_lost;
    uint64_t archive_bytes;
    uint64_t n_parity_records; /* that were found in the damaged one                              */
    uint64_t n_bytes_repaired, n_bytes_unrepaired; /* sums of what was told                       */
    uint64_t n_bytes_second;   /* taken from the second copy                                      */
};

/* Make a new archive of all frames of a damaged one that can be proved right: those whose compressed bytes and whose group
 * have the hashes that they should have, or whose pixels have.  Records are found by hopping from one to the next and, where
 * that breaks, by searching for their marker; the index is used where it is sound.  Where there is parity (and this build can
 * use it), what it gives back is repaired before anything else is looked at.  PXR_OK: fresh is there, the report
 * says what is missing.  NOTPXR: no record of an archive was found.  MISMATCH: the second copy is one of another archive.
 * Memory: what reading takes with the default limits, what packing takes with the blocks of the damaged archive, one group as
 * it is stored, 16 MiB, and some 200 bytes for each group and each page that is found.  Time: a bounded multiple of what
 * reading the file (and the second) and coding its frames takes. */
PXR_API enum pxr_err pxr_archive_recover(const char *damaged, const char *fresh, const struct pxr_recover_opts *opts,
                                         struct pxr_recover_report *report, struct pxr_diag *diag);
/* The same over the caller's own storage; both are closed. */
PXR_API enum pxr_err pxr_archive_recover_io(const struct pxr_io *damaged, void *damaged_arg,
                                            const struct pxr_io *fresh, void *fresh_arg,
                                            const struct pxr_recover_opts *opts,
                                            struct pxr_recover_report *report, struct pxr_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
