#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Run every command that a document shows.

    run_blocks.py BUILD_FOLDER DOCUMENT.md
    run_blocks.py --self-test

Each fenced block is run, in order, in one scratch folder with the built programs in PATH and with inputs:
reel/ (PGM frames, in README those of the demo, else 120 small ones), more/ (ten later ones), shots/ (24 PNG frames of 16 bits), film.mkv, reel.pxr (made of reel/), an empty mnt/, and
examples/ of the source.  What is mounted below the folder is unmounted at the end.

    ```sh       a script; it must succeed
    ```console  "$ COMMAND" lines are run; the lines below each are what it prints, where "..." stands for any
                lines, and any number for any other one
    ```python   run by /usr/bin/python3
    ```c        compiled and linked with the shared library
    ```text     not run

A comment in the line before a block says what it needs; without it the block is skipped, listed and counted:

    <!-- needs: eog -->               a program
    <!-- needs: mount -->             that this machine can mount
    <!-- needs: python:torch -->      a Python module
    <!-- needs: file:/usr/x.jar -->   a file
    <!-- not run: it asks for a password -->   never, for this reason
"""
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"(?:^<!--\s*(needs|not run):\s*(.*?)\s*-->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)
INDENTED = re.compile(r"(?:\A|\n)\n    \S")
LIMIT_S = 120


class Wrong(Exception):
    pass


def blocks(text):
    """(line, marker, what the marker says, language, body) of each fenced block."""
    for found in BLOCK.finditer(text):
        yield (text.count("\n", 0, found.start(4)), *found.groups())


@functools.lru_cache  # asked once: it unmounts everything
def can_mount(build, folder):
    """In the state that make_inputs leaves."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK) or not os.path.exists(os.path.join(build, "bin/mount.pixelrain")):
        return False
    done = subprocess.run(["pixelrain", "mount", "reel.pxr", "mnt"], cwd=folder, check=False, capture_output=True)
    if done.returncode:
        return False
    unmount_all(folder)
    return True


def unmount_all(folder):
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as f:
        mounts = [line.split()[1] for line in f]
    for mount in mounts:
        if mount.startswith(folder + "/"):
            subprocess.run(["fusermount3", "-uz", mount] if os.getuid() else ["umount", "-l", mount], check=True)


def lacks(need, build, folder):
    """The first thing of the list that is not there, or None."""
    for word in need.replace(",", " ").split():
        kind, _, name = word.rpartition(":")
        if kind == "python":
            if subprocess.run(["/usr/bin/python3", "-c", f"import {name}"], check=False, capture_output=True).returncode:
                return word
        elif kind == "file":
            if not os.path.exists(name):
                return word
        elif word == "mount":
            if not can_mount(build, folder):
                return word
        elif word == "parity":  # exit 4: built without
            tried = ["pixelrain", "merge", "--parity", "5%", "/dev/null", "-o", "unused"]
            if subprocess.run(tried, cwd=folder, check=False, capture_output=True).returncode == 4:
                return word
        elif word == "root":
            if os.getuid():
                return word
        elif not shutil.which(word):
            return word
    return None


def normal(line):
    """Without what differs from machine to machine: numbers and their units."""
    line = re.sub(r"\d[\d.,]*(?: ?[KMG]i?B)?", "0", line.rstrip())
    return re.sub(r"\b0 B\b", "0", line)


def compare(command, expected, printed):
    """Expected lines, where "..." matches any number of lines, against what was printed."""
    wanted = [normal(line) for line in expected]
    got = [normal(line) for line in printed]
    pattern = "".join(r"(?:[^\n]*\n)*?" if line == "..." else re.escape(line) + "\n" for line in wanted)
    if not re.fullmatch(pattern, "".join(line + "\n" for line in got)):
        raise Wrong(f"'{command}' prints\n" + "\n".join(printed) + "\nnot\n" + "\n".join(expected))


def run(command, folder, env):
    done = subprocess.run(command, cwd=folder, env=env, check=False, timeout=LIMIT_S, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace")
    if done.returncode:
        raise Wrong(f"exit code {done.returncode} of {command[-1]}\n{done.stdout}")
    return done.stdout


def run_console(body, folder, env):
    command, expected = None, []
    for line in body.splitlines() + ["$ "]:
        if not line.startswith("$ "):
            expected.append(line)
            continue
        if command:
            printed = run(["bash", "-euo", "pipefail", "-c", command], folder, env).splitlines()
            if expected:
                compare(command, expected, printed)
        command, expected = line[2:], []


def run_block(language, body, folder, env, build):
    if language == "sh":
        run(["bash", "-euo", "pipefail", "-c", body], folder, env)
    elif language == "console":
        run_console(body, folder, env)
    elif language == "python":
        run(["/usr/bin/python3", "-B", "-c", body], folder, env)
    elif language == "c":
        with open(os.path.join(folder, "block.c"), "w", encoding="utf-8") as f:
            f.write(body)
        run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(env["SOURCE"], "include"), "block.c", "-L",
             os.path.join(build, "lib"), "-lpixelrain", "-o", "block"], folder, env)
    else:
        raise Wrong(f"no such kind of block: '{language}' (sh, console, python, c, text)")


def make_inputs(folder, env, source, is_readme):
    size = "--frames 240 --width 640 --height 480" if is_readme else "--frames 120 --width 320 --height 240"
    script = f"""reelsim {size} -o reel
        reelsim {size} --first 240 --frames 10 -o more
        reelsim --frames 24 --width 160 --height 120 --bits 12 --format png -o shots
        pixelrain pack -q reel -o reel.pxr
        mkdir mnt
        if command -v ffmpeg >/dev/null; then
            reelsim --frames 30 --width 160 --height 120 --format y4m | ffmpeg -v error -i - -c:v ffv1 film.mkv
        fi"""
    run(["bash", "-euc", script], folder, env)
    shutil.copytree(os.path.join(source, "examples"), os.path.join(folder, "examples"))


def run_document(build, document):
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    folder = tempfile.mkdtemp(prefix="pxr-docs-")
    os.environ["PATH"] = os.path.join(build, "bin") + ":" + os.environ["PATH"]
    env = dict(os.environ, LC_ALL="C.UTF-8", SOURCE=source, LD_LIBRARY_PATH=os.path.join(build, "lib"))
    with open(document, encoding="utf-8") as f:
        text = f.read()
    n_run, skipped, failed = 0, [], 0
    if INDENTED.search(BLOCK.sub("", text)):
        raise Wrong(f"{document}: an indented block: use ``` so that it is run")
    try:
        make_inputs(folder, env, source, "README" in document)
        can_mount(build, folder)
        for line, marker, why, language, body in blocks(text):
            place = f"{os.path.basename(document)}:{line}"
            missing = None if marker != "needs" else lacks(why, build, folder)
            if language == "text":
                continue
            if marker == "not run" or missing:
                skipped.append(f"{place}: {'needs ' + missing if missing else why}")
                continue
            try:
                run_block(language, body, folder, env, build)
                n_run += 1
            except (Wrong, subprocess.TimeoutExpired) as e:
                print(f"FAILED {place}: {e}", file=sys.stderr)
                failed += 1
    finally:
        unmount_all(folder)
        shutil.rmtree(folder)
    for line in skipped:
        print("skipped", line)
    print(f"BLOCKS {os.path.basename(document)}: {n_run} run, {failed} failed, {len(skipped)} skipped")
    return n_run > 0 and not failed


def self_test():
    """The rules catch what they are there for."""
    found = list(blocks("text\n<!-- needs: eog -->\n```sh\nfalse\n```\n```console\n$ echo 1 2.5 MiB\n3 4 KiB\n```\n"))
    assert [(f[1], f[2], f[3]) for f in found] == [("needs", "eog", "sh"), (None, None, "console")], found
    folder, env = tempfile.gettempdir(), dict(os.environ, SOURCE="")
    run_block(*found[1][3:5], folder, env, "")
    for language, body in [("sh", "true\nfalse\ntrue\n"), ("console", "$ echo some words\nother words\n"), ("python", "1 / 0\n"),
                           ("console", "$ printf 'a\\nb\\n'\na\n"), ("fortran", "")]:
        try:
            run_block(language, body, folder, env, "")
        except Wrong:
            continue
        raise SystemExit(f"not caught: {language} {body}")
    run_block("console", "$ printf 'a\\nb\\nc\\n'\na\n...\nc\n", folder, env, "")
    assert INDENTED.search("x\n\n    code\n") and not INDENTED.search("x\n\ncode\n  - item\n    more\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    else:
        sys.exit(0 if run_document(os.path.abspath(sys.argv[1]), sys.argv[2]) else 1)
