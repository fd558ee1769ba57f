"""One connection that carries megabytes: far more than the cookie alone vouches for (docs/protocol.md, "Long connections")."""

import struct
import threading
import time

import runner
import wire
from goldilocks import ROOT_ZONE, Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab, sh, sysctl
from runner import run

QUERIES = [("com.", "NS", True), ("net.", "NS", False), ("se.", "DS", True), ("nonexistent-tld.", "A", True), (".", "SOA", False),
           ("nonexistent-tld.", "A", False), ("org.", "ANY", True), (".", "NS", True)]
DEPTH = 25  # queries on their way: dnsperf -c 4 -q 100
BEYOND = 1 << 17  # bytes that the cookie alone vouches for


def served(lab, *options, **more):
    return Goldilocks(lab, options, zones=[ROOT_ZONE], **more)


def known_pairs():
    queries = [wire.query(name, kind, do=do, bufsize=1232 if do else None) for name, kind, do in QUERIES]
    return [(q, wire.ask(q)) for q in queries]


def pair(pairs, n):
    query, answer = pairs[n % len(pairs)]
    return wire.with_id(query, n & 0xffff), wire.with_id(answer, n & 0xffff)


def talk(s, pairs, count, depth=DEPTH):
    """`count` queries, `depth` of them on their way; bytes and answers read until the end, or until the server closes."""
    room, read = threading.Semaphore(depth), 0

    def ask():
        for n in range(count):
            room.acquire()
            try:
                s.sendall(wire.framed(pair(pairs, n)[0]))
            except OSError:
                return
    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    answers = s.makefile("rb", buffering=65536)
    for n in range(count):
        prefix = answers.read(2)
        if not prefix:
            return read, n
        (length,) = struct.unpack("!H", prefix)
        assert answers.read(length) == pair(pairs, n)[1], f"wrong answer {n} after {read} bytes"
        read += 2 + length
        room.release()
    asker.join()
    return read, count


def keep_talking(address, pairs, count, enough):
    """Over one connection after the other until `count` answers were read over one of them, or `enough` in all: a
    client that is not seen to pipeline for a while (both share two CPUs here) is closed behind a whole answer.
    (the open connection, answers over it, bytes over it)."""
    total = 0
    while True:
        s = wire.connect(address, timeout=60)
        read, answers = talk(s, pairs, count)
        total += answers
        if answers == count or total >= enough:
            return s, answers, read
        s.close()


def test_thousands_of_queries():
    with Lab() as lab, served(lab) as server:
        pairs = known_pairs()
        for address in (SERVER_V4, SERVER_V6):
            began = time.monotonic()
            s, answers, read = keep_talking(address, pairs, 1000, 30000)
            s.close()
            assert answers == 1000 and read > 4 * BEYOND, f"closed after {answers} answers, {read} bytes"
            runner.report(f"{answers} answers, {read} bytes over one connection, {time.monotonic() - began:.1f} s for all")
        assert server.total("reset_no_cookie") == 0


def test_with_loss():
    with Lab() as lab, served(lab):
        sysctl("net.ipv4.tcp_rto_max_ms", 1000)
        pairs = known_pairs()
        sh("nft", ";".join(["add table inet loss"] + [
            f"add chain inet loss {h} {{ type filter hook {h} priority 0; }}; "
            f"add rule inet loss {h} ip {end} {SERVER_V4} tcp {port} 53 numgen random mod 1000 < 10 counter drop"
            for h, end, port in (("input", "saddr", "sport"), ("output", "daddr", "dport"))]))
        began = time.monotonic()
        s, answers, read = keep_talking(SERVER_V4, pairs, 1500, 45000)
        s.close()
        runner.report(f"{answers} answers, {read} bytes, in {time.monotonic() - began:.1f} s, 1 % lost each way")
        assert answers == 1500 and read > 4 * BEYOND, f"closed after {answers} answers, {read} bytes"


def test_restart():
    """Who has forgotten such a connection resets it, and nothing that was read before is wrong."""
    with Lab() as lab, served(lab, secret=lab.path("secret")) as server:
        sysctl("net.ipv4.tcp_rto_max_ms", 1000)
        pairs = known_pairs()
        s, answers, _ = keep_talking(SERVER_V4, pairs, 1000, 30000)
        with s:
            assert answers == 1000, f"closed after {answers} answers"
            server.kill()
            server.start()
            try:
                answers = talk(s, pairs, 1000)[1]  # the error may have been given to the writer
            except ConnectionResetError:
                answers = 0
        assert answers == 0, f"went on after the restart: {answers} answers"
        assert server.total("reset_no_cookie") > 0
        keep_talking(SERVER_V4, pairs, 1000, 30000)[0].close()


def test_one_by_one():
    """A busy client is not closed: what it asks next may be on its way already. Once it has been quiet, it is, with an answer."""
    with Lab() as lab, served(lab) as server:
        pairs = known_pairs()
        with wire.connect(SERVER_V4, timeout=60) as s:
            read, answers = talk(s, pairs, 1000, depth=1)
            assert answers == 1000 and read > 2 * BEYOND, f"closed after {answers} answers, {read} bytes"
            time.sleep(0.3)
            _, answers = talk(s, pairs, 1000, depth=1)
        runner.report(f"{read} bytes while it was busy, then closed after {answers} more answers")
        assert answers == 1
        assert server.total("reset_no_cookie") == 0


run(__name__)
