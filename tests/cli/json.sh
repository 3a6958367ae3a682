#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What --json prints is JSON, and says what it should.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# member NAME: its value in the JSON object of the last run.
member() {
    /usr/bin/python3 -c 'import json, sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2].split("."):
    v = v[int(k) if isinstance(v, list) else k]
print(json.dumps(v))' "$scratch/out" "$1"
}

mkdir f
for i in 1 2 3; do pgm "f/a\"b$i.pgm" 6 4 "$i"; done
touch -d '1969-12-31 23:59:59.25 UTC' 'f/a"b1.pgm'
touch -d '2024-05-01 12:00:00.5 UTC' 'f/a"b3.pgm'
echo x >f/text

ok "$pixelrain" pack --json --time mtime f -o a.pxr
claim 'one line' [ "$(wc -l <"$scratch/out")" = 1 ]
for pair in 'type "pack"' 'version 1' 'frames 3' 'width_px 6' 'height_px 4' 'bits 8' 'pixel_bytes 72' \
    'pictures_skipped 0' 'other_files_skipped 1' 'archive "a.pxr"' "archive_bytes $(stat -c %s a.pxr)"; do
    claim "pack: $pair" [ "$(member "${pair%% *}")" = "${pair#* }" ]
done
ok "$pixelrain" info --json a.pxr
claim 'one line' [ "$(wc -l <"$scratch/out")" = 1 ]
for pair in 'type "info"' 'version 1' 'frames 3' 'first.name "a\"b1"' 'first.time_ns -750000000' \
    'last.time_ns 1714564800500000000' 'last.maxval 255' 'tail_bytes 0' 'commit 1' 'groups_looked_at 1'; do
    claim "info: $pair" [ "$(member "${pair%% *}")" = "${pair#* }" ]
done
claim 'one block of some codec' grep -Eq '"codecs": ?\{"(zstd|store|predict)": ?1\}' "$scratch/out"
ok "$pixelrain" list --json a.pxr
claim 'a line per frame' [ "$(wc -l <"$scratch/out")" = 3 ]
claim 'each is JSON' /usr/bin/python3 -m json.tool --json-lines "$scratch/out" "$scratch/pretty"
claim 'in order' [ "$(grep -o '"frame": [0-9]*' "$scratch/pretty" | tr '\n' ' ')" = '"frame": 0 "frame": 1 "frame": 2 ' ]
ok "$pixelrain" check --json a.pxr
claim 'is_sound' [ "$(member is_sound)" = true ]
claim 'no damages' [ "$(member damages)" = '[]' ]
cp a.pxr b.pxr
printf 'X' | dd of=b.pxr bs=1 seek=150 conv=notrunc status=none
run "$pixelrain" check --json b.pxr
claim 'check exits with 1' [ "$code" = 1 ]
claim 'not sound' [ "$(member is_sound)" = false ]
claim 'a damage has a text' member damages.0.text >/dev/null

# Errors stay text.
run "$pixelrain" info --json missing.pxr
expect 3 '' 'pixelrain: missing.pxr: cannot be opened: No such file or directory'

# The same for people.
run "$pixelrain" info a.pxr
claim 'time range' grep -q '^time  *1969-12-31T23:59:59.250000000Z to 2024-05-01T12:00:00.500000000Z$' "$scratch/out"
claim 'geometry' grep -q '^frame size  *6 x 4 pixels, 8 bit$' "$scratch/out"
claim 'id' grep -Eq '^id  *[0-9a-f]{32}$' "$scratch/out"
claim 'duration' grep -q '^duration  *1714564801.250 s, 0.00 frames per second on average$' "$scratch/out"
claim 'codecs' grep -q -E '^codecs  *(zstd|store|predict) 100 % of 1 block$' "$scratch/out"
claim 'the block that is there, not the nominal one' grep -q '^block  *3 frames x 4 rows x 6 columns$' "$scratch/out"
claim 'groups that are alike' grep -q '^groups  *1 of 3 frames$' "$scratch/out"
ok "$pixelrain" pack -q --block 2x4x6 f -o two.pxr
run "$pixelrain" info two.pxr
claim 'the largest block' grep -q '^block  *up to 2 frames x 4 rows x 6 columns$' "$scratch/out"
claim 'groups of different length' grep -q '^groups  *2 of 1 to 2 frames$' "$scratch/out"
ok "$pixelrain" info --json two.pxr
claim 'the same as JSON' [ "$(member group_frames)" = '[1, 2]' ]

# Metadata may hold anything that JSON may: nothing of it reaches the terminal as a command.
printf '{\n\t"a": "\302\233 \177 \303\251"\n}' >meta.json
ok "$pixelrain" pack -q --meta meta.json f -o meta.pxr
run "$pixelrain" info meta.pxr
claim 'metadata on one line' grep -qF "$(printf 'metadata       {  "a": "? ? \303\251" }')" "$scratch/out"
ok "$pixelrain" info --json meta.pxr
claim 'unchanged as JSON' [ "$(member metadata.a)" = '"\u009b \u007f \u00e9"' ]
run "$pixelrain" list -l --frames 2 a.pxr
claim 'long list' grep -Eq '^ *2   8 bit    255  2024-05-01T12:00:00\.500000000Z  [0-9a-f]{16}  6x4  a"b3$' "$scratch/out"
passed
