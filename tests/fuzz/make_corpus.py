#!/usr/bin/env python3
"""Writes the seeds of the fuzzers: corpus/TARGET/NAME. Needs only Python's standard library."""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "corpus"
CLIENT_MAC, OUR_MAC = bytes.fromhex("020000000002"), bytes.fromhex("020000000001")
CLIENT4, OUR4 = bytes([192, 0, 2, 99]), bytes([192, 0, 2, 53])
CLIENT6, OUR6 = bytes.fromhex("20010db8" + "00" * 11 + "99"), bytes.fromhex("20010db8" + "00" * 11 + "53")
LINK_LOCAL = bytes.fromhex("fe80" + "00" * 13 + "99")


def put(target, name, content):
    folder = HERE / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def query(owner, qtype, qclass=1, flags=0x0100, edns=None):
    message = struct.pack(">6H", 0x1234, flags, 1, 0, 0, 0 if edns is None else 1)
    message += name(owner) + struct.pack(">HH", qtype, qclass)
    if edns is not None:
        size, dnssec_ok, options = edns
        message += b"\0" + struct.pack(">HHIH", 41, size, 0x8000 if dnssec_ok else 0, len(options)) + options
    return message


def framed(message):
    return struct.pack(">H", len(message)) + message


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ethernet(ether_type, packet, vlan=None, destination=OUR_MAC):
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    return destination + CLIENT_MAC + tag + struct.pack(">H", ether_type) + packet


def ipv4(protocol, payload):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 7, 0x4000, 64, protocol, 0) + CLIENT4 + OUR4
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ipv6(protocol, payload, source=CLIENT6, destination=OUR6, hops=64):
    return struct.pack(">IHBB", 0x60000000, len(payload), protocol, hops) + source + destination + payload


def sealed(protocol, segment, at, source, destination):
    """The segment with its checksum at offset `at`; the pseudo header is that of RFC 8200 or, shorter, RFC 9293."""
    pseudo = source + destination + struct.pack(">HH", protocol, len(segment))
    return segment[:at] + struct.pack(">H", checksum(pseudo + segment)) + segment[at + 2 :]


def udp(payload, source, destination):
    head = struct.pack(">HHHH", 40000, 53, 8 + len(payload), 0)
    return sealed(17, head + payload, 6, source, destination)


def tcp(flags, payload, source, destination, options=b""):
    head = struct.pack(">HHIIBBHHH", 40000, 53, 1000, 2000, (20 + len(options)) << 2, flags, 65535, 0, 0)
    return sealed(6, head + options + payload, 16, source, destination)


TIMESTAMPS = bytes.fromhex("0101080a") + struct.pack(">II", 100, 200)
SYN_OPTIONS = bytes.fromhex("020405b40402080a") + struct.pack(">II", 100, 0) + bytes.fromhex("01030307")


def frames():
    ask = query("big.example", 16)
    for version, layer3, ether_type, source, destination in (
        ("4", ipv4, 0x0800, CLIENT4, OUR4),
        ("6", ipv6, 0x86DD, CLIENT6, OUR6),
    ):
        wrap = lambda protocol, payload: ethernet(ether_type, layer3(protocol, payload))
        yield "udp" + version, 0, wrap(17, udp(ask, source, destination))
        yield "syn" + version, 0, wrap(6, tcp(0x02, b"", source, destination, SYN_OPTIONS))
        yield "query" + version, 3, wrap(6, tcp(0x18, framed(ask), source, destination))
        yield "query_timestamps" + version, 7, wrap(6, tcp(0x18, framed(ask), source, destination, TIMESTAMPS))
        yield "prefix" + version, 7, wrap(6, tcp(0x18, framed(ask)[:2], source, destination, TIMESTAMPS))
        yield "fin" + version, 7, wrap(6, tcp(0x11, b"", source, destination, TIMESTAMPS))
        yield "no_buffers" + version, 15, wrap(6, tcp(0x18, framed(ask), source, destination, TIMESTAMPS))
    yield "vlan", 0, ethernet(0x0800, ipv4(17, udp(ask, CLIENT4, OUR4)), vlan=42)
    echo = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + b"echo"
    yield "icmp", 0, ethernet(0x0800, ipv4(1, echo[:2] + struct.pack(">H", checksum(echo)) + echo[4:]))
    echo6 = struct.pack(">BBHHH", 128, 0, 0, 1, 1) + b"echo"
    yield "icmpv6", 0, ethernet(0x86DD, ipv6(58, sealed(58, echo6, 2, CLIENT6, OUR6)))
    arp = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + CLIENT_MAC + CLIENT4 + b"\0" * 6 + OUR4
    yield "arp", 0, ethernet(0x0806, arp, destination=b"\xff" * 6)
    group = bytes.fromhex("ff02" + "00" * 9 + "01ff") + OUR6[13:]
    solicit = struct.pack(">BBHI", 135, 0, 0, 0) + OUR6 + b"\1\1" + CLIENT_MAC
    packet = ipv6(58, sealed(58, solicit, 2, LINK_LOCAL, group), LINK_LOCAL, group, 255)
    yield "solicitation", 0, ethernet(0x86DD, packet, destination=b"\x33\x33" + group[12:])
    for label, target in (("advertisement", CLIENT6), ("advertisement_of_ours", OUR6)):
        advertise = struct.pack(">BBHI", 136, 0, 0, 0x60000000) + target + b"\2\1" + CLIENT_MAC
        yield label, 0, ethernet(0x86DD, ipv6(58, sealed(58, advertise, 2, LINK_LOCAL, OUR6), LINK_LOCAL, hops=255))
    hop_by_hop = bytes([17, 0, 1, 4, 0, 0, 0, 0])
    yield "hop_by_hop", 0, ethernet(0x86DD, ipv6(0, hop_by_hop + udp(ask, CLIENT6, OUR6)))


def questions():
    for owner in ("example", "a.example", "alias2.example", "loop.example", "x.wild.example", "www.cut.example",
                  "cut.example", "x.tree.example", "big.example", "not.there.example", "other.test", ""):
        for qtype, label in ((1, "a"), (16, "txt"), (43, "ds"), (255, "any")):
            yield f"{owner or 'root'}_{label}", query(owner, qtype)
    yield "edns", query("example", 6, edns=(4096, True, b""))
    yield "nsid", query("example", 6, edns=(1232, True, struct.pack(">HH", 3, 0)))
    yield "cookie", query("example", 6, edns=(1232, False, struct.pack(">HH", 10, 8) + b"12345678"))
    yield "chaos", query("version.bind", 16, 3)
    yield "response", query("example", 6, flags=0x8000)
    yield "notify", query("example", 6, flags=0x2000)
    yield "pointer", query("example", 6)[:12] + b"\xc0\x0c\0\1\0\1"


ZONES = {
    "small": "$ORIGIN example.\n$TTL 60\n@ IN SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\na A 192.0.2.3\n",
    "signed": "example. 60 IN SOA ns.example. h.example. 1 2 3 4 5\nexample. 60 IN NS ns.example.\n"
              "example. 60 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9"
              "iUzy1L53eKGQ==\nexample. 60 IN NSEC a.example. NS SOA NSEC DNSKEY\na.example. 60 IN A 192.0.2.3\n"
              "a.example. 60 IN NSEC example. A NSEC\n",
    "nsec3": "a. 60 IN SOA ns.a. h.a. 1 2 3 4 5\na. 60 IN NS ns.a.\na. 60 IN NSEC3PARAM 1 0 1 AABB\n"
             "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.a. 60 IN NSEC3 1 1 1 AABB 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA\n",
    "wildcard": "@ 60 IN SOA ns.b.a. h. 1 2 3 4 5\n@ 60 NS ns\n* 60 TXT \"x;y\" ; comment\nc 60 CNAME d\nd 60 DNAME e\n"
                "cut 60 NS ns.cut\nns.cut 60 AAAA 2001:db8::1\n",
    "odd": "$ORIGIN a.\n$TTL 1h\n@ SOA ns h (\n 1 ; serial\n 2 3 4 5 )\n@ NS ns\n\\065\\.b TYPE65280 \\# 3 010203\n",
    "no_soa": "example. 60 IN A 192.0.2.1\n",
    "root": ". 60 IN SOA ns. h. 1 2 3 4 5\n. 60 IN NS ns.\nns. 60 IN A 192.0.2.1\n",
}


def transfers():
    """One message after the other, behind whether it answers an IXFR, and from which serial number."""
    def record(owner, rtype, data):
        return owner + struct.pack(">HHIH", rtype, 1, 60, len(data)) + data

    def soa(serial, owner=b"\xc0\x0c"):
        return record(owner, 6, b"\0\0" + struct.pack(">5I", serial, 2, 3, 4, 5))

    def part(rtype, *records, flags=0x8400):
        head = struct.pack(">6H", 1, flags, 1, len(records), 0, 0) + name("a") + struct.pack(">HH", rtype, 1)
        return framed(head + b"".join(records))

    host = record(b"\1b\xc0\x0c", 1, bytes(4))
    yield "axfr", 0, 0, part(252, soa(3), host, soa(3))
    yield "parts", 0, 0, part(252, soa(3), host) + part(252, host, soa(9, b"\1b\xc0\x0c")) + part(252, soa(3))
    yield "error", 0, 0, part(252, flags=0x8405)
    yield "newest", 1, 3, part(251, soa(3))
    yield "differences", 1, 3, part(251, soa(5), soa(3), host, soa(4), host) + part(251, soa(4), soa(5), host, soa(5))
    yield "whole", 1, 3, part(251, soa(5), host, soa(5))


def forwards():
    """Choices (see fuzz_forward.cc), a query behind its length, and a backend's reply to it."""
    def record(owner, rtype, data, rclass=1):
        return owner + struct.pack(">HHIH", rtype, rclass, 60, len(data)) + data

    def reply(question, *records, flags=0x8400, counts=(1, 0, 0)):
        return struct.pack(">6H", 1, flags, 1, *counts) + question + b"".join(records)

    def seed(choices, message, answer):
        return struct.pack(">BBH", choices, 5, len(message)) + message + answer

    asked = name("wWw.example") + b"\0\1\0\1"
    host, here = record(b"\xc0\x0c", 1, bytes(4)), record(b"\xc0\x10", 6, b"\1n\xc0\x10\1h\xc0\x10" + bytes(20))
    cookie = struct.pack(">HH", 10, 8) + b"12345678"
    opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0x8000, len(cookie)) + cookie
    mac = record(name("key"), 250, name("hmac-sha256") + bytes(8) + b"\0\2ab\x12\x34" + bytes(4), 255)
    plain = query("wWw.example", 1)
    edns = query("wWw.example", 1, edns=(4096, True, cookie + struct.pack(">HHHH", 11, 0, 12, 0)))
    signed = plain[:11] + b"\1" + plain[12:] + mac
    whole = reply(asked, host, here, opt, counts=(1, 1, 1))
    yield "plain", seed(0, plain, whole)
    for choices in (1, 4, 9, 22, 34, 128):
        yield f"edns{choices}", seed(choices, edns, whole)
    yield "between", seed(0, edns, reply(asked, opt, host, counts=(0, 0, 2)))
    yield "signed", seed(32, signed, reply(asked, host, mac, counts=(1, 0, 1)))
    yield "truncated", seed(0, edns, reply(asked, flags=0x8600, counts=(9, 0, 0)))
    yield "refused", seed(1, plain, struct.pack(">6H", 1, 0x8005, 0, 0, 0, 0))
    yield "axfr", seed(65, query("example", 252), framed(reply(name("example") + b"\0\xfc\0\1", host)) * 2)
    ixfr = query("example", 251)
    yield "ixfr", seed(65, ixfr[:9] + b"\1" + ixfr[10:] + record(b"\xc0\x0c", 6, b"\0\0" + bytes(20)), b"")
    yield "notify", seed(0, query("example", 6, flags=0x2400), reply(name("example") + b"\0\6\0\1", flags=0xA400))
    yield "update", seed(1, query("example", 6, flags=0x2800, edns=(1232, False, b"")), b"")


def once_calls():
    """Steps of fuzz_rpc_once.cc: messages in their short form, and time."""
    def step(kind, call, oldest, client=1, boot=0, server=1, what=0):
        return bytes([what, kind - 1, 2, client, boot, server, call, oldest, 20])

    request, ack, passes = (lambda *a, **k: step(1, *a, **k)), (lambda *a, **k: step(3, *a, **k)), bytes([6])
    yield "call", request(1, 1) + passes + ack(1, 2)
    yield "again", request(1, 1) * 2 + passes + request(1, 1) + ack(1, 1) + request(1, 1) + passes
    yield "window", b"".join(request(n, 1) for n in (1, 32, 33, 5)) + passes + ack(5, 1) + request(5, 1) + passes
    yield "boots", request(1, 1) + passes + request(1, 1, boot=1) + passes + request(1, 1) + request(1, 1, server=8)
    yield "cores", request(1, 1) + request(1, 1, what=0x80) + passes + request(2, 2, client=2, what=0x80) + passes
    yield "late", request(1, 1) + passes + bytes([7, 39, 71, 255])
    raw = b"GLR1" + bytes([1, 2, 0, 0]) + struct.pack(">QIIII", 1, 1, 5, 1, 1) + b"a line"
    yield "bytes", bytes([5 + 8 * 19]) + raw + passes


def onc_calls():
    """Whether the first record's mark was taken before, then records; the same bytes are a datagram."""
    def call(version, procedure, arguments=b"", auth=bytes(16), program=100000):
        return struct.pack(">6I", 7, 0, 2, program, version, procedure) + auth + arguments

    def record(message):
        return struct.pack(">I", 0x80000000 | len(message)) + message

    def text(value):
        return struct.pack(">I", len(value)) + value + bytes(-len(value) % 4)

    address = struct.pack(">2I", 100000, 4) + text(b"tcp") + text(b"") + text(b"owner")
    sys = struct.pack(">I", 1) + text(struct.pack(">I", 1) + text(b"host") + struct.pack(">4I", 0, 0, 1, 0)) + bytes(8)
    calls = {"null": call(2, 0), "port": call(2, 3, struct.pack(">4I", 100000, 2, 17, 0)), "dump": call(2, 4),
             "address": call(4, 3, address), "exact": call(4, 9, address), "dump4": call(4, 4), "time": call(3, 6),
             "set": call(3, 1, address), "callit": call(2, 5, bytes(20)), "sys": call(2, 0, auth=sys),
             "long_auth": call(2, 0, auth=struct.pack(">2I", 1, 404) + bytes(412)), "program": call(3, 0, program=100003),
             "version": call(9, 0), "reply": struct.pack(">6I", 7, 1, 0, 0, 0, 0)}
    for label, message in calls.items():
        yield label, b"\0" + message
        yield label + "_record", b"\0" + record(message)
        yield label + "_bare", b"\1" + message + record(message)
    yield "fragments", b"\0" + struct.pack(">I", 40) + calls["null"]


def images():
    """Changes to an image: which zone and how wide, where, to what."""
    yield "none", [(0, 0, 0)]
    yield "none_nsec3", [(1, 0, 0)]
    yield "largest_word", [(0, 300, 0xFFFF)]
    yield "byte", [(0x81, 500, 1)]
    yield "two", [(0x41, 1000, 0x00FF), (0, 2000, 0)]


def nfs_calls():
    """As onc_calls(). fuzz_nfs.cc puts the real number and proof into handles, which name the nodes of its tree."""
    def call(procedure, arguments=b"", program=100003):
        return struct.pack(">6I", 7, 0, 2, program, 3, procedure) + bytes(16) + arguments

    def text(value):
        return struct.pack(">I", len(value)) + value + bytes(-len(value) % 4)

    def handle(node):
        return text(b"GLN1" + bytes([node]) + bytes(7) + b"\1" + bytes(7))

    def numbers(*values):
        return struct.pack(f">{len(values)}I", *values)

    at, attributes = handle(0) + text(b"file"), bytes(24)
    calls = [call(0), *(call(1, handle(n)) for n in range(6)), call(2, handle(1) + attributes + bytes(4)), call(3, at),
             call(3, handle(0) + text(b"..")), call(4, handle(2) + numbers(63)), call(5, handle(4)), call(5, handle(3)),
             call(6, handle(3) + numbers(0, 0, 4096)), call(6, handle(3) + numbers(0, 4999, 9)),
             call(7, handle(3) + numbers(0, 0, 3, 2) + text(b"abc")), call(8, at + numbers(0) + attributes),
             call(8, at + numbers(2, 0, 0)), call(9, at + attributes), call(10, at + attributes + text(b"to")),
             call(11, at + numbers(3) + attributes + bytes(8)), call(12, at), call(14, at + at), call(15, handle(3) + at),
             call(16, handle(0) + bytes(16) + numbers(4096)), call(16, handle(1) + numbers(0, 2, 0, 0, 100)),
             call(17, handle(1) + bytes(16) + numbers(512, 4096)), call(17, handle(0) + bytes(16) + numbers(0, 65536)),
             call(18, handle(0)), call(19, handle(0)), call(20, handle(0)), call(21, handle(3) + bytes(12)), call(22),
             *(call(n, text(b"/dir") if n in (1, 3) else b"", 100005) for n in range(7))]
    for index, message in enumerate(calls):
        yield f"call{index}", b"\0" + message
        yield f"bare{index}", b"\1" + message + struct.pack(">I", 0x80000000 | len(message)) + message


def talks():
    yield "line", b"hello\n"
    yield "lines", b"one\r\ntwo"
    yield "controls", b"\x1b[2J\x07\x7f\0a\\x1B\t"
    yield "unicode", "Grüße \u202e\u2028\x9b\U0001f43b".encode()
    yield "broken", b"\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82"


def sums():
    yield "none", struct.pack(">H", 0)
    yield "three", struct.pack(">H3i", 3, 1, 2, -5)
    yield "wraps", struct.pack(">H2I", 2, 0xFFFFFFFF, 0xFFFFFFFF)
    yield "short", struct.pack(">HI", 2, 1)
    yield "long", struct.pack(">HIB", 1, 1, 1)


def main():
    for label, content in talks():
        put("talk", label, content)
    for label, content in sums():
        put("sum", label, content)
    for label, content in nfs_calls():
        put("nfs", label, content)
    for label, content in once_calls():
        put("rpc_once", label, content)
    for label, content in onc_calls():
        put("onc_rpc", label, content)
    for label, content in forwards():
        put("forward", label, content)
    for label, incremental, serial, messages in transfers():
        put("transfer", label, struct.pack(">BI", incremental, serial) + messages)
        put("zone_transfer", label, struct.pack(">BI", incremental, serial) + messages)
    tsig = (b"\1k\0" + struct.pack(">HHI", 250, 255, 0) + struct.pack(">H", 61) + b"\x0bhmac-sha256\0"
            + struct.pack(">HIHH", 0, 1000, 300, 32) + bytes(32) + struct.pack(">HHH", 1, 0, 0))
    put("zone_transfer", "signed", b"\2" + bytes(4) + struct.pack(">6H", 1, 0, 1, 0, 0, 1) + b"\1a\0" + struct.pack(">HH", 6, 1) + tsig)
    put("zone_transfer", "key", b"\3" + bytes(4) + b'key "k" { algorithm hmac-sha256; secret "AA=="; };\nhmac-sha1:b:AA== # c\n')
    put("zone_transfer", "line", b"\3" + bytes(4) + b"x.a. 300 IN TYPE16 \\# 2 0178")
    for label, prepare, frame in frames():
        put("frame", label, bytes([prepare, 0]) + frame)
    for label, message in questions():
        put("dns", label, message)
    put("framing", "one", b"\0" + framed(query("example", 6)))
    put("framing", "two", b"\0" + framed(query("example", 6)) + framed(query("a.example", 1, edns=(1232, True, b""))))
    put("framing", "bare", b"\1" + query("example", 6, edns=(1232, True, b"")) + framed(query("a.example", 1)))
    put("framing", "prefix", b"\0" + framed(query("example", 6))[:2])
    put("tcp_options", "syn", SYN_OPTIONS)
    put("tcp_options", "timestamps", TIMESTAMPS)
    put("tcp_options", "unknown", bytes.fromhex("1e04abcd020405b401010100"))
    for label, text in ZONES.items():
        put("zone", label, text.encode())
    for label, changes in images():
        put("image", label, b"".join(struct.pack(">IH", kind << 24 | at, to) for kind, at, to in changes))
    # What these targets take for a conversation is their own business: a few lengths of varied bytes.
    for length in (64, 300, 1000):
        for target in ("responder", "bulk"):
            put(target, f"bytes{length}", bytes((i * i * 7 + i * 3) & 0xFF for i in range(length)))


main()
