/* SPDX-License-Identifier: MIT
 * The names of an archive that is being written: which are taken, and the tables that find them. */
#include "nametable.h"

#include "diag.h"

#include <stdlib.h>

/* ---- names that are taken ----------------------------------------------------------------------- */

static uint64_t hash_name(const struct pxr_name_split *name)
{
    const uint64_t parts[2] = {pxr_name_key(name), name->counter};
    const uint64_t h = pxr_xxh3_64(parts, sizeof parts);
    return h ? h : 1;
}

static uint64_t *find_slot(const struct pxr_name_set *s, uint64_t hash)
{
    size_t i = (size_t)hash & (s->n_slots - 1);
    while (s->slots[i] && s->slots[i] != hash)
        i = (i + 1) & (s->n_slots - 1);
    return &s->slots[i];
}

bool pxr_name_set_has(const struct pxr_name_set *s, const struct pxr_name_split *name)
{
    return s->n_slots && *find_slot(s, hash_name(name));
}

static bool grow(struct pxr_name_set *s)
{
    struct pxr_name_set larger = {.n_slots = s->n_slots ? 2 * s->n_slots : 1024,
                                  .n_names = s->n_names};
    larger.slots = pxr_alloc_zero(larger.n_slots, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i])
            *find_slot(&larger, s->slots[i]) = s->slots[i];
    pxr_free(s->slots);
    *s = larger;
    return true;
}

bool pxr_name_set_add(struct pxr_name_set *s, const struct pxr_name_split *name)
{
    if (2 * (s->n_names + 1) > s->n_slots && !grow(s))
        return false;
    *find_slot(s, hash_name(name)) = hash_name(name);
    s->n_names++;
    return true;
}

void pxr_name_set_fini(struct pxr_name_set *s)
{
    pxr_free(s->slots);
    *s = (struct pxr_name_set){0};
}

/* ---- pending entries ---------------------------------------------------------------------------- */

/* Extend a by b where b continues it. */
static bool join_entries(struct pxr_name_entry *a, const struct pxr_name_entry *b)
{
    if (a->key != b->key || b->counter != a->counter + a->n_names ||
        b->frame != a->frame + a->n_names || b->n_names > UINT32_MAX - a->n_names)
        return false;
    a->n_names += b->n_names;
    return true;
}

bool pxr_name_pending_add(struct pxr_name_pending *p, const struct pxr_name_entry *run)
{
    if (p->n_entries && join_entries(&p->entries[p->n_entries - 1], run))
        return true;
    if (!pxr_reserve(&p->entries, &p->capacity, p->n_entries + 1, sizeof *p->entries))
        return false;
    p->entries[p->n_entries++] = *run;
    return true;
}

void pxr_name_pending_fini(struct pxr_name_pending *p)
{
    pxr_free(p->entries);
    *p = (struct pxr_name_pending){0};
}

static int compare_entries(const void *x, const void *y)
{
    const struct pxr_name_entry *a = x, *b = y;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->counter < b->counter ? -1 : a->counter > b->counter;
}

/* ---- merging ------------------------------------------------------------------------------------ */

/* One sorted source: a table in the file, or the pending entries. */
struct source {
    struct pxr_name_walk *walk; /* NULL: the pending entries */
    const struct pxr_name_entry *next_pending, *end_pending;
    struct pxr_name_entry head;
    bool has_head;
};

static enum pxr_err advance(struct source *s, struct pxr_diag *diag)
{
    if (s->walk)
        return pxr_name_walk_next(s->walk, &s->head, &s->has_head, diag);
    s->has_head = s->next_pending < s->end_pending;
    if (s->has_head)
        s->head = *s->next_pending++;
    return PXR_OK;
}

static struct source *lowest(struct source *sources, uint32_t n)
{
    struct source *best = NULL;
    for (uint32_t i = 0; i < n; i++)
        if (sources[i].has_head && (!best || compare_entries(&sources[i].head, &best->head) < 0))
            best = &sources[i];
    return best;
}

static enum pxr_err merge(struct source *sources, uint32_t n, struct pxr_tree *tree,
                          struct pxr_emit *to, uint64_t *n_entries, struct pxr_diag *diag)
{
    struct pxr_name_entry held = {0};
    bool has_held = false;
    enum pxr_err e = PXR_OK;
    for (uint32_t i = 0; i < n && e == PXR_OK; i++)
        e = advance(&sources[i], diag);
    *n_entries = 0;
    for (struct source *s; e == PXR_OK && (s = lowest(sources, n)); e = advance(s, diag)) {
        if (has_held && join_entries(&held, &s->head))
            continue;
        if (has_held && (e = pxr_tree_add_name(tree, to, &held, diag)) != PXR_OK)
            return e;
        held = s->head;
        has_held = true;
        ++*n_entries;
    }
    return e == PXR_OK && has_held ? pxr_tree_add_name(tree, to, &held, diag) : e;
}

enum pxr_err pxr_name_tables_write(struct pxr_name_pending *p, struct pxr_emit *to,
                                   struct pxr_root *root, struct pxr_diag *diag)
{
    if (!p->n_entries)
        return PXR_OK;
    qsort(p->entries, p->n_entries, sizeof *p->entries, compare_entries);
    uint32_t first = root->n_tables; /* tables from here on are merged into the new one */
    uint64_t n_new = p->n_entries;
    while (first && root->tables[first - 1].n_entries <= n_new)
        n_new += root->tables[--first].n_entries;
    const uint32_t n_sources = root->n_tables - first + 1;
    if (first + 1 > PXR_ROOT_MAX_TABLES)
        return pxr_fail(diag, PXR_E_LIMIT, "too many name tables");
    struct source *sources = pxr_alloc_zero(n_sources, sizeof *sources);
    struct pxr_tree *tree = pxr_alloc(sizeof *tree);
    struct pxr_name_table table = {0};
    enum pxr_err e = sources && tree ? PXR_OK : pxr_fail_nomem(diag, sizeof *tree);
    if (e != PXR_OK)
        goto done;
    pxr_tree_init(tree, true);
    sources[0].next_pending = p->entries;
    sources[0].end_pending = p->entries + p->n_entries;
    for (uint32_t i = 1; i < n_sources && e == PXR_OK; i++)
        e = pxr_name_walk_new(&sources[i].walk, &to->file, &root->tables[first + i - 1].top,
                              to->end_off, diag);
    if (e == PXR_OK)
        e = merge(sources, n_sources, tree, to, &table.n_entries, diag);
    if (e == PXR_OK)
        e = pxr_tree_finish(tree, to, &table.top, diag);
    if (e == PXR_OK) {
        root->tables[first] = table;
        root->n_tables = first + 1;
        p->n_entries = 0;
    }
done:
    for (uint32_t i = 1; sources && i < n_sources; i++)
        pxr_name_walk_free(sources[i].walk);
    pxr_free(sources);
    pxr_free(tree);
    return e;
}
