"""The same through DPDK's AF_XDP driver."""

from goldilocks import Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab, sh
from runner import run
from test_clients import ordinary_exchanges, queries_file


def test_ordinary_exchanges():
    with Lab() as lab, Goldilocks(lab, driver="af_xdp"):
        ordinary_exchanges()


def test_dig():
    with Lab() as lab, Goldilocks(lab, driver="af_xdp"):
        for address in (SERVER_V4, SERVER_V6):
            sh("ping", "-c", 1, "-W", 2, address)
            text = sh("dig", "@" + address, "+notcp", "+dnssec", ".", "ANY").stdout
            assert "Truncated, retrying in TCP mode" in text and "(TCP)" in text and "NOERROR" in text, text


def test_dnsperf():
    with Lab() as lab, Goldilocks(lab, driver="af_xdp"):
        out = sh("dnsperf", "-s", SERVER_V4, "-m", "tcp", "-d", queries_file(lab), "-n", 100,
                 "-c", 50, "-q", 100, "-D").stdout
        assert "Queries lost:         0 " in out, out


run(__name__)
