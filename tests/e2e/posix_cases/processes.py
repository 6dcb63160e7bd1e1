# SPDX-License-Identifier: Apache-2.0
"""Several processes and one file."""
import mmap
import os
import signal
import struct

from posix_cases.support import Case, in_children, read_file, write_file


class ManyProcesses(Case):
    def test_appends_do_not_overwrite_each_other(self):
        def append(number):
            fd = os.open("log", os.O_WRONLY | os.O_APPEND)
            for line in range(250):
                os.write(fd, b"%d %03d %s\n" % (number, line, b"x" * (line * 7 % 90)))
            os.close(fd)

        write_file("log")
        self.assertEqual(in_children(8, append), [0] * 8)
        lines = read_file("log").splitlines()
        self.assertEqual(len(lines), 2000)
        for number in range(8):
            mine = [line.split(b" ")[1:] for line in lines if line.startswith(b"%d " % number)]
            self.assertEqual(mine, [[b"%03d" % n, b"x" * (n * 7 % 90)] for n in range(250)])

    def test_what_a_killed_program_wrote_is_there(self):
        child = os.fork()
        if child == 0:
            fd = os.open("torso", os.O_WRONLY | os.O_CREAT, 0o644)
            os.write(fd, b"all of it" * 1000)
            os.kill(os.getpid(), signal.SIGKILL)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), -signal.SIGKILL)
        self.assertEqual(read_file("torso"), b"all of it" * 1000)

    def test_direct_appends_do_not_overwrite_each_other(self):
        def append(number):
            block = mmap.mmap(-1, 4096)
            block[:] = bytes([number]) * 4096
            fd = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_DIRECT)
            for _ in range(25):
                os.writev(fd, [block])
            os.close(fd)

        write_file("log")
        self.assertEqual(in_children(4, append), [0] * 4)
        data = read_file("log")
        blocks = [data[at:at + 4096] for at in range(0, len(data), 4096)]
        self.assertEqual(sorted(blocks), sorted(bytes([n]) * 4096 for n in range(4) for _ in range(25)))

    def test_mappings_are_shared(self):
        """Each process counts in its own words of the same pages."""
        def count(number):
            with open("f", "r+b") as file, mmap.mmap(file.fileno(), 65536) as mapped:
                for _ in range(20):
                    for at in range(number * 8, 65536, 8 * 64):
                        value, = struct.unpack_from("<q", mapped, at)
                        struct.pack_into("<q", mapped, at, value + 1)

        write_file("f", bytes(65536))
        self.assertEqual(in_children(8, count), [0] * 8)
        words = struct.unpack("<8192q", read_file("f"))
        self.assertEqual(words, tuple(20 if n % 64 < 8 else 0 for n in range(8192)))

    def test_a_mapping_and_writes_are_one_file(self):
        with open("f", "w+b") as file:
            file.truncate(10000)
            with mmap.mmap(file.fileno(), 10000) as mapped:
                mapped[0:5] = b"first"
                self.assertEqual(in_children(1, lambda n: write_at("f", 5000, b"second")), [0])
                self.assertEqual(mapped[5000:5006], b"second")
                self.assertEqual(os.pread(file.fileno(), 5, 0), b"first")
                mapped[9000:9005] = b"third"
        self.assertEqual(read_file("f")[9000:9005], b"third")

    def test_private_mappings_stay_private(self):
        write_file("f", b"o" * 5000)
        with open("f", "r+b") as file:
            with mmap.mmap(file.fileno(), 5000, mmap.MAP_PRIVATE) as mapped:
                mapped[0:3] = b"new"
                self.assertEqual(mapped[0:4], b"newo")
        self.assertEqual(read_file("f"), b"o" * 5000)

    def test_only_one_creates(self):
        def create(number):
            for name in range(100):
                try:
                    fd = os.open("n%d" % name, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
                except FileExistsError:
                    continue
                os.write(fd, b"%d" % number)
                os.close(fd)

        self.assertEqual(in_children(4, create), [0] * 4)
        self.assertEqual(len(os.listdir(".")), 100)
        for name in range(100):
            self.assertEqual(len(read_file("n%d" % name)), 1)

    def test_renames_replace_as_one_step(self):
        """A reader finds the old or the new file, always a whole one."""
        def replace(number):
            for round in range(100):
                write_file("tmp%d" % number, b"%d" % number * 5000)
                os.rename("tmp%d" % number, "f")

        def read(number):
            for _ in range(300):
                data = read_file("f")
                assert len(data) == 5000 and data == data[:1] * 5000

        write_file("f", b"0" * 5000)
        self.assertEqual(in_children(4, lambda n: replace(n) if n < 2 else read(n)), [0] * 4)


def write_at(path, offset, data):
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, data, offset)
    os.close(fd)
