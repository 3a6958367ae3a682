/* SPDX-License-Identifier: MIT
 * The erasure code: its matrix is the documented one, and whatever is lost, up to as much as there is parity, comes back. */
#include "erasure.h"

#include "alloc.h"
#include "kept_archive.h"

#include <criterion/criterion.h>

enum { N = 64 };

/* GF(2^8) as docs/format.md defines it, bit by bit. */
static uint8_t times(uint8_t a, uint8_t b)
{
    unsigned sum = 0;
    for (int i = 0; i < 8; i++)
        sum ^= (b >> i & 1) ? (unsigned)a << i : 0;
    for (int i = 14; i >= 8; i--)
        sum ^= (sum >> i & 1) ? 0x11Du << (i - 8) : 0;
    return (uint8_t)sum;
}

static uint8_t inverse(uint8_t a)
{
    for (unsigned b = 1; b < 256; b++)
        if (times(a, (uint8_t)b) == 1)
            return (uint8_t)b;
    return 0;
}

static void fill(uint8_t *data, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)test_random(&seed);
}

/* Parity of k shards in data. */
static pxr_erasure *encode(unsigned k, unsigned m, const uint8_t *data, uint8_t *parity)
{
    pxr_erasure *e = pxr_erasure_new(k, m);
    cr_assert_not_null(e);
    memset(parity, 0, (size_t)m * N);
    for (unsigned j = 0; j < k; j++)
        pxr_erasure_add(e, j, data + j * N, parity, N);
    return e;
}

static void expect_documented(unsigned k, unsigned m)
{
    static uint8_t data[256 * N], parity[256 * N];
    fill(data, k * N, k);
    pxr_erasure_free(encode(k, m, data, parity));
    for (unsigned r = 0; r < m; r++)
        for (unsigned x = 0; x < N; x += 9) {
            uint8_t sum = 0;
            for (unsigned j = 0; j < k; j++)
                sum ^= times(inverse((uint8_t)((k + r) ^ j)), data[j * N + x]);
            cr_assert_eq(parity[r * N + x], sum, "k %u, m %u, row %u, byte %u", k, m, r, x);
        }
}

Test(erasure, matrix_is_the_documented_one)
{
    if (!pxr_erasure_is_built_in())
        cr_skip_test("built without ISA-L");
    expect_documented(1, 1);
    expect_documented(7, 4);
    expect_documented(200, 10);
    expect_documented(100, 100);
}

/* Lose the shards of mask, of which the first k bits are data; solve with the first parity shards that are left. */
static bool solve(const pxr_erasure *e, unsigned k, unsigned m, uint32_t mask, const uint8_t *data, const uint8_t *parity)
{
    static uint8_t out[32 * N];
    static const uint8_t garbage[N] = {0xAA};
    const uint8_t *shards[32], *sums[32];
    uint8_t bad[32], rows[32], *to[32];
    unsigned n_bad = 0, n_rows = 0;
    for (unsigned j = 0; j < k; j++) {
        shards[j] = mask >> j & 1 ? garbage : data + j * N;
        if (mask >> j & 1)
            bad[n_bad++] = (uint8_t)j;
    }
    for (unsigned r = 0; r < m; r++) {
        sums[r] = mask >> (k + r) & 1 ? garbage : parity + r * N;
        if (!(mask >> (k + r) & 1))
            rows[n_rows++] = (uint8_t)r;
    }
    for (unsigned i = 0; i < n_bad; i++)
        to[i] = out + i * N;
    if (!n_bad)
        return true;
    if (!pxr_erasure_solve(e, n_bad, bad, rows, shards, sums, to, N))
        return false;
    for (unsigned i = 0; i < n_bad; i++)
        if (memcmp(to[i], data + bad[i] * N, N))
            return false;
    return true;
}

Test(erasure, every_pattern_of_losses_is_solved)
{
    if (!pxr_erasure_is_built_in())
        cr_skip_test("built without ISA-L");
    uint64_t n_patterns = 0;
    for (unsigned k = 1; k <= 9; k++)
        for (unsigned m = 1; m <= 5; m++) {
            uint8_t data[16 * N], parity[16 * N];
            fill(data, k * N, 100 * k + m);
            pxr_erasure *e = encode(k, m, data, parity);
            for (uint32_t mask = 0; mask < 1u << (k + m); mask++)
                if ((unsigned)__builtin_popcount(mask) <= m) {
                    cr_assert(solve(e, k, m, mask, data, parity), "k %u, m %u, lost %#x", k, m, mask);
                    n_patterns++;
                }
            pxr_erasure_free(e);
        }
    cr_expect_gt(n_patterns, 10000u);
}

Test(erasure, without_memory_it_says_so)
{
    cr_assert(pxr_erasure_is_built_in() || !pxr_erasure_new(2, 1));
}
