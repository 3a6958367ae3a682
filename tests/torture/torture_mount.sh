#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The mount under stress: random reads compared while the archive grows, ends by signals with busy readers, and mounts
# again and again.
#
#     torture_mount.sh FOLDER_OF_PROGRAMS [READS [SIGNALS [CYCLES]]]          0: not that one
# shellcheck source=tests/mount/mount_lib.sh
. "$(dirname "$0")/../mount/mount_lib.sh"

reads=${2:-20000}
signals=${3:-4}
cycles=${4:-20}
m=$work/m
mkdir "$m"
pxr=$bin/pixelrain

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
soon() {
    local i
    for ((i = 0; i < 200; i++)); do
        ! "$@" || return 0
        sleep 0.05
    done
    fail "not within 10 s: $*"
}
stop() {
    unmount "$m"
    # Unlike a signal it has no limit in time: what a busy machine needs to free the cache.
    wait_gone "$mount_pid" 300 || fail "the mount does not end: $(cat "/proc/$mount_pid/task"/*/{comm,wchan})"
    [ "$mount_status" = 0 ] || fail "exit code $mount_status"
}

# ---- random reads: two thirds from an archive that grows, the rest from one that is complete
n=160
"$bin/reelsim" -W 320 -H 200 -b 12 -n "$n" -o "$work/source"
mkdir "$work/first" "$work/rest" "$work/reference"
mv "$work"/source/reel_00000*.pgm "$work/first"
mv "$work"/source/*.pgm "$work/rest"
"$pxr" pack -q "$work/first" -o "$work/first.pxr" --block 8x100x320
cp "$work/first.pxr" "$work/all.pxr"
"$pxr" append -q "$work/all.pxr" "$work/rest"
cp "$work"/first/* "$work"/rest/* "$work/source"
compare_reads() {
    mount_on "$m" "$work/all.pxr"
    for view in png pgm raw npy tif px2; do
        cp -r "$m/$view" "$work/reference/$view"
    done
    diff -r "$work/source" "$work/reference/pgm" || fail "the reference is wrong" # and by it the others:
    "$pxr" pack -q "$work/reference/png" -o "$work/again.pxr"
    "$pxr" extract -q "$work/again.pxr" --format raw -o "$work/decoded"
    diff -r "$work/decoded" "$work/reference/raw" || fail "the reference's PNG is wrong"
    cp "$m"/stack.npy "$m"/stack.tif "$work/reference"
    cp -r "$m/zarr" "$work/reference/zarr"
    rm -rf "$work/decoded" "$work/again.pxr"
    "$bin/mount_random" "$m" "$work/reference" $((reads / 3)) 64 1 >"$work/random-whole" || fail "random reads"
    stop

    # Frames are committed as long as it takes: one archive is written anew for each round.
    mkdir "$work/growing"
    for view in png pgm raw npy tif px2; do
        mv "$work/reference/$view" "$work/growing/$view"
    done
    rounds=$((reads / 2000000 + 1))
    for ((round = 0; round < rounds; round++)); do
        rm -f "$work/done"
        cp "$work/first.pxr" "$work/a.pxr"
        mount_on "$m" "$work/a.pxr" -o live,cache=64M
        "$bin/mount_random" "$m" "$work/growing" $((reads * 2 / 3 / rounds)) 64 $((round + 2)) "$work/done" >"$work/random-$round" &
        random=$!
        pids+=("$random")
        "$pxr" append -q --commit-every $((round % 5 + 1)) "$work/a.pxr" "$work/rest" || fail "append"
        soon test -e "$m/png/reel_000$((n - 1)).png"
        touch "$work/done"
        wait "$random" || fail "random reads while frames are appended"
        stop
        rm "$work/a.pxr"
    done
    n_reads() { cat "$@" | awk '{ n += $2 } END { print n }'; }
    echo "READS $(n_reads "$work"/random-*) random reads by 64 threads compared, $(n_reads "$work"/random-[0-9]*) of them in" \
        "$rounds mounts while frames were appended: 0 wrong"
}
[ "$reads" = 0 ] || compare_reads

# ---- SIGTERM with busy readers: of fast frames, and of some that take long to decode
end_by_signals() {
    "$bin/reelsim" -m noise -W 700 -H 600 -n 24 -b 16 -F raw | "$pxr" pack -q --preset fast --raw 700x600x16 - -o "$work/fast.pxr"
    side=$((signals < 10 ? 500 : 2000)) # packing it takes minutes where sanitizers look on
    "$bin/reelsim" -W "$side" -H "$side" -n 4 -b 16 -F raw | "$pxr" pack -q --preset max --raw "${side}x${side}x16" - -o "$work/slow.pxr"
    most=0
    slow=0
    for ((i = 0; i < signals; i++)); do
        archive=$work/fast.pxr
        [ $((i % 4)) != 3 ] || archive=$work/slow.pxr
        mount_on "$m" "$archive" -o live
        readers=()
        for file in "$m"/png/*; do
            "$bin/mount_probe" hold "$file" >/dev/null 2>&1 &
            readers+=($!)
            pids+=($!)
        done
        sleep "0.$((RANDOM % 5 + 1))"
        begin=$(now_ms)
        kill -TERM "$mount_pid"
        wait "$mount_pid" && mount_status=0 || mount_status=$?
        took=$(($(now_ms) - begin))
        # 3: ended by force, since somebody still decoded.
        case $mount_status in
        0) ;;
        3) slow=$((slow + 1)) ;;
        *) fail "exit code $mount_status after SIGTERM" ;;
        esac
        ! is_mounted "$m" || fail "still mounted after SIGTERM"
        ((took <= most)) || most=$took
        for reader in "${readers[@]}"; do
            wait_gone "$reader" 50 || fail "a reader hangs"
        done
    done
    ((most <= 2000)) || fail "$most ms from SIGTERM to gone"
    echo "SIGTERM $signals times with busy readers: gone after at most $most ms, $slow of them in the middle of a slow frame"
}
[ "$signals" = 0 ] || end_by_signals

# ---- mounts again and again leave nothing
left() { # what a mount could leave: mounts, processes, files, kernel connections of ours
    grep -c "$work" /proc/mounts || true
    pgrep -fc "mount.pixelrain $work" || true
    find "$work" -not -path "$m/*" | wc -l
    find "$TMPDIR" /dev/shm -newer "$work/all.pxr" -user "$(id -u)" 2>/dev/null | grep -c -i -e pxr -e pixelrain -e fuse || true
}
unmounted_and_gone() { ! is_mounted "$m" && ! pgrep -f "mount.pixelrain $work" >/dev/null; }
mount_again_and_again() {
    export TMPDIR=$work/tmp
    mkdir "$TMPDIR"
    before=$(left)
    for ((i = 0; i < cycles; i++)); do
        options=max_threads=$((i % 4 + 1))
        [ $((i % 3)) = 0 ] || options+=,live
        "$bin/mount.pixelrain" "$work/all.pxr" "$m" -o "$options" || fail "cycle $i: exit code $?"
        case $((i % 4)) in
        0) cmp -s "$m/pgm/reel_000007.pgm" "$work/source/reel_000007.pgm" || fail "cycle $i: a frame" ;;
        1) [ -e "$m/info.json" ] || fail "cycle $i: no info.json" ;;
        esac
        if [ $((i % 5)) = 4 ]; then
            pid=$(pgrep -f "mount.pixelrain $work/all.pxr") || fail "cycle $i: no process"
            kill -TERM "$pid"
        else
            unmount "$m"
        fi
        soon unmounted_and_gone
    done
    [ "$(left)" = "$before" ] || fail "left after $cycles cycles: $(left | tr '\n' ' '), before: ${before//$'\n'/ }"
    # One process over all of that time would show what threads and descriptors it leaves: mount, grow, look.
    cp "$work/first.pxr" "$work/a.pxr"
    mount_on "$m" "$work/a.pxr" -o live,workers=2
    cat "$m"/pgm/* >/dev/null
    counted() { find "/proc/$mount_pid/fd" "/proc/$mount_pid/task" -mindepth 1 -maxdepth 1 | wc -l; }
    held=$(counted)
    "$pxr" append -q --commit-every 1 "$work/a.pxr" "$work/rest"
    soon test -e "$m/png/reel_000$((n - 1)).png"
    cat "$m"/pgm/* >/dev/null
    [ "$(counted)" -le $((held + 4)) ] ||
        fail "$(counted) threads and descriptors after $((n - 10)) commits, $held before"
    stop
    echo "CYCLES $cycles mounts and $((n - 10)) snapshots in one: no process, mount, thread, descriptor or file is left"
}
[ "$cycles" = 0 ] || mount_again_and_again
