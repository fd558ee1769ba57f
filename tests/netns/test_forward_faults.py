"""Backends that are slow, silent, dead or lying: every client gets an answer in time, and never a wrong one."""

import concurrent.futures
import signal
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode

import wire
from backends import Bad, BackendLab, Changes, Nsd, forward, settle
from lab import SERVER_V4, SERVER_V6, sh
from runner import run
from test_large import at_once

TIMEOUT_MS = 500
TRIES = 2
# For all tries, and what a busy machine adds.
LIMIT_S = TRIES * TIMEOUT_MS / 1000 + 2.0
# So many requests: on a busy machine a client's kernel may repeat one that is answered, which is counted again.
FOUR = (4, 8)
LIES = ("id", "question", "port", "address")
MALFORMED = ("short", "cut", "loop", "count", "junk")
NOERROR, SERVFAIL, REFUSED = dns.rcode.NOERROR, dns.rcode.SERVFAIL, dns.rcode.REFUSED
GOOD = "10.0.0.1"


def options(*hosts):
    return [*(word for host in hosts for word in ("--forward", forward(host))), "--forward-timeout", TIMEOUT_MS,
            "--forward-tries", TRIES]


class Scene:
    """A lab with one bad backend, and if asked for a good one beside it, both in one pool."""

    def __init__(self, good=False, more=(), bad=()):
        self.good, self.more, self.bad = good, more, bad

    def __enter__(self):
        self.lab = BackendLab().__enter__()
        try:
            bad = self.lab.use(Bad(self.lab, 20, self.bad))
            if self.good:
                self.lab.use(Bad(self.lab, 21, ["--honest"]))
            hosts = (20, 21) if self.good else (20,)
            server = self.lab.use(self.lab.goldilocks([*options(*hosts), *self.more]))
            settle(server, *range(len(hosts)))
        except BaseException as e:
            self.lab.__exit__(type(e), e, e.__traceback__)
            raise
        return bad, server

    def __exit__(self, *exc):
        self.lab.__exit__(*exc)


def timed(ask, name, address=SERVER_V4, kind="A"):
    """The answer, parsed, which came in time and is one to this question."""
    q = wire.query(name, kind, bufsize=1232)
    began = time.monotonic()
    answer = wire.parse(ask(q, address))
    took = time.monotonic() - began
    assert took < LIMIT_S, f"{name} took {took:.2f} s"
    assert answer.id == wire.parse(q).id and answer.question == wire.parse(q).question, answer
    return answer


def addresses_in(answer):
    return [r.to_text() for rrset in answer.answer for r in rrset]


def every_way(name, rcode, answers=(), kind="A", asks=(wire.ask, wire.ask_udp)):
    """Over TCP and UDP, IPv4 and IPv6, at once, each under a name of its own."""
    def one(ask, address, number):
        answer = timed(ask, f"{name}.n{number}.test.", address, kind)
        assert answer.rcode() == rcode and addresses_in(answer) == list(answers), answer
        assert not answer.flags & dns.flags.TC, answer
    at_once([(one, ask, address, n + 2 * m) for n, ask in enumerate(asks)
             for m, address in enumerate((SERVER_V4, SERVER_V6))])


# --- one backend: what becomes of it is counted, and the client is told

def test_answers_and_silence():
    with Scene() as (bad, server):
        for name, rcode, answers, of_backend, of_all in (
                ("ok", NOERROR, [GOOD], {"answered": (4, 8), "sent": (4, 8), "timed_out": 0}, {"answered": FOUR}),
                ("nxdomain", dns.rcode.NXDOMAIN, [], {"answered": (4, 8)}, {"answered": FOUR}),
                ("silent", SERVFAIL, [], {"timed_out": 8}, {"failed_timeout": FOUR, "retried": 4}),
                ("once", NOERROR, [GOOD], {"timed_out": 4}, {"answered": FOUR, "retried": 4, "failed_timeout": 0})):
            changes = Changes(server)
            every_way(name, rcode, answers)
            changes.expect(of_backend, backend=0)
            changes.expect(of_all)


def test_slow():
    """Two seconds: the client has its SERVFAIL long before, and the replies are late."""
    with Scene() as (bad, server):
        changes = Changes(server)
        every_way("slow-2000", SERVFAIL)
        changes.expect({"failed_timeout": FOUR, "answered": 0})
        changes.expect({"timed_out": 8, "late": 8}, backend=0, limit=5)
        changes = Changes(server)
        every_way("slow-150", NOERROR, [GOOD])
        changes.expect({"failed_timeout": 0, "answered": FOUR, "retried": 0})


def test_lies():
    """A reply with the wrong ID, question, port or address is dropped and counted; what it says reaches nobody."""
    with Scene() as (bad, server):
        for lie in LIES:
            changes = Changes(server)
            every_way(lie, SERVFAIL)
            changes.expect({"failed_timeout": FOUR, "answered": 0})
            # No question has that ID: as if it came too late.
            changes.expect({"late" if lie == "id" else "wrong": 8, "timed_out": 8}, backend=0)


def test_lies_before_the_truth():
    with Scene() as (bad, server):
        changes = Changes(server)
        every_way("liethenright", NOERROR, [GOOD])
        changes.expect({"answered": FOUR, "failed_timeout": 0, "retried": 0})
        changes.expect({"wrong": 12, "late": 4, "timed_out": 0}, backend=0)


def test_answering_twice():
    with Scene() as (bad, server):
        changes = Changes(server)
        every_way("twice", NOERROR, [GOOD])
        changes.expect({"late": 4, "wrong": 0}, backend=0)
        for ask in (wire.ask, wire.ask_udp):  # a new question of the same name, while the second reply arrives
            for n in range(20):
                answer = timed(ask, "twice.again.test.")
                assert addresses_in(answer) == [GOOD], answer


def test_malformed():
    with Scene() as (bad, server):
        for how in MALFORMED:
            changes = Changes(server)
            every_way(how, SERVFAIL)
            grown = changes.grown()
            assert grown[1].get("malformed", 0) + grown[1].get("wrong", 0) >= 4, (how, grown)
            assert grown[0].get("answered", 0) == 0, (how, grown)


def test_truncated():
    """TC: the same question over TCP, for those who ask over TCP. Where that fails, SERVFAIL."""
    with Scene() as (bad, server):
        for name, rcode, answers, counted in (
                ("tc", NOERROR, [GOOD], {"truncated": 2, "sent_tcp": 2, "answered_tcp": 2, "failed_tcp": 0}),
                ("tcslow-100", NOERROR, [GOOD], {"truncated": 2, "answered_tcp": 2}),
                ("tcshut", SERVFAIL, [], {"truncated": 2, "answered_tcp": 0, "failed_tcp": (2, 4)}),
                ("tcslow-5000", SERVFAIL, [], {"truncated": 2, "answered_tcp": 0, "failed_tcp": (2, 4)})):
            changes = Changes(server)
            every_way(name, rcode, answers, asks=[wire.ask])
            changes.expect(counted, backend=0)
            # Over UDP the client is told to come over TCP, and then has its answer.
            changes = Changes(server)
            for address in (SERVER_V4, SERVER_V6):
                answer = timed(wire.ask_udp, f"{name}.udp.test.", address)
                assert answer.flags & dns.flags.TC and answer.rcode() == NOERROR and not answer.answer, answer
            changes.expect({"truncated": 2, "sent_tcp": 0}, backend=0)
        answer, by_tcp = dns.query.udp_with_fallback(dns.message.make_query("tc.fallback.test.", "A"), SERVER_V4, timeout=5)
        assert by_tcp and addresses_in(answer) == [GOOD], answer


def test_longer_than_asked_for():
    """A backend that does not look at the size we ask for. The kernel puts the fragments together and hands on what a frame
    holds: taken as if it were truncated."""
    with Scene() as (bad, server):
        for size in (2000, 6000, 20000):
            changes = Changes(server)
            for address in (SERVER_V4, SERVER_V6):
                answer = timed(wire.ask, f"rude-{size}.{address[-1]}.test.", address, "TXT")
                assert answer.rcode() == NOERROR and len(answer.to_wire()) >= size, answer
            changes.expect({"cut_short": 2, "truncated": 2, "sent_tcp": 2, "answered_tcp": 2, "timed_out": 0}, backend=0)
            answer, by_tcp = dns.query.udp_with_fallback(dns.message.make_query(f"rude-{size}.f.test.", "TXT", payload=1232),
                                                         SERVER_V4, timeout=5)
            assert by_tcp and len(answer.to_wire()) >= size, answer


def test_truncated_and_nobody_listens():
    with Scene(bad=["--no-tcp"]) as (bad, server):
        changes = Changes(server)
        every_way("tc", SERVFAIL, asks=[wire.ask])
        changes.expect({"failed_tcp": (2, 4), "answered_tcp": 0}, backend=0)


def test_rcodes_that_tell_of_trouble():
    """Where no other backend can be asked, they are the answer."""
    with Scene() as (bad, server):
        for name, rcode in (("servfail", SERVFAIL), ("refused", REFUSED), ("notimp", dns.rcode.NOTIMP),
                            ("formerr", dns.rcode.FORMERR)):
            changes = Changes(server)
            every_way(name, rcode)
            if name in ("servfail", "refused"):
                changes.expect({name: (4, 8)}, backend=0)


def test_a_backend_that_knows_no_edns():
    """FORMERR without an OPT: asked again without EDNS, where nothing is lost by that."""
    with Scene() as (bad, server):
        every_way("noedns", NOERROR, [GOOD])
        seen = bad.asked()
        assert len(seen) == 8 and sum(q["edns"] is None for q in seen) == 4, seen


# --- with a good one beside it

def test_a_good_one_beside_it():
    """Whichever is asked first: everything is answered right."""
    with Scene(good=True) as (bad, server):
        for name in ("ok", "silent", "slow-2000", *LIES, "liethenright", "twice", *MALFORMED, "servfail", "tc", "tcshut",
                     "tcslow-5000"):
            changes = Changes(server, 2)
            both = (wire.ask, wire.ask) if name.startswith("tc") else (wire.ask, wire.ask_udp)
            asks = [both[n % 2] for n in range(24)]

            def one(n):
                answer = timed(asks[n], f"{name}.both-{n}.test.", (SERVER_V4, SERVER_V6)[n // 2 % 2])
                assert answer.rcode() == NOERROR and addresses_in(answer) == [GOOD], f"{name}: {answer}"
            at_once([(one, n) for n in range(24)])
            grown = changes.grown()
            assert grown[1].get("sent", 0) and grown[2].get("sent", 0), f"{name}: only one was asked: {grown}"
            assert grown[0].get("failed_timeout", 0) == grown[0].get("failed_reply", 0) == 0, grown


def ask_until(done, ask_one):
    """Eight clients without a pause, until done() says so or its block ends; what went wrong."""
    failures, asked = [], [0]

    def client(number):
        n = 0
        while not done():
            try:
                ask_one(number, n)
                asked[0] += 1
            except Exception as e:  # shown by the caller
                failures.append(f"{type(e).__name__} {e}")
                return
            n += 1
    pool = concurrent.futures.ThreadPoolExecutor(8)
    futures = [pool.submit(client, number) for number in range(8)]
    return pool, futures, failures, asked


def while_it_happens(server, happens, expected_failures=0):
    """Clients that ask without a pause while `happens` runs."""
    over = [False]

    def ask_one(number, n):
        ask = wire.ask if number % 2 else wire.ask_udp
        answer = timed(ask, f"ok.c{number}.n{n}.test.", (SERVER_V4, SERVER_V6)[number // 2 % 2])
        assert answer.rcode() == NOERROR and addresses_in(answer) == [GOOD], answer
    pool, futures, failures, asked = ask_until(lambda: over[0], ask_one)
    try:
        happens()
    finally:
        over[0] = True
        pool.shutdown()
    assert not failures, failures[:3]
    assert asked[0] > 50, f"only {asked[0]} questions"


def test_killed_and_started_again():
    """kill -9 under load, with a good one beside it; then it comes back."""
    with Scene(good=True) as (bad, server):
        def happens():
            time.sleep(0.5)
            bad.kill()
            time.sleep(4.5)
            assert server.backend(0, "cores_up") == 0 and server.backend(1, "cores_up") == 1
            bad.start()
            time.sleep(2.5)
            assert server.backend(0, "cores_up") == 1
        changes = Changes(server, 2)
        while_it_happens(server, happens)
        changes.expect({"went_down": 1, "came_up": 1, "health_failed": (3, 9)}, backend=0)
        changes.expect({"went_down": 0, "timed_out": 0}, backend=1)
        assert bad.asked(), "nothing is asked of it again"
        log = server.log()
        name = server.backend(0, "name")
        assert log.count(f"warning: backend {name} is down") == 1, log
        assert log.count(f"notice: backend {name} is up") == 1, log


def test_stopped_and_continued():
    """SIGSTOP: its kernel takes what it does not answer. Continued, it answers all of that, late."""
    with Scene(good=True) as (bad, server):
        def happens():
            time.sleep(0.5)
            bad.signal(signal.SIGSTOP)
            time.sleep(1.5)
            bad.signal(signal.SIGCONT)
            time.sleep(1)
        changes = Changes(server, 2)
        while_it_happens(server, happens)
        grown = changes.grown()
        assert grown[1].get("timed_out", 0) and grown[1].get("late", 0), grown
        assert grown[1].get("wrong", 0) == 0 and grown[0]["retried"] >= grown[1]["late"] // 2 > 0, grown


def test_the_only_one_stops():
    """NSD under SIGSTOP: SERVFAIL in time; at once when it is known to be down; right again soon after SIGCONT."""
    with BackendLab() as lab, Nsd(lab, 10) as nsd, lab.goldilocks(options(10)) as server:
        settle(server)
        nsd.signal(signal.SIGSTOP)
        for ask in (wire.ask, wire.ask_udp):
            assert timed(ask, "com.", kind="NS").rcode() == SERVFAIL
        end = time.monotonic() + 10
        while server.backend(0, "cores_up"):
            assert time.monotonic() < end, "it does not count as down"
            time.sleep(0.1)
        for ask in (wire.ask, wire.ask_udp):
            began = time.monotonic()
            assert timed(ask, "org.", kind="NS").rcode() == SERVFAIL
            assert time.monotonic() - began < TRIES * TIMEOUT_MS / 1000, "it was waited for"
        assert 2 <= server.forwarding("failed_down") <= 4, server.forwarding()
        nsd.signal(signal.SIGCONT)
        end = time.monotonic() + 10
        while not server.backend(0, "cores_up"):
            assert time.monotonic() < end, "it does not count as up again"
            time.sleep(0.1)
        for ask in (wire.ask, wire.ask_udp):
            assert timed(ask, "com.", kind="NS").rcode() == NOERROR


# --- errors that need not say what they are about

def test_a_key_that_the_backend_does_not_know():
    """NSD's BADKEY, without a question and unsigned (RFC 8945 section 5.2), is the client's, and comes at once."""
    with BackendLab() as lab, Nsd(lab, 10), lab.goldilocks(options(10)) as server:
        settle(server)
        for transport in ("+notcp", "+tcp"):
            began = time.monotonic()
            said = sh("kdig", "@" + SERVER_V4, transport, "-y", "hmac-sha256:nobody:AAAAAAAAAAAAAAAAAAAAAA==", "com.", "NS",
                      check=False).stdout
            assert "TSIG" in said and "BADKEY" in said, said
            assert time.monotonic() - began < TIMEOUT_MS / 1000 + 0.5, said


def test_notify_for_a_zone_that_it_has_not():
    """What NSD says to that is passed on, whether it repeats the question or not."""
    with BackendLab() as lab, Nsd(lab, 10), lab.goldilocks([*options(10), "--forward-notifies", "pass"]) as server:
        settle(server)
        message = bytearray(wire.query("nobody.has.this.test.", "SOA"))
        message[2] = 0x20 | (message[2] & 0x87)
        began = time.monotonic()
        answer = wire.ask_udp(bytes(message))
        assert answer[:2] == bytes(message[:2]) and answer[3] & 15 not in (0, SERVFAIL), answer.hex()
        assert time.monotonic() - began < TIMEOUT_MS / 1000 + 0.5


# --- tables that are full

def told_to_come_over_tcp(answer):
    return bool(answer.flags & dns.flags.TC) and answer.rcode() == NOERROR and not answer.answer


def test_more_questions_than_slots():
    """200 clients, 16 slots and a backend that says nothing. For whom there is no room: over TCP SERVFAIL, over UDP TC,
    at once. For the others SERVFAIL in time. And for all of them an answer."""
    with BackendLab() as lab, Bad(lab, 20) as bad:
        with lab.goldilocks(["--forward", forward(20), "--forward-slots", 16, "--forward-timeout", 3000,
                             "--forward-tries", 1]) as server:
            settle(server)
            changes = Changes(server)

            def one(n):
                began = time.monotonic()
                ask = wire.ask if n % 2 else wire.ask_udp
                answer = wire.parse(ask(wire.query(f"silent.full-{n}.test."), (SERVER_V4, SERVER_V6)[n // 2 % 2], 10))
                assert answer.rcode() == SERVFAIL or n % 2 == 0 and told_to_come_over_tcp(answer), answer
                return time.monotonic() - began
            with concurrent.futures.ThreadPoolExecutor(200) as pool:
                took = sorted(pool.map(one, range(200)))
            assert sum(t < 2.5 for t in took) >= 150, f"waited although there was no room: {took}"
            assert took[-1] < 6, took
            changes.expect({"failed_full": (60, 200), "to_tcp": (60, 100), "failed_timeout": (8, 32), "answered": (0, 100)})
            assert timed(wire.ask, "ok.after.test.").rcode() == NOERROR
            assert addresses_in(timed(wire.ask_udp, "ok.afterwards.test.")) == [GOOD]
            assert len(bad.asked(transport="udp")) <= 20


def test_more_clients_than_may_wait():
    """The same question of 200 clients, of whom 16 may wait."""
    with BackendLab() as lab, Bad(lab, 20) as bad:
        with lab.goldilocks(["--forward", forward(20), "--forward-waiting", 16, "--forward-timeout", 3000]) as server:
            settle(server)

            def one(n):
                ask = wire.ask if n % 2 else wire.ask_udp
                answer = wire.parse(ask(wire.query("slow-1500.same.test."), (SERVER_V4, SERVER_V6)[n // 2 % 2], 10))
                if told_to_come_over_tcp(answer) and n % 2 == 0:
                    return "over TCP"
                return dns.rcode.to_text(answer.rcode())
            with concurrent.futures.ThreadPoolExecutor(200) as pool:
                said = list(pool.map(one, range(200)))
            assert set(said) <= {"NOERROR", "SERVFAIL", "over TCP"} and 8 <= said.count("NOERROR") <= 80, said
            assert len(bad.asked(transport="udp")) <= 4, bad.asked()
            assert server.forwarding("failed_full") >= 20 and server.forwarding("to_tcp") >= 20, server.forwarding()


def test_equal_questions_are_asked_once():
    with Scene() as (bad, server):
        changes = Changes(server)

        def one(n):
            answer = timed(wire.ask if n % 2 else wire.ask_udp, "slow-200.merged.test.")
            assert addresses_in(answer) == [GOOD], answer
        with concurrent.futures.ThreadPoolExecutor(60) as pool:
            list(pool.map(one, range(60)))
        asked = len(bad.asked(name="slow-200.merged.test."))
        assert asked <= 6, f"asked {asked} times"
        assert changes.grown()[0]["merged"] >= 60 - asked - 5, changes.grown()


run(__name__)
