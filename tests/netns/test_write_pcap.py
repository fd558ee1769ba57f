"""goldilocks-load --write-pcap: the file is played to the program by DPDK's pcap driver, and every
frame of it must end as the file's writer said; but not where the secret or the time is another."""

import json
import os
import shutil
import struct
import time

from goldilocks import NOT_VERDICTS, ROOT_ZONE, Goldilocks, built, lcores
from lab import CLIENT_IF, ROOT, SERVER_V4, SERVER_V6, Lab, sh, wait_for
from packets import neighbour
from runner import Skip, run

PORT_MAC = "02:70:63:61:70:00"  # what the driver gives its first port
FLOWS = 500
FAMILIES = {4: ["--target", "192.0.2.53", "--source", "198.51.100.0/24"],
            6: ["--target", "2001:db8::53", "--source", "2001:db8:1::/120"]}
UNVERIFIED = ("tcp_reset_no_cookie", "tcp_drop_reset_limited", "tcp_drop_no_timestamp_late")
# A wrong cookie passes for a right one once in 2^11 tries, and a segment with timestamps is tried twice (docs/protocol.md): one of
# these 1,000 frames on average. A second try finds the same ones, as it has the keys of the same hour. Ten: one hour of ten million.
TAKEN_BY_CHANCE = 10


def write(lab, *flags, family=4, secret="secret", name="in.pcap"):
    """Writes the file; what its writer says of it."""
    if not lab.path(secret).exists():  # a running server has made its own
        lab.path(secret, "%064x\n" % len(secret)).chmod(0o600)
    done = sh(built("app/load/goldilocks-load"), "--", *FAMILIES[family], "--target-mac", PORT_MAC, "--source-mac", "02:00:00:00:00:02",
              "--write-pcap", lab.path(name), "--secret", lab.path(secret), "--zone", ROOT_ZONE, "--flows", FLOWS, "--json", *flags)
    return json.loads(done.stdout)


def play(lab, told, *options, secret="secret", name="in.pcap"):
    """Plays the file once; the verdicts, and the frames that came back."""
    out = lab.path("out.pcap")
    device = f"--vdev=net_pcap0,rx_pcap={lab.path(name)},tx_pcap={out}"
    server = Goldilocks(lab, ["--idle-sleep-us", 50, *options], device=device, secret=lab.path(secret))
    server.has_dns = False  # nobody can ask it anything
    with server:
        wait_for(lambda: server.counters()["received"] >= told["frames"], lambda: f"played: {server.counters()}")
        counters = server.counters()
    verdicts = {n: v for n, v in counters.items() if v and n not in NOT_VERDICTS}
    return verdicts, [f for f in frames_of(out) if f[:6] == bytes.fromhex("020000000002")]


def frames_of(path):
    data = path.read_bytes()
    at, frames = 24, []
    while at < len(data):
        length, = struct.unpack_from("<I", data, at + 8)
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return frames


def tcp_flags(frames, family):
    l4 = {4: 34, 6: 54}[family]
    return [f[l4 + 13] for f in frames]


def test_every_frame_is_answered():
    for family in FAMILIES:
        for flags in ([], ["--mss", 536], ["--query", "nonexistent-tld/A"]):
            with Lab() as lab:
                told = write(lab, *flags, family=family)
                assert told["verdicts"] == {"tcp_syn_ack": FLOWS, "tcp_answered": FLOWS, "tcp_fin_ack": FLOWS}, told
                verdicts, frames = play(lab, told)
                assert verdicts == told["verdicts"], f"{verdicts}, not {told['verdicts']}"
                kinds = tcp_flags(frames, family)
                assert [kinds.count(k) for k in (0x12, 0x18, 0x11)] == 3 * [FLOWS], kinds
                assert len(frames) == told["replies"], f"{len(frames)} frames in reply"


def test_every_kind_and_questions_in_turn():
    with Lab() as lab:
        questions = lab.path("questions", "com. DS\n. SOA\nnonexistent-tld. A\nnet. NS\n")
        told = write(lab, "--frames", "udp,fin,query,ack,syn", "--queries", questions)
        verdicts, frames = play(lab, told)
        assert verdicts == told["verdicts"] and verdicts["tcp_drop_ack_only"] == FLOWS == verdicts["udp_reply"], verdicts
        assert len(frames) == told["replies"] == 4 * FLOWS


def test_played_twice():
    """A server that keeps no connection answers the same frames again."""
    with Lab() as lab:
        told = write(lab)
        whole = lab.path("in.pcap").read_bytes()
        lab.path("twice.pcap").write_bytes(whole + whole[24:])
        verdicts, _ = play(lab, {"frames": 2 * told["frames"]}, name="twice.pcap")
        assert verdicts == {n: 2 * v for n, v in told["verdicts"].items()}, verdicts


def test_without_timestamps():
    """With a flow cache each connection gets an entry, and the verdict says so."""
    for options, answered in ((["--flow-cache", 0], "tcp_answered"), ([], "tcp_flow_answered")):
        with Lab() as lab:
            told = write(lab, "--no-timestamps", "--frames", "syn,query")
            assert told["verdicts"] == {"tcp_syn_ack": FLOWS, "tcp_answered": FLOWS}
            verdicts, _ = play(lab, told, *options)
            assert verdicts == {"tcp_syn_ack": FLOWS, answered: FLOWS}, verdicts


def test_another_secret_gets_no_answer():
    with Lab() as lab:
        told = write(lab, secret="theirs")
        lab.path("ours", "ee" * 32 + "\n").chmod(0o600)
        expect_refused(*play(lab, told, secret="ours"))


def expect_refused(verdicts, frames):
    assert verdicts.pop("tcp_syn_ack") == FLOWS
    assert sum(verdicts.values()) == 2 * FLOWS, verdicts
    assert sum(verdicts.get(name, 0) for name in UNVERIFIED) > 2 * FLOWS - TAKEN_BY_CHANCE, verdicts
    answers = sum(f[47] & 0x18 == 0x18 for f in frames)
    assert verdicts["tcp_reset_no_cookie"] > 0 and answers < TAKEN_BY_CHANCE, f"{verdicts}, {answers} answers"


def test_the_time_printed_is_the_time_that_holds():
    """A file of now, of the epoch before and of two before that: answered where the writer says so, else not."""
    epoch = 3600
    with Lab() as lab:
        for back in (0, 1, 3):
            told = write(lab, "--at", int(time.time()) - back * epoch)
            played = int(time.time())
            if min(abs(played - told["valid_from"]), abs(played - told["valid_until"])) < 60:
                continue  # on the edge, which the unit test looks at
            verdicts, frames = play(lab, told)
            if told["valid_from"] <= played < told["valid_until"]:
                assert verdicts == told["verdicts"], verdicts
            else:
                assert back != 0
                expect_refused(verdicts, frames)


def test_an_epoch_of_a_week():
    with Lab() as lab:
        told = write(lab, "--epoch", 604800)
        assert told["valid_until"] - told["valid_from"] == 2 * 604800
        verdicts, _ = play(lab, told, "--epoch", 604800)
        assert verdicts == told["verdicts"], verdicts


def test_by_tcpreplay():
    """The same file by a program that reads it otherwise, over a virtual cable."""
    with Lab() as lab, Goldilocks(lab, ["--idle-sleep-us", 50], secret=lab.path("secret")) as server:
        for family, address in ((4, SERVER_V4), (6, SERVER_V6)):
            before = server.counters()
            told = write(lab, "--target-mac", neighbour(address), family=family)
            sh("tcpreplay", "--intf1", CLIENT_IF, "--pps", 500, lab.path("in.pcap"))

            def grown():
                now = server.counters()
                return {n: v - before[n] for n, v in now.items() if n.startswith("tcp_") and v != before[n]}
            wait_for(lambda: sum(grown().values()) >= told["frames"], lambda: f"played: {grown()}")
            assert grown() == told["verdicts"], grown()


def test_by_pktgen():
    """The same by scripts/pktgen/run: what arrives is answered, and what it prints adds up. Where nobody has a CPU for them
    frames are lost in the sockets' rings, which is counted too."""
    pktgen = os.environ.get("PKTGEN", "pktgen")
    if not shutil.which(pktgen):
        raise Skip("there is no pktgen: docs/generators.md says how to build it")
    with Lab() as lab, Goldilocks(lab, ["--idle-sleep-us", 50], secret=lab.path("secret")) as server:
        figures = lab.path("figures.json")
        sh(ROOT / "scripts/pktgen/run", "--pktgen", shutil.which(pktgen), "--build", Goldilocks.binary.parents[2], "--server", server.prefix,
           "--secret", lab.path("secret"), "--rate", 0.02, "--rounds", 3, "--flows", FLOWS, "--seconds", 60, "--json", figures,
           "--generator-eal", f"--no-huge -m 2048 --no-pci {lcores(2)} --vdev=net_af_packet0,iface={CLIENT_IF}", timeout=200)
        found = json.loads(figures.read_text())
        assert found["offered"] == 9 * FLOWS == found["taken"] + found["lost_there"], found
        assert found["taken"] == found["replies"] == sum(found["verdicts"].values()), found
        assert not found["unexpected"] and set(found["verdicts"]) == {"tcp_syn_ack", "tcp_answered", "tcp_fin_ack"}, found
        assert found["returned"] + found["lost_back"] == found["replies"], found


run(__name__)
