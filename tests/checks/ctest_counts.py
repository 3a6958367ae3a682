#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ctest_counts.py JUNIT_XML CTEST_EXIT_STATUS: print "passed failed skipped" of a ctest run.

Skipped is only what a test itself asked for (exit code 77): a test that could not be started failed,
and so did a run whose report is missing or whose exit status is not explained by a failed test.
"""
import sys
import xml.etree.ElementTree as ElementTree


def counts(path):
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).iter("testcase"):
        skip = case.find("skipped")
        if skip is not None and skip.get("message", "").startswith("SKIP_"):
            skipped += 1
        elif case.find("failure") is not None or skip is not None or case.get("status") != "run":
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped


def main():
    path, status = sys.argv[1], int(sys.argv[2])
    try:
        passed, failed, skipped = counts(path)
    except (OSError, ElementTree.ParseError) as e:
        print(f"ctest_counts: {e}", file=sys.stderr)
        passed, failed, skipped = 0, 1, 0
    if failed == 0 and (status != 0 or passed + skipped == 0):
        failed = 1
    print(passed, failed, skipped)


if __name__ == "__main__":
    main()
