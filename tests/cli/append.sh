#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# append: frames follow those that are there; one writer at a time; a torn append is treated as documented.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir one two three all
for i in {10..19}; do pgm "one/$i.pgm" 40 30 "$i"; done
for i in {20..34}; do pgm "two/$i.pgm" 40 30 "$i"; done
pgm three/35.pgm 40 30 35
cp one/* two/* three/* all

ok "$pixelrain" pack -q one -o a.pxr
cp a.pxr one.pxr
run "$pixelrain" append a.pxr two
claim 'append succeeds' [ "$code" = 0 ]
claim 'the summary counts the new frames' grep -q '^15 frames, 17.6 KiB' <<<"$err"
run "$pixelrain" append --json -q a.pxr three
claim 'json' grep -q '^{"type":"append","version":1,"archive":"a.pxr","dry_run":false,"frames":1,"frames_before":25,' <<<"$out"
run "$pixelrain" check --deep -q a.pxr
expect 0 '' ''
ok "$pixelrain" extract -q --format pgm a.pxr -o out
claim 'all frames, from three commits' diff -r out all
claim 'what was there stays' cmp -n "$(stat -c %s one.pxr)" one.pxr a.pxr
run "$pixelrain" info a.pxr
claim 'the identity stays' [ "$(grep -i '^id' <<<"$out")" = "$("$pixelrain" info one.pxr | grep -i '^id')" ]

# Names
cp a.pxr before
run "$pixelrain" append a.pxr two/20.pgm
expect 1 '' "pixelrain: two/20.pgm: the name '20' exists already; --duplicate-names suffix or --names number helps (frame 26)"
claim 'a refused append changes nothing' cmp before a.pxr
ok "$pixelrain" append -q --duplicate-names suffix a.pxr two/20.pgm
run "$pixelrain" list --frames 25: a.pxr
expect 0 '35
20-2' ''

# What does not fit
pgm other.pgm 41 30 1
run "$pixelrain" append a.pxr other.pgm
expect 1 '' 'pixelrain: other.pgm: is 41x30x8, expected 40x30x8 like the archive; --keep-going skips such frames'
run "$pixelrain" append missing.pxr other.pgm
expect 3 '' 'pixelrain: missing.pxr: cannot be opened: No such file or directory'
run "$pixelrain" append a.pxr
claim 'an input is needed' [ "$code" = 2 ]
run "$pixelrain" append -f a.pxr other.pgm
claim 'there is nothing to overwrite' [ "$code" = 2 ]
run "$pixelrain" append -n a.pxr three/35.pgm
expect 0 'three/35.pgm -> 35' '1 frame, 1.2 KiB'

# A tail without records is skipped; one with records is left to recover.
cp one.pxr torn.pxr
printf 'torn' >>torn.pxr
run "$pixelrain" check torn.pxr
claim 'a torn tail is damage' [ "$code" = 1 ]
claim 'and is named' grep -q 'behind the last commit belong to no frame: an append was torn' "$scratch/out"
ok "$pixelrain" append -q torn.pxr two
run "$pixelrain" check -q torn.pxr
expect 0 '' ''
head -c $(($(stat -c %s a.pxr) - 100)) a.pxr | head -c "$(($(stat -c %s before) - 232))" >torn.pxr
run "$pixelrain" append torn.pxr three/35.pgm
claim 'whole records in the tail: refused' [ "$code" = 2 ]
claim 'points to recover' grep -q "'pixelrain recover' saves their frames, --skip-tail gives them up" <<<"$err"
ok "$pixelrain" append -q --skip-tail torn.pxr three/35.pgm
run "$pixelrain" check --deep -q torn.pxr
expect 0 '' ''
claim 'frames before and after' [ "$("$pixelrain" list torn.pxr | wc -l)" = 26 ]

# A recording: the archive appears with the first commit, is locked, grows, and can be read all the while.
mkfifo pipe
"$pixelrain" pack -q --raw 40x30x8 --commit-every 0.1s - -o rec.pxr <pipe &
pid=$!
exec 7>pipe
# shellcheck disable=SC2317 # called by claim
frames() { "$pixelrain" list rec.pxr 2>/dev/null | wc -l; }
# shellcheck disable=SC2317
wait_for() { # COUNT
    local i
    for ((i = 0; i < 200; i++)); do
        [ "$(frames)" = "$1" ] && return 0
        sleep 0.05
    done
    return 1
}
head -c 3600 /dev/urandom >raw
cat raw >&7
claim 'three frames are durable while the pipe waits' wait_for 3
run "$pixelrain" append rec.pxr one/10.pgm
claim 'a second writer is refused' [ "$code" = 3 ]
claim 'and told who the first one is' grep -q "^pixelrain: rec.pxr: is being written by process $pid (pixelrain)" "$scratch/err"
cat raw >&7
claim 'six frames' wait_for 6
kill -TERM "$pid"
timeout 20 tail --pid="$pid" -f /dev/null
{ wait "$pid"; } 2>/dev/null
claim 'dies of SIGTERM' [ "$?" = 143 ]
exec 7>&-
claim 'what was recorded stays' wait_for 6
run "$pixelrain" check --deep -q rec.pxr
expect 0 '' ''
claim 'nothing else is left' [ -z "$(find . -name '*.tmp')" ]

# An error in the middle of a recording costs nothing that was read before.
: >broken.pgm
run "$pixelrain" pack one broken.pgm two --commit-every 4 -o part.pxr
claim 'a broken input' [ "$code" = 1 ]
claim 'keeps what was recorded' [ "$("$pixelrain" list part.pxr | wc -l)" = 10 ]
for every in 0 -1 s x 1x 0s 1ms; do
    run "$pixelrain" pack one "--commit-every=$every" -o x.pxr
    claim "--commit-every $every" [ "$code" = 2 ]
done
passed
