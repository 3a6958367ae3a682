#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The rules of the house: who includes whom, who may see a third party's header, names, lengths.

    layering.py [ROOT]       check a tree; exit 1 and one line per violation
    layering.py --self-test  make small wrong trees and check that each rule catches its violation
"""
import collections
import os
import re
import sys
import tempfile

# What a folder may include besides itself and include/: downwards only.
SEES = {
    "util": [],
    "codec": ["util"],
    "index": ["codec", "util"],
    "view": ["index", "codec", "util"],
    "confine": ["util"],
    "image": ["confine", "util"],
    "cli": ["view", "index", "codec", "image", "util"],
    "fs": ["view", "index", "codec", "confine", "util"],
    "serve": ["view", "index", "codec", "confine", "util"],
    "include": [],
    "examples": [],
}
FREE = ("tests", "bench")  # may look at everything
MAX_FILES_PER_THIRD_PARTY = 2
THIRD_PARTY = re.compile(r"^(zstd|zstd_errors|zdict|png|fuse|fuse_\w+|xxhash|libdeflate|zlib|tiffio|libwebsockets|seccomp|isa-l/\w+)\.h$")
MAX_LINES = 800
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.M)
SOURCE = (".c", ".h", ".inc")
NAMED_ONCE = SOURCE + (".py", ".sh")


def tree_files(root):
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(d for d in subfolders
                               if not d.startswith((".", "build")) and d != "__pycache__")
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read()


def violations(root):
    """Yield one sentence per violation."""
    files = list(tree_files(root))
    by_name = collections.defaultdict(list)
    for path in files:
        if path.endswith(NAMED_ONCE):
            by_name[os.path.basename(path)].append(path)
    for name, paths in sorted(by_name.items()):
        if len(paths) > 1:
            yield f"{name}: the name is used {len(paths)} times: {', '.join(paths)}"

    third_party = collections.defaultdict(list)
    for path in (p for p in files if p.endswith(SOURCE)):
        text = read(root, path)
        folder = path.split(os.sep)[0]
        if not text.startswith("/* SPDX-License-Identifier: MIT"):
            yield f"{path}:1: does not begin with the license line"
        n_lines = text.count("\n")
        if n_lines > MAX_LINES and not path.endswith(".inc"):
            yield f"{path}:{n_lines}: longer than {MAX_LINES} lines"
        for found in INCLUDE.finditer(text):
            line = text.count("\n", 0, found.start(0) + 1) + 1
            ours, theirs = found.groups()
            name = os.path.basename(ours or theirs)
            if THIRD_PARTY.match(name) and name not in by_name and folder not in FREE:
                third_party[name].append(path)
                if name.startswith("fuse") and folder != "fs":
                    yield f"{path}:{line}: {name} belongs to fs/"
            if not ours or folder in FREE:
                continue
            if folder not in SEES:
                yield f"{path}:{line}: no rule for the folder {folder}/"
                continue
            if name not in by_name:
                if not THIRD_PARTY.match(name):
                    yield f"{path}:{line}: {ours} is nowhere in the tree"
                continue
            target = by_name[name][0].split(os.sep)[0]
            if target not in (folder, "include") and target not in SEES[folder]:
                yield f"{path}:{line}: {folder}/ must not see {target}/ ({ours})"
    for name, paths in sorted(third_party.items()):
        if len(set(paths)) > MAX_FILES_PER_THIRD_PARTY:
            yield f"{name}: included by more than {MAX_FILES_PER_THIRD_PARTY} files: {', '.join(paths)}"


LICENSE = "/* SPDX-License-Identifier: MIT\n * Something. */\n"
# A sound tree, then one change each and a piece of the sentence that must come of it.
SOUND = {
    "include/pixelrain.h": "",
    "util/bytes.h": "",
    "codec/block/block.h": '#include "bytes.h"\n',
    "index/parse.c": '#include "block.h"\n#include "pixelrain.h"\n#include <xxhash.h>\n',
    "view/view.h": '#include "bytes.h"\n',
    "image/image.h": '#include "bytes.h"\n',
    "cli/main.c": '#include "view.h"\n#include "image.h"\n',
    "fs/ops.h": '#include <fuse_lowlevel.h>\n#include "view.h"\n',
    "tests/probe.c": '#include "ops.h"\n#include "image.h"\n#include <fuse_lowlevel.h>\n',
}
WRONG = [
    ("util/up.c", '#include "block.h"\n', "util/ must not see codec/"),
    ("codec/up.c", '#  include  "view.h"\n', "codec/ must not see view/"),
    ("view/side.c", '#include "image.h"\n', "view/ must not see image/"),
    ("image/side.c", '#include "block.h"\n', "image/ must not see codec/"),
    ("cli/side.c", '#include "ops.h"\n', "cli/ must not see fs/"),
    ("fs/side.c", '#include "../cli/tool.h"\n', "fs/ must not see cli/", ("cli/tool.h", "")),
    ("fs/lost.c", '#include "nowhere.h"\n', "nowhere in the tree"),
    ("other/new.c", '#include "bytes.h"\n', "no rule for the folder other/"),
    ("cli/fuse.c", "#include <fuse_opt.h>\n", "belongs to fs/"),
    ("cli/ops.c", "", "is used 2 times", ("fs/ops.c", "")),
    ("cli/long.c", "\n" * 900, "longer than 800 lines"),
    ("index/more.c", "#include <xxhash.h>\n", "more than 2 files", ("index/most.c", "#include <xxhash.h>\n")),
    ("util/bare.c", None, "license line"),
]


def write(root, path, text):
    os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
    with open(os.path.join(root, path), "w", encoding="utf-8") as f:
        f.write("int x;\n" if text is None else LICENSE + text)


def self_test():
    n_missed = 0
    for path, text, expected, *others in [("util/fine.c", '#include "bytes.h"\n', None)] + WRONG:
        with tempfile.TemporaryDirectory() as root:
            for name, content in [*SOUND.items(), *others, (path, text)]:
                write(root, name, content)
            found = list(violations(root))
        is_right = len(found) == 1 and expected in found[0] if expected else not found
        if not is_right:
            n_missed += 1
            print(f"{path}: expected {expected!r}, found {found}", file=sys.stderr)
    print(f"LAYERING SELF-TEST {len(WRONG)} rules {'FAILED' if n_missed else 'ok'}")
    return 1 if n_missed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..")
    found = list(violations(root))
    for sentence in found:
        print(sentence, file=sys.stderr)
    n_files = sum(1 for p in tree_files(root) if p.endswith(SOURCE))
    if not n_files:
        print(f"{root}: no source files", file=sys.stderr)
        return 1
    print(f"LAYERING {n_files} files, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
