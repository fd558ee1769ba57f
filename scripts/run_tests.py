#!/usr/bin/python3
"""Builds Goldilocks and runs its tests, one line each: ok, FAIL or skip, the name, the seconds. Called by scripts/test.

  build       release build (build/)
  lint        the rules of the tree: scripts/lint, a test for each part
  unit        GoogleTest programs, and the golden dialogues, of the release build
  asan        the same tests built with AddressSanitizer and UndefinedBehaviorSanitizer (build-asan/)
  fuzz        every fuzzer for some seconds, from its corpus (build-fuzz/, clang)
  netns       real clients, loss, operations, the comparison with NSD, in network namespaces: tests/netns/
  vm          a guest under QEMU, whose NICs DPDK's own drivers drive: tests/vm/test_guest.py
  netns-asan  hostile frames, clients, the HTTP gateway, transfers, control and dnstap against the sanitized program
"""

import argparse
import contextlib
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FUZZ_SECONDS = 8
LOG_LINES_SHOWN = 60
VM = ("guest",)  # of tests/vm; scripts/nightly runs all
NETNS = sorted(p.stem.removeprefix("test_") for p in (ROOT / "tests/netns").glob("test_*.py"))
LINT_PARTS = ("format", "tidy", "shell", "python", "layers", "links", "wrap")
LINT_LIMIT_S = 1800
NETNS_LIMIT_S = 300  # for each test of a file
NETNS_AT_ONCE = 2  # files; most of their time is waiting
# Files whose tests measure times or rates, or take all of the machine (QEMU).
NETNS_ALONE = {"af_xdp", "anycast", "boot", "exercises", "forward_loss", "keepalive", "kernel_port", "loss", "nfs_kernel",
               "rate_limit", "relay", "round_trips", "soft_state"}
# Of the sanitized program: what meets hostile or odd input. The rest would only be slow.
NETNS_ASAN = [n for n in ("frames", "large", "options", "forward_faults", "http_backend", "transfers_lies", "control",
                           "dnstap") if n in NETNS]
# Of these files only some: what strangers say there, and what readers and disks do.
NETNS_ASAN_ONLY = {"control": {"bad_input", "flush"}, "dnstap": {"forwarded", "a_reader_that_trickles", "a_full_disk"}}
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"}

# What a test in a network namespace says where no second try may excuse it: another byte than expected, a program that
# ended by itself or without order, a finding of a sanitizer, frames that were not counted.
CERTAIN = re.compile(r"WrongBytes|had ended by itself|SIGTERM ended|Sanitizer|runtime error:|verdicts add up")

# Minutes on two quiet cores, nothing built before; a busy machine takes twice as long and more.
EXPECTED_MIN = {"build": 5, "lint": 3, "unit": 1, "netns": 20, "vm": 2, "asan": 12, "fuzz": 3}
PROGRESS_S = 60

running = set()  # process groups to end when interrupted
group_seconds = {}  # what each group has cost, its build included
results = {"ok": 0, "FAIL": 0, "skip": 0}
failures, second_tries = [], []  # "name: why", for the last lines
print_lock = threading.Lock()


def heading(text):
    print(f"\n== {text}", flush=True)


@contextlib.contextmanager
def group(name):
    began = time.monotonic()
    try:
        yield
    finally:
        group_seconds[name] = group_seconds.get(name, 0) + time.monotonic() - began


def why(log):
    """The line of a log that most likely says it: the last one."""
    lines = log.strip().splitlines() or ["no word"]
    return lines[-1].strip()[:300]


def record(verdict, name, seconds, reason="", log=""):
    with print_lock:
        results[verdict] += 1
        if verdict == "FAIL":
            failures.append(f"{name}: {reason}; {why(log)}")
        print(f"{verdict:4} {name} ({seconds:.1f} s)" + (f": {reason}" if reason else ""))
        if verdict == "FAIL" and log:
            lines = log.rstrip().splitlines()
            if len(lines) > LOG_LINES_SHOWN:
                lines = [f"... {len(lines) - LOG_LINES_SHOWN} lines before these"] + lines[-LOG_LINES_SHOWN:]
            print("\n".join("    " + line for line in lines))
        sys.stdout.flush()


def end_group(process, grace):
    """Ends a process and what it started: politely, then not."""
    for number, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            continue


def run(command, limit, env=None, cwd=ROOT, show=False):
    """Runs a command in a process group of its own; returns its exit code (None: out of time), output and seconds."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen([str(c) for c in command], cwd=cwd, stdin=subprocess.DEVNULL,
                                   stdout=None if show else log, stderr=None if show else subprocess.STDOUT,
                                   env={**os.environ, **(env or {})}, start_new_session=True)
        running.add(process)
        try:
            code = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            end_group(process, grace=15)
            code = None
        finally:
            running.discard(process)
        log.seek(0)
        return code, log.read(), time.monotonic() - began


def job(name, command, limit, env=None, cwd=ROOT):
    code, log, seconds = run(command, limit, env, cwd)
    if code == 0:
        record("ok", name, seconds)
    else:
        record("FAIL", name, seconds, f"exceeded {limit} s" if code is None else f"exit code {code}", log)
    return code == 0


def side_by_side(function, calls, at_once):
    """Calls the function with each of these argument lists, so many at once: for tests that no clock measures."""
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for _ in pool.map(lambda arguments: function(*arguments), calls):
                pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                end_group(process, grace=20)
            raise


def run_build_step(step, env):
    """Its exit code, output and seconds; every minute a line says how far ninja has come. No limit: it is as slow as the
    machine is busy, and CI has a limit of its own."""
    began = shown = time.monotonic()
    log = []
    process = subprocess.Popen(step, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", env={**os.environ, **(env or {})}, start_new_session=True)
    running.add(process)
    for line in process.stdout:
        log.append(line)
        done = re.match(r"\[(\d+)/(\d+)\]", line)
        if done and time.monotonic() - shown >= PROGRESS_S:
            shown = time.monotonic()
            print(f"  {done[1]} of {done[2]} steps after {shown - began:.0f} s", flush=True)
    code = process.wait()
    running.discard(process)
    return code, "".join(log), time.monotonic() - began


def build(folder, options=(), env=None, targets=()):
    """Configures a build folder if that is still to do and builds all of it, or these targets; shows no compiler unless it
    fails."""
    heading(f"Building {folder}/")
    steps = [] if (ROOT / folder / "build.ninja").exists() else [["meson", "setup", folder, *options]]
    for step in steps + [["ninja", "-k", "0", "-C", folder, *targets]]:
        code, log, seconds = run_build_step(step, env)
        print(f"{' '.join(step)} ({seconds:.0f} s)", flush=True)
        if code != 0:
            # Of a long build only what went wrong.
            wrong = [line for line in log.splitlines() if re.search(r"^FAILED:|error|undefined reference", line)]
            record("FAIL", f"build/{folder}", seconds, "does not build", "\n".join(wrong) or log)
            return False
    return True


def chosen(names, patterns):
    if not patterns:
        return list(names)
    return [n for n in names if any(fnmatch.fnmatch(n, f"*{p}*") for p in patterns)]


def meson_tests(folder):
    listed = subprocess.run(["meson", "introspect", "--tests", folder], cwd=ROOT, capture_output=True, text=True)
    tests = json.loads(listed.stdout) if listed.returncode == 0 else []
    for t in tests:
        suite = (t["suite"] or ["unit"])[0].split(":")[-1]
        yield suite, t


def run_meson_tests(folder, label, patterns, env=None):
    jobs = []
    for suite, t in meson_tests(folder):
        name = f"{label + '/' if label else ''}{suite}/{t['name'].split(':')[-1].strip()}"
        if chosen([name], patterns):
            limit = (t["timeout"] or 30) * (4 if label else 2)
            jobs.append((name, t["cmd"], limit, {**t["env"], **(env or {})}, t["workdir"] or ROOT / folder))
    side_by_side(job, jobs, os.cpu_count())


def run_fuzzers(patterns):
    jobs = []
    for program in sorted((ROOT / "build-fuzz/tests/fuzz").glob("fuzz_*")):
        if not (program.is_file() and os.access(program, os.X_OK)):
            continue
        area = program.name.removeprefix("fuzz_")
        if not chosen([f"fuzz/{area}"], patterns):
            continue
        jobs.append((f"fuzz/{area}", ["tests/fuzz/run.sh", area, FUZZ_SECONDS, "build-fuzz"], FUZZ_SECONDS * 10 + 60,
                     SANITIZERS))
    side_by_side(job, jobs, os.cpu_count())


def netns_names(area, folder="netns"):
    text = (ROOT / f"tests/{folder}/test_{area}.py").read_text()
    return [f"{folder}/{area}/{n}" for n in re.findall(r"^def test_(\w+)\(", text, re.M)]


def netns_asan_names(area):
    return [n for n in netns_names(area) if n.rpartition("/")[2] in NETNS_ASAN_ONLY.get(area, {n.rpartition("/")[2]})]


class NetnsFile:
    """One file of tests/netns or tests/vm: its chosen tests run as one process, its lines printed as they come."""

    def __init__(self, area, build_folder, label, env, folder):
        program = ROOT / build_folder / "app/goldilocks/goldilocks"
        self.command = ["/usr/bin/python3", f"tests/{folder}/test_{area}.py", "--goldilocks", str(program), "--label", label]
        self.label, self.env = label, env
        self.verdicts, self.logs = {}, {}  # by name

    def run(self, names):
        began = time.monotonic()
        process = subprocess.Popen([*self.command, *names], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace",
                                   env={**os.environ, **(self.env or {})}, start_new_session=True)
        running.add(process)
        watchdog = threading.Timer(NETNS_LIMIT_S * len(names), end_group, (process, 20))
        watchdog.daemon = True
        watchdog.start()
        name, rest, block = None, [], []
        for line in process.stdout:
            verdict = re.match(r"(ok  |FAIL|skip) (" + self.label + r"/\S+) \(", line)
            if verdict:
                show(block)
                name, rest, block = verdict[2], [], []
                self.verdicts[name], self.logs[name] = verdict[1].strip(), ""
            elif name and line.startswith("    "):
                self.logs[name] += line
            else:
                rest.append(line)
            if verdict or line.startswith("    "):
                block.append(line)
        show(block)
        code = process.wait()
        watchdog.cancel()
        running.discard(process)
        for name in names:
            if name not in self.verdicts:
                reason = f"did not run: the file ended with exit code {code}"
                self.verdicts[name], self.logs[name] = "FAIL", "".join(rest) + reason
                show([f"FAIL {name} ({time.monotonic() - began:.1f} s): {reason}\n", *("    " + line for line in rest)])


def show(lines):
    """A test's lines together, whatever runs beside it."""
    with print_lock:
        print("".join(lines), end="", flush=True)


def run_netns(areas, patterns, build_folder="build", label="netns", env=None, folder="netns", names_of=None):
    """Files of tests side by side, but for those that a clock measures. A test that failed is run once more at the end, by
    itself: packets are lost at random here, clients wait for real timers, and the machine does other work as well. It counts
    as passed only if nothing in the first run speaks of a fault that chance does not make (CERTAIN), and the last lines name
    it. A second failure is a failure."""
    chosen_files = []
    for area in areas:
        names = [n.replace(f"{folder}/", f"{label}/", 1) for n in (names_of(area) if names_of else netns_names(area, folder))]
        if wanted := chosen(names, patterns):
            chosen_files.append((area, NetnsFile(area, build_folder, label, env, folder), wanted))
    company = [(file, wanted) for area, file, wanted in chosen_files if area not in NETNS_ALONE]
    side_by_side(NetnsFile.run, company, NETNS_AT_ONCE)
    for area, file, wanted in chosen_files:
        if area in NETNS_ALONE:
            file.run(wanted)
    for _, file, wanted in chosen_files:
        for name in [n for n in wanted if file.verdicts[n] == "FAIL"]:
            try_again(file, name)
        for name in wanted:
            results[file.verdicts[name]] += 1


def try_again(file, name):
    first = why(file.logs[name])
    if not CERTAIN.search(file.logs[name]):
        print(f"     {name} once more:")
        file.run([name])
        if file.verdicts[name] == "ok":
            second_tries.append(f"{name}: {first}")
    if file.verdicts[name] == "FAIL":
        failures.append(f"{name}: {first}")


def list_names():
    print("unit/*  (programs of tests/unit and tests/golden; the names are known once build/ is configured)")
    for suite, t in meson_tests("build") if (ROOT / "build/build.ninja").exists() else []:
        print(f"{suite}/{t['name'].split(':')[-1].strip()}")
    print("\n".join(f"lint/{part}" for part in LINT_PARTS))
    print("asan/*  (the same, sanitized)\nfuzz/*")
    for area in NETNS:
        print("\n".join(netns_names(area)))
    for area in VM:
        print("\n".join(netns_names(area, "vm")))
    for area in NETNS_ASAN:
        print("\n".join(n.replace("netns/", "netns-asan/", 1) for n in netns_asan_names(area)))


def wanted_group(prefix, patterns, names=()):
    """Whether any pattern may match in this group: without patterns always."""
    return not patterns or any(fnmatch.fnmatch(n, f"*{p}*") for p in patterns for n in names) or any(
        p.split("/")[0].strip("*") and prefix.startswith(p.split("/")[0].strip("*")) for p in patterns)


def interrupted(number, _frame):
    raise KeyboardInterrupt(number)


def main():
    parser = argparse.ArgumentParser(prog="scripts/test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only the unit tests and golden dialogues")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN",
                        help="only tests whose name holds this; * matches anything; may be given several times")
    parser.add_argument("--list", action="store_true", help="print the names, run nothing")
    args = parser.parse_args()
    if args.list:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `scripts/test --list | head`
        return list_names()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    if shutil.which("meson") is None:
        sys.exit("meson is not installed: run scripts/test, which installs it")
    began = time.monotonic()
    if not args.only and not args.quick:
        parts = ", ".join(f"{name} {minutes}" for name, minutes in EXPECTED_MIN.items())
        print(f"About {sum(EXPECTED_MIN.values())} minutes on two quiet cores ({parts}); less where something is built already")
    try:
        run_everything(args.only, args.quick)
    except KeyboardInterrupt as e:
        for process in list(running):
            end_group(process, grace=20)
        print("\ninterrupted; everything that was started has been ended")
        sys.exit(128 + (e.args[0] if e.args else signal.SIGINT))
    print(f"\n{time.monotonic() - began:.0f} s in all: "
          + ", ".join(f"{name} {seconds:.0f}" for name, seconds in group_seconds.items()))
    if results["skip"]:
        print(f"{results['skip']} skipped, for the reasons above")
    if second_tries:
        print(f"{len(second_tries)} passed at the second try only:")
        print("\n".join("    " + line for line in second_tries))
    if failures:
        print("Failed:")
        print("\n".join("    " + line for line in failures))
    print(f"{results['ok']} passed, {results['FAIL']} failed")
    sys.exit(1 if results["FAIL"] or not results["ok"] else 0)


def run_everything(only, quick):
    netns = [n for a in NETNS for n in netns_names(a)]
    netns_asan = [n.replace("netns/", "netns-asan/", 1) for a in NETNS_ASAN for n in netns_asan_names(a)]
    with group("build"):
        if not build("build"):
            return
    if not quick and wanted_group("lint", only):
        with group("lint"):
            heading("The rules")
            for part in chosen([f"lint/{part}" for part in LINT_PARTS], only):
                job(part, ["scripts/lint", part.removeprefix("lint/")], LINT_LIMIT_S)
    with group("unit"):
        heading("Unit tests and golden dialogues")
        run_meson_tests("build", "", only)
    if quick:
        return
    if not only or chosen(netns, only):
        with group("netns"):
            heading("Real clients in network namespaces")
            run_netns(NETNS, only)
    if not only or chosen([n for a in VM for n in netns_names(a, "vm")], only):
        with group("vm"):
            heading("Real drivers in a guest")
            run_netns(VM, only, label="vm", folder="vm")
    if wanted_group("asan", only) or chosen(netns_asan, only):
        with group("asan"):
            run_sanitized(only)
    if wanted_group("fuzz", only):
        with group("fuzz"):
            if build("build-fuzz", ["-Dfuzzers=true", "-Dtests=false", "-Dbenchmarks=false", "--buildtype=debugoptimized"],
                     {"CXX": "clang++"}, ["fuzzers"]):
                heading(f"Fuzzers, {FUZZ_SECONDS} s each")
                run_fuzzers(only)


def run_sanitized(only):
    if not build("build-asan", ["-Dsanitize=true", "-Dbenchmarks=false", "--buildtype=debugoptimized", "-Doptimization=1"]):
        return
    heading("With the sanitizers")
    if wanted_group("asan", only):
        run_meson_tests("build-asan", "asan", only, SANITIZERS)
    run_netns(NETNS_ASAN, only, "build-asan", "netns-asan", SANITIZERS, names_of=netns_asan_names)


if __name__ == "__main__":
    main()
