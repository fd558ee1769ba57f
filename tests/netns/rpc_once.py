"""RPC with ACK, exactly once, as docs/rpc-once.md defines it: a client and a server that share no code with ours."""

import contextlib
import random
import socket
import struct
import threading

MAGIC = b"GLR1"
REQUEST, REPLY, ACK, DENIED = 1, 2, 3, 4
ECHO, APPEND, COUNT = 1, 2, 3
SUCCESS, UNKNOWN_PROCEDURE, BAD_ARGUMENTS, NOT_EXECUTED = 0, 1, 2, 3
WINDOW = 32
HEADER = struct.Struct(">4sBBHQIIII")


def message(kind, client, client_boot, server_boot, call, oldest=0, procedure=0, status=0, body=b""):
    return HEADER.pack(MAGIC, kind, procedure, status, client, client_boot, server_boot, call, oldest) + body


class Message:
    def __init__(self, datagram):
        (magic, self.kind, self.procedure, self.status, self.client, self.client_boot, self.server_boot, self.call,
         self.oldest) = HEADER.unpack_from(datagram)
        assert magic == MAGIC
        self.body = datagram[HEADER.size:]


class Client:
    """One call at a time, or datagrams by hand."""

    def __init__(self, address, port, client=None, boot=1, source_port=0):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("", source_port))
        self.socket.connect((address, port))
        self.client, self.boot = client or random.getrandbits(64) or 1, boot
        self.server_boot, self.last = 0, 0

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, datagram):
        with contextlib.suppress(PermissionError):  # what the packet filter loses
            self.socket.send(datagram)

    def hear(self, limit_s=0.5):
        """The next message; None: nothing came."""
        self.socket.settimeout(limit_s)
        try:
            return Message(self.socket.recv(65535))
        except (TimeoutError, ConnectionRefusedError):
            return None

    def request(self, call, procedure, body=b"", oldest=None, server_boot=None, boot=None):
        return message(REQUEST, self.client, boot or self.boot, self.server_boot if server_boot is None else server_boot,
                       call, oldest or call, procedure, 0, body)

    def ack(self, call, oldest=None, boot=None):
        return message(ACK, self.client, boot or self.boot, self.server_boot, call, oldest or call + 1)

    def learn(self):
        """The server's boot counter, by a request that it denies."""
        for _ in range(20):
            self.send(self.request(max(self.last, 1), ECHO, b"?", server_boot=0))
            heard = self.hear()
            if heard is not None and heard.kind == DENIED:
                self.server_boot = heard.server_boot
                return heard
        raise AssertionError("no answer")

    def exchange(self, datagram, call, tries=20):
        """Sends until the reply comes."""
        for _ in range(tries):
            self.send(datagram)
            while (heard := self.hear()) is not None:
                if heard.kind in (REPLY, DENIED) and heard.call == call and heard.client_boot == self.boot:
                    return heard
        raise AssertionError(f"no reply to call {call}")

    def call(self, procedure, body=b""):
        """A whole one, with its ACK. Returns its status and result."""
        if self.server_boot == 0:
            self.learn()
        self.last += 1
        reply = self.exchange(self.request(self.last, procedure, body), self.last)
        assert reply.kind == REPLY and reply.client == self.client, vars(reply)
        self.send(self.ack(self.last))
        return reply.status, reply.body


class Server(threading.Thread):
    """A server of the same protocol; `executed` is its journal. It loses datagrams as `loss` says."""

    def __init__(self, address, port, boot=7, loss=0, seed=1):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.boot, self.loss, self.random = boot, loss, random.Random(seed)
        self.executed, self.clients, self.acknowledged, self.ended = [], {}, 0, False
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        self.join()
        self.socket.close()

    def run(self):
        self.socket.settimeout(0.05)
        while not self.ended:
            try:
                datagram, peer = self.socket.recvfrom(65535)
            except TimeoutError:
                continue
            if self.random.random() >= self.loss:
                answer = self.answer(Message(datagram))
                if answer is not None and self.random.random() >= self.loss:
                    self.socket.sendto(answer, peer)

    def answer(self, m):
        def reply(status, body=b""):
            return message(REPLY, m.client, m.client_boot, self.boot, m.call, 0, m.procedure, status, body)

        if m.kind == ACK:
            return self.acknowledge(m)
        if m.kind != REQUEST:
            return None
        if m.server_boot != self.boot:
            return message(DENIED, m.client, m.client_boot, self.boot, m.call, status=1)
        if m.procedure == ECHO:
            return reply(SUCCESS, m.body)
        if m.procedure == COUNT:
            return reply(SUCCESS, struct.pack(">Q", len(self.executed)))
        if m.procedure != APPEND:
            return reply(UNKNOWN_PROCEDURE)
        known = self.clients.get(m.client)
        if known is None or known["boot"] < m.client_boot:
            known = self.clients[m.client] = {"boot": m.client_boot, "base": m.oldest, "replies": {}, "finished": set()}
        if m.client_boot < known["boot"]:
            return message(DENIED, m.client, m.client_boot, self.boot, m.call, status=2)
        known["base"] = max(known["base"], m.oldest)
        if not known["base"] <= m.call < known["base"] + WINDOW or m.call in known["finished"]:
            return None
        if m.call not in known["replies"]:
            self.executed.append(m.body)
            known["replies"][m.call] = reply(SUCCESS, struct.pack(">Q", len(self.executed)))
        return known["replies"][m.call]

    def acknowledge(self, m):
        known = self.clients.get(m.client)
        if known is not None and known["boot"] == m.client_boot and m.server_boot == self.boot:
            known["base"] = max(known["base"], m.oldest)
            if known["replies"].pop(m.call, None) is not None:
                known["finished"].add(m.call)
                self.acknowledged += 1
