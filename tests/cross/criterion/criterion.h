/* SPDX-License-Identifier: MIT
 * The part of Criterion that the tests of the block codecs use, for targets without libraries: one test file makes
 * one program, and each test runs in a process of its own.  Timeouts are not kept. */
#ifndef PXR_TEST_CROSS_CRITERION_H
#define PXR_TEST_CROSS_CRITERION_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct criterion_test {
    const char *name;
    void (*run)(void);
} criterion_tests[100];
static unsigned criterion_n_tests;
static bool criterion_failed; /* what the running test expected did not come */

#define Test(suite, name, ...)                                                                     \
    static void suite##_##name(void);                                                              \
    static __attribute__((constructor)) void add_##suite##_##name(void)                            \
    {                                                                                              \
        if (criterion_n_tests == sizeof criterion_tests / sizeof *criterion_tests)                 \
            abort();                                                                               \
        criterion_tests[criterion_n_tests++] = (struct criterion_test){#suite "/" #name, suite##_##name}; \
    }                                                                                              \
    static void suite##_##name(void)

static inline __attribute__((format(printf, 5, 6))) void criterion_check(bool is_good, bool is_fatal, int line,
                                                                         const char *text, const char *format, ...)
{
    va_list values;
    if (is_good)
        return;
    printf("line %d: %s:", line, text);
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    printf("\n");
    criterion_failed = true;
    if (is_fatal)
        exit(1);
}

#define cr_assert(v, ...) criterion_check(v, true, __LINE__, #v, " " __VA_ARGS__)
#define cr_assert_eq(a, b, ...) criterion_check((a) == (b), true, __LINE__, #a " == " #b, " " __VA_ARGS__)
#define cr_assert_lt(a, b, ...) criterion_check((a) < (b), true, __LINE__, #a " < " #b, " " __VA_ARGS__)
#define cr_assert_leq(a, b, ...) criterion_check((a) <= (b), true, __LINE__, #a " <= " #b, " " __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) criterion_check(!strcmp(a, b), true, __LINE__, #a " is " #b, " " __VA_ARGS__)
#define cr_expect(v, ...) criterion_check(v, false, __LINE__, #v, " " __VA_ARGS__)
#define cr_expect_not(v, ...) criterion_check(!(v), false, __LINE__, "not " #v, " " __VA_ARGS__)
#define cr_expect_eq(a, b, ...) criterion_check((a) == (b), false, __LINE__, #a " == " #b, " " __VA_ARGS__)
#define cr_expect_neq(a, b, ...) criterion_check((a) != (b), false, __LINE__, #a " != " #b, " " __VA_ARGS__)
#define cr_expect_lt(a, b, ...) criterion_check((a) < (b), false, __LINE__, #a " < " #b, " " __VA_ARGS__)
#define cr_expect_leq(a, b, ...) criterion_check((a) <= (b), false, __LINE__, #a " <= " #b, " " __VA_ARGS__)
#define cr_expect_gt(a, b, ...) criterion_check((a) > (b), false, __LINE__, #a " > " #b, " " __VA_ARGS__)
#define cr_expect_geq(a, b, ...) criterion_check((a) >= (b), false, __LINE__, #a " >= " #b, " " __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) criterion_check(!strcmp(a, b), false, __LINE__, #a " is " #b, " " __VA_ARGS__)

static inline bool criterion_run(unsigned i)
{
    int status;
    fflush(stdout);
    const pid_t child = fork();
    if (!child) {
        criterion_tests[i].run();
        exit(criterion_failed);
    }
    const bool is_good = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    if (!is_good)
        printf("FAILED: %s\n", criterion_tests[i].name);
    return is_good;
}

/* Arguments: parts of the names of tests that shall run. */
int main(int argc, char **argv)
{
    unsigned n_run = 0, n_good = 0;
    for (unsigned i = 0; i < criterion_n_tests; i++) {
        bool is_wanted = argc < 2;
        for (int a = 1; a < argc; a++)
            is_wanted = is_wanted || strstr(criterion_tests[i].name, argv[a]);
        if (is_wanted) {
            n_run++;
            n_good += criterion_run(i);
        }
    }
    printf("%u of %u tests\n", n_good, n_run);
    return !n_run || n_good < n_run;
}

#endif
