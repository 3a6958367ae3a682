#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# convert: pictures there and back, what was cut, what is refused, and which files appear.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
convert=("$pixelrain" convert)
vectors=$PXR_SOURCE/tests/vectors

# there_and_back FILE.pgm VIA OPTION...: through another format, and the same bytes again.
there_and_back() {
    local from=$1 via=$2
    shift 2
    rm -f "$via" back.pgm
    ok "${convert[@]}" "$@" "$from" "$via"
    ok "${convert[@]}" "$via" back.pgm
    claim "$from through $via $*" cmp -s "$from" back.pgm
}

pgm g8.pgm 37 21 5
pgm16 g16.pgm 37 21 65535 7
pgm16 g12.pgm 19 23 4095 3
for via in v.png v.pgm v.npy v.pxs v.px2; do there_and_back g8.pgm $via; done
for via in v.png v.pgm v.npy v.px2; do there_and_back g16.pgm $via; done
there_and_back g12.pgm v.px2 # with its maxval: 12 bits a sample
claim '12 bits a sample' [ "$(stat -c %s v.px2)" = $((32 + (19 * 23 * 12 + 7) / 8)) ]
for options in --relative --finality --padded '--order B' '--relative --finality --padded -j 1' '--bits 16'; do
    # shellcheck disable=SC2086
    there_and_back g16.pgm v.px2 $options
    # shellcheck disable=SC2086
    [ "$options" = '--bits 16' ] || there_and_back g8.pgm v.px2 $options
done
ok "${convert[@]}" g8.pgm plain.px2
claim 'the length of plain gray' [ "$(stat -c %s plain.px2)" = $((32 + 37 * 21)) ]

# Colour: PPM keeps it, PGM says that it cannot; gray as PPM is three equal channels.
printf 'P6\n2 1\n255\n\001\002\003\004\004\004' >rgb.ppm
ok "${convert[@]}" rgb.ppm c.px2
ok "${convert[@]}" c.px2 c.ppm
claim 'colour' cmp -s rgb.ppm c.ppm
run "${convert[@]}" c.px2 c.pgm
expect 4 '' 'pixelrain: c.px2: PGM holds no colour: --luma turns it into gray, and PPM keeps it'
claim 'no output' [ ! -e c.pgm ]
ok "${convert[@]}" --luma c.px2 c.pgm
claim 'its luma' [ "$(tail -c 2 c.pgm | od -A n -t u1)" = '   2   4' ]
ok "${convert[@]}" g8.pgm g.ppm
claim 'gray as PPM' [ "$(head -n 1 g.ppm)" = P6 ]
ok "${convert[@]}" g.ppm g.png
ok "${convert[@]}" -f g.png back.pgm
claim 'three equal channels are gray' cmp -s g8.pgm back.pgm

# Any beginning of a file is a picture.
head -c 200 plain.px2 >cut.px2
run "${convert[@]}" cut.px2 cut.pgm
expect 0 '' 'pixelrain: cut.px2: was cut: 609 pixels of frame 0 are missing, and shown by their neighbours'
claim 'complete all the same' [ "$(stat -c %s cut.pgm)" = "$(stat -c %s g8.pgm)" ]
run "${convert[@]}" --strict cut.px2 no.pgm
expect 1 '' 'pixelrain: cut.px2: the file is too short for its pixels (offset 200, pixel bytes: expected 777, found 168)'
claim 'no output' [ ! -e no.pgm ]
head -c 32 plain.px2 >none.px2
run "${convert[@]}" none.px2 no.pgm
expect 1 '' 'pixelrain: none.px2: the file ends before its first pixel (offset 32, pixels: expected 777, found 0)'

# Vectors of other programs, by hand: each layout, and a file that was cut.
for name in legacy24_07_17x16 legacy15_08_31x33 spec_06_13x6_f3; do
    ok "${convert[@]}" --frames 0 "$vectors/pxs/$name.pxs" "$name.ppm"
    expected=("$vectors/pxs/$name".*out.ppm)
    claim "$name" cmp -s "${expected[0]}" "$name.ppm"
done
ok "${convert[@]}" --from-layout headerless15 "$vectors/pxs/headerless15_05_8x8.pxs" h.ppm
claim 'without a header' cmp -s "$vectors/pxs/headerless15_05_8x8.out.ppm" h.ppm
ok "${convert[@]}" -q "$vectors/pxs/legacy24_08_31x33_cut.pxs" h.ppm -f
claim 'cut' cmp -s "$vectors/pxs/legacy24_08_31x33_cut.out.ppm" h.ppm
for bad in "$vectors"/bad/pxs_*; do
    run "${convert[@]}" "$bad" no.png
    claim "$bad is refused" [ "$code" = 1 ]
    claim "$bad is named" [ "${err#*"${bad##*/}"}" != "$err" ]
    claim "$bad leaves nothing" [ ! -e no.png ]
done
head -c 20 "$vectors/pxs/spec_04_7x7_f1.pxs" >half.pxs
run "${convert[@]}" half.pxs no.png
expect 1 '' 'pixelrain: half.pxs: the file ends within a pixel (offset 20)'
ok "${convert[@]}" --partial half.pxs half.png

# What would be lost is refused, unless an option says otherwise.
run "${convert[@]}" g16.pgm no.pxs
expect 4 '' 'pixelrain: g16.pgm: PXS has samples of 8 bits: --lossy drops the low ones, PX2 keeps them'
ok "${convert[@]}" --lossy g16.pgm some.pxs
ok "${convert[@]}" --bits 5 g8.pgm five.px2
ok "${convert[@]}" five.px2 five.pgm
ok "${convert[@]}" --bits 5 five.pgm again.px2
claim 'five bits stay five bits' cmp -s five.px2 again.px2

# Several inputs are the frames of one output; -o makes a file of each.
for i in 1 2 3; do pgm f$i.pgm 9 5 $((i * 100)); done
ok "${convert[@]}" f1.pgm f2.pgm f3.pgm film.px2
ok "${convert[@]}" --to pgm film.px2 -o frames
claim 'one file holds all frames' [ "$(cat f1.pgm f2.pgm f3.pgm | cksum)" = "$(cksum <frames/film.pgm)" ]
ok "${convert[@]}" --to png film.px2 -o frames
claim 'or each has its own' [ "$(cd frames && echo ./*.png)" = './film-000000.png ./film-000001.png ./film-000002.png' ]
ok "${convert[@]}" frames/film-000001.png second.pgm
claim 'the second' cmp -s f2.pgm second.pgm
ok "${convert[@]}" --frames 1 film.px2 -f second.pgm
claim 'chosen' cmp -s f2.pgm second.pgm
ok "${convert[@]}" --to npy f1.pgm f2.pgm -o frames
claim 'named after the inputs' [ -s frames/f1.npy ] && claim 'the other' [ -s frames/f2.npy ]
ok "${convert[@]}" f1.pgm f2.pgm f3.pgm film.npy
ok "${convert[@]}" film.npy all.pgm
claim 'frames of an array' cmp -s frames/film.pgm all.pgm
run "${convert[@]}" film.px2 no.png
expect 4 '' "pixelrain: film.px2: a png file holds one frame: --frames N chooses one, '--to png -o DIR' writes them all"
run "${convert[@]}" f1.pgm g8.pgm no.px2
expect 1 '' 'pixelrain: g8.pgm: a frame of 37x21 pixels cannot follow one of 9x5 in one file'
run "${convert[@]}" --frames 7 film.px2 no.pgm
expect 2 '' 'pixelrain: film.px2: --frames chooses none of its 3 frames'
run "${convert[@]}" film.px2 no.pxs
expect 4 '' 'pixelrain: film.px2: a PXS file holds several frames only with --layout spec, which keeps 5 bits of a sample'
ok "${convert[@]}" --layout spec film.px2 film.pxs
head -c -7 film.px2 >film-cut.px2
run "${convert[@]}" film-cut.px2 some.pgm
expect 0 '' 'pixelrain: film-cut.px2: was cut: 7 pixels of frame 2 are missing, and shown by their neighbours'
head -c 77 film.px2 >film-one.px2
run "${convert[@]}" film-one.px2 -f some.pgm
expect 0 '' 'pixelrain: film-one.px2: was cut: 2 frames are missing'

# Existing files, pipes, and words that make no sense.
run "${convert[@]}" g8.pgm plain.px2
expect 3 '' 'pixelrain: plain.px2: exists already; -f replaces it'
"${convert[@]}" --to png - - <g8.pgm >pipe.png
ok "${convert[@]}" pipe.png back.pgm -f
claim 'through pipes' cmp -s g8.pgm back.pgm
run "${convert[@]}" g8.pgm no.such
expect 2 '' "pixelrain: the name 'no.such' says no format: --to chooses one of png, pnm, npy, pxs, px2, dci, pce, pceb, vcbn
Try 'pixelrain convert --help'."
run "${convert[@]}" g8.pgm
expect 2 '' "pixelrain: missing operand: the file to write
Try 'pixelrain convert --help'."
run "${convert[@]}" g8.pgm frames
expect 2 '' "pixelrain: 'frames' is a folder: use --to FORMAT -o DIR
Try 'pixelrain convert --help'."
run "${convert[@]}" g8.pgm no.y4m
expect 2 '' "pixelrain: y4m is read, not written
Try 'pixelrain convert --help'."
echo 'not a picture' >text.png
run "${convert[@]}" text.png no.px2
expect 1 '' 'pixelrain: text.png: is of no format that is known; --from says which it is (offset 0)'
run "${convert[@]}" --layout legacy g8.pgm no.pxs
expect 2 '' "pixelrain: g8.pgm: PXS has the layouts legacy24, legacy15, spec, headerless24 and headerless15, not 'legacy'"
claim 'nothing was left behind' [ -z "$(find . -name 'no.*' -o -name '*.tmp*' -o -name '.*.p*')" ]
passed
