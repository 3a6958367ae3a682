#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shared library exports the functions of include/pixelrain.h, those of packaging/libpixelrain.symbols,
# and nothing else.  Usage: symbols.sh BUILD_FOLDER [--update]; the latter writes the list anew.
set -euo pipefail
export LC_ALL=C
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
list=packaging/libpixelrain.symbols
library=$build/lib/libpixelrain.so

if [ "${2:-}" = --update ]; then
    nm -D --defined-only "$library" | awk '{ print $3 }' | sort >"$list"
fi
diff -u "$list" <(nm -D --defined-only "$library" | awk '{ print $3 }' | sort) || {
    echo "the library does not export what $list says: a new function needs its line there (--update)," \
        "one that is gone or changed needs a new soname" >&2
    exit 1
}
diff -u "$list" <(grep -oE '^PXR_API[^(]*\(' include/pixelrain.h | grep -oE 'pxr_\w+\($' | tr -d '(' | sort) || {
    echo "include/pixelrain.h does not declare what $list says" >&2
    exit 1
}
grep -q 'SONAME.*\[libpixelrain\.so\.0\]' <(readelf -d "$library") || { echo "the soname is not libpixelrain.so.0" >&2; exit 1; }
n=$(wc -l <"$list")
[ "$n" -gt 20 ]
echo "SYMBOLS $n exported and declared"
