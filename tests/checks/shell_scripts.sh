#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every shell script of the tree passes shellcheck.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v shellcheck >/dev/null || { echo "shellcheck is not installed"; exit 77; }
mapfile -t scripts < <(
    find . -path ./.git -prune -o -path './build*' -prune -o -type f -size -256k -print0 |
        xargs -0 grep -lE -m1 '^#!/(usr/bin/env (ba)?sh|bin/(ba)?sh)' | sort)
[ "${#scripts[@]}" -gt 0 ]
shellcheck -x "${scripts[@]}"
echo "SHELLCHECK ${#scripts[@]} scripts ok"
