#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Debian packages: what lintian says, what is in them, installed and removed in a folder.
# Usage: deb.sh FOLDER_OF_PACKAGES
set -euo pipefail
export LC_ALL=C
packages=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
shopt -s nullglob
debs=("$packages"/*.deb)
[ "${#debs[@]}" = 3 ] || fail "${#debs[@]} packages, not 3"

# ---- lintian.  What is overridden, and why:
# initial-upload-closes-no-bugs: these packages are not in Debian, and close no bugs of it.
# packaging/debian.cmake overrides one more, and says why.
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "${debs[@]}" >"$work/lintian" 2>&1 ||
        { cat "$work/lintian" >&2; fail "lintian"; }
    [ ! -s "$work/lintian" ] || { cat "$work/lintian" >&2; fail "lintian says something"; }
else
    echo "lintian is not installed: not asked"
fi

# ---- what is in them
contents() { dpkg-deb --fsys-tarfile "$packages/$1"_*.deb | tar -t | sed -n 's|^\./||;/[^/]$/p' | sort; }
contents pixelrain >"$work/tool"
contents libpixelrain0 >"$work/library"
contents libpixelrain-dev >"$work/dev"
for file in usr/bin/pixelrain usr/sbin/mount.pixelrain usr/share/man/man1/pixelrain.1.gz usr/share/man/man8/mount.pixelrain.8.gz \
    usr/share/man/man5/pixelrain-format.5.gz usr/share/mime/packages/pixelrain.xml usr/share/thumbnailers/pixelrain.thumbnailer \
    usr/share/bash-completion/completions/pixelrain usr/share/zsh/vendor-completions/_pixelrain \
    usr/share/fish/vendor_completions.d/pixelrain.fish usr/share/doc/pixelrain/README.md \
    usr/share/doc/pixelrain/examples/mounting/fstab; do
    grep -qxF "$file" "$work/tool" || fail "pixelrain lacks $file"
done
grep -qE '^usr/lib/[^/]+/libpixelrain\.so\.0$' "$work/library" || fail "libpixelrain0 lacks libpixelrain.so.0"
for pattern in 'usr/include/pixelrain\.h' 'usr/lib/[^/]+/libpixelrain\.(so|a)' 'usr/lib/[^/]+/pkgconfig/pixelrain\.pc' \
    'usr/lib/[^/]+/cmake/PixelRain/PixelRainConfig\.cmake' 'usr/share/man/man3/pixelrain\.3\.gz' \
    'usr/share/doc/libpixelrain-dev/examples/camera_loop\.c'; do
    grep -qxE "$pattern" "$work/dev" || fail "libpixelrain-dev lacks $pattern"
done
sort "$work/tool" "$work/library" "$work/dev" | uniq -d >"$work/twice"
[ ! -s "$work/twice" ] || fail "in two packages: $(cat "$work/twice")"
depends() { dpkg-deb -f "$packages/$1"_*.deb Depends; }
[[ $(depends pixelrain) == *libfuse3-3* && $(depends pixelrain) == *libpng16* ]] || fail "pixelrain depends on $(depends pixelrain)"
[[ $(depends libpixelrain-dev) == *"libpixelrain0 (= "* ]] || fail "libpixelrain-dev depends on $(depends libpixelrain-dev)"

# ---- installed in a folder, run, removed.  Unpacking needs no other packages; clean_debian.sh has them.
if [ "$(id -u)" = 0 ]; then
    target=$work/root
    mkdir -p "$target/var/lib/dpkg/"{info,updates,triggers} "$target/usr/bin" "$target/usr/sbin"
    : >"$target/var/lib/dpkg/status"
    : >"$target/var/lib/dpkg/available"
    ln -s usr/sbin "$target/sbin" # as on every Debian 12: mount(8) looks there
    with_dpkg() { dpkg --root="$target" --force-depends --force-script-chrootless --log=/dev/null "$@" >"$work/dpkg" 2>&1 || { cat "$work/dpkg" >&2; fail "dpkg $*"; }; }
    with_dpkg -i "${debs[@]}"
    [ -x "$target/sbin/mount.pixelrain" ] || fail "mount(8) would not find its helper"
    "$target/usr/bin/pixelrain" --version >/dev/null
    LD_LIBRARY_PATH=$(dirname "$target"/usr/lib/*/libpixelrain.so.0)
    export LD_LIBRARY_PATH
    cc "$target/usr/share/doc/libpixelrain-dev/examples/write_archive.c" -I "$target/usr/include" -L "$LD_LIBRARY_PATH" -lpixelrain -o "$work/write"
    "$work/write" "$work/a.pxr" 3 >/dev/null
    "$target/usr/bin/pixelrain" check -q --deep "$work/a.pxr"
    /usr/bin/python3 -B "$target/usr/share/doc/libpixelrain-dev/examples/read_with_ctypes.py" "$work/a.pxr" >/dev/null
    unset LD_LIBRARY_PATH
    # As a file manager would: into a file that is there already.
    : >"$work/thumbnail.png"
    read -ra thumbnailer < <(sed -n "s|%s|64|; s|%o|$work/thumbnail.png|; s|%i|$work/a.pxr|; s/^Exec=//p" \
        "$target/usr/share/thumbnailers/pixelrain.thumbnailer")
    PATH=$target/usr/bin:$PATH "${thumbnailer[@]}"
    [ "$(head -c 4 "$work/thumbnail.png" | tail -c 3)" = PNG ] || fail "the thumbnailer draws no PNG"
    with_dpkg -P pixelrain libpixelrain-dev libpixelrain0
    find "$target" -name '*pixelrain*' | grep -v '/var/lib/dpkg/' >"$work/left" || true
    [ ! -s "$work/left" ] || fail "removing leaves $(cat "$work/left")"
else
    echo "not root: not installed in a folder"
fi

# ---- desktop files
cd "$root"
if command -v xmllint >/dev/null; then
    xmllint --noout packaging/pixelrain.xml
fi
if command -v update-mime-database >/dev/null; then
    mkdir -p "$work/mime/packages"
    cp packaging/pixelrain.xml "$work/mime/packages/"
    update-mime-database "$work/mime" >"$work/said" 2>&1 || { cat "$work/said" >&2; fail "update-mime-database"; }
    # The magic, as the compiled database has it, is how a golden archive begins.
    head -c 8 tests/golden/smallest.pxr >"$work/begin"
    grep -qF "$(sed -n 1,2p "$work/begin" | tr -d '\r\n\032')" <(tr -d '\r\n\032' <"$work/mime/magic") || fail "the magic of the MIME type"
    grep -q '^application/x-pixelrain:\*\.pxr$' "$work/mime/globs" || fail "the glob of the MIME type"
fi
grep -q '^Where=/mnt/frames$' examples/mounting/mnt-frames.mount || fail "systemd wants the file's name in Where="
echo "DEB ${#debs[@]} packages ok"
