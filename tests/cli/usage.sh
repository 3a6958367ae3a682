#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Help, version, and what the program says when it is called wrongly.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

run "$pixelrain"
expect 2 '' "Usage: pixelrain pack DIR_OF_IMAGES -o FILE.pxr    make an archive
       pixelrain mount FILE.pxr DIR                see its frames as files
       pixelrain extract FILE.pxr -o DIR           get the frames out
       pixelrain info|list|cat|check FILE.pxr      look inside
Try 'pixelrain --help'."

run "$pixelrain" --help
expect 0 "Usage: pixelrain COMMAND [ARGUMENT]...
Long sequences of grayscale frames in one lossless archive, each frame a file again.

Commands:
  pack      Make an archive of images.
  append    Add images to an archive.
  info      Print what an archive holds.
  list      List the frames of an archive.
  extract   Write frames to files, as an unpacked copy.
  cat       Write frames to standard output.
  check     Verify an archive; exit with 1 where it is damaged.
  recover   Make a new archive of what is left of a damaged one.
  merge     Make one archive of several, without decoding them.
  repack    Code an archive anew, in its place or as a new one.
  index     Add what a view needs whose sizes have no formula.
  convert   Turn pictures of one format into another.
  thumbnail Draw a frame as a small 8-bit PNG.
  mount     Mount an archive: its frames become files below a folder.
  serve     Show an archive in a browser.

'pixelrain COMMAND --help' explains a command; so does pixelrain(1).
'pixelrain --version' prints the version, with -v those of the libraries as well.
Exit status: 0 ok, 1 data damaged, 2 usage, 3 machine, 4 unsupported, 5 limit." ''

run "$pixelrain" -V
expect 0 "pixelrain $PXR_VERSION" ''
run "$pixelrain" -Vv
claim 'libraries in -Vv' grep -q '^built with libpng 1\.' "$scratch/out"

for command in pack info list extract cat check thumbnail mount; do
    run "$pixelrain" "$command" --help
    expect 0 "$out" ''
    claim "usage line of $command" grep -q "^Usage: pixelrain $command " "$scratch/out"
    claim "width of $command --help" awk 'length > 100 { exit 1 }' "$scratch/out"
    # Every option stands in the man page.
    sed -n 's/^  [ -]...*--\([a-z-]*\).*/\1/p' "$scratch/out" | while read -r option; do
        grep -qF -- "\\-\\-${option//-/\\-}" "$PXR_SOURCE/man/pixelrain.1" ||
            { echo "man/pixelrain.1 lacks --$option of $command" >&2; exit 1; }
    done || failed "man page"
done

run "$pixelrain" info --help
expect 0 "Usage: pixelrain info [--json] FILE.pxr
Print what an archive holds.

Options:
      --json                 Print one JSON object.
  -h, --help                 Show this help." ''

run "$pixelrain" pakc a -o b.pxr
expect 2 '' "pixelrain: unknown command 'pakc'; did you mean 'pack'?
Try 'pixelrain --help'."
run "$pixelrain" help
ours=$out
run "$pixelrain" --help
claim 'help and --help are the same' [ "$out" = "$ours" ]
run "$pixelrain" help info
claim 'help of a command' grep -q '^Usage: pixelrain info ' "$scratch/out"
run "$pixelrain" help inof
expect 2 '' "pixelrain: unknown command 'inof'; did you mean 'info'?
Try 'pixelrain --help'."
mkdir shots
: >reel.pxr
run "$pixelrain" shots
expect 2 '' "pixelrain: a command comes first: 'pixelrain pack shots -o FILE.pxr' makes an archive of this folder
Try 'pixelrain --help'."
run "$pixelrain" reel.pxr
expect 2 '' "pixelrain: a command comes first: 'pixelrain info reel.pxr' tells what this file holds
Try 'pixelrain --help'."
rm -r shots reel.pxr
run "$pixelrain" frobnicate
expect 2 '' "pixelrain: unknown command 'frobnicate'
Try 'pixelrain --help'."
run "$pixelrain" --frobnicate
expect 2 '' "pixelrain: unknown option '--frobnicate'
Try 'pixelrain --help'."
run "$pixelrain" -v
expect 2 '' "pixelrain: options come after the command
Try 'pixelrain --help'."
run "$pixelrain" pack --levle 3 x -o a.pxr
expect 2 '' "pixelrain: unknown option '--levle'; did you mean '--level'?
Try 'pixelrain pack --help'."
run "$pixelrain" pack -x
expect 2 '' "pixelrain: unknown option '-x'
Try 'pixelrain pack --help'."
run "$pixelrain" pack --s x
expect 2 '' "pixelrain: option '--s' is ambiguous
Try 'pixelrain pack --help'."
run "$pixelrain" pack --luma=yes x
expect 2 '' "pixelrain: option '--luma' takes no argument
Try 'pixelrain pack --help'."
run "$pixelrain" pack x -o
expect 2 '' "pixelrain: option '-o' wants an argument
Try 'pixelrain pack --help'."
run "$pixelrain" pack -l 20 x -o a.pxr
expect 2 '' "pixelrain: --level wants a number from 1 to 19, not '20'
Try 'pixelrain pack --help'."
run "$pixelrain" pack --codec gzip x -o a.pxr
expect 2 '' "pixelrain: --codec is one of auto, store, zstd, predict, match, adaptive, sorted, not 'gzip'
Try 'pixelrain pack --help'."
run "$pixelrain" pack --preset slow x -o a.pxr
expect 2 '' "pixelrain: --preset is one of default, fast, max, not 'slow'
Try 'pixelrain pack --help'."
run "$pixelrain" pack --preset fast --codec zstd x -o a.pxr
expect 2 '' "pixelrain: --preset chooses codecs by itself: it goes with --codec auto only
Try 'pixelrain pack --help'."
for block in 8 8x8 8x8x8x8 8x8x 0x8x8 8X8X8 8x8x99999999999; do
    run "$pixelrain" pack --block "$block" x -o a.pxr
    expect 2 '' "pixelrain: --block wants FRAMESxROWSxCOLUMNS, not '$block'
Try 'pixelrain pack --help'."
done
run "$pixelrain" pack -o a.pxr
expect 2 '' "pixelrain: missing operand: pixelrain pack [OPTION]... INPUT... -o FILE.pxr
Try 'pixelrain pack --help'."
run "$pixelrain" pack x
expect 2 '' "pixelrain: -o FILE.pxr is missing
Try 'pixelrain pack --help'."
run "$pixelrain" pack x -o -
expect 2 '' "pixelrain: an archive cannot be written to a pipe: -o wants a file
Try 'pixelrain pack --help'."
run "$pixelrain" pack x --skip 3 -o a.pxr
expect 2 '' "pixelrain: --skip and --stride belong to --raw
Try 'pixelrain pack --help'."
run "$pixelrain" pack - - -o a.pxr
expect 2 '' "pixelrain: '-' can be given only once"
run "$pixelrain" info a b
expect 2 '' "pixelrain: unexpected operand 'b'
Try 'pixelrain info --help'."
run "$pixelrain" extract a.pxr
expect 2 '' "pixelrain: -o DIR is missing
Try 'pixelrain extract --help'."
run "$pixelrain" check --quick --deep a.pxr
expect 2 '' "pixelrain: only one of --quick and --deep can be given
Try 'pixelrain check --help'."
run "$pixelrain" cat --frame 1 --name x a.pxr
expect 2 '' "pixelrain: only one of --frame, --name and --frames can be given
Try 'pixelrain cat --help'."
run "$pixelrain" mount
expect 2 '' "pixelrain: missing operand: pixelrain mount FILE.pxr DIR [-o OPTIONS]
Try 'pixelrain mount --help'."
claim 'nothing was created' [ -z "$(ls -A)" ]

# What cannot be printed is an error, and names that could drive a terminal are made harmless.
"$pixelrain" --help >/dev/full 2>"$scratch/err"
code=$? out='' err=$(cat "$scratch/err")
expect 3 '' 'pixelrain: standard output cannot be written: No space left on device'
run "$pixelrain" info "$(printf 'a\033[31m')"
expect 3 '' 'pixelrain: a?[31m: cannot be opened: No such file or directory'
passed
