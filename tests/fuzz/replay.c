/* SPDX-License-Identifier: MIT
 * A fuzz target without a fuzzer: run it over the files given, and over all files of folders. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static size_t n_run, n_unreadable;

static void run_file(const char *path, size_t n_bytes)
{
    /* Exactly as large as the input, so that a sanitizer sees each byte read beyond it. */
    uint8_t *bytes = malloc(n_bytes ? n_bytes : 1);
    FILE *f = fopen(path, "rb");
    if (!bytes || !f || fread(bytes, 1, n_bytes, f) != n_bytes) {
        perror(path);
        n_unreadable++;
    } else {
        LLVMFuzzerTestOneInput(bytes, n_bytes);
        n_run++;
    }
    if (f)
        fclose(f);
    free(bytes);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void run_path(const char *path)
{
    struct stat st;
    struct dirent **entries;
    if (stat(path, &st)) {
        perror(path);
        n_unreadable++;
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        run_file(path, (size_t)st.st_size);
        return;
    }
    const int n = scandir(path, &entries, is_visible, alphasort);
    for (int i = 0; i < n; i++) {
        char *child = NULL;
        if (asprintf(&child, "%s/%s", path, entries[i]->d_name) >= 0)
            run_path(child);
        free(child);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    const char *name = strrchr(argv[0], '/');
    printf("REPLAY %s: %zu files run, %zu unreadable\n", name ? name + 1 : argv[0], n_run,
           n_unreadable);
    return n_run && !n_unreadable ? 0 : 1;
}
