/* SPDX-License-Identifier: MIT
 * Command line options from one table that also writes the help text. */
#ifndef PXR_UTIL_OPTION_H
#define PXR_UTIL_OPTION_H

#include "pixelrain.h"

enum pxr_option_kind {
    PXR_OPT_FLAG,   /* bool                                                        */
    PXR_OPT_TEXT,   /* const char *: points into argv                              */
    PXR_OPT_UINT,   /* uint64_t, decimal, between min and max                      */
    PXR_OPT_BYTES,  /* uint64_t with an optional suffix K, M, G or T (powers of 1024) */
    PXR_OPT_CHOICE, /* int: index into choices                                     */
};

struct pxr_option {
    const char *name;  /* long, without dashes; NULL ends a table       */
    char letter;       /* or 0                                          */
    enum pxr_option_kind kind;
    void *value;       /* of the type that the kind says                */
    const char *arg;   /* how help calls the argument: "FILE"           */
    const char *help;  /* one sentence, may hold newlines               */
    const char *const *choices; /* CHOICE: NULL-terminated              */
    uint64_t min, max;          /* UINT, BYTES; max 0: no limit         */
    bool *is_set;      /* or NULL: becomes true when the option was given */
};

/* Rows of a table. */
#define PXR_OPTION_FLAG(name_, letter_, value_, help_)                                             \
    {.name = (name_), .letter = (letter_), .value = (value_), .help = (help_)}
#define PXR_OPTION_TEXT(name_, letter_, value_, arg_, help_)                                       \
    {.name = (name_), .letter = (letter_), .kind = PXR_OPT_TEXT, .value = (value_),                \
     .arg = (arg_), .help = (help_)}
#define PXR_OPTION_UINT(name_, letter_, value_, arg_, min_, max_, help_)                           \
    {.name = (name_), .letter = (letter_), .kind = PXR_OPT_UINT, .value = (value_),                \
     .arg = (arg_), .help = (help_), .min = (min_), .max = (max_)}
#define PXR_OPTION_BYTES(name_, letter_, value_, help_)                                            \
    {.name = (name_), .letter = (letter_), .kind = PXR_OPT_BYTES, .value = (value_),               \
     .arg = "BYTES", .help = (help_)}
#define PXR_OPTION_CHOICE(name_, letter_, value_, arg_, choices_, help_)                           \
    {.name = (name_), .letter = (letter_), .kind = PXR_OPT_CHOICE, .value = (value_),              \
     .arg = (arg_), .help = (help_), .choices = (choices_)}

/* Parse argv[1..argc).  Options and operands may be mixed; "--" ends options.  Operands are moved to
 * the front: argv[1 .. 1 + *n_operands).  INVALID with a sentence in diag. */
enum pxr_err pxr_options_parse(const struct pxr_option *table, int argc, char **argv,
                               int *n_operands, struct pxr_diag *diag);
/* The option list of --help, on standard output. */
void pxr_options_help(const struct pxr_option *table);

/* Decimal digits only, within [min, max]. */
bool pxr_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out);
/* The same with a suffix K, M, G, T. */
bool pxr_parse_bytes(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* Letters to insert, delete, replace or swap to turn one word into the other; UINT_MAX: too long. */
unsigned pxr_word_distance(const char *a, const char *b);
#define PXR_WORD_NEAR 2 /* up to this distance a word was probably meant */

#endif
