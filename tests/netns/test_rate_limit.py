"""Response rate limiting over UDP: who asks too much, by forged addresses or by his own, and everybody else."""

import concurrent.futures
import multiprocessing
import random
import re
import socket
import threading
import time

import dns.flags

import flood
import wire
from goldilocks import Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab, sh
from packets import UDP, Wire, ipv4, udp
from runner import report, run
from test_cookies import CLIENT_COOKIE, cookie_of, query

BOTH = (SERVER_V4, SERVER_V6)
LIMIT = 50
NETWORK_LIMIT = 32 * LIMIT  # of a /24
QUESTION = wire.query("com.", "NS", number=1)


class Abuser:
    """A process that sends questions from all addresses of 198.18.7.0/24, so many a second, while its block lasts."""

    def __init__(self, rate):
        self._rate, self._sent, self._stop = rate, multiprocessing.Value("q", 0, lock=False), multiprocessing.Event()
        self._process = multiprocessing.Process(target=self._send, daemon=True)

    def _send(self):
        randomness = random.Random(1)
        with Wire() as cable:
            frames = [cable.ethernet(ipv4(UDP, udp(QUESTION, source=source, sport=randomness.randrange(1024, 65536)), source=source))
                      for source in (f"198.18.7.{n}" for n in range(1, 255))]
            began = time.monotonic()
            while not self._stop.is_set():
                for n, frame in enumerate(frames):
                    if n % 50 == 0:
                        time.sleep(max(0, self._sent.value / self._rate - (time.monotonic() - began)))
                    cable.socket.send(frame)
                    self._sent.value += 1

    def sent(self):
        return self._sent.value

    def __enter__(self):
        self._process.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._process.join(10)


def burst(count, message, address=SERVER_V4):
    """So many questions at once, and the answers that come within a second of silence."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answers = []
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        s.connect((address, 53))
        for _ in range(count):
            s.send(message)
        s.settimeout(1)
        try:
            while len(answers) < count:
                answers.append(s.recv(65535))
        except TimeoutError:
            return answers
    return answers


def is_cut(answer):
    return bool(wire.parse(answer).flags & dns.flags.TC)


def test_an_abuser_changes_nobody_elses_answers():
    """A /24 of forged addresses has its limit, about one in two of the rest is TC, and a client beside it sees nothing."""
    with Lab() as lab, Goldilocks(lab, ["--rate-limit", LIMIT]) as server:
        expected = wire.ask_udp(QUESTION)
        with Abuser(8000) as abuser:
            while abuser.sent() == 0:
                time.sleep(0.01)
            before, began, sent = server.counters(), time.monotonic(), abuser.sent()
            own = 0
            while time.monotonic() - began < 3:
                assert wire.ask_udp(QUESTION, (SERVER_V4, SERVER_V6)[own % 2]) == expected
                own += 1
                time.sleep(2 / LIMIT)
            seconds, sent = time.monotonic() - began, abuser.sent() - sent
            after = server.counters()
        grown = {name: after[name] - before[name] for name in after}
        answered = grown["noerror"] - grown["rate_slipped"] - own
        limited = grown["rate_dropped"] + grown["rate_slipped"]
        report(f"{sent} questions in {seconds:.1f} s from a /24: {answered} answered, {grown['rate_slipped']} TC, "
               f"{grown['rate_dropped']} nothing; {own} of a client beside it, all answered")
        assert sent > 2 * NETWORK_LIMIT * seconds, "the machine was too busy for an abuser"
        # What it had saved up in the second before is there at once.
        assert 0.5 * NETWORK_LIMIT * seconds < answered < NETWORK_LIMIT * (seconds + 1.2), grown
        assert 0.45 * limited < grown["rate_slipped"] < 0.55 * limited, grown


def test_slip():
    for slip, least, most in ((0, 0, 0), (1, 1, 1), (4, 0.15, 0.35)):
        with Lab() as lab, Goldilocks(lab, ["--rate-limit", LIMIT, "--rate-slip", slip]) as server:
            for address in BOTH:
                before = server.counters()
                answers = burst(1000, QUESTION, address)
                grown = {name: count - before[name] for name, count in server.counters().items()}
                assert LIMIT - 5 <= len(answers) - sum(map(is_cut, answers)) <= 3 * LIMIT, grown
                limited = grown["rate_slipped"] + grown["rate_dropped"]
                assert limited > 4 * LIMIT, grown
                assert least * limited <= grown["rate_slipped"] <= most * limited, (slip, grown)


def test_who_is_limited_comes_over_tcp():
    with Lab() as lab, Goldilocks(lab, ["--rate-limit", 1, "--rate-slip", 1]):
        burst(20, QUESTION)
        text = sh("dig", "@" + SERVER_V4, "+notcp", "+nocookie", "com.", "NS", "+norec").stdout
        assert "Truncated, retrying in TCP mode" in text and "status: NOERROR" in text, text


def test_exempt():
    """A valid cookie, or a network of the operator's list."""
    with Lab() as lab, Goldilocks(lab, ["--rate-limit", LIMIT, "--rate-slip", 0]) as server:
        for address in BOTH:
            good = query(cookie_of(wire.ask_udp(query(CLIENT_COOKIE), address)))
            assert len(burst(400, good, address)) == 400
            assert len(burst(400, query(CLIENT_COOKIE), address)) <= 3 * LIMIT
        assert server.total("rate_dropped") > 400
    with Lab() as lab, Goldilocks(lab, ["--rate-limit", LIMIT, "--rate-limit-allow", "192.0.2.0/28",
                                        "--rate-limit-allow", "2001:db9::/32"]) as server:
        assert len(burst(400, QUESTION, SERVER_V4)) == 400
        assert server.total("rate_dropped") == 0
        assert not all(is_cut(a) for a in burst(400, QUESTION, SERVER_V6)) and server.total("rate_dropped") > 0


def test_syn_acks_of_an_abuser():
    """SYNs from four /18 have their limit; a client beside them connects as ever."""
    limit, flood.RATE = 2, 20000
    most = 4 * 768 * limit  # a second
    with Lab() as lab, Goldilocks(lab, ["--tcp-syn-limit", limit]) as server:
        before, asked = server.counters(), 0
        with flood.SynFlood(SERVER_V4) as abuse:
            end = time.monotonic() + 3
            while time.monotonic() < end:
                for address in BOTH:
                    assert wire.ask(QUESTION, address, timeout=5)
                    asked += 1
                time.sleep(1.5 / limit)
        grown = {name: after - before[name] for name, after in server.counters().items()}
        report(f"{abuse.sent} SYNs in {abuse.seconds:.1f} s from four /18: {grown['tcp_syn_ack']} answered, "
               f"{grown['tcp_drop_syn_limited']} dropped; {asked} connections beside them, all answered")
        assert abuse.sent > 1.5 * most * abuse.seconds, "the machine was too busy for an abuser"
        assert grown["tcp_syn_ack"] < most * (abuse.seconds + 1.2) + asked, grown
        assert grown["tcp_drop_syn_limited"] > 0.3 * (abuse.sent - most * (abuse.seconds + 1.2)), grown


def test_tcp_answers_of_an_abuser():
    """Who asks over TCP as fast as he can gets his limit, losing no query; another network gets all."""
    with Lab() as lab, Goldilocks(lab, ["--tcp-answer-limit", LIMIT]) as server:
        expected, stop, given = wire.ask(QUESTION, SERVER_V6), threading.Event(), [0]

        def abuse():
            while not stop.is_set():
                assert wire.ask(QUESTION, SERVER_V4)
                given[0] += 1
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            began, abuser, asked = time.monotonic(), pool.submit(abuse), 0
            try:
                while time.monotonic() - began < 3:
                    assert wire.ask(QUESTION, SERVER_V6, timeout=1) == expected
                    asked += 1
                    time.sleep(2 / LIMIT)
                seconds = time.monotonic() - began
            finally:
                stop.set()
            abuser.result()
        report(f"{given[0]} answers in {seconds:.1f} s to who asks all the time, {asked} to who asks {LIMIT // 2} a second")
        assert given[0] < LIMIT * (seconds + 1.5)
        assert server.total("drop_answer_limited") > 0


def test_wrong_values():
    with Lab() as lab:
        for option, value in (("--rate-limit", "-1"), ("--rate-limit", "100001"), ("--tcp-syn-limit", "x"), ("--rate-limit-allow", "192.0.2.0/33"),
                              ("--dns-cookies", "maybe")):
            server = Goldilocks(lab, [option, value])
            said = sh(*server.command, check=False)
            assert said.returncode == 2 and re.search(option, said.stdout), said.stdout


run(__name__)
