#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Time stamps from names, from tables and from nowhere; inputs from a list.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

times() { # ARCHIVE: the times and names of its frames
    run bash -c "'$pixelrain' list --json '$1' | sed -E 's/.*\"name\":\"([^\"]*)\".*\"time_ns\":(-?[0-9]*|null).*/\1 \2/'"
}

mkdir f
pgm f/cam_20240501_120000_25.pgm 4 3 1
pgm f/cam_20240501_120001_5.pgm 4 3 2
pgm f/cam_20231231_235959_999999999.pgm 4 3 3
ok "$pixelrain" pack -q --time-pattern 'cam_%Y%m%d_%H%M%S_%f' f -o a.pxr
times a.pxr
expect 0 'cam_20231231_235959_999999999 1704067199999999999
cam_20240501_120000_25 1714564800250000000
cam_20240501_120001_5 1714564801500000000' ''
ok "$pixelrain" pack -q --time-pattern '*_%Y%m%d_%H%M%S*' f -o b.pxr
times b.pxr
expect 0 'cam_20231231_235959_999999999 1704067199000000000
cam_20240501_120000_25 1714564800000000000
cam_20240501_120001_5 1714564801000000000' ''

# Other forms.
one() { # NAME PATTERN
    rm -rf g
    mkdir g
    cp f/cam_20240501_120000_25.pgm "g/$1.pgm"
    run "$pixelrain" pack -q -f --time-pattern "$2" g -o one.pxr
    [ "$code" != 0 ] || times one.pxr
}
one t1714564800 't%s'
expect 0 't1714564800 1714564800000000000' ''
one 1714564800.25x '%s.%f?'
expect 0 '1714564800.25x 1714564800250000000' ''
one x-1714564800123-7 '*-%3s-*'
expect 0 'x-1714564800123-7 1714564800123000000' ''
one 1714564800123456 '%6s'
expect 0 '1714564800123456 1714564800123456000' ''
one 1714564800123456789 '%9s'
expect 0 '1714564800123456789 1714564800123456789' ''
one 2024-366 '%Y-%j'
expect 0 '2024-366 1735603200000000000' ''
one '50%_2024-05-01' '50%%_%Y-%m-%d'
expect 0 '50%_2024-05-01 1714521600000000000' ''
# The star is given back until the rest fits: not the first eight digits are the date.
one 12345678_20240501 '*%Y%m%d'
expect 0 '12345678_20240501 1714521600000000000' ''
one nothing '%Y-%m-%d'
expect 1 '' "pixelrain: g/nothing.pgm: the name 'nothing' does not match the time pattern '%Y-%m-%d'"
one 2024-02-30 '%Y-%m-%d'
expect 1 '' "pixelrain: g/2024-02-30.pgm: the name '2024-02-30' holds no time that exists (pattern '%Y-%m-%d')"
one 2023-366 '%Y-%j'
expect 1 '' "pixelrain: g/2023-366.pgm: the name '2023-366' holds no time that exists (pattern '%Y-%j')"
for pattern in '' x '%Y' '%Y%m' '%Q' '%' '%Y%m%d%Y' '%s%Y' '%m%d' '%5s' '%H%M%S' '%3Y%m%d'; do
    run "$pixelrain" pack -q --time-pattern "$pattern" f -o x.pxr
    claim "pattern '$pattern' is refused" [ "$code" = 2 ]
    claim 'with words' grep -q "^pixelrain: the pattern '" "$scratch/err"
done

# Tables: with names in any order and a heading, or one time for each picture.
printf 'name,time\ncam_20240501_120001_5,2\n\n"cam_20240501_120000_25", 1970-01-01T00:00:01.5Z\r\nother,9\ncam_20231231_235959_999999999,-1\n' >t.csv
ok "$pixelrain" pack -q --time-csv t.csv f -o c.pxr
times c.pxr
expect 0 'cam_20231231_235959_999999999 -1000000000
cam_20240501_120000_25 1500000000
cam_20240501_120001_5 2000000000' ''
printf '1\n2.25\n2024-05-01' >n.csv
ok "$pixelrain" pack -q --names number --time-csv n.csv f -o d.pxr
times d.pxr
expect 0 '000000 1000000000
000001 2250000000
000002 1714521600000000000' ''
cat f/*.pgm >many.pgm
ok bash -c "'$pixelrain' pack -q --time-csv n.csv - -o e.pxr <many.pgm"
run "$pixelrain" pack -q --time-csv n.csv many.pgm -o e2.pxr
times e2.pxr
expect 0 'many-000000 1000000000
many-000001 2250000000
many-000002 1714521600000000000' ''
run "$pixelrain" pack -q --time-pattern '%s' many.pgm -o x.pxr
expect 2 '' "pixelrain: many.pgm: --time-pattern takes one time from a file's name, and this holds many pictures; --time-csv gives each its own (frame 0)"
bad() { # TABLE ERROR...
    printf '%b' "$1" >bad.csv
    run "$pixelrain" pack -q --time-csv bad.csv f -o x.pxr
    expect 1 '' "$2"
}
bad '1\n2\n' 'pixelrain: f/cam_20240501_120001_5.pgm: the table of times is shorter than the input (times: expected 3, found 2)'
bad '1\n2\n3\n4\n' 'pixelrain: bad.csv: the table of times is longer than the input (times: expected 3, found 4)'
bad '1\nx\n' "pixelrain: bad.csv: line 2: 'x' is no time: 2024-05-01T12:00:00.25Z, or seconds since 1970"
bad 'time\n' 'pixelrain: bad.csv: holds no time'
bad '' 'pixelrain: bad.csv: holds no time'
bad 'a,1\n2\n' 'pixelrain: bad.csv: line 2: either all lines have a name before the time, or none'
bad 'a,1\nb,2\na,3\n' "pixelrain: bad.csv: the name 'a' is there twice (lines 1 and 3)"
bad 'a,1\n' "pixelrain: f/cam_20231231_235959_999999999.pgm: the table of times has no line for 'cam_20231231_235959_999999999'"
run "$pixelrain" pack -q --time-csv missing.csv f -o x.pxr
expect 3 '' 'pixelrain: missing.csv: cannot be opened: No such file or directory'
run "$pixelrain" pack -q --time mtime --time-csv n.csv f -o x.pxr
expect 2 '' "pixelrain: only one of --time, --time-pattern and --time-csv can be given
Try 'pixelrain pack --help'."
run "$pixelrain" pack -q --time source f -o x.pxr
expect 1 '' 'pixelrain: f/cam_20231231_235959_999999999.pgm: holds no time stamp of this picture'

# Lists: their order is kept; folders are entered; NUL ends paths where there is one.
printf 'f/cam_20240501_120001_5.pgm\r\n\nf/cam_20240501_120000_25.pgm' >list
ok "$pixelrain" pack -q --list list -o l.pxr
run "$pixelrain" list l.pxr
expect 0 'cam_20240501_120001_5
cam_20240501_120000_25' ''
ok bash -c "find f -name '*_12*' -print0 | sort -z | '$pixelrain' pack -q --list - -o z.pxr"
run "$pixelrain" list z.pxr
expect 0 'cam_20240501_120000_25
cam_20240501_120001_5' ''
echo f >list
ok "$pixelrain" pack -q many.pgm --list list -o m.pxr
run "$pixelrain" list --frames 2:4 m.pxr
expect 0 'many-000002
cam_20231231_235959_999999999' ''
echo missing >list
run "$pixelrain" pack --list list -o x.pxr
expect 3 '' 'pixelrain: missing: cannot be opened: No such file or directory'
: >list
run "$pixelrain" pack --list list -o x.pxr
expect 2 '' "pixelrain: there is nothing to pack: no frames
Try 'pixelrain pack --help'."
run bash -c "echo - | '$pixelrain' pack --list - -o x.pxr"
expect 2 '' 'pixelrain: standard input can be read only once'
claim 'errors leave nothing' [ ! -e x.pxr ]
passed
