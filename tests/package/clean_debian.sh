#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The packages in a Debian that has nothing else: installed with apt from where this machine has its
# packages from, the demo's steps, a program built against the library, and everything removed again.
# Needs root, debootstrap, and a mirror.  Usage: clean_debian.sh FOLDER_OF_PACKAGES REELSIM
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
packages=$(cd "$1" && pwd)
reelsim=$(realpath "$2")
skip() { echo "SKIPPED: $*"; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || skip "needs root"
command -v debootstrap >/dev/null || skip "needs debootstrap"
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
work=$(mktemp -d)
target=$work/debian
cleanup() {
    local status=$?
    cd /
    umount -l "$target/mnt" "$target/dev" "$target/proc" 2>/dev/null
    rm -rf --one-file-system "$work"
    exit "$status"
}
trap cleanup EXIT
inside() { chroot "$target" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
# Packages come from where this machine gets them, signed or not as it is used to.
# shellcheck disable=SC2016 # for apt-get
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | sed -n 1p)
[ -n "$mirror" ] || skip "apt knows no mirror"

echo "a fresh $release..."
debootstrap --variant=minbase "$release" "$target" "$mirror" >"$work/log" 2>&1 ||
    { tail -n 5 "$work/log" >&2; skip "debootstrap cannot reach a mirror"; }
cp -rL /etc/apt/. "$target/etc/apt/"
cp /etc/resolv.conf /etc/hosts "$target/etc/"
mount --bind /dev "$target/dev"
mount -t proc none "$target/proc"
inside apt-get update -q >>"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; skip "no package lists"; }

echo "the packages..."
mkdir "$target/packages"
cp "$packages"/*.deb "$target/packages/"
inside sh -c 'apt-get install -q -y --no-install-recommends /packages/pixelrain_*.deb' >>"$work/log" 2>&1 ||
    { tail -n 20 "$work/log" >&2; fail "apt-get install pixelrain"; }

echo "the demo's steps..."
"$reelsim" --frames 60 --width 320 --height 240 -o "$target/reel"
inside pixelrain pack reel -o reel.pxr
grep -q '^frames  *60' <(inside pixelrain info reel.pxr) || fail "info"
inside pixelrain check -q --deep reel.pxr
inside pixelrain extract -q reel.pxr -o out --format pgm
diff -r "$target/reel" "$target/out"
if (exec 3<>/dev/fuse) 2>/dev/null; then
    inside mount -t pixelrain reel.pxr /mnt # mount(8) finds the helper
    diff -r "$target/reel" "$target/mnt/pgm"
    inside umount /mnt
    inside pixelrain mount reel.pxr /mnt
    cmp "$target/reel/reel_000059.pgm" "$target/mnt/pgm/reel_000059.pgm"
    inside umount /mnt
else
    echo "no /dev/fuse: not mounted"
fi

echo "a program against the library..."
inside sh -c 'apt-get install -q -y --no-install-recommends /packages/libpixelrain0_*.deb /packages/libpixelrain-dev_*.deb \
    gcc libc6-dev pkg-config python3-minimal' >>"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; fail "apt-get install libpixelrain-dev"; }
# shellcheck disable=SC2016 # for the shell inside
inside sh -c 'cd /usr/share/doc/libpixelrain-dev/examples && for e in write_archive read_archive camera_loop; do
    gcc $e.c $(pkg-config --cflags --libs pixelrain) -pthread -o /tmp/$e || exit 1; done
    gcc write_archive.c $(pkg-config --static --cflags --libs pixelrain) -static -o /tmp/static'
inside /tmp/write_archive waves.pxr 20
inside /tmp/static waves2.pxr 20
cmp "$target/waves.pxr" "$target/waves2.pxr"
inside /tmp/read_archive waves.pxr region 19 0 0 4 1
inside /tmp/camera_loop camera.pxr 30 30

echo "and all away..."
inside sh -c "apt-get purge -q -y 'pixelrain' 'libpixelrain*' && apt-get autoremove --purge -q -y" >>"$work/log" 2>&1 ||
    { tail -n 20 "$work/log" >&2; fail "apt-get purge"; }
find "$target/usr" "$target/etc" "$target/var" -name '*pixelrain*' -not -path '*/var/log/*' | grep . >&2 && fail "files are left"
inside dpkg -l | grep pixelrain >&2 && fail "packages are left"
echo "CLEAN DEBIAN ok"
