#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# convert: DCI, PCE and VCBN, there and back, with loss only where it was asked for.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
convert=("$pixelrain" convert -f)
vectors=$PXR_SOURCE/tests/vectors

# there_and_back FILE.pgm VIA OPTION...: through another format, and the same bytes again.
there_and_back() {
    local from=$1 via=$2
    shift 2
    ok "${convert[@]}" "$@" "$from" "$via"
    ok "${convert[@]}" "$via" back.pgm
    claim "$from through $via $*" cmp -s "$from" back.pgm
}

pgm g8.pgm 37 21 5
pgm16 g16.pgm 17 21 65535 7
pgm16 g12.pgm 19 23 4095 3
{
    printf 'P5\n300 70\n255\n'
    for ((y = 0; y < 70; y++)); do
        head -c $((y + 1)) /dev/zero
        head -c $((100 - y)) /dev/zero | tr '\0' '\125'
        head -c 100 /dev/zero | tr '\0' '\252'
        head -c 99 /dev/zero | tr '\0' '\377'
    done
} >levels.pgm

# DCI: gray stays as it is; what a layout's own program would write is lossy, and has to be asked for.
there_and_back g8.pgm v.dci
there_and_back g8.pgm v.dci --dialect v1
run "${convert[@]}" --dialect v3 g8.pgm no.dci
expect 4 '' 'pixelrain: g8.pgm: this layout, as its own program writes it, would change samples a little: --average exact keeps them, --lossy or --threshold N allows it'
ok "${convert[@]}" --dialect v3 --lossy g8.pgm v3.dci
for name in v1_07 v2_11 v3-proposal_02; do
    dci=$(printf '%s\n' "$vectors/dci/$name"*.dci)
    threshold=${dci##*_t}
    dialect=${name%%[-_]*}
    ok "${convert[@]}" --threshold "${threshold%.dci}" --dialect "$dialect" "${dci%.dci}.in.ppm" v.dci
    claim "$name is written" cmp -s "$dci" v.dci
    ok "${convert[@]}" "$dci" v.ppm
    claim "$name is read" cmp -s "${dci%.dci}.out.ppm" v.ppm
done
run "${convert[@]}" g16.pgm no.dci
expect 4 '' 'pixelrain: g16.pgm: DCI has samples of 8 bits: --lossy drops the low ones'
run "${convert[@]}" --dialect v4 g8.pgm no.dci
expect 2 '' "pixelrain: g8.pgm: DCI has the layouts v1, v2, v3, late1 and late2-planar, not 'v4'"

# VCBN: every dialect keeps samples; a range quantises.
for dialect in vcbn cbin impk head; do
    there_and_back g8.pgm v.vcbn --dialect $dialect
    there_and_back g12.pgm v.vcbn --dialect $dialect
done
there_and_back g16.pgm v.vcbn
claim 'its magic' [ "$(head -c 4 v.vcbn)" = VCBN ]
there_and_back g8.pgm v.vcbn --dialect head --bits 8 --vmin 0 --vmax 255
ok "${convert[@]}" --vmin 0 --vmax 128 g8.pgm half.vcbn
ok "${convert[@]}" half.vcbn half.pgm
claim 'twice as bright' [ "$(tail -c +14 half.pgm | od -A n -t u1 -N 1)" -ge "$(tail -c +14 g8.pgm | od -A n -t u1 -N 1)" ]
run "${convert[@]}" --vmin 0 g8.pgm no.vcbn
expect 2 '' 'pixelrain: g8.pgm: --vmin and --vmax go together'
run "${convert[@]}" --vmin 0 --vmax inf g8.pgm no.vcbn
expect 2 '' "pixelrain: g8.pgm: --vmax wants a finite number, not 'inf'"
ok "${convert[@]}" --dtype float32 --dialect head --vmin 0 --vmax 255 g8.pgm float.vcbn
ok "${convert[@]}" float.vcbn float.npy
ok "${convert[@]}" --dialect head float.npy again.vcbn
ok "${convert[@]}" again.vcbn again.npy
claim 'floating numbers between arrays and envelopes' cmp -s float.npy again.npy
run "${convert[@]}" float.npy no.vcbn
expect 4 '' 'pixelrain: float.npy: these numbers would be quantised: --dtype, --vmin and --vmax or --lossy allow it; --dialect head keeps them'
ok "${convert[@]}" float.npy --to vcbn --dtype uint8 --vmin 0 --vmax 255 -o arrays
ok "${convert[@]}" arrays/float.vcbn back.pgm
claim 'whole numbers survive' cmp -s g8.pgm back.pgm
run "${convert[@]}" float.vcbn g8.pgm no.npy
expect 4 '' 'pixelrain: g8.pgm: an array that is no picture has to be alone in its file'
run "${convert[@]}" float.vcbn no.png
expect 4 '' 'pixelrain: float.vcbn: holds float32, which no other format here holds'

/usr/bin/python3 -B "$PXR_SOURCE/tests/cli/convert_arrays.py" "$pixelrain" "$vectors"
code=$?
[ $code = 77 ] || claim 'arrays, as NumPy sees them' [ $code = 0 ]

# PCE: sprites of four levels; batches share a table, and larger pictures are tiles.
pgm small.pgm 4 4 1
run "${convert[@]}" small.pgm no.pce
expect 4 '' 'pixelrain: small.pgm: pixel (0, 0) is 49: PCE has the levels 0, 85, 170 and 255; --lossy takes the nearest class'
ok "${convert[@]}" --lossy small.pgm small.pce
ok "${convert[@]}" small.pce small2.pgm
there_and_back small2.pgm v.pce
run "${convert[@]}" levels.pgm no.pce
expect 4 '' "pixelrain: levels.pgm: a sprite has at most 255x255 pixels: '--to pceb -o DIR' cuts larger pictures into tiles"
ok "${convert[@]}" small2.pgm levels.pgm --to pceb -o set
claim 'the files of a batch' [ "$(cd set && echo ./*)" = './levels.0.0.pceb ./levels.0.1.pceb ./small2.pceb ./table.pcet' ]
ok "${convert[@]}" set/small2.pceb back.pgm
claim 'with the table beside it' cmp -s small2.pgm back.pgm
ok "${convert[@]}" set/*.pceb --to pgm -o joined
claim 'tiles are joined' [ "$(cd joined && echo ./*)" = './levels.pgm ./small2.pgm' ]
claim 'to the picture that was cut' cmp -s levels.pgm joined/levels.pgm
cp -r set holes && rm holes/levels.0.1.pceb
run "${convert[@]}" holes/levels.0.0.pceb some.pgm
claim 'without the last ones, it is a smaller picture' [ "$(head -n 2 some.pgm | tail -n 1)" = '255 70' ]
run "${convert[@]}" set/levels.0.1.pceb no.pgm
expect 4 '' 'pixelrain: the inputs are tiles of a picture whose first tile is not among them'
mv holes/levels.0.0.pceb holes/other.0.0.pceb && cp set/small2.pceb holes/other.0.1.pceb
run "${convert[@]}" holes/other.0.0.pceb no.pgm
expect 1 '' 'pixelrain: holes/other.0.0.pceb: a tile of 255x70 pixels does not fit its place of 255x4'
mkdir other && mv set/table.pcet other
run "${convert[@]}" set/small2.pceb no.pgm
expect 2 '' 'pixelrain: set/small2.pceb: no .pcet file lies beside it: --table FILE says which table it needs'
ok "${convert[@]}" --table other/table.pcet set/small2.pceb back.pgm
claim 'with a table that is named' cmp -s small2.pgm back.pgm
run "${convert[@]}" small2.pgm --to pceb -o set2 g8.pgm
claim 'a set is whole or not at all' [ -z "$(ls set2)" ]
run "${convert[@]}" small2.pgm no.pceb
expect 2 '' "pixelrain: pceb makes several files: use --to pceb -o DIR
Try 'pixelrain convert --help'."
cp "$vectors"/pce/solo_11_five.pce .
ok "${convert[@]}" solo_11_five.pce alpha.png
ok "${convert[@]}" alpha.png again.pce
claim 'transparent pixels' cmp -s solo_11_five.pce again.pce

# 80 x 53 pixels: the file begins with "P5", and the next bits can be those of a space.
printf 'P5\n53 80\n255\n' >p5.pgm
head -c 4240 /dev/zero >>p5.pgm
ok "${convert[@]}" p5.pgm p5.pce
claim 'it begins so' [ "$(head -c 2 p5.pce)" = P5 ]
ok "${convert[@]}" p5.pce back.pgm
claim 'and is a sprite all the same' cmp -s p5.pgm back.pgm

# Damaged files of each.
for bad in "$vectors"/bad/*; do
    case $bad in
    *.pcet) continue ;;
    *) run "${convert[@]}" --table "${bad%.*}.pcet" "$bad" no.png ;;
    esac
    claim "$bad is refused" [ -z "${code#[14]}" ]
    claim "$bad leaves nothing" [ ! -e no.png ]
done
claim 'nothing was left behind' [ -z "$(find . -name 'no.*' -o -name '*.tmp*' -o -name '.*.p*')" ]
passed
