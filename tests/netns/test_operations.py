"""Running it: reloads, restarts, key epochs, telemetry, packet capture, and what wrong input is told."""

import functools
import json
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import wire
from goldilocks import DEFAULT_ADDRESSES, ROOT_ZONE, Goldilocks, lcores
from lab import CLIENT_IF, ROOT, SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, sh
from lab import wait_for as lab_wait_for
from runner import Skip, run
from zones import txt_zone


def serial_of(answer):
    return int(wire.parse(answer).answer[0][0].strings[0])


wait_for = functools.partial(lab_wait_for, limit=15)


class Clients:
    """Threads that ask for the zone's serial without a pause, over both transports; a lost query is a failure."""

    def __init__(self):
        self.done = threading.Event()
        self.failures, self.asked = [], 0
        plans = [(self._udp, SERVER_V4), (self._udp, SERVER_V6), (self._fresh, SERVER_V4), (self._kept, SERVER_V6)]
        self.threads = [threading.Thread(target=self._run, args=p) for p in plans]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.done.set()
        for t in self.threads:
            t.join()

    def _run(self, ask, address):
        try:
            ask(address)
        except Exception as e:
            self.failures.append(f"{ask.__name__} {address}: {type(e).__name__} {e}")

    def _sequence(self, one_exchange):
        newest = 0
        while not self.done.is_set():
            serial = serial_of(one_exchange(wire.query("serial.big.example.", "TXT")))
            assert serial >= newest, f"serial {serial} after {newest}"
            newest = serial
            self.asked += 1

    def _udp(self, address):
        self._sequence(lambda q: wire.ask_udp(q, address))

    def _fresh(self, address):
        self._sequence(lambda q: wire.ask(q, address))

    def _kept(self, address):
        s = None

        def exchange(q):
            nonlocal s
            s = s or wire.connect(address)
            s.sendall(wire.framed(q))
            answer = wire.read_answer(s)
            # The server ends a connection with an answer when it has carried all that it may.
            if select.select([s], [], [], 0.001)[0]:
                assert wire.at_end(s)
                s.close()
                s = None
            return answer
        self._sequence(exchange)


def test_reload_under_load():
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(serial=1))
        with Goldilocks(lab, zones=[ROOT_ZONE, zone]) as server, Clients() as clients:
            for serial in (2, 3, 4):
                time.sleep(0.5)
                zone.write_text(txt_zone(serial=serial))
                server.signal(signal.SIGHUP)
                wait_for(lambda s=serial: serial_of(wire.ask(wire.query("serial.big.example.", "TXT"))) == s,
                         f"serial {serial} is not served")
            clients.done.set()
        assert not clients.failures, clients.failures
        assert clients.asked > 100, f"only {clients.asked} queries"


def test_broken_zone_keeps_the_old_one():
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(serial=1))
        with Goldilocks(lab, zones=[zone]) as server:
            good = txt_zone(serial=2)
            line = good.count("\n") + 1
            for broken, line_number in ((good + "oops A 192.0.2.999\n", line), (good + "oops NOSUCHTYPE x\n", line)):
                before = len(server.log())
                zone.write_text(broken)
                server.signal(signal.SIGHUP)
                wait_for(lambda: "big.zone" in server.log()[before:], lambda: "no word about it:\n" + server.log())
                said = [w for w in server.log()[before:].splitlines() if "big.zone" in w]
                assert any(re.search(rf"big\.zone:{line_number}\b.*\S", w) for w in said), said
                assert serial_of(wire.ask(wire.query("serial.big.example.", "TXT"))) == 1
            before = len(server.log())
            zone.unlink()
            server.signal(signal.SIGHUP)
            wait_for(lambda: "big.zone" in server.log()[before:], lambda: "no word about it:\n" + server.log())
            assert serial_of(wire.ask(wire.query("serial.big.example.", "TXT"))) == 1
            zone.write_text(good)
            server.signal(signal.SIGHUP)
            wait_for(lambda: serial_of(wire.ask(wire.query("serial.big.example.", "TXT"))) == 2, "not served again")


def test_answer_begun_before_a_reload():
    """The rest of an answer that has changed meanwhile is never spliced on: the whole old one, or a reset."""
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(sizes=(50000,), serial=1))
        with Goldilocks(lab, zones=[zone]) as server:
            expected = wire.ask(wire.query("t0.big.example.", "TXT", number=7))
            with wire.connect(receive_buffer=4096) as s:
                s.sendall(wire.framed(wire.query("t0.big.example.", "TXT", number=7)))
                time.sleep(0.3)
                zone.write_text(txt_zone(sizes=(50000,), serial=2).replace("xxx", "yyy"))
                server.signal(signal.SIGHUP)
                wait_for(lambda: serial_of(wire.ask(wire.query("serial.big.example.", "TXT"))) == 2, "not served")
                try:
                    assert wire.read_answer(s) == expected, "two answers were spliced"
                except ConnectionResetError:
                    pass


def test_two_reloads_during_an_answer():
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(sizes=(50000,), serial=1))
        with Goldilocks(lab, zones=[zone]) as server:
            expected = wire.ask(wire.query("t0.big.example.", "TXT", number=7))
            with wire.connect(receive_buffer=4096) as s:
                s.sendall(wire.framed(wire.query("t0.big.example.", "TXT", number=7)))
                time.sleep(0.3)
                for serial, letters in ((2, "yyy"), (3, "zzz")):
                    zone.write_text(txt_zone(sizes=(50000,), serial=serial).replace("xxx", letters))
                    server.signal(signal.SIGHUP)
                    wait_for(lambda n=serial: serial_of(wire.ask(wire.query("serial.big.example.", "TXT"))) == n,
                             "not served")
                try:
                    assert wire.read_answer(s) == expected, "two answers were spliced"
                except ConnectionResetError:
                    pass


# --- ends and beginnings

def test_sigint_and_summary():
    with Lab() as lab:
        server = Goldilocks(lab)
        server.start()
        for _ in range(3):
            wire.ask(wire.query("com.", "NS"))
        before = len(server.log())
        server.signal(signal.SIGINT)
        assert server.process.wait(timeout=15) == 0
        said = server.log()[before:]
        assert re.search(r"received\D*\d+", said), f"no summary of the counters:\n{said}"


def test_restart_with_open_connections():
    """kill -9 and start again with the same secret: open connections go on, also those waiting for an answer."""
    with Lab() as lab:
        secret = lab.path("secret")
        with Goldilocks(lab, secret=secret) as server:
            connections = [wire.connect(a, timeout=60) for a in (SERVER_V4, SERVER_V6) for _ in range(20)]
            q = wire.query("com.", "NS")
            for s in connections:
                s.sendall(wire.framed(q))
                wire.read_answer(s)
            server.kill()
            for s in connections[::2]:
                s.sendall(wire.framed(q))
            server.start()
            for s in connections[1::2]:
                s.sendall(wire.framed(q))
            for s in connections:
                assert wire.parse(wire.read_answer(s)).authority
                s.close()


def test_another_secret_knows_no_connection():
    with Lab() as lab:
        with Goldilocks(lab, secret=lab.path("one")) as server:
            s = wire.connect(timeout=30)
            s.sendall(wire.framed(wire.query("com.", "NS")))
            wire.read_answer(s)
            server.kill()
            server.command[server.command.index("--secret") + 1] = str(lab.path("other"))
            server.start()
            s.sendall(wire.framed(wire.query("com.", "NS")))
            try:
                wire.read_answer(s)
                raise AssertionError("a connection under another secret was answered")
            except ConnectionResetError:
                pass
            finally:
                s.close()


def test_secret_file():
    with Lab() as lab:
        secret = lab.path("fresh-secret")
        old = os.umask(0)
        try:
            with Goldilocks(lab, secret=secret):
                assert stat.S_IMODE(secret.stat().st_mode) == 0o600, oct(secret.stat().st_mode)
                content = secret.read_bytes()
                assert len(content) >= 16
            with Goldilocks(lab, secret=secret):
                pass
            assert secret.read_bytes() == content, "a restart changed the secret"
        finally:
            os.umask(old)


def test_epochs():
    """Keys change every 8 seconds: connections cross the change, and end in good order before their key does."""
    epoch = 8
    with Lab() as lab, Goldilocks(lab, ["--epoch", epoch]):
        crossed = ended = 0
        s, born = wire.connect(), time.time()
        until = time.time() + 3.2 * epoch
        while time.time() < until:
            s.sendall(wire.framed(wire.query("com.", "NS")))
            assert wire.parse(wire.read_answer(s)).authority
            if int(time.time() / epoch) != int(born / epoch):
                crossed += 1
            if select.select([s], [], [], 0.25)[0]:
                assert wire.at_end(s), "bytes that nobody asked for"
                s.close()
                ended += 1
                s, born = wire.connect(), time.time()
        s.close()
        assert crossed, "no connection lived across a change of keys"
        assert ended, "a connection outlived its key"


# --- looking at it

def test_telemetry_script():
    with Lab() as lab, Goldilocks(lab) as server:
        wire.ask(wire.query("com.", "NS"))
        done = subprocess.run(["/usr/bin/python3", "/usr/bin/dpdk-telemetry.py", "-f", server.prefix],
                              input="/goldilocks/counters\nquit\n", text=True, capture_output=True, timeout=20)
        replies = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"/goldilocks')]
        assert replies and replies[0]["/goldilocks/counters"], done.stdout + done.stderr


def test_counters_script():
    """What scripts/demo shows at its end."""
    with Lab() as lab, Goldilocks(lab) as server:
        for _ in range(3):
            wire.ask(wire.query("com.", "NS"), SERVER_V4)
        shown = subprocess.run(["/usr/bin/python3", ROOT / "scripts/show_counters.py", server.prefix],
                               capture_output=True, text=True, timeout=30)
        assert shown.returncode == 0, shown.stderr
        lines = dict(line.split() for line in shown.stdout.splitlines() if not line.strip().startswith("/"))
        assert lines["queries_tcp"] == "3" and lines["tcp_answered"] == "3", shown.stdout
        assert "/goldilocks/service,dns" in shown.stdout


class Hugepages:
    """Some 2 MiB pages with a mount of their own; what was there before is there afterwards."""

    count = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")

    def __init__(self, lab, pages=192):
        self.dir, self.pages = lab.path("huge"), pages

    def __enter__(self):
        if not self.count.exists():
            raise Skip("this kernel has no 2 MiB hugepages")
        self.before = int(self.count.read_text())
        try:
            self.count.write_text(str(self.before + self.pages))
        except OSError as e:
            raise Skip(f"hugepages cannot be reserved here: {e}") from e
        if int(self.count.read_text()) < self.before + self.pages:
            self.count.write_text(str(self.before))
            raise Skip(f"no {self.pages} free hugepages of 2 MiB")
        self.dir.mkdir()
        sh("mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "goldilocks-test", self.dir)
        return self.dir

    def __exit__(self, *exc):
        sh("umount", self.dir)
        self.count.write_text(str(self.before))


def test_dumpcap():
    """DPDK's own capture program attaches to the running process; that needs shared memory, so hugepages."""
    with Lab() as lab, Hugepages(lab) as huge:
        server = Goldilocks(lab)
        at = server.command.index("--no-huge")
        server.command[at:at + 3] = ["-m", "256", "--huge-dir", str(huge)]
        with server:
            out = lab.path("capture.pcapng")
            with open(lab.path("dumpcap.log"), "wb") as log:
                # Its rings are named after the process that drives the port, found by this file prefix.
                dumpcap = subprocess.Popen(["dpdk-dumpcap", f"--file-prefix={server.prefix}", "-i", "0", "-c", "10",
                                            "-a", "duration:10", "-w", str(out)],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           preexec_fn=die_with_parent)
            end = time.monotonic() + 15
            while dumpcap.poll() is None and time.monotonic() < end:
                wire.ask_udp(wire.query("com.", "NS"))
                time.sleep(0.05)
            if dumpcap.poll() is None:
                dumpcap.kill()
            dumpcap.wait()
            text = sh("tcpdump", "-nr", out, check=False).stdout
            assert "192.0.2.53.53" in text, lab.path("dumpcap.log").read_text() + text


# --- what wrong input is told

def own_lines(stderr):
    """What goldilocks itself said, beside the EAL, what each port has, and warnings about the zone."""
    return [line for line in stderr.splitlines()
            if " goldilocks: " in line and not re.search(" goldilocks: (warning|info): ", line)]


def refused(lab, code, says, application=None, eal=None, zone=ROOT_ZONE, address=DEFAULT_ADDRESSES[0], secret=None):
    """It ends soon with this code, and says one line that explains."""
    prefix = f"gl-{os.getpid()}-wrong"
    lab.on_exit(shutil.rmtree, f"/var/run/dpdk/{prefix}", ignore_errors=True)
    command = ["ip", "netns", "exec", lab.server_ns, str(Goldilocks.binary), lcores(), "--no-huge", "-m", "256",
               "--no-pci", f"--file-prefix={prefix}",
               *(eal if eal is not None else [f"--vdev=net_af_packet0,iface={SERVER_IF}"]), "--"]
    if zone:
        command += ["--zone", str(zone)]
    if address:
        command += ["--address", address]
    command += ["--secret", str(secret or lab.path("secret")), *(application or [])]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          preexec_fn=die_with_parent)
    case = " ".join(command[command.index("--"):])
    own = own_lines(done.stderr)
    assert done.returncode == code, f"{case}: exit code {done.returncode}, not {code}\n{done.stderr}"
    assert len(own) == 1, f"{case}: {len(own)} lines of its own, not one\n{done.stderr}"
    assert re.search(says, own[0]), f"{case}: no {says!r} in {own[0]!r}"


def test_wrong_usage():
    with Lab() as lab:
        refused(lab, 2, "no-such-flag", ["--no-such-flag"])
        refused(lab, 2, "--zone", zone=None)
        refused(lab, 2, "--address", address=None)
        refused(lab, 2, "the same address twice", ["--address", DEFAULT_ADDRESSES[0]])
        twice = lab.path("twice.conf", "[goldilocks]\nmax-udp = 1000\nmax-udp = 1100\n")
        refused(lab, 2, r"twice\.conf:3: max-udp: given before", ["--config", str(twice)])
        for flag, value in (("--port", "65536"), ("--port", "dns"), ("--max-udp", "100"), ("--max-udp", "x"),
                            ("--udp", "maybe"), ("--udp-any", "some"), ("--mode", "stateful"), ("--epoch", "-1"),
                            ("--epoch", "soon"), ("--rst-rate", "fast")):
            refused(lab, 2, f"{flag}.*{re.escape(value)}|{re.escape(value)}.*{flag}", [f"{flag}={value}"])
        for address in ("192.0.2.300", "192.0.2.53/33", "2001:db8::53/129", "2001:db8::g", "224.0.0.1", "localhost",
                        "0.0.0.0", "ff02::1"):
            refused(lab, 2, re.escape(address), address=address)


def test_unreadable_files():
    with Lab() as lab:
        refused(lab, 1, "no-such.zone.*No such file", zone=lab.path("no-such.zone"))
        broken = lab.path("broken.zone", txt_zone() + "oops A 192.0.2.999\n")
        refused(lab, 1, rf"broken\.zone:{txt_zone().count(chr(10)) + 1}\b", zone=broken)
        refused(lab, 1, "empty.zone", zone=lab.path("empty.zone", ""))
        refused(lab, 1, str(lab.dir), zone=lab.dir)
        refused(lab, 1, "Not a directory", secret=lab.path("file", "") / "secret")
        refused(lab, 1, "short-secret", secret=lab.path("short-secret", "x"))
        refused(lab, 2, "no-such.conf.*No such file", ["--config", str(lab.path("no-such.conf"))])


def test_check():
    """All that is wrong in one run, nothing served and no file made; also beside a server with the same files."""
    with Lab() as lab:
        def check(*flags):
            done = subprocess.run([str(Goldilocks.binary), "--check", *map(str, flags)], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
            return done.returncode, done.stdout.splitlines(), done.stderr

        zone, site = lab.path("good.zone", txt_zone(serial=7)), lab.path("site")
        site.mkdir()
        secret = lab.path("secret")
        good = ["--zone", zone, "--address", SERVER_V4, "--secret", secret, "--http", f"80,root={site}",
                "--http-log", lab.path("http.log"), "--talk", f"5000,log={lab.path('talk.log')}",
                "--rpc-once", f"9000,journal={lab.path('journal')},state={lab.path('state')}"]
        before = sorted(lab.dir.iterdir())
        code, lines, stderr = check(*good)
        assert code == 0 and stderr == "", (code, lines, stderr)
        assert any(re.fullmatch(rf"ok: zone big\.example\.: serial 7, \d+ records \({zone}\)", line) for line in lines), lines
        assert any(line.startswith("warning: secret file") for line in lines), lines
        assert sorted(lab.dir.iterdir()) == before, "a check has made files"

        twice = lab.path("twice.zone", txt_zone(serial=8))
        broken = lab.path("broken.zone", txt_zone() + "oops A 192.0.2.999\n")
        lab.path("public", "00" * 32 + "\n").chmod(0o644)
        conf = lab.path("bad.conf", "[goldilocks]\nmax-updp = 1400\nport = 0\n")
        code, lines, stderr = check("--zone", zone, "--zone", twice, "--zone", broken, "--zone", lab.path("none.zone"),
                                    "--address", SERVER_V4, "--secret", lab.path("public"), "--talk", 53,
                                    "--http", f"80,root={lab.path('none')}", "--sum", "on,port=54", "--rpc",
                                    "on,port=54")
        assert code == 1 and stderr == "", (code, lines, stderr)
        errors = [line for line in lines if line.startswith("error: ")]
        for says in ("public: others than its owner", "twice.zone: the zone big.example. is already in",
                     "broken.zone:", "none.zone: No such file", "UDP port 53 is that of --port",
                     "none: No such file or directory", "UDP port 54 is that of"):
            assert any(says in line for line in errors), (says, errors)
        assert len(errors) == 7 and lines[-1].startswith("7 errors, 0 warnings"), lines
        code, lines, _ = check("--config", conf, "--zoen", zone, *good)
        assert code == 2 and [line for line in lines if line.startswith("error: ")] == [
            f"error: {conf}:2: max-updp: no such key; did you mean max-udp?",
            f"error: {conf}:3: port: '0' is not a number from 1 to 65535",
            "error: unknown option --zoen; did you mean --zone?"], lines

        code, lines, _ = check(*good, "--dnstap", f"file:{lab.path('none')}/tap")
        assert code == 1 and f"error: --dnstap: {lab.path('none')}/tap: No such file or directory" in lines, lines
        code, lines, _ = check(*good, "--dnstap", f"file:{lab.dir}")
        assert code == 1 and f"error: --dnstap: {lab.dir}: is not a regular file" in lines, lines
        code, lines, _ = check(*good, "--dnstap", f"unix:{lab.path('none')}/tap")
        assert code == 0 and any(line.startswith("warning: --dnstap: ") for line in lines), lines
        assert check(*good, "--dnstap", f"file:{lab.path('tap')}")[0] == 0 and not lab.path("tap").exists()
        few = lab.path("few.conf", f"zone = {zone}\naddress = {SERVER_V4}\nsecret = {secret}\nkernel-rate = 5\n")
        code, lines, _ = check("--config", few, "--tftp", f"69,root={site},", "--linger", 5, "--linger", 6)
        assert code == 2 and [line for line in lines if line.startswith("error: ")] == [
            f"error: --tftp: '69,root={site},': nothing stands behind the last comma",
            "error: --linger: given twice, and only one can count",
            f"error: {few}:4: kernel-rate: has no effect without --kernel-port"], lines

        with Goldilocks(lab, good[6:], zones=[zone], addresses=[SERVER_V4], secret=secret) as server:
            files = {path: path.read_bytes() for path in lab.dir.iterdir() if path.is_file() and path != server.log_path}
            code, lines, _ = check(*good)
            assert code == 0 and lines[-1].startswith("0 errors, 0 warnings"), lines
            assert all(path.read_bytes() == content for path, content in files.items()), "a check has changed a file"
            assert serial_of(wire.ask(wire.query("serial.big.example.", "TXT"))) == 7


def test_missing_devices():
    with Lab() as lab:
        refused(lab, 1, "(?i)port|device", eal=[])
        refused(lab, 1, "there is no interface 'nosuch0'", eal=["--vdev=net_af_packet0,iface=nosuch0"])
        refused(lab, 2, r"-l 0,999: this machine has the CPUs 0 to \d+", eal=["-l", "0,999"])


def test_the_same_file_prefix_twice():
    with Lab() as lab, Goldilocks(lab) as server:
        done = subprocess.run(server.command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              preexec_fn=die_with_parent)
        own = own_lines(done.stderr)
        assert done.returncode == 1 and len(own) == 1, done.stderr
        assert re.search(rf"process {server.process.pid} runs with the file prefix '{server.prefix}'", own[0]), own


def test_standard_error_that_nobody_reads():
    with Lab() as lab:
        server = Goldilocks(lab)
        process = subprocess.Popen(server.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, preexec_fn=die_with_parent)
        server.process = process
        try:
            server.wait_ready()
            process.stderr.close()
            for _ in range(3):
                server.signal(signal.SIGHUP)
                time.sleep(0.3)
            assert wire.parse(wire.ask(wire.query("com.", "NS"))).authority
        finally:
            server.stop()


def test_too_few_queues():
    """Two workers need two queue pairs; this device has one."""
    with Lab() as lab:
        server = Goldilocks(lab, workers=2)
        done = subprocess.run(server.command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              preexec_fn=die_with_parent)
        own = own_lines(done.stderr)
        assert done.returncode == 1 and len(own) == 1 and "queue" in own[0], done.stderr


def test_no_receive_interrupts():
    """This driver has none, and says so at the start."""
    with Lab() as lab:
        server = Goldilocks(lab, ["--rx-interrupts", "on"])
        done = subprocess.run(server.command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              preexec_fn=die_with_parent)
        assert done.returncode == 1, done.stderr
        assert "--rx-interrupts: port net_af_packet0, queue 0: Operation not supported" in own_lines(done.stderr)[-1], done.stderr


def test_mtu_of_the_interface():
    """The driver says 1500 whatever it is; what counts is what the kernel takes."""
    def shrink(lab, mtu):
        sh("ip", "-n", lab.server_ns, "link", "set", SERVER_IF, "mtu", mtu)

    with Lab() as lab:
        shrink(lab, 1400)
        with Goldilocks(lab) as server:
            assert "MTU 1400" in server.telemetry("/goldilocks/info")["port_0"]
        shrink(lab, 1279)
        refused(lab, 1, "MTU 1279 is below 1280", address=SERVER_V6)
        shrink(lab, 575)
        refused(lab, 1, "MTU 575 is below 576", address=SERVER_V4)


def test_a_link_that_goes_and_comes():
    """One line in the log each way, and the state in the telemetry: at the start, while it runs, and from either end."""
    def interface(lab, state):
        sh("ip", "-n", lab.server_ns, "link", "set", SERVER_IF, state)

    def shows(server, state, lines):
        wait_for(lambda: f"link {state}" in server.telemetry("/goldilocks/info")["port_0"], f"the link is {state}")
        wait_for(lambda: len(re.findall(r"the link of port net_af_packet0 is (?:up|down)", server.log())) == lines,
                 f"{lines} lines about the link")
        assert re.findall(r"the link of port net_af_packet0 is (up|down)", server.log())[-1:] in ([state], []), server.log()

    with Lab() as lab, Goldilocks(lab) as server:
        shows(server, "up", 0)
        interface(lab, "down")
        shows(server, "down", 1)
        interface(lab, "up")
        shows(server, "up", 2)
        assert wire.parse(wire.ask(wire.query("com.", "NS"))).authority
        sh("ip", "-n", lab.client_ns, "link", "set", CLIENT_IF, "down")
        shows(server, "down", 3)
        sh("ip", "-n", lab.client_ns, "link", "set", CLIENT_IF, "up")
        shows(server, "up", 4)


def test_two_workers():
    """A queue pair for each of two cores; the kernel spreads the flows."""
    with Lab(queues=2) as lab:
        with Goldilocks(lab, workers=2, device=f"--vdev=net_af_packet0,iface={SERVER_IF},qpairs=2") as server:
            for _ in range(40):
                for address in (SERVER_V4, SERVER_V6):
                    assert wire.parse(wire.ask(wire.query("com.", "NS"), address)).authority
            assert len(server.cores()) == 2


def test_help_and_version():
    with Lab():
        done = subprocess.run([str(Goldilocks.binary), "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=20)
        text = done.stdout
        assert done.returncode == 0, done.stderr
        for flag in ("--zone", "--address", "--secret", "--port", "--max-udp", "--udp", "--udp-any", "--mode", "--epoch",
                     "--rst-rate", "--nsid", "--tftp", "--version-string", "--server-id", "--config"):
            assert re.search(rf"{flag}\b", text), f"{flag} is not in --help"
        flags = re.findall(r"^ *--[a-z0-9-]+", text, re.M)
        assert len(text.splitlines()) <= 1.5 * len(flags), "--help is not short"


run(__name__)
