/* SPDX-License-Identifier: MIT
 * A camera above a reel of electronic parts: reproducible frame sequences of any size. */
#include "sim.h"

#include <stdbool.h>
#include <string.h>

/* Units.  Lengths on the tape are in micrometres, on the picture in pixels or Q8 (1/256 pixel).
 * Light is in levels: 0..65535 from dark to the largest sample, whatever the bits. */

#define CHUNK_PX 512
#define N_SIGMA 256

const char *const sim_mode_names[SIM_N_MODES + 1] = {"reel", "stage", "still", "mask", "noise", NULL};

void sim_defaults(struct sim_params *p)
{
    *p = (struct sim_params){
        .mode = SIM_REEL,
        .width_px = 640,
        .height_px = 480,
        .bits = 8,
        .seed = 1,
        .speed_q8 = 608,
        .full_well_e = 20000,
        .read_noise_e = 12,
    };
}

const char *sim_objection(const struct sim_params *p)
{
    if ((unsigned)p->mode >= SIM_N_MODES)
        return "no such mode";
    if (!p->width_px || !p->height_px || p->width_px > 65535 || p->height_px > 65535)
        return "width and height are from 1 to 65535 pixels";
    if (p->bits != 8 && p->bits != 10 && p->bits != 12 && p->bits != 16)
        return "bits are 8, 10, 12 or 16";
    if (p->speed_q8 > 1u << 20)
        return "the speed is at most 4096 pixels a frame";
    if (p->full_well_e < 500 || p->full_well_e > 1000000)
        return "the full well is from 500 to 1000000 electrons";
    if (p->read_noise_e > 200)
        return "the read noise is at most 200 electrons";
    return NULL;
}

uint16_t sim_maxval(const struct sim_params *p) { return (uint16_t)((1u << p->bits) - 1); }

size_t sim_frame_bytes(const struct sim_params *p)
{
    return (size_t)p->width_px * p->height_px * (p->bits > 8 ? 2 : 1);
}

/* ---- chance ----------------------------------------------------------------------------------- */

/* The finaliser of splitmix64 over a counter: any number of a stream without those before it. */
static inline uint64_t draw(uint64_t key, uint64_t counter)
{
    uint64_t z = key + (counter + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

enum stream { PRINT, PARTS, GRAIN, FINE, COARSE, PIXELS, LIGHT, TRIGGER, SHOTS, FLICKER };

static uint64_t stream_key(const struct sim_params *p, enum stream s)
{
    return draw(draw(p->seed, 0), (uint64_t)s);
}

/* The sum of eight uniform bytes less its mean: nearly normal within +-4.9 standard deviations, its
 * variance is 8 * (256^2 - 1) / 12 = 43690. */
static inline int32_t draw_normal(uint64_t key, uint64_t counter)
{
    const uint64_t v = draw(key, counter), m = 0x00ff00ff00ff00ffu;
    const uint64_t pairs = (v & m) + (v >> 8 & m);
    return (int32_t)(pairs * 0x0001000100010001u >> 48) - 1020;
}

static uint64_t square_root(uint64_t v)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 62; bit; bit >>= 2) {
        const bool fits = v >= root + bit;
        if (fits)
            v -= root + bit;
        root = (root >> 1) + (fits ? bit : 0);
    }
    return root;
}

/* ---- the tape --------------------------------------------------------------------------------- */

enum surface { BEHIND, TAPE, RIM, FLOOR, SHADOW, LEAD, BODY, MARK };

static const uint16_t surface_level[] = {
    [BEHIND] = 3000, [TAPE] = 30000, [RIM] = 41000,  [FLOOR] = 17000,
    [SHADOW] = 9000, [LEAD] = 54000, [BODY] = 11000, [MARK] = 36000,
};
static const uint8_t surface_label[] = {
    [BEHIND] = 0, [TAPE] = 1, [RIM] = 1, [FLOOR] = 2, [SHADOW] = 2, [LEAD] = 3, [BODY] = 3, [MARK] = 3,
};

struct scene {
    uint64_t print_key, parts_key, grain_key, fine_key, coarse_key;
    int32_t mm_q8;      /* one millimetre                       */
    uint32_t pitch_px;  /* from pocket to pocket                */
    uint16_t digits[3]; /* the mark that all parts of a reel bear */
    bool is_mask;
};

/* A piece of one picture row of the tape, at whole pixels of the tape. */
struct strip {
    const struct scene *scene;
    uint64_t x0; /* tape column of the first pixel */
    int32_t y;
    int32_t n;
    uint16_t *level;
};

static void scene_init(struct scene *s, const struct sim_params *p)
{
    static const uint16_t digit_bits[10] = {0x7b6f, 0x2c97, 0x73e7, 0x73cf, 0x5bc9,
                                            0x79cf, 0x79ef, 0x7249, 0x7bef, 0x7bcf};
    *s = (struct scene){
        .print_key = stream_key(p, PRINT),
        .parts_key = stream_key(p, PARTS),
        .grain_key = stream_key(p, GRAIN),
        .fine_key = stream_key(p, FINE),
        .coarse_key = stream_key(p, COARSE),
        .mm_q8 = (int32_t)(p->height_px * 2560u / 86u),
        .is_mask = p->mode == SIM_MASK,
    };
    const uint32_t pitch_px = (uint32_t)s->mm_q8 * 4 / 256;
    s->pitch_px = pitch_px < 4 ? 4 : pitch_px;
    for (unsigned i = 0; i < 3; i++)
        s->digits[i] = digit_bits[draw(s->print_key, i) % 10];
}

static inline int32_t from_um(const struct scene *s, int32_t um)
{
    return (int32_t)((int64_t)um * s->mm_q8 / 1000);
}

/* How much of a pixel lies inside an edge that is inside_q8 away: 0..256 over one and a half pixels,
 * which is the blur of the lens. */
static inline int32_t edge_cover(int32_t inside_q8)
{
    if (inside_q8 <= -192)
        return 0;
    return inside_q8 >= 192 ? 256 : (inside_q8 + 192) * 2 / 3;
}
static inline int32_t range_cover(int32_t at_q8, int32_t low_q8, int32_t high_q8)
{
    const int32_t a = edge_cover(at_q8 - low_q8), b = edge_cover(high_q8 - at_q8);
    return a < b ? a : b;
}

static inline void blend(const struct strip *t, int32_t i, enum surface what, int32_t cover)
{
    if (t->scene->is_mask) {
        if (cover >= 128)
            t->level[i] = surface_label[what];
        return;
    }
    const int32_t was = t->level[i];
    t->level[i] = (uint16_t)(was + (surface_level[what] - was) * cover / 256);
}

struct box {
    int32_t x0, y0, x1, y1; /* Q8; x from the strip's first pixel, y from the top of the picture */
};

static struct box box_um(const struct scene *s, int32_t x_q8, int32_t y_q8, int32_t x0, int32_t y0,
                         int32_t x1, int32_t y1)
{
    return (struct box){x_q8 + from_um(s, x0), y_q8 + from_um(s, y0), x_q8 + from_um(s, x1),
                        y_q8 + from_um(s, y1)};
}

static void paint_box(const struct strip *t, const struct box b, enum surface what)
{
    const int32_t y_cover = range_cover(t->y * 256 + 128, b.y0, b.y1);
    if (!y_cover)
        return;
    int32_t first = b.x0 / 256 - 2, last = b.x1 / 256 + 2;
    first = first < 0 ? 0 : first;
    last = last > t->n ? t->n : last;
    for (int32_t i = first; i < last; i++)
        blend(t, i, what, range_cover(i * 256 + 128, b.x0, b.x1) * y_cover / 256);
}

static void paint_disc(const struct strip *t, int32_t x_q8, int32_t y_q8, int32_t radius_q8)
{
    const int64_t dy = t->y * 256 + 128 - y_q8, r = radius_q8;
    if (r <= 0 || dy > r + 512 || dy < -r - 512)
        return;
    int32_t first = (x_q8 - radius_q8) / 256 - 3, last = (x_q8 + radius_q8) / 256 + 3;
    first = first < 0 ? 0 : first;
    last = last > t->n ? t->n : last;
    for (int32_t i = first; i < last; i++) {
        const int64_t dx = i * 256 + 128 - x_q8;
        /* r - d = (r^2 - d^2) / (r + d), and r + d is about 2r where it matters: at the edge. */
        const int64_t inside = (r * r - dx * dx - dy * dy) / (2 * r);
        blend(t, i, BEHIND, edge_cover(inside > 1024 ? 1024 : inside < -1024 ? -1024 : (int32_t)inside));
    }
}

/* Smooth random relief added to the levels: values on a lattice of 2^shift pixels, linear between. */
static void add_relief(const struct strip *t, uint64_t key, unsigned shift, int32_t amplitude)
{
    const uint64_t row = (uint64_t)t->y >> shift;
    const int32_t cell_px = 1 << shift, y_part = t->y & (cell_px - 1);
    int32_t left = 0, right = 0;
    uint64_t cell = UINT64_MAX;
    for (int32_t i = 0; i < t->n; i++) {
        const uint64_t x = t->x0 + (uint64_t)i;
        if (x >> shift != cell) {
            for (unsigned side = x >> shift == cell + 1 ? 1 : 0; side < 2; side++) {
                left = right;
                const uint64_t c = (x >> shift) + side;
                const int32_t above = (int32_t)(draw(key + row, c) >> 52) - 2048;
                const int32_t below = (int32_t)(draw(key + row + 1, c) >> 52) - 2048;
                right = (above * (cell_px - y_part) + below * y_part) >> shift;
            }
            cell = x >> shift;
        }
        const int32_t x_part = (int32_t)(x & (uint64_t)(cell_px - 1));
        const int32_t v = (left * (cell_px - x_part) + right * x_part) >> shift;
        t->level[i] = (uint16_t)(t->level[i] + v * amplitude / 2048);
    }
}

static void paint_mark(const struct strip *t, int32_t x_q8, int32_t y_q8)
{
    const struct scene *s = t->scene;
    const int32_t dot_um = 170;
    for (int32_t column = 0; column < 12; column++) { /* 3 digits of 3 columns and a gap, along y */
        const int32_t y0 = -6 * dot_um + column * dot_um;
        const struct box across = box_um(s, x_q8, y_q8, 0, y0, 0, y0 + dot_um);
        if (column % 4 == 3 || !range_cover(t->y * 256 + 128, across.y0, across.y1))
            continue;
        for (int32_t row = 0; row < 5; row++)
            if (s->digits[column / 4] >> (14 - 3 * row - column % 4) & 1)
                paint_box(t,
                          box_um(s, x_q8, y_q8, 425 - row * dot_um - dot_um, y0, 425 - row * dot_um,
                                 y0 + dot_um),
                          MARK);
    }
}

static void paint_part(const struct strip *t, uint64_t pocket, int32_t x_q8, int32_t y_q8)
{
    const struct scene *s = t->scene;
    const uint64_t luck = draw(s->parts_key, pocket);
    if (luck % 24 == 0)
        return; /* the machine that filled the tape missed one */
    x_q8 += from_um(s, (int32_t)(luck >> 8 & 255) - 128);
    y_q8 += from_um(s, (int32_t)(luck >> 16 & 255) - 128);
    paint_box(t, box_um(s, x_q8, y_q8, -550, -1350, 780, 1520), SHADOW);
    const bool is_lead_broken = (luck >> 24) % 40 == 0;
    if (!is_lead_broken)
        paint_box(t, box_um(s, x_q8, y_q8, -1200, -1150, -600, -750), LEAD);
    paint_box(t, box_um(s, x_q8, y_q8, -1200, 750, -600, 1150), LEAD);
    paint_box(t, box_um(s, x_q8, y_q8, 600, -200, 1200, 200), LEAD);
    paint_box(t, box_um(s, x_q8, y_q8, -650, -1450, 650, 1450), BODY);
    paint_mark(t, x_q8, y_q8);
}

static void paint_pockets(const struct strip *t)
{
    const struct scene *s = t->scene;
    const uint64_t last = (t->x0 + (uint64_t)t->n) / s->pitch_px + 1;
    for (uint64_t pocket = t->x0 / s->pitch_px - 1; pocket <= last; pocket++) {
        const int32_t x_q8 = (int32_t)(int64_t)(pocket * s->pitch_px - t->x0) * 256;
        const int32_t y_q8 = from_um(s, 300 + 5250), pitch_q8 = (int32_t)s->pitch_px * 256;
        paint_disc(t, x_q8 + pitch_q8 / 2, from_um(s, 300 + 1750), from_um(s, 750));
        const struct box rim = box_um(s, x_q8, y_q8, -1500, -1750, 1500, 1750);
        if (!range_cover(t->y * 256 + 128, rim.y0, rim.y1))
            continue;
        paint_box(t, rim, RIM);
        paint_box(t, box_um(s, x_q8, y_q8, -1400, -1650, 1400, 1650), FLOOR);
        paint_box(t, box_um(s, x_q8, y_q8, -1400, -1650, -1280, 1650), SHADOW);
        paint_part(t, pocket, x_q8, y_q8);
    }
}

static void paint_strip(const struct strip *t)
{
    const struct scene *s = t->scene;
    const int32_t on_tape = range_cover(t->y * 256 + 128, from_um(s, 300), from_um(s, 8300));
    for (int32_t i = 0; i < t->n; i++)
        t->level[i] = s->is_mask ? surface_label[BEHIND] : surface_level[BEHIND];
    for (int32_t i = 0; on_tape && i < t->n; i++)
        blend(t, i, TAPE, on_tape);
    if (!s->is_mask && on_tape == 256) {
        add_relief(t, s->coarse_key, 5, 1500);
        add_relief(t, s->fine_key, 2, 900);
    }
    paint_pockets(t);
    if (s->is_mask)
        return;
    for (int32_t i = 0; i < t->n; i++) { /* fine grain, in proportion to the light: +-3 % */
        const uint64_t x = t->x0 + (uint64_t)i;
        const int32_t grain = (int32_t)(draw(s->grain_key + (uint64_t)t->y, x >> 3) >> (8 * (x & 7)) & 255);
        t->level[i] = (uint16_t)(t->level[i] + (t->level[i] * (grain - 128) >> 12));
    }
}

/* ---- the camera ------------------------------------------------------------------------------- */

#define BLACK_LEVEL 1024

struct camera {
    uint64_t pixels_key, shots_key, flicker_key;
    uint64_t tape_q8;     /* place of the left edge of the picture on the tape  */
    uint32_t light_q16;   /* of this frame                                      */
    uint64_t falloff_q32; /* vignetting per squared half pixel from the middle  */
    bool is_noisy, is_flickering;
    int32_t sigma[N_SIGMA]; /* by the high byte of the level                      */
};

/* Noise in levels is draw_normal() * sigma / 2^16, so with e electrons of signal, read noise r and
 * a full well of f, sigma^2 = (e + r^2) * (2^16 / f)^2 * 2^32 / 43690. */
int32_t sim_noise_sigma(const struct sim_params *p, unsigned high_byte)
{
    const uint64_t f = p->full_well_e, r = p->read_noise_e, middle = (uint64_t)high_byte * 256 + 128;
    const uint64_t level = middle > BLACK_LEVEL ? middle - BLACK_LEVEL : 0;
    const uint64_t variance_e = level * f / 65536 + r * r;
    return (int32_t)square_root(((uint64_t)1 << 63) / (f * f) * variance_e / 21845);
}

/* Light wanders by +-2 %, smoothly over 64 frames. */
static uint32_t light_q16(const struct sim_params *p, uint64_t frame)
{
    const uint64_t key = stream_key(p, LIGHT), cell = frame / 64;
    const int64_t part = (int64_t)(frame % 64);
    const int64_t a = (int64_t)(draw(key, cell) % 2621) - 1310;
    const int64_t b = (int64_t)(draw(key, cell + 1) % 2621) - 1310;
    const int64_t smooth = part * part * (3 * 64 - 2 * part); /* 0..64^3 */
    return (uint32_t)(64000 + a + (b - a) * smooth / (64 * 64 * 64));
}

static void camera_init(struct camera *c, const struct scene *s, const struct sim_params *p,
                        uint64_t frame)
{
    const bool moves = p->mode == SIM_REEL || p->mode == SIM_MASK;
    const uint64_t w = p->width_px, h = p->height_px;
    *c = (struct camera){
        .pixels_key = stream_key(p, PIXELS),
        .shots_key = draw(stream_key(p, SHOTS), frame),
        .flicker_key = draw(stream_key(p, FLICKER), frame),
        .tape_q8 = 1000 * 256 * (uint64_t)s->pitch_px,
        .light_q16 = light_q16(p, p->mode == SIM_STILL ? 0 : frame),
        .falloff_q32 = ((uint64_t)1 << 46) / (w * w + h * h),
        .is_noisy = !p->is_noiseless && (p->mode == SIM_REEL || p->mode == SIM_STAGE),
    };
    c->is_flickering = p->mode == SIM_STILL && c->flicker_key % 8 == 0;
    if (moves) /* the trigger is late or early by up to a quarter of a pixel */
        c->tape_q8 += frame * p->speed_q8 + draw(stream_key(p, TRIGGER), frame) % 129 - 64;
    for (unsigned i = 0; c->is_noisy && i < N_SIGMA; i++)
        c->sigma[i] = sim_noise_sigma(p, i);
}

static inline uint32_t clamp_level(int32_t v)
{
    return v < 0 ? 0 : v > 65535 ? 65535 : (uint32_t)v;
}

/* What the sensor makes of the light that falls on pixels [x, x + n) of row y. */
static void expose(const struct camera *c, const struct sim_params *p, uint32_t x, uint32_t y,
                   int32_t n, uint16_t *level)
{
    const int64_t dy = 2 * (int64_t)y + 1 - p->height_px;
    const uint64_t row = (uint64_t)y * p->width_px;
    for (int32_t i = 0; i < n; i++) {
        const uint64_t at = row + x + (uint64_t)i;
        const int64_t dx = 2 * ((int64_t)x + i) + 1 - p->width_px;
        const uint64_t dark = (uint64_t)(dx * dx + dy * dy) * c->falloff_q32 >> 32;
        const uint32_t light = (uint32_t)((65536 - dark) * c->light_q16 >> 16);
        /* Each pixel's own gain and offset: sums of two random bytes (standard deviation 104). */
        const uint32_t own = (uint32_t)(draw(c->pixels_key, at >> 1) >> (32 * (at & 1)));
        const int32_t gain = (int32_t)((own & 255) + (own >> 8 & 255)) - 255;
        const int32_t offset = (int32_t)((own >> 16 & 255) + (own >> 24)) - 255;
        int32_t v = (int32_t)((uint64_t)level[i] * light >> 16);
        v += (v * gain >> 13) + offset / 2 + BLACK_LEVEL;
        if (own >> 19 == 77) /* one pixel in 8192 is hot */
            v += 9000 + (int32_t)(own & 65535) / 4;
        uint32_t seen = clamp_level(v);
        if (c->is_noisy) {
            const int64_t noise = (int64_t)draw_normal(c->shots_key, at) * c->sigma[seen >> 8];
            seen = clamp_level((int32_t)(seen + (uint32_t)(int32_t)(noise >> 16)));
        }
        level[i] = (uint16_t)seen;
    }
}

static void flicker(const struct camera *c, const struct sim_params *p, uint64_t at, int32_t n,
                    uint16_t *level)
{
    const int32_t step = 1 << (16 - p->bits);
    for (int32_t i = 0; i < n; i++) {
        const uint64_t luck = draw(c->flicker_key, at + (uint64_t)i);
        if (luck % 1024 == 0)
            level[i] = (uint16_t)clamp_level(level[i] + (luck >> 63 ? step : -step));
    }
}

/* ---- one frame -------------------------------------------------------------------------------- */

static void store_samples(const struct sim_params *p, const uint16_t *level, int32_t n, uint8_t *dst)
{
    for (int32_t i = 0; i < n; i++) {
        const uint16_t v = (uint16_t)(level[i] >> (16 - p->bits));
        if (p->bits == 8)
            dst[i] = (uint8_t)v;
        else
            memcpy(dst + 2 * i, &v, 2);
    }
}

static void make_noise(const struct sim_params *p, uint64_t frame, uint8_t *dst)
{
    const uint64_t key = draw(stream_key(p, SHOTS), frame);
    const uint64_t n_px = (uint64_t)p->width_px * p->height_px;
    for (uint64_t i = 0; i < n_px; i += 4) {
        const uint64_t v = draw(key, i / 4);
        const uint16_t four[4] = {(uint16_t)v, (uint16_t)(v >> 16), (uint16_t)(v >> 32),
                                  (uint16_t)(v >> 48)};
        const int32_t n = n_px - i < 4 ? (int32_t)(n_px - i) : 4;
        store_samples(p, four, n, dst + i * (p->bits == 8 ? 1 : 2));
    }
}

static void make_chunk(const struct sim_params *p, const struct scene *s, const struct camera *c,
                       uint32_t x, uint32_t y, int32_t n, uint16_t *level)
{
    /* Labels do not mix: they are taken at whole pixels. */
    const uint64_t left_q8 = c->tape_q8 + (s->is_mask ? 128 : 0) + (uint64_t)x * 256;
    const struct strip t = {s, left_q8 >> 8, (int32_t)y, n + 1, level};
    paint_strip(&t);
    if (s->is_mask) {
        for (int32_t i = 0; i < n; i++)
            level[i] = (uint16_t)(level[i] * 21845);
        return;
    }
    const uint32_t part = left_q8 & 255;
    for (int32_t i = 0; i < n; i++)
        level[i] = (uint16_t)((level[i] * (256 - part) + level[i + 1] * part) >> 8);
    expose(c, p, x, y, n, level);
    if (c->is_flickering)
        flicker(c, p, (uint64_t)y * p->width_px + x, n, level);
}

void sim_frame(const struct sim_params *p, uint64_t frame, void *dst)
{
    if (p->mode == SIM_NOISE) {
        make_noise(p, frame, dst);
        return;
    }
    struct scene scene;
    struct camera camera;
    scene_init(&scene, p);
    camera_init(&camera, &scene, p, frame);
    const size_t sample_bytes = p->bits == 8 ? 1 : 2;
    uint16_t level[CHUNK_PX + 1];
    uint8_t *out = dst;
    for (uint32_t y = 0; y < p->height_px; y++)
        for (uint32_t x = 0; x < p->width_px; x += CHUNK_PX) {
            const uint32_t n = p->width_px - x < CHUNK_PX ? p->width_px - x : CHUNK_PX;
            make_chunk(p, &scene, &camera, x, y, (int32_t)n, level);
            store_samples(p, level, (int32_t)n, out);
            out += n * sample_bytes;
        }
}
