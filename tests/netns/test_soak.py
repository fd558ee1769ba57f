"""Everything at once, for a while: questions over TCP and UDP from memory and by a name server behind, zones read again
and transferred, links that fail, floods. Every answer is compared, the sums of the counters are right throughout, and
memory, descriptors and packet buffers are at the end what they were when it had warmed up.

--long: an hour; SOAK_SECONDS says otherwise. As root.
"""

import os
import random
import signal
import sys
import threading
import time
from collections import Counter

import dns.rcode

import backends
import runner
import wire
from backends import BackendLab, forward, settle
from exchanges import Expected
from flood import SynFlood
from goldilocks import ROOT_ZONE
from lab import SERVER_IF, SERVER_V4, SERVER_V6, sh, wait_for
from prometheus import loopback, scrape, Samples
from transfer_peers import KEY, KEY_TEXT, Knot, address, zone_text
from zones import txt_zone

SECONDS = int(os.environ.get("SOAK_SECONDS") or (3600 if "--long" in sys.argv else 15))
OWN_ZONE, TRANSFERRED, BEHIND = "own.example.", "xfr.example.", "behind.example."
PRIMARY, NAME_SERVER = 10, 11
PATIENCE_S = 20  # a client's own retransmissions bridge a link that is down, and a flood
MOST_GROWN_KIB = 4096  # of resident memory after the warm-up: allocators keep what a reload's peak was


class Soak:
    def __init__(self, lab, server, primary):
        self.lab, self.server, self.primary = lab, server, primary
        self.until = time.monotonic() + SECONDS
        self.counts, self.failures = Counter(), []
        self.lock = threading.Lock()
        self.expected = Expected()
        self.own_serial = self.transferred_serial = 1
        self.behind = [(q, wire.ask(q)) for q in (wire.query(f"{name}.{BEHIND}", "TXT") for name in ("t0", "t1", "t2"))]

    def over(self):
        return time.monotonic() >= self.until or bool(self.failures)

    def count(self, what, by=1):
        with self.lock:
            self.counts[what] += by

    # ---- What goes on, each in a thread of its own.

    def tcp(self):
        """Several queries a connection, behind one another; the longest are from behind."""
        randomness = random.Random(threading.get_ident())
        pairs = self.expected.choose(randomness.randrange(1, 6), randomness)
        pairs += randomness.sample(self.behind, randomness.randrange(2))
        with wire.connect(randomness.choice((SERVER_V4, SERVER_V6)), timeout=PATIENCE_S) as s:
            for query, _ in pairs:
                s.sendall(wire.framed(query))
            for query, answer in pairs:
                got = wire.read_answer(s)
                assert got == answer, f"{wire.parse(query).question}: {got.hex()} and not {answer.hex()}"
                self.count("queries over TCP")

    def udp(self):
        query, answer = random.choice(self.expected.pairs + self.behind)
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                got = wire.ask_udp(query, random.choice((SERVER_V4, SERVER_V6)), timeout=1)
                break
            except OSError:
                assert time.monotonic() < end, "no answer over UDP"
        assert got == answer or wire.is_truncated(got), f"{got.hex()} and not {answer.hex()}"
        self.count("queries over UDP")

    def until_told(self, name, serial):
        """Until the zone says so; what it says meanwhile is the version before."""
        end, said = time.monotonic() + PATIENCE_S + 10, None
        while said != str(serial):
            assert time.monotonic() < end, f"{name} says {said}, not {serial}\n{self.server.log()[-3000:]}"
            answer = wire.parse(wire.ask(wire.query(f"serial.{name}", "TXT"), timeout=PATIENCE_S))
            assert answer.rcode() == dns.rcode.NOERROR, answer
            said = answer.answer[0][0].strings[0].decode()
            assert said in (str(serial), str(serial - 1)), f"{name} says {said}, not {serial}"
            time.sleep(0.05)

    def reload(self):
        """A new version; each third is broken first, and leaves the one before."""
        zone = self.lab.dir / "own.zone"
        if self.own_serial % 3 == 0:
            zone.write_text("@ IN A 1.2.3.4.5\n")
            self.server.signal(signal.SIGHUP)
            time.sleep(1)
            self.until_told(OWN_ZONE, self.own_serial)
            self.count("broken zones refused")
        zone.write_text(txt_zone(OWN_ZONE, serial=self.own_serial + 1))
        self.own_serial += 1
        self.server.signal(signal.SIGHUP)
        self.until_told(OWN_ZONE, self.own_serial)
        self.count("reloads")
        self.pause(3)

    def transfer(self):
        self.transferred_serial += 1
        self.primary.change(zone_text(TRANSFERRED, self.transferred_serial))
        self.until_told(TRANSFERRED, self.transferred_serial)
        self.count("transfers")
        self.pause(2)

    def flap(self):
        self.pause(min(60, SECONDS / 4))
        if self.over():
            return
        sh("ip", "-n", self.lab.server_ns, "link", "set", SERVER_IF, "down")
        time.sleep(0.5)
        sh("ip", "-n", self.lab.server_ns, "link", "set", SERVER_IF, "up")
        self.count("link down and up")

    def flood(self):
        self.pause(min(30, SECONDS / 5))
        if self.over():
            return
        with SynFlood(SERVER_V4) as abuse:
            self.pause(min(5, SECONDS / 5))
        self.count("SYNs of floods", abuse.sent)

    def load(self):
        """Questions by the thousand."""
        names = self.lab.path(f"names-{threading.get_ident()}", f"t0.{BEHIND} TXT\ncom. NS\nnope.nope A\nserial.{OWN_ZONE} TXT\n")
        done = sh("dnsperf", "-s", SERVER_V4, "-d", names, "-m", random.choice(("tcp", "udp")), "-l", 5, "-Q", 3000, "-c", 8,
                  "-t", PATIENCE_S, timeout=60, check=False)
        completed = [line.split()[2] for line in done.stdout.splitlines() if "Queries completed" in line]
        # Where all of its connections end at once, with the link, it ends itself.
        self.count("queries of dnsperf", int(completed[0]) if completed else 0)

    def pause(self, seconds):
        end = min(time.monotonic() + seconds, self.until)
        while time.monotonic() < end and not self.failures:
            time.sleep(0.1)

    def repeat(self, what):
        try:
            while not self.over():
                what()
        except Exception as e:
            self.failures.append(f"{what.__name__}: {type(e).__name__}: {e}")

    # ---- What must not change.

    def sample(self):
        self.server.check_identity()
        pid = self.server.process.pid
        return {"KiB": self.server.memory_kib(), "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
                "threads": len(os.listdir(f"/proc/{pid}/task"))}

    def free_buffers(self):
        return int(Samples(scrape(self.lab)).one("goldilocks_mempool_free_buffers", core="1"))

    def run(self):
        threads = [threading.Thread(target=self.repeat, args=(what,), name=what.__name__, daemon=True)
                   for what in (self.tcp, self.tcp, self.udp, self.reload, self.transfer, self.flap, self.flood, self.load)]
        for thread in threads:
            thread.start()
        samples = []
        while not self.over():
            self.pause(min(10, SECONDS / 10))
            samples.append(self.sample())
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), f"{thread.name} does not end"
        assert not self.failures, self.failures
        return samples


def settled(soak, what, value, most):
    """What is still on its way when the last client has ended comes to rest."""
    wait_for(lambda: value() <= most, lambda: f"{what}: {value()}, not {most}\n{soak.server.log()[-3000:]}", 30)


def test_everything_at_once():
    with BackendLab() as lab:
        loopback(lab)
        keys = lab.path("keys", KEY_TEXT)
        keys.chmod(0o600)
        own = lab.path("own.zone", txt_zone(OWN_ZONE))
        behind = lab.path("behind.zone", txt_zone(BEHIND, sizes=(100, 900, 9000)))
        options = ["--forward", forward(NAME_SERVER, BEHIND), "--secondary", f"{TRANSFERRED}@{address(PRIMARY)},tsig={KEY}",
                   "--tsig", keys, "--state-dir", lab.path("state"), "--transfer-listen", f"{backends.KERNEL_V4}53:5300",
                   "--metrics", "127.0.0.1:9777", "--dnstap", f"file:{lab.path('tap')},sample=100", "--linger", 5]
        with Knot(lab, PRIMARY, text=zone_text(TRANSFERRED, 1), notify=(f"{backends.KERNEL_V4}53@5300",)) as primary, \
                backends.Nsd(lab, NAME_SERVER, zones=[behind]), \
                lab.goldilocks(options, zones=[ROOT_ZONE, own]) as server:
            settle(server)
            soak = Soak(lab, server, primary)
            first = wire.query(f"serial.{TRANSFERRED}", "TXT")
            wait_for(lambda: wire.parse(wire.ask(first)).answer, lambda: "no first transfer\n" + server.log(), 20)
            free = soak.free_buffers()
            samples = soak.run()
            warm, last = samples[len(samples) // 4], samples[-1]
            grown = last["KiB"] - warm["KiB"]
            runner.report(f"{SECONDS} s; " + ", ".join(f"{n:,} {what}" for what, n in sorted(soak.counts.items())))
            runner.report(f"resident KiB at the beginning, after a quarter, at the end: {samples[0]['KiB']:,}, {warm['KiB']:,}, "
                          f"{last['KiB']:,}; descriptors {warm['descriptors']}, {last['descriptors']}")
            assert grown <= MOST_GROWN_KIB, f"resident memory grew by {grown} KiB: {[s['KiB'] for s in samples]}"
            for what in ("descriptors", "threads"):  # one of each for a connection that a transfer comes over
                settled(soak, what, lambda kind=what: soak.sample()[kind], min(s[what] for s in samples) + 1)
            # The driver's queues hold as many as they did; waiting frames and fragments have gone.
            settled(soak, "packet buffers in use", lambda: free - soak.free_buffers(), 300)
            for what in ("queries over TCP", "queries over UDP", "queries of dnsperf", "reloads", "transfers"):
                assert soak.counts[what] > 0, soak.counts


runner.run(__name__)
