#!/usr/bin/python3
"""kernel_tcp.py ANSWERS ADDRESS...: a server on the kernel's TCP, beside which Goldilocks' is measured.

It answers what it knows, in the order of asking: ANSWERS is a pickled {query without its number: answer without it}. What it
does not know ends the connection.
"""

import asyncio
import pickle
import struct
import sys
from pathlib import Path


class Client(asyncio.Protocol):
    def __init__(self, answers):
        self.answers, self.rest = answers, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        data, at, out = self.rest + data, 0, []
        while at + 2 <= len(data):
            end = at + 2 + int.from_bytes(data[at:at + 2], "big")
            if end > len(data):
                break
            answer = self.answers.get(data[at + 4:end])
            if answer is None:
                self.transport.abort()
                return
            out += [struct.pack("!H", 2 + len(answer)), data[at + 2:at + 4], answer]
            at = end
        self.rest = data[at:]
        if out:
            self.transport.write(b"".join(out))

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def serve(answers, addresses):
    loop = asyncio.get_running_loop()
    for address in addresses:
        await loop.create_server(lambda: Client(answers), address, 53, backlog=1000)
    await asyncio.Event().wait()


asyncio.run(serve(pickle.loads(Path(sys.argv[1]).read_bytes()), sys.argv[2:]))
