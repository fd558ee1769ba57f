#!/usr/bin/python3
"""A primary of xfr.example. that transfers it in every wrong way. Usage: hostile_primary.py ADDRESS FILE, where FILE
says `HOW SERIAL`. Its answers to SOA are always right.

  whole, ixfr                     as it should be; ixfr: differences from the serial before, which adds `new-SERIAL`
  cut, silent                     the connection ends, or nothing comes, in the middle
  outside, class                  a record of another zone, or class
  ends, older, nosoa, second, behind
                                  the last SOA has another serial; all of it is older than SOA said; no SOA comes first;
                                  nothing but SOAs; records behind the last one
  loop, count, junk               a compression loop, more records announced than there are, bytes that are no message
  endless                         records without end
  refused, id, question           an error; an answer to something else
  noapex, cname                   a zone that cannot be served: without NS; CNAME beside other data
  ixfrbase, ixfrgone, ixfrgap, ixfrloop
                                  differences from another serial, that remove what is not there, that do not follow
                                  on each other, that lead back; an AXFR is refused then
"""

import socket
import struct
import sys
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

ORIGIN = dns.name.from_text("xfr.example.")


def rr(name, kind, data, klass="IN"):
    name = dns.name.from_text(name, ORIGIN) if isinstance(name, str) else name
    return dns.rrset.from_text(name, 300, klass, kind, data)


def soa(serial, refresh=3600):
    return rr("@", "SOA", f"ns.xfr.example. h.xfr.example. {serial} {refresh} 2 86400 60")


def body(serial):
    return [rr("@", "NS", "ns.xfr.example."), rr("ns", "A", "192.0.2.53"), rr("serial", "TXT", f'"{serial}"')]


def differences(serial):
    return ([soa(serial - 1), rr("serial", "TXT", f'"{serial - 1}"')], [soa(serial), rr("serial", "TXT", f'"{serial}"'),
                                                                      rr(f"new-{serial}", "TXT", '"n"')])


def sections(how, serial):
    """The records of a transfer, in order."""
    first, whole = soa(serial), body(serial)
    removed, added = differences(serial)
    return {
        "outside": lambda: [first, *whole, rr(dns.name.from_text("www.other."), "A", "192.0.2.9"), first],
        "class": lambda: [first, *whole, rr("ch", "TXT", '"c"', "CH"), first],
        "ends": lambda: [first, *whole, soa(serial + 1)],
        "older": lambda: [soa(serial - 5), *whole, soa(serial - 5)],
        "nosoa": lambda: [*whole, first],
        "second": lambda: [first, first],
        "behind": lambda: [first, *whole, first, *whole],
        "noapex": lambda: [first, *whole[1:], first],
        "cname": lambda: [first, *whole, rr("serial", "CNAME", "ns.xfr.example."), first],
        "ixfr": lambda: [first, *removed, *added, first],
        "ixfrbase": lambda: [first, soa(serial - 2), *removed[1:], *added, first],
        "ixfrgone": lambda: [first, *removed, rr("never", "A", "192.0.2.9"), *added, first],
        "ixfrgap": lambda: [first, soa(serial - 1), soa(serial), soa(serial - 3), first, first],
        "ixfrloop": lambda: [first, soa(serial - 1), soa(serial - 1), first],
    }.get(how, lambda: [first, *whole, first])()


def answer_to(query, records):
    message = dns.message.make_response(query)
    message.flags |= dns.flags.AA
    message.answer = records
    return message


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


def plain_wire(query, records):
    """Records of one name and type stay apart, and in their order."""
    wire = b"".join(r.name.to_wire() + struct.pack("!HHIH", r.rdtype, r.rdclass, r.ttl, len(r[0].to_wire())) + r[0].to_wire()
                    for r in records)
    head = dns.message.make_response(query).to_wire()
    question = head[12:]
    return head[:2] + struct.pack("!HHHHH", 0x8400, 1, len(records), 0, 0) + question[:len(ORIGIN.to_wire()) + 4] + wire


def transfer(s, query, how, serial):
    incremental = query.question[0].rdtype == dns.rdatatype.IXFR
    if how in ("refused",) or (how.startswith("ixfr") and how != "ixfr" and not incremental):
        message = dns.message.make_response(query)
        message.set_rcode(dns.rcode.REFUSED)
        s.sendall(framed(message.to_wire()))
        return
    wire = plain_wire(query, sections(how if incremental or not how.startswith("ixfr") else "whole", serial))
    if how == "cut":
        s.sendall(framed(wire)[:-30])
        return
    if how == "silent":
        s.sendall(framed(wire)[:-30])
        time.sleep(60)
    if how == "loop":
        at = 12 + len(ORIGIN.to_wire()) + 4
        wire = wire[:at] + struct.pack("!H", 0xc000 | at) + wire[at + len(ORIGIN.to_wire()):]
    if how == "count":
        wire = wire[:6] + b"\0\xff" + wire[8:]
    if how == "junk":
        wire = wire[:12] + bytes(range(200))
    if how == "id":
        wire = bytes([wire[0] ^ 1]) + wire[1:]
    if how == "question":
        wire = wire[:13] + b"z" + wire[14:]
    if how == "endless":
        s.sendall(framed(plain_wire(query, [soa(serial), *body(serial)])))
        chunk = 0
        while True:
            chunk += 1
            many = [rr(f"x{chunk}-{n}", "TXT", f'"{"x" * 250}"') for n in range(50)]
            s.sendall(framed(plain_wire(query, many)))
    s.sendall(framed(wire))


def serve(s, path):
    with s:
        try:
            stream = s.makefile("rb")
            while prefix := stream.read(2):
                query = dns.message.from_wire(stream.read(struct.unpack("!H", prefix)[0]))
                how, serial = open(path, encoding="ascii").read().split()
                if query.question[0].rdtype == dns.rdatatype.SOA:
                    s.sendall(framed(answer_to(query, [soa(int(serial))]).to_wire()))
                    continue
                print(how, dns.rdatatype.to_text(query.question[0].rdtype), flush=True)
                transfer(s, query, how, int(serial))
                if how == "cut":
                    return
        except OSError:
            pass


def datagrams(s, path):
    while True:
        wire, peer = s.recvfrom(4096)
        query = dns.message.from_wire(wire)
        serial = int(open(path, encoding="ascii").read().split()[1])
        s.sendto(answer_to(query, [soa(serial)]).to_wire(), peer)


def main():
    address, path = sys.argv[1:]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, 53))
    tcp = socket.create_server((address, 53))
    threading.Thread(target=datagrams, args=(udp, path), daemon=True).start()
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve, args=(tcp.accept()[0], path), daemon=True).start()


main()
