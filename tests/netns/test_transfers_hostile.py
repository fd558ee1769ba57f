"""Transfers with who is too many or too slow: catalogs of thousands, strangers and silent ones at --transfer-listen, no
descriptors and no threads left."""

import os
import re
import resource
import signal
import socket
import time
from pathlib import Path

import dns.message
import dns.query
import dns.rcode

import wire
from backends import KERNEL_V4, BackendLab
from lab import inside, wait_for
from runner import run
from secondary import HOST, ORIGIN, notify, secondary
from transfer_peers import KEY, SECRET, Nsd, address, zone_text

LISTEN = (f"{KERNEL_V4}53", 5300)


def members_in(log):
    """How many zones it says have come; of many lines within seconds it leaves most out, and says how many."""
    told = [line for line in log.splitlines() if "is a member of catalog" in line]
    left_out = [re.search(r" (\d+) similar lines left out, the last: ", line) for line in told]
    return sum(int(found[1]) if found else 1 for found in left_out)


def test_a_catalog_of_thousands():
    """NOTIFY, telemetry and SIGTERM have their turn while members come: none of them is waited for."""
    members = "".join(f"m{n}.zones PTR z{n}.members.example.\n" for n in range(4000))
    text = f"$ORIGIN cat.\n$TTL 60\n@ SOA . . 1 3600 2 86400 60\n@ NS invalid.\nversion TXT \"2\"\n{members}"
    with BackendLab() as lab, Nsd(lab, HOST, origin="cat.", text=text, notify=()):
        with secondary(lab, primary=f"{ORIGIN}@{address(HOST)}", options=["--catalog", f"cat.@{address(HOST)},tsig={KEY}"]) as server:
            wait_for(lambda: "is a member of catalog" in server.log(), server.log, 20)
            slowest = 0
            for _ in range(20):
                began = time.monotonic()
                assert notify(lab, name="z7.members.example.", key=SECRET).rcode() == 0
                assert notify(lab, name="other.example.").rcode() == dns.rcode.NOTAUTH
                slowest = max(slowest, time.monotonic() - began)
            assert slowest < 2, f"a NOTIFY waited {slowest:.1f} s"
            wait_for(lambda: members_in(server.log()) == 4000, lambda: server.log()[-2000:], 25)
            wait_for(lambda: wire.parse(wire.ask_udp(wire.query("z3999.members.example."))).rcode() == dns.rcode.SERVFAIL, server.log)
            server.check_identity()
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            assert server.process.wait(timeout=20) == 0 and time.monotonic() - began < 5, time.monotonic() - began
            server.start()  # it comes back at once, and ends in the middle of it
            began = time.monotonic()
        assert time.monotonic() - began < 5, time.monotonic() - began


def connect(lab, host):
    with inside(lab.backend_ns, lab.client_ns):
        return socket.create_connection(LISTEN, 5, (address(host), 0))


def transfer(lab, host=HOST + 1):
    """The first message of an AXFR."""
    with connect(lab, host) as s:
        s.settimeout(8)
        dns.query.send_tcp(s, dns.message.make_query(ORIGIN, "AXFR"))
        return dns.query.receive_tcp(s)[0]


def is_closed(s, limit=0.5):
    s.settimeout(limit)
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False


def primary(lab):
    return lab.goldilocks(["--transfer-listen", f"{KERNEL_V4}53:5300", "--transfer-allow", f"{address(HOST)}/31"],
                          zones=[lab.path("own.zone", zone_text(ORIGIN, 1))])


def test_strangers_and_silent_ones():
    """Strangers are closed at once; who may have the zone is, when no request has come in time, and may not have all."""
    with BackendLab() as lab, primary(lab) as server:
        strangers = [connect(lab, HOST + 9) for _ in range(16)]
        assert all(is_closed(s, 3) for s in strangers)
        silent = [connect(lab, HOST) for _ in range(16)]
        wait_for(lambda: sum(is_closed(s, 0.05) for s in silent) == 8, "half of one's connections are closed")
        assert len(transfer(lab).answer) > 50
        kept = [s for s in silent if not is_closed(s, 0.05)]

        def all_ended():
            for s in list(kept):
                try:
                    s.send(b"\x7f")  # of a long message
                except OSError:
                    kept.remove(s)
            time.sleep(0.3)
            return not kept
        wait_for(all_ended, lambda: f"{len(kept)} connections are still open", 15)
        assert len(transfer(lab, HOST).answer) > 50 and server.process.poll() is None


def processor_seconds(pid, seconds=2):
    """What each thread has used meanwhile."""
    def now():
        used = {}
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                words = Path(f"/proc/{pid}/task/{task}/stat").read_text().rsplit(")", 1)[1].split()
            except FileNotFoundError:  # it has ended
                continue
            used[task] = sum(map(int, words[11:13])) / os.sysconf("SC_CLK_TCK")
        return used
    before = now()
    time.sleep(seconds)
    return {task: used - before.get(task, 0) for task, used in now().items()}


def test_nothing_left():
    """Without descriptors it waits and does not turn in circles; without memory for a thread it says so, and lives."""
    with BackendLab() as lab, primary(lab) as server:
        pid = server.process.pid
        assert len(transfer(lab).answer) > 50
        waits = {task for task, used in processor_seconds(pid).items() if used < 0.1}  # all but the worker
        limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1, limit[1]))
        with connect(lab, HOST) as waiting:
            used = processor_seconds(pid)
            assert waits and all(used.get(task, 0) < 0.25 for task in waits), f"CPU in 2 s: {used}"
            wait_for(lambda: "--transfer-listen: Too many open files" in server.log(), server.log)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)
            dns.query.send_tcp(waiting, dns.message.make_query(ORIGIN, "SOA"))
            assert dns.query.receive_tcp(waiting, expiration=time.time() + 5)[0].answer
        used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
        limit = resource.prlimit(pid, resource.RLIMIT_AS)
        resource.prlimit(pid, resource.RLIMIT_AS, (used + (4 << 20), limit[1]))
        open_ones = [connect(lab, HOST + n % 2) for n in range(14)]
        wait_for(lambda: "no thread for a connection" in server.log(), server.log)
        resource.prlimit(pid, resource.RLIMIT_AS, limit)
        for s in open_ones:
            s.close()
        wait_for(lambda: len(transfer(lab).answer) > 50, server.log)


def test_a_file_in_the_state_folder():
    """It is an operator's text all the same."""
    with BackendLab() as lab:
        state = lab.path("state")
        state.mkdir()
        (state / "own.zone").write_text(zone_text(ORIGIN, 1))
        with lab.goldilocks(["--transfer-listen", f"{KERNEL_V4}53:5300", "--transfer-allow", f"{address(HOST)}/31",
                             "--secondary", "other.example.@192.0.2.9", "--state-dir", state], zones=[state / "own.zone"]):
            assert transfer(lab).rcode() == 0 and len(transfer(lab).answer) > 50


run(__name__)
