#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Strangers build against an installation: with find_package, with pkg-config (shared and static), and
# with this tree as a folder of theirs, which must install nothing of ours.  Usage: consume.sh BUILD_FOLDER
set -euo pipefail
export LC_ALL=C
build=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$work/moved" >/dev/null
cp -r moved "installed here" # it can be moved, even to a name with a space
rm -rf moved
prefix="$work/installed here"
for file in bin/pixelrain include/pixelrain.h share/man/man1/pixelrain.1 share/man/man3/pixelrain.3 \
    share/man/man5/pixelrain-format.5; do
    [ -e "$prefix/$file" ] || fail "$file is not installed"
done
lib=$(dirname "$(find "$prefix" -name libpixelrain.so)")
LD_LIBRARY_PATH=$lib # what a system's linker would find by itself
export LD_LIBRARY_PATH
works() { # PROGRAM
    "$1" "$work/a.pxr" 5 >/dev/null
    "$prefix/bin/pixelrain" check -q --deep "$work/a.pxr" || fail "$1 writes something else"
}

# ---- find_package
mkdir theirs
cp "$root/examples/write_archive.c" theirs/
cat >theirs/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(theirs C)
find_package(PixelRain 0.1 REQUIRED)
add_executable(shared write_archive.c)
target_link_libraries(shared PRIVATE PixelRain::pixelrain)
add_executable(static write_archive.c)
target_link_libraries(static PRIVATE PixelRain::pixelrain_static)
END
if ! { cmake -S theirs -B with-cmake -DCMAKE_PREFIX_PATH="$prefix" && cmake --build with-cmake; } >log 2>&1; then
    cat log
    fail "find_package"
fi
works with-cmake/shared
works with-cmake/static
grep -q 'NEEDED.*libpixelrain\.so\.0' <(readelf -d with-cmake/shared) || fail "the shared library is not linked"
! grep -q libpixelrain <(readelf -d with-cmake/static) || fail "the static library is not linked"

# ---- pkg-config
export PKG_CONFIG_PATH=$lib/pkgconfig
[ "$(pkg-config --modversion pixelrain)" = "$PXR_VERSION" ] || fail "version of pixelrain.pc"
# It escapes spaces for a shell.
eval "cc theirs/write_archive.c $(pkg-config --cflags --libs pixelrain) -o with-pc"
works ./with-pc
eval "cc theirs/write_archive.c $(pkg-config --cflags --libs --static pixelrain | sed 's/-lpixelrain/-l:libpixelrain.a/') -o with-pc-static"
works ./with-pc-static
! grep -q libpixelrain <(readelf -d with-pc-static) || fail "the static library is not linked with pkg-config --static"

# ---- the example of the manual page
sed -n '/^\.EX$/,/^\.EE$/{/^\.E/d;s/\\(rs/\\/g;p}' "$root/man/pixelrain.3" >manual.c
eval "cc -Wall -Wextra -Werror manual.c $(pkg-config --cflags --libs pixelrain) -o manual"
with-cmake/shared reel.pxr 43 >/dev/null
"$prefix/bin/pixelrain" cat --frame 42 --format raw reel.pxr >frame42
[ "$(./manual)" = "$(od -A n -t u2 -N 2 frame42 | tr -d ' ')" ] ||
    fail "the example of pixelrain(3) prints '$(./manual)'"

# ---- a folder of theirs.  Configured, not built: what would be built is what was tested above.
mkdir subproject
cat >subproject/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.20)
project(subproject C)
add_subdirectory("$root" pixelrain)
add_executable(program "$root/examples/write_archive.c")
target_link_libraries(program PRIVATE PixelRain::pixelrain)
END
cmake -S subproject -B with-folder >log 2>&1 || { cat log; fail "add_subdirectory"; }
cmake --build with-folder --target help >targets
grep -q program targets || fail "no target for the program"
! grep -qE 'test_|reelsim' targets || fail "a subproject builds our tests"
DESTDIR=$work/dest cmake --install with-folder >/dev/null
[ ! -e "$work/dest" ] || fail "a subproject installs $(find "$work/dest" -type f)"
echo "CONSUME ok"
