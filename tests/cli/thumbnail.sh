#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Thumbnails: size, values, and that an independent program reads them.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# values FILE.png: width, height and all samples, by a PNG reader that is not ours
values() { convert "$1" pgm:- | /usr/bin/python3 -c 'import sys
b = sys.stdin.buffer.read(); head = b.split(b"\n", 3)
print(*head[1].split() and [*map(int, head[1].split())], *head[3])'; }
has_convert=$(command -v convert || true)

printf 'P5\n4 2\n255\n' >small.pgm
bytes 0 10 20 30 40 50 60 71 >>small.pgm
ok "$pixelrain" pack -q small.pgm -o small.pxr
ok "$pixelrain" thumbnail small.pxr -o a.png
ok "$pixelrain" thumbnail --size 2 -o b.png small.pxr
# 16 bits: 1000..1300 of 65535 would be black
printf 'P5\n2 2\n65535\n' >wide.pgm
bytes 3 232 4 76 4 176 5 20 >>wide.pgm
ok "$pixelrain" pack -q wide.pgm -o wide.pxr
ok "$pixelrain" thumbnail wide.pxr -o c.png
pgm big.pgm 300 200 7
pgm big2.pgm 300 200 8
ok "$pixelrain" pack -q big.pgm big2.pgm -o big.pxr
"$pixelrain" thumbnail big.pxr >d.png || failed 'on standard output'
ok "$pixelrain" thumbnail -s 299 --frame 1 big.pxr -o e.png
pgm narrow.pgm 900 1 3
ok "$pixelrain" pack -q narrow.pgm -o narrow.pxr
ok "$pixelrain" thumbnail -s 100 narrow.pxr -o f.png
if [ -n "$has_convert" ]; then
    claim 'a small frame as it is' [ "$(values a.png)" = '4 2 0 10 20 30 40 50 60 71' ]
    claim 'means' [ "$(values b.png)" = '2 1 25 45' ]
    claim 'range of 16 bits' [ "$(values c.png)" = '2 2 0 85 170 255' ]
    claim 'default size' [ "$(values d.png | cut -d' ' -f1,2)" = '256 170' ]
    claim 'size' [ "$(values e.png | cut -d' ' -f1,2)" = '299 199' ]
    claim 'at least one row' [ "$(values f.png | cut -d' ' -f1,2)" = '100 1' ]
fi
claim 'no temporary file is left' [ "$(find . -name '*.png*' | wc -l)" = 6 ]

run "$pixelrain" thumbnail --frame 2 big.pxr -o g.png
expect 2 '' 'pixelrain: big.pxr: has no frame 2: it has 2, counted from 0'
run "$pixelrain" thumbnail --size 0 big.pxr -o g.png
expect 2 '' "pixelrain: --size wants a number from 1 to 4096, not '0'
Try 'pixelrain thumbnail --help'."
head -c 400 big.pxr >torn.pxr
run "$pixelrain" thumbnail torn.pxr -o g.png
claim 'a torn archive' [ "$code" = 1 ]
run "$pixelrain" thumbnail big.pxr -o no/where.png
claim 'a folder that does not exist' [ "$code" = 3 ]
claim 'nothing was written' [ ! -e g.png ]
passed
