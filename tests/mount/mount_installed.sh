#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mount -t pixelrain, as fstab would call it. Needs root and an installed mount.pixelrain.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

[ "$(id -u)" = 0 ] || skip "needs root"
[ -x /sbin/mount.pixelrain ] || [ -x /usr/sbin/mount.pixelrain ] || skip "mount.pixelrain is not installed"

"$bin/reelsim" -W 40 -H 30 -n 5 -o "$work/source"
"$bin/pixelrain" pack -q "$work/source" -o "$work/a.pxr"
mkdir "$work/m"
mounts+=("$work/m")
mount -t pixelrain "$work/a.pxr" "$work/m"
diff -r "$work/source" "$work/m/pgm"
umount "$work/m"
echo "$work/a.pxr $work/m pixelrain ro,nofail,noauto,user,x-systemd.automount,view=pgm 0 0" >"$work/fstab"
mount -T "$work/fstab" "$work/m"
diff -r "$work/source" "$work/m"
umount "$work/m"
expect 2 mount -t pixelrain -o bogus "$work/a.pxr" "$work/m"
said bogus
echo "INSTALLED ok"
