#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every shell script of the tree passes shellcheck, and none asks "grep -q" at the end of a pipe: it closes the pipe at the first
# match, the program before it dies of SIGPIPE, and with pipefail what was found counts as not found, now and then.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v shellcheck >/dev/null || { echo "shellcheck is not installed"; exit 77; }
mapfile -t scripts < <(
    find . -path ./.git -prune -o -path './build*' -prune -o -type f -size -256k -print0 |
        xargs -0 grep -lE -m1 '^#!/(usr/bin/env (ba)?sh|bin/(ba)?sh)' | sort)
[ "${#scripts[@]}" -gt 0 ]
shellcheck -x "${scripts[@]}"
mapfile -t strict < <(grep -lE 'pipefail|mount_lib\.sh' "${scripts[@]}")
! grep -nE '[^|]\|[[:space:]]*grep -[a-zA-Z]*q' "${strict[@]}" || { echo "use grep -q PATTERN <(COMMAND)"; exit 1; }
echo "SHELLCHECK ${#scripts[@]} scripts ok"
