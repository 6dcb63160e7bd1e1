#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists and extracts the files of a drayfs volume without drayfs.

    dray-extract list    BUCKET [PATH]
    dray-extract extract BUCKET [PATH] TARGET

BUCKET is a directory with the volume's objects: that of a file:// volume, or
what `aws s3 sync s3://bucket/prefix DIR` copied. TARGET must not exist. PATH is
a file or directory in the volume; without it all is listed or extracted.

Needs Python 3.8 and the program zstd, nothing else. Written from docs/format.md
alone, whose sections are named below; nothing in BUCKET is changed.
"""

import argparse
import hashlib
import json
import os
import stat
import struct
import subprocess
import sys

INODE, DIRENT, XATTR, CONTENT, EXTENT, CHUNK, PACK = 0x20, 0x21, 0x22, 0x30, 0x31, 0x40, 0x41
INLINE, OBJECT = 1, 2
BODY, RUNS, RUN = 1, 3, 4
PACK_OFFSET = 256  # of the inline pack in a commit
CHUNKS_KEPT = 16


class Damage(Exception):
    """An object is not what it should be."""


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def crc_entry(number):
    for _ in range(8):
        number = (number >> 1) ^ (0x82F63B78 if number & 1 else 0)
    return number


CRC_TABLE = [crc_entry(number) for number in range(256)]


def expand(codec, data, raw_length, name):
    """Section 3: what was compressed."""
    if codec == 2:
        data = subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE,
                              check=True).stdout
    elif codec != 1:
        raise Damage(f"{name}: codec {codec} is unknown")
    if len(data) != raw_length:
        raise Damage(f"{name}: decompresses to a wrong length")
    return data


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def rows_of(run):
    """Section 7: keys and values; a value of None is a tombstone."""
    key, at = b"", 0
    while at < len(run):
        shared, at = varint(run, at)
        length, at = varint(run, at)
        key = key[:shared] + run[at:at + length]
        value, at = varint(run, at + length)
        if value:
            yield key, run[at:at + value - 1]
            at += value - 1
        else:
            yield key, None


class Part:
    """Section 8: a descriptor."""

    def __init__(self, data):
        self.place, self.role = data[0], data[1]
        self.rows, self.raw_length, self.stored_length, self.epoch = struct.unpack_from(
            "<4Q", data, 8)
        self.name = f"meta/{self.epoch:016x}-{data[40:56].hex()}"
        self.digest = data[64:96]

    def run(self, data, name):
        """The rows in its bytes."""
        if len(data) != self.stored_length or hashlib.sha256(data).digest() != self.digest:
            raise Damage(f"{name}: a part is damaged")
        if data[:8] != b"DRAYPART" or struct.unpack_from("<HBxI", data, 8)[2] != 0:
            raise Damage(f"{name}: a part is encrypted, or none")
        return expand(data[10], data[80:], self.raw_length, name)


class Commit:
    """Sections 9 and 11: a commit or a root."""

    def __init__(self, data, name, magic, volume):
        self.name = name
        if len(data) < 260 or data[:8] != magic or crc32c(data[:252]) != struct.unpack_from(
                "<I", data, 252)[0]:
            raise Damage(f"{name}: does not begin as it should")
        version, self.flags, key = struct.unpack_from("<HHI", data, 8)
        if version > 1 or key:
            raise Damage(f"{name}: written by a newer drayfs, or encrypted")
        if data[16:32] != volume:
            raise Damage(f"{name}: belongs to another volume")
        self.epoch, self.seq = struct.unpack_from("<2Q", data, 32)
        self.previous = data[48:80]
        self.hash = hashlib.sha256(data).digest()
        pack_length, count, tag = struct.unpack_from("<QII", data, 152)
        at = PACK_OFFSET + pack_length
        parts = [Part(data[at + 96 * i:at + 96 * (i + 1)]) for i in range(count)]
        at += 96 * count + tag
        self.parts = []  # with the bytes of those inline
        for part in parts:
            inline = data[at:at + part.stored_length] if part.place == INLINE else None
            at += part.stored_length if part.place == INLINE else 0
            self.parts.append((part, inline))
        if at + 4 != len(data):
            raise Damage(f"{name}: has a wrong length")


class Bucket:
    def __init__(self, directory):
        self.directory = directory
        volume = json.loads(self.get("volume"))
        if volume.get("drayfs") != "volume" or volume.get("format", 0) > 1:
            raise Damage(f"{directory}: no drayfs volume, or one of a newer format")
        if volume.get("encryption"):
            raise Damage(f"{directory}: the volume is encrypted")
        self.uuid = bytes.fromhex(volume["uuid"].replace("-", ""))

    def get(self, name, offset=0, length=-1):
        with open(os.path.join(self.directory, name), "rb") as file:
            file.seek(offset)
            return file.read(length)

    def numbers(self, folder):
        """Of objects like log/<seq>, descending."""
        try:
            names = os.listdir(os.path.join(self.directory, folder))
        except FileNotFoundError:
            return []
        return sorted((int(name, 16) for name in names if len(name) == 16), reverse=True)

    def rows(self, commit, role):
        for part, data in commit.parts:
            if part.role == role:
                name = commit.name if part.place == INLINE else part.name
                yield from rows_of(part.run(self.get(name) if data is None else data, name))

    def root(self, seq):
        name = f"root/{seq:016x}"
        return Commit(self.get(name), name, b"DRAYROOT", self.uuid)

    def commit(self, seq):
        name = f"log/{seq:016x}"
        return Commit(self.get(name), name, b"DRAYLOG\0", self.uuid)

    def floor(self):
        """A reader must not end before this commit."""
        commits = [0]
        for epoch in self.numbers("lease")[:1]:
            commits.append(json.loads(self.get(f"lease/{epoch:016x}"))["commit"])
        return max(commits)


def load_root(bucket, state, seq):
    """All rows of a checkpoint. What the log goes on from: seq, hash."""
    root = bucket.root(seq)
    for _, value in bucket.rows(root, RUNS):
        part = Part(value)
        for key, row in rows_of(part.run(bucket.get(part.name), part.name)):
            state[key] = row
    return root.seq, root.previous


def load_log(bucket, state, seq, previous):
    """The commits behind it, one after the other, up to the last."""
    while os.path.exists(os.path.join(bucket.directory, f"log/{seq + 1:016x}")):
        commit = bucket.commit(seq + 1)
        if commit.seq != seq + 1 or commit.previous != previous:
            raise Damage(f"{commit.name}: does not continue the commit before it")
        for key, row in bucket.rows(commit, BODY):
            if row is None:
                state.pop(key, None)
            else:
                state[key] = row
        seq, previous = commit.seq, commit.hash
    return seq


def load(bucket):
    """Section 11: the state, from the newest checkpoint that can be read."""
    roots = bucket.numbers("root")
    floor = max([bucket.floor()] + roots)
    for root in roots + [0]:
        state = {}
        try:
            seq, previous = load_root(bucket, state, root) if root else (0, bytes(32))
            seq = load_log(bucket, state, seq, previous)
            if seq < floor:
                raise Damage(f"log/{seq + 1:016x} is missing; there were commits up to {floor}")
            return state
        except (Damage, FileNotFoundError, struct.error, IndexError) as error:
            print(f"dray-extract: {error}", file=sys.stderr)
    raise Damage("no checkpoint, and no whole log, can be read")


def time_ns(data, at):
    seconds, ns = struct.unpack_from("<qI", data, at)
    return seconds * 10**9 + ns


class Inode:
    """Section 14, rows INODE and CONTENT."""

    def __init__(self, ino, row):
        self.ino = ino
        self.mode, self.uid, self.gid, self.links, self.rdev = struct.unpack_from("<5I", row)
        self.atime, self.mtime = time_ns(row, 24), time_ns(row, 36)
        self.target = row[74:] if stat.S_ISLNK(self.mode) else b""
        self.size = self.generation = 0

    def set_content(self, row):
        self.size = struct.unpack_from("<Q", row)[0]
        self.mtime = time_ns(row, 8)
        self.generation = struct.unpack_from("<I", row, 20)[0]


class Volume:
    """The state as a tree of files."""

    def __init__(self, bucket):
        self.bucket = bucket
        self.inodes, self.entries, self.xattrs, self.extents = {}, {}, {}, {}
        self.chunks, self.packs, self.kept = {}, {}, {}
        for key, row in sorted(load(bucket).items()):
            self.take(key[0], struct.unpack_from(">Q", key, 1)[0], key, row)

    def take(self, table, number, key, row):
        if table == INODE:
            self.inodes[number] = Inode(number, row)
        elif table == DIRENT:
            ino = struct.unpack_from("<Q", row)[0]
            if ino:
                self.entries.setdefault(number, []).append((row[10:10 + row[9]], ino))
        elif table == XATTR:
            self.xattrs.setdefault(number, []).append((key[9:], row))
        elif table == CONTENT and number in self.inodes:
            self.inodes[number].set_content(row)
        elif table == EXTENT:
            generation, end = struct.unpack_from(">IQ", key, 9)
            self.extents.setdefault((number, generation), []).append((end, row))
        elif table == CHUNK:
            self.chunks[number] = struct.unpack_from("<QIII16s", row)
        elif table == PACK:
            self.packs[number] = struct.unpack_from("<BQ16sQQQ", row)

    def chunk(self, number):
        """Sections 5 and 6: the bytes of a chunk."""
        if number in self.kept:
            return self.kept[number]
        pack, offset, stored, raw_length, digest = self.chunks[number]
        kind, epoch, ident, seq, base, _ = self.packs[pack]
        name = (f"log/{seq:016x}" if kind == 2 else
                f"pack/{ident.hex()[:2]}/{epoch:016x}-{ident.hex()}")
        data = self.bucket.get(name, base + offset, stored)
        if len(data) != stored or data[:4] != b"DCHK" or crc32c(data[:60]) != struct.unpack_from(
                "<I", data, 60)[0]:
            raise Damage(f"{name}: chunk {number} is damaged")
        data = expand(data[5], data[64:], raw_length, name)
        if hashlib.sha256(data).digest()[:16] != digest:
            raise Damage(f"{name}: chunk {number} is damaged")
        while len(self.kept) >= CHUNKS_KEPT:
            del self.kept[next(iter(self.kept))]
        self.kept[number] = data
        return data

    def data(self, inode):
        """The bytes of a file: offset, bytes; the rest are holes."""
        for end, row in self.extents.get((inode.ino, inode.generation), []):
            length, flags, count = struct.unpack_from("<IBB", row)
            at = end - length
            for i in range(count):
                chunk, offset, part = struct.unpack_from("<QII", row,
                                                         6 + (16 if flags & 1 else 0) + 16 * i)
                yield at, self.chunk(chunk)[offset:offset + part][:max(0, inode.size - at)]
                at += part

    def find(self, path):
        ino = 1
        for name in filter(None, os.fsencode(path).split(b"/")):
            for entry, found in self.entries.get(ino, []):
                if entry == name:
                    ino = found
                    break
            else:
                raise Damage(f"{path}: no such file in the volume")
        return self.inodes[ino]

    def walk(self, inode, path=b""):
        """Directories before what is in them."""
        stack = [(path, inode)]
        while stack:
            path, inode = stack.pop()
            yield path, inode
            for name, ino in sorted(self.entries.get(inode.ino, []), reverse=True):
                stack.append((path + b"/" + name if path else name, self.inodes[ino]))


def show(volume, top):
    for path, inode in volume.walk(top):
        line = (f"{stat.filemode(inode.mode)} {inode.links:3} {inode.uid:5} {inode.gid:5} "
                f"{inode.size:12} {inode.mtime // 10**9:11} ").encode() + (path or b".")
        if inode.target:
            line += b" -> " + inode.target
        sys.stdout.buffer.write(line + b"\n")


class Extractor:
    def __init__(self, volume, target):
        self.volume, self.target = volume, target
        self.links = {}  # inode: its first path
        self.complaints = 0

    def try_to(self, path, call, *args, **options):
        """Owners, devices and some attributes are for root only."""
        try:
            call(*args, **options)
        except OSError as error:
            self.complaints += 1
            print(f"dray-extract: {os.fsdecode(path)}: {call.__name__}: {error.strerror}",
                  file=sys.stderr)

    def make_file(self, path, inode):
        with open(path, "xb") as file:
            file.truncate(inode.size)
            for offset, data in self.volume.data(inode):
                file.seek(offset)
                file.write(data)

    def make(self, path, inode):
        if stat.S_ISDIR(inode.mode):
            os.mkdir(path, 0o700)
        elif stat.S_ISREG(inode.mode):
            self.make_file(path, inode)
        elif stat.S_ISLNK(inode.mode):
            os.symlink(inode.target, path)
        else:
            self.try_to(path, os.mknod, path, stat.S_IFMT(inode.mode) | 0o600, inode.rdev)

    def set_attributes(self, path, inode):
        if not os.path.lexists(path):
            return
        self.try_to(path, os.chown, path, inode.uid, inode.gid, follow_symlinks=False)
        for name, value in self.volume.xattrs.get(inode.ino, []):
            self.try_to(path, os.setxattr, path, name, value, follow_symlinks=False)
        if not stat.S_ISLNK(inode.mode):
            os.chmod(path, stat.S_IMODE(inode.mode))
        os.utime(path, ns=(inode.atime, inode.mtime), follow_symlinks=False)

    def run(self, top):
        made = []
        for relative, inode in self.volume.walk(top):
            path = os.path.join(self.target, relative) if relative else self.target
            if inode.ino in self.links:
                os.link(self.links[inode.ino], path, follow_symlinks=False)
                continue
            if not stat.S_ISDIR(inode.mode):
                self.links[inode.ino] = path
            self.make(path, inode)
            made.append((path, inode))
        for path, inode in reversed(made):
            self.set_attributes(path, inode)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["list", "extract"])
    parser.add_argument("bucket")
    parser.add_argument("rest", nargs="*", metavar="PATH | TARGET")
    args = parser.parse_args()
    least, most = (0, 1) if args.verb == "list" else (1, 2)
    if not least <= len(args.rest) <= most:
        parser.error("a wrong number of arguments")
    path = args.rest[0] if len(args.rest) == most else ""
    try:
        volume = Volume(Bucket(args.bucket))
        if args.verb == "list":
            show(volume, volume.find(path))
            return 0
        extractor = Extractor(volume, os.fsencode(args.rest[-1]))
        extractor.run(volume.find(path))
        return 1 if extractor.complaints else 0
    except (Damage, OSError, subprocess.CalledProcessError) as error:
        print(f"dray-extract: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
