#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A seeded HTTP/1.1 proxy in front of an S3 server, which makes faults.

    fault_proxy.py UPSTREAM_HOST:PORT [KEY=VALUE]...

prints "endpoint=URL control=URL" once it listens, both on free ports of
127.0.0.1 (or of the address in listen=), and ends when its standard input does. While it runs, a GET of the
control URL changes settings and prints all of them with the counters, as JSON:

    curl "$control/?p_503=0.5&latency=20"      curl "$control/?reset"

Bytes are passed on unchanged but for the fault (and careless), the Host header too, so
signatures stay valid. The client's endpoint is the proxy's. Settings:

    seed            the same seed and order of requests give the same faults
    match           regular expression on "METHOD /path": others are spared
    skip, max       spare the first requests; make at most so many faults
    latency, jitter milliseconds before each request; jitter is a maximum
    bw_up, bw_down  bytes a second over all connections; 0: unlimited
    down            1: every connection is reset at once
    hang_s          seconds of p_hang and p_stall
    careless        1: as a server that ignores If-None-Match: the header is
                    taken away and the request signed anew, by the key in
                    AWS_SECRET_ACCESS_KEY

and probabilities for each request; at most one of these faults is made:

    p_503 p_500 p_409 p_403   refused with that status; the server sees nothing
    p_200err        200 with an error document; the server sees nothing
    p_rst_up        reset within the request's body; the server sees nothing
    p_flip_up       one bit of the request's body is wrong
    p_lost          carried out, then the connection is reset without an answer
    p_rst_down      reset within the answer's body
    p_trunc         closed in good order within the answer's body
    p_flip_down     one bit of the answer's body is wrong
    p_garbage       an answer that is no HTTP
    p_hang          carried out, then silence
    p_stall         a pause within the answer's body
"""
import asyncio
import hashlib
import hmac
import json
import os
import random
import re
import struct
import socket
import sys
import time
import urllib.parse

FAULTS = ("503", "500", "409", "403", "200err", "rst_up", "flip_up", "lost", "rst_down",
          "trunc", "flip_down", "garbage", "hang", "stall")
DEFAULTS = {"seed": 1, "match": "", "skip": 0, "max": 1 << 60, "latency": 0.0, "jitter": 0.0,
            "bw_up": 0.0, "bw_down": 0.0, "down": 0, "hang_s": 3.0,
            "careless": 0,
            **{"p_" + name: 0.0 for name in FAULTS}}
REFUSALS = {"503": (503, "SlowDown"), "500": (500, "InternalError"),
            "409": (409, "OperationAborted"), "403": (403, "RequestTimeTooSkewed"),
            "200err": (200, "InternalError")}


class Reset(Exception):
    """The client's connection is to be reset."""


class Pace:
    """A bandwidth that all connections share."""

    def __init__(self):
        self.free_at = 0.0

    async def take(self, count, rate):
        if rate <= 0:
            return
        self.free_at = max(self.free_at, time.monotonic()) + count / rate
        await asyncio.sleep(self.free_at - time.monotonic())


class Message:
    """A request or an answer: head and body as they came."""

    def __init__(self, head, body):
        self.head, self.body = head, body

    def header(self, name):
        found = re.search(rb"(?im)^" + name + rb":[ \t]*([^\r\n]*)", self.head)
        return found.group(1).decode("latin-1") if found else None

    def flip(self, rng):
        if self.body:
            bit = rng.randrange(8 * len(self.body))
            body = bytearray(self.body)
            body[bit // 8] ^= 1 << bit % 8
            self.body = bytes(body)


def without_condition(request):
    """Takes If-None-Match off a request and signs it anew (SigV4, header form, no query)."""
    fields = re.search(rb"(?im)^authorization:[^\r\n]*Credential=[^/]+/([^,]+),\s*"
                       rb"SignedHeaders=([^,]+),\s*Signature=([0-9a-f]+)", request.head)
    if request.header(b"if-none-match") is None or not fields:
        return
    scope, names, signature = (field.decode() for field in fields.groups())
    kept = [name for name in names.split(";") if name != "if-none-match"]
    method, path = request.line.split(" ", 1)
    canonical = "\n".join([method, path, "", *(f"{name}:{request.header(name.encode()).strip()}"
                                              for name in kept), "", ";".join(kept),
                           request.header(b"x-amz-content-sha256")])
    text = "\n".join(["AWS4-HMAC-SHA256", request.header(b"x-amz-date"), scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    head = re.sub(rb"(?im)^if-none-match:[^\r\n]*\r\n", b"", request.head)
    request.head = (head.replace(names.encode(), ";".join(kept).encode())
                    .replace(signature.encode(), key.hex().encode()))


class Proxy:
    def __init__(self, host, port):
        self.upstream = (host, port)
        self.up, self.down = Pace(), Pace()
        self.reset()

    def reset(self):
        self.settings = dict(DEFAULTS)
        self.rng = random.Random(self.settings["seed"])
        self.counts = {"requests": 0, "faults": 0, **{name: 0 for name in FAULTS}}

    def set(self, key, value):
        if key == "reset":
            self.reset()
            return
        self.settings[key] = type(DEFAULTS[key])(value)  # KeyError: no such setting
        if key == "seed":
            self.rng = random.Random(self.settings["seed"])

    def choose(self, line):
        """The fault for the request of that line, or None. Draws one number."""
        s, draw = self.settings, self.rng.random()
        self.counts["requests"] += 1
        if not re.search(s["match"], line):
            return None
        if s["skip"] > 0:
            s["skip"] -= 1
            return None
        for name in FAULTS:
            draw -= s["p_" + name]
            if draw < 0 and self.counts["faults"] < s["max"]:
                self.counts["faults"] += 1
                self.counts[name] += 1
                return name
        return None

    async def read_body(self, reader, length, pace, rate):
        body = bytearray()
        while len(body) < length:
            part = await reader.read(min(1 << 16, length - len(body)))
            if not part:
                raise asyncio.IncompleteReadError(bytes(body), length)
            await pace.take(len(part), rate)
            body += part
        return bytes(body)

    async def read_request(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        request = Message(head, b"")
        if (request.header(b"expect") or "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.line = head.split(b" HTTP", 1)[0].decode("latin-1")
        fault = self.choose(request.line)
        length = int(request.header(b"content-length") or 0)
        if fault == "rst_up":
            await self.read_body(reader, length // 2, self.up, self.settings["bw_up"])
            raise Reset
        request.body = await self.read_body(reader, length, self.up, self.settings["bw_up"])
        return request, fault

    async def read_answer(self, reader, request):
        while True:
            answer = Message(await reader.readuntil(b"\r\n\r\n"), b"")
            status = int(answer.head.split(b" ", 2)[1])
            if status >= 200:
                break
        if request.line.startswith("HEAD") or status in (204, 304):
            return answer
        if (answer.header(b"transfer-encoding") or "").lower() == "chunked":
            while True:
                size = await reader.readuntil(b"\r\n")
                chunk = int(size, 16)
                answer.body += size + await reader.readexactly(chunk + 2)
                if chunk == 0:
                    return answer
        answer.body = await reader.readexactly(int(answer.header(b"content-length") or 0))
        return answer

    def refusal(self, fault):
        status, code = REFUSALS[fault]
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()
        head = (f"HTTP/1.1 {status} Fault\r\nContent-Type: application/xml\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        return Message(head, body)

    async def send(self, writer, data):
        for at in range(0, len(data), 1 << 16):
            part = data[at:at + (1 << 16)]
            await self.down.take(len(part), self.settings["bw_down"])
            writer.write(part)
            await writer.drain()

    async def send_answer(self, writer, answer, fault):
        """False when the connection is to be closed."""
        half = len(answer.body) // 2
        if fault == "lost":
            raise Reset
        if fault == "hang":
            await asyncio.sleep(self.settings["hang_s"])
            raise Reset
        if fault == "garbage":
            await self.send(writer, b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            return False
        if fault == "flip_down":
            answer.flip(self.rng)
        if fault not in ("rst_down", "trunc", "stall"):
            await self.send(writer, answer.head + answer.body)
            return True
        await self.send(writer, answer.head + answer.body[:half])
        if fault == "stall":
            await asyncio.sleep(self.settings["hang_s"])
            await self.send(writer, answer.body[half:])
            return True
        if fault == "rst_down":
            raise Reset
        return False

    async def relay(self, reader, writer, upstream):
        """One request and its answer; False when the connection is to be closed."""
        request, fault = await self.read_request(reader, writer)
        s = self.settings
        if s["down"]:  # since the connection was accepted
            raise Reset
        await asyncio.sleep((s["latency"] + self.rng.random() * s["jitter"]) / 1000)
        if fault in REFUSALS:
            answer = self.refusal(fault)
        else:
            if fault == "flip_up":
                request.flip(self.rng)
            if s["careless"]:
                without_condition(request)
            upstream[1].write(request.head + request.body)
            await upstream[1].drain()
            answer = await self.read_answer(upstream[0], request)
        return await self.send_answer(writer, answer, fault)

    async def serve(self, reader, writer):
        upstream = None
        try:
            if self.settings["down"]:
                raise Reset
            upstream = await asyncio.open_connection(*self.upstream, limit=1 << 20)
            while await self.relay(reader, writer, upstream):
                if self.settings["down"]:
                    raise Reset
        except Reset:
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, asyncio.IncompleteReadError):
            pass  # a peer went away
        finally:
            writer.close()
            if upstream:
                upstream[1].close()

    async def control(self, reader, writer):
        line = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ")[1]
        status = "200 OK"
        try:
            query = urllib.parse.urlsplit(line).query
            for key, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
                self.set(key, value)
            body = json.dumps({**self.settings, **self.counts})
        except (KeyError, ValueError) as error:
            status, body = "400 Bad Request", f"bad setting: {error}"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body) + 1}\r\n"
                     f"Connection: close\r\n\r\n{body}\n".encode())
        writer.close()


async def main(upstream, settings):
    host, port = upstream.rsplit(":", 1)
    proxy = Proxy(host, int(port))
    address = "127.0.0.1"
    for key, value in (setting.split("=", 1) for setting in settings):
        if key == "listen":
            address = value
        else:
            proxy.set(key, value)
    urls = []
    for serve in (proxy.serve, proxy.control):
        server = await asyncio.start_server(serve, address, 0, limit=1 << 20)
        urls.append("http://%s:%d" % server.sockets[0].getsockname()[:2])
    print("endpoint=%s control=%s" % tuple(urls), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)  # connections are under way; nobody is interested any more


if __name__ == "__main__":
    if len(sys.argv) < 2 or ":" not in sys.argv[1]:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
