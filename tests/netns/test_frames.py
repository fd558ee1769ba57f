"""What happens below TCP and DNS: neighbours, echo, VLANs, options, fragments, damage, and frames of noise."""

import contextlib
import random
import socket
import struct
import time

import packets
import wire
from goldilocks import DEFAULT_ADDRESSES, Goldilocks
from lab import CLIENT_IF, CLIENT_V4, CLIENT_V6, SERVER_V4, SERVER_V6, Lab, sh
from packets import Wire
from runner import Skip, run


# The client's kernel has multicast of its own to send, at times that nobody chooses.
NOISY = {"drop_ipv6_source": 10, "drop_ipv6_destination": 10}


def expect_counted(server, counter, send, count=1, limit=3.0):
    """`send` makes exactly this verdict grow by `count`; where others may do so too, it is repeated to stand out."""
    before = server.total(counter)
    if counter in NOISY:
        count *= 5 * NOISY[counter]
        for _ in range(5 * NOISY[counter]):
            send()
    else:
        send()
    end = time.monotonic() + limit
    while server.total(counter) - before < count and time.monotonic() < end:
        time.sleep(0.02)
    grown = server.total(counter) - before
    assert count <= grown <= count + NOISY.get(counter, 0), f"{counter} grew by {grown}, not {count}"


def still_answers():
    for address in (SERVER_V4, SERVER_V6):
        for ask in (wire.ask, wire.ask_udp):
            assert wire.parse(ask(wire.query("com.", "NS"), address)).authority


def test_arp():
    with Lab() as lab, Goldilocks(lab) as server:
        sh("ip", "neigh", "flush", "dev", CLIENT_IF)
        before = server.total("arp_reply")
        mac = packets.neighbour(SERVER_V4)
        assert server.total("arp_reply") > before
        real = sh("ip", "-n", lab.server_ns, "-o", "link", "show", "dev", "gl0").stdout
        assert mac in real, f"ARP says {mac}, the interface {real}"
        sh("ping", "-c", 1, "-W", 1, "192.0.2.77", check=False)
        assert "lladdr" not in sh("ip", "neigh", "show", "192.0.2.77").stdout, "ARP answered for an address that is not ours"


def test_echo():
    with Lab() as lab, Goldilocks(lab):
        for address in (SERVER_V4, SERVER_V6):
            for size in (0, 56, 57, 1400):
                sh("ping", "-c", 2, "-i", 0.05, "-W", 2, "-s", size, address)


def test_ipv4_options():
    with Lab() as lab, Goldilocks(lab):
        sh("ping", "-c", 1, "-W", 2, "-R", SERVER_V4)
        sh("ping", "-c", 1, "-W", 2, "-T", "tsonly", SERVER_V4)
        record_route = b"\x07\x0f\x04" + bytes(12) + b"\0"
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET, kind) as s:
                s.settimeout(3)
                s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, record_route)
                s.connect((SERVER_V4, 53))
                q = wire.query("com.", "NS")
                if kind == socket.SOCK_DGRAM:
                    s.send(q)
                    answer = s.recv(65535)
                else:
                    s.sendall(wire.framed(q))
                    answer = wire.read_answer(s)
                assert wire.parse(answer).authority


def test_malformed_ipv4():
    with Lab() as lab, Goldilocks(lab) as server, Wire() as cable:
        datagram = packets.udp(wire.query("com.", "NS"))
        packet = packets.ipv4
        for counter, bytes_ in (
                ("drop_ipv4_checksum", packet(packets.UDP, datagram, spoil=1)),
                ("drop_ipv4_length", packet(packets.UDP, datagram, total=1400)),
                ("drop_ipv4_length", packet(packets.UDP, datagram, total=19)),
                ("drop_ipv4_header", packet(packets.UDP, datagram, version=5)),
                ("drop_ipv4_options", packet(packets.UDP, datagram, options=b"\x07\x27\x04\0")),
                ("drop_ipv4_options", packet(packets.UDP, datagram, options=b"\x07\x00\x04\0")),
                ("drop_ipv4_source_route", packet(packets.UDP, datagram, options=b"\x83\x07\x04\xc0\0\2\1\0")),
                ("drop_ipv4_source", packet(packets.UDP, datagram, source="224.0.0.1")),
                ("drop_ipv4_source", packet(packets.UDP, datagram, source=SERVER_V4)),
                ("drop_ipv4_destination", packet(packets.UDP, datagram, destination="192.0.2.54")),
                ("drop_ip_protocol", packet(132, bytes(40)))):
            expect_counted(server, counter, lambda b=bytes_: cable.send(b))
        still_answers()


def test_malformed_ipv6():
    with Lab() as lab, Goldilocks(lab) as server, Wire() as cable:
        datagram = packets.udp(wire.query("com.", "NS"), CLIENT_V6, SERVER_V6)
        packet = packets.ipv6
        for counter, bytes_ in (
                ("drop_ipv6_header", packet(packets.UDP, datagram, version=4)),
                ("drop_ipv6_length", packet(packets.UDP, datagram, length=1400)),
                ("drop_ipv6_source", packet(packets.UDP, datagram, source="ff02::1")),
                ("drop_ipv6_destination", packet(packets.UDP, datagram, destination="2001:db8::54")),
                # A routing header of 2,040 bytes in a packet of 24.
                ("drop_ipv6_malformed", packet(43, b"\x11\xff\0\0" + bytes(20)))):
            expect_counted(server, counter, lambda b=bytes_: cable.send(b, packets.ETH_P_IPV6))
        # Destination options before the datagram are walked over.
        cable.drain()
        cable.send(packet(60, b"\x11\0\x01\x04\0\0\0\0" + datagram), packets.ETH_P_IPV6)
        assert cable.receive(lambda f: f[12:14] == b"\x86\xdd" and f[20] == packets.UDP), "no answer behind an option"
        still_answers()


def test_malformed_udp():
    with Lab() as lab, Goldilocks(lab) as server, Wire() as cable:
        q = wire.query("com.", "NS")

        def v4(**kw):
            return lambda: cable.send(packets.ipv4(packets.UDP, packets.udp(q, **kw)))
        expect_counted(server, "drop_udp_checksum", v4(spoil=1))
        expect_counted(server, "drop_udp_length", v4(length=2000))
        expect_counted(server, "drop_udp_length", v4(length=7))
        expect_counted(server, "drop_udp_source_port", v4(sport=0))
        expect_counted(server, "drop_udp_closed", v4(dport=54))
        # UDP without a checksum is allowed over IPv4 and not over IPv6 (RFC 8200 section 8.1).
        bare = packets.udp(q)
        bare = bare[:6] + b"\0\0" + bare[8:]
        expect_counted(server, "udp_reply", lambda: cable.send(packets.ipv4(packets.UDP, bare)))
        expect_counted(server, "drop_udp_checksum", lambda: cable.send(packets.ipv6(packets.UDP, bare),
                                                                       packets.ETH_P_IPV6))
        still_answers()


def test_malformed_tcp():
    with Lab() as lab, Goldilocks(lab) as server, Wire() as cable:
        def v4(*args, **kw):
            return lambda: cable.send(packets.ipv4(packets.TCP, packets.tcp(*args, **kw)))
        expect_counted(server, "drop_tcp_checksum", v4(packets.SYN, 1, spoil=1))
        expect_counted(server, "drop_tcp_length", v4(packets.SYN, 1, data_offset=4))
        expect_counted(server, "drop_tcp_length", v4(packets.SYN, 1, data_offset=15))
        expect_counted(server, "drop_tcp_source_port", v4(packets.SYN, 1, sport=0))
        expect_counted(server, "drop_tcp_options", v4(packets.SYN, 1, options=b"\x02\x09\x05\xb4"))
        expect_counted(server, "drop_tcp_options", v4(packets.SYN, 1, options=b"\x08\x00\x00\x00"))
        expect_counted(server, "tcp_drop_flags", v4(packets.SYN | packets.FIN, 1))
        expect_counted(server, "tcp_drop_rst", v4(packets.RST, 1))
        still_answers()


def test_closed_tcp_port():
    with Lab() as lab, Goldilocks(lab) as server:
        before = server.total("reset_closed_port")
        for address in (SERVER_V4, SERVER_V6):
            try:
                wire.connect(address, port=54, timeout=3).close()
                raise AssertionError("a port without a service accepted a connection")
            except ConnectionRefusedError:
                pass
        assert server.total("reset_closed_port") - before == 2


def test_replies_have_good_checksums():
    """The kernel of the client would not tell: a veth marks what it passes on as checked."""
    with Lab() as lab, Goldilocks(lab), Wire() as cable:
        with wire.connect() as s:
            port = s.getsockname()[1]
            seen = 0
            s.sendall(wire.framed(wire.query(".", "ANY", do=True, bufsize=4096)))
            while frame := cable.receive(packets.is_tcp_to(port), 0.3):
                assert packets.Segment(frame).checksum_holds, frame.hex()
                seen += 1
        assert seen >= 2, f"{seen} segments"
        cable.send(packets.ipv4(packets.UDP, packets.udp(wire.query("com.", "NS"))))
        frame = cable.receive(lambda f: f[12:14] == b"\x08\x00" and f[23] == packets.UDP)
        assert frame and packets.checksum(frame[14:34]) == 0
        length = struct.unpack("!H", frame[38:40])[0]
        assert packets.checksum(packets.pseudo(SERVER_V4, CLIENT_V4, packets.UDP, length) + frame[34:34 + length]) == 0


def stray(n):
    """Data with timestamps on a connection that never was."""
    return packets.ipv4(packets.TCP, packets.tcp(packets.ACK | packets.PSH, n, n * 7919, b"\0\x20", sport=20000 + n,
                                                 options=b"\x01\x01\x08\x0a" + struct.pack("!II", n, n * 104729)))


def test_rst_rate_limit():
    with Lab() as lab, Goldilocks(lab, ["--rst-rate", 5]) as server, Wire() as cable:
        for n in range(200):
            cable.send(stray(n))
        time.sleep(0.5)
        sent, held = server.total("reset_no_cookie"), server.total("drop_reset_limited")
        # An ACK number taken at random fits a cookie once in 2^11 or so; three of 200 would be a wonder.
        assert 197 <= sent + held <= 200 and sent <= 20, f"{sent} sent, {held} held back"


def test_no_rst_at_all():
    with Lab() as lab, Goldilocks(lab, ["--rst-rate", 0]) as server, Wire() as cable:
        for n in range(20):
            cable.send(stray(n))
        assert not cable.receive(lambda f: f[12:14] == b"\x08\x00" and f[23] == packets.TCP, 0.5)
        assert server.total("reset_no_cookie") == 0 and server.total("drop_reset_limited") == 20
        still_answers()


def test_fragments():
    """Through AF_XDP: for AF_PACKET's driver the kernel puts IPv4 fragments together before we see them."""
    with Lab() as lab, Goldilocks(lab, driver="af_xdp") as server:
        for family, address, counter in ((socket.AF_INET, SERVER_V4, "drop_ipv4_fragment"),
                                         (socket.AF_INET6, SERVER_V6, "drop_ipv6_fragment")):
            with socket.socket(family, socket.SOCK_DGRAM) as s:
                if family == socket.AF_INET:
                    s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: let the kernel fragment
                expect_counted(server, counter, lambda s=s, a=address: s.sendto(bytes(4000), (a, 53)), 3)
        still_answers()


def tag(frame, number):
    return frame[:12] + struct.pack("!HH", 0x8100, number) + frame[12:]


def check_vlan(driver):
    """A tagged frame is answered with the same tag, whether the driver hands it over in the frame or beside it."""
    with Lab() as lab, Goldilocks(lab, driver=driver) as server, Wire() as cable:
        who_has = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + cable.mac + socket.inet_aton(CLIENT_V4) + bytes(6)
        for number in (7, 0x2FFE):
            for frame, is_reply in (
                    (cable.ethernet(who_has + socket.inet_aton(SERVER_V4), packets.ETH_P_ARP, b"\xff" * 6),
                     lambda f: f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2"),
                    (cable.ethernet(packets.ipv4(packets.UDP, packets.udp(wire.query("com.", "NS")))),
                     lambda f: f[12:14] == b"\x08\0" and f[23] == packets.UDP),
                    (cable.ethernet(packets.ipv4(packets.TCP, packets.tcp(packets.SYN, 1))), packets.is_tcp_to(40000))):
                cable.drain()
                cable.send_raw(tag(frame, number))
                assert cable.receive_tagged(number, is_reply), f"no reply with tag {number:#x}"
        expect_counted(server, "drop_vlan", lambda: cable.send_raw(tag(
            cable.ethernet(packets.ipv4(packets.UDP, packets.udp(wire.query("com.", "NS")))), 0x2FFF)))
        expect_counted(server, "drop_vlan_stacked", lambda: cable.send_raw(tag(tag(
            cable.ethernet(packets.ipv4(packets.UDP, packets.udp(wire.query("com.", "NS")))), 7), 8)))
        still_answers()


def test_vlan():
    check_vlan("af_packet")


def test_vlan_af_xdp():
    check_vlan("af_xdp")


def test_chosen_vlans():
    """--vlan: those are answered and announced in, others are not."""
    ask = packets.ipv4(packets.UDP, packets.udp(wire.query("com.", "NS")))
    with Lab() as lab, contextlib.ExitStack() as stack:
        with Goldilocks(lab):
            cable = stack.enter_context(Wire())  # knows the port's MAC address from here on
        is_answer = lambda f: f[12:14] == b"\x08\0" and f[23] == packets.UDP  # noqa: E731
        is_announcement = lambda f: f[12:14] == b"\x08\x06" and f[28:32] == f[38:42] == socket.inet_aton(SERVER_V4)  # noqa: E731
        with Goldilocks(lab, options=["--vlan", "7,untagged", "--vlan", "4094@0"]) as server:
            for number in (7, 4094):
                assert cable.receive_tagged(number, is_announcement), f"not announced in {number}"
            for number, priority in ((7, 0), (4094, 0), (7, 5), (0, 5)):
                cable.drain()
                cable.send_raw(tag(cable.ethernet(ask), priority << 13 | number))
                assert cable.receive_tagged(priority << 13 | number, is_answer), f"no answer in {number}"
            for number in (1, 8, 4093):
                expect_counted(server, "drop_vlan", lambda n=number: cable.send_raw(tag(cable.ethernet(ask), n)))
            still_answers()


def test_vlan_interface():
    """A whole client behind an 802.1Q interface."""
    with Lab(addresses=False) as lab:
        made = sh("ip", "link", "add", "link", CLIENT_IF, "name", "vlan7", "type", "vlan", "id", 7, check=False)
        if made.returncode != 0:
            raise Skip(f"this kernel makes no 802.1Q interfaces: {made.stdout.strip()}")
        sh("ip", "addr", "add", CLIENT_V4 + "/24", "dev", "vlan7")
        sh("ip", "link", "set", "vlan7", "up")
        sh("ip", "addr", "add", CLIENT_V6 + "/64", "dev", "vlan7", "nodad")
        with Goldilocks(lab):
            still_answers()
            sh("ping", "-c", 1, "-W", 2, SERVER_V4)
            sh("ping", "-c", 1, "-W", 2, SERVER_V6)


def test_neighbour_discovery():
    with Lab() as lab, Goldilocks(lab) as server:
        sh("ip", "-6", "neigh", "flush", "dev", CLIENT_IF)
        before = server.total("ndp_advertised")
        mac = packets.neighbour(SERVER_V6)
        assert server.total("ndp_advertised") > before
        assert mac == packets.neighbour(SERVER_V4)


def test_duplicate_address_detection():
    """A host that wants our address is told that it is taken."""
    with Lab() as lab, Goldilocks(lab):
        sh("ip", "addr", "add", SERVER_V6 + "/64", "dev", CLIENT_IF)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            shown = sh("ip", "-6", "addr", "show", "dev", CLIENT_IF, "to", SERVER_V6).stdout
            if "dadfailed" in shown:
                break
            time.sleep(0.1)
        assert "dadfailed" in shown, shown
        sh("ip", "addr", "del", SERVER_V6 + "/64", "dev", CLIENT_IF)
        still_answers()


def test_several_addresses():
    more4 = [f"192.0.2.{n}" for n in (60, 61, 62)]
    more6 = [f"2001:db8::{n}" for n in (60, 61, 62)]
    addresses = [*DEFAULT_ADDRESSES, *more4, *more6]
    with Lab() as lab, Goldilocks(lab, addresses=addresses):
        for address in more4 + more6:
            for ask in (wire.ask, wire.ask_udp):
                assert wire.parse(ask(wire.query("com.", "NS"), address)).authority


def test_noise():
    """Thousands of frames that were good before bytes of them were changed, cut off or added."""
    randomness = random.Random(20091101)
    with Lab() as lab, Goldilocks(lab) as server, Wire() as cable:
        q = wire.query("com.", "NS", do=True, bufsize=1232)
        good = [cable.ethernet(packets.ipv4(packets.UDP, packets.udp(q))),
                cable.ethernet(packets.ipv4(packets.TCP, packets.tcp(packets.SYN, 1, options=b"\x02\x04\x05\xb4"))),
                cable.ethernet(packets.ipv4(packets.TCP, packets.tcp(packets.ACK, 1, 2, wire.framed(q)))),
                cable.ethernet(packets.ipv6(packets.UDP, packets.udp(q, CLIENT_V6, SERVER_V6)), packets.ETH_P_IPV6),
                cable.ethernet(packets.ipv6(60, b"\x11\0\x01\x04\0\0\0\0" + packets.udp(q, CLIENT_V6, SERVER_V6)),
                               packets.ETH_P_IPV6),
                cable.ethernet(packets.ipv4(packets.ICMP, b"\x08\0\xf7\xff" + bytes(36)))]
        before = server.total("received")
        sent = 0

        def send(frame):
            """A port's ring is short, and its core may share a CPU with this process: no more than it can hold.
            What has become an IPv4 fragment stays in the kernel, which would put it together for this driver."""
            nonlocal sent
            cable.send_raw(frame)
            sent += 1
            if sent % 100 == 0:
                end = time.monotonic() + 5
                while server.total("received") - before < sent * 0.97 - 20:
                    assert time.monotonic() < end, "frames were lost before they were counted"
                    time.sleep(0.001)

        for _ in range(6000):
            frame = bytearray(randomness.choice(good))
            for _ in range(randomness.choice((0, 1, 1, 2, 8))):
                frame[randomness.randrange(12, len(frame))] = randomness.randrange(256)
            if randomness.random() < 0.3:
                del frame[randomness.randrange(14, len(frame)):]
            elif randomness.random() < 0.1:
                frame += randomness.randbytes(randomness.randrange(200))
            send(bytes(frame))
        for _ in range(1000):
            send(cable.server_mac + cable.mac + randomness.randbytes(randomness.randrange(2, 400)))
        still_answers()


run(__name__)
