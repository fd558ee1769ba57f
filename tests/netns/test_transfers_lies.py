"""A primary that lies, and messages that are broken: what is read of others, for the sanitized program too."""

import random
import socket

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rrset
import dns.tsig
import dns.tsigkeyring

import wire
from backends import KERNEL_V4, BackendLab, v4
from lab import inside, wait_for
from runner import run
from secondary import HOST, ORIGIN, notify, secondary, serves, state_of, txt
from transfer_peers import KEY, SECRET, Hostile, address

WRONG = {
    "cut": "closed before the end", "outside": "outside the zone", "class": "no zone can hold",
    "ends": "ends with 13", "older": "not newer than ours", "nosoa": "does not begin with the zone's SOA",
    "second": "two SOAs", "behind": "behind the last SOA", "loop": "malformed", "count": "malformed",
    "junk": "answer to something else", "id": "something else", "question": "something else", "endless": "larger than 1 MiB",
    "refused": "REFUSED", "noapex": "no NS record", "cname": "CNAME and other data",
    "ixfrbase": "differences from serial 10", "ixfrgone": "remove what is not there", "ixfrgap": "go on from",
    "ixfrloop": "lead from serial 11 to 11",
}


def test_primary_that_lies():
    """Every wrong transfer leaves the zone as it was, with a line that says why; a right one after it is taken."""
    with BackendLab() as lab, Hostile(lab, HOST) as primary:
        with secondary(lab, key=False, options=["--transfer-limit", "1"]) as server:
            serves(11, server)
            for how, why in WRONG.items():
                before = state_of(server)["failures"]
                primary.tell(how, 12)
                notify(lab)
                wait_for(lambda: state_of(server)["failures"] > before, lambda: how + server.log())
                wait_for(lambda: why in state_of(server)["failing"], lambda: f"{how}: {state_of(server)}")
                assert f"stays as it was, with serial 11: {state_of(server)['failing']}" in server.log(), how
                assert txt() == "11", how
            primary.tell("ixfr", 12)
            notify(lab)
            serves(12, server)
            assert txt("new-12") == "n" and ": IXFR, " in server.log()
            primary.tell("whole", 11)  # it has gone back: not newer
            notify(lab)
            wait_for(lambda: "its serial 11 is older than ours, 12" in server.log(), server.log)
            assert txt() == "12" and not list(lab.path("state").glob("*.new*"))
            assert state_of(server)["failures"] >= len(WRONG), state_of(server)


def seeds():
    """Questions and NOTIFY, signed and not."""
    for kind in ("SOA", "AXFR", "IXFR"):
        for opcode in (dns.opcode.QUERY, dns.opcode.NOTIFY):
            for signed in (False, True):
                message = dns.message.make_query(ORIGIN, kind)
                message.set_opcode(opcode)
                section = message.authority if opcode == dns.opcode.QUERY else message.answer
                section.append(dns.rrset.from_text(ORIGIN, 60, "IN", "SOA", "ns. h. 1 1 1 1 1"))
                if signed:
                    message.use_tsig(dns.tsigkeyring.from_text({KEY: (dns.tsig.HMAC_SHA256, SECRET)}), KEY)
                yield message.to_wire()


def broken(chance, message):
    message = bytearray(message)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(message)) if message else 0
        how = chance.randrange(4)
        if how == 0 and message:
            message[at] = chance.choice((0, 0xc0, 0xff, 0x3f, chance.randrange(256)))
        elif how == 1 and message:
            message[at] ^= 1 << chance.randrange(8)
        elif how == 2:
            del message[at:at + chance.randrange(9)]
        else:
            message[at:at] = chance.randbytes(chance.randrange(9))
    return bytes(message)


def test_broken_messages():
    """To --transfer-listen and to the service's address, over UDP and TCP, from an address that may send them."""
    chance = random.Random(5)
    right = list(seeds())
    with BackendLab() as lab, Hostile(lab, HOST):
        with secondary(lab, f"notify-from={v4(HOST)}", options=["--transfer-allow", f"{KERNEL_V4}0/24"]) as server:
            with inside(lab.backend_ns, lab.client_ns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.bind(("0.0.0.0", 0))
                udp.setblocking(False)
                for n in range(1500):
                    place, source = (((f"{KERNEL_V4}53", 5300), address(HOST)), ((v4(53), 53), v4(HOST)))[n % 2]
                    message = broken(chance, chance.choice(right))
                    udp.sendto(message, place)
                    if n % 25 < 2:
                        with socket.create_connection(place, 5, (source, 0)) as s:
                            s.settimeout(0.2)
                            try:
                                s.sendall(wire.framed(message))
                                s.recv(4096)
                            except OSError:  # closed, or no answer
                                pass
            for tcp in (False, True):
                for place, source in (((f"{KERNEL_V4}53", 5300), address(HOST)), ((v4(53), 53), v4(HOST))):
                    wait_for(lambda a=source, p=place, t=tcp: notify(lab, a, *p, key=SECRET, tcp=t).rcode() == 0, server.log)
            assert server.total("notify_passed") > 100, server.counters()


run(__name__)
