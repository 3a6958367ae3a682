#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Handing over to mount.pixelrain: which program is run, and with which arguments.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# The program looks beside itself, so it gets a house of its own with a mount.pixelrain that only
# prints its arguments.
mkdir -p house/bin house/sbin path mnt
cp "$pixelrain" house/bin/pixelrain
cd house/bin || exit 1
cd ../..
helper() {
    # shellcheck disable=SC2016
    printf '#!/bin/sh\necho "%s"\nfor a in "$@"; do echo "[$a]"; done\nexit 7\n' "$1" >"$1"
    chmod +x "$1"
}
: >a.pxr
run env PATH=/nowhere house/bin/pixelrain mount a.pxr mnt
expect 3 '' 'pixelrain: mount.pixelrain cannot be run: it is neither beside this program nor in ../sbin nor in PATH: No such file or directory'
# Help is there even where the program is not.
run env PATH=/nowhere house/bin/pixelrain mount --help
claim 'help without the program' [ "$code" = 0 ]
claim 'that says so' grep -qF '(The program is not installed here.)' "$scratch/out"
helper path/mount.pixelrain
run env PATH="$PWD/path:$PATH" house/bin/pixelrain mount a.pxr mnt
expect 7 'path/mount.pixelrain
[a.pxr]
[mnt]' ''
helper house/sbin/mount.pixelrain
run env PATH="$PWD/path:$PATH" house/bin/pixelrain mount a.pxr mnt -o 'ro,x=a b'
expect 7 'house/sbin/mount.pixelrain
[a.pxr]
[mnt]
[-o]
[ro,x=a b]' ''
helper house/bin/mount.pixelrain
run house/bin/pixelrain mount -f a.pxr mnt
expect 7 'house/bin/mount.pixelrain
[-f]
[a.pxr]
[mnt]' ''

# As mount.fuse3 calls it for the type fuse.pixelrain.
run house/bin/pixelrain a.pxr mnt -o rw,nosuid
expect 7 'house/bin/mount.pixelrain
[a.pxr]
[mnt]
[-o]
[rw,nosuid]' ''
run house/bin/pixelrain missing.pxr mnt -o rw
expect 2 '' "pixelrain: unknown command 'missing.pxr'
Try 'pixelrain --help'."
passed
