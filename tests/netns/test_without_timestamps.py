"""Clients without TCP timestamps are served as others are: queries in pieces, pipelining, small windows, half-closes.

--kernel tries the tests themselves.
"""

import asyncio
import concurrent.futures
import struct

import dns.edns
import dns.message

import packets
import runner
import wire
from exchanges import half_closed, many, read_and_compare
from lab import CLIENT_V4, SERVER_V4, SERVER_V6, Lab, sh
from packets import ACK, PSH, RST, SYN, TCP, Segment, ipv4, is_tcp_to, tcp
from round_trips import SIZES, asked, served, total
from runner import run
from soft_state import many_files
from test_clients import queries_file
from test_soft_state import timed

BOTH = (SERVER_V4, SERVER_V6)
CUTS = 512
PAUSE_S = 0.3  # longer than the client's first timer, and its delayed acknowledgements
LIMIT_S = 10
DNSPERF_QUERIES = 100_000


# --- queries in pieces

def padded(framed_length):
    """A query that has this length on a stream."""
    def of(padding):
        message = dns.message.make_query("com.", "NS", use_edns=0, options=[dns.edns.GenericOption(12, bytes(padding))])
        message.id = 7
        return message.to_wire()
    return of(framed_length - 2 - len(of(0)))


def in_pieces(places, pause):
    async def pieces(reader, writer, pairs):
        for query, answer in pairs:
            stream = wire.framed(query)
            for a, b in zip((0, *places), (*places, len(stream))):
                if a and pause:
                    await asyncio.sleep(pause)
                writer.write(stream[a:b])
            await read_and_compare(reader, [(query, answer)])
    return pieces


def all_answered(jobs, at_once=200):
    """jobs: {name: (kind, pairs, options of connected())}, each by IPv4 and IPv6."""
    many_files()
    places = asyncio.Semaphore(at_once)

    async def one(kind, pairs, how):
        async with places:
            return await many(kind, lambda _: pairs, 2, 2, LIMIT_S, **how)

    async def play():
        return dict(zip(jobs, await asyncio.gather(*(one(*job) for job in jobs.values()))))
    outcomes = asyncio.run(play())
    wrong = [f"{name}: {f}" for name, o in outcomes.items() for f in o.in_short()]
    seconds = [s for o in outcomes.values() for s in o.seconds]
    runner.report(f"{len(seconds)} connections of {2 * len(jobs)}, the longest {max(seconds, default=0):.2f} s")
    assert not wrong, f"{len(wrong)} of {len(jobs)} failed:\n" + "\n".join(wrong[:10])


def every_cut(timestamps, nodelay, pause):
    """Two queries one after the other, each cut at the same place."""
    with Lab(timestamps=timestamps) as lab, served(lab, more=[padded(CUTS + 1)]) as (server, expected):
        pair = expected.more[0]
        assert len(pair[0]) + 2 == CUTS + 1
        all_answered({f"cut at {at}": (in_pieces([at], pause), [pair, pair], {"nodelay": nodelay}) for at in range(1, CUTS + 1)})
        assert total(server, "reset_no_cookie") == total(server, "reset_forgotten") == 0


def test_every_cut():
    every_cut(False, True, PAUSE_S)


def test_every_cut_with_timestamps():
    every_cut(True, True, PAUSE_S)


def test_every_cut_with_nagle():
    """The second piece waits for the acknowledgement of the first."""
    every_cut(False, False, 0)


def test_byte_by_byte():
    with Lab(timestamps=False) as lab, served(lab) as (_, expected):
        jobs = {}
        for pair in (expected.pairs[2], expected.large[SIZES.index(8000)]):
            places = range(1, len(pair[0]) + 2)
            for pause in (0, 0.001, 0.02, 0.25):
                for nodelay in (True, False):
                    name = f"{len(pair[1])} bytes, pauses of {pause} s{'' if nodelay else ', Nagle'}"
                    # Six bytes of the longest pause: what is behind them comes as one piece.
                    jobs[name] = (in_pieces(places if pause < 0.1 else places[:6], pause), [pair, pair], {"nodelay": nodelay})
        all_answered(jobs)


# --- pipelining

def dnsperf(*load):
    if runner.KERNEL:
        raise runner.Skip("dnsperf asks what kernel_tcp.py does not know")
    with Lab(timestamps=False) as lab, served(lab):
        questions = queries_file(lab)
        rounds = -(-DNSPERF_QUERIES // len(questions.read_text().splitlines()))
        for address in BOTH:
            out = sh("dnsperf", "-s", address, "-m", "tcp", "-d", questions, "-n", rounds, "-t", 5, "-l", 60, *load,
                     timeout=120, check=False)
            lost, done = (int(out.stdout.split(f"Queries {word}:")[1].split()[0]) if f"Queries {word}:" in out.stdout else -1
                          for word in ("lost", "completed"))
            runner.report(f"{' '.join(map(str, load))}, {address}: {done} answered, {lost} lost, exit status {out.returncode}")
            assert out.returncode == 0 and lost == 0 and done >= DNSPERF_QUERIES, out.stdout[-1500:]
            assert "Warning" not in out.stdout and "SERVFAIL" not in out.stdout, out.stdout[-1500:]


def test_dnsperf_ten_connections():
    dnsperf("-c", 10, "-q", 100)


def test_dnsperf_one_connection():
    dnsperf("-c", 1, "-q", 20)


# --- small windows, half-closes

def test_small_windows():
    """Acknowledgements pull the answer, not the client's timer: it has nothing to repeat."""
    with Lab(timestamps=False) as lab, served(lab) as (_, expected):
        pair = expected.large[SIZES.index(26000)]
        cases = [(address, room) for address in BOTH for room in (2304, 4608)]
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            done = [pool.submit(timed, address, [wire.framed(pair[0])], [pair], timeout=4, receive_buffer=room)
                    for address, room in cases]
        wrong = []
        for (address, room), future in zip(cases, done):
            if future.exception():
                wrong.append(f"{address}, {room}: {future.exception()!r}")
                continue
            seconds, again = future.result()
            runner.report(f"{address}, SO_RCVBUF {room}: {seconds * 1000:.0f} ms, {again} sent again")
            wrong += [f"{address}, {room}: {seconds:.1f} s, {again} sent again"] if seconds > 1.5 or again else []
        assert not wrong, wrong


def test_half_close():
    """Small answers, and such of more segments than are sent at once; the FIN with the query, or behind it."""
    with Lab(timestamps=False) as lab, served(lab) as (_, expected):
        jobs = {(size, after): many(half_closed(after), asked(expected, size, 1), 8, 8, 4)
                for size in (500, 15000, 26000) for after in (0, 0.0005, 0.002, 0.05)}

        async def play():
            return dict(zip(jobs, await asyncio.gather(*jobs.values())))
        outcomes = asyncio.run(play())
        runner.report("; ".join(f"{size} bytes, FIN after {after * 1000:g} ms: {o.milliseconds()[3]:.0f} ms"
                                for (size, after), o in outcomes.items() if size > 20000))
        wrong = [f"{size} bytes, FIN after {after * 1000:g} ms: {f}" for (size, after), o in outcomes.items() for f in o.in_short()]
        assert not wrong, "\n".join(wrong)


# --- options that were not agreed on

def exchange_by_hand(cable, port, query, expected, options):
    """A connection whose SYN says MSS only; then the query, with these options. What comes is acknowledged as it comes."""
    def send(flags, seq, ack=0, payload=b"", more=b""):
        cable.send(ipv4(TCP, tcp(flags, seq, ack, payload, more, sport=port)))
    cable.drain()
    send(SYN, 1000, more=bytes.fromhex("020405b4"))
    syn_ack = Segment(cable.receive(is_tcp_to(port)))
    assert syn_ack.flags == SYN | ACK, syn_ack.flags
    first, stream = syn_ack.seq + 1, wire.framed(query)
    send(ACK, 1001, first)
    send(ACK | PSH, 1001, first, stream, options)
    got = b""
    while len(got) < len(expected) + 2:
        frame = cable.receive(is_tcp_to(port), timeout=3)
        assert frame, f"{len(got)} bytes, then silence"
        segment = Segment(frame)
        assert not segment.flags & RST, "reset"
        if segment.payload and (segment.seq - first) % 2**32 == len(got):
            got += segment.payload
            send(ACK, 1001 + len(stream), first + len(got), more=options)
    assert got == wire.framed(expected), "wrong answer"


def test_timestamps_that_were_not_agreed_on():
    """RFC 7323, 3.2: what the SYN did not offer is passed over in a later segment."""
    stamp = b"\1\1\x08\x0a" + struct.pack("!II", 123456, 0)
    with Lab() as lab, served(lab) as (_, expected), packets.Wire() as cable:
        # The client's kernel knows nothing of these connections, and would say so.
        sh("nft", "add table inet quiet; add chain inet quiet output { type filter hook output priority 0; };"
                  f"add rule inet quiet output ip saddr {CLIENT_V4} tcp flags rst drop")
        failures = []
        for n, (name, options) in enumerate({"none": b"", "timestamps": stamp,
                                             "timestamps that echo": stamp[:8] + struct.pack("!I", 0x12345678),
                                             "SACK": b"\1\1\x05\x0a" + struct.pack("!II", 1, 2)}.items()):
            for m, pair in enumerate((expected.pairs[2], expected.large[SIZES.index(4000)])):
                try:
                    exchange_by_hand(cable, 41000 + 10 * n + m, *pair, options)
                except AssertionError as e:
                    failures.append(f"{name}, {len(pair[1])} bytes: {e}")
        assert not failures, failures


run(__name__)
