# SPDX-License-Identifier: Apache-2.0
"""What is in files."""
import errno
import fcntl
import mmap
import os
import resource
import signal
import threading

from posix_cases.support import (Case, FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE,
                                FALLOC_ZERO_RANGE, fallocate, in_child, read_file, write_file)


class Contents(Case):
    def test_unlinked_files_live_while_open(self):
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        os.write(fd, b"ghost" * 1000)
        os.unlink("f")
        self.assertEqual(os.listdir("."), [])
        os.fsync(fd)
        self.assertEqual(os.pread(fd, 5, 20), b"ghost")
        os.write(fd, b"!")
        self.assertEqual(os.fstat(fd).st_size, 5001)
        self.assertEqual(os.fstat(fd).st_nlink, 0)
        os.close(fd)

    def test_sparse_files_read_zeros(self):
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        os.pwrite(fd, b"end", 1 << 40)
        os.fsync(fd)
        self.assertEqual(os.fstat(fd).st_size, (1 << 40) + 3)
        self.assertLess(os.fstat(fd).st_blocks, 100)
        self.assertEqual(os.pread(fd, 10, 12345), bytes(10))
        self.assertEqual(os.lseek(fd, 0, os.SEEK_DATA), 1 << 40)
        self.assertEqual(os.lseek(fd, 0, os.SEEK_HOLE), 0)
        self.assert_errno(errno.ENXIO, os.lseek, fd, 1 << 41, os.SEEK_DATA)
        os.close(fd)

    def test_data_just_written_is_no_hole(self):
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        os.write(fd, b"x" * 10000)
        self.assertEqual(os.lseek(fd, 0, os.SEEK_DATA), 0)
        self.assertGreaterEqual(os.lseek(fd, 0, os.SEEK_HOLE), 10000)
        os.close(fd)

    def test_truncate(self):
        write_file("f", b"0123456789" * 1000)
        os.truncate("f", 5)
        os.truncate("f", 9000)
        self.assertEqual(read_file("f"), b"01234" + bytes(8995))
        os.close(os.open("f", os.O_WRONLY | os.O_TRUNC))
        self.assertEqual(os.stat("f").st_size, 0)
        self.assert_errno(errno.EISDIR, os.truncate, ".", 0)

    def test_append(self):
        write_file("f", b"a")
        with open("f", "ab") as one, open("f", "ab") as two:
            for file in (one, two, one):
                file.write(b"%d" % file.fileno())
                file.flush()
            expected = b"a%d%d%d" % (one.fileno(), two.fileno(), one.fileno())
        self.assertEqual(read_file("f"), expected)

    def test_writing_only_needs_no_read_permission(self):
        write_file("f", b"x" * 5000)
        fd = os.open("f", os.O_WRONLY)
        os.pwrite(fd, b"y", 100)  # the kernel reads the page around it
        os.close(fd)
        self.assertEqual(read_file("f"), b"x" * 100 + b"y" + b"x" * 4899)

    def test_mmap(self):
        write_file("f", bytes(20000))
        fd = os.open("f", os.O_RDWR)
        with mmap.mmap(fd, 20000) as mapped:
            mapped[5000:5005] = b"hello"
            mapped.flush()
            self.assertEqual(os.pread(fd, 5, 5000), b"hello")
            os.pwrite(fd, b"HELLO", 15000)
            self.assertEqual(mapped[15000:15005], b"HELLO")
        os.close(fd)

    def test_direct_io(self):
        buffer = mmap.mmap(-1, 8192)
        buffer[:] = b"d" * 8192
        fd = os.open("f", os.O_CREAT | os.O_RDWR | os.O_DIRECT)
        self.assertEqual(os.writev(fd, [buffer]), 8192)
        buffer[:] = bytes(8192)
        self.assertEqual(os.preadv(fd, [buffer], 0), 8192)
        self.assertEqual(buffer[:], b"d" * 8192)
        os.close(fd)
        self.assertEqual(read_file("f"), b"d" * 8192)

    def test_fallocate(self):
        write_file("f", b"x" * 20000)
        fd = os.open("f", os.O_RDWR)
        fallocate(fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, 4096, 8192)
        self.assertEqual(os.pread(fd, 8192, 4096), bytes(8192))
        self.assertEqual(os.pread(fd, 1, 4095) + os.pread(fd, 1, 12288), b"xx")
        self.assertEqual(os.lseek(fd, 0, os.SEEK_HOLE), 4096)
        fallocate(fd, FALLOC_ZERO_RANGE, 19000, 2000)
        self.assertEqual(os.fstat(fd).st_size, 21000)
        self.assertEqual(os.pread(fd, 2000, 19000), bytes(2000))
        fallocate(fd, FALLOC_KEEP_SIZE, 0, 1 << 20)
        self.assertEqual(os.fstat(fd).st_size, 21000)
        fallocate(fd, 0, 0, 30000)
        self.assertEqual(os.fstat(fd).st_size, 30000)
        os.close(fd)

    def test_copy_file_range(self):
        data = os.urandom(300000)
        write_file("a", data)
        with open("a", "rb") as source, open("b", "wb") as target:
            done = 0
            while done < len(data):
                done += os.copy_file_range(source.fileno(), target.fileno(), len(data) - done)
        self.assertEqual(read_file("b"), data)
        with open("a", "r+b") as both:
            os.copy_file_range(both.fileno(), both.fileno(), 1000, 0, 200000)
        self.assertEqual(read_file("a"), data[:200000] + data[:1000] + data[201000:])

    def test_many_threads_write_one_file(self):
        def work(number):
            fd = os.open("f", os.O_WRONLY)
            for block in range(number, 400, 4):
                os.pwrite(fd, b"%04d" % block * 1024, block * 4096)
            os.close(fd)

        write_file("f")
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(read_file("f"), b"".join(b"%04d" % n * 1024 for n in range(400)))

    def test_what_the_process_may_not_write_is_refused(self):
        def write_too_much():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10000, resource.RLIM_INFINITY))
            fd = os.open("f", os.O_CREAT | os.O_RDWR)
            assert os.pwrite(fd, bytes(20000), 0) == 10000
            self.assert_errno(errno.EFBIG, os.pwrite, fd, b"x", 10000)
            self.assert_errno(errno.EFBIG, os.ftruncate, fd, 10001)
            self.assert_errno(errno.EFBIG, fallocate, fd, 0, 0, 10001)
            os.pwrite(fd, b"x", 9999)
            os.ftruncate(fd, 10000)

        self.assertEqual(in_child(write_too_much), 0)
        self.assertEqual(os.stat("f").st_size, 10000)


class Ours(Case):
    def test_the_largest_offset(self):
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        os.ftruncate(fd, 2**63 - 1)
        self.assertEqual(os.fstat(fd).st_size, 2**63 - 1)
        self.assertEqual(os.pread(fd, 50, 2**63 - 51), bytes(50))
        os.pwrite(fd, b"x", 2**63 - 8192)
        self.assertEqual(os.pread(fd, 3, 2**63 - 8193), b"\0x\0")
        os.close(fd)
