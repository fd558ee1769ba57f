"""DNS cookies (RFC 7873, RFC 9018) with real clients, between nodes, beside Knot, and where names are forwarded."""

import contextlib
import re
import signal
import time

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode

import wire
from backends import BackendLab, Knot, Nsd, forward, settle
from goldilocks import Goldilocks
from lab import SERVER_IF, SERVER_V4, SERVER_V6, Lab, sh, wait_for
from runner import run

BOTH = (SERVER_V4, SERVER_V6)
COOKIE = 10
CLIENT_COOKIE = bytes.fromhex("2464c4abcf10c957")
NODE_SECRET = "5d" * 32
DNS_SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"
REQUIRE = ["--dns-cookies", "require-over-udp"]


def query(cookie=None, name="com.", kind="NS"):
    options = [] if cookie is None else [dns.edns.GenericOption(COOKIE, cookie)]
    return dns.message.make_query(name, kind, use_edns=0, payload=1232, options=options).to_wire()


def cookie_of(answer):
    found = [o.data if hasattr(o, "data") else o.client + o.server for o in wire.parse(answer).options if o.otype == COOKIE]
    assert len(found) <= 1, found
    return found[0] if found else None


def learn(address=SERVER_V4, ask=wire.ask_udp):
    """A whole cookie from this server."""
    cookie = cookie_of(ask(query(CLIENT_COOKIE), address))
    assert cookie[:8] == CLIENT_COOKIE and len(cookie) == 24, cookie
    return cookie


def test_clients():
    """dig sends a client cookie by itself, and says `good` of what comes back for it."""
    with Lab() as lab, Goldilocks(lab) as server:
        for address in BOTH:
            for how in ("+notcp", "+tcp"):
                text = sh("dig", "@" + address, how, "com.", "NS", "+norec").stdout
                assert re.search(r"COOKIE: [0-9a-f]{48} \(good\)", text) and "status: NOERROR" in text, text
                whole = re.search(r"COOKIE: ([0-9a-f]{48})", text)[1]
                again = sh("dig", "@" + address, how, "+cookie=" + whole, "com.", "NS").stdout
                assert f"COOKIE: {whole} (good)" in again, again
                bad = sh("dig", "@" + address, how, "+cookie=" + whole[:-2] + "00", "com.", "NS").stdout
                assert re.search(r"COOKIE: [0-9a-f]{48} \(good\)", bad) and "status: NOERROR" in bad, bad
                text = sh("kdig", "@" + address, how, "+cookie", "com.", "NS").stdout
                assert "COOKIE" in text and "NOERROR" in text and "WARNING" not in text, text
        assert re.search(r"^\.\s+\d+\s+IN\s+SOA", sh("delv", "@" + SERVER_V4, "-i", ".", "SOA").stdout, re.M)
        assert server.total("cookie_valid") >= 4 and server.total("cookie_client_only") >= 8, server.counters()


def test_lengths():
    """What is no COOKIE option is FORMERR; a server cookie of another kind draws a new one (RFC 7873 section 5.2)."""
    with Lab() as lab, Goldilocks(lab) as server:
        for ask in (wire.ask_udp, wire.ask):
            for length in (0, 1, 7, 9, 15, 41, 60):
                answer = wire.parse(ask(query(bytes(length))))
                assert answer.rcode() == dns.rcode.FORMERR, (length, answer)
            for length in (16, 23, 24, 25, 40):
                answer = ask(query(CLIENT_COOKIE + bytes(length - 8)))
                assert wire.parse(answer).rcode() == dns.rcode.NOERROR and len(cookie_of(answer)) == 24, (length, answer)
            assert cookie_of(ask(query())) is None
        assert server.total("cookie_malformed") == 14 and server.total("cookie_invalid") == 10, server.counters()


def test_off():
    with Lab() as lab, Goldilocks(lab, ["--dns-cookies", "off"]) as server:
        for cookie in (CLIENT_COOKIE, b"", bytes(24)):
            answer = wire.ask_udp(query(cookie))
            assert wire.parse(answer).rcode() == dns.rcode.NOERROR and cookie_of(answer) is None
        assert server.total("cookie_client_only") == 0


def test_required():
    """Over UDP BADCOOKIE with a new cookie, or TC to who sends none; with the cookie the answer. Over TCP always."""
    with Lab() as lab, Goldilocks(lab, REQUIRE) as server:
        before = server.total("cookie_required")
        for address in BOTH:
            refused = wire.ask_udp(query(CLIENT_COOKIE), address)
            answer = wire.parse(refused)
            assert answer.rcode() == 23 and not answer.answer and not answer.authority, answer
            good = wire.parse(wire.ask_udp(query(cookie_of(refused)), address))
            assert good.rcode() == dns.rcode.NOERROR and good.authority, good
            for none in (query(), wire.query("com.", "NS")):
                answer = wire.parse(wire.ask_udp(none, address))
                assert answer.flags & dns.flags.TC and not answer.authority, answer
                assert wire.parse(wire.ask(none, address)).authority
            assert wire.parse(wire.ask(query(CLIENT_COOKIE), address)).authority
            text = sh("dig", "@" + address, "+notcp", "com.", "NS", "+norec").stdout
            assert "BADCOOKIE, retrying" in text and "status: NOERROR" in text and "(UDP)" in text, text
        assert server.total("badcookie") == 4 and server.total("cookie_required") - before == 8, server.counters()


def test_truncation_counts_the_cookie():
    """An answer that fits 512 bytes only without the cookie is cut with it, and none is longer than it may be."""
    with Lab() as lab, Goldilocks(lab) as server:
        for payload in range(512, 1233, 16):
            q = dns.message.make_query(".", "NS", use_edns=0, payload=payload,
                                       options=[dns.edns.GenericOption(COOKIE, CLIENT_COOKIE)]).to_wire()
            answer = wire.ask_udp(q)
            assert len(answer) <= payload and len(cookie_of(answer)) == 24, payload
        assert server.total("cookie_client_only") == len(range(512, 1233, 16))


def secret_file(lab, name, *lines):
    path = lab.path(name, "\n".join(lines) + "\n")
    path.chmod(0o600)
    return path


def test_nodes_with_one_secret():
    """Another process of the same secret takes the cookie as its own, one of another secret does not."""
    with Lab() as lab:
        shared = secret_file(lab, "shared", NODE_SECRET)
        with Goldilocks(lab, REQUIRE, secret=shared):
            cookies = {address: learn(address) for address in BOTH}
        with Goldilocks(lab, REQUIRE, secret=shared) as server:
            for address, cookie in cookies.items():
                answer = wire.ask_udp(query(cookie), address)
                assert wire.parse(answer).authority and cookie_of(answer) == cookie, "a new one within half an hour"
            # It is the client's of that address alone.
            assert wire.parse(wire.ask_udp(query(cookies[SERVER_V4]), SERVER_V6)).rcode() == 23
        with Goldilocks(lab, REQUIRE) as server:
            assert wire.parse(wire.ask_udp(query(cookies[SERVER_V4]))).rcode() == 23
            assert server.total("cookie_invalid") == 1


def test_rotation_by_sighup():
    """A dated secret: before it holds and after, cookies of the other are good; new ones are of the one that holds."""
    with Lab() as lab:
        now = int(time.time())
        path = secret_file(lab, "secret", NODE_SECRET, f"dns {DNS_SECRET}")
        with Goldilocks(lab, REQUIRE, secret=path) as server:
            old = learn()
            path.write_text(f"{NODE_SECRET}\ndns {DNS_SECRET}\n@{now - 60} dns {'ab' * 16}\n")
            server.signal(signal.SIGHUP)
            wait_for(lambda: "secrets read again" in server.log(), server.log)
            wait_for(lambda: cookie_of(wire.ask_udp(query(old))) != old, "no cookie of the new secret")
            answer = wire.ask_udp(query(old))
            assert wire.parse(answer).authority, "the old one is good for an hour"
            new = cookie_of(answer)
            assert cookie_of(wire.ask_udp(query(new))) == new
            # Forgotten: the old one draws BADCOOKIE.
            path.write_text(f"{NODE_SECRET}\ndns {'ab' * 16}\n")
            server.signal(signal.SIGHUP)
            wait_for(lambda: wire.parse(wire.ask_udp(query(old))).rcode() == 23, "the old secret is still good")
            assert wire.parse(wire.ask_udp(query(new))).authority
            # A file that is none is not taken.
            path.write_text(f"{NODE_SECRET}\ndns {'ab' * 15}\n")
            server.signal(signal.SIGHUP)
            wait_for(lambda: "secret:2: expected 32 hex digits" in server.log(), server.log)
            assert wire.parse(wire.ask_udp(query(new))).authority


def test_beside_knot_and_nsd():
    """Another server with the same secret, in the place of one of our nodes: it takes our cookies, and we take its."""
    with BackendLab() as lab:
        path = secret_file(lab, "secret", NODE_SECRET, f"dns {DNS_SECRET}")
        where = {"namespace": lab.server_ns, "addresses": list(BOTH)}
        nsd = f'  answer-cookie: yes\n  cookie-secret: "{DNS_SECRET}"\n'
        for other in (CookieKnot(lab, 10, **where), Nsd(lab, 11, more=nsd, **where)):
            with Goldilocks(lab, REQUIRE, secret=path):
                ours = {address: learn(address) for address in BOTH}
            with own_addresses(lab), other:
                for address in BOTH:
                    answer = wire.ask_udp(query(ours[address]), address)
                    assert cookie_of(answer) == ours[address], f"{other}: our cookie is none of its own"
                theirs = {address: learn(address) for address in BOTH}
            with Goldilocks(lab, REQUIRE, secret=path):
                for address in BOTH:
                    answer = wire.ask_udp(query(theirs[address]), address)
                    assert wire.parse(answer).authority and cookie_of(answer) == theirs[address], (other, answer)


@contextlib.contextmanager
def own_addresses(lab):
    """The addresses that Goldilocks answers for are the kernel's for the time of the block."""
    def kernel_ipv6(off):
        sh("ip", "netns", "exec", lab.server_ns, "sysctl", "-qw", f"net.ipv6.conf.{SERVER_IF}.disable_ipv6={off}")
    kernel_ipv6(0)
    sh("ip", "-n", lab.server_ns, "addr", "add", SERVER_V4 + "/24", "dev", SERVER_IF)
    sh("ip", "-n", lab.server_ns, "addr", "add", SERVER_V6 + "/64", "dev", SERVER_IF, "nodad")
    try:
        yield
    finally:
        sh("ip", "-n", lab.server_ns, "addr", "flush", "dev", SERVER_IF)
        kernel_ipv6(1)


class CookieKnot(Knot):
    def __init__(self, lab, host, **where):
        super().__init__(lab, host, each_zone="    module: mod-cookies/shared\n", **where)

    def configure(self):
        super().configure()
        conf = self.dir / "knot.conf"
        module = f"mod-cookies:\n  - id: shared\n    secret: 0x{DNS_SECRET}\n    badcookie-slip: 1\n"
        conf.write_text(conf.read_text().replace("zone:\n", module + "zone:\n", 1))


def forwarding(options, body):
    with BackendLab() as lab, Nsd(lab, 10), lab.goldilocks(["--forward", forward(10), *options]) as server:
        settle(server)
        body(server)


def test_forwarding():
    """The client's cookie is ours to answer: no backend sees it, and its answers are shared by clients of all cookies."""
    def body(server):
        for ask in (wire.ask_udp, wire.ask):
            answer = ask(query(CLIENT_COOKIE))
            whole = cookie_of(answer)
            assert wire.parse(answer).authority and whole[:8] == CLIENT_COOKIE and len(whole) == 24, answer
            assert cookie_of(ask(query(whole))) == whole
            assert wire.parse(ask(query(b"123"))).rcode() == dns.rcode.FORMERR
            assert cookie_of(ask(query())) is None
    forwarding([], body)


def test_forwarding_required():
    def body(server):
        refused = wire.ask_udp(query(CLIENT_COOKIE, "net."))
        assert wire.parse(refused).rcode() == 23
        assert wire.parse(wire.ask_udp(query(None, "net."))).flags & dns.flags.TC
        assert server.forwarding("asked_udp") == 0, "a backend was asked for nothing"
        assert wire.parse(wire.ask_udp(query(cookie_of(refused), "net."))).authority
        assert server.forwarding("asked_udp") == 1
        # What has a short answer, and whose sender would not come over TCP.
        notify = dns.message.make_query(".", "SOA")
        notify.set_opcode(dns.opcode.NOTIFY)
        answer = wire.parse(wire.ask_udp(notify.to_wire()))
        assert answer.opcode() == dns.opcode.NOTIFY and not answer.flags & dns.flags.TC, answer
        assert wire.parse(wire.ask_udp(wire.query(".", "SOA", bufsize=512, version=1))).rcode() == dns.rcode.BADVERS
    forwarding([*REQUIRE, "--forward-notifies", "pass"], body)


run(__name__)
