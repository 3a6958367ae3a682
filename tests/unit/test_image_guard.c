/* SPDX-License-Identifier: MIT
 * Reading in a confined process: the same answers, and nothing that is forbidden. */
#include "test_image_probe.h"

#include "calls.h"
#include "confine.h"
#include "export.h"
#include "guard.h"
#include "landlock.h"
#include "sanitized.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PNG PXR_IMAGE_PNG

/* A PNG of noise, made by our own writer. */
static struct pxr_buffer make_png(uint32_t width, uint32_t height, uint8_t bits)
{
    struct pxr_buffer out = {0};
    const size_t row_bytes = width * (bits / 8u);
    uint8_t *pixels = malloc(row_bytes * height);
    uint64_t state = 9;
    for (size_t i = 0; i < row_bytes * height; i++)
        pixels[i] = (uint8_t)next_random(&state);
    const struct pxr_image image = {.width_px = width, .height_px = height, .bits = bits, .n_channels = 1,
                                    .maxval = (uint16_t)((1u << bits) - 1), .pixels = pixels,
                                    .stride_bytes = row_bytes};
    cr_assert_eq(pxr_png_put(&out, &image, NULL), PXR_OK);
    free(pixels);
    return out;
}

static bool has_filter(void)
{
    return !PXR_IS_SANITIZED && !pxr_calls_refusal();
}

static pxr_image_guard *new_guard(void)
{
    pxr_image_guard *g = NULL;
    struct pxr_diag diag;
    cr_assert_eq(pxr_image_guard_new(&g, 1 << 20, &diag), PXR_OK, "%s", diag.text);
    return g;
}

static struct outcome guarded(pxr_image_guard *g, const void *bytes, size_t n_bytes, size_t head_bytes)
{
    static const struct pxr_image_opts opts = {.max_frame_px = 1 << 20};
    struct outcome o = {0};
    const int fd = memory_fd(bytes, n_bytes);
    lseek(fd, (off_t)head_bytes, SEEK_SET);
    pxr_diag_clear(&o.diag);
    o.err = pxr_image_guard_read(g, fd, bytes, head_bytes, PNG, &opts, keep_shot, &o, &o.diag);
    close(fd);
    return o;
}

/* The same pictures, the same error, the same words. */
static void expect_like_unguarded(pxr_image_guard *g, const void *bytes, size_t n_bytes)
{
    static const struct pxr_image_opts opts = {.max_frame_px = 1 << 20};
    struct outcome plain = read_quick(bytes, n_bytes, PNG, &opts);
    struct outcome o = guarded(g, bytes, n_bytes, n_bytes < 16 ? n_bytes : 16);
    char expected[512], found[512];
    cr_assert_eq(o.err, plain.err, "%d, not %d", o.err, plain.err);
    cr_assert(same_shots(&o, &plain));
    if (plain.err != PXR_OK)
        cr_assert_str_eq(pxr_diag_line(&o.diag, found, sizeof found), pxr_diag_line(&plain.diag, expected, sizeof expected));
    outcome_fini(&o);
    outcome_fini(&plain);
}

Test(image_guard, answers_are_those_of_this_process)
{
    pxr_image_guard *g = new_guard();
    const int pid = pxr_image_guard_pid(g);
    struct pxr_buffer png = make_png(40, 30, 16);
    for (size_t n = 0; n < png.n_bytes; n += n < 200 ? 1 : 37)
        expect_like_unguarded(g, png.bytes, n);
    for (size_t at = 0; at < png.n_bytes; at += at < 100 ? 1 : 53) {
        png.bytes[at] ^= 0x10;
        expect_like_unguarded(g, png.bytes, png.n_bytes);
        png.bytes[at] ^= 0x10;
    }
    /* Pictures that grow, and a stream of several. */
    for (uint32_t side = 1; side < 1000; side *= 3) {
        struct pxr_buffer one = make_png(side, side + 1, 8);
        expect_like_unguarded(g, one.bytes, one.n_bytes);
        cr_assert(pxr_buffer_add(&png, one.bytes, one.n_bytes));
        pxr_buffer_fini(&one);
    }
    expect_like_unguarded(g, png.bytes, png.n_bytes);
    cr_assert_eq(pxr_image_guard_pid(g), pid, "one process for all");
    pxr_image_guard_free(g);
    pxr_buffer_fini(&png);
}

static enum pxr_err refuse_second(void *arg, const struct pxr_image *image, struct pxr_diag *diag)
{
    ++*(int *)arg;
    return image->number ? pxr_fail(diag, PXR_E_RANGE, "enough") : PXR_OK;
}

Test(image_guard, the_callback_may_end_it)
{
    static const struct pxr_image_opts opts;
    pxr_image_guard *g = new_guard();
    struct pxr_buffer png = make_png(5, 4, 8);
    const size_t one = png.n_bytes;
    for (int i = 0; i < 3; i++) {
        uint8_t *copy = malloc(one);
        memcpy(copy, png.bytes, one);
        cr_assert(pxr_buffer_add(&png, copy, one));
        free(copy);
    }
    for (int round = 0; round < 3; round++) {
        struct pxr_diag diag;
        int n_calls = 0;
        const int fd = memory_fd(png.bytes, png.n_bytes);
        cr_assert_eq(pxr_image_guard_read(g, fd, NULL, 0, PNG, &opts, refuse_second, &n_calls, &diag), PXR_E_RANGE);
        cr_assert(n_calls == 2 && !strcmp(diag.text, "enough"));
        close(fd);
        expect_like_unguarded(g, png.bytes, png.n_bytes);
    }
    pxr_image_guard_free(g);
    pxr_buffer_fini(&png);
}

/* What the system says of a process. */
static unsigned long status_of(int pid, const char *key)
{
    char path[64], line[256];
    unsigned long value = 99;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key)))
            value = strtoul(line + strlen(key), NULL, 10);
    fclose(f);
    return value;
}

Test(image_guard, the_process_has_what_it_needs_and_no_more)
{
    pxr_image_guard *g = new_guard();
    const int pid = pxr_image_guard_pid(g);
    char path[64];
    int n_fds = 0;
    cr_assert_eq(status_of(pid, "NoNewPrivs:"), 1);
    cr_assert_eq(status_of(pid, "Threads:"), 1);
    if (has_filter())
        cr_assert_eq(status_of(pid, "Seccomp:"), 2);
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *d = opendir(path);
    cr_assert_not_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n_fds += e->d_name[0] != '.';
    closedir(d);
    cr_assert_eq(n_fds, 5, "%d descriptors", n_fds);
    pxr_image_guard_free(g);
    cr_assert_eq(kill(pid, 0), -1, "it is gone");
    pxr_image_guard_free(NULL);
}

Test(image_guard, a_process_that_died_is_replaced)
{
    pxr_image_guard *g = new_guard();
    struct pxr_buffer png = make_png(5, 4, 8);
    static const int signals[] = {SIGSEGV, SIGSYS, SIGABRT, SIGKILL};
    for (size_t i = has_filter() ? 0 : 1; i < 4; i++) { /* a sanitizer would report the first as its own find */
        const int pid = pxr_image_guard_pid(g);
        siginfo_t info;
        kill(pid, signals[i]);
        cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
        struct outcome o = guarded(g, png.bytes, png.n_bytes, 0);
        /* Sanitizers turn some signals into an exit. */
        cr_assert(o.err == PXR_E_CORRUPT || o.err == PXR_E_IO, "signal %d: %d", signals[i], o.err);
        if (has_filter())
            cr_assert_eq(o.err, signals[i] == SIGKILL ? PXR_E_IO : PXR_E_CORRUPT);
        cr_assert(strstr(o.diag.text, "the process that reads pictures has"));
        outcome_fini(&o);
        expect_like_unguarded(g, png.bytes, png.n_bytes);
        cr_assert_neq(pxr_image_guard_pid(g), pid);
    }
    pxr_image_guard_free(g);
    pxr_buffer_fini(&png);
}

/* ---- what a confined process may do ---------------------------------------------------------------- */

static void do_nothing(void)
{
}
static void open_file(void)
{
    (void)!open("/etc/passwd", O_RDONLY);
}
static void try_open_file(void)
{
    _exit(open("/etc/passwd", O_RDONLY) < 0 ? 0 : 1);
}
static void create_file(void)
{
    (void)!open("/tmp/pixelrain-guard", O_WRONLY | O_CREAT, 0600);
}
static void make_socket(void)
{
    (void)!socket(AF_INET, SOCK_STREAM, 0);
}
static void start_process(void)
{
    if (!fork())
        _exit(0);
}
static void run_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
}
static void map_code(void)
{
    (void)!mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void kill_parent(void)
{
    kill(getppid(), 0);
}
static void write_output(void)
{
    (void)!write(1, "x", 1);
}
static void take_memory(void)
{
    char *volatile p = malloc((size_t)1 << 30);
    _exit(p ? 1 : 0); /* beyond the limit: refused, without a signal */
}
static void use_memory(void)
{
    char *volatile p = malloc((size_t)8 << 20);
    if (p)
        memset(p, 1, (size_t)8 << 20);
    _exit(p ? 0 : 1);
}

/* The wait status of a process that confines itself and then does something. */
static int confined(void (*act)(void))
{
    int status;
    const pid_t pid = fork();
    if (!pid) {
        signal(SIGSYS, SIG_DFL);
        if (!pxr_confine(&(struct pxr_confinement){
                .more_memory_bytes = 64 << 20, .max_file_bytes = 1 << 20, .n_fds = 16}))
            _exit(9);
        act();
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

Test(image_guard, forbidden_calls_end_the_process)
{
    static void (*const forbidden[])(void) = {open_file,   create_file, make_socket, start_process,
                                              run_program, map_code,    kill_parent, write_output};
    cr_assert_eq(confined(do_nothing), 0);
    cr_assert_eq(confined(use_memory), 0);
    if (!PXR_IS_SANITIZED && !has_filter() && pxr_landlock_version())
        cr_assert_eq(confined(try_open_file), 0, "Landlock alone");
    if (!has_filter())
        cr_skip_test("no filter of calls in this build");
    cr_assert_eq(confined(take_memory), 0);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        const int status = confined(forbidden[i]);
        cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "call %zu: status %x", i, (unsigned)status);
    }
}
