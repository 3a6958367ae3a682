#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Parity: lost bytes are computed, what is beyond it is told, and archives keep it.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir f
for i in {10..49}; do pgm "f/$i.pgm" 64 64 "$i"; done
run "$pixelrain" pack -q --parity 5% --codec store f -o p.pxr
if [ "$code" = 4 ]; then
    claim 'it says what is missing' grep -q 'parity needs ISA-L.*libisal-dev' <<<"$err"
    claim 'nothing is left behind' [ ! -e p.pxr ]
    # What parity an archive has stays; what is written now has none, and that is said once.
    cp "$here/../golden/parity8.pxr" p.pxr
    chmod u+w p.pxr
    ok "$pixelrain" extract -q --format pgm p.pxr -o old
    run "$pixelrain" append -q --duplicate-names suffix p.pxr old
    claim 'append says that new frames have none' [ "$code" = 0 ]
    claim 'once' [ "$(grep -c "warning: 'p.pxr' has parity, .*: what is appended has none, .*'recover' cannot repair it" <<<"$err")" = 1 ]
    run "$pixelrain" info p.pxr
    claim 'less is covered' grep -Eq '^parity +[0-9]+ %, ([0-9]+) of ([0-9]+) bytes covered$' <<<"$out"
    read -r covered all < <(sed -nE 's/^parity .*, ([0-9]+) of ([0-9]+) .*/\1 \2/p' <<<"$out")
    claim 'than there is' [ "$covered" -lt "$all" ]
    run "$pixelrain" append -q --parity none --duplicate-names suffix p.pxr old
    claim 'not where none was asked for' [ "$code:$err" = 0: ]
    run "$pixelrain" merge -q p.pxr -o m.pxr
    claim 'merge says it' grep -q "'p.pxr' has parity, .*: what is merged has none" <<<"$err"
    run "$pixelrain" repack -q p.pxr -o r.pxr
    claim 'repack too' grep -q "'p.pxr' has parity, .*: what is repacked has none" <<<"$err"
    passed
fi
claim 'exit' [ "$code" = 0 ]
for wrong in 0 101 5.5 x 5%% '' -1; do
    run "$pixelrain" pack -q "--parity=$wrong" f -o no.pxr
    claim "--parity '$wrong' is refused" [ "$code" = 2 ]
done
run "$pixelrain" info p.pxr
claim 'info' grep -Eq '^parity +5 %, ([0-9]+) of \1 bytes covered$' <<<"$out"
run "$pixelrain" info --json p.pxr
claim 'and in JSON' grep -Eq '"archive_bytes":([0-9]+),.*"parity":\{"percent":5,"covered_bytes":\1,' <<<"$out"
run "$pixelrain" check --deep p.pxr
claim 'sound' [ "$code" = 0 ]
ok "$pixelrain" pack -q --codec store f -o plain.pxr
run "$pixelrain" info plain.pxr
claim 'without it, info does not speak of it' [ "${out/parity/}" = "$out" ]
ok "$pixelrain" extract -q --format pgm p.pxr -o whole
claim 'frames are what they were' diff -r whole f

# wrong FROM TO OFF BYTES: a copy with so many other bytes.
wrong() {
    /usr/bin/python3 - "$@" <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
off, n = int(sys.argv[3]), int(sys.argv[4])
off += len(data) if off < 0 else 0
for i in range(off, off + n):
    data[i] ^= 1 + i % 255
open(sys.argv[2], "wb").write(data)
PYTHON
}

wrong p.pxr bad.pxr 70001 5000
run "$pixelrain" extract -q --format pgm bad.pxr -o o
claim 'a reader meets the damage' [ "$code" = 1 ]
claim 'and hears of parity' grep -qx "pixelrain: bad.pxr has parity: 'pixelrain recover' may repair it" <<<"$err"
run "$pixelrain" check --deep bad.pxr
claim 'check finds it' [ "$code" = 1 ]
claim 'and says that it can be repaired' grep -Eq "^parity: 'pixelrain recover' can repair [0-9]+ damaged bytes, not 0$" <<<"$out"
run "$pixelrain" recover bad.pxr -o good.pxr
claim 'recover: exit' [ "$code" = 0 ]
claim 'what was repaired' grep -qx 'repaired: 5000 bytes at offset 70001' <<<"$out"
claim 'in all' grep -qx 'parity: 5000 bytes repaired, 0 damaged beyond it' <<<"$out"
claim 'nothing is lost' grep -q ' 0 gaps: 0 frames lost, 0 numbered$' <<<"$out"
ok "$pixelrain" extract -q --format pgm good.pxr -o o2
claim 'every frame' diff -r o2 f
run "$pixelrain" check --deep -q good.pxr
expect 0 '' ''
run "$pixelrain" info good.pxr
claim 'the new one has parity too' grep -q '^parity  *5 %' <<<"$out"
run "$pixelrain" recover --json bad.pxr -o r2.pxr
claim 'json' grep -q '"losses":\[\],"repairs":\[{"off_bytes":70001,"bytes":5000,"is_repaired":true}\],"bytes_repaired":5000,"bytes_beyond_parity":0,' <<<"$out"
claim 'is the same' cmp good.pxr r2.pxr
ok "$pixelrain" recover -q bad.pxr --parity none -o r3.pxr
run "$pixelrain" info r3.pxr
claim 'or not' [ "${out/parity/}" = "$out" ]

# Superblock; the last commit with what stands before it.
for place in '0 2000' '-232 232' '-2000 2000'; do
    # shellcheck disable=SC2086
    wrong p.pxr bad.pxr $place
    rm -rf o2
    ok "$pixelrain" recover -f bad.pxr -o good.pxr
    ok "$pixelrain" extract -q --format pgm good.pxr -o o2
    claim "every frame ($place)" diff -r o2 f
done

# Too much: 40 KB of what has 4 parity cells.
wrong p.pxr bad.pxr 70001 40000
run "$pixelrain" recover -f bad.pxr -o good.pxr
claim 'beyond it: exit' [ "$code" = 1 ]
claim 'what is damaged' grep -Eq '^damaged beyond parity: [0-9]+ bytes at offset 6[0-9]+$' <<<"$out"
n_lost=$(sed -nE 's/^good.pxr: .* ([0-9]+) frames lost, .*/\1/p' <<<"$out" | tail -1)
told=$(sed -nE 's/^lost: frames? ([0-9]+)( to ([0-9]+))?.*/\1 \3/p' <<<"$out" | awk '{ n += ($2 == "" ? $1 : $2) - $1 + 1 } END { print n }')
claim 'each lost frame is told' [ "$n_lost" = "$told" ]
ok "$pixelrain" list good.pxr
claim 'the others are there' [ "$(wc -l <<<"$out")" = $((40 - n_lost)) ]
claim 'and some are lost' [ "$n_lost" -gt 0 ]

# It stays with append, merge and repack.
mkdir more
pgm more/50.pgm 64 64 50
cp p.pxr a.pxr
ok "$pixelrain" append -q a.pxr more
run "$pixelrain" info a.pxr
claim 'append goes on' grep -Eq '^parity +5 %, ([0-9]+) of \1 bytes covered$' <<<"$out"
ok "$pixelrain" repack -q a.pxr --preset fast
run "$pixelrain" info a.pxr
claim 'repack keeps it' grep -Eq '^parity +5 %, ([0-9]+) of \1 bytes covered$' <<<"$out"
ok "$pixelrain" merge -q a.pxr plain.pxr --duplicate-names suffix -o m.pxr
run "$pixelrain" info m.pxr
claim 'merge too' grep -Eq '^parity +5 %, ([0-9]+) of \1 bytes covered$' <<<"$out"
ok "$pixelrain" merge -q plain.pxr --parity 30 -o m2.pxr
run "$pixelrain" info m2.pxr
claim 'or adds it' grep -Eq '^parity +30 %, ([0-9]+) of \1 bytes covered$' <<<"$out"
cp plain.pxr a.pxr
ok "$pixelrain" append -q --parity 8% a.pxr more
run "$pixelrain" info a.pxr
claim 'append covers what was there' grep -Eq '^parity +8 %, ([0-9]+) of \1 bytes covered$' <<<"$out"
ok "$pixelrain" index -q a.pxr png-small
run "$pixelrain" info a.pxr
claim 'index goes on too' grep -Eq '^parity +8 %, ([0-9]+) of \1 bytes covered$' <<<"$out"
run "$pixelrain" check --deep -q a.pxr
expect 0 '' ''

for j in 1 3 8; do
    ok "$pixelrain" pack -q -f -j $j --parity 5% --codec store f -o j.pxr
    claim "the same bytes with $j threads" cmp j.pxr p.pxr
done

passed
