"""edns-tcp-keepalive (RFC 7828): what the server promises over TCP, and that the promise is kept."""

import time

import dns.edns
import dns.message
import dns.rcode

import wire
from goldilocks import Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab
from runner import run


def asking(value=b"", name="com."):
    return dns.message.make_query(name, "NS", use_edns=0, options=[dns.edns.GenericOption(11, value)]).to_wire()


def promised(answer):
    """Seconds, or None."""
    values = [o.to_wire() for o in wire.parse(answer).options if o.otype == 11]
    assert len(values) <= 1 and all(len(v) == 2 for v in values), values
    return int.from_bytes(values[0], "big") / 10 if values else None


def test_half_an_epoch():
    for options, seconds in (([], 1800), (["--epoch", 60], 30), (["--epoch", 604800], 6553.5)):
        with Lab() as lab, Goldilocks(lab, options):
            for address in (SERVER_V4, SERVER_V6):
                assert promised(wire.ask(asking(), address)) == seconds
                assert promised(wire.ask(wire.query("com.", "NS", bufsize=1232), address)) is None
                assert promised(wire.ask_udp(asking(), address)) is None, "a promise over UDP"


def test_a_value_is_not_the_clients_to_give():
    with Lab() as lab, Goldilocks(lab):
        assert wire.parse(wire.ask(asking(b"\0\x09"))).rcode() == dns.rcode.FORMERR
        assert wire.parse(wire.ask_udp(asking(b"\0\x09"))).rcode() == dns.rcode.NOERROR


def test_the_promise_is_kept():
    """Opened at the end of an epoch, the worst moment: idle for all that was promised, and still answered."""
    epoch = 16
    with Lab() as lab, Goldilocks(lab, ["--epoch", epoch]):
        time.sleep((epoch - 0.5 - time.time()) % epoch)
        with wire.connect() as s:
            s.sendall(wire.framed(asking()))
            seconds = promised(wire.read_answer(s))
            assert seconds == epoch / 2
            time.sleep(seconds - 0.2)
            s.sendall(wire.framed(asking(name="org.")))
            assert promised(wire.read_answer(s)) == seconds


run(__name__)
