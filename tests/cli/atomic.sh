#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An archive appears whole or not at all; what exists is replaced only when asked.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

pgm a.pgm 4 3 1
pgm b.pgm 4 3 2
ok "$pixelrain" pack -q a.pgm -o a.pxr
cp a.pxr before
run "$pixelrain" pack b.pgm -o a.pxr
expect 3 '' 'pixelrain: a.pxr: exists already; -f replaces it'
claim 'an existing archive stays' cmp before a.pxr
run "$pixelrain" pack -f b.pgm missing.pgm -o a.pxr
claim 'a failing pack -f' [ "$code" = 3 ]
claim 'a failing pack -f changes nothing' cmp before a.pxr
ok "$pixelrain" pack -q -f b.pgm -o a.pxr
run "$pixelrain" list a.pxr
expect 0 'b' ''
mkdir dir
run "$pixelrain" pack -f b.pgm -o dir
claim 'a folder is not replaced' [ "$code" = 2 ]
run "$pixelrain" pack b.pgm -o missing/a.pxr
claim 'a missing folder' [ "$code" = 3 ]
claim 'a missing folder is named' grep -q '^pixelrain: missing/a.pxr: cannot be created: No such file' "$scratch/err"

# The file that a process writes: without a name, or under a temporary one.
unpublished() { # PID
    [ -n "$(find out -name '.x.pxr.*.tmp')" ] || [ -n "$(find "/proc/$1/fd" -lname '*/out/#* (deleted)')" ]
}

# A signal while the input makes it wait: nothing is left, and the caller sees the signal.
mkdir out
for signal in TERM INT HUP KILL; do
    mkfifo pipe
    (
        trap - INT # a shell ignores it for what runs in the background
        exec env --default-signal=INT "$pixelrain" pack -q --raw 100x100x8 - -o out/x.pxr <pipe
    ) &
    pid=$!
    exec 7>pipe
    head -c 5000000 /dev/zero >&7
    for ((i = 0; i < 200; i++)); do
        unpublished "$pid" && break
        sleep 0.05
    done
    claim 'pack writes where nobody sees it' unpublished "$pid"
    has_name=$(find out -name '.x.pxr.*.tmp')
    kill -s "$signal" "$pid"
    # The end of the pipe stays open: only the signal can end it.
    timeout 20 tail --pid="$pid" -f /dev/null
    claim "SIG$signal ends a pack that waits for a pipe" [ "$(ps -o stat= -p "$pid" | cut -c1)" != S ]
    { wait "$pid"; } 2>/dev/null
    claim "dies of SIG$signal" [ "$?" = $((128 + $(kill -l "$signal"))) ]
    exec 7>&-
    rm pipe
    # Nobody can clean up after SIGKILL where a file system has no files without names.
    if [ "$signal" = KILL ] && [ -n "$has_name" ]; then rm "$has_name"; fi
    claim "nothing is left after SIG$signal" [ -z "$(ls -A out)" ]
done

# A reader that went away does not leave a half-written archive either.
mkdir many
for i in {1..50}; do pgm "many/$i.pgm" 20 20 "$i"; done
"$pixelrain" pack -v many -o out/y.pxr 2>&1 >/dev/null | head -n 1 >/dev/null
claim 'no temporary file after a closed pipe' [ -z "$(find out -name '*.tmp')" ]
passed
