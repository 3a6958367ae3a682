#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mount -t pixelrain, as fstab would call it. Where mount.pixelrain is not installed it is put into
# /usr/sbin of a mount namespace of our own.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

[ "$(id -u)" = 0 ] || skip "needs root"
if [ ! -x /sbin/mount.pixelrain ]; then
    [ "${PXR_IN_NAMESPACE:-}" != 1 ] || fail "/sbin/mount.pixelrain is not there"
    mkdir "$work/sbin"
    export PXR_IN_NAMESPACE=1
    status=0
    # The tmpfs: an overlay cannot have its upper folder on another overlay.
    # shellcheck disable=SC2016 # for the inner shell
    unshare -m sh -c 'mount -t tmpfs none "$1/sbin" && mkdir "$1/sbin/upper" "$1/sbin/work" &&
        mount -t overlay none /usr/sbin \
            -o "lowerdir=/usr/sbin,upperdir=$1/sbin/upper,workdir=$1/sbin/work" &&
        ln -s "$2/mount.pixelrain" /usr/sbin/ || exit 77
        exec "$0" "$2"' "$0" "$work" "$bin" || status=$?
    [ "$status" != 77 ] || skip "mount.pixelrain is not installed, and there is no overlay"
    exit "$status"
fi

"$bin/reelsim" -W 40 -H 30 -n 5 -o "$work/source"
"$bin/pixelrain" pack -q "$work/source" -o "$work/a.pxr"
mkdir "$work/m"
mounts+=("$work/m")
mount -t pixelrain "$work/a.pxr" "$work/m"
diff -r "$work/source" "$work/m/pgm"
umount "$work/m"
echo "$work/a.pxr $work/m pixelrain ro,nofail,noauto,user,_netdev,x-systemd.automount,view=pgm 0 0" >"$work/fstab"
mount -T "$work/fstab" "$work/m"
diff -r "$work/source" "$work/m"
umount "$work/m"
# The lines of examples/mounting, with our archive and folder.
grep -v '^#' "$here/../../examples/mounting/fstab" | sed "s|^[^ ]* [^ ]*|$work/a.pxr $work/m|" >"$work/lines"
[ "$(wc -l <"$work/lines")" = 3 ] || fail "examples/mounting/fstab"
while read -r line; do
    echo "$line" >"$work/fstab"
    mount -T "$work/fstab" "$work/m" || fail "$line"
    [ -e "$work/m/reel_000001.png" ] || cmp "$work/source/reel_000001.pgm" "$work/m/pgm/reel_000001.pgm"
    umount "$work/m"
done <"$work/lines"
cd "$work"
mount -v -t pixelrain -o views=png:raw a.pxr m
[ "$(ls m)" = "$(printf 'info.json\npng\nraw')" ] || fail "mount -t pixelrain -o views=png:raw"
umount m
expect 2 mount -t pixelrain -o bogus "$work/a.pxr" "$work/m"
said bogus
expect 3 mount -t pixelrain "$work/missing.pxr" "$work/m"
said missing.pxr
echo "INSTALLED ok"
