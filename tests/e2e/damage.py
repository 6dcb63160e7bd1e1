# SPDX-License-Identifier: Apache-2.0
"""Damages files, as disks and people do.

    damage.py flip FILE OFFSET          one bit of that byte (negative: from the end)
    damage.py cut FILE LENGTH           truncates (negative: so much is cut off)
    damage.py fill FILE OFFSET TEXT     writes TEXT there
    damage.py commit-version FILE N     a commit that is whole, of format version N
    damage.py journal-version FILE N    a journal file likewise
    damage.py pack-version FILE N       every chunk of a pack likewise
"""
import os
import struct
import sys

CRC32C = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    CRC32C.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def put_crc(data, start, end):
    """Behind data[start:end] lies its checksum."""
    struct.pack_into("<I", data, end, crc32c(data[start:end]))


def flip(data, offset):
    data[int(offset, 0)] ^= 0x10


def cut(data, length):
    del data[int(length, 0):]


def fill(data, offset, text):
    offset = int(offset, 0)
    data[offset:offset + len(text)] = text.encode()


def commit_version(data, version):
    struct.pack_into("<H", data, 8, int(version))
    put_crc(data, 0, 252)
    put_crc(data, 0, len(data) - 4)


def journal_version(data, version):
    struct.pack_into("<I", data, 8, int(version))
    put_crc(data, 0, 64)


def pack_version(data, version):
    at = data.find(b"DCHK")
    while at >= 0:
        data[at + 4] = int(version)
        put_crc(data, at, at + 60)
        at = data.find(b"DCHK", at + 64)


CHANGES = {"flip": flip, "cut": cut, "fill": fill, "commit-version": commit_version,
           "journal-version": journal_version, "pack-version": pack_version}


def main(change, path, *arguments):
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        CHANGES[change](data, *arguments)
        file.seek(0)
        file.truncate()
        file.write(data)


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in CHANGES:
        sys.exit(__doc__)
    main(*sys.argv[1:])
