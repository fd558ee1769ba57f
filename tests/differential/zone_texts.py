#!/usr/bin/python3
"""Generated zone files, held against Knot's and NSD's checkers: what both take is taken, what both refuse is refused.

Where the two differ (NSD takes many numbers modulo their field, Knot has checks of its own) either is right, and the counts
show how often. What is refused has to be told with the file, and in one line. Each zone has one record that was made up: a type at random, its values at and beyond each limit, odd spacing, escapes, parentheses.

  tests/differential/zone_texts.py --subject BUILD/tests/differential/dns_answers [--zones N] [--seed S]
"""

import argparse
import collections
import random
import subprocess
import sys
import tempfile
from pathlib import Path

HEAD = "$ORIGIN x.test.\n$TTL 3600\n@ SOA ns hm 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nd NS ns\n"
LIMIT_S = 20


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def mostly(self, *choices):
        """The first, but for one in ten: with everything odd at once nothing would ever be taken."""
        return choices[0] if self.random.random() < 0.9 else self.one_of(*choices)

    def number(self, bits):
        top = 2 ** bits
        return str(self.mostly(self.random.randrange(top), 0, 1, top // 2, top - 1, top - 1, top, top + 1, 10 * top, -1, self.random.randrange(top)))

    def name(self):
        label = self.mostly(self.one_of("a", "ns", "\\097", "a\\.b"), "a" * 63, "_x", "*", "a" * 64, "\\256", "a\\\\b")
        return self.mostly(label, label + ".y", label + ".x.test.", "@", ".", "a..b", ".".join(["l" * 60] * 5))

    def text(self):
        word = self.mostly("a", "a b", "", "x" * 255, "x" * 256, "\\\"", "\\000", "\\255", "\\256", "\\", "é", ";", "(", ")")
        return self.mostly(f'"{word}"', word, f'"{word}')

    def hexadecimal(self):
        return self.mostly("00", "abcdef", "ABC", "a b c d", "xy", "", "0123456789" * 8)

    def base64(self):
        return self.mostly("AQ==", "AQID", "AQ", "A Q I D", "!!", "", "QUJD" * 30)

    def ipv4(self):
        return self.mostly("192.0.2.1", "255.255.255.255", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "a.b.c.d")

    def ipv6(self):
        return self.mostly("2001:db8::1", "::", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", ":::", "12345::", "g::")

    def service_parameter(self):
        return self.mostly("alpn=h2", "alpn=h2,h3", 'alpn="f\\\\\\\\oo\\\\,bar,h2"', f"port={self.number(16)}", "no-default-alpn",
                           f"ipv4hint={self.ipv4()}", "ipv4hint=", f"ipv6hint={self.ipv6()}", "key65000=abc", "key65536=a",
                           "mandatory=port port=1", "mandatory=port", "mandatory=mandatory", "ech=AQID", "port=1 port=2", "")

    def record(self):
        n, name, text = self.number, self.name, self.text
        makers = {
            "A": lambda: self.ipv4(), "AAAA": lambda: self.ipv6(), "NS": lambda: self.one_of("ns", "a.", name()),
            "PTR": name, "CNAME": name, "DNAME": name, "MX": lambda: f"{n(16)} {name()}",
            "SRV": lambda: f"{n(16)} {n(16)} {n(16)} {name()}", "TXT": lambda: " ".join(text() for _ in range(self.one_of(1, 1, 3))),
            "HINFO": lambda: f"{text()} {text()}", "RP": lambda: f"{name()} {name()}", "AFSDB": lambda: f"{n(16)} {name()}",
            "CAA": lambda: f"{n(8)} {self.one_of('issue', 'iodef', 'x' * 15, 'a-b')} {text()}",
            "SSHFP": lambda: f"{n(8)} {n(8)} {self.hexadecimal()}", "TLSA": lambda: f"{n(8)} {n(8)} {n(8)} {self.hexadecimal()}",
            "DS": lambda: f"{n(16)} {n(8)} {n(8)} {self.hexadecimal()}", "DNSKEY": lambda: f"{n(16)} 3 {n(8)} {self.base64()}",
            "CERT": lambda: f"{n(16)} {n(16)} {n(8)} {self.base64()}", "OPENPGPKEY": self.base64,
            "NAPTR": lambda: f"{n(16)} {n(16)} {text()} {text()} {text()} {name()}", "URI": lambda: f"{n(16)} {n(16)} {text()}",
            "KX": lambda: f"{n(16)} {name()}", "EUI48": lambda: self.one_of("00-00-5e-00-53-2a", "00-00-5e-00-53", "0-0-0-0-0-0"),
            "L32": lambda: f"{n(16)} {self.ipv4()}", "NID": lambda: f"{n(16)} {self.one_of('14:4fff:ff20:ee64', '1:2:3', 'g:0:0:0')}",
            "SVCB": lambda: f"{n(16)} {name()} {self.service_parameter()} {self.service_parameter()}",
            "HTTPS": lambda: f"{n(16)} . {self.service_parameter()}",
            "LOC": lambda: self.one_of("52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", "91 N 4 E 1m", "52 N 181 E 1m", "1 N 1 E"),
            "TYPE65280": lambda: f"\\# {self.one_of('0', '2 abcd', '3 abcd', '2 ab cd', '1 abcd', '65536 00')}",
            "TYPE1": lambda: self.one_of("\\# 4 c0000201", "\\# 3 c00002"), "NONSENSE": lambda: "1",
        }
        kind = self.one_of(*makers)
        owner = "d" if kind == "DS" else self.mostly("t", name())
        ttl = self.mostly(self.one_of("", "60", "1h30m"), "2147483647", "4294967296", "-1", "1x")
        klass = self.mostly(self.one_of("", "IN", "in"), "CH")
        between = [ttl, klass] if self.random.random() < 0.5 else [klass, ttl]
        space = self.one_of(" ", "\t", "  ")
        data = makers[kind]()
        data = self.mostly(self.one_of(data, f"( {data} )", f"(\n {data} ; c\n )", f"{data} ; comment"), f"( {data} )", f"(\n {data} ; c\n )", f"( {data}", f"{data} ; comment", f"{data} )")
        return space.join(part for part in [owner, *between, kind, data] if part)


def verdict(command, text=None):
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S)
    return done.returncode == 0, done.stdout.decode(errors="replace").strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subject", type=Path, required=True, help="dns_answers of a build")
    parser.add_argument("--zones", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    maker, counts, wrong = Maker(args.seed), collections.Counter(), []
    with tempfile.TemporaryDirectory(prefix="goldilocks-zones-") as folder:
        file = Path(folder) / "zone"
        for _ in range(args.zones):
            record = maker.record()
            file.write_text(HEAD + record + "\n")
            ours, said = verdict([args.subject, file], b"")
            knot, knot_said = verdict(["kzonecheck", "-o", "x.test.", file])
            nsd, nsd_said = verdict(["nsd-checkzone", "x.test.", file])
            counts[(ours, knot, nsd)] += 1
            explained = not ours and f"{file}:" in said and "\n" not in said.replace("warning: ", "", 1)
            if ours != knot and not (knot != nsd and ours == nsd) or not (ours or explained):
                wrong.append((record, ours, said, knot, knot_said, nsd, nsd_said))
    for record, ours, said, knot, knot_said, nsd, nsd_said in wrong[:10]:
        print(f"{record!r}\n  we: {ours} {said}\n  Knot: {knot} {knot_said}\n  NSD: {nsd} {nsd_said}")
    for (ours, knot, nsd), count in sorted(counts.items()):
        print(f"{count:6} zones: we {'take' if ours else 'refuse'}, Knot {'takes' if knot else 'refuses'}, "
              f"NSD {'takes' if nsd else 'refuses'}")
    print(f"{args.zones - len(wrong)} as expected, {len(wrong)} not")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
