#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The man pages are there, and groff formats them without a warning.
set -euo pipefail
cd "$(dirname "$0")/../../man"
command -v man >/dev/null || { echo "man is not installed"; exit 77; }
n_failed=0
for page in pixelrain.1 pixelrain.3 mount.pixelrain.8 pixelrain-format.5; do
    [ -e "$page" ] || { echo "$page is missing" >&2; n_failed=$((n_failed + 1)); }
done
shopt -s nullglob
pages=(*.[1-9])
for page in "${pages[@]}"; do
    # A minimised Debian has no man pages but still man; MANROFFSEQ= because a page has no tables by itself.
    warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" \
        2>&1 >/dev/null) || true
    if [ -n "$warnings" ]; then
        printf '%s\n' "$warnings" >&2
        n_failed=$((n_failed + 1))
    fi
    grep -q '^\.SH "\?EXIT STATUS' "$page" || [ "$page" = pixelrain-format.5 ] ||
        { echo "$page: no EXIT STATUS section" >&2; n_failed=$((n_failed + 1)); }
done
echo "MAN ${#pages[@]} pages, $n_failed complaints"
[ "${#pages[@]}" -gt 0 ] && [ "$n_failed" -eq 0 ]
