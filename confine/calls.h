/* SPDX-License-Identifier: MIT
 * Which system calls a process may make from now on: seccomp, through libseccomp. */
#ifndef PXR_CONFINE_CALLS_H
#define PXR_CONFINE_CALLS_H

#include "pixelrain.h"

/* Of an argument that is an int in C: the upper half of its register says nothing. */
#define PXR_CALL_INT UINT32_MAX

/* A call by its name, allowed always (mask 0) or where (argument & mask) == value; several entries of one name: where
 * any of them holds.  Names that this libseccomp does not know are passed over: what it does not know stays
 * forbidden. */
struct pxr_call {
    const char *name;
    unsigned argument; /* from 0 */
    uint64_t mask, value;
};

#define PXR_CALL_IF(call, arg, bits, is) {.name = call, .argument = arg, .mask = bits, .value = is}
#define PXR_CALL_IF_INT(call, arg, is) PXR_CALL_IF(call, arg, PXR_CALL_INT, (uint32_t)(is))

/* What becomes of all other calls. */
enum pxr_call_else {
    PXR_CALL_ENDS_PROCESS, /* SIGSYS                                                                               */
    PXR_CALL_FAILS         /* ENOSYS, as on a system that does not have the call: libraries are prepared for that    */
};

/* Why there is no such limit (built without libseccomp, not in this kernel), or NULL. */
const char *pxr_calls_refusal(void);

/* From now on all threads of this process, and whatever they start, may make only these calls; calls in the manner of
 * another architecture (32 bit, x32) end the process.  Sets no_new_privs.  Cannot be undone.  There must be no refusal.
 * NOMEM; IO: the system's error. */
enum pxr_err pxr_calls_limit(const struct pxr_call *allowed, size_t n_allowed, enum pxr_call_else otherwise,
                             struct pxr_diag *diag);

#endif
