"""Images of zones: served as their texts are, after a restart within a moment, replaced while the server answers, and
refused with one line where they are broken or where what makes them fails."""

import os
import shutil
import signal
import subprocess
import time

import dns.zone
import runner
import wire
from goldilocks import ROOT_ZONE, Goldilocks, built
from lab import ROOT, Lab, sh, wait_for
from runner import report, run

PROGRAM = "app/zone/goldilocks-zone"


def text(serial):
    return (f"$ORIGIN image.example.\n$TTL 300\n@ SOA ns hm {serial} 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n"
            "www A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\n")


def compile_zone(zone, image):
    sh(built(PROGRAM), "compile", "--output", image, zone)


def serial():
    return wire.parse(wire.ask(wire.query("image.example.", "SOA"))).answer[0][0].serial


def questions():
    """Every name of the root zone, a name below each, and some that are not there."""
    zone = dns.zone.from_file(str(ROOT_ZONE), origin=".", relativize=False)
    for name in list(zone.nodes)[::7]:
        for kind in ("A", "NS", "DS", "ANY"):
            yield wire.query(name.to_text(), kind, do=kind == "DS", bufsize=1232, number=7)
        if len(name.to_text()) < 200:
            yield wire.query("not-there." + name.to_text().lstrip("."), "A", do=True, number=7)


def ask_all(messages):
    """A hundred over each connection."""
    answers = []
    for at in range(0, len(messages), 100):
        with wire.connect() as s:
            for message in messages[at:at + 100]:
                s.sendall(wire.framed(message))
                answers.append(wire.read_answer(s))
    return answers


def test_answers_are_those_of_the_text():
    with Lab() as lab:
        image = lab.path("root.image")
        compile_zone(ROOT_ZONE, image)
        messages = list(questions())
        with Goldilocks(lab, zones=[ROOT_ZONE]):
            from_text = ask_all(messages)
        with Goldilocks(lab, zones=[image]):
            from_image = ask_all(messages)
    assert len(messages) > 1000
    differ = sum(a != b for a, b in zip(from_text, from_image))
    assert from_text == from_image, f"{differ} answers differ"


def status(pid, field):
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def first_answer(lab, zone):
    """Seconds from the start of the process to the first answer."""
    query = wire.query("www.d0000001.big.", "A")
    began = time.monotonic()
    with Goldilocks(lab, zones=[zone]) as server:
        seconds = time.monotonic() - began
        assert len(wire.parse(wire.ask_udp(query)).authority[0]) == 1
        told = server.log()
        memory = status(server.process.pid, "VmHWM")
    assert "warning: " + str(zone) not in told
    return seconds, memory


def test_restart():
    count = 1_000_000 if runner.LONG else 100_000
    with Lab() as lab:
        zone, image = lab.path("big.zone"), lab.path("big.image")
        sh(ROOT / "scripts/make-big-zone", "--count", count, zone)
        compile_zone(zone, image)
        small, _ = first_answer_of_root(lab)
        from_text, _ = first_answer(lab, zone)
        from_image, memory = first_answer(lab, image)
        report(f"{count} delegations, from the start to the first answer: {from_text:.2f} s from the text, "
               f"{from_image:.2f} s from the image ({memory // 1024} MB at most); the root zone takes {small:.2f} s")
        assert from_image < from_text


def first_answer_of_root(lab):
    began = time.monotonic()
    with Goldilocks(lab, zones=[ROOT_ZONE]) as server:
        return time.monotonic() - began, status(server.process.pid, "VmHWM")


class Served:
    """A server of one zone, read again on demand."""

    def __init__(self, lab, zone, server=Goldilocks):
        self.zone, self.server = zone, server(lab, zones=[zone])

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *exc):
        self.server.__exit__(*exc)

    def reload(self):
        """What the log says about it."""
        log = self.server.log()
        self.server.signal(signal.SIGHUP)
        wait_for(lambda: "zones loaded again" in self.server.log()[len(log):], "no reload", limit=30)
        return self.server.log()[len(log):]

    def refused(self, reason):
        before = serial()
        said = self.reload()
        assert reason in said, f"{reason!r} is not in:\n{said}"
        assert "0 changed, 1 refused, 0 as before" in said, said
        assert serial() == before


def test_images_come_and_go():
    with Lab() as lab:
        zone, image, next_image = lab.path("z.zone"), lab.path("z.image"), lab.path("next.image")
        zone.write_text(text(1))
        compile_zone(zone, image)
        with Served(lab, image) as served:
            assert serial() == 1
            assert "0 changed, 0 refused, 1 as before" in served.reload()
            zone.write_text(text(2))
            compile_zone(zone, image)
            assert "serial 1 -> 2" in served.reload()
            assert serial() == 2
            # Written over in place, which no program of ours does: what is served stays as it is.
            whole = image.read_bytes()
            for size in (0, 8, 40, 250, len(whole) // 2, len(whole) - 1):
                with open(image, "r+b") as f:
                    f.truncate(size)
                assert serial() == 2
                if size >= 8:
                    served.refused(f"{image}: a broken image: it ends after {size} bytes")
                else:
                    served.refused(f"{image}: no SOA record")
                image.write_bytes(whole)
            image.write_bytes(whole[:300] + bytes([whole[300] ^ 1]) + whole[301:])
            served.refused(f"{image}: a broken image: its checksum is wrong")
            image.write_bytes(whole[:12] + b"\x09\0\0\0" + whole[16:])
            served.refused(f"{image}: an image of format 9, and this program reads ")
            zone.write_text(text(3))
            compile_zone(zone, next_image)
            os.replace(next_image, image)
            assert "serial 2 -> 3" in served.reload()
            zone.write_text(text(4))
            os.replace(zone, image)  # and back to a text
            assert "serial 3 -> 4" in served.reload()
            assert serial() == 4


# In the place of goldilocks-zone: does what a file beside it says.
STAND_IN = """#!/bin/sh
here=$(dirname "$0")
case $(cat "$here/how") in
  real) exec {real} "$@" ;;
  killed) kill -9 $$ ;;
  silent) exit 3 ;;
  nothing) exit 0 ;;
  nonsense) echo "no image at all, however long it may be said"; exit 0 ;;
  half) {real} "$@" | head -c 700; exit 0 ;;
  zeros) head -c 100000000 /dev/zero; exit 0 ;;
  long) {real} "$@"; echo; exit 0 ;;
  words) head -c 3000000 /dev/zero | tr '\\0' 'x' >&2; exec {real} "$@" ;;
  both) {real} "$@"; echo "error: as it were" >&2; exit 1 ;;
esac
"""


def test_a_program_that_fails():
    """Whatever comes from what makes the images: a line, and the zone as it was."""
    with Lab() as lab:
        folder = lab.path("programs")
        folder.mkdir()
        shutil.copy(built("app/goldilocks/goldilocks"), folder)
        stand_in = folder / "goldilocks-zone"
        stand_in.write_text(STAND_IN.format(real=built(PROGRAM)))
        stand_in.chmod(0o755)
        how = folder / "how"
        how.write_text("real")
        zone = lab.path("z.zone")
        zone.write_text(text(1))

        class Copied(Goldilocks):
            binary = folder / "goldilocks"

        with Served(lab, zone, Copied) as served:
            zone.write_text(text(2))
            for what, reason in (("killed", "goldilocks-zone was ended by signal 9"),
                                 ("silent", "goldilocks-zone ended with status 3, and gave no reason"),
                                 ("nothing", "a broken image: it ends after 0 bytes"),
                                 ("nonsense", "not a zone image"), ("zeros", "not a zone image"),
                                 ("half", "a broken image: it ends after 700 bytes"),
                                 ("long", "a broken image: it is longer than it says"), ("both", "as it were")):
                how.write_text(what)
                served.refused(reason)
            how.write_text("words")
            assert "serial 1 -> 2" in served.reload()
            assert serial() == 2
            stand_in.unlink()
            zone.write_text(text(3))
            served.refused("No such file or directory")


def test_the_commands():
    with Lab() as lab:
        zone, image = lab.path("z.zone"), lab.path("z.image")
        zone.write_text(text(5))
        compile_zone(zone, image)
        first = image.read_bytes()
        compile_zone(zone, image)
        assert image.read_bytes() == first
        for path in (zone, image):
            assert sh(built(PROGRAM), "check", path).stdout == f"{path}: zone image.example., serial 5, 6 records\n"
        assert "format 1, " in sh(built(PROGRAM), "info", image).stdout
        refused = sh(built(PROGRAM), "info", zone, check=False)
        assert (refused.returncode, refused.stdout) == (1, f"error: {zone}: not a zone image\n")
        zone.write_text(text(6) + "x MX 65536 y\n")
        refused = sh(built(PROGRAM), "compile", "-o", image, zone, check=False)
        assert (refused.returncode, refused.stdout) == (1, f"error: {zone}:9: number is bigger than 16 bits\n")
        assert image.read_bytes() == first
        zone.write_text("@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS ns\n")
        assert sh(built(PROGRAM), "check", "--origin", "o.test", zone).stdout.startswith(f"{zone}: zone o.test., serial 1")
        assert sh(built(PROGRAM), "compile", zone, check=False).returncode == 2
        # As the server would.
        refused = sh(built(PROGRAM), "check", "--origin", "o.test", image, check=False)
        assert (refused.returncode, refused.stdout) == (1, f"error: {image}: the zone is image.example., not o.test\n")
        # libzscanner's stack has 16 places, and every $INCLUDE takes one.
        lab.path("part", "x A 192.0.2.1\n")
        zone.write_text(text(7) + "$INCLUDE part\n" * 40)
        assert "serial 7" in sh(built(PROGRAM), "check", zone).stdout
        for n in range(7):
            lab.path(f"part{n}", f"$INCLUDE part{n + 1}\n" * 15)
        lab.path("part7", "")
        zone.write_text(text(8) + "$INCLUDE part0\n")
        refused = sh(built(PROGRAM), "check", zone, check=False)
        assert refused.returncode == 1 and "$INCLUDE: more than 10000 of them" in refused.stdout, refused.stdout
        # Only a file is replaced.
        zone.write_text(text(9))
        os.mkfifo(lab.path("fifo"))
        refused = sh(built(PROGRAM), "compile", "-o", lab.path("fifo"), zone, check=False)
        assert (refused.returncode, refused.stdout) == (1, f"error: {lab.path('fifo')}: is not a regular file\n")
        assert lab.path("fifo").is_fifo() and not lab.path("fifo.new").exists()
        assert subprocess.run([built(PROGRAM), "--help"], stdout=subprocess.DEVNULL).returncode == 0


run(__name__)
