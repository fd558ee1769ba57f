"""What soft state is held against: losses, packets sprayed over two servers, a restart amid open connections.

Each function here makes its laboratory, plays one scene with the kernel's own TCP as the client, and returns what
happened; test_soft_state.py says what must have, and scripts/soft-state makes a table of it.
"""

import asyncio
import functools
import random
import resource
import socket
import threading
import time

import wire
from exchanges import (Expected, batched, batched_until_closed, exchange, many, pipelined, pipelined_until_closed,
                       read_and_compare, sequential, split)
from goldilocks import ROOT_ZONE, Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab, sh, sysctl
from spray import SprayLab
from zones import txt_zone

SIZES = (1500, 3000, 9000, 14000, 30000, 45000, 60000, 65000)
LARGE = [(f"t{n}.big.example.", "TXT", False) for n in range(len(SIZES))]
LOSSES = (0, 1, 5, 20)  # percent, each way
KINDS = {True: (sequential, pipelined, batched, split),  # of clients with timestamps, and without
         False: (sequential, pipelined_until_closed, batched_until_closed, split)}


def served(lab, *options, **more):
    zone = lab.path("big.zone", txt_zone(sizes=SIZES))
    return Goldilocks(lab, options, zones=[ROOT_ZONE, zone], **more)


def without_cache(*options):
    return ("--flow-cache", 0, *options)


def many_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))


# --- loss

def loss_by_client(lab):
    """One pair of client addresses for each degree of loss, so that all run together: {percent: {server: client}}."""
    rules, sources = [], {}
    for n, percent in enumerate(LOSSES):
        v4, v6 = f"192.0.2.{n + 1}", f"2001:db8::{n + 1}"
        sources[percent] = {SERVER_V4: v4, SERVER_V6: v6}
        if n:
            sh("ip", "addr", "add", v4 + "/24", "dev", "eth0")
            sh("ip", "addr", "add", v6 + "/64", "dev", "eth0", "nodad")
        for family, address in (("ip", v4), ("ip6", v6)):
            for hook, end in (("input", "daddr"), ("output", "saddr")):
                rules.append(f"add rule inet loss {hook} {family} {end} {address} meta l4proto tcp "
                             f"numgen random mod 1000 < {percent * 10} counter drop")
    sh("nft", ";".join(["add table inet loss"]
                       + [f"add chain inet loss {h} {{ type filter hook {h} priority 0; }}" for h in ("input", "output")]
                       + rules))
    return sources


def losses(timestamps, counts, limit_s, rto_max_ms=None, options=(), at_once=100):
    """Every kind at every degree of loss: first without loss and alone, then the others together. {(percent, kind): Outcome}

    counts: exchanges of each kind, by the percentage; at_once: of each kind and percentage above 0. rto_max_ms: the most that the client's timer doubles to. Otherwise it
    doubles up to 120 s, and a few exchanges at 20 % take all of the time. limit_s: for one exchange, three times as long at 20 %.
    """
    with Lab(timestamps=timestamps) as lab, served(lab, *options):
        if rto_max_ms:
            sysctl("net.ipv4.tcp_rto_max_ms", rto_max_ms)
        expected = Expected(LARGE)
        sources = loss_by_client(lab)
        whole = timestamps or options != without_cache()  # else one segment of queries a connection

        def job(kind, percent):
            randomness = random.Random(f"{kind.__name__} {percent} {timestamps}")
            only_one = not whole and kind in (sequential, split)
            return many(kind, lambda n: expected.choose(1 if only_one else 1 + n % (3 if kind is split else 8), randomness,
                                                        rare=4 if percent < 20 else 12),
                        counts[percent], 16 if percent == 0 else at_once, limit_s if percent < 20 else 3 * limit_s,
                        sources[percent])

        async def phase(percents):
            keys = [(percent, kind) for percent in percents for kind in KINDS[whole]]
            return dict(zip(keys, await asyncio.gather(*(job(k, p) for p, k in keys))))

        return {**asyncio.run(phase((0,))), **asyncio.run(phase(LOSSES[1:]))}


def may_give_up(percent):
    """Fifteen retransmissions are not lost by chance at up to 5 %. A client that is stuck inside a query is helped on, or reset."""
    return percent > 5


# --- migration

def asking_again(kind):
    """The kind, by a client that asks anew after a RST (docs/protocol.md, limits: a connection without its entry)."""
    @functools.wraps(kind)
    async def again(*arguments, **how):
        return await kind(*arguments, **how)
    again.may_be_reset = True
    return again


def sprayed(percent, count, options=()):
    """Every packet goes to one of two instances with one secret, at random: {kind: Outcome}, what each has answered, and how
    many RSTs the two sent as `reset_forgotten`.

    With loss and the cache, a piece of a query that the other instance acknowledged may draw one: the client asks anew."""
    with SprayLab() as lab:
        secret = lab.path("secret")
        with served(lab, *options, secret=secret) as a, \
                served(lab, *options, secret=secret, device="--vdev=net_af_packet0,iface=gl1") as b:
            lab.until_both_answer(a, b)
            sysctl("net.ipv4.tcp_rto_max_ms", 2000)
            expected = Expected(LARGE)
            if percent:
                lab.lose(percent)
            kinds = (sequential, batched, pipelined)
            if percent and options != without_cache():
                kinds = tuple(asking_again(kind) for kind in kinds)

            async def all_kinds():
                return await asyncio.gather(*(
                    many(kind, lambda n, r=random.Random(kind.__name__): expected.choose(1 + n % 8, r, rare=20),
                         count, 40, 120) for kind in kinds))
            outcomes = dict(zip(kinds, asyncio.run(all_kinds())))
            if percent:
                lab.lose_nothing()
            shares = [server.total("answered") + server.total("flow_answered") for server in (a, b)]
            return outcomes, shares, sum(server.total("reset_forgotten") for server in (a, b))


# --- restart

CONNECTIONS = 1000
SCENES = IDLE, IDLE_AFTER_ONE, HALF_SENT, NOT_READ, ASKING = (
    "idle since the handshake", "idle after an exchange", "query half sent", "answer not yet read", "asking")


async def through_a_restart(n, scene, expected, ready, go_on):
    """One connection that is open when the server is killed, in one of the SCENES."""
    randomness = random.Random(n)
    address = (SERVER_V4, SERVER_V6)[n % 2]
    reader, writer = await asyncio.open_connection(address, 53, limit=2048)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def pause():
        ready()
        await go_on.wait()
    try:
        pairs = expected.choose(3, randomness, rare=10 ** 9)
        if scene == IDLE:
            await pause()
        elif scene == IDLE_AFTER_ONE:
            await sequential(reader, writer, pairs[:1])
            await pause()
        elif scene == HALF_SENT:  # the last of three
            stream = b"".join(wire.framed(q) for q, _ in pairs)
            writer.write(stream[:-7])
            await pause()
            writer.write(stream[-7:])
            try:
                return await read_and_compare(reader, pairs)
            except ConnectionResetError:  # the client was stuck, and a piece that was acknowledged went with the server
                return await exchange(batched, address, pairs)
        elif scene == NOT_READ:
            pairs = [expected.large[4]]
            writer.write(wire.framed(pairs[0][0]))
            await pause()
            return await read_and_compare(reader, pairs)
        else:
            ready()
            for _ in range(200):
                await sequential(reader, writer, pairs[:1])
                if go_on.is_set():
                    break
                await asyncio.sleep(0.05)
        await pipelined(reader, writer, pairs)
    finally:
        writer.close()


class Restarted:
    """ready: connections that were open when the server was killed. seconds: from its new start to the end of the last.
    scenes: how many there were of each."""

    def __init__(self):
        self.ready, self.seconds, self.failures, self.scenes = 0, 0.0, [], {}


def restart(scenes, options=()):
    """kill -9 amid CONNECTIONS open connections, a third of a second of nothing, and a start."""
    many_files()
    done = Restarted()
    with Lab() as lab, served(lab, *options) as server:
        sysctl("net.ipv4.tcp_rto_max_ms", 1000)
        expected = Expected(LARGE)
        all_ready, loop_box = threading.Event(), []

        def ready():
            done.ready += 1
            if done.ready == CONNECTIONS:
                all_ready.set()

        async def one(n, go_on):
            scene = scenes[n // 2 % len(scenes)]
            done.scenes[scene] = done.scenes.get(scene, 0) + 1
            try:
                await asyncio.wait_for(through_a_restart(n, scene, expected, ready, go_on), 60)
            except Exception as e:
                done.failures.append(f"connection {n} ({scene}): {type(e).__name__} {e}")

        async def clients():
            go_on = asyncio.Event()
            loop_box.append((asyncio.get_running_loop(), go_on))
            await asyncio.gather(*(one(n, go_on) for n in range(CONNECTIONS)))
        thread = threading.Thread(target=lambda: asyncio.run(clients()))
        thread.start()
        all_ready.wait(60)
        server.kill()
        time.sleep(0.3)
        server.start()
        began = time.monotonic()
        loop, go_on = loop_box[0]
        loop.call_soon_threadsafe(go_on.set)
        thread.join()
        done.seconds = time.monotonic() - began
    return done
