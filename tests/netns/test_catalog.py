"""Catalog zones (RFC 9432): members come and go, and a broken catalog changes nothing. And ZONEMD (RFC 8976)."""

import signal

import dns.rcode

import wire
from backends import KERNEL_V4, Knot, BackendLab
from lab import SERVER_V4, Lab, sh, wait_for
from goldilocks import Goldilocks
from runner import run
from transfer_peers import address, zone_text

HOST = 10


def catalog_text(name, serial, members, version="2"):
    """members: lines, or (id, zone)."""
    lines = [m if isinstance(m, str) else f"{m[0]}.zones PTR {m[1]}" for m in members]
    return (f"$ORIGIN {name}\n$TTL 60\n@ SOA . . {serial} 3600 2 86400 60\n@ NS invalid.\nversion TXT \"{version}\"\n"
            + "\n".join(lines) + "\n")


class Producer(Knot):
    """Zones by name; change() gives one another text."""

    def __init__(self, lab, texts):
        self.folder = lab.path("texts")
        self.folder.mkdir()
        for name, text in texts.items():
            (self.folder / name).write_text(text)
        super().__init__(lab, HOST, zones=[self.folder / name for name in texts], each_zone=(
            "    zonefile-load: whole\n    notify: told\n"), server="remote:\n  - id: told\n"
            f"    address: {KERNEL_V4}53@5300\n")

    def wait_ready(self):
        wait_for(lambda: "server started" in self.log(), self.log)

    def change(self, name, text):
        (self.folder / name).write_text(text)
        self.signal(signal.SIGHUP)


def has(zone):
    answer = wire.parse(wire.ask_udp(wire.query(f"serial.{zone}", "TXT")))
    return answer.answer[0][0].strings[0].decode() if answer.answer else dns.rcode.to_text(answer.rcode())


def zones(server):
    return {z["zone"]: z["kind"] for z in server.telemetry("/goldilocks/secondaries").values()}


def test_members_come_and_go():
    names = ("one.example.", "two.example.", "three.example.")
    first = catalog_text("cat.", 1, [("a", names[0]), ("b", names[1]), ("c", "own.example.")])
    texts = {"cat.": first, "dog.": catalog_text("dog.", 1, []), **{n: zone_text(n, 1) for n in names}}
    with BackendLab() as lab, Producer(lab, texts) as producer:
        state = lab.path("state")
        with lab.goldilocks(["--catalog", f"cat.@{address(HOST)}", "--catalog", f"dog.@{address(HOST)}", "--state-dir",
                             state, "--transfer-listen", f"{KERNEL_V4}53:5300"],
                            zones=[lab.path("own", zone_text("own.example.", 9))]) as server:
            def are(*wanted):
                wait_for(lambda: tuple(map(has, names)) == wanted, lambda: f"{[*map(has, names)]} {server.log()}", 15)
            are("1", "1", "REFUSED")
            assert has("own.example.") == "9" and "own.example. is a zone already" in server.log()
            assert has("cat.") == "REFUSED" and zones(server)["cat."] == "catalog"
            # One comes, one goes, and what was kept of that goes too.
            producer.change("cat.", catalog_text("cat.", 2, [("a", names[0]), ("c", names[2])]))
            are("1", "REFUSED", "1")
            assert not (state / "two.example.zone").exists() and (state / "three.example.zone").exists()
            # A member is a secondary as any.
            producer.change(names[0], zone_text(names[0], 5))
            are("5", "REFUSED", "1")
            for serial, broken in enumerate((catalog_text("cat.", 3, [("a", names[1])], version="1"),
                                             catalog_text("cat.", 4, ["a.zones PTR x.", "a.zones PTR y."]),
                                             catalog_text("cat.", 5, [("a", names[1]), ("b", names[1])])), 1):
                producer.change("cat.", broken)
                wait_for(lambda n=serial: server.log().count("the catalog is broken") == n, server.log)
                are("5", "REFUSED", "1")
            # It may be taken over where its catalog says so, and stays as it is under the same id.
            producer.change("dog.", catalog_text("dog.", 2, [("c", names[2]), ("x", names[0])]))
            wait_for(lambda: server.log().count("is a zone already") == 3, server.log)
            producer.change("cat.", catalog_text("cat.", 6, [("a", names[0]), ("c", names[2]), "coo.c.zones PTR dog."]))
            wait_for(lambda: "three.example. is of catalog dog. now" in server.log(), server.log)
            producer.change("cat.", catalog_text("cat.", 7, []))
            wait_for(lambda: "one.example. is a member of catalog dog." in server.log(), server.log)  # it had waited
            are("5", "REFUSED", "1")
            assert "three.example. goes" not in server.log() and "one.example. goes" in server.log()
        producer.kill()
        with server:  # members are known after a restart, without a primary
            assert has(names[2]) == "1" and zones(server)[names[2]] == "member", server.log()


def digested(lab, algorithm):
    """A zone with NSEC and signatures, and its digest, by ldns."""
    text = lab.path("md.zone", zone_text("md.example.", 1, "sub NS ns.sub\nns.sub A 192.0.2.7\n*.wild TXT x\n"))
    key = sh("ldns-keygen", "-a", "ECDSAP256SHA256", "md.example", cwd=lab.dir).stdout.strip().splitlines()[-1]
    sh("ldns-signzone", "-z", f"1:{algorithm}", "-f", lab.dir / "signed", text, lab.dir / key, cwd=lab.dir)
    return lab.dir / "signed"


def test_zone_digest():
    """What ldns has digested is what is served; one record that is another is refused, at a reload too."""
    with Lab() as lab:
        for algorithm in (1, 2):
            signed = digested(lab, algorithm)
            good = signed.read_text()
            assert "ZONEMD" in good
            with Goldilocks(lab, ["--zonemd", "require"], zones=[signed]) as server:
                assert has("md.example.") == "1"
                signed.write_text(good.replace("192.0.2.7", "192.0.2.8"))
                server.signal(signal.SIGHUP)
                wait_for(lambda s=server: "the zone is not what its ZONEMD record says" in s.log(), server.log)
                assert has("md.example.") == "1" and "stays as it was, with serial 1" in server.log()
                signed.write_text(good.replace("192.0.2.53", "192.0.2.54") + "md.example. 60 IN ZONEMD 1 1 9 00112233445566778899aabb\n")
            for zonemd, text, line in (("check", signed.read_text(), "says: the digest differs"),
                                       ("require", zone_text("md.example.", 1), "no ZONEMD record that can be checked")):
                server = Goldilocks(lab, ["--zonemd", zonemd], zones=[lab.path("other", text)])
                done = sh(*server.command, check=False)
                assert done.returncode == 1 and line in done.stdout, done.stdout[-600:]
        with Goldilocks(lab, ["--zonemd", "off"], zones=[signed]):
            assert SERVER_V4 and has("md.example.") == "1"


run(__name__)
