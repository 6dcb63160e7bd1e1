# SPDX-License-Identifier: Apache-2.0
"""A client of the control socket: control.py CACHE VERB ['{"argument": ...}']

Prints the lines of the answer; exit status 1 when the last one is an error.
"""
import json
import os
import socket
import sys


def connect(cache):
    sock = socket.socket(socket.AF_UNIX)
    directory = os.open(cache, os.O_PATH)
    sock.connect(f"/proc/self/fd/{directory}/control.sock")
    os.close(directory)
    return sock


def ask(sock, request):
    """Yields the lines of the answer, the last one included."""
    try:
        sock.sendall(json.dumps(request).encode() + b"\n")
    except BrokenPipeError:
        pass  # refused before it was asked; the answer tells
    yield from answers(sock)


def answers(sock):
    with sock.makefile("r") as lines:
        for line in lines:
            answer = json.loads(line)
            yield answer
            if answer["event"] in ("done", "error"):
                return
    raise EOFError("the gateway closed the connection")


def main(cache, verb, arguments="{}"):
    answer = {}
    for answer in ask(connect(cache), {"verb": verb, **json.loads(arguments)}):
        print(json.dumps(answer), flush=True)
    return answer["event"] != "done"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
