#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# pack --follow: pictures are taken when they are complete, each once, in the order in which they come.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir cam all
for i in {1..60}; do pgm "all/$i.pgm" 40 30 "$i"; done
# shellcheck disable=SC2317 # called by claim
wait_for() { # COUNT
    local i
    for ((i = 0; i < 200; i++)); do
        [ "$("$pixelrain" list rec.pxr 2>/dev/null | wc -l)" = "$1" ] && return 0
        sleep 0.05
    done
    return 1
}
# shellcheck disable=SC2317
has_ended() { [ "$(ps -o stat= -p "$1" | cut -c1)" != S ]; }

cp all/{1,2,9,10}.pgm cam
"$pixelrain" pack --follow cam --commit-every 0.1s -o rec.pxr 2>messages &
pid=$!
claim 'what is there, in natural order' wait_for 4
claim 'in natural order' [ "$("$pixelrain" list rec.pxr | tr '\n' ' ')" = '1 2 9 10 ' ]
cp all/11.pgm cam
claim 'what is written there' wait_for 5
cp all/12.pgm cam/.half
mv cam/.half cam/12.pgm
claim 'what is moved there' wait_for 6
# A slow writer: half a picture is none.
exec 7>cam/13.pgm
head -c 500 all/13.pgm >&7
cp all/14.pgm cam
claim 'one that comes later' wait_for 7
tail -c +501 all/13.pgm >&7
exec 7>&-
claim 'one that is closed' wait_for 8
# Some programs close a file and go on later: it is taken when it is whole.
head -c 700 all/15.pgm >cam/15.pgm
sleep 0.5
cat all/15.pgm >cam/15.pgm
claim 'one that was written in two steps' wait_for 9
printf 'broken' >cam/99.pgm
printf 'a list of something' >cam/notes.txt
mkdir cam/folder
touch cam/12.pgm
for i in {16..60}; do cp "all/$i.pgm" cam; done
claim 'many at once' wait_for 54
kill -INT "$pid" 2>/dev/null || true
kill -TERM "$pid"
timeout 20 tail --pid="$pid" -f /dev/null
wait "$pid"
claim 'a signal ends it in order, and something was broken' [ "$?" = 1 ]
claim 'the summary' grep -q '^54 frames, .* 2 broken or unfitting pictures skipped, 1 other file skipped (notes.txt)$' messages
ok "$pixelrain" extract -q --format pgm rec.pxr -o out
claim 'nothing is wrong' cmp <(cd all && sha256sum {1,2}.pgm {9..60}.pgm) \
    <(cd out && sha256sum {1,2}.pgm {9..60}.pgm)
run "$pixelrain" check --deep -q rec.pxr
expect 0 '' ''

# It goes on with append; here the camera is faster than its watcher.
mkdir cam2
"$pixelrain" append -q rec.pxr --follow cam2 --follow-until-idle 2 &
pid=$!
for i in {61..400}; do
    pgm cam2/.new 40 30 "$((i % 7))"
    mv cam2/.new "cam2/$i.pgm"
done
timeout 60 tail --pid="$pid" -f /dev/null
wait "$pid"
claim 'ends when nothing comes' [ "$?" = 0 ]
claim 'all are there' [ "$("$pixelrain" list rec.pxr | wc -l)" = 394 ]
for i in 61 222 400; do
    claim "frame $i" cmp <("$pixelrain" cat --name "$i" rec.pxr) "cam2/$i.pgm"
done
# More events than the kernel keeps: the folder is listed instead, in natural order.
most=$(cat /proc/sys/fs/inotify/max_queued_events)
if [ "$most" -le 20000 ]; then
    mkdir cam3
    "$pixelrain" pack -q --codec store --follow cam3 --follow-until-idle 3 --commit-every 5s -o many.pxr &
    pid=$!
    sleep 0.5
    kill -STOP "$pid"
    /usr/bin/python3 - "$((most + 500))" <<'PYTHON'
import sys
for i in range(int(sys.argv[1])):
    with open(f"cam3/{i}.pgm", "wb") as f:
        f.write(b"P5\n1 1\n255\n" + bytes([i % 251]))
PYTHON
    kill -CONT "$pid"
    timeout 300 tail --pid="$pid" -f /dev/null
    wait "$pid"
    claim 'an overflow is no error' [ "$?" = 0 ]
    claim 'no frame is lost' [ "$("$pixelrain" list many.pxr | sort -n | uniq | wc -l)" = "$((most + 500))" ]
    claim 'its pixels' [ "$("$pixelrain" cat --name 16001 --format raw many.pxr | od -An -tu1 | tr -d ' ')" = $((16001 % 251)) ]
fi

run "$pixelrain" pack -q --follow missing -o x.pxr
expect 3 '' 'pixelrain: missing: cannot be followed: No such file or directory'
run "$pixelrain" pack -q --follow-until-idle 2 all -o x.pxr
claim 'only with --follow' [ "$code" = 2 ]
passed
