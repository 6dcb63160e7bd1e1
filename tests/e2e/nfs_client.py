# SPDX-License-Identifier: Apache-2.0
"""A NFSv3 client that keeps handles: nfs_client.py SERVER EXPORT UID FILE...

It looks the files up, below EXPORT, and says "ready". Then each line of its
input is a command, which a line answers:

    read N          the first line of the how manieth file, from 0 on
    write N TEXT    "written": it begins with that line, on stable storage

or "status S", with the status of the protocol (RFC 1813, 2.6); 70 is
NFS3ERR_STALE. When the server went and came it is connected to again.
"""
import itertools
import socket
import struct
import sys
import time

PORTMAP, NFS, MOUNT = 100000, 100003, 100005
PORTMAP_PORT = 111
PORTMAP_GETPORT = 3
MOUNT_MNT = 1
NFS_LOOKUP, NFS_READ, NFS_WRITE = 3, 6, 7
TCP = 6
FILE_SYNC = 2
ATTRIBUTE_BYTES = 84
PATIENCE_SECONDS = 30


class Status(Exception):
    pass


def u32(*values):
    return struct.pack(f">{len(values)}I", *values)


def u64(value):
    return struct.pack(">Q", value)


def opaque(data):
    return u32(len(data)) + data + bytes(-len(data) % 4)


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, count):
        taken, self.data = self.data[:count], self.data[count:]
        if len(taken) < count:
            raise EOFError("the answer is too short")
        return taken

    def u32(self):
        return struct.unpack(">I", self.take(4))[0]

    def opaque(self):
        length = self.u32()
        return self.take(length + -length % 4)[:length]


class Program:
    """One program of the server, called as `uid`."""
    ids = itertools.count(1)

    def __init__(self, server, port, program, version, uid):
        self.address = server, port
        self.head = u32(2, program, version)
        self.credential = u32(1) + opaque(u32(0) + opaque(b"client") + u32(uid, uid, 0)) + u32(0, 0)
        self.connection = None

    def exchange(self, message):
        if not self.connection:
            self.connection = socket.create_connection(self.address, PATIENCE_SECONDS)
        self.connection.sendall(u32(len(message) | 1 << 31) + message)
        answer = b""
        last = False
        while not last:
            mark = Reader(self.receive(4)).u32()
            last = mark >> 31
            answer += self.receive(mark & 0x7fffffff)
        return answer

    def receive(self, count):
        data = b""
        while len(data) < count:
            more = self.connection.recv(count - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data

    def call(self, procedure, arguments):
        """The results, as a Reader; sent again while there is no server."""
        message = u32(next(self.ids), 0) + self.head + u32(procedure) + self.credential + arguments
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = Reader(self.exchange(message))
                break
            except ConnectionError:
                self.connection = None
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        answer.take(8)  # the number of the call, that it is an answer
        if answer.u32():
            raise Status("the call was denied")
        answer.u32()
        answer.opaque()
        if answer.u32():
            raise Status("the call was not accepted")
        return answer

    def call_file(self, procedure, arguments):
        answer = self.call(procedure, arguments)
        status = answer.u32()
        if status:
            raise Status(f"status {status}")
        return answer


def find_port(server, program):
    portmap = Program(server, PORTMAP_PORT, PORTMAP, 2, 0)
    return portmap.call(PORTMAP_GETPORT, u32(program, 3, TCP, 0)).u32()


def look_up(nfs, handle, path):
    for name in path.split("/"):
        handle = nfs.call_file(NFS_LOOKUP, opaque(handle) + opaque(name.encode())).opaque()
    return handle


def read_line(nfs, handle):
    answer = nfs.call_file(NFS_READ, opaque(handle) + u64(0) + u32(4096))
    if answer.u32():
        answer.take(ATTRIBUTE_BYTES)
    answer.take(8)  # how much, whether it is all
    return answer.opaque().decode().partition("\n")[0]


def write_line(nfs, handle, text):
    data = text.encode() + b"\n"
    nfs.call_file(NFS_WRITE,
                  opaque(handle) + u64(0) + u32(len(data), FILE_SYNC) + opaque(data))
    return "written"


def main():
    server, export, uid, *paths = sys.argv[1:]
    mount = Program(server, find_port(server, MOUNT), MOUNT, 3, 0)
    nfs = Program(server, find_port(server, NFS), NFS, 3, int(uid))
    top = mount.call_file(MOUNT_MNT, opaque(export.encode())).opaque()
    handles = [look_up(nfs, top, path) for path in paths]
    print("ready", flush=True)
    for line in sys.stdin:
        command, number, *text = line.rstrip("\n").split(" ", 2)
        handle = handles[int(number)]
        try:
            answer = read_line(nfs, handle) if command == "read" else write_line(nfs, handle, *text)
        except Status as status:
            answer = status
        print(answer, flush=True)


if __name__ == "__main__":
    main()
