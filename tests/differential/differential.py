#!/usr/bin/python3
"""Asks Goldilocks and NSD the same questions and compares the answers: header flags, rcode, the record sets of all
three sections. What may differ is listed in compare.py. Exit status 1 on any other difference.

  differential.py --subject pipe:BUILD/tests/differential/dns_answers
  differential.py --subject 192.0.2.1:53 --zones-in DIR     a running server that has loaded the zones in DIR, and
                                                            has --nsid, --server-id `differential`, a version
  differential.py --zones-out DIR --only-zones              makes these zones and ends
"""
import argparse
import contextlib
import multiprocessing
import pathlib
import shlex
import sys
import tempfile
import time

import compare
import exchange
import queries
import truth
import zones
from nsd import Nsd


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--subject', help='pipe:PROGRAM or HOST:PORT')
    parser.add_argument('--zones-out', type=pathlib.Path, help='keep the zones that were made here')
    parser.add_argument('--zones-in', type=pathlib.Path, help='use the zones that were made here earlier')
    parser.add_argument('--only-zones', action='store_true', help='make zones, ask nothing')
    parser.add_argument('--version', default='goldilocks 0.1.0', help='what version.bind says')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--show', type=int, default=20, help='how many differences to print')
    return parser.parse_args()


def existing_zones(folder):
    found = [('.', folder / 'root.zone')]
    found += [(path.name[:-len('zone')], path) for path in sorted(folder.glob('*test.zone'))]
    return found


def address_of(text):
    host, port = text.rsplit(':', 1)
    return host.strip('[]'), int(port)


def subject_answers(subject, zone_list, messages, udp):
    if subject.startswith('pipe:'):
        command = shlex.split(subject[len('pipe:'):]) + ['--nsid', 'differential'] + (['--udp'] if udp else [])
        return exchange.through_pipe(command + [str(path) for _, path in zone_list], messages)
    return (exchange.over_udp if udp else exchange.over_tcp)(address_of(subject), messages)


def judge(job):
    function, *rest = job
    try:
        return function(*rest)
    except Exception as error:  # a message that cannot be read is a difference like any other
        return f'{type(error).__name__}: {error}'


def run_pass(name, function, asked, answers, show):
    """`answers`: lists beside `asked`: ours, theirs, and both over TCP."""
    with multiprocessing.Pool(2) as pool:
        verdicts = pool.map(judge, [(function, *job) for job in zip(asked, *answers)], 500)
    differ = [(q, v) for q, v in zip(asked, verdicts) if v]
    for query, verdict in differ[:show]:
        print(f'{name}: {query.text}\n  {verdict.strip()}')
    print(f'{name}: {len(asked)} queries, {len(differ)} differ', flush=True)
    return len(differ)


def make_queries(zone_list, seed):
    maker = queries.Maker(seed)
    for origin, path in zone_list:
        if origin == '.':
            maker.root(path)
        else:
            maker.zone(origin, path)
    maker.oddities()
    return maker.queries


def main():
    options = arguments()
    with contextlib.ExitStack() as stack:
        temporary = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='differential-')))
        if options.zones_in:
            zone_list = existing_zones(options.zones_in.resolve())
        else:
            zone_list = zones.make(options.zones_out.resolve() if options.zones_out else temporary / 'zones')
        if options.only_zones:
            return 0
        if not options.subject:
            sys.exit('--subject is missing')
        started = time.monotonic()
        asked = make_queries(zone_list, options.seed)
        messages = [q.wire for q in asked]
        reference = stack.enter_context(Nsd(temporary / 'nsd', zone_list, options.version))
        failed = 0
        whole = None
        compare.TRUTH = truth.load(zone_list)
        for udp, name, function, ask in ((False, 'tcp', compare.compare_whole, exchange.over_tcp),
                                         (True, 'udp', compare.compare_datagram, exchange.over_udp)):
            theirs = ask(reference, messages)
            ours = subject_answers(options.subject, zone_list, messages, udp)
            whole = whole or (ours, theirs)
            failed += run_pass(name, function, asked, (ours, theirs, *whole), options.show)
        print(f'{2 * len(asked)} queries, {failed} differ, {time.monotonic() - started:.0f} s')
        return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
