#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# extract: which files it creates and which it leaves alone.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir f
for i in {1..9}; do pgm "f/n$i.pgm" 5 4 "$i"; done
touch -d '2001-02-03 04:05:06.789 UTC' f/n2.pgm
ok "$pixelrain" pack -q --time mtime f -o a.pxr
run "$pixelrain" extract --format pgm a.pxr -o out
expect 0 '' '9 frames, 279 B, TIME'
claim 'all files' diff -r f out
claim 'the time of a file' [ "$(stat -c %.9Y out/n2.pgm)" = "$(stat -c %.9Y f/n2.pgm)" ]
claim 'permissions follow the umask' [ "$(umask 027; "$pixelrain" extract -q --frames 0 a.pxr -o u; stat -c %a u/n1.png)" = 640 ]

# Existing files stay, unless asked.
echo mine >out/n4.pgm
run "$pixelrain" extract --format pgm a.pxr --frames 3 -o out
expect 3 '' 'pixelrain: out/n4.pgm: exists already; -f replaces it'
claim 'the existing file stays' [ "$(cat out/n4.pgm)" = mine ]
ok "$pixelrain" extract -q -f --format pgm a.pxr -o out
claim '-f replaces' diff -r f out

# A link is replaced, never followed.
echo precious >precious
rm out/n5.pgm
ln -s ../precious out/n5.pgm
run "$pixelrain" extract --format pgm a.pxr --frames 4 -o out
expect 3 '' 'pixelrain: out/n5.pgm: exists already; -f replaces it'
ok "$pixelrain" extract -q -f --format pgm a.pxr --frames 4 -o out
claim 'what a link points to stays' [ "$(cat precious)" = precious ]
claim 'the link is replaced' [ ! -L out/n5.pgm ]
rm out/n6.pgm
ln -s ../nowhere out/n6.pgm
run "$pixelrain" extract --format pgm a.pxr --frames 5 -o out
claim 'a dangling link is not followed' [ ! -e nowhere ]

# Where it cannot write.
echo file >plain
run "$pixelrain" extract a.pxr -o plain
expect 3 '' 'pixelrain: plain: cannot be opened: Not a directory'
run "$pixelrain" extract a.pxr -o no/such
expect 3 '' 'pixelrain: no/such: cannot be created: No such file or directory'
mkdir out2 && mkdir out2/n1.png
run "$pixelrain" extract -f -q --frames 0 a.pxr -o out2
expect 3 '' 'pixelrain: out2/n1.png: cannot be created: Is a directory'
run "$pixelrain" extract -q --frames 1::3 a.pxr -o step
expect 0 '' ''
claim 'chosen frames only' [ "$(cd step && echo ./*)" = './n2.png ./n5.png ./n8.png' ]
run "$pixelrain" extract --progress --format raw a.pxr -o p
claim 'progress when asked' grep -q 'extracted \[[#.]*\] [0-9]*/9 frames' "$scratch/err"
passed
