"""Runs the test_* functions of one file and prints one line for each: ok, FAIL or skip, its name, the seconds.

Every file here ends with `run(__name__)` and is a program: /usr/bin/python3 tests/netns/test_clients.py [PATTERN]...
A test takes no argument, fails by any exception, and raises Skip(reason) where the machine cannot do it.
"""

import argparse
import contextlib
import fnmatch
import io
import os
import signal
import sys
import time
import traceback
from pathlib import Path

import lab
from goldilocks import Goldilocks


class Skip(Exception):
    """Why a test cannot run here."""


LONG = False  # --long: as much as the nightly run has time for; read it as runner.LONG
KERNEL = False  # --kernel: its TCP in the place of goldilocks, where a test can: it tries the test itself
_reports = []


def report(line):
    """A figure that belongs under the test's line also where all went well."""
    _reports.append(line)


def _interrupted(number, _frame):
    # Unwinds the context managers, which end processes and delete namespaces.
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _one(name, function):
    began = time.monotonic()
    said, verdict, reason = io.StringIO(), "ok", ""
    with contextlib.redirect_stdout(said):
        try:
            function()
        except Skip as e:
            verdict, reason = "skip", str(e)
        except Exception:
            verdict = "FAIL"
            traceback.print_exc(file=said)
    line = f"{verdict:4} {name} ({time.monotonic() - began:.1f} s)" + (f": {reason}" if reason else "")
    print(line)
    while _reports:
        print("    " + _reports.pop(0))
    if verdict == "FAIL":
        print("    " + said.getvalue().rstrip().replace("\n", "\n    "))
    sys.stdout.flush()
    return verdict


def run(module_name):
    if module_name != "__main__":
        return
    module = sys.modules["__main__"]
    area = Path(module.__file__).stem.removeprefix("test_")
    parser = argparse.ArgumentParser(description=module.__doc__)
    parser.add_argument("--goldilocks", type=Path, default=Goldilocks.binary, help="the program under test")
    parser.add_argument("--label", default="netns", help="what the names of the tests begin with")
    parser.add_argument("--long", action="store_true", help="more exchanges, where a test knows more")
    parser.add_argument("--kernel", action="store_true",
                        help="goldilocks' answers by the kernel's TCP, where a test knows how: to try the test itself")
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument("patterns", nargs="*", default=[], help="names to run, * matches anything")
    args = parser.parse_args()

    tests = [(f"{args.label}/{area}/{n.removeprefix('test_')}", f)
             for n, f in vars(module).items() if n.startswith("test_")]
    if args.patterns:
        names = {n for n, _ in tests}
        tests = [(n, f) for n, f in tests
                 if any(n == p if p in names else fnmatch.fnmatch(n, f"*{p}*") for p in args.patterns)]
        if not tests:
            sys.exit(f"no test of this file fits {' '.join(args.patterns)}: --list shows their names")
    if args.list:
        print("\n".join(n for n, _ in tests))
        return
    if os.geteuid() != 0:
        sys.exit("run this as root: it makes network namespaces")
    if not args.goldilocks.exists():
        sys.exit(f"{args.goldilocks} is not there: build it first, or name it with --goldilocks")
    Goldilocks.binary = args.goldilocks.resolve()
    global LONG, KERNEL
    LONG, KERNEL = args.long, args.kernel
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    lab.sweep()
    verdicts = [_one(n, f) for n, f in tests]
    count = {v: verdicts.count(v) for v in ("ok", "FAIL", "skip")}
    print(f"{count['ok']} passed, {count['FAIL']} failed"
          + (f", {count['skip']} skipped" if count["skip"] else ""))
    sys.exit(1 if count["FAIL"] else 0)
