/* SPDX-License-Identifier: MIT
 * Reed-Solomon erasure code over GF(2^8): k data shards give m parity shards, and any k of the k + m give the others.
 *
 * The matrix is Cauchy's: parity shard r is the sum of data shards j, each times 1 / ((k + r) xor j) modulo
 * x^8 + x^4 + x^3 + x^2 + 1.  Every square part of a Cauchy matrix has an inverse, so the code is MDS: what has at
 * most as many losses as parity shards left can be solved, whichever they are.  (Vandermonde's matrix, which is more
 * usual, does not promise that.) */
#ifndef PXR_UTIL_ERASURE_H
#define PXR_UTIL_ERASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PXR_ERASURE_MAX_SHARDS 256 /* k + m */

/* Built without ISA-L: nothing below but this may be called. */
bool pxr_erasure_is_built_in(void);

/* k, m >= 1, k + m <= 256.  NULL: no memory.  Never changes: threads may share it. */
typedef struct pxr_erasure pxr_erasure;
pxr_erasure *pxr_erasure_new(unsigned k, unsigned m);
void pxr_erasure_free(pxr_erasure *e);

/* Add data shard j to all m parity shards, which lie one behind the other, n_bytes each (>= 64), and are zero in the beginning. */
void pxr_erasure_add(const pxr_erasure *e, unsigned j, const uint8_t *data, uint8_t *parity, size_t n_bytes);

/* Compute n_bad lost data shards (their numbers: bad) with as many parity shards that are not lost (their numbers: rows).
 * data: k shards, where the lost ones are not looked at; parity: m, where only those of rows are; out: n_bad shards.
 * All n_bytes long (>= 64).  false: no memory. */
bool pxr_erasure_solve(const pxr_erasure *e, unsigned n_bad, const uint8_t *bad, const uint8_t *rows,
                       const uint8_t *const *data, const uint8_t *const *parity, uint8_t *const *out, size_t n_bytes);

#endif
