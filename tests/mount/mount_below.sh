#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Other file systems on top of a mount: an overlay to write in, and servers that keep handles of files, such as
# NFS.  Needs root.
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/mount_lib.sh"

[ "$(id -u)" = 0 ] || skip "not root"
m=$work/m
"$bin/reelsim" -W 300 -H 200 -n 20 -o "$work/source"
"$bin/pixelrain" pack -q "$work/source" -o "$work/a.pxr"
mount_on "$m" "$work/a.pxr"
n_done=0

# ---- an overlay
merged=$work/merged
mkdir "$work/layer" "$merged"
mount -t tmpfs none "$work/layer" && mounts+=("$work/layer") && mkdir "$work/layer/upper" "$work/layer/work"
if mount -t overlay overlay -o "lowerdir=$m,upperdir=$work/layer/upper,workdir=$work/layer/work" "$merged" 2>"$work/said"; then
    diff -r "$work/source" "$merged/pgm" || fail "pgm through an overlay"
    cmp "$m/stack.npy" "$merged/stack.npy" || fail "stack.npy through an overlay"
    diff <(cd "$m" && find . | sort) <(cd "$merged" && find . | sort) || fail "the tree through an overlay"
    # Writing copies up; the archive's frame stays.
    printf '#' | dd of="$merged/pgm/reel_000003.pgm" bs=1 seek=100 conv=notrunc status=none
    [ "$(cmp -l "$merged/pgm/reel_000003.pgm" "$m/pgm/reel_000003.pgm" | wc -l)" = 1 ] || fail "writing in an overlay"
    cmp "$m/pgm/reel_000003.pgm" "$work/source/reel_000003.pgm" || fail "the frame below has changed"
    rm "$merged/pgm/reel_000004.pgm"
    mv "$merged/pgm/reel_000005.pgm" "$merged/first.pgm"
    cmp "$merged/first.pgm" "$work/source/reel_000005.pgm" || fail "renaming in an overlay"
    [ "$(find "$merged/pgm" -type f | wc -l)" = 18 ] || fail "files left in the overlay"
    [ "$(find "$m/pgm" -type f | wc -l)" = 20 ] || fail "files below the overlay"
    umount "$merged"
    n_done=$((n_done + 1))
else
    echo "no overlay here: $(cat "$work/said")"
fi
umount "$work/layer"

# ---- handles: what an NFS server does for a client, also after the kernel has forgotten an inode, and after
# the mount was made anew
cat >"$work/handles.py" <<'END'
import ctypes, os, pickle, sys
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [("n_bytes", ctypes.c_uint), ("kind", ctypes.c_int), ("bytes", ctypes.c_ubyte * 128)]
def handle(path):
    h, mount_id = Handle(n_bytes=128), ctypes.c_int()
    if libc.name_to_handle_at(-100, path.encode(), ctypes.byref(h), ctypes.byref(mount_id), 0):
        raise OSError(ctypes.get_errno(), path)
    return bytes(h)
def contents(fd):
    return os.pread(fd, 1 << 20, 0) if os.path.isfile(f"/proc/self/fd/{fd}") else sorted(os.listdir(fd))
step, mount, store = sys.argv[1:]
if step == "take":
    known = []
    for path in ["", "png", "png/reel_000007.png", "stack.npy", "zarr/7", "zarr/7/0", "zarr/7/0/0", "preview", "info.json"]:
        fd = os.open(f"{mount}/{path}", os.O_RDONLY)
        known.append((path, handle(f"{mount}/{path}"), os.fstat(fd).st_ino, contents(fd)))
        os.close(fd)
    pickle.dump(known, open(store, "wb"))
else:
    known = pickle.load(open(store, "rb"))
    top = os.open(mount, os.O_RDONLY)
    for path, raw, inode, expected in known:
        fd = libc.open_by_handle_at(top, ctypes.create_string_buffer(raw, len(raw)), os.O_RDONLY)
        assert fd >= 0, (path, os.strerror(ctypes.get_errno()))
        assert os.fstat(fd).st_ino == inode and contents(fd) == expected, path
        os.close(fd)
END
if /usr/bin/python3 "$work/handles.py" take "$m" "$work/handles" 2>"$work/said"; then
    /usr/bin/python3 "$work/handles.py" use "$m" "$work/handles" || fail "handles"
    echo 2 >/proc/sys/vm/drop_caches 2>/dev/null || echo "the kernel's memory cannot be dropped here"
    /usr/bin/python3 "$work/handles.py" use "$m" "$work/handles" || fail "handles of forgotten inodes"
    unmount "$m"
    wait_gone "$mount_pid" 150 || fail "still there"
    mount_on "$m" "$work/a.pxr"
    /usr/bin/python3 "$work/handles.py" use "$m" "$work/handles" || fail "handles at the next mount"
    n_done=$((n_done + 1))
else
    echo "no file handles here: $(tail -n 1 "$work/said")"
fi
unmount "$m"
[ "$n_done" -gt 0 ] || skip "neither overlay nor file handles"
echo "BELOW $n_done kinds ok"
