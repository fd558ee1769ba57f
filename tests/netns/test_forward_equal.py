"""What a client gets is what the backend says: compared with asking it directly over TCP, bytes and all.

What may differ: the ID, in the OPT the payload size (it is ours toward the client, theirs toward us), and TC over UDP.
"""

import collections
import functools
import importlib.util
import random

import dns.zone

import runner
import wire
from backends import BackendLab, Knot, Nsd, forward, settle
from goldilocks import ROOT_ZONE
from lab import ROOT, SERVER_V4, SERVER_V6
from runner import run
from test_large import at_once
from zones import txt_zone

QUESTIONS = 10000
SIZES = (512, 1232, 2500, 4096, 11000, 16000, 40000, 60000)
KINDS = ("A", "NS", "DS", "NS", "DS", "SOA", "TXT", "ANY", "NSEC", "RRSIG", "DNSKEY", "AAAA")
OPT_SIZE = 11

# By its path: tests/differential has modules of the same names as those here.
_spec = importlib.util.spec_from_file_location("exchange", ROOT / "tests/differential/exchange.py")
exchange = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(exchange)


@functools.cache
def root_zone_names():
    return [n.to_text() for n in dns.zone.from_file(str(ROOT_ZONE), origin=".", relativize=False).nodes]


# as_datagram: as a forwarder asks it over UDP. limit: what fits over UDP.
Question = collections.namedtuple("Question", "message as_datagram edns limit")


def questions(count, seed):
    """Names that exist and names that do not, each in some spelling."""
    randomness, names, made = random.Random(seed), root_zone_names(), []
    for number in range(count):
        name = randomness.choice(names) if number % 20 else "."
        how = randomness.randrange(6)
        if how == 0:
            name = f"{randomness.choice('abcxyz')}{randomness.randrange(99)}.{name}" if name != "." else "nosuch."
        elif how == 1:
            name = randomness.choice(("no-such-name.", "a.b.c.d.nonexistent.", "zz-.", "xn--0000.", "0.", "www." + name
                                      if name != "." else "www."))
        if randomness.randrange(3) == 0:
            name = "".join(randomness.choice((c.lower(), c.upper())) for c in name)
        edns = randomness.random() < 0.6
        payload = randomness.choice((512, 1000, 1232, 1232, 4096)) if edns else None
        asked = {"kind": randomness.choice(KINDS), "do": edns and randomness.random() < 0.6, "number": number & 0xffff,
                 "recursion": randomness.random() < 0.5}
        made.append(Question(wire.query(name, bufsize=payload, **asked), wire.query(name, bufsize=65535, **asked), edns,
                             min(payload or 512, 1232)))
    return made


def without_opt(message, edns):
    """What must be the same: all but the ID; of the OPT, the last record, all but the payload size."""
    if not edns:
        return message[2:], b""
    return message[2:-OPT_SIZE], message[-OPT_SIZE:-8] + message[-6:]


def difference(edns, ours, *theirs):
    """None where ours says the same as one of theirs, which have the same EDNS."""
    if ours is None:
        return "no answer"
    ours, theirs = without_opt(ours, edns), [without_opt(t, edns) for t in theirs]
    if ours in theirs:
        return None
    return "OPT differs" if ours[0] in [t[0] for t in theirs] else "bytes differ"


def show(message):
    return "nothing" if message is None else wire.parse(message).to_text()[:1500]


class Direct:
    """What a backend says itself, over TCP; and over UDP where that is less though not truncated: NSD leaves out glue
    and optional records to stay below 1480 bytes."""

    def __init__(self, backend, asked):
        with backend.lab.standing_behind():
            at = (backend.addresses[0], 53)
            self.tcp = exchange.over_tcp(at, [q.message for q in asked])
            self.udp = exchange.over_udp(at, [q.as_datagram for q in asked])
        assert None not in self.tcp and None not in self.udp, "the backend itself does not answer"
        for n, q in enumerate(asked):
            if wire.is_truncated(self.udp[n]):
                self.udp[n] = self.tcp[n]
            elif not q.edns:  # the question over UDP had one
                self.udp[n] = self.udp[n][:10] + b"\0" + bytes([self.udp[n][11] - 1]) + self.udp[n][12:-OPT_SIZE]

    def compare(self, asked, ours, over_udp=False):
        """How many are as over UDP only."""
        wrong, less = [], 0
        for q, our, whole, lesser in zip(asked, ours, self.tcp, self.udp):
            if over_udp and our is not None and wire.is_truncated(our):
                shorter = min(len(whole), len(lesser))
                what = None if shorter > q.limit else f"TC, and the answer has {shorter} bytes of {q.limit}"
            else:
                what = difference(q.edns, our, whole, lesser)
                less += what is None and difference(q.edns, our, whole) is not None
                if over_udp and what is None and len(our) > q.limit:
                    what = f"{len(our)} bytes over UDP, of at most {q.limit}"
            if what:
                wrong.append(f"{what}:\n{show(q.message)}\n--- through goldilocks\n{show(our)}\n--- directly\n{show(whole)}")
        assert not wrong, f"{len(wrong)} of {len(asked)} differ, the first ones:\n" + "\n\n".join(wrong[:3])
        return less


def root_zone_questions(make, host, count, options=()):
    with BackendLab() as lab:
        backend = lab.use(make(lab, host))
        asked = questions(count, seed=1)
        messages = [q.message for q in asked]
        direct = Direct(backend, asked)
        with lab.goldilocks(["--forward", forward(host), *options]) as server:
            settle(server)
            less = direct.compare(asked, exchange.over_tcp((SERVER_V4, 53), messages))
            halves = [exchange.over_udp((address, 53), messages[part::2])
                      for part, address in enumerate((SERVER_V4, SERVER_V6))]
            direct.compare(asked, [halves[n % 2][n // 2] for n in range(count)], over_udp=True)
            for name in ("failed_timeout", "failed_full", "failed_reply", "failed_down"):
                assert server.forwarding(name) == 0, server.forwarding()
            runner.report(f"{count} questions over TCP, and over UDP; {less} answers that {type(backend).__name__} gives "
                          f"over UDP only; asked over TCP: {server.backend(0, 'sent_tcp')}")


def test_root_zone_of_nsd():
    root_zone_questions(Nsd, 10, QUESTIONS)


def test_root_zone_of_knot():
    """It gives at most 1232 bytes over UDP, so some questions take the way over TCP."""
    root_zone_questions(lambda lab, host: Knot(lab, host, payload=1232), 11, QUESTIONS // 4)


def test_root_zone_served_again():
    """The same with answers that are kept for later questions: TTLs aside they are the same."""
    with BackendLab() as lab:
        backend = lab.use(Knot(lab, 11))
        asked = [q for q in questions(100, seed=2) for _ in range(5)]
        direct = Direct(backend, asked)
        with lab.goldilocks(["--forward", forward(11), "--forward-serve", 5]) as server:
            settle(server)
            ours = exchange.over_tcp((SERVER_V4, 53), [q.message for q in asked])
            assert server.forwarding("served") + server.forwarding("merged") > 200, server.forwarding()
            for q, our, their in zip(asked, ours, direct.tcp):
                assert our is not None, show(q.message)
                our, their = wire.parse(our), wire.parse(their)
                assert our.flags == their.flags and our.question == their.question, (our, their)
                for mine, other in zip(our.sections, their.sections):
                    assert list(map(without_ttl, mine)) == list(map(without_ttl, other)), f"{our}\n---\n{their}"
                    assert all(0 <= o.ttl - m.ttl <= 6 for m, o in zip(mine, other)), f"{our}\n---\n{their}"


def without_ttl(rrset):
    return rrset.name.canonicalize().to_text(), rrset.rdtype, tuple(sorted(r.to_text() for r in rrset))


# --- sizes

def answers_of_every_size(driver="af_packet", family=4, options=(), **backend):
    """AF_PACKET lets the kernel put IPv4 fragments together and shows nothing larger than a frame: there a larger answer
    comes over TCP. Elsewhere fragments are put together here."""
    with BackendLab() as lab:
        big = lab.path("big.zone", txt_zone(sizes=SIZES))
        # Else it leaves out the authority section over UDP only.
        nsd = lab.use(Nsd(lab, 10, [big], more="  minimal-responses: yes", **backend))
        queries = [wire.query(f"t{n}.big.example.", "TXT", bufsize=1232 if n % 2 else None, number=n)
                   for n in range(len(SIZES))]
        theirs = [nsd.ask(q) for q in queries]
        with lab.goldilocks(["--forward", forward(10, family=family), *options], driver=driver) as server:
            settle(server)

            def same(n, ours):
                what = difference(n % 2, ours, theirs[n])
                assert not what, f"{what}, of {SIZES[n]} bytes:\n{show(ours)}\n--- directly\n{show(theirs[n])}"

            def over_tcp(n, address):
                same(n, wire.ask(queries[n], address))

            def over_udp(n, address):
                """As every client does: first a datagram, then TCP where that was truncated."""
                first = wire.ask_udp(queries[n], address)
                assert wire.is_truncated(first) == (len(theirs[n]) > (1232 if n % 2 else 512)), wire.parse(first)
                if wire.is_truncated(first):
                    over_tcp(n, address)
                else:
                    same(n, first)

            before = server.backend(0)
            for n in range(len(SIZES)):
                for address in (SERVER_V4, SERVER_V6):
                    at_once([(over_tcp, n, address), (over_udp, n, address)])
            after = server.backend(0)
            grown = {k: after[k] - before[k] for k in ("answered", "truncated", "sent_tcp", "answered_tcp", "failed_tcp",
                                                       "wrong", "malformed", "timed_out")}
            runner.report(f"answers of {SIZES} bytes: {grown}")
            assert grown["failed_tcp"] == grown["wrong"] == grown["malformed"] == grown["timed_out"] == 0, grown
            assert grown["sent_tcp"] == grown["answered_tcp"] >= 1, grown
            fragments = not backend and (driver, family) != ("af_packet", 4)
            assert (server.total("fragment_kept") > 0) == fragments, server.counters()
            assert server.total("fragments_dropped") == 0, server.counters()


def test_sizes():
    answers_of_every_size()


def test_sizes_from_an_ipv6_backend():
    answers_of_every_size(family=6)


def test_sizes_af_xdp():
    """With the most that eight fragments hold."""
    answers_of_every_size(driver="af_xdp", options=["--forward-payload", 11832])


def test_sizes_where_the_backend_sends_no_fragments():
    answers_of_every_size(payload=1232)


def test_two_answers_of_the_largest_size():
    """65,535 bytes, the most that a message over TCP can have; and one at a time of two clients with small windows."""
    with BackendLab() as lab:
        big = lab.path("big.zone", txt_zone(sizes=(65400,)))
        nsd = lab.use(Nsd(lab, 10, [big]))
        q = wire.query("t0.big.example.", "TXT", number=5)
        theirs = nsd.ask(q)
        assert len(theirs) > 65300
        with lab.goldilocks(["--forward", forward(10)]) as server:
            settle(server)

            def slowly(address):
                with wire.connect(address, receive_buffer=16384, timeout=60) as s:
                    s.sendall(wire.framed(q))
                    assert wire.read_answer(s) == theirs
            at_once([(slowly, a) for a in (SERVER_V4, SERVER_V6)])


run(__name__)
