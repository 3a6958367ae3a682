/* SPDX-License-Identifier: MIT
 * Hostile archives: fields with values at their limits, records swapped, doubled, lost and spliced in from other archives,
 * references that point elsewhere, garbage for the decoders, and bombs, with every hash made right again, so that nothing but the
 * parser and the decoders stands in the way.  Each is opened, checked, listed and read through every view, recovered (a
 * third of them with a second copy) and appended to, each by a process of its own: it ends by itself, with errors of the
 * data only, within some seconds and within its memory.
 *
 *     torture_hostile [COUNT [CASE]]     CASE: only this one, to look at it
 */
#include "torture_hostile.h"

#include "block.h"
#include "checksum.h"
#include "layout.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_CPU_S = 10, MAX_FRAMES_READ = 40, MAX_RANGES = 2048, MAX_RECORDS = 128, BOMB_ROOM = 8 << 20 };
#define MARGIN_BYTES ((uint64_t)64 << 20)
#define CACHE_BYTES ((uint64_t)4 << 20)
#define DEFAULT_CACHE_BYTES ((uint64_t)256 << 20)
#define MAX_FRAME_PX ((uint64_t)1 << 17)

/* ---- a sound archive, and where its hashes are -------------------------------------------------- */

struct range {
    size_t off, n;
    uint64_t hash; /* of these bytes as they were: it stands where somebody refers to them */
};
struct record {
    size_t off, n;
};
struct base {
    uint8_t *bytes;
    size_t n;
    struct range ranges[MAX_RANGES]; /* units, group headers, pages: who is referred to comes first */
    size_t n_ranges, n_units;        /* the first n_units are units */
    struct record records[MAX_RECORDS];
    size_t n_records;
    struct truths truths;
};

static void add_range(struct base *b, size_t off, size_t n)
{
    if (!n)
        return;
    if (b->n_ranges == MAX_RANGES || !pxr_range_fits(off, n, b->n))
        TORTURE_FAIL("the walk over our own archive goes astray at %zu", off);
    b->ranges[b->n_ranges++] = (struct range){off, n, pxr_xxh3_64(b->bytes + off, n)};
}

/* Where the units of a group lie; returns the length of the group header. */
static size_t walk_group(struct base *b, size_t at, bool wants_units)
{
    const uint8_t *const g = b->bytes + at;
    const uint32_t n_frames = pxr_load_u32le(g + 8), n_blocks = pxr_load_u32le(g + 12);
    const uint32_t bh = pxr_load_u32le(g + 16), bw = pxr_load_u32le(g + 20);
    const uint32_t w = pxr_load_u32le(b->bytes + 40), h = pxr_load_u32le(b->bytes + 44);
    const size_t n = PXR_GROUP_HEADER_BYTES + 8 * (size_t)n_blocks + pxr_load_u32le(g + 32);
    const uint32_t n_columns = (w + bw - 1) / bw;
    size_t header = PXR_GROUP_HEADER_BYTES + 8 * (size_t)n_blocks;
    for (uint32_t i = 0; wants_units && i < n_blocks; i++) {
        const uint32_t y = i / n_columns * bh, x = i % n_columns * bw;
        const struct pxr_block_shape shape = {n_frames, bh < h - y ? bh : h - y, bw < w - x ? bw : w - x, b->bytes[48]};
        struct pxr_block_header block;
        struct pxr_diag d;
        if (pxr_block_header_parse(&block, g + header, n - header, &shape, 0, &d) != PXR_OK)
            TORTURE_FAIL("a block of our own archive: %s", d.text);
        for (uint32_t u = 0; u < block.n_units; u++) {
            const struct pxr_block_unit unit = pxr_block_unit_at(&block, u);
            add_range(b, (size_t)(pxr_load_u64le(g + PXR_GROUP_HEADER_BYTES + 8 * (size_t)i) + unit.off_bytes), unit.n_bytes);
        }
        header += block.header_bytes;
    }
    return n;
}

/* pass 0: units, 1: group headers, 2: pages, which lie behind those that they refer to */
static void walk(struct base *b, int pass)
{
    b->n_records = 0;
    for (size_t at = PXR_SUPERBLOCK_BYTES; at < b->n;) {
        const uint64_t body_bytes = pxr_load_u64le(b->bytes + at + 8);
        const size_t body = at + PXR_RECORD_HEADER_BYTES, n = (size_t)(PXR_RECORD_HEADER_BYTES + (body_bytes + 7) / 8 * 8 + 8);
        if (b->n_records == MAX_RECORDS)
            TORTURE_FAIL("more than %d records", MAX_RECORDS);
        b->records[b->n_records++] = (struct record){at, n};
        if (b->bytes[at + 4] == PXR_RECORD_GROUP && pass < 2) {
            const size_t header_bytes = walk_group(b, body, pass == 0);
            if (pass == 1)
                add_range(b, body, header_bytes);
        }
        for (size_t page = body; b->bytes[at + 4] == PXR_RECORD_INDEX && pass == 2 && page < body + body_bytes;) {
            const uint32_t page_bytes = pxr_load_u32le(b->bytes + page + 4);
            add_range(b, page, page_bytes);
            page += (page_bytes + 7) / 8 * 8;
        }
        at += n;
    }
}

static void base_init(struct base *b, const uint8_t *bytes, size_t n)
{
    b->bytes = memcpy(malloc(n), bytes, n);
    b->n = n;
    b->n_ranges = 0;
    for (int pass = 0; pass < 3; pass++) {
        walk(b, pass);
        if (pass == 0)
            b->n_units = b->n_ranges;
    }
}

/* ---- forging ------------------------------------------------------------------------------------ */

static uint64_t dice;
static uint64_t roll(uint64_t n) { return n ? test_random(&dice) % n : 0; }

/* Every hash of what was changed is right again, from the leaves to the commit.  A unit that holds a frame as it is has the same
 * hash as its samples have: then these are what was packed, as far as anybody can tell.  new_truths: NULL: nobody asks. */
static void repair_ranges(const struct base *b, uint8_t *bytes, struct truths *new_truths)
{
    for (size_t i = 0; i < b->n_ranges; i++) {
        const struct range *r = &b->ranges[i];
        const uint64_t hash = pxr_xxh3_64(bytes + r->off, r->n);
        uint8_t was[8], is[8], *at = bytes;
        if (hash == r->hash)
            continue;
        if (i < b->n_units && new_truths && new_truths->n < MAX_TRUTHS)
            new_truths->hashes[new_truths->n++] = hash;
        pxr_store_u64le(was, r->hash);
        pxr_store_u64le(is, hash);
        while ((at = memmem(at, (size_t)(bytes + b->n - at), was, 8)))
            memcpy(at, is, 8);
    }
    pxr_store_u64le(bytes + 120, pxr_xxh3_64(bytes, 120));
}

static void repair_record(uint8_t *record, size_t n, const uint8_t *superblock)
{
    const uint64_t body_bytes = pxr_load_u64le(record + 8);
    if (record[4] == PXR_RECORD_COMMIT && n == PXR_COMMIT_RECORD_BYTES)
        memcpy(record + PXR_RECORD_HEADER_BYTES, superblock, PXR_SUPERBLOCK_BYTES);
    memcpy(record + 24, superblock + 72, 16);
    pxr_store_u64le(record + 40, pxr_xxh3_64(record, 40));
    if (body_bytes <= n - PXR_RECORD_HEADER_BYTES - 8)
        pxr_store_u64le(record + n - 8, pxr_xxh3_64(record + PXR_RECORD_HEADER_BYTES, (size_t)body_bytes));
}

/* A place in a structure: superblock, header or commit of a record, header of a group, page, start of a unit. */
static size_t pick_place(const struct base *b, size_t *room)
{
    const uint64_t kind = roll(10);
    size_t off = 0, n = 120;
    if (kind == 1 || kind == 2) {
        const struct record *r = &b->records[roll(b->n_records)];
        off = r->off;
        n = b->bytes[r->off + 4] == PXR_RECORD_COMMIT ? r->n : PXR_RECORD_HEADER_BYTES;
    } else if (kind == 3 && b->n_units) {
        const struct range *r = &b->ranges[roll(b->n_units)];
        off = r->off;
        n = r->n < 64 ? r->n : 64;
    } else if (kind > 3) {
        const struct range *r = &b->ranges[b->n_units + roll(b->n_ranges - b->n_units)];
        off = r->off;
        n = r->n;
    }
    const size_t step = roll(4) ? 4 : 1, at = (size_t)roll(n / step) * step;
    *room = n - at;
    return off + at;
}

/* A value at a limit, or one that stands elsewhere. */
static void spoil_field(const struct base *b, uint8_t *bytes)
{
    const uint64_t values[] = {0, 1, 2, UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 63, INT32_MAX, (uint64_t)1 << 31, 65535,
                               65536, b->n, b->n - 1, b->n + 1, 8, 128, (uint64_t)1 << 29, (uint64_t)1 << 28, 255, 64, 63};
    size_t room, other_room;
    const size_t at = pick_place(b, &room), other = pick_place(b, &other_room);
    const size_t width = (size_t)1 << roll(4), n = width < room ? width : room;
    uint8_t word[8];
    pxr_store_u64le(word, values[roll(sizeof values / sizeof *values)]);
    switch (roll(6)) {
    case 0: memcpy(bytes + at, b->bytes + other, n < other_room ? n : other_room); break;
    case 1: bytes[at] ^= (uint8_t)(1u << roll(8)); break;
    case 2:
        pxr_store_u64le(word, pxr_load_u64le(bytes + (at < b->n - 8 ? at : b->n - 8)) + (roll(2) ? 1 : UINT64_MAX));
        memcpy(bytes + at, word, n);
        break;
    default: memcpy(bytes + at, word, n);
    }
}

static void spoil_unit(const struct base *b, uint8_t *bytes)
{
    const struct range *r = &b->ranges[roll(b->n_units)];
    for (uint64_t i = 0, n = 1 + roll(8); b->n_units && i < n; i++)
        bytes[r->off + roll(r->n)] = (uint8_t)roll(256);
}

/* A field of a head of parity in one, some or all of its copies; false: there is no parity. */
static bool spoil_parity(const struct base *b, uint8_t *bytes)
{
    static const struct {
        uint8_t off, n;
    } fields[] = {{24, 8}, {32, 8}, {40, 8}, {48, 8}, {56, 8}, {64, 4}, {68, 1}, {69, 1}, {70, 1}, {71, 1}, {72, 8}, {96, 8}};
    const uint64_t values[] = {0,        1,        2,          127,                 128, 255,     4096, b->n,
                               b->n - 1, b->n + 8, UINT64_MAX, (uint64_t)1 << 62, 136, 64 << 20};
    const size_t f = roll(sizeof fields / sizeof *fields);
    const uint64_t n_records = b->n_records, first = roll(n_records), copies = roll(8);
    for (uint64_t i = 0; i < n_records; i++) {
        const struct record *r = &b->records[(first + i) % n_records];
        uint8_t *head = bytes + r->off, *const end = head + r->n;
        uint8_t word[8];
        if (b->bytes[r->off + 4] != PXR_RECORD_PARITY)
            continue;
        pxr_store_u64le(word, roll(3) ? values[roll(sizeof values / sizeof *values)]
                                      : pxr_load_u64le(head + PXR_RECORD_HEADER_BYTES + fields[f].off) + 8 * roll(3) - 8);
        for (unsigned copy = 0; copy < 3 && (head = memmem(head, (size_t)(end - head), PXR_PARITY_MARKER, 8)); copy++) {
            if (!copies || copies >> copy & 1) {
                memcpy(head + fields[f].off, word, fields[f].n);
                pxr_store_u64le(head + 248, pxr_xxh3_64(head, 248));
            }
            head += PXR_PARITY_HEAD_BYTES;
        }
        return true;
    }
    return false;
}

/* Two ranges of equal length change places: frame pages, nodes, units. */
static void swap_ranges(const struct base *b, uint8_t *bytes)
{
    const struct range *r = &b->ranges[roll(b->n_ranges)];
    for (int tries = 0; tries < 50; tries++) {
        const struct range *s = &b->ranges[roll(b->n_ranges)];
        if (s == r || s->n != r->n)
            continue;
        memcpy(bytes + r->off, b->bytes + s->off, r->n);
        memcpy(bytes + s->off, b->bytes + r->off, r->n);
        return;
    }
}

/* Records in another order, twice, not at all, or from another archive. */
static void arrange(struct forged *f, const struct base *b, const uint8_t *bytes, const struct base *other)
{
    const uint64_t how = roll(12), i = roll(b->n_records), j = roll(b->n_records);
    size_t n = PXR_SUPERBLOCK_BYTES;
    f->bytes = malloc(2 * b->n + other->n + 4096);
    memcpy(f->bytes, bytes, PXR_SUPERBLOCK_BYTES);
    for (uint64_t k = 0, sequence = 0; k < b->n_records; k++) {
        const uint64_t which = how == 0 && k == i ? j : how == 0 && k == j ? i : k;
        const struct record *r = &b->records[which];
        const struct record *from_other = &other->records[i % other->n_records];
        for (int copies = how == 1 && k == i ? 0 : how == 2 && k == i ? 2 : 1; copies > 0; copies--, sequence++) {
            const bool is_other = how == 3 && k == i;
            uint8_t *const to = f->bytes + n;
            const size_t record_bytes = is_other ? from_other->n : r->n;
            memcpy(to, is_other ? other->bytes + from_other->off : bytes + r->off, record_bytes);
            if (how <= 3 && roll(2))
                pxr_store_u64le(to + 16, sequence);
            if (roll(200))
                repair_record(to, record_bytes, f->bytes);
            n += record_bytes;
        }
    }
    if (how == 4 && n > 300) /* cut, with something behind it */
        n -= (size_t)roll(n - 200);
    if (how == 5)
        for (uint64_t k = roll(400); k; k--)
            f->bytes[n++] = (uint8_t)roll(256);
    f->n = n;
}

/* ---- what is done with it ------------------------------------------------------------------------- */

void expect_class(enum pxr_err e, const struct pxr_diag *d, const char *what, struct outcome *out)
{
    out->has_failed |= e != PXR_OK;
    const int class = pxr_err_exit(e);
    if (e != PXR_OK && class != 1 && class != 4 && class != 5)
        TORTURE_FAIL("%s: %d %s", what, e, d ? d->text : "");
    if (e != PXR_OK && d && !d->text[0])
        TORTURE_FAIL("%s: no diagnostic", what);
}

/* As the mount does: the length, then pieces. */
static void read_views(pxr_archive *a, pxr_decoder *d, const struct pxr_archive_info *info, uint64_t frame, uint8_t *piece,
                       struct outcome *out)
{
    struct pxr_frame_info f;
    struct pxr_diag diag = {0};
    uint64_t found, n_bytes;
    size_t got;
    enum pxr_err e = pxr_frame_info(a, frame, &f, &diag);
    expect_class(e, &diag, "frame info", out);
    if (e != PXR_OK)
        return;
    const uint64_t group_bytes = pxr_min_u64(f.group_frames * out->frame_bytes, PXR_BLOCK_MAX_BYTES);
    if (out->group_bytes < group_bytes) /* one unit may be a whole group */
        out->group_bytes = group_bytes;
    expect_class(pxr_frame_find(a, f.name, f.name_bytes, &found, &diag), &diag, "find", out);
    expect_class(pxr_frame_meta(a, frame, (char *)piece, 4096, &got, &diag), &diag, "metadata", out);
    for (int v = 0; v < PXR_N_VIEWS; v++) {
        if (pxr_view_refusal(info, (enum pxr_view)v))
            continue;
        e = pxr_view_stat(a, &f, (enum pxr_view)v, &n_bytes, &diag);
        if (e != PXR_E_RANGE) /* beyond what is indexed */
            expect_class(e, &diag, "view's length", out);
        for (uint64_t off = 0; e == PXR_OK && off < n_bytes; off += n_bytes / (out->group_bytes > CACHE_BYTES ? 1 : 3) + 1)
            expect_class(pxr_view_read(d, frame, (enum pxr_view)v, off, piece, 1 << 16, &got), pxr_decoder_diag(d),
                         "view", out);
    }
    const uint32_t stripe = (uint32_t)(frame % pxr_zarr_n_stripes(info));
    if (!pxr_zarr_refusal(info))
        expect_class(pxr_zarr_read(d, frame, stripe, 0, piece, 1 << 16, &got), pxr_decoder_diag(d), "zarr", out);
    out->n_frames_read++;
}

static void read_archive(struct kept_file *k, struct outcome *out)
{
    const struct pxr_limits limits = {.cache_bytes = CACHE_BYTES, .max_frame_px = MAX_FRAME_PX, .max_index_bytes = 4 << 20};
    struct pxr_diag d = {0};
    struct pxr_archive_info info;
    struct pxr_stats stats;
    pxr_archive *a;
    pxr_decoder *decoder;
    size_t got;
    enum pxr_err e = pxr_archive_open_io(&a, &k->io, k->memory.arg, &limits, &d);
    expect_class(e, &d, "open", out);
    if (e != PXR_OK)
        return;
    out->is_open = 1;
    pxr_archive_info(a, &info);
    pxr_archive_stats(a, &stats);
    out->cache_bytes = stats.cache_limit_bytes;
    out->frame_bytes = (uint64_t)info.width_px * info.height_px * (info.bits / 8u);
    uint8_t *const piece = malloc(1 << 16);
    if (pxr_archive_start_workers(a, 2) != PXR_OK || pxr_decoder_new(&decoder, a) != PXR_OK || !piece)
        TORTURE_FAIL("no memory, or no threads");
    /* Of large groups little: where the cache is smaller than a unit, each piece decodes it anew. */
    for (uint64_t i = 0; i < info.n_frames && i < (out->group_bytes > CACHE_BYTES ? 2 : MAX_FRAMES_READ); i++)
        read_views(a, decoder, &info, i, piece, out);
    if (info.n_frames > MAX_FRAMES_READ)
        read_views(a, decoder, &info, info.n_frames - 1, piece, out);
    const struct pxr_frames all = {0, 1, info.n_frames};
    for (int s = 0; s < PXR_N_STACKS && info.n_frames; s++) {
        const uint64_t n = pxr_stack_bytes(&info, &all, (enum pxr_stack)s);
        for (uint64_t i = 0; n && i < 4; i++)
            expect_class(pxr_stack_read(decoder, &all, (enum pxr_stack)s, i == 3 ? n - 1 : n / 3 * i, piece, 1 << 16, &got),
                         pxr_decoder_diag(decoder), "stack", out);
    }
    struct pxr_group_info group;
    for (uint64_t f = 0, n = 0; f < info.n_frames && n < 100; f = group.first_frame + group.n_frames, n++)
        if ((e = pxr_group_info(a, f, &group, &d)) != PXR_OK) {
            expect_class(e, &d, "group", out);
            break;
        }
    free(piece);
    pxr_decoder_free(decoder);
    pxr_archive_close(a);
}

static void check_archive(struct kept_file *k, struct outcome *out)
{
    for (int depth = PXR_CHECK_QUICK; depth <= PXR_CHECK_DEEP; depth++) {
        struct pxr_check_report report;
        struct pxr_diag d = {0};
        const enum pxr_err e = pxr_archive_check_io(&k->io, k->memory.arg, (enum pxr_check_depth)depth, 1, NULL, NULL, &report, &d);
        expect_class(e, &d, "check", out);
        out->has_failed |= report.n_damages != 0;
    }
}

static uint64_t peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

/* ---- processes ------------------------------------------------------------------------------------ */

enum act { ACT_READ, ACT_RECOVER, ACT_APPEND, N_ACTS };

struct hostile_case {
    uint64_t number;
    struct forged forged, second; /* second.bytes NULL: it has no second copy */
    const struct base *base, *other;
    struct truths new_truths;
};

static void be_victim(const struct hostile_case *c, enum act act, struct outcome *out)
{
    const struct rlimit cpu = {MAX_CPU_S, MAX_CPU_S};
    setrlimit(RLIMIT_CPU, &cpu);
    if (act == ACT_READ) {
        struct kept_file k;
        kept_init(&k, c->forged.bytes, c->forged.n);
        read_archive(&k, out);
        out->peak_bytes = peak_bytes();
        check_archive(&k, out);
        kept_fini(&k);
    } else if (act == ACT_RECOVER) {
        const struct truths truths[] = {c->base->truths, c->other->truths, c->new_truths};
        recover_hostile(&c->forged, c->second.bytes ? &c->second : NULL, truths, 3, out);
    } else {
        append_hostile(&c->forged, c->number & 1, out);
    }
    _exit(0);
}

static uint64_t n_open, n_refused, n_harmless, n_recovered, n_frames_recovered, n_frames_proved, n_appended;
static uint64_t most_bytes[N_ACTS + 1]; /* the last: of checking */

#define FRAME_LIMIT_PX ((uint64_t)1 << 28) /* of those who have no limits of their own */

static void expect_within(const struct hostile_case *c, const char *what, uint64_t *most, uint64_t before, uint64_t peak,
                          uint64_t cap)
{
    const uint64_t used = peak - pxr_min_u64(before, peak);
    *most = pxr_max_u64(*most, used);
#ifndef __SANITIZE_ADDRESS__ /* which takes memory of its own */
    if (used > cap + MARGIN_BYTES)
        TORTURE_FAIL("case %llu: %s took %llu bytes, its cap is %llu", (unsigned long long)c->number, what,
                     (unsigned long long)used, (unsigned long long)cap);
#else
    (void)c, (void)what, (void)cap;
#endif
}

/* What memory may be taken: what limits allow, what the archive needs by its own checked numbers, and the margin.  Who has the
 * default limits has 256 MiB of cache, or a whole group.  recover takes what pixelrain.h says, and so does append; what
 * they make lies in memory here, in a buffer that grows by doubling. */
static void expect_memory(const struct hostile_case *c, enum act act, const struct outcome *o, uint64_t before, uint64_t peak)
{
    const uint8_t *const sb = c->forged.bytes;
    const uint64_t group = o->group_bytes + 2 * o->frame_bytes;
    const uint64_t px = c->forged.n >= PXR_SUPERBLOCK_BYTES ? (uint64_t)pxr_load_u32le(sb + 40) * pxr_load_u32le(sb + 44) : 0;
    const uint64_t frame = px <= FRAME_LIMIT_PX ? px * (sb[48] > 8 ? 2 : 1) : 0;
    const uint64_t files = 4 * (c->forged.n + o->made_bytes);
    if (act == ACT_READ) {
        expect_within(c, "reading", &most_bytes[act], before, o->peak_bytes, o->cache_bytes + group);
        expect_within(c, "checking", &most_bytes[N_ACTS], before, peak, pxr_max_u64(o->cache_bytes, DEFAULT_CACHE_BYTES) + group);
    } else {
        expect_within(c, act == ACT_RECOVER ? "recovering" : "appending", &most_bytes[act], before, peak,
                      DEFAULT_CACHE_BYTES + 6 * frame + files);
    }
}

static void run_act(const struct hostile_case *c, enum act act, struct outcome *shared)
{
    static const char *const names[] = {"reading and checking", "recovering", "appending"};
    struct rusage usage;
    int status;
    memset(shared, 0, sizeof *shared);
    fflush(stdout);
    const uint64_t before = peak_bytes();
    const pid_t child = fork();
    if (child < 0)
        TORTURE_FAIL("no process: %s", strerror(errno));
    if (!child)
        be_victim(c, act, shared);
    if (wait4(child, &status, 0, &usage) != child)
        TORTURE_FAIL("wait4: %s", strerror(errno));
    if (WIFSIGNALED(status))
        TORTURE_FAIL("case %llu, %s: signal %d%s", (unsigned long long)c->number, names[act], WTERMSIG(status),
                     WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL ? " (too long)" : "");
    if (status)
        TORTURE_FAIL("case %llu, %s", (unsigned long long)c->number, names[act]);
    expect_memory(c, act, shared, before, (uint64_t)usage.ru_maxrss * 1024);
}

/* One forged archive, by processes of their own. */
static void run_case(const struct hostile_case *c, struct outcome *shared)
{
    run_act(c, ACT_READ, shared);
    n_open += shared->is_open;
    n_refused += shared->has_failed;
    n_harmless += !shared->has_failed;
    run_act(c, ACT_RECOVER, shared);
    n_recovered += shared->is_recovered;
    n_frames_recovered += shared->n_frames_recovered;
    n_frames_proved += shared->n_frames_proved;
    run_act(c, ACT_APPEND, shared);
    n_appended += shared->is_appended;
}

/* ---- the archives ---------------------------------------------------------------------------------- */

static const struct test_spec specs[] = {
    {.w = 11, .h = 6, .n_frames = 5, .bt = 2, .bh = 4, .bits = 16, .content = TEST_SMOOTH, .commit_every = 3},
    {.w = 8, .h = 6, .n_frames = 9, .bt = 4, .bw = 3, .bits = 8, .content = TEST_NOISE, .codec = PXR_CODEC_STORE, .commit_every = 4},
    {.w = 40, .h = 8, .n_frames = 6, .bt = 3, .bits = 8, .content = TEST_SMOOTH, .codec = PXR_CODEC_PREDICT},
    {.w = 40, .h = 8, .n_frames = 6, .bt = 3, .bits = 16, .content = TEST_SMOOTH, .codec = PXR_CODEC_PREDICT, .commit_every = 3},
    {.w = 40, .h = 8, .n_frames = 6, .bt = 3, .bits = 8, .content = TEST_SMOOTH, .codec = PXR_CODEC_MATCH},
    {.w = 40, .h = 8, .n_frames = 6, .bt = 3, .bits = 8, .content = TEST_SMOOTH, .codec = PXR_CODEC_ADAPTIVE},
    {.w = 40, .h = 8, .n_frames = 6, .bt = 3, .bits = 16, .content = TEST_SMOOTH, .codec = PXR_CODEC_SORTED},
    {.w = 40, .h = 33, .n_frames = 6, .bt = 3, .bits = 8, .content = TEST_SMOOTH, .codec = PXR_CODEC_ZSTD, .commit_every = 3},
    {.w = 16, .h = 16, .n_frames = 40, .bt = 1, .bits = 8, .content = TEST_REPEAT, .commit_every = 10},
    {.w = 8, .h = 6, .n_frames = 9, .bt = 3, .bits = 8, .content = TEST_NOISE, .commit_every = 3, .parity = 10},
    {.w = 30, .h = 20, .n_frames = 70, .bt = 1, .bits = 8, .content = TEST_ZERO}, /* a directory of two levels, no payload */
};
enum { N_SPECS = sizeof specs / sizeof *specs, N_BOMBS = 3, N_BASES = N_SPECS + N_BOMBS };

static void write_base(uint8_t *dst, size_t *n, const struct test_spec *s)
{
    struct kept_file k;
    kept_init(&k, NULL, 0);
    if (test_write(&k, s, NULL, NULL) != PXR_OK)
        TORTURE_FAIL("an archive cannot be written");
    const uint8_t *const bytes = pxr_file_memory_bytes(&k.memory, n);
    if (*n > BOMB_ROOM)
        TORTURE_FAIL("an archive of %zu bytes", *n);
    memcpy(dst, bytes, *n);
    kept_fini(&k);
}

/* Frames that are all alike, and say to be larger than they are. */
static void enlarge(uint8_t *bytes, size_t *n)
{
    const struct test_spec s = {.w = 64, .h = 64, .n_frames = 3, .bits = 8, .content = TEST_ZERO};
    static struct base b;
    write_base(bytes, n, &s);
    base_init(&b, bytes, *n);
    memcpy(bytes, b.bytes, *n);
    const size_t group = b.records[0].off + PXR_RECORD_HEADER_BYTES;
    const size_t block = group + PXR_GROUP_HEADER_BYTES + 8; /* of the only one */
    const size_t fields[] = {40, 44, 60, 64, group + 16, group + 20, block + 8, block + 12};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        pxr_store_u32le(bytes + fields[i], 8192);
    repair_ranges(&b, bytes, NULL);
    for (size_t i = 0; i < b.n_records; i++)
        repair_record(bytes + b.records[i].off, b.records[i].n, bytes);
}

/* 2^24 samples in one unit of zstd, in an archive that says that its blocks have one frame. */
static void write_zstd_bomb(uint8_t *bytes, size_t *n)
{
    const struct pxr_write_opts o = {.width_px = 512, .height_px = 256, .bits = 8, .n_threads = 1, .block_frames = 128,
                                     .block_height_px = 256, .codec = PXR_CODEC_ZSTD};
    static uint8_t pixels[512 * 256];
    struct kept_file k;
    static struct base b;
    pxr_writer *w;
    kept_init(&k, NULL, 0);
    if (pxr_writer_create_io(&w, &k.io, k.memory.arg, &o, NULL) != PXR_OK)
        TORTURE_FAIL("a bomb cannot be written");
    for (unsigned i = 0; i < 128; i++) {
        pixels[0] = (uint8_t)i;
        if (pxr_writer_add(w, &(struct pxr_frame_in){.pixels = pixels}) != PXR_OK)
            TORTURE_FAIL("a bomb cannot be written");
    }
    if (pxr_writer_finish(w, NULL, NULL) != PXR_OK)
        TORTURE_FAIL("a bomb cannot be written");
    const uint8_t *const made = pxr_file_memory_bytes(&k.memory, n);
    base_init(&b, made, *n);
    memcpy(bytes, made, *n);
    pxr_store_u32le(bytes + 56, 1);
    pxr_store_u32le(bytes + 68, 1);
    repair_ranges(&b, bytes, NULL);
    for (size_t i = 0; i < b.n_records; i++)
        repair_record(bytes + b.records[i].off, b.records[i].n, bytes);
    kept_fini(&k);
}

/* What the pages of an archive say of its frames, the first ones. */
static void collect_truths(struct truths *t, const uint8_t *bytes, size_t n)
{
    struct pxr_frame_info f;
    struct kept_file k;
    pxr_archive *a;
    kept_init(&k, bytes, n);
    if (pxr_archive_open_io(&a, &k.io, k.memory.arg, NULL, NULL) != PXR_OK)
        TORTURE_FAIL("our own archive cannot be opened");
    for (t->n = 0; t->n < MAX_TRUTHS && pxr_frame_info(a, t->n, &f, NULL) == PXR_OK; t->n++)
        t->hashes[t->n] = f.pixel_hash;
    pxr_archive_close(a);
    kept_fini(&k);
}

/* What the process that makes an archive hands over. */
struct made {
    uint8_t bytes[BOMB_ROOM];
    size_t n;
    struct truths truths;
};

/* Made by another process: this one stays small. */
static void make_base(struct base *b, int which, struct made *made)
{
    uint8_t *const room = made->bytes;
    size_t *const n = &made->n;
    static const struct test_spec many = {.w = 1, .h = 1, .n_frames = 65535, .bt = 65535, .bits = 8, .content = TEST_ZERO};
    int status;
    const pid_t child = fork();
    if (!child) {
        if (which < N_SPECS)
            write_base(room, n, &specs[which]);
        else if (which == N_SPECS)
            write_base(room, n, &many);
        else if (which == N_SPECS + 1)
            enlarge(room, n);
        else
            write_zstd_bomb(room, n);
        collect_truths(&made->truths, room, *n);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status)
        TORTURE_FAIL("archive %d cannot be made", which);
    base_init(b, room, *n);
    b->truths = made->truths;
}

static void forge(struct forged *f, const struct base *b, const struct base *other, struct truths *new_truths)
{
    uint8_t *const bytes = malloc(b->n);
    memcpy(bytes, b->bytes, b->n);
    switch (roll(8)) {
    case 0: break; /* records alone are rearranged */
    case 1: spoil_unit(b, bytes); break;
    case 2: swap_ranges(b, bytes); break;
    default:
        for (uint64_t i = 1 + roll(3); i; i--)
            if (roll(3) || !spoil_parity(b, bytes))
                spoil_field(b, bytes);
    }
    if (roll(8)) /* else what it was damaged by is found by its hash */
        repair_ranges(b, bytes, new_truths);
    arrange(f, b, bytes, other);
    free(bytes);
}

/* Built without zstd or without ISA-L, some are missing. */
static bool can_make(int which)
{
    if (which >= N_SPECS)
        return which < N_BASES - 1 || torture_has_codec(PXR_CODEC_ZSTD);
    return torture_has_codec(specs[which].codec) && (!specs[which].parity || pxr_parity_is_built_in());
}

int main(int argc, char **argv)
{
    static struct base bases[N_BASES];
    const uint64_t count = torture_count(argc, argv, 400), only = argc > 2 ? strtoull(argv[2], NULL, 10) : UINT64_MAX;
    struct outcome *const shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct made *const room = mmap(NULL, sizeof *room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int made[N_BASES], n_made = 0;
    uint64_t n_done = 0;
    if (shared == MAP_FAILED || room == MAP_FAILED)
        TORTURE_FAIL("mmap: %s", strerror(errno));
    for (int i = 0; i < N_BASES; i++)
        if (can_make(i)) {
            make_base(&bases[i], i, room);
            made[n_made++] = i;
        }
    munmap(room, sizeof *room);
    for (uint64_t number = 0; number < count; number++) {
        /* Bombs take a hundred times as long as others: each fiftieth. */
        const bool is_bomb = number % 50 < N_BOMBS && number % 50 + N_SPECS < N_BASES;
        const struct base *b = &bases[made[number % (uint64_t)(n_made < N_SPECS ? n_made : N_SPECS)]];
        struct hostile_case c = {.number = number};
        if (is_bomb && bases[N_SPECS + number % 50].n)
            b = &bases[N_SPECS + number % 50];
        dice = number * 0x9E3779B97F4A7C15u;
        c.base = b;
        c.other = &bases[made[roll((uint64_t)n_made)]];
        if (number < 50 && is_bomb) /* as it is, once */
            c.forged = (struct forged){memcpy(malloc(b->n), b->bytes, b->n), b->n};
        else
            forge(&c.forged, b, c.other, &c.new_truths);
        if (number % 3 == 1) /* forged from the same one in another way */
            forge(&c.second, b, c.other, &c.new_truths);
        if (only == UINT64_MAX || only == number) {
            run_case(&c, shared);
            n_done++;
        }
        free(c.forged.bytes);
        free(c.second.bytes);
    }
    printf("HOSTILE %llu archives: %llu could be opened, %llu refused or damaged, %llu harmless; %llu recovered, with %llu "
           "frames, %llu of them proved by their pages, the others by their groups; %llu appended to; at most %llu MiB for reading, "
           "%llu for checking, %llu for recovering, %llu for appending, all within their limits + 64 MiB\n",
           (unsigned long long)n_done, (unsigned long long)n_open, (unsigned long long)n_refused,
           (unsigned long long)n_harmless, (unsigned long long)n_recovered, (unsigned long long)n_frames_recovered,
           (unsigned long long)n_frames_proved, (unsigned long long)n_appended,
           (unsigned long long)(most_bytes[ACT_READ] >> 20), (unsigned long long)(most_bytes[N_ACTS] >> 20),
           (unsigned long long)(most_bytes[ACT_RECOVER] >> 20), (unsigned long long)(most_bytes[ACT_APPEND] >> 20));
    return 0;
}
