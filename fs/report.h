/* SPDX-License-Identifier: MIT
 * The two JSON files of the mount: info.json and .pixelrain/stats.json. */
#ifndef PXR_FS_REPORT_H
#define PXR_FS_REPORT_H

#include "server.h"

/* The facts of the archive; *out is freed with pxr_free and not NUL-terminated. */
enum pxr_err pxr_report_info(const struct pxr_server *s, const struct pxr_snapshot *v, char **out, size_t *out_bytes,
                             struct pxr_diag *diag);

/* The counters of this moment, padded with spaces: the size must be known before they are. */
#define PXR_STATS_BYTES 1024u
bool pxr_report_stats(const struct pxr_server *s, const struct pxr_snapshot *v, char dst[PXR_STATS_BYTES]);

#endif
