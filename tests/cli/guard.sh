#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The processes that read pictures: they are there, they end with the program, and what kills one is one damaged file.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
command -v pnmtopng >/dev/null || { echo 'skipped: no netpbm'; exit 77; }

children() { # PID: of this process
    cat "/proc/$1/task/$1/children"
}
# shellcheck disable=SC2317 # claim calls it
has_child() { # PID: within half a minute
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        [ -z "$(children "$1")" ] || return 0
        sleep 0.1
    done
    return 1
}

for i in 1 2 3; do
    pgm "p$i.pgm" 40 30 "$i"
    pnmtopng "p$i.pgm" >"p$i.png" 2>/dev/null
done
mkfifo pipe

# A pipe that gives one picture and then nothing: a signal ends the program and its child.
sleep 60 >pipe 2>&1 &
holder=$!
cat p1.png >pipe &
"$pixelrain" pack -q - -o s.pxr <pipe &
packer=$!
claim 'a child' has_child "$packer"
read -r child _ < <(children "$packer")
sleep 0.3
kill -TERM "$packer"
wait "$packer"
claim 'it dies of the signal' [ $? = 143 ]
claim 'the child is gone' [ ! -e "/proc/$child/status" ]
kill "$holder"
wait
claim 'nothing is left' [ -z "$(find . -name 's.pxr*' -o -name '.s.pxr*')" ]

# A child that is killed while it reads: the input is an error, and the program ends.
sleep 60 >pipe 2>&1 &
holder=$!
"$pixelrain" pack -q - -o s.pxr <pipe 2>err &
packer=$!
claim 'a child again' has_child "$packer"
cat p1.png >pipe
sleep 0.3
for child in $(children "$packer"); do kill -KILL "$child"; done
wait "$packer"
claim 'an error' [ $? = 3 ]
claim 'with words' [ "$(cat err)" = 'pixelrain: standard input: the process that reads pictures has been ended' ]
kill "$holder"
wait

# The program is killed: its children end as well.
sleep 60 >pipe 2>&1 &
holder=$!
"$pixelrain" pack -q - -o s.pxr <pipe &
packer=$!
claim 'a child for the third time' has_child "$packer"
read -r child _ < <(children "$packer")
kill -KILL "$packer"
wait "$packer" 2>/dev/null
for ((i = 0; i < 100; i++)); do
    if ! grep -q '^State:.*[RSD]' "/proc/$child/status" 2>/dev/null; then break; fi
    sleep 0.1
done
claim 'no child outlives the program' [ "$i" -lt 100 ]
kill "$holder"
wait
passed
