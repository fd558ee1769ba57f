"""Zones that are read again and again: who reads an answer that has not changed is never reset, and who asks anew for one
that has changed gets it at once."""

import concurrent.futures
import os
import signal
import socket
import threading
import time

import wire
from capture import Capture
from goldilocks import ROOT_ZONE, Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab, sh, wait_for
from runner import run
from zones import txt_zone

SIZES = (120, 26000)
RESETS = "tcp[tcpflags] & tcp-rst != 0 or (ip6 and ip6[6] == 6 and ip6[53] & 4 != 0)"
SMALL, LARGE = (wire.query(f"t{n}.big.example.", "TXT", number=7) for n in (0, 1))


class Scene:
    """A server of the root zone and one of large answers, the resets it sends, and what it has said about reloads."""

    def __enter__(self):
        self.lab = Lab()
        self.lab.__enter__()
        try:
            self.zone = self.lab.path("big.zone", txt_zone(sizes=SIZES))
            self.server = Goldilocks(self.lab, zones=[ROOT_ZONE, self.zone])
            self.server.start()
            self.resets = Capture(self.lab, RESETS)
            self.resets.__enter__()
        except BaseException:
            self.lab.__exit__()
            raise
        return self

    def __exit__(self, kind, exc, trace):
        try:
            self.resets.__exit__()
            self.server.__exit__(kind, exc, trace)
        finally:
            self.lab.__exit__()

    def reloads(self):
        return self.server.log().count("zones loaded again")

    def reload(self):
        """Reads the zones again, and waits until they are served."""
        before, end = self.reloads(), time.monotonic() + 20
        self.server.signal(signal.SIGHUP)
        while self.reloads() == before:
            assert time.monotonic() < end, "no reload:\n" + self.server.log()
            time.sleep(0.02)

    def no_reset(self):
        time.sleep(0.3)
        lines = [line for line in self.resets.lines() if ".53 >" in line]
        assert not lines, "\n".join(lines[:10])
        assert self.server.total("reset_changed") == 0
        assert self.server.total("unrepeatable") == 0


def read_large(address, expected, receive_buffer=None):
    with wire.connect(address, receive_buffer=receive_buffer) as s:
        s.sendall(wire.framed(LARGE))
        assert wire.read_answer(s) == expected, "another answer"


def pipeline(address, expected, count=2000):
    """As many questions as the socket takes, answers read beside them; over further connections where one ends."""
    at = 0
    while at < count:
        begin = at
        with wire.connect(address) as s:
            def ask(begin=begin, s=s):
                try:
                    for n in range(begin, count):
                        s.sendall(wire.framed(wire.with_id(SMALL, n & 0xffff)))
                except OSError:
                    pass  # it ends here; the rest is asked over the next
            asker = threading.Thread(target=ask, daemon=True)
            asker.start()
            answers = s.makefile("rb")
            while at < count:
                prefix = answers.read(2)
                if not prefix:
                    break
                answer = answers.read(int.from_bytes(prefix, "big"))
                assert answer == wire.with_id(expected, at & 0xffff), f"wrong answer {at}"
                at += 1
            s.shutdown(socket.SHUT_RDWR) if at < count else None
            asker.join()
        assert at > begin, "a connection without an answer"


def all_kinds(large, small, rounds=1):
    """Long answers, long answers read slowly, and pipelined questions, over both protocols."""
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        tasks = []
        for address in (SERVER_V4, SERVER_V6):
            tasks += [(read_large, address, large), (read_large, address, large, 8192), (pipeline, address, small)]
        for done in [pool.submit(*t) for _ in range(rounds) for t in tasks]:
            done.result()


def test_read_twice_unchanged():
    with Scene() as scene:
        large, small = wire.ask(LARGE), wire.ask(SMALL)
        scene.reload()
        scene.reload()
        all_kinds(large, small)
        scene.no_reset()


def ask_while(every_s, step):
    """All kinds of questions for six seconds, and step(scene, n) again and again beside them: nobody is reset."""
    with Scene() as scene:
        large, small = wire.ask(LARGE), wire.ask(SMALL)
        done = threading.Event()

        def go_on():
            n = 0
            while not done.wait(every_s):
                n += 1
                step(scene, n)
        other = threading.Thread(target=go_on)
        other.start()
        try:
            end = time.monotonic() + 6
            while time.monotonic() < end:
                all_kinds(large, small)
        finally:
            done.set()
            other.join()
        assert scene.reloads() >= 5, scene.reloads()
        scene.no_reset()


def test_read_all_the_time():
    ask_while(0.3, lambda scene, _: scene.server.signal(signal.SIGHUP))


def test_others_change_all_the_time():
    """A new serial and a new name a second: what has not changed goes on."""
    def change(scene, n):
        scene.zone.write_text(txt_zone(sizes=SIZES, serial=n + 1) + f"n{n + 1} A 192.0.2.77\n")
        scene.server.signal(signal.SIGHUP)
    ask_while(0.5, change)


def test_changed_and_asked_anew():
    """Right after a change, and after two more: the new answer, whole, without a reset."""
    with Scene() as scene:
        for serial, letters in ((2, "yyy"), (3, "zzz"), (4, "www")):
            scene.zone.write_text(txt_zone(sizes=SIZES, serial=serial).replace("xxx", letters))
            scene.reload()
            for address in (SERVER_V4, SERVER_V6):
                answer = wire.ask(LARGE, address)
                assert letters.encode() in answer and b"xxx" not in answer
        scene.no_reset()


def address_of(name):
    return sh("dig", "+short", "+tries=5", f"@{SERVER_V4}", name, "A").stdout.strip()


def read_again(server):
    """SIGHUP, and the line that says what came of it."""
    before = server.log().count(" as before")
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.log().count(" as before") > before, server.log)
    return next(line for line in reversed(server.log().splitlines()) if " as before" in line)


ZONE = "$TTL 60\n@ SOA ns hostmaster {} 2 3 4 5\n@ NS ns\nns A {}\n"


def test_one_file_for_two_zones():
    """Parked domains: the same text under two origins. Both stay when it is read again, changed or not."""
    with Lab() as lab:
        parked = lab.path("parked", ZONE.format(1, "192.0.2.1"))
        with Goldilocks(lab, zones=[f"one.example={parked}", f"two.example={parked}"]) as server:
            for text, address in ((None, "192.0.2.1"), (ZONE.format(2, "192.0.2.2"), "192.0.2.2")):
                if text:
                    parked.write_text(text)
                said = read_again(server)
                assert (address_of("ns.one.example"), address_of("ns.two.example")) == (address, address), said


def test_files_that_change_places():
    """A file that has the zone of another source is refused, and the zones stay; when both have changed places, they are
    taken."""
    with Lab() as lab:
        one, two = ("$ORIGIN " + zone + ".\n" + ZONE.format(1, address)
                    for zone, address in (("a.example", "192.0.2.1"), ("b.example", "192.0.2.2")))
        a, b = lab.path("a", one), lab.path("b", two)
        with Goldilocks(lab, zones=[a, b]) as server:
            both = lambda: (address_of("ns.a.example"), address_of("ns.b.example"))  # noqa: E731
            a.write_text(two)
            read_again(server)
            assert "the zone b.example. is already in" in server.log() and both() == ("192.0.2.1", "192.0.2.2"), server.log()
            b.write_text(one.replace("192.0.2.1", "192.0.2.3"))
            read_again(server)
            assert both() == ("192.0.2.3", "192.0.2.2"), server.log()


def test_it_ends_while_a_zone_is_read():
    """A pipe from which nothing comes does not hold up the end; one without a writer not even the reading."""
    with Lab() as lab:
        zone = lab.path("zone", "$ORIGIN a.example.\n" + ZONE.format(1, "192.0.2.1"))
        with Goldilocks(lab, zones=[zone]) as server:
            zone.unlink()
            os.mkfifo(zone)
            read_again(server)
            assert "1 refused" in server.log() and address_of("ns.a.example") == "192.0.2.1"
            writer = os.open(zone, os.O_RDWR)
            server.signal(signal.SIGHUP)
            wait_for(lambda: sh("pgrep", "-P", server.process.pid, "goldilocks-zone", check=False).returncode == 0,
                     "the pipe is read")
        os.close(writer)  # the block has ended the server


run(__name__)
