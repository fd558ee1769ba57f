"""Goldilocks as a secondary of one zone: what it serves, what it says of itself, and NOTIFY to it."""

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring

import wire
from backends import KERNEL_V4
from lab import inside, wait_for
from transfer_peers import KEY, KEY_TEXT, address

ORIGIN = "xfr.example."
HOST = 10


def ask(name, kind="TXT"):
    return wire.parse(wire.ask_udp(wire.query(f"{name}.{ORIGIN}".lstrip("."), kind)))


def txt(name="serial"):
    answer = ask(name)
    return answer.answer[0][0].strings[0].decode() if answer.answer else dns.rcode.to_text(answer.rcode())


def serves(serial, server, limit=15):
    wait_for(lambda: txt() == str(serial), lambda: f"{txt()} and not {serial}\n{server.log()}", limit)


def secondary(lab, *more, key=True, state=None, options=(), primary=None):
    """Goldilocks with the zone of that host."""
    keys = lab.path("keys", KEY_TEXT)
    keys.chmod(0o600)
    what = primary or f"{ORIGIN}@{address(HOST)}" + (f",tsig={KEY}" if key else "")
    return lab.goldilocks(["--secondary", ",".join([what, *more]), "--tsig", keys, "--state-dir",
                           state or lab.path("state"), "--transfer-listen", f"{KERNEL_V4}53:5300", *options])


def state_of(server):
    return server.telemetry("/goldilocks/secondaries")["zone_0"]


def notify(lab, source=address(HOST), to=f"{KERNEL_V4}53", port=5300, key=None, name=ORIGIN, tcp=False):
    """One NOTIFY from there; its answer."""
    message = dns.message.make_query(name, "SOA")
    message.flags = dns.flags.AA
    message.set_opcode(dns.opcode.NOTIFY)
    if key:
        message.use_tsig(dns.tsigkeyring.from_text({KEY: (dns.tsig.HMAC_SHA256, key)}), KEY)
    with inside(lab.backend_ns, lab.client_ns):
        try:
            ask_by = dns.query.tcp if tcp else dns.query.udp
            return ask_by(message, to, 5, port, source)
        except dns.tsig.PeerError as e:
            return type(e).__name__
