#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What pack takes from folders, in which order, and how it names frames.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir f
for i in 1 2 9 10 100 007; do pgm "f/part$i.pgm" 4 3 "$i"; done
pgm f/.hidden.pgm 9 9 1
run "$pixelrain" pack f -o a.pxr
expect 0 '' '6 frames, 72 B -> PACKED, TIME'
run "$pixelrain" list a.pxr
expect 0 'part1
part2
part007
part9
part10
part100' ''

# Files that are no pictures are counted, folders are entered when asked, operands keep their order.
echo notes >f/notes.txt
mkdir -p f/sub/subsub
pgm f/sub/x2.pgm 4 3 20
pgm f/sub/x10.PGM 4 3 21
pgm f/sub/subsub/deep.pgm 4 3 22
mkfifo f/fifo
run "$pixelrain" pack f -o b.pxr
expect 0 '' '6 frames, 72 B -> PACKED, TIME, 2 other files skipped (fifo, notes.txt), 1 folder not entered (-r enters it)'
run "$pixelrain" pack -q -r f -o c.pxr
expect 0 '' ''
run "$pixelrain" list c.pxr
expect 0 'part1
part2
part007
part9
part10
part100
deep
x2
x10' ''
run "$pixelrain" pack -v f/part9.pgm f/part1.pgm f/sub -o d.pxr
expect 0 '' 'pixelrain: f/part9.pgm: packed as part9
pixelrain: f/part1.pgm: packed as part1
pixelrain: f/sub/x2.pgm: packed as x2
pixelrain: f/sub/x10.PGM: packed as x10
4 frames, 48 B -> PACKED, TIME, 1 folder not entered (-r enters it)'

# A dry run writes nothing.
run "$pixelrain" pack -n f/part9.pgm f/sub
expect 0 'f/part9.pgm -> part9
f/sub/x2.pgm -> x2
f/sub/x10.PGM -> x10' '3 frames, 36 B, 1 folder not entered (-r enters it)'
run "$pixelrain" pack -n --names number f/part9.pgm f/sub -o never.pxr
expect 0 'f/part9.pgm -> 000000
f/sub/x2.pgm -> 000001
f/sub/x10.PGM -> 000002' '3 frames, 36 B, 1 folder not entered (-r enters it)'
claim 'a dry run writes nothing' [ ! -e never.pxr ]

# Names.
cp f/part1.pgm scan.0001
cp f/part1.pgm two.dots.pgm
cp f/part1.pgm .pgm
run "$pixelrain" pack -q scan.0001 two.dots.pgm .pgm -o e.pxr
expect 0 '' ''
run "$pixelrain" list e.pxr
expect 0 'scan.0001
two.dots
.pgm' ''
ok "$pixelrain" pack -q --names number f/part9.pgm f/part1.pgm -o n.pxr
run "$pixelrain" list n.pxr
expect 0 '000000
000001' ''
run "$pixelrain" pack f/part1.pgm f/sub f/part1.pgm -o x.pxr
expect 1 '' "pixelrain: f/part1.pgm: the name 'part1' exists already; --duplicate-names suffix or --names number helps (frame 3)"
ok "$pixelrain" pack -q --duplicate-names suffix f/part1.pgm f/part9.pgm f/part1.pgm f/part1.pgm -o s.pxr
run "$pixelrain" list s.pxr
expect 0 'part1
part9
part1-2
part1-3' ''
cp f/part1.pgm "$(printf 'a\tb.pgm')"
run "$pixelrain" pack ./*b.pgm -o x.pxr
expect 2 '' 'pixelrain: ./a?b.pgm: the name of the frame contains a control character; --names number takes numbers instead'
ok "$pixelrain" pack -q --names number ./*b.pgm -o t.pxr

# Nothing to pack.
mkdir empty
run "$pixelrain" pack empty -o x.pxr
expect 2 '' "pixelrain: there is nothing to pack: no frames
Try 'pixelrain pack --help'."
echo text >empty/a.txt
mkdir empty/b
run "$pixelrain" pack empty -o x.pxr
expect 2 '' "pixelrain: there is nothing to pack: no frames, 1 other file skipped (a.txt), 1 folder not entered (-r enters it)
Try 'pixelrain pack --help'."
# Only the first few are named, and no name can drive the terminal or be longer than a line.
rmdir empty/b
echo text >empty/b$'\e'[31m.txt
echo text >"empty/c$(printf '%0100d' 0)"
echo text >empty/d.txt
echo text >empty/e.txt
run "$pixelrain" pack empty -o x.pxr
expect 2 '' "pixelrain: there is nothing to pack: no frames, 5 other files skipped (a.txt, b?[31m.txt, c$(printf '%059d' 0)~, ...)
Try 'pixelrain pack --help'."
run "$pixelrain" pack missing f -o x.pxr
expect 3 '' 'pixelrain: missing: cannot be opened: No such file or directory'
run "$pixelrain" pack f/notes.txt -o x.pxr
expect 1 '' 'pixelrain: f/notes.txt: begins like no PNG, PNM, Y4M, NPY, TIFF, SER or FITS file; --raw describes headerless samples, --via-ffmpeg reads videos (offset 0)'
claim 'errors leave nothing' [ ! -e x.pxr ]
claim 'no temporary files' [ -z "$(find . -name '*.tmp')" ]

# Links are followed, but not in a circle.
mkdir loop loop/in
ln -s .. loop/in/again
ln -s ../../f/part1.pgm loop/in/link.pgm
run "$pixelrain" pack -q -r loop -o x.pxr
expect 2 '' 'pixelrain: loop/in/again: leads back to a folder that it is in'
rm loop/in/again
ok "$pixelrain" pack -q -r loop -o x.pxr
run "$pixelrain" list x.pxr
expect 0 link ''
passed
