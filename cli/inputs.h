/* SPDX-License-Identifier: MIT
 * The files that pack was asked to read, in order: operands, and folders in natural order. */
#ifndef PXR_CLI_INPUTS_H
#define PXR_CLI_INPUTS_H

#include "pixelrain.h"

#include "buffer.h"

struct pxr_cli_names;

/* 10^7 files must fit in memory: names lie in one buffer, the name of a folder only once. */
struct pxr_input {
    uint64_t name_off : 48;    /* in names                                                      */
    uint64_t is_in_folder : 1; /* found there, not named by the user                            */
    uint64_t is_folder : 1;    /* only while folders are being expanded                         */
    uint64_t is_stream : 1;    /* standard input, a pipe: can be read only once, from the start */
    uint64_t dir_off;          /* in names                                                      */
};

/* Zero-initialise. */
struct pxr_inputs {
    struct pxr_input *items;
    size_t n_items, capacity;
    struct pxr_buffer names;
    bool is_recursive;
    bool has_stdin;
    uint64_t n_folders_not_entered;
    struct pxr_cli_names *skipped; /* or NULL: gets what is neither file nor folder: sockets, devices in folders */
};

/* Add one operand: "-", a file, or a folder. */
enum pxr_err pxr_inputs_add(struct pxr_inputs *list, const char *operand, struct pxr_diag *diag);
/* Add each line of a file ("-": standard input) as an operand; where it holds NUL characters, they end
 * the paths (find -print0).  Empty lines are passed over. */
enum pxr_err pxr_inputs_add_list(struct pxr_inputs *list, const char *path, struct pxr_diag *diag);
/* Path of an item: false where it is longer than PATH_MAX.  "-" for standard input. */
bool pxr_inputs_path(const struct pxr_inputs *list, size_t i, char *dst, size_t dst_bytes);
/* Its last component. */
const char *pxr_inputs_name(const struct pxr_inputs *list, size_t i);
void pxr_inputs_fini(struct pxr_inputs *list);

/* Order in which people number files: runs of digits compare as numbers, all else as bytes.  Total:
 * 0 only for equal strings. */
int pxr_natural_compare(const char *a, const char *b);

#endif
